"""A grid on disk is scored, and a checkpoint recommended: `scores.json` beside its manifest."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..curation.look import decoded
from ..data.dataset import Record
from ..files import atomic, legible, write_json
from ..records import names_of
from . import losses, manifest
from .contenders import Limits, contenders
from .entries import columns_named, shots_of
from .eyes import Encoders, Eyes, prints
from .grid import cell_file
from .recommend import Recommendation, recommend
from .scores import Score, Scores, score
from .set_distances import set_distances
from .shots import Evidence, Prints, Said, Seen, Shot

FILE, VERSION = "scores.json", 1
SHOWN = 256  # pixels of a training picture that stands beside a cell


@dataclass(frozen=True)
class Real:
    """Real pictures: those held out of the training, and those it was made of."""

    references: Sequence[Record] = ()
    training: Sequence[Record] = ()


def score_grid(
    folder: Path,
    cells: Path,
    real: Real,
    encoders: Encoders,
    eyes: Eyes,
    logged: Sequence[Mapping[str, Any]] = (),
    sets: bool = False,
) -> dict[str, Any]:
    """Score the grid in `folder`, whose pictures lie in `cells`; write and return its scores.

    `logged` is the log of the run whose checkpoints are shown, if it is one; with `sets`, CMMD and
    KID are among the scores. Raises `ValueError` that names the grid, or a picture that is not
    there. What was looked at is kept, so that a stopped one goes on.
    """
    with _naming(folder):
        told = manifest.read(folder)
        shots, named = shots_of(told), columns_named(told)
        evidence = _evidence(shots, cells, real, encoders, eyes)
        steps = {column: step for column, (_, _, step, _) in named.items() if step is not None}
        found = score(shots, replace(evidence, held_out=losses.at_steps(logged, steps)))
        found |= set_distances(shots, evidence.style) if sets else {}
    if "held_out" in found:
        found["held_out"] = replace(found["held_out"], more=losses.curve(logged))
    written = {name: one.told(shots) for name, one in found.items()}
    _keep_nearest(folder, written, real.training)
    whole = {"version": VERSION, "scores": written, "recommendation": None}
    write_json(folder / FILE, whole)
    return whole


def recommend_of(folder: Path, limits: Limits | None = None) -> Recommendation:
    """What the scores of the grid in `folder` recommend; written beside them.

    Raises `ValueError` where it was not scored yet, or its scores are of other pictures.
    """
    path = folder / FILE
    with _naming(folder):
        told = manifest.read(folder)
        shots, named = shots_of(told), columns_named(told)
        whole = _read(path)
        scores = {name: Score.of(one, shots) for name, one in whole["scores"].items()}
        found = recommend(contenders(shots, _whole(scores, shots), named), limits)
    found = replace(found, advice=(*found.advice, *losses.advice(whole["scores"], found.chosen)))
    write_json(path, whole | {"recommendation": found.told()})
    return found


def pictures(folder: Path, real: Real) -> int:
    """How many pictures are looked at, for a bar."""
    with _naming(folder):
        return len(shots_of(manifest.read(folder))) + len(real.references) + len(real.training)


def labels(folder: Path) -> list[str]:
    """What stands over the columns of a grid."""
    with _naming(folder):
        named = columns_named(manifest.read(folder))
    return [named[column][0] if column in named else "" for column in range(max(named) + 1)]


@contextmanager
def _naming(folder: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        text = f"{error}".rstrip(".")
        raise ValueError(f"The grid {legible(folder.name)}: {text}.") from error


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise ValueError("it has no scores yet. Put Score Grid before Recommend Checkpoint")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["version"] == VERSION and isinstance(found["scores"], dict):
            return found
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({legible(error)}). Score it again") from error
    raise ValueError(f"{path} is of another version. Score the grid again")


def _whole(scores: Scores, shots: Sequence[Shot]) -> Scores:
    """`ValueError` for scores of another grid: one that was drawn anew under the name."""
    pairs = scores["copying"].pairs if "copying" in scores else {shot.key: {} for shot in shots}
    known = scores["identity"].values if "identity" in scores else np.zeros(len(shots))
    if any(shot.key not in pairs for shot in shots) or not np.isfinite(known).all():
        raise ValueError("its scores are of other pictures. Score it again")
    return scores


def _evidence(
    shots: Sequence[Shot], cells: Path, real: Real, encoders: Encoders, eyes: Eyes
) -> Evidence:
    drawn = [Record(cell_file(cells, shot.key), shot.plain, 0, 0) for shot in shots]
    if gone := next((record.path for record in drawn if not record.path.is_file()), None):
        raise ValueError(f"its picture {gone} is gone. Draw the grid again")
    parts = {"shots": drawn, "references": real.references, "training": real.training}
    looks = {name: eyes.looks(records) for name, records in parts.items()}

    def seen(encoder: Any) -> Seen:
        rows = {name: eyes.vectors(encoder, parts[name], looks[name]) for name in parts}
        return Seen(encoder.name, **rows)

    said = None
    if text := encoders.text:
        rows = eyes.vectors(text, drawn, looks["shots"])
        plain = list(dict.fromkeys(shot.plain for shot in shots))
        known = dict(zip(plain, text.texts(plain), strict=True))
        said = Said(text.name, rows, np.stack([known[shot.plain] for shot in shots]))
    names = names_of(real.training)
    hashes = Prints(prints(looks["shots"]), prints(looks["training"]), names)
    return Evidence(seen(encoders.identity), seen(encoders.style), said, hashes)


def _keep_nearest(folder: Path, written: dict[str, Any], training: Sequence[Record]) -> None:
    """Small copies of the training pictures that are nearest to a cell, to be shown beside it."""
    for pair in written.get("copying", {}).get("pairs", {}).values():
        record = training[pair["place"]]
        path = folder / f"training-{record.content[:16]}.png"
        pair["picture"] = path.name
        if not path.is_file():
            with atomic(path) as temporary:
                decoded(record.path, SHOWN).save(temporary, "PNG")
