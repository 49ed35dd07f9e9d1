"""Train Preset and Train LoRA: a folder and a trigger word are all that a newcomer has to set."""

from typing import Any

import pytest

from atelier.nodes import train as node
from atelier.nodes.options import BasicOptions
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


def changed(options: dict[str, Any], **own: float) -> dict[str, Any]:
    (out,) = BasicOptions.execute(options, **own).args or (None,)
    assert isinstance(out, dict)
    return out


def test_numbers_of_ones_own_take_the_place_of_a_presets(base, wires, monkeypatch):
    args = TrainPreset.execute(base[0], wires.dataset, "subject", "balanced").args
    assert args is not None
    options = dict(args[0])
    shared = {"batch_size": 0, "learning_rate": 0.0, "rank": 0, "resolution": 0}
    assert changed(options, steps=0, **shared) == options == args[0]
    own = changed(options, steps=20, **shared | {"rank": 4})
    assert own == options | {"steps": 20, "rank": 4, "warmup": 2}

    told: list[str] = []
    monkeypatch.setattr(node, "show_text", told.append)
    widgets = dict.fromkeys(("steps", "rank"), 16) | {"seed": 3}
    node.tell_what_differs(widgets, own)
    assert told == ["From options, in place of this node's own: steps = 20, rank = 4."]
    node.tell_what_differs(widgets, {"steps": 16})
    assert len(told) == 1


def test_a_number_that_no_run_can_have_is_refused_with_its_range(base, wires):
    with pytest.raises(ValueError, match="resolution: .* at least 64 and at most 8192"):
        train(wires, **changed({}, resolution=3))


def test_without_a_trigger_word_captions_stay(base, pictures):
    dataset = load_folder(pictures)
    for purpose in ("subject", "concept"):
        args = TrainPreset.execute(base[0], dataset, purpose, "balanced").args
        assert args is not None and args[1] is dataset
