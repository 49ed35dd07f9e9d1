"""The captions of a Dataset judged."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..curation.look import Look
from ..data.dataset import Dataset, Record
from ..records import names_of
from . import lint_report
from .changes import lines_of
from .lint import Counted, Finding, Rank, lint
from .settings import LintSettings

Count = Callable[[Sequence[str]], Sequence[Counted]]
LookAt = Callable[[Sequence[Record]], Sequence[Look]]


@dataclass(frozen=True)
class Linted:
    """The findings, each with the numbers of captions; `names` are their pictures'.

    A picture with several captions is there several times.
    """

    title: str
    names: tuple[str, ...]
    captions: tuple[str, ...]
    findings: tuple[Finding, ...]
    counted: tuple[Counted, ...]

    def text(self) -> str:
        return lint_report.text(self.title, self.names, self.captions, self.findings, self.counted)

    def json(self) -> str:
        found = lint_report.values(self.names, self.findings)
        return json.dumps(found, indent=2, ensure_ascii=False)


def lint_dataset(
    dataset: Dataset, settings: LintSettings, count: Count, rank: Rank, look_at: LookAt
) -> Linted:
    """Judge every caption of `dataset`; a line of a caption file with several is one.

    `count` are the tokens of texts by text encoder, `rank` the place of a word in CLIP's
    vocabulary; `look_at` is asked only for pictures whose captions are the same, or nearly.
    """
    each = [
        (record, name, line)
        for record, name in zip(dataset.records, names_of(dataset.records), strict=True)
        for line in lines_of(record) or ("",)
    ]
    captions = [line for _, _, line in each]
    counted = count(captions)

    def looks_of(numbers: Sequence[int]) -> Sequence[Look]:
        return look_at([each[number][0] for number in numbers])

    findings = lint(captions, settings, counted, rank, looks_of)
    names = tuple(name for _, name, _ in each)
    return Linted(dataset.name, names, tuple(captions), tuple(findings), tuple(counted))
