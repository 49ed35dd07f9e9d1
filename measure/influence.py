"""Which pictures did it, as a measurement of its own: see `judging_influence.py`."""

from ..demo import engine
from .judging_influence import influence_figures, told
from .learning import load_base
from .report import Report


def measure(quick: bool) -> Report:
    engine.start()
    figures, rows = influence_figures(load_base(), quick)
    return Report(figures, rows, told())
