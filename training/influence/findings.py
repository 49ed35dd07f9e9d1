"""What was found of a run's pictures: `influence.json` in its folder, and marks for the page.

The marks are kept by the content of a picture, for all runs in one file: whatever folder the
dataset page opens, it shows what was found of the pictures in it last.
"""

import datetime
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..data.dataset import Dataset
from ..files import write_json
from ..records import names_of
from .scores import Scores, kinds

FILE = "influence.json"  # in the run's folder, and, of all runs, among Atelier's own
FLAG = "influence"  # what the page's filter calls these marks
MOST = 50_000  # marks that are kept, the newest
_ABOUT = (
    "What Atelier found of the training pictures of this run. influence: how far a step on a "
    "picture goes the way in which the loss of the held-out pictures falls (-1 to 1), and its "
    "standard error; output: the same for the chosen output; share: of the whole training's pull; "
    "caption: by how much its caption lowers its loss, as a share of that without one."
)
_MARKING = threading.Lock()


def value(
    run: str,
    dataset: Dataset,
    held_out: Dataset | None,
    output: Dataset | None,
    steps: Sequence[int],
    count: int,
    found: Scores,
) -> dict[str, Any]:
    """As it is written, the worst picture first."""
    named = kinds(found)
    names = names_of(dataset.records)
    pictures = []
    for number in found.order.tolist():
        one: dict[str, Any] = {
            "name": names[number],
            "content": dataset.records[number].content,
            "kinds": list(named[number]),
            "caption": round(float(found.caption[number]), 5),
            "share": round(float(found.share[number]), 5),
        }
        if held_out:
            one["influence"] = round(float(found.held_out[number]), 5)
            one["error"] = round(float(found.error[number]), 5) if len(held_out) > 1 else None
        if output:
            one["output"] = round(float(found.output[number]), 5)
        pictures.append(one)
    return {
        "version": 1,
        "about": _ABOUT,
        "run": run,
        "made": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "checkpoints": list(steps),
        "noise_levels": count,
        "held_out": len(held_out) if held_out else 0,
        "outputs": len(output) if output else 0,
        "pictures": pictures,
    }


def read(folder: Path) -> dict[str, Any]:
    """A run's `influence.json`; nothing where there is none that can be read."""
    try:
        found = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def keep(folder: Path, found: Mapping[str, Any]) -> None:
    """Write a run's `influence.json`."""
    write_json(folder / FILE, dict(found))


def dominant(found: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Pictures that dominate a training, and their share of its pull, the greatest first.

    `found` is what `read` gives for the run; nothing where nothing was found.
    """
    named = [
        (str(one["name"]), float(one["share"]))
        for one in found.get("pictures", ())
        if "dominant" in one["kinds"]
    ]
    return sorted(named, key=lambda one: -one[1])


def said(one: Mapping[str, Any]) -> list[str]:
    """What is said of a picture of `influence.json`, for a person."""
    told = []
    if "mislabelled" in one["kinds"]:
        share = one["caption"]
        what = "raises" if share < 0 else "hardly lowers"
        told.append(f"its caption {what} its loss ({-share:+.0%}): it may be another picture's")
    if "harmful" in one["kinds"]:
        told.append(f"learning it harms the held-out pictures ({one['influence']:+.3f})")
    if "dominant" in one["kinds"]:
        told.append(f"it alone is {one['share']:.0%} of what the training learns from")
    return told


# ---------------------------------------------------------------- marks for the page


def mark(folder: Path, found: Mapping[str, Any]) -> None:
    """Keep what is said of the pictures in `influence.json` of `folder`; what was said of the same
    pictures before is over.
    """
    with _MARKING:
        known = marks(folder)
        for one in found["pictures"]:
            known.pop(one["content"], None)
            if told := said(one):
                known[one["content"]] = [f"{FLAG}: {text} (run {found['run']})" for text in told]
        newest = dict(list(known.items())[-MOST:])
        if newest != marks(folder):
            write_json(folder / FILE, {"about": "Shown on the dataset page.", "marks": newest})


def marks(folder: Path) -> dict[str, list[str]]:
    """What is said of pictures, by content."""
    known = read(folder).get("marks")
    if not isinstance(known, dict):
        return {}
    return {
        content: [str(text) for text in told]
        for content, told in known.items()
        if isinstance(told, list)
    }
