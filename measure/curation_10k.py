"""Ten thousand pictures: listed, compared and judged, in a process of its own that counts memory.

`python -m atelier.measure.curation_10k FOLDER PLACE`, where FOLDER holds the pictures.
"""

import json
import os
import random
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ..training.curation.curate import curate
from ..training.curation.duplicates import near
from ..training.curation.looks import Looks
from ..training.curation.settings import CurationSettings
from ..training.data.dataset import Dataset
from ..training.data.folder import Ways, read_folder
from ..training.data.pictures import open_rgb
from ..training.data.readers import facts
from .report import Value
from .speed_memory import apart

AT = 512


def speed(pictures: Sequence[Path], place: Path, count: int) -> dict[str, Value]:
    """Figures of `count` windows of real pictures at 512 x 512, each with a caption beside it."""
    folder = place / "many"
    folder.mkdir()
    sources = [open_rgb(path) for path in pictures[:200]]

    def make(number: int) -> None:
        dice = random.Random(number)
        source = sources[number % len(sources)]
        side = dice.uniform(0.4, 0.9) * min(source.size)
        left = dice.uniform(0, source.width - side)
        top = dice.uniform(0, source.height - side)
        box = (left, top, left + side, top + side)
        picture = source.resize((AT, AT), 2, box=box)
        picture.save(folder / f"{number:05d}.jpg", quality=88)
        (folder / f"{number:05d}.txt").write_text(f"picture number {number}")
        for suffix in (".jpg", ".txt"):  # as old as a dataset is
            os.utime(folder / f"{number:05d}{suffix}", (1e9, 1e9))

    with ThreadPoolExecutor(2) as workers:
        list(workers.map(make, range(count)))
    sources.clear()
    time.sleep(3)  # what was written just now is not relied on
    return apart(__name__, str(folder), str(place))


def figures(folder: Path, place: Path) -> dict[str, Value]:
    """Of the pictures in `folder`; caches go to `place`."""
    ways = Ways(facts=place / "listing")
    name = f"{len(list(folder.glob('*.jpg'))) // 1000}k"
    read: list[Path] = []
    _note_reads(read)
    before = _peak()
    first, _ = _timed(lambda: read_folder(folder, ways))
    again, dataset = _timed(lambda: read_folder(folder, ways))
    (folder / "00007.txt").write_text("an edited caption")
    read.clear()
    one, dataset = _timed(lambda: read_folder(folder, ways))
    redone = len(read)
    compared, _ = _timed(lambda: _near(dataset, place))
    judged, _ = _timed(lambda: _judge(dataset, place))
    peak = _peak() - before
    judged_again, _ = _timed(lambda: _judge(read_folder(folder, ways), place))
    return {
        f"list_{name}_s": round(again, 2),
        f"list_first_{name}_s": round(first, 2),
        f"list_one_changed_{name}_s": round(one, 2),
        "files_read_after_one_changed": redone,
        f"dedupe_{name}_s": round(compared, 2),
        f"judge_{name}_s": round(judged, 2),
        f"judge_again_{name}_s": round(judged_again, 2),
        "peak_mb": round(peak, 1),
    }


def _note_reads(read: list[Path]) -> None:
    """Have every picture and caption that is opened in a listing noted."""

    def noting(function: Callable[[Path], Any]) -> Callable[[Path], Any]:
        def noted(path: Path) -> Any:
            read.append(path)
            return function(path)

        return noted

    facts.size_of, facts.read_text = noting(facts.size_of), noting(facts.read_text)


def _near(dataset: Dataset, place: Path) -> None:
    near(Looks(place / "small-looks", 128).of(dataset.records), CurationSettings().alike)


def _judge(dataset: Dataset, place: Path) -> None:
    looks = Looks(place / "looks", AT).of(dataset.records)
    curate(dataset, looks, CurationSettings(resolution=AT))


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.monotonic()
    result = work()
    return time.monotonic() - start, result


def _peak() -> float:
    """The most memory that this process has had, in MB (Linux counts in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(json.dumps(figures(*map(Path, sys.argv[1:]))))
