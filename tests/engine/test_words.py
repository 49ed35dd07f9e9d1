"""New words: they learn, are saved as ComfyUI reads them, and leave all else as it was."""

import copy
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import comfy.sd
import folder_paths
import pytest
import torch
from comfy import sd1_clip, sdxl_clip
from comfy.text_encoders import sd2_clip
from nodes import CLIPTextEncode
from safetensors.torch import load_file, save_file

from atelier.nodes.save import SaveLora
from atelier.training.config import make_config
from atelier.training.data.folder import load_folder
from atelier.training.data.trigger import with_trigger
from atelier.training.host import folders
from atelier.training.host.mode import training_mode
from atelier.training.host.text import encode_with_gradient, load_text, private_text
from atelier.training.host.words import refuse_words, start_words
from atelier.training.save import save_lora, save_words

from ..tiny import random_weights
from .test_settings import lively  # noqa: F401 - a fixture
from .trained import same, some, state, stop_at, train, wired

WORD: dict[str, Any] = {"new_words": "ohwx", "word_start": "a person", "word_rate": 1e-2}
WORD |= {"batch_size": 1}
ALONE: dict[str, Any] = WORD | {"train_network": False}
BRIEF: dict[str, Any] = ALONE | {"steps": 2}  # each takes half a second in the text encoder
TEXTS = ("ohwx", "a sad ohwx, red hair", "(ohwx:1.3) and ohwx.", "(a person with an ohwx)", "hair")


@pytest.fixture(autouse=True)
def no_embeddings():
    yield
    shutil.rmtree(folders.embeddings()[0], ignore_errors=True)


@pytest.fixture
def told(base, pictures):
    """The wires, with the new word in every caption."""
    return wired(base, with_trigger(load_folder(pictures), "ohwx"))


def started(clip, **settings):
    """The words' vectors before training, by text encoder."""
    with training_mode(), private_text(clip) as private:
        words = start_words(private, make_config(**WORD | settings))
        return {key: rows.detach().cpu().clone() for key, rows in words.vectors["ohwx"].items()}


def native(clip, text):
    with torch.inference_mode():
        (encoded,) = CLIPTextEncode().encode(clip, text)
    return encoded[0]


def test_words_alone_learn_and_nothing_else_changes(told):
    before, tokenizer = state(told), told.clip.tokenizer
    parts = copy.copy(vars(tokenizer))
    run = train(told, **ALONE)
    assert same(before, state(told))
    assert told.clip.tokenizer is tokenizer and vars(tokenizer) == parts
    assert all("_try_get_embedding" not in vars(part) for part in parts.values())
    assert run.finished and run.lora() == {} and not run.lora_file.exists()
    (vectors,) = run.words().values()
    start = started(told.clip)
    assert vectors.keys() == start.keys() == {"clip_l"}
    moved = (vectors["clip_l"] - start["clip_l"]).abs()
    assert vectors["clip_l"].shape == (2, 768) and (moved.amax(1) > 1e-3).all()
    losses = [line["loss"] for line in run.logged() if "loss" in line]
    assert len(losses) == 6 and run.logged()[0]["learning_rate"] == pytest.approx(1e-2)
    assert train(told, **ALONE).folder == run.folder  # found again
    run.word_file("ohwx").unlink()
    again = train(told, **ALONE)
    assert again.folder == run.folder and same([vectors], list(again.words().values()))


def test_words_learn_beside_the_lora_at_their_own_rate(told):
    plain = train(told, name="plain")
    still = train(told, name="still", **WORD | {"word_rate": 1e-12})
    moved = train(told, name="moved", **WORD)
    start = started(told.clip)["clip_l"]
    assert (still.words()["ohwx"]["clip_l"] - start).abs().max() < 1e-6
    assert (moved.words()["ohwx"]["clip_l"] - start).abs().max() > 1e-3
    assert plain.lora().keys() == still.lora().keys() == moved.lora().keys()
    assert not same([still.lora()], [moved.lora()]) and not same([plain.lora()], [still.lora()])


def test_a_word_that_is_not_shown_does_not_learn(told):
    run = train(told, caption_dropout=1.0, steps=3, **WORD)
    assert torch.equal(run.words()["ohwx"]["clip_l"], started(told.clip)["clip_l"])


RESUMED = {
    "alone": ALONE | {"ema_decay": 0.9},
    "with the LoRA": WORD | {"caption_dropout": 0.5, "accumulation": 2, "word_vectors": 3},
    "with tags": WORD | {"shuffle_tags": True, "tag_dropout": 0.3, "keep_tags": 1},
    "best": ALONE | {"keep": "best", "validate_every": 2},
    "halves": ALONE | {"compute": "bf16", "checkpointing": "block", "optimizer": "adafactor"},
}
ALWAYS = ("alone", "with the LoRA")  # ten seconds each: the others are for the long tier


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(settings, id=name, marks=() if name in ALWAYS else pytest.mark.long)
        for name, settings in RESUMED.items()
    ],
)
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(told, monkeypatch, settings):
    told = replace(told, held_out=some(told.dataset, 1))
    settings = settings | {"steps": 4}
    whole = train(told, name="whole", **settings)
    with monkeypatch.context() as patch:
        stop_at(patch, 3, RuntimeError("stop"))
        with pytest.raises(RuntimeError, match="stop"):
            train(told, name="stopped", **settings)
    resumed = train(told, name="stopped", **settings)
    assert same(
        [whole.lora(), *whole.words().values()], [resumed.lora(), *resumed.words().values()]
    )
    assert whole.logged() == resumed.logged()


def test_words_learn_beside_text_encoders_and_class_pictures(lively, pictures):  # noqa: F811
    dataset, classes = with_trigger(load_folder(pictures), "ohwx"), load_folder(pictures)
    wires = wired(lively, dataset, class_pictures=classes)
    before = state(wires)
    more = WORD | {"text_encoders": "clip", "text_rank": 2, "steps": 2}
    run = train(wires, **more)
    assert any(key.startswith("lora_te1_") for key in run.lora())
    start = started(lively[1])["clip_l"]
    assert not torch.equal(run.words()["ohwx"]["clip_l"], start)
    assert same(before, state(wires))
    text = train(wires, name="text", **more, train_network=False)
    assert all(key.startswith("lora_te1_") for key in text.lora()) and text.lora()


def test_class_pictures_of_the_base_itself_go_with_words(told, base, pictures):
    wires = wired(base, told.dataset, class_pictures=load_folder(pictures))
    run = train(wires, **WORD, prior_target="base", steps=2)
    assert run.finished
    both = wired(base, told.dataset, class_pictures=told.dataset)
    with pytest.raises(ValueError, match="class_pictures have captions with the new word 'ohwx'"):
        train(both, **WORD, prior_target="base")


def test_samples_know_the_word(told):
    drawn = {"sample_every": 2, "sample_prompts": "an ohwx, red hair", "sample_steps": 2}
    run = train(told, **BRIEF | {"word_rate": 0.1}, **drawn)
    folder = folders.pictures() / "runs" / run.name / "samples"
    first, last = (path.read_bytes() for path in sorted(folder.iterdir()))
    assert first != last
    plain = train(told, name="plain", **BRIEF | {"word_rate": 0.1})
    assert same(list(plain.words().values()), list(run.words().values()))


# Small text encoders of ComfyUI's own classes, with random contents.
SMALL = {"num_hidden_layers": 3, "intermediate_size": 128}
SIZES = {
    "clip_l": SMALL | {"hidden_size": 64, "num_attention_heads": 2},
    "clip_g": SMALL | {"hidden_size": 96, "num_attention_heads": 2},
    "clip_h": SMALL | {"hidden_size": 80, "num_attention_heads": 2},
}
FORMS = {
    "sd1": (sd1_clip.SD1ClipModel, sd1_clip.SD1Tokenizer, {"emb_params": 64}),
    "sd2": (sd2_clip.SD2ClipModel, sd2_clip.SD2Tokenizer, {"emb_params": 80}),
    "sdxl": (sdxl_clip.SDXLClipModel, sdxl_clip.SDXLTokenizer, {"clip_l": 64, "clip_g": 96}),
}


def small_clip(model, tokenizer):
    sizes = {f"{name}_model_config": size for name, size in SIZES.items()}
    with torch.inference_mode():
        clip = comfy.sd.CLIP(
            SimpleNamespace(params={}, clip=model, tokenizer=tokenizer),
            embedding_directory=folder_paths.get_folder_paths("embeddings"),
            model_options=sizes | {"dtype": torch.float32},
        )
        clip.cond_stage_model.load_state_dict(random_weights(clip.cond_stage_model, 0))
    return clip


@pytest.mark.parametrize("form", FORMS)
def test_comfyuis_own_loader_gives_what_was_live(form):
    model, tokenizer, keys = FORMS[form]
    clip = small_clip(model, tokenizer)
    before = {k: v.clone() for k, v in clip.cond_stage_model.state_dict().items()}
    with training_mode(), private_text(clip) as private:
        config = make_config(**WORD | {"word_vectors": 3})
        refuse_words(clip, config)
        words = start_words(private, config)
        load_text(private)
        plain = encode_with_gradient(private, TEXTS[1], ("ohwx",))[0][0].detach()
        with torch.no_grad():
            for rows in words.parameters():
                noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(1))
                rows.add_(0.5 * noise.to(rows))
        lived = [encode_with_gradient(private, text, ("ohwx",))[0] for text in TEXTS]
        weights = torch.Generator().manual_seed(2)
        felt = [part for cond, more in lived for part in (cond, more["pooled_output"])]
        drawn = [torch.randn(part.shape, generator=weights).to(part) for part in felt]
        torch.stack([(p * w).sum() for p, w in zip(felt, drawn, strict=True)]).sum().backward()
        for rows in words.parameters():
            assert rows.grad is not None and (rows.grad.abs().amax(1) > 1e-6).all()
        assert not torch.equal(lived[1][0], plain)
        file = words.file_states()["ohwx"]
    assert {key: rows.shape for key, rows in file.items()} == {k: (3, n) for k, n in keys.items()}
    folders.embeddings()[0].mkdir(parents=True)
    save_file(file, folders.embeddings()[0] / "ohwx.safetensors")
    calls = (
        "embedding:ohwx",
        "a sad embedding:ohwx, red hair",
        "(embedding:ohwx :1.3) and embedding:ohwx .",
        "(a person with an embedding:ohwx )",
        "hair",
    )
    for (cond, more), text in zip(lived, calls, strict=True):
        loaded, others = native(clip, text)
        assert torch.allclose(loaded, cond.cpu(), atol=1e-6, rtol=1e-5), text
        pooled = more["pooled_output"].cpu()
        assert torch.allclose(others["pooled_output"], pooled, atol=1e-5), text
    assert same([before], [clip.cond_stage_model.state_dict()])


def test_what_a_run_saved_is_what_comfyui_reads(told, base):
    run = train(told, **WORD, steps=2, learning_rate=0.01)
    assert save_words(run, None, private=False) == ["embedding:ohwx"]
    path = folders.embeddings()[0] / "ohwx.safetensors"
    assert same([load_file(path)], [run.words()["ohwx"]])
    _, clip, _ = base
    with training_mode(), private_text(clip) as private:
        words = start_words(private, make_config(**WORD))
        words.load({f"ohwx.{key}": rows for key, rows in run.words()["ohwx"].items()})
        load_text(private)
        with torch.no_grad():
            ((live, _),) = encode_with_gradient(private, "an ohwx with hair", ("ohwx",))
    loaded, _ = native(clip, "an embedding:ohwx with hair")
    assert torch.allclose(loaded, live, atol=1e-6)
    assert not torch.allclose(loaded, native(clip, "an ohwx with hair")[0][:, : live.shape[1]])


def test_a_word_goes_on_from_a_saved_one(told, base):
    run = train(told, **BRIEF)
    save_words(run, None, private=False)
    onward = started(base[1], word_start="embedding:ohwx")
    assert torch.equal(onward["clip_l"], run.words()["ohwx"]["clip_l"])


def test_saved_words_are_not_written_over_nor_twice(told):
    run = train(told, **BRIEF)
    graph = {"nodes": []}
    assert save_words(run, graph, private=False) == ["embedding:ohwx"]
    assert save_words(run, graph, private=False) == ["embedding:ohwx"]
    assert save_words(run, graph, private=True) == ["embedding:ohwx-2"]
    other = train(told, name="other", **BRIEF, seed=2)
    (folders.embeddings()[0] / "below").mkdir()
    (folders.embeddings()[0] / "below" / "OHWX-3.pt").touch()
    assert save_words(other, graph, private=False) == ["embedding:ohwx-4"]
    assert len(list(folders.embeddings()[0].glob("*.safetensors"))) == 3
    with pytest.raises(ValueError, match="The LoRA is empty.*Wire the run"):
        save_lora(run.lora(), "a/lora", None, None, private=False)


@pytest.mark.parametrize("alone", [True, False])
def test_the_node_saves_words_and_says_how_they_are_called(told, alone, monkeypatch):
    run = train(told, **(ALONE if alone else WORD), steps=2)
    monkeypatch.setattr(SaveLora, "hidden", SimpleNamespace(extra_pnginfo=None))
    name, words = SaveLora.execute(run.lora(), "words/lora", False, run=run).args
    assert words == "embedding:ohwx"
    assert name == "" if alone else (folders.loras() / name).is_file()


def test_headers_say_what_it_is(told):
    from safetensors import safe_open

    run = train(told, **BRIEF)

    def header(private):
        (called,) = save_words(run, {"nodes": []}, private)
        name = Path(f"{called.partition(':')[2]}.safetensors")
        with safe_open(folders.embeddings()[0] / name, "pt") as file:
            return file.metadata()

    full, shared = header(False), header(True)
    assert full["modelspec.title"] == "ohwx" and "workflow" in full and "atelier.run" in full
    assert full["modelspec.architecture"] == "stable-diffusion-3/textual-inversion"
    assert not any(key.startswith(("ss_", "atelier.run", "workflow")) for key in shared)


REFUSED = {
    "no caption": ({"new_words": "sks"}, {}, "'sks' is in no caption.*trigger_word"),
    "tags": (
        ALONE | {"tag_dropout": 0.9, "shuffle_tags": True},
        {},
        "none of new_words and so teaches nothing.*keep_tags = 1",
    ),
    "classes": (ALONE, {"class_pictures"}, "class_pictures have nothing to keep right"),
    "start": (WORD | {"word_start": "()"}, {}, "word_start: .* has no tokens for clip_l"),
    "go on": (ALONE, {"continue_from"}, "continue_from is a LoRA to go on from"),
    "held out": (ALONE, {"held_out"}, "held_out: no caption has one of new_words"),
}


@pytest.mark.parametrize(("settings", "more", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_taught_is_refused_before_the_run(
    told, base, pictures, settings, more, message
):
    given: dict[str, Any] = {wire: load_folder(pictures) for wire in more}
    if "continue_from" in more:
        given["continue_from"] = {"x": torch.zeros(1)}
    with pytest.raises(ValueError, match=message):
        train(wired(base, told.dataset, **given), **settings)
    assert not folders.runs().exists()


def test_captions_without_the_word_are_named(base, pictures):
    dataset = with_trigger(load_folder(pictures), "ohwx")
    plain, *_ = load_folder(pictures).records
    mixed = replace(dataset, records=(plain, *dataset.records[1:]))
    with pytest.raises(ValueError, match=f"{plain.path.name} is shown with .*none of new_words"):
        train(wired(base, mixed), **ALONE)
    assert train(wired(base, mixed), **WORD, steps=2).finished
