"""Which pictures of a dataset are kept, which are set aside, and why. Nothing is ever deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..data.buckets import bucket_sizes, nearest_bucket
from ..data.dataset import Dataset
from ..records import names_of
from . import whole
from .checks import fit, reasons
from .duplicates import near
from .embeddings import Embedded
from .lettering import lettered
from .look import Look
from .settings import CurationSettings
from .verdict import Curation, Verdict
from .whole import Likeness


def usual_step(resolution: int) -> int:
    """By how many pixels buckets grow, for VAEs that shrink eightfold."""
    return max(16, min(64, resolution // 8 // 16 * 16))


def curate(
    dataset: Dataset,
    looks: Sequence[Look],
    settings: CurationSettings,
    decided: Mapping[str, str] | None = None,
    likes: Likeness | None = None,
    read: Embedded | None = None,
) -> Curation:
    """Judge every picture of `dataset`, of which `looks` are the looks, in its order.

    `decided` are a person's decisions by content (`KEEP` or `ASIDE`); they come
    before what is recommended. Without `likes` nothing is said of the set as a whole, without
    `read`, what `Lettering` read, nothing of text.
    """
    sizes = bucket_sizes(settings.resolution, usual_step(settings.resolution))
    decided = decided or {}
    names = names_of(dataset.records)
    verdicts = []
    for name, record, look in zip(names, dataset.records, looks, strict=True):
        fitted = fit(record, nearest_bucket(record.width, record.height, sizes))
        why = tuple(reasons(look, fitted, settings))
        verdicts.append(Verdict(name, record, look, fitted, why, decided.get(look.content, "")))
    if read is not None:
        _add(verdicts, dict(lettered(read)))
    if settings.alike:
        pairs = near(looks, settings.alike, likes.all if likes else ())
        _add(verdicts, whole.duplicates(verdicts, pairs))
    if likes is None:
        return Curation(dataset, settings, tuple(verdicts))
    if settings.strange:
        _add(verdicts, whole.outliers(likes.classical, settings.strange))
    if settings.frequent:
        _add(verdicts, whole.over_represented(verdicts, likes.best, settings.frequent))
    for number, cluster in whole.clustered(likes.best).items():
        verdicts[number] = replace(verdicts[number], cluster=cluster)
    return Curation(dataset, settings, tuple(verdicts), tuple(whole.notes(verdicts, likes)))


def _add(verdicts: list[Verdict], found: whole.Found) -> None:
    for number, reason in found.items():
        one = verdicts[number]
        verdicts[number] = replace(one, reasons=(*one.reasons, reason))
