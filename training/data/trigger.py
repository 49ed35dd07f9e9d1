"""The word by which what is learned will be called, in every caption. Pure."""

import re
from dataclasses import replace

from .dataset import Dataset, Record


def with_trigger(dataset: Dataset, trigger: str) -> Dataset:
    """`dataset` with `trigger` in front of each caption that lacks it, as a tag of its own.

    A caption has it where the same words stand in it, in capitals or not. Nothing is written to the
    caption files; without a trigger the dataset is what it was.
    """
    trigger = " ".join(trigger.split())
    if not trigger:
        return dataset
    here = re.compile(rf"(?<!\w){re.escape(trigger)}(?!\w)", re.IGNORECASE)

    def marked(caption: str) -> str:
        if here.search(caption):
            return caption
        return f"{trigger}, {caption}" if caption else trigger

    def record(one: Record) -> Record:
        return replace(one, caption=marked(one.caption), lines=tuple(map(marked, one.lines)))

    return replace(dataset, records=tuple(map(record, dataset.records)))
