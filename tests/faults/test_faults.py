"""The short form of `python dev.py measure faults`: nothing lost, nothing changed."""

import json
import os
import subprocess
import sys

import pytest

from atelier.demo.server import environment

KILLS = 8


@pytest.mark.timeout(600)
@pytest.mark.skipif(not hasattr(os, "fork"), reason="the measurement forks")
def test_nothing_is_lost_and_nothing_is_changed():
    """In a process of its own: what forks must not have trained before."""
    code = "import json; from atelier.measure.faults import measure; r = measure(True); "
    code += "print(json.dumps([r.rows, r.figures]))"
    known = environment() | {"PYTHONPATH": os.environ["PYTHONPATH"]}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env=known, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    rows, figures = json.loads(done.stdout.splitlines()[-1])
    assert not [row for row in rows if row["lost"] or row["changed"]]
    assert figures["kills"] >= KILLS and figures["faults"] >= KILLS + 12
    assert (figures["lost"], figures["changed"]) == (0, 0)
