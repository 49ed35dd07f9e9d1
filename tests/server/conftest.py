"""The ComfyUI server of the tests with a few pictures, and a graph to queue on it."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from atelier.demo.install import CHECKPOINT
from atelier.demo.server import Server
from atelier.training.sweep.client import Client, connect


@pytest.fixture(scope="module")
def base(empty_server: Server) -> Path:
    folder = empty_server.base
    own = folder / "input" / "pictures"
    own.mkdir()
    hats = folder / "input" / "atelier-demo" / "hats"
    for path in sorted(hats.glob("*.png"))[:4]:
        shutil.copy(path, own)
        shutil.copy(path.with_suffix(".txt"), own)
    return folder


@pytest.fixture(scope="module")
def server(empty_server: Server, base: Path) -> Server:
    return empty_server


def loader() -> dict[str, Any]:
    return {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINT}}


def training(**changes: Any) -> dict[str, Any]:
    """Load, dataset, train, save: nodes 1 to 4."""
    settings = {"name": "test", "steps": 8, "batch_size": 2, "learning_rate": 0.01, "rank": 4}
    settings |= {"resolution": 128, "seed": 1} | changes
    wires = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "dataset": ["2", 0]}
    return {
        "1": loader(),
        "2": {
            "class_type": "AtelierLoadDataset",
            "inputs": {"folder": "pictures", "default_caption": ""},
        },
        "3": {"class_type": "AtelierTrainLora", "inputs": wires | settings},
        "4": {
            "class_type": "AtelierSaveLora",
            "inputs": {
                "lora": ["3", 0],
                "run": ["3", 2],
                "filename_prefix": "test/lora",
                "share_safely": False,
            },
        },
    }


def grid(**changes: Any) -> dict[str, Any]:
    """The evaluation grid of node 3's LoRA: node 5."""
    settings = {"name": "grid", "prompts": "a person with red hair\na sad person", "negative": ""}
    settings |= {"strengths": "0.5, 1", "seeds": "1, 2", "steps": 4, "cfg": 3.0}
    settings |= {"sampler_name": "euler", "scheduler": "simple", "width": 128, "height": 128}
    wires = {"model": ["1", 0], "clip": ["1", 1], "vae": ["1", 2], "lora": ["3", 0]}
    return {"5": {"class_type": "AtelierEvaluationGrid", "inputs": wires | settings | changes}}


def native(lora: str, strength: float, prompt: str, seed: int, prefix: str) -> dict[str, Any]:
    """What a person wires without Atelier: Load LoRA, KSampler, VAE Decode, Save Image."""
    return {
        "1": loader(),
        "10": {
            "class_type": "LoraLoader",
            "inputs": {
                "model": ["1", 0],
                "clip": ["1", 1],
                "lora_name": lora,
                "strength_model": strength,
                "strength_clip": strength,
            },
        },
        "11": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["10", 1], "text": prompt}},
        "12": {"class_type": "CLIPTextEncode", "inputs": {"clip": ["10", 1], "text": ""}},
        "13": {
            "class_type": "EmptySD3LatentImage",
            "inputs": {"width": 128, "height": 128, "batch_size": 1},
        },
        "14": {
            "class_type": "KSampler",
            "inputs": {
                "model": ["10", 0],
                "positive": ["11", 0],
                "negative": ["12", 0],
                "latent_image": ["13", 0],
                "seed": seed,
                "steps": 4,
                "cfg": 3.0,
                "sampler_name": "euler",
                "scheduler": "simple",
                "denoise": 1.0,
            },
        },
        "15": {"class_type": "VAEDecode", "inputs": {"samples": ["14", 0], "vae": ["1", 2]}},
        "16": {
            "class_type": "SaveImage",
            "inputs": {"images": ["15", 0], "filename_prefix": prefix},
        },
    }


def run(server: Server, prompt: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Queue a prompt on `server` and wait for its outputs."""

    async def go() -> dict[str, Any]:
        async with connect(server.address) as client:
            return await client.run(prompt, **more)

    return asyncio.run(go())


async def stop_after(client: Client, prompt: dict[str, Any], words: str) -> list[str]:
    """Queue a prompt, cancel it when a node's text has `words`; return all its texts."""
    texts: list[str] = []
    seen = asyncio.Event()

    def watch(kind: str, data: dict[str, Any]) -> None:
        if kind == "text":
            texts.append(data["text"])
            if words in data["text"]:
                seen.set()

    task = asyncio.create_task(client.run(prompt, watch=watch))
    await seen.wait()
    await client.interrupt()
    await task
    return texts


def random_lora(base: Path, name: str, seed: int) -> None:
    """A random LoRA for the demo's base and its text encoder."""
    dice = np.random.default_rng(seed)
    state: dict[str, np.ndarray] = {}
    with safe_open(base / "models" / "checkpoints" / CHECKPOINT, "np") as file:
        for key in file.keys():  # noqa: SIM118
            layer = key.removeprefix("model.").removesuffix(".weight")
            inside = layer.startswith(("diffusion_model.joint_blocks", "text_encoders.clip_l"))
            shape = file.get_slice(key).get_shape()
            if inside and key.endswith((".attn.qkv.weight", ".mlp.fc1.weight", "q_proj.weight")):
                a, b = dice.normal(0, 0.15, (2, shape[1])), dice.normal(0, 0.15, (shape[0], 2))
                state[f"{layer}.lora_A.weight"] = a.astype(np.float32)
                state[f"{layer}.lora_B.weight"] = b.astype(np.float32)
    assert {key.partition(".")[0] for key in state} == {"diffusion_model", "text_encoders"}
    path = base / "models" / "loras" / name
    path.parent.mkdir(exist_ok=True)
    save_file(state, path, metadata={"modelspec.trigger_phrase": f"word {seed}"})
