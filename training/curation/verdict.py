"""What is said of one picture, and of all."""

from dataclasses import dataclass, replace

from ..data.dataset import Dataset, Record
from .checks import Fit, Reason
from .decisions import KEEP
from .look import Look
from .settings import CurationSettings


@dataclass(frozen=True)
class Verdict:
    """One picture: what is recommended and why, and what a person decided, if anything.

    `cluster` counts from 1, the largest; 0 where pictures were not compared.
    """

    name: str
    record: Record
    look: Look
    fit: Fit
    reasons: tuple[Reason, ...]
    decided: str = ""
    cluster: int = 0

    @property
    def kept(self) -> bool:
        return self.decided == KEEP or not (self.reasons or self.decided)

    @property
    def worth(self) -> tuple[bool, bool, int, int]:
        """Sorts the best first: what a person keeps, then flawless, large, with a long caption."""
        area = self.record.width * self.record.height
        return self.decided != KEEP, not self.kept, -area, -len(self.record.caption)


@dataclass(frozen=True)
class Curation:
    """What was found in a dataset, picture by picture, in its order.

    `notes` are what is said of the set as a whole, and by which encoder.
    """

    dataset: Dataset
    settings: CurationSettings
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...] = ()

    def part(self, kept: bool) -> Dataset:
        """The pictures that are kept, or those that are set aside."""
        records = tuple(one.record for one in self.verdicts if one.kept is kept)
        return replace(self.dataset, records=records)
