"""The demo base and a few of its pictures.

pytest reads this file before ComfyUI is started: what needs it is imported in the fixtures.
"""

import shutil

import pytest


@pytest.fixture(scope="session")
def base():
    import torch
    from nodes import CheckpointLoaderSimple

    from atelier.demo.install import CHECKPOINT

    with torch.inference_mode():
        return CheckpointLoaderSimple().load_checkpoint(CHECKPOINT)


@pytest.fixture
def pictures(comfy_base, tmp_path):
    """Four of the demo's pictures, in a folder that a test may change."""
    source = comfy_base / "input" / "atelier-demo" / "hats"
    for path in sorted(source.glob("*.png"))[:4]:
        shutil.copy(path, tmp_path)
        shutil.copy(path.with_suffix(".txt"), tmp_path)
    return tmp_path


@pytest.fixture
def wires(base, pictures):
    """Around the base as its file is: a LoRA that a test before has drawn with is taken out."""
    from comfy.model_management import unload_all_models

    from atelier.training.data.folder import load_folder

    from .trained import wired

    unload_all_models()
    return wired(base, load_folder(pictures))


@pytest.fixture
def held(base, wires):
    """With held-out pictures: two of the same ones."""
    from .trained import some, wired

    return wired(base, wires.dataset, held_out=some(wires.dataset, 2))


@pytest.fixture(autouse=True)
def no_runs():
    from atelier.training.host import folders

    shutil.rmtree(folders.runs(), ignore_errors=True)
    shutil.rmtree(folders.pictures() / "runs", ignore_errors=True)
