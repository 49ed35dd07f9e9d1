"""A whole training on another device than the CPU, in a process of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from comfy import model_patcher
from safetensors.torch import save_file

from ..engine.trained import train
from .runs import FOLDER, RUNS

TESTS = Path(__file__).parents[1]


def on_card(folder: Path, *how: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--card=fp32", *how]
    tests = ("card/on_card.py", "engine/test_private.py")
    done = subprocess.run(
        [*command, *(str(TESTS / test) for test in tests)],
        env={**os.environ, FOLDER: str(folder)},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler to make the card with")
def test_a_card_learns_what_the_cpu_learns(held, tmp_path):
    for name, settings in RUNS.items():
        save_file(train(held, name=name, **settings).lora(), tmp_path / f"{name}.safetensors")
    shutil.copytree(held.dataset.records[0].path.parent, tmp_path / "pictures")
    on_card(tmp_path)
    if hasattr(model_patcher, "ModelPatcherDynamic"):  # ComfyUI 0.12 and newer
        on_card(tmp_path, "--dynamic")
