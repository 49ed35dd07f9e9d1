"""What settings do, on short trainings of the demo base; see test_effects.py for all of them."""

import copy
from collections import Counter
from dataclasses import replace
from functools import cache

import comfy.model_management as management
import numpy as np
import pytest
import torch
from comfy.model_patcher import ModelPatcher
from comfy.sd import load_lora_for_models
from nodes import CLIPTextEncode, EmptyLatentImage, KSampler, VAEDecode
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from atelier.training.adapters.adapter import Adapter
from atelier.training.config import make_config
from atelier.training.data.folder import load_folder
from atelier.training.examples import Pictures
from atelier.training.host import folders
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.text import (
    encode_with_gradient,
    load_text,
    private_text,
    text_naming,
    text_sizes,
)
from atelier.training.save import Form, save_lora
from atelier.training.task import Task

from .trained import same, some, stop_at, train, wired


@pytest.fixture(scope="module")
def made():
    """What was trained once."""
    return {}


@pytest.fixture
def plain(wires, made):
    """The LoRA of a run with the settings of all tests."""
    if "plain" not in made:
        made["plain"] = train(wires, name="plain").lora()
    return made["plain"]


NEUTRAL = {
    "neutral objective": {"loss": "mse", "weighting": "none", "input_perturbation": 0.0},
    "nothing to drop": {"keep_tags": 1, "caption_variants": 3},
    "one value for all": {"ranks": "joint = 2 / 2"},
    "all is included": {"include": "joint_blocks"},
    "no limits": {"timestep_min": 0.0, "timestep_max": 1.0},
    "saved more often": {"save_every": 1},
    "recomputed": {"checkpointing": "block"},
    "nothing recomputed": {"checkpointing": "none"},
}


@pytest.mark.parametrize("settings", NEUTRAL.values(), ids=NEUTRAL)
def test_a_setting_that_asks_for_nothing_changes_nothing(wires, plain, settings):
    changed = train(wires, name="changed", **settings).lora()
    assert changed.keys() == plain.keys()
    assert all(torch.allclose(changed[key], plain[key], atol=1e-7) for key in plain)


# Every optimizer, adapter kind, mean, accumulation and way of varying data, each with others once.
RESUMED = [
    {"optimizer": "adamw", "adapter": "dora", "ema_decay": 0.9, "flip": True},
    {"optimizer": "adafactor", "adapter": "loha", "accumulation": 2, "dropout": 0.2}
    | {"schedule": "polynomial", "schedule_power": 2},
    {"optimizer": "radam", "adapter": "lokr", "ema_decay": 0.5, "caption_dropout": 0.5}
    | {"schedule": "cosine_with_restarts", "schedule_cycles": 2},
    {"optimizer": "sgd", "adapter": "lora", "dropout": 0.3, "crops": 2, "schedule": "linear"},
    {"compute": "bf16", "shuffle_tags": True, "checkpointing": "block", "warmup": 2}
    | {"plus_ratio": 4},
]


@pytest.mark.parametrize("settings", RESUMED, ids=lambda s: "-".join(map(str, s.values())))
def test_any_run_that_was_stopped_ends_as_if_it_had_not_been(wires, monkeypatch, settings):
    whole = train(wires, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 4, management.InterruptProcessingException())
        with pytest.raises(management.InterruptProcessingException):
            train(wires, name="stopped", **settings)
    resumed = train(wires, name="stopped", **settings)
    assert same([whole.lora()], [resumed.lora()])
    assert whole.logged() == resumed.logged()


def test_an_argument_that_the_optimizer_does_not_take_is_named(wires):
    with pytest.raises(ValueError, match="optimizer adamw with .*'beta': 1.*beta"):
        train(wires, optimizer_arguments="beta = 1")


def losses(run):
    return [line["loss"] for line in run.logged() if "loss" in line]


def held_out(run):
    return [line["held_out"] for line in run.logged() if "held_out" in line]


def test_the_bases_own_prediction_as_target_costs_nothing_at_first(wires, base, pictures):
    classes = wired(base, wires.dataset, class_pictures=load_folder(pictures))
    kept = train(classes, name="kept", prior_target="base")
    alone = train(wires, name="plain")
    first, second = losses(kept)[0], losses(alone)[0]
    assert first == pytest.approx(second, rel=1e-5)  # the adapter does nothing yet
    assert losses(kept)[-1] != losses(alone)[-1]


def test_a_running_mean_starts_with_the_first_step_and_then_lags(wires):
    one = train(wires, name="one", steps=1, schedule="constant").lora()
    mean = train(wires, name="mean", steps=2, schedule="constant", ema_decay=0.75).lora()
    two = train(wires, name="two", steps=2, schedule="constant").lora()
    for key, value in mean.items():
        assert torch.allclose(value, 0.75 * one[key] + 0.25 * two[key], atol=1e-7), key


WORSE = {"learning_rate": 0.5, "schedule": "constant", "validate_every": 1, "clip_norm": 0}


def test_the_best_weights_are_kept_and_a_run_that_gets_worse_stops(held):
    stopped = train(held, name="stopped", **WORSE, patience=2, keep="best")
    values = held_out(stopped)
    best = values.index(min(values)) + 1
    assert len(values) == best + 2 < 6 and stopped.finished
    short = train(held, name="short", **WORSE, steps=best)
    assert same([stopped.lora()], [short.lora()])
    last = train(held, name="last", **WORSE, patience=2)
    assert not same([stopped.lora()], [last.lora()])


@pytest.mark.parametrize("settings", [{"patience": 1}, {"keep": "best"}])
def test_going_by_held_out_loss_needs_held_out_pictures(wires, settings):
    with pytest.raises(ValueError, match="wire held_out pictures"):
        train(wires, **settings)
    assert not folders.runs().exists()


@pytest.mark.parametrize("patience", [0, 3])
def test_a_stopped_run_remembers_its_best(held, monkeypatch, patience):
    settings = WORSE | {"keep": "best", "patience": patience}
    whole = train(held, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(held, name="stopped", **settings)
    assert same([whole.lora()], [train(held, name="stopped", **settings).lora()])


def test_pictures_shown_without_captions_are_all_the_same_to_the_text_encoder(
    wires, base, pictures
):
    without = train(wires, name="without", caption_dropout=1.0)
    for path in pictures.glob("*.txt"):
        path.write_text("quite another text")
    other = train(wired(base, load_folder(pictures)), name="other", caption_dropout=1.0)
    assert same([without.lora()], [other.lora()])


def test_what_is_masked_is_not_learned(wires, base, pictures, plain):
    unmasked = train(wires, name="masked", masked=True)  # there are no masks: all counts
    assert same([plain], [unmasked.lora()])
    for path in list(pictures.glob("*.png")):
        mask = Image.new("L", Image.open(path).size)
        mask.paste(255, (0, 0, mask.width, mask.height // 2))
        mask.save(path.with_name(f"{path.stem}-masklabel.png"))
    masked = wired(base, load_folder(pictures))
    ignored = train(masked, name="ignored")
    assert same([plain], [ignored.lora()])
    upper = train(masked, name="upper", masked=True)
    assert not same([plain], [upper.lora()])
    for path in [p for p in pictures.glob("*.png") if "-masklabel" not in p.stem]:
        picture = Image.open(path).convert("RGB")
        # far from the mask, since the VAE looks a little to the side
        picture.paste("magenta", (0, picture.height * 3 // 4, picture.width, picture.height))
        picture.save(path)
    painted = train(wired(base, load_folder(pictures)), name="painted", masked=True)
    assert losses(painted)[0] == pytest.approx(losses(upper)[0], rel=0.2)
    assert losses(train(wired(base, load_folder(pictures)), name="all"))[0] > 0


def test_what_is_unmasked_counts_as_much_as_it_is_told_to(base, pictures):
    losses_at = {}
    for path in list(pictures.glob("*.png")):
        mask = Image.new("L", Image.open(path).size)
        mask.paste(255, (0, 0, mask.width, mask.height // 2))
        mask.save(path.with_name(f"{path.stem}-masklabel.png"))
    masked = wired(base, load_folder(pictures))
    for weight in (0.0, 0.5, 1.0):
        run = train(masked, name=f"weight-{weight}", masked=True, unmasked_weight=weight)
        losses_at[weight] = losses(run)[0]
    everything = losses(train(masked, name="everything"))[0]
    assert losses_at[1.0] == pytest.approx(everything, rel=1e-6)
    # normalised: (m + w u) / (1 + w) for equal halves of losses m and u
    m, whole = losses_at[0.0], losses_at[1.0]
    assert losses_at[0.5] == pytest.approx((m + 0.5 * (2 * whole - m)) / 1.5, rel=0.02)


def test_an_empty_mask_is_named(wires, base, pictures):
    path = sorted(pictures.glob("*.png"))[0]
    Image.new("L", Image.open(path).size).save(path.with_name(f"{path.stem}-masklabel.png"))
    with pytest.raises(ValueError, match=rf"mask of .*{path.name} shows nothing"):
        train(wired(base, load_folder(pictures)), masked=True)


def test_a_lora_can_be_gone_on_from(wires, base):
    first = train(wires, name="first", schedule="constant")
    again = train(
        wired(base, wires.dataset, continue_from=first.lora()), name="again", learning_rate=1e-9
    )
    assert again.lora().keys() == first.lora().keys()
    for key, value in first.lora().items():
        assert torch.allclose(again.lora()[key], value, atol=1e-5), key
    other = train(wired(base, wires.dataset, continue_from=first.lora()), name="other", rank=7)
    assert other.lora()[next(k for k in other.lora() if "lora_A" in k)].shape[0] == 2
    with safe_open(other.lora_file, "pt") as file:
        header = file.metadata()
    assert (header["ss_network_dim"], header["ss_network_alpha"]) == ("2", "2.0")


def test_pictures_repeat_as_often_as_they_are_told_to(base, pictures, monkeypatch):
    dataset = load_folder(pictures, repeats=2)
    first, *others = dataset.records
    dataset = replace(dataset, records=(replace(first, repeats=3), *others))
    drawn = {}
    real = Task.training_loss

    def shown(self, batch, stream, number):
        drawn[number] = [example.path.name for example in batch]
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", shown)
    train(wired(base, dataset), batch_size=3, resolution=64, steps=9)
    wanted = Counter({first.path.name: 3} | {one.path.name: 2 for one in others})
    assert sorted(drawn) == list(range(9))
    for epoch in range(3):  # of nine pictures, in three steps each
        steps = range(3 * epoch, 3 * epoch + 3)
        assert Counter(name for step in steps for name in drawn[step]) == wanted


def test_a_set_larger_than_its_room_streams(wires, monkeypatch, plain):
    monkeypatch.setattr(Pictures.__init__, "__defaults__", (1,))
    assert same([plain], [train(wires, name="streamed").lora()])


PROMPTS = ["a person with red hair", "a sad person"]
SAMPLED = {"sample_every": 3, "sample_prompts": "\n".join(PROMPTS), "sample_steps": 2}


@cache
def encoded(clip, text):
    (found,) = CLIPTextEncode().encode(clip, text)
    return found


def native(base, lora, prompt, guidance=4.0):
    """What Load LoRA, KSampler and VAE Decode give."""
    model, clip, vae = base
    with torch.inference_mode():
        patched, _ = load_lora_for_models(model, None, lora, 1.0, 0.0)
        texts = encoded(clip, prompt), encoded(clip, "")
        (empty,) = EmptyLatentImage().generate(128, 128)
        how = (0, 2, guidance, "euler", "simple")
        (drawn,) = KSampler().sample(patched, *how, *texts, empty)
        return (VAEDecode().decode(vae, drawn)[0][0].numpy() * 255).clip(0, 255)


@pytest.mark.parametrize(
    "settings",
    [{"adapter": kind} for kind in ("lora", "dora", "loha", "lokr")] + [{"ema_decay": 0.5}],
    ids=lambda settings: str(next(iter(settings.values()))),
)
def test_samples_are_what_the_file_gives_in_comfyui(wires, base, settings):
    run = train(wires, name="sampled", **SAMPLED, **settings, learning_rate=0.01)
    folder = folders.pictures() / "runs" / run.name / "samples"
    assert [path.name for path in sorted(folder.iterdir())] == [
        f"step-{step:06d}-{number}.png" for step in (0, 3, 6) for number in (1, 2)
    ]
    first = last = np.zeros(1)
    for number, prompt in enumerate(PROMPTS, 1):
        last = np.asarray(Image.open(folder / f"step-000006-{number}.png"), np.float32)
        assert np.abs(last - native(base, run.lora(), prompt)).max() <= 2
        first = np.asarray(Image.open(folder / f"step-000000-{number}.png"), np.float32)
        assert np.abs(first - native(base, {}, prompt)).max() <= 2
    assert np.abs(last - first).max() > 2
    plain = train(wires, name="plain", **settings, learning_rate=0.01)
    assert same([plain.lora()], [run.lora()])  # looking changes nothing


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_file_of_half_precision_draws_the_same_picture(wires, base, precision):
    run = train(wires, name="half", learning_rate=0.01)
    file = folders.loras() / save_lora(
        run.lora(), "half", run, None, False, Form(precision=precision)
    )
    exact = native(base, run.lora(), PROMPTS[0])
    off = np.abs(native(base, load_file(file), PROMPTS[0]) - exact)
    assert 0 < off.max() <= 2
    assert np.abs(native(base, {}, PROMPTS[0]) - exact).max() > 8


def test_samples_of_a_run_that_computes_in_bf16(wires, base):
    run = train(wires, name="sampled", **SAMPLED, compute="bf16")
    drawn = folders.pictures() / "runs" / run.name / "samples" / "step-000000-1.png"
    off = np.asarray(Image.open(drawn), np.float32) - native(base, {}, PROMPTS[0])
    assert 0 < np.abs(off).mean() < 4  # ComfyUI's own are in fp32
    assert same([train(wires, name="plain", compute="bf16").lora()], [run.lora()])


@pytest.mark.parametrize("name", ["sample_sampler", "sample_scheduler"])
def test_a_sampler_that_comfyui_does_not_have_is_named_before_step_1(wires, name):
    more = {"sample_every": 2, "sample_prompts": "a person", name: "no-such"}
    with pytest.raises(ValueError, match=rf"{name} = 'no-such'.*(euler|simple)"):
        train(wires, **more)


@pytest.mark.parametrize("name", ["sample_sampler", "sample_scheduler", "sample_seed"])
def test_how_samples_are_drawn_changes_them_and_not_the_lora(wires, name):
    other = {"sample_sampler": "dpmpp_2m", "sample_scheduler": "karras", "sample_seed": 7}[name]
    runs = [
        train(wires, name=f"drawn-{number}", **SAMPLED | {"sample_steps": 3} | more)
        for number, more in enumerate(({}, {name: other}))
    ]
    files = [
        folders.pictures() / "runs" / run.name / "samples" / "step-000006-1.png" for run in runs
    ]
    one, two = (np.asarray(Image.open(file)) for file in files)
    assert not np.array_equal(one, two)
    assert same([runs[0].lora()], [runs[1].lora()])


def test_pictures_of_nothing_are_refused(wires):
    with pytest.raises(ValueError, match="sample_prompts is empty"):
        train(wires, sample_every=2)


# The demo's text tower is an identity, with layers of zeros that nothing can flow through: here it
# gets contents.
@pytest.fixture(scope="module")
def lively(base):
    model, clip, vae = base
    clip = copy.copy(clip)
    clip.cond_stage_model = copy.deepcopy(clip.cond_stage_model)
    dice = torch.Generator().manual_seed(1)
    with torch.inference_mode():
        for name, weight in clip.cond_stage_model.named_parameters():
            if "encoder.layers" in name and weight.ndim == 2:
                weight.copy_(0.02 * torch.randn(weight.shape, generator=dice))
    clip.patcher = ModelPatcher(
        clip.cond_stage_model, clip.patcher.load_device, clip.patcher.offload_device
    )
    return model, clip, vae


TEXT = {"text_encoders": "clip", "text_rank": 2, "text_rate": 1e-3, "steps": 3, "batch_size": 1}


def test_text_encoders_learn_too(lively, pictures):
    wires = wired(lively, load_folder(pictures))
    before = {k: v.clone() for k, v in wires.clip.cond_stage_model.state_dict().items()}
    more = {"sample_every": 3, "sample_prompts": PROMPTS[0], "sample_steps": 2}
    run = train(wires, name="text", **TEXT, **more)
    lora = run.lora()
    text = {key: value for key, value in lora.items() if key.startswith("lora_te1_")}
    assert len(text) == 12 * 6 * 3 and len(text) < len(lora)
    assert any(value.any() for key, value in text.items() if "lora_up" in key)
    assert same([before], [wires.clip.cond_stage_model.state_dict()])
    folder = folders.pictures() / "runs" / run.name / "samples"
    first, last = (np.asarray(Image.open(path)) for path in sorted(folder.iterdir()))
    assert not np.array_equal(first, last)


def test_text_encoders_learn_at_their_own_rate(lively, pictures):
    wires = wired(lively, load_folder(pictures))
    sizes = {}
    for name, rate in (("still", 1e-12), ("moved", 1e-3)):
        lora = train(wires, name=name, **TEXT | {"text_rate": rate, "steps": 1}).lora()
        for part, ours in (("text", lambda key: "lora_te1_" in key), ("network", lambda key: True)):
            up = [v for k, v in lora.items() if ours(k) and ("lora_up" in k or "lora_B" in k)]
            sizes[name, part] = max(float(tensor.abs().max()) for tensor in up)
    assert sizes["still", "text"] < 1e-9 < 1e-5 < sizes["moved", "text"]
    assert sizes["still", "network"] > 1e-5


@pytest.mark.parametrize("kind", ["lora", "dora", "loha", "lokr"])
def test_comfyui_loads_what_text_encoders_learned(lively, kind):
    model, clip, _ = lively
    config = make_config(adapter=kind, text_encoders="clip", text_rank=4)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        names = text_naming(private, own_words=False)
        sizes = text_sizes(private, config)
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        load_text(private)
        with torch.no_grad():
            plain = encode_with_gradient(private, "a red hat")[0][0]
            for parameter in adapter.parameters():
                parameter.add_(0.02 * torch.randn(parameter.shape).to(parameter))
            live = encode_with_gradient(private, "a red hat")[0][0]
        file = adapter.file_state(names)
    with torch.inference_mode():
        _, patched = load_lora_for_models(model, clip, file, 0.0, 1.0)
        (loaded,) = CLIPTextEncode().encode(patched, "a red hat")
    moved = (live - plain).norm()
    assert moved > 1e-3 * plain.norm()
    assert (loaded[0][0] - live).norm() < 0.05 * moved  # the tower is in fp16


def test_trained_text_encoders_go_on_too(lively, pictures, monkeypatch):
    dataset = load_folder(pictures)
    wires = wired(lively, dataset, held_out=some(dataset, 1))
    whole = train(wires, name="whole", **TEXT)
    with monkeypatch.context() as patch:
        stop_at(patch, 2, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(wires, name="stopped", **TEXT)
    resumed = train(wires, name="stopped", **TEXT)
    assert same([whole.lora()], [resumed.lora()])
    assert whole.logged() == resumed.logged()
    onward = wired(lively, load_folder(pictures), continue_from=whole.lora())
    again = train(onward, name="again", **(TEXT | {"text_rate": 1e-9, "learning_rate": 1e-9}))
    assert again.lora().keys() == whole.lora().keys()
    for key, value in whole.lora().items():
        assert torch.allclose(again.lora()[key], value, atol=1e-5), key


def test_the_bases_prediction_cannot_be_the_target_while_text_encoders_learn(wires):
    with pytest.raises(ValueError, match="prior_target = 'base'"):
        train(wires, text_encoders="clip", prior_target="base")


def test_a_step_that_does_not_fit_is_recomputed_and_gives_the_same(wires, monkeypatch, plain):
    assert (train(wires, name="roomy", steps=1).plan() or {})["recompute"] is False
    with monkeypatch.context() as patch:
        patch.setattr("atelier.training.fitting.free_bytes", lambda device: 2**10)
        tight = train(wires, name="tight")
    plan = tight.plan()
    assert plan and plan["recompute"] and 0 < plan["step_recomputed"] < plan["step"]
    assert plan["weights"] > 1_000_000
    assert all(torch.allclose(tight.lora()[key], plain[key], atol=1e-7) for key in plain)
