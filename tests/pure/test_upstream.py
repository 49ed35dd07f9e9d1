"""The base's file as the queued graph says it, whoever wired it."""

import pytest

from atelier.training.upstream import base_file


def node(kind="X", **inputs):
    return {"class_type": kind, "inputs": inputs}


CHECKPOINT = node("CheckpointLoaderSimple", ckpt_name="sd/base.safetensors")
UNET = node("UNETLoader", unet_name="flux.safetensors", weight_dtype="default")
LORA = node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="hat.safetensors")
TRAIN = node("AtelierTrainLora", model=["2", 0], clip=["8", 0], name="x.safetensors")
CLIP = node("CLIPLoader", clip_name="clip.safetensors")
PIPE = node("ToPipe", model=["1", 0], vae=["8", 0])
ODD = "C:\\models\\odd.gguf"
GRAPHS = {
    "a checkpoint": ({"1": CHECKPOINT, "9": TRAIN | node(model=["1", 0])}, "base.safetensors"),
    "behind a LoRA": ({"1": CHECKPOINT, "2": LORA, "8": CLIP, "9": TRAIN}, "base.safetensors"),
    "a diffusion model": ({"2": UNET, "8": CLIP, "9": TRAIN}, "flux.safetensors"),
    "a loader of a pack": (
        {"2": node("UnetLoaderGGUF", unet_name="sub/a.gguf"), "9": TRAIN}, "a.gguf"
    ),
    "a folder of Windows": ({"2": node("Odd", model_path=ODD), "9": TRAIN}, "odd.gguf"),
    "a merge": (
        {
            "1": CHECKPOINT, "3": UNET, "9": TRAIN,
            "2": node("ModelMergeSimple", model1=["1", 0], model2=["3", 0], ratio=0.5),
        },
        "base.safetensors + flux.safetensors",
    ),
    "a pipe": (
        {
            "1": CHECKPOINT, "7": PIPE, "2": node("FromPipe", basic_pipe=["7", 0]),
            "8": node("VAELoader", vae_name="vae.safetensors"), "9": TRAIN,
        },
        "base.safetensors",
    ),
    "no loader that says": ({"2": node("Secret", which="a"), "9": TRAIN}, ""),
    "a circle": ({"2": node(model=["9", 0]), "9": TRAIN}, ""),
    "a node that is gone": ({"9": TRAIN}, ""),
    "no such node": ({"1": CHECKPOINT}, ""),
    "no graph": (None, ""),
    "a hostile one": ({"9": {"inputs": [1]}, "2": "x"}, ""),
    "hostile inputs": ({"9": node(model=[{}, 0], ckpt_name="x.safetensors")}, ""),
    "two lines": ({"2": node(ckpt_name="a\nb.safetensors"), "9": TRAIN}, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_the_base_is_what_its_loader_names(name):
    graph, file = GRAPHS[name]
    assert base_file(graph, "9") == file
