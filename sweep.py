"""Sweeps from a terminal: `python custom_nodes/atelier/sweep.py --help`.

With the Python that runs ComfyUI. This file makes the folder it lies in the package `atelier`,
whatever it is called, and keeps it off `sys.path`, where its `nodes` would shadow ComfyUI's.
"""

import importlib.util
import sys
from importlib import import_module
from pathlib import Path


def load_pack() -> None:
    """Import the pack as `atelier`."""
    here = Path(__file__).absolute().parent
    own = here.resolve()
    sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != own]
    spec = importlib.util.spec_from_file_location(
        "atelier", here / "__init__.py", submodule_search_locations=[str(here)]
    )
    assert spec and spec.loader
    pack = importlib.util.module_from_spec(spec)
    sys.modules["atelier"] = pack
    spec.loader.exec_module(pack)


if __name__ == "__main__":
    load_pack()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(import_module("atelier.training.sweep.command").main())
