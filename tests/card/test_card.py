"""A whole training on another device than the CPU, in a process of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import save_file

from ..engine.trained import train
from .runs import FOLDER, RUNS

HERE = Path(__file__).parent


def on_card(file: str, precision: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / file)]
    done = subprocess.run(
        [*command, f"--card={precision}"],
        env={**os.environ, FOLDER: str(folder)},
        cwd=HERE.parents[1],
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
    on_card("on_card.py", "fp32", tmp_path)
