"""The fixtures of `tests/engine`."""

from ..engine.conftest import base, held, no_runs, pictures, wires

__all__ = ["base", "held", "no_runs", "pictures", "wires"]
