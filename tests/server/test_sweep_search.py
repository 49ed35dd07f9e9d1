"""A search by Optuna on a real server: its goal is a score of the grid that each point draws."""

import json
import math
import shutil
import subprocess
import sys

import pytest

from atelier.demo.server import environment

from .conftest import training
from .test_scores import judged

pytest.importorskip("optuna", reason="the extra `search` is not installed")
AXES = ("3.learning_rate=1e-3..3e-2 log", "3.rank=2, 4")


def graph():
    """Train, draw a grid without and with it, score it."""
    options = {"validate_every": 2, "patience": 0, "keep": "last", "save_every": 4}
    made = training(name="searched", steps=4)
    made["20"] = {
        "class_type": "AtelierValidationOptions",
        "inputs": options | {"keep_loras": False},
    }
    scored = judged(grid=["5", 1])
    made |= {place: scored[place] for place in ("5", "8", "10")}
    made["3"]["inputs"] |= {"options": ["20", 0], "held_out": ["8", 0]}
    del made["4"], made["5"]["inputs"]["axes"]
    made["5"]["inputs"] |= {"lora": ["3", 0], "name": "searched"}
    return made


@pytest.mark.long
@pytest.mark.timeout(600)
def test_three_trials_for_a_score_of_the_evaluation(server, base, tmp_path):
    shutil.copytree(base / "input" / "atelier-demo" / "held-out", base / "input" / "held-out")
    file = tmp_path / "graph.json"
    file.write_text(json.dumps(graph()), encoding="utf-8")
    script = base / "custom_nodes" / "atelier" / "sweep.py"
    axes = [part for axis in AXES for part in ("--axis", axis)]
    how = ["--mode", "search", "--goal", "identity", "--count", "3", "--seed", "1", *axes]
    files = ["--server", server.address, "--json", str(tmp_path / "table.json")]
    line = [sys.executable, str(script), "run", str(file), "--name", "searched", *how, *files]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    print(done.stdout)  # with -s, what it gave
    found = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert [row["state"] for row in found["rows"]] == ["done"] * 3
    for row in found["rows"]:
        assert {"loss", "held-out loss", "identity", "copying", "leakage"} <= row["scores"].keys()
        identity = row["scores"]["identity"]
        assert identity["low"] <= identity["value"] <= identity["high"]
        assert math.isfinite(row["scores"]["held-out loss"]["value"])
    points = {tuple(row["values"].values()) for row in found["rows"]}
    assert len(points) == 3 and all(1e-3 <= rate <= 3e-2 for rate, _ in points)
    highest = max(found["rows"], key=lambda row: row["scores"]["identity"]["value"])
    assert found["best"]["identity"][0] == highest["point"]
