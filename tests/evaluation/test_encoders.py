"""Encoders for scores: a CLIP folder against transformers itself, and the demo's own."""

from typing import Any

import numpy as np
import pytest
import torch
import transformers as library
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from atelier.demo import checker, portraits, world
from atelier.demo.stickers import stickers
from atelier.measure.judging_read import enlarged
from atelier.training.evaluation import metrics
from atelier.training.evaluation.image_text import ImageText
from atelier.training.evaluation.packaged import WEIGHTS, Packaged, PackagedWords, named
from atelier.training.files import digest

transformers: Any = library  # whose types know less than it takes
PICTURES = WEIGHTS.parent / "pictures"
TEXTS = ["a red hat", "a dog", "hat dog red"]


def tokenizer():
    words = ["<pad>", "<s>", "</s>", "<unk>", "a", "red", "hat", "dog"]
    inner = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    inner.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=8, **names)


def clip(folder, kind):
    """A tiny CLIP or SigLIP with random weights, and what it is made of."""
    small = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    small |= {"num_hidden_layers": 2}
    text = small | {"vocab_size": 8, "max_position_embeddings": 8, "bos_token_id": 1}
    text |= {"eos_token_id": 2, "pad_token_id": 0, "projection_size": 16}
    vision = small | {"image_size": 32, "patch_size": 8}
    name = {"clip": "CLIP", "siglip": "Siglip"}[kind]
    parts = ("Config", "Model", "ImageProcessor")
    config, network, images = (getattr(transformers, f"{name}{part}") for part in parts)
    more = {"projection_dim": 12} if kind == "clip" else {}
    torch.manual_seed(0)
    model = network(config(text_config=text, vision_config=vision, **more)).eval()
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3)
    sizes = {"height": 32, "width": 32}
    size = {"shortest_edge": 32} if kind == "clip" else sizes
    processor = images(size=size, crop_size=sizes) if kind == "clip" else images(size=size)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return model, processor


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_the_match_is_the_cosine_that_the_model_itself_gives(kind, tmp_path):
    model, processor = clip(tmp_path / "tiny", kind)
    pictures = [
        Image.effect_noise((48, 40), 60).convert("RGB"),
        Image.linear_gradient("L").convert("RGB"),
    ]
    encoder = ImageText(tmp_path / "tiny")
    rows = encoder.encode([encoder.prepare(picture) for picture in pictures])
    ours = rows @ encoder.texts(TEXTS).T
    padding = {"padding": "max_length"} if kind == "siglip" else {"padding": True}
    asked = tokenizer()(TEXTS, return_tensors="pt", **padding)
    if kind == "siglip":
        asked = {"input_ids": asked["input_ids"]}
    with torch.no_grad():
        pixels = processor(images=pictures, return_tensors="pt")["pixel_values"]
        found = model(pixel_values=pixels, **asked)
    logits = found.logits_per_image
    if kind == "siglip":
        logits = logits - model.logit_bias
    np.testing.assert_allclose(ours, (logits / model.logit_scale.exp()).detach(), atol=1e-5)
    assert np.ptp(ours) > 0.05
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_folder_is_known_by_its_files(tmp_path):
    clip(tmp_path / "tiny", "clip")
    one = ImageText(tmp_path / "tiny")
    assert one.name.startswith("tiny ") and one.key == ImageText(tmp_path / "tiny").key
    (tmp_path / "tiny" / "note.txt").write_text("changed")
    assert ImageText(tmp_path / "tiny").key != one.key


def test_it_stops_when_it_is_told_to(tmp_path):
    clip(tmp_path / "tiny", "clip")

    def check():
        raise InterruptedError

    encoder = ImageText(tmp_path / "tiny", check)
    with pytest.raises(InterruptedError):
        encoder.texts(TEXTS)


def _pickled(folder):
    clip(folder, "clip")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _gaps(folder):
    model, _ = clip(folder, "clip")
    state = {k: v for k, v in model.state_dict().items() if "visual_projection" not in k}
    model.save_pretrained(folder, state_dict=state)


def _another(folder):
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "bert"}')


def _damaged(folder):
    clip(folder, "clip")
    (folder / "model.safetensors").write_bytes(b"no")


BAD = {
    "pickled": (_pickled, "There is no .safetensors file"),
    "gaps": (_gaps, "are not in the files"),
    "another model": (_another, "of the type 'bert'"),
    "damaged": (_damaged, "cannot be loaded"),
    "none": (lambda folder: None, "cannot be read"),
}


@pytest.mark.parametrize("make, message", BAD.values(), ids=BAD.keys())
def test_what_is_no_clip_is_named(make, message, tmp_path):
    make(tmp_path / "bad")
    with pytest.raises(ValueError, match=message):
        ImageText(tmp_path / "bad")


# ------------------------------------------------------------ the demo's own


def rows_of(encoder, folder):
    files = sorted((PICTURES / folder).glob("*.png"))
    return encoder.encode([encoder.prepare(Image.open(file)) for file in files])


def test_real_hats_are_nearer_to_held_out_hats_than_people_without():
    encoder = Packaged()
    hats, people, held = (rows_of(encoder, name) for name in ("hats", "class", "held-out"))
    ours, others = metrics.to_references(hats, held), metrics.to_references(people, held)
    assert ours.mean() - others.mean() > 2 * others.std()


def test_pictures_show_what_their_captions_say():
    encoder = PackagedWords()
    files = sorted((PICTURES / "hats").glob("*.txt"))
    texts = encoder.texts([file.read_text(encoding="utf-8") for file in files])
    rows = rows_of(encoder, "hats")
    assert metrics.match(rows, texts).mean() > 0.9 > 0.6 > metrics.chance(rows, texts)


def test_a_text_that_names_nothing_is_not_a_number():
    texts = PackagedWords().texts(["a person", "a sad person"])
    assert np.isnan(texts[0]).all() and texts[1].sum() == pytest.approx(1)


@pytest.mark.parametrize("ask", [1, 3, 7])
def test_every_caption_of_the_world_is_read(ask):
    phrases = PackagedWords().phrases
    for text, wanted in world.prompts(60, 5, ask=ask, extra={world.NEW: "yes"}):
        assert named(text, phrases) == wanted


def test_it_is_not_the_checker():
    assert WEIGHTS != checker.WEIGHTS and WEIGHTS.stat().st_size < 600_000
    ours = {
        digest(part.numpy().tobytes())
        for network in Packaged().networks.values()
        for part in network.state_dict().values()
    }
    judge = checker.Checker.load().state_dict().values()
    assert not ours & {digest(part.numpy().tobytes()) for part in judge}


def worn(things, count):
    """Pictures of as many people for each thing, with it on, as the encoder takes them."""
    people = portraits.sheet("bare")[:count].astype(np.float32)
    for thing in things:
        colours, cover = np.moveaxis(thing[:3], 0, -1) * 255, thing[3][None, ..., None]
        shown = people + (colours - people) * cover
        yield enlarged(shown.round().astype(np.uint8))


def told_apart(encoder, wearing, bare):
    """How often somebody who wears a thing is nearer to twelve others who do than the same person
    without it.
    """
    known = encoder.encode(wearing[:12])
    rest = (encoder.encode(some[12:]) for some in (wearing, bare))
    near = [metrics.to_references(some, known) for some in rest]
    return (near[0] > near[1]).mean()


def test_it_sees_what_people_wear_that_it_was_never_told_of():
    encoder, count = Packaged(), 60
    bare = enlarged(portraits.sheet("bare")[:count])
    things = stickers(24, np.random.default_rng(8))
    big = [thing for thing in things if thing[3].sum() >= 8]
    found = [told_apart(encoder, pictures, bare) for pictures in worn(big, count)]
    assert np.median(found) > 0.99 and np.quantile(found, 0.2) > 0.9, sorted(found)
    for kind in ("hat", "scarf"):
        pictures = enlarged(portraits.sheet(kind)[:count])
        assert told_apart(encoder, pictures, bare) > 0.97, kind
