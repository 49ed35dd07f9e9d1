"""Train Preset and Train LoRA: a folder and a trigger word are all that a newcomer has to set."""

from atelier.nodes.preset import TrainPreset
from atelier.training.data.folder import load_folder
from atelier.training.presets import preset

from .trained import train, wired


def test_a_preset_is_a_run_with_the_trigger_word_in_every_caption(base, wires):
    options, dataset, text, resolution = TrainPreset.execute(
        base[0], wires.dataset, "style", "quick", "ohwx hat"
    ).args
    chosen = preset("style", "quick", "AtelierDemo", "flow", 4)
    assert options == {name: choice.value for name, choice in chosen.items()}
    assert options["resolution"] == resolution == 128
    assert all(f"{name} = " in text and chosen[name].source in text for name in options)
    assert all(record.caption.startswith("ohwx hat, ") for record in dataset.records)

    run = train(wired(base, dataset), **options | {"steps": 2, "warmup": 0})
    assert run.finished and run.lora()
    asked = run.asked()["config"]
    assert (asked["rank"], asked["schedule"]) == (32, "constant")
    assert "ohwx hat" in str(dataset.notes)
    changed = {"steps", "warmup"}
    assert all(asked[name] == value for name, value in options.items() if name not in changed)


def test_without_a_trigger_word_captions_stay(base, pictures):
    dataset = load_folder(pictures)
    for purpose in ("subject", "concept"):
        args = TrainPreset.execute(base[0], dataset, purpose, "balanced").args
        assert args is not None and args[1] is dataset
