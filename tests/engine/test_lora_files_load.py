"""Files that were converted, merged and resized, in ComfyUI and in diffusers."""

import comfy.utils
import nodes
import pytest
import torch
from comfy.sd import load_lora_for_models
from safetensors.torch import load_file, save_file

from atelier.nodes.convert import ConvertLora, ResizeLora
from atelier.nodes.merge import MergeLoras
from atelier.tests import tiny
from atelier.tests.engine.test_loads_in_diffusers import FAMILIES as THEIRS
from atelier.tests.engine.test_loads_in_diffusers import (
    NAME,
    TOLERANCE,
    adapter_file,
    apart,
    inputs,
    moved_in_comfyui,
    moved_in_diffusers,
)
from atelier.training.host import folders

# Convert knows SD1.x as it is: four levels of two blocks.
SD15 = {"num_res_blocks": [2] * 4, "channel_mult": [1] * 4, "num_heads": 8}
SD15 |= {"transformer_depth": [1] * 6 + [0] * 2, "transformer_depth_output": [1] * 9 + [0] * 3}
FAMILIES = THEIRS | {"sd15": (lambda: tiny.unet(**SD15), THEIRS["sd15"][1])}
UNETS = ("sd15", "sdxl")  # of whose peft names ComfyUI reads some layers only
FORMS = ("comfyui", "kohya", "diffusers")
ALIKE = 2 / 255  # of pictures, as the goal has it
WRITTEN = {"filename_prefix": "files/made", "precision": "fp32"}


@pytest.fixture(scope="module", params=FAMILIES)
def family(request):
    return request.param


@pytest.fixture(scope="module")
def wired(family):
    return FAMILIES[family][0]()


def kept(state, name):
    save_file(state, folders.loras() / name)
    return name


def lora(name):
    return comfy.utils.load_torch_file(str(folders.loras() / name), safe_load=True)


def convert(name, form):
    return ConvertLora.execute(name, form, "files/converted").args[0]


def merge(*names, strength=0.5, rank=0, method="linear"):
    rows = {}
    for number, name in enumerate(names, start=1):
        rows |= {f"lora_{number}": name, f"strength_{number}": strength}
    how = {"method": method, "rank": rank, "density": 0.5, "window": 0.2, "seed": 0}
    return MergeLoras.execute(**how, **WRITTEN, **rows).args[0]


def in_diffusers(wired, family, name, folder, given):
    save_file(load_file(folders.loras() / name), folder / NAME)
    return moved_in_diffusers(wired, family, folder, given)[1]


def test_what_is_made_of_a_file_moves_the_output_as_the_file_does(wired, family, tmp_path, caplog):
    """Converted to every form, merged with itself in another form, resized to its own rank."""
    native = adapter_file(wired, {"targets": "attention_mlp"})
    given = inputs(wired, family)
    start, meant = moved_in_comfyui(wired, native, given)
    name = kept(native, f"files-{family}.safetensors")
    made = {form: convert(name, form) for form in FORMS}
    made["back"] = convert(made["diffusers"], "comfyui")
    made["merged"] = merge(name, made["diffusers"])
    made["resized"] = ResizeLora.execute(name, 4, 1.0, 0.0, **WRITTEN).args[0]
    here = {k: v for k, v in made.items() if not (k == "diffusers" and family in UNETS)}
    for what, file in here.items():
        off = apart(moved_in_comfyui(wired, lora(file), given)[1], meant)
        assert off < TOLERANCE, f"{what} is off by {off:.1e} in ComfyUI"
    theirs = {
        "diffusers": made["diffusers"],
        "merged": merge(made["diffusers"], made["diffusers"]),
        "resized": ResizeLora.execute(made["diffusers"], 4, 1.0, 0.0, **WRITTEN).args[0],
    }
    theirs |= {"kohya": made["kohya"]} if family in UNETS else {}
    for what, file in theirs.items():
        off = apart(in_diffusers(wired, family, file, tmp_path, given), meant)
        assert off < TOLERANCE, f"{what} is off by {off:.1e} in diffusers"
    assert "not loaded" not in caplog.text
    assert meant.norm() > 0.01 * start.norm()


def picture(model, clip, vae):
    encode = nodes.CLIPTextEncode()
    with torch.inference_mode():
        positive, negative = (encode.encode(clip, text)[0] for text in ("a hat", ""))
        latent = {"samples": torch.zeros(1, vae.latent_channels, 16, 16)}
        how = (1, 4, 3.0, "euler", "simple")
        (drawn,) = nodes.common_ksampler(model, *how, positive, negative, latent)
        return vae.decode(drawn["samples"])


def test_pictures_are_the_same_within_two_of_255(base):
    """Of a converted, a merged and a resized file, on the demo's base; loaded as Load LoRA does."""
    model, clip, vae = base
    names = []
    for number, settings in enumerate(({"targets": "attention_mlp"}, {"targets": "all"})):
        state = adapter_file(model, settings)
        names.append(kept(state, f"files-demo{number}.safetensors"))

    def drawn(*some):
        patched, text = model, clip
        for name, strength in some:
            patched, text = load_lora_for_models(patched, text, lora(name), strength, strength)
        return picture(patched, text, vae)

    bare, want = picture(model, clip, vae), drawn((names[0], 1.0))
    assert (want - bare).abs().max() > 5 * ALIKE
    for form in FORMS:
        assert (drawn((convert(names[0], form), 1.0)) - want).abs().max() <= ALIKE
    resized = ResizeLora.execute(names[0], 4, 1.0, 0.0, **WRITTEN).args[0]
    assert (drawn((resized, 1.0)) - want).abs().max() <= ALIKE
    stacked = drawn((names[0], 0.5), (names[1], 0.5))
    assert (stacked - want).abs().max() > 5 * ALIKE
    assert (drawn((merge(*names), 1.0)) - stacked).abs().max() <= ALIKE
