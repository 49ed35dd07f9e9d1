"""What text encoders learned moves their output in diffusers and transformers as in ComfyUI."""

import comfy.sd
import comfy.utils
import pytest
import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from atelier.tests import peers, tiny
from atelier.tests.tiny import text_forms
from atelier.tests.tiny.text_forms import SIZES, small
from atelier.training.adapters.adapter import Adapter
from atelier.training.adapters.diffusers_names import for_diffusers
from atelier.training.adapters.patterns import Size
from atelier.training.config import make_config
from atelier.training.host.family import naming
from atelier.training.host.lora_file import start_from
from atelier.training.host.mode import own_randomness, training_mode
from atelier.training.host.private import private_copy
from atelier.training.host.text import private_text, text_naming, text_sizes

from .test_loads_in_diffusers import NAME, TOLERANCE, adapter_file, apart, pipeline

CAPTION = "a red hat"
FORMS = {
    "sd15": (tiny.unet, "sd1", {"text_encoder": "l"}),
    "sdxl": (tiny.sdxl, "sdxl", {"text_encoder": "l", "text_encoder_2": "g"}),
}
SHAPES = {
    "as trained": lambda sizes: sizes,
    # as after going on from a file of another program
    "another alpha": lambda sizes: dict.fromkeys(sizes, Size(4, 2.6)),
    "many ranks and alphas": lambda sizes: {
        name: Size(3, 4.5) if "mlp" in name or ".0." in name else size
        for name, size in sizes.items()
    },
}


def text_file(clip, names, shape):
    """A LoRA with random contents on the text encoders, as the trainer writes it."""
    dice = torch.Generator().manual_seed(7)
    config = make_config(text_encoders="clip", text_rank=4)
    with training_mode(), own_randomness(0), private_text(clip) as private:
        own_words = names.res_blocks > 0  # as Session has it
        text_names, sizes = text_naming(private, own_words), shape(text_sizes(private, config))
        adapter = Adapter(private.cond_stage_model, config, sizes=sizes)
        for parameter in adapter.parameters():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=dice)
        return adapter.file_state(text_names)


def theirs(clip, which):
    """The same CLIP of transformers, with the same weights."""
    kind = CLIPTextModelWithProjection if which == "g" else CLIPTextModel
    act = "gelu" if which == "g" else "quick_gelu"
    shape = SIZES[f"clip_{which}_model_config"]
    more = {"hidden_act": act, "projection_dim": shape["hidden_size"], "eos_token_id": 49407}
    model = kind(CLIPTextConfig.from_dict(shape | more))
    inner = getattr(clip.cond_stage_model, f"clip_{which}").transformer
    weights = {k: v.clone() for k, v in inner.state_dict().items()}
    if which == "l":
        del weights["text_projection.weight"]  # which is of ComfyUI alone
        if not hasattr(model, "text_model"):  # newer transformers
            weights = {k.removeprefix("text_model."): v for k, v in weights.items()}
    model.load_state_dict(weights)
    return model.eval()


def said(pipe, parts, clip):
    """What diffusers' pipelines take of the text encoders for the caption, in one row."""
    out = []
    for part, which in parts.items():
        ids = torch.tensor([[token for token, *_ in clip.tokenize(CAPTION)[which][0]]])
        with torch.no_grad():
            given = getattr(pipe, part)(ids, output_hidden_states=True)
        whole = given.hidden_states[-2] if len(parts) > 1 else given.last_hidden_state
        out += [whole, *([given.text_embeds] if which == "g" else [])]
    return torch.cat([part.flatten() for part in out])


def meant(clip, parts):
    """The same of ComfyUI's."""
    with torch.inference_mode():
        ((cond, more),) = clip.encode_from_tokens_scheduled(clip.tokenize(CAPTION))
    if len(parts) == 1:
        return cond.flatten().clone()
    widths = [SIZES[f"clip_{which}_model_config"]["hidden_size"] for which in parts.values()]
    each = [*cond.split(widths, dim=-1), more["pooled_output"]]
    return torch.cat([part.flatten() for part in each])


def moved_by_comfyui(wired, clip, file, parts):
    """What the file adds, and what there is without it."""
    _, patched = comfy.sd.load_lora_for_models(wired, clip, file, 1.0, 1.0)
    start = meant(clip, parts)
    return meant(patched, parts) - start, start


def moved_by_diffusers(family, wired, clip, folder, parts):
    """Before ComfyUI's: that leaves the file's weights in `clip`."""
    encoders = {part: theirs(clip, which) for part, which in parts.items()}
    pipe = pipeline(family, peers.build(wired).network, **encoders)
    start = said(pipe, parts, clip)
    pipe.load_lora_weights(str(folder), weight_name=NAME)
    return said(pipe, parts, clip) - start, start


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("family", FORMS)
def test_text_encoders_move_the_same_way_in_both(family, shape, tmp_path, caplog):
    make, form, parts = FORMS[family]
    wired, clip = make(), small(text_forms.FORMS[form])
    text = text_file(clip, naming(wired.model), shape)
    state = for_diffusers(
        adapter_file(wired, {"targets": "attention"}) | text, type(wired.model).__name__
    )
    save_file(state, tmp_path / NAME)
    moved, their_start = moved_by_diffusers(family, wired, clip, tmp_path, parts)
    file = comfy.utils.load_torch_file(str(tmp_path / NAME))
    wanted, start = moved_by_comfyui(wired, clip, file, parts)
    print(f"moved by {wanted.norm() / start.norm():.2f}, diffusers is off by", end=" ")
    print(f"{apart(moved, wanted):.1e}; {apart(their_start, start):.1e} without the file")
    assert "not loaded" not in caplog.text and "No LoRA keys" not in caplog.text
    assert apart(their_start, start) < TOLERANCE
    assert apart(moved, wanted) < TOLERANCE
    assert wanted.norm() > 0.01 * start.norm()


def with_alphas_of_its_own(text):
    """As another program may write it: alphas differ, and some layers have none."""
    out = dict(text)
    stems = sorted(key.removesuffix(".alpha") for key in text if key.endswith(".alpha"))
    for number, stem in enumerate(stems):
        alpha = (None, 1.0, 6.5, 6.5)[number % 4]
        del out[f"{stem}.alpha"]
        out |= {f"{stem}.alpha": torch.tensor(alpha)} if alpha else {}
    return out


@pytest.mark.parametrize("family", FORMS)
def test_what_a_run_only_carries_along_moves_the_same_way_in_both(family, tmp_path):
    make, form, parts = FORMS[family]
    wired, clip = make(), small(text_forms.FORMS[form])
    text = with_alphas_of_its_own(text_file(clip, naming(wired.model), SHAPES["as trained"]))
    file = adapter_file(wired, {"targets": "attention"}) | text
    with training_mode(), private_copy(wired) as private:
        start = start_from(file, private.model)
        adapter = Adapter(private.model.diffusion_model, make_config(), start=start)
        written = adapter.file_state(naming(private.model))
    save_file(written, tmp_path / NAME)
    moved, _ = moved_by_diffusers(family, wired, clip, tmp_path, parts)
    before, _ = moved_by_comfyui(wired, clip, file, parts)
    after, _ = moved_by_comfyui(wired, clip, written, parts)
    print(f"ComfyUI is off by {apart(after, before):.1e}, diffusers by {apart(moved, before):.1e}")
    assert apart(after, before) < 1e-5
    assert apart(moved, before) < TOLERANCE
