"""New words in text encoders of every kind: they are as in ComfyUI, or are refused by name."""

import shutil

import pytest
import torch
from safetensors.torch import save_file

from atelier.training.config import make_config
from atelier.training.data.words import as_embeddings
from atelier.training.host import folders
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.text import encode_with_gradient, load_text, private_text
from atelier.training.host.words import refuse_words, start_words

from ..tiny.text_forms import FORMS, small, told

# At both ends of a prompt, where templates touch it.
CALLS = ("ohwx, a hat", "a red ohwx")
CONFIG = make_config(new_words="ohwx", word_start="a hat", word_vectors=2)
DEAF = {
    "aura-flow": "pile_t5xl",
    "hunyuan-dit": "hydit_clip, mt5xl",
    "lumina2": "gemma2_2b",
    "gemma3": "gemma3_4b",
    "omnigen2": "qwen25_3b",
    "qwen-image": "qwen25_7b",
    "hunyuan-image": "qwen25_7b",
    "flux2": "mistral3_24b",
    "flux2-pruned": "mistral3_24b",
    "ovis": "qwen3_2b",
    "longcat-image": "qwen25_7b",
    "kandinsky5-image": "qwen25_7b",
    "newbie": "gemma, jina",
    "pixeldit": "gemma2_2b",
    "lens": "gpt_oss",
    "anima": "t5xxl",
}
if "klein-4b" not in FORMS:  # ComfyUI before 0.33
    DEAF["z-image"] = "qwen3_4b"


@pytest.fixture(autouse=True)
def no_embeddings():
    yield
    shutil.rmtree(folders.embeddings()[0], ignore_errors=True)


@pytest.mark.parametrize("name", FORMS)
def test_words_are_as_in_comfyui_or_are_refused_by_name(name):
    clip = small(FORMS[name])
    if name in DEAF:
        with pytest.raises(ValueError, match=f"for {DEAF[name]}, a text encoder of the CLIP"):
            refuse_words(clip, CONFIG)
        return
    refuse_words(clip, CONFIG)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        words = start_words(private, CONFIG)
        load_text(private)
        with torch.no_grad():
            started = [told(encode_with_gradient(private, text, ("ohwx",))) for text in CALLS]
            for rows in words.parameters():
                rows.add_(rows.std() * torch.randn(rows.shape))
        live = [told(encode_with_gradient(private, text, ("ohwx",))) for text in CALLS]
        for encoded, before in zip(live, started, strict=True):
            assert (encoded - before).norm() > 1e-3 * before.norm()
            for rows in words.parameters():
                rows.grad = None
            (encoded * torch.randn(encoded.shape)).sum().backward()
            for rows in words.parameters():
                assert rows.grad is not None and rows.grad.isfinite().all()
                assert (rows.grad.abs().amax(1) > 0).all()
        file = words.file_states()["ohwx"]
    folders.embeddings()[0].mkdir(parents=True, exist_ok=True)
    save_file(file, folders.embeddings()[0] / "ohwx.safetensors")
    for encoded, text in zip(live, CALLS, strict=True):
        with torch.inference_mode():
            tokens = clip.tokenize(as_embeddings(text, ("ohwx",)))
            loaded = told(clip.encode_from_tokens_scheduled(tokens))
        assert torch.allclose(loaded, encoded, atol=1e-5, rtol=1e-4), text
