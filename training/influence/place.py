"""The folder in which the dataset page shows a dataset's pictures. Pure."""

import os
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from ..data.dataset import Dataset, Record


def page_folder(dataset: Dataset, marked: Collection[Record], roots: Collection[Path]) -> str:
    """The one that all pictures lie in, if it lies below one of `roots` (the folders that may be
    read) and is not itself one; else that of most of the `marked` ones. Empty if there is none.
    """
    parents = [record.path.parent for record in dataset.records]
    try:
        common = Path(os.path.commonpath(parents)) if parents else None
    except ValueError:  # on several drives
        common = None
    if common and any(root in common.parents for root in roots):
        return str(common)
    counted = Counter(record.path.parent for record in marked or dataset.records)
    return str(counted.most_common(1)[0][0]) if counted else ""
