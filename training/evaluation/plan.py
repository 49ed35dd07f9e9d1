"""What an evaluation grid consists of: rows of prompts and seeds, columns of strengths. Pure."""

import re
from dataclasses import asdict, dataclass
from itertools import product

from ..files import digest, legible

MOST_CELLS = 4096


@dataclass(frozen=True)
class Sampling:
    """The settings that all cells of a grid share, as ComfyUI's KSampler names them."""

    negative: str
    steps: int
    cfg: float
    sampler_name: str
    scheduler: str
    width: int
    height: int


@dataclass(frozen=True)
class Cell:
    """One picture: `strength` 0 is the base without the LoRA."""

    row: int
    column: int
    prompt: str
    seed: int
    strength: float
    key: str


@dataclass(frozen=True)
class GridPlan:
    """All cells of a grid, row by row, and what stands beside them."""

    name: str
    sampling: Sampling
    strengths: tuple[float, ...]
    rows: tuple[tuple[str, int], ...]
    cells: tuple[Cell, ...]

    @property
    def column_labels(self) -> list[str]:
        return ["without LoRA" if not s else f"strength {s:g}" for s in self.strengths]

    @property
    def row_labels(self) -> list[str]:
        return [f"{prompt}\nseed {seed}" for prompt, seed in self.rows]


def numbers(text: str, what: str) -> list[float]:
    """The numbers in `0, 0.5 1`; `ValueError` naming `what` and the word that is none."""
    found: list[float] = []
    for word in re.split(r"[\s,;]+", text.strip()):
        try:
            value = float(word)
        except ValueError:
            raise ValueError(
                f"{what}: {word!r} is not a number. Write numbers with commas between them, such "
                "as 0.5, 1."
            ) from None
        if not abs(value) < 1e19:
            raise ValueError(f"{what}: {word!r} is out of range.")
        if value not in found:
            found.append(value)
    return found


def lines(text: str) -> list[str]:
    """The prompts in a text, one a line; empty lines and repetitions are left out."""
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def _is_text(text: str) -> bool:
    try:
        return bool(text.encode())
    except UnicodeEncodeError:  # JSON can hold one half of a pair
        return False


def make_plan(
    name: str, prompts: str, seeds: str, strengths: str, sampling: Sampling, made_from: str
) -> GridPlan:
    """The plan for texts as a person wrote them; the base without LoRA is always the first column.

    `made_from` is a hash of model, text encoder, VAE and LoRA. A cell's key says everything that
    decides its picture, so that a finished cell is found again by it. Raises `ValueError` for what
    cannot be read.
    """
    wanted = lines(prompts)
    if not wanted:
        raise ValueError("prompts: there is none. Write one on each line.")
    if broken := next((one for one in wanted if not _is_text(one)), None):
        raise ValueError(f"prompts: {legible(broken)!r} has half a character in it: write it anew.")
    whole = numbers(seeds, "seeds")
    if any(seed != int(seed) or not 0 <= seed < 2**64 for seed in whole):
        raise ValueError(f"seeds: {seeds!r} must be whole numbers from 0 to 2^64 - 1.")
    columns = [0.0, *(s for s in numbers(strengths, "strengths") if s)]
    rows = [(prompt, int(seed)) for prompt, seed in product(wanted, whole)]
    if len(rows) * len(columns) > MOST_CELLS:
        raise ValueError(
            f"{len(rows)} rows of {len(columns)} strengths are more than {MOST_CELLS} pictures. "
            "Take fewer prompts, seeds or strengths, or make several grids."
        )
    cells = []
    for (row, (prompt, seed)), (column, strength) in product(enumerate(rows), enumerate(columns)):
        key = digest(made_from, prompt, str(seed), repr(strength), repr(asdict(sampling)))
        cells.append(Cell(row, column, prompt, seed, strength, key))
    return GridPlan(name, sampling, tuple(columns), tuple(rows), tuple(cells))
