"""The word by which what is learned will be called, in every caption. Pure."""

import re
from collections.abc import Callable
from dataclasses import replace

from .dataset import Dataset, Record

NOTE = "trigger"  # under which a dataset's notes have it


def with_trigger(dataset: Dataset, trigger: str) -> Dataset:
    """`dataset` with `trigger` in front of each caption that lacks it, as a tag of its own.

    Nothing is written to the caption files; without a trigger the dataset is what it was. The word
    stands in its notes as `trigger`, and so in the file that is trained on it.
    """
    trigger = " ".join(trigger.split())
    if not trigger:
        return dataset
    has = trigger_in(trigger)

    def marked(caption: str) -> str:
        return caption if has(caption) else led_by(trigger, caption)

    def record(one: Record) -> Record:
        return replace(one, caption=marked(one.caption), lines=tuple(map(marked, one.lines)))

    words = [*filter(None, dataset.notes.get(NOTE, "").split(", ")), trigger]
    notes = dataset.notes | {NOTE: ", ".join(dict.fromkeys(words))}
    return replace(dataset, records=tuple(map(record, dataset.records)), notes=notes)


def trigger_in(trigger: str) -> Callable[[str], object]:
    """Whether a caption has `trigger`: where the same words stand in it, in capitals or not."""
    return re.compile(rf"(?<!\w){re.escape(trigger)}(?!\w)", re.IGNORECASE).search


def led_by(trigger: str, caption: str) -> str:
    return f"{trigger}, {caption}" if caption else trigger
