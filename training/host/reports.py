"""Reports: where they lie, and what they are made from."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..compare import compared
from ..evaluation.galleries import folder_of, listed
from ..evaluation.gallery import Gallery, read
from ..files import atomic, safe_name
from ..report.compare_page import Shown, comparison
from ..report.run_page import Sources, report
from ..run import Run, names
from ..upstream import MODEL_FILE
from . import folders

PAGE = "report.html"  # in the run's folder: the newest, which a route of ours serves
MOST_GRIDS = 100  # that are looked through for those of a run
COMPARED = "comparisons"  # below our records


def run_named(name: str) -> Run:
    """Raises `ValueError` for what is no name, `LookupError` where there is no such run."""
    found = Run(folders.runs() / safe_name(name, "run name"))
    if not (found.folder / "config.json").is_file():
        there = ", ".join(names(folders.runs())[:5]) or "none yet"
        raise LookupError(f"There is no run {name!r}. There are: {there}.")
    return found


def grid_named(name: str) -> Gallery:
    """Raises `ValueError` for what is no name, and for what is no grid."""
    try:
        return read(folder_of(folders.grids(), name))
    except LookupError as error:
        raise ValueError(
            f"grid: {error} Draw it with Evaluation Grid, or leave it empty."
        ) from None


def write_report(
    run: Run, grid: str = "", graph: Any = None, prompt: Any = None, share_safely: bool = False
) -> Path:
    """Make the page of `run`; return a copy of it under output/atelier/reports.

    The run keeps the newest. A copy is never written over: another page gets the next number.
    """
    sources = Sources(
        folders.pictures() / "runs" / run.name / "samples",
        folders.cells(),
        grid_named(grid.strip()) if grid.strip() else None,
        graph,
        tuple(loaded_files(prompt)),
    )
    page = report(run, sources, share_safely).encode()
    run.refuse_vanished()
    with atomic(run.folder / PAGE) as temporary:
        temporary.write_bytes(page)
    return place_page(page, folders.pictures() / "reports", run.name)


def compare_runs(runs: Sequence[Run], name: str) -> tuple[dict[str, Any], Path]:
    """`compare.compared` of them, and its page under output/atelier/reports.

    Our records keep the newest page of that name.
    """
    told = compared(runs)
    shown = Shown(grids_of([run.name for run in runs]), folders.cells())
    page = comparison(name, told, shown).encode()
    with atomic(folders.records() / COMPARED / f"{name}.html") as temporary:
        temporary.write_bytes(page)
    return told, place_page(page, folders.pictures() / "reports", name)


def grids_of(runs: Sequence[str]) -> dict[str, Gallery]:
    """The newest grid that shows each run's LoRA, or that is called like the run."""
    found: dict[str, Gallery] = {}
    for name in listed(folders.grids())[:MOST_GRIDS]:
        try:
            grid = read(folders.grids() / name)
        except ValueError:
            continue  # damaged, or somebody else's
        shown = {tile.lora for tile in grid.tiles} | {name}
        for run in runs:
            if run in shown:
                found.setdefault(run, grid)
    return found


def place_page(page: bytes, folder: Path, name: str) -> Path:
    """`folder/name.html` with these bytes, or `name-2.html` … where that is another page."""
    number = 1
    while True:
        path = folder / (f"{name}.html" if number == 1 else f"{name}-{number}.html")
        number += 1
        if path.is_file():
            if path.read_bytes() == page:
                return path
            continue
        with suppress(FileExistsError):
            with atomic(path, new=True) as temporary:
                temporary.write_bytes(page)
            return path


def loaded_files(prompt: Any) -> Iterator[str]:
    """Names of models that a queued graph loads, each once, in its order."""
    nodes = prompt.values() if isinstance(prompt, Mapping) else ()
    inputs = [node.get("inputs") for node in nodes if isinstance(node, Mapping)]
    found = (value for one in inputs if isinstance(one, Mapping) for value in one.values())
    texts = (value for value in found if isinstance(value, str))
    yield from dict.fromkeys(text for text in texts if MODEL_FILE.fullmatch(text))
