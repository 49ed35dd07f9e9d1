"""What became of faults that were injected."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """What became of some faults. `lost`: more was gone than may be, or the end was another;
    `changed`: files that were there and are not what they were.
    """

    what: str
    faults: int
    lost: int = 0
    changed: int = 0
    kills: int = 0
    bad_inputs: int = 0
    told: str = ""
