"""What an evaluation grid consists of: rows, columns and cells. Pure.

The base without LoRA is always the first column, whatever else varies.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from math import prod
from typing import Any

from ..files import digest
from . import suite
from .axes import (
    CHECKPOINT,
    LORA,
    OF_THE_LORA,
    STRENGTH,
    Axes,
    Axis,
    Value,
    numbers,
    rows_of,
    setting_axes,
    whole_numbers,
)

MOST_CELLS = 4096
WITHOUT, WITH = "without LoRA", "with LoRA"
BASE: dict[str, Any] = {"shown": None, "strength": 0.0}


@dataclass(frozen=True)
class Sampling:
    """The settings of a picture, as ComfyUI's KSampler names them. `chain` is a hash of what is
    wired besides: sampler, sigmas, guider, noise."""

    negative: str
    steps: int
    cfg: float
    sampler_name: str
    scheduler: str
    width: int
    height: int
    chain: str = ""


@dataclass(frozen=True)
class Shown:
    """A LoRA, or several at once, as a plan knows it: `content` is a hash of what it does, and
    `place` where it stands among those that were wired."""

    name: str
    content: str
    checkpoint: int | None = None
    place: int = 0

    @property
    def label(self) -> str:
        return self.name if self.checkpoint is None else f"{self.name} · step {self.checkpoint}"


@dataclass(frozen=True)
class Cell:
    """One picture. Without `shown` it is the base's, `number` its place in a batch; cells that are
    drawn at once have the same `drawing`."""

    row: int
    column: int
    key: str
    drawing: str
    prompt: suite.Prompt
    seed: int
    number: int
    shown: Shown | None
    strength: float
    sampling: Sampling
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class GridPlan:
    """All cells of a grid, row by row, and what stands beside them, by the names of the axes."""

    name: str
    sampling: Sampling
    row_axes: tuple[str, ...]
    column_axes: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]
    columns: tuple[Mapping[str, str], ...]
    cells: tuple[Cell, ...]
    batch: int = 1

    @property
    def row_labels(self) -> list[str]:
        return [_said(labels, "\n") for labels in self.rows]

    @property
    def column_labels(self) -> list[str]:
        return [_said(labels, " · ") for labels in self.columns]


@dataclass(frozen=True)
class Wanted:
    """What a person asked for, as texts and settings. `samplers` and `schedulers` are the names
    that there are."""

    name: str
    prompts: str
    seeds: str
    strengths: str
    sampling: Sampling
    axes: Axes = field(default_factory=Axes)
    samplers: Sequence[str] = ()
    schedulers: Sequence[str] = ()


def make_plan(wanted: Wanted, shown: Sequence[Shown], made_from: Callable[[str], str]) -> GridPlan:
    """The plan for texts as a person wrote them.

    `made_from` is a hash, by prompt, of base, text encoder, VAE and embeddings. A cell's key says
    everything that decides its picture, so that a finished cell is found again by it. Raises
    `ValueError` for what cannot be read.
    """
    prompts = suite.read(wanted.prompts).prompts
    if not prompts:
        raise ValueError("prompts: there is none. Write one on each line.")
    settings = setting_axes(wanted.axes, wanted.samplers, wanted.schedulers)
    axes = [*_pictures(wanted, prompts), *_loras(wanted, shown), *settings]
    named = rows_of(wanted.axes.rows)
    down = [axis for axis in axes if _kind(axis) in named]
    down.sort(key=lambda axis: named.index(_kind(axis)))
    of_lora = [axis for axis in axes if axis.name in OF_THE_LORA and axis not in down]
    rest = [axis for axis in axes if axis not in down and axis not in of_lora]
    compared = any(axis.name in OF_THE_LORA for axis in axes)
    _refuse_too_many(down, of_lora, rest, compared)
    rows, columns = _crossed(down), _with_base(of_lora, rest, compared)
    varied = {name for axis in settings for value in axis.values for name in value.sets}
    parts = {prompt.text: made_from(prompt.text) for prompt in prompts}
    cells = [
        _cell(row, column, dict(line.sets) | dict(value.sets), wanted, parts, varied)
        for (row, line), (column, value) in product(enumerate(rows), enumerate(columns))
    ]
    return GridPlan(
        wanted.name,
        wanted.sampling,
        tuple(axis.name for axis in down),
        tuple(columns[0].labels),
        tuple(row.labels for row in rows),
        tuple(column.labels for column in columns),
        tuple(cells),
        wanted.axes.batch_size,
    )


@dataclass(frozen=True)
class _Line:
    """A row or a column."""

    labels: Mapping[str, str]
    sets: Mapping[str, Any]


def _kind(axis: Axis) -> str:
    return LORA if axis.name == CHECKPOINT else axis.name


def _pictures(wanted: Wanted, prompts: Sequence[suite.Prompt]) -> list[Axis]:
    """What does not depend on the LoRA."""
    seeds = whole_numbers(wanted.seeds, "seeds", 0, 2**64 - 1, "0 to 2^64 - 1")
    batch = wanted.axes.batch_size
    drawn = [
        Value(
            f"{seed} · {number + 1} of {batch}" if batch > 1 else f"{seed}",
            {"seed": seed, "number": number},
        )
        for seed, number in product(seeds, range(batch))
    ]
    return [
        Axis("prompt", tuple(Value(one.text, {"prompt": one}) for one in prompts)),
        Axis("seed", tuple(drawn)),
    ]


def _loras(wanted: Wanted, shown: Sequence[Shown]) -> list[Axis]:
    """What is compared with the base; nothing if the only strength is 0."""
    if not shown:
        raise ValueError("There is no LoRA to judge. Wire 'lora', or Grid LoRAs to 'axes'.")
    strengths = [one for one in numbers(wanted.strengths, "strengths") if one]
    if not strengths:
        return []
    of_run = len({one.name for one in shown}) == 1 and shown[0].checkpoint is not None
    alone = {} if len(shown) > 1 or of_run else {"shown": shown[0]}
    strong = Axis(STRENGTH, tuple(Value(f"{s:g}", alone | {"strength": s}) for s in strengths))
    if alone:
        return [strong]
    labels = [f"step {one.checkpoint}" if of_run else one.label for one in shown]
    values = [Value(label, {"shown": one}) for label, one in zip(labels, shown, strict=True)]
    return [Axis(CHECKPOINT if of_run else LORA, tuple(values)), strong]


def _crossed(axes: Sequence[Axis]) -> list[_Line]:
    lines = []
    for values in product(*(axis.values for axis in axes)):
        labels = {axis.name: value.label for axis, value in zip(axes, values, strict=True)}
        sets: dict[str, Any] = {}
        for value in values:
            sets |= value.sets
        lines.append(_Line(labels, sets))
    return lines


def _with_base(of_lora: Sequence[Axis], rest: Sequence[Axis], compared: bool) -> list[_Line]:
    """The columns: the base at each of the other settings, then all with LoRA, if `compared`."""
    names = [axis.name for axis in of_lora] or ["with" if compared else STRENGTH]
    without = {name: WITHOUT if name == names[0] else "" for name in names}
    bases = [_Line(without | dict(o.labels), BASE | dict(o.sets)) for o in _crossed(rest)]
    if not compared:
        return bases
    marked = [] if of_lora else [Axis("with", (Value(WITH, {}),))]
    return bases + _crossed([*of_lora, *marked, *rest])


def _refuse_too_many(
    down: Sequence[Axis], of_lora: Sequence[Axis], rest: Sequence[Axis], compared: bool
) -> None:
    rows, others = (prod(len(axis.values) for axis in axes) for axes in (down, rest))
    columns = others * (1 + compared * prod(len(axis.values) for axis in of_lora))
    if rows * columns > MOST_CELLS:
        told = ", ".join(f"{axis.name} {len(axis.values)}" for axis in (*down, *of_lora, *rest))
        raise ValueError(
            f"{rows} rows of {columns} pictures ({told}) are more than {MOST_CELLS} pictures. "
            "Take fewer of them, or make several grids."
        )


def _cell(
    row: int,
    column: int,
    sets: dict[str, Any],
    wanted: Wanted,
    parts: Mapping[str, str],
    varied: set[str],
) -> Cell:
    shown, prompt = sets.get("shown"), sets["prompt"]
    changes = {name: value for name, value in sets.items() if name in varied}
    sampling = replace(wanted.sampling, **changes)
    strength = sets["strength"]
    batch = wanted.axes.batch_size
    drawing = digest(
        parts[prompt.text],
        prompt.text,
        shown.content if shown else "",
        repr(strength),
        str(sets["seed"]),
        str(batch),
        repr(asdict(sampling)),
    )
    number = sets["number"]
    return Cell(
        row,
        column,
        drawing if batch == 1 else digest(drawing, str(number)),
        drawing,
        prompt,
        sets["seed"],
        number,
        shown,
        strength,
        sampling,
        changes,
    )


def _said(labels: Mapping[str, str], between: str) -> str:
    """Labels as a person reads them: what explains itself stands alone."""
    named = ("seed", STRENGTH, "steps", "cfg")
    return between.join(
        f"{name} {label}" if name in named and label != WITHOUT else label
        for name, label in labels.items()
        if label
    )
