"""A sweep: a prompt, the inputs that change, and the points. Pure; its JSON is the plan on disk."""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

from ..files import legible, safe_name
from .axes import Asked, Axis, is_link, make_axes
from .places import place_of
from .points import MODES, SEARCH, make_points
from .values import Reader, Span, Value
from .wires import Workflow
from .workflow import Prompt

TRAINS = "AtelierTrainLora"
TAG = "atelier_sweep"  # in a workflow's `extra`: which sweep and point a prompt is


@dataclass(frozen=True)
class Sweep:
    """`points[n][a]` is the value of axis `a` at point `n`; points are counted from 0 here.

    A search has `count` points in the end, each asked for when it is its turn, and a `goal`.
    """

    name: str
    mode: str
    seed: int
    axes: tuple[Axis, ...]
    points: tuple[tuple[Value, ...], ...]
    prompt: Prompt = field(repr=False)
    workflow: Workflow | None = field(default=None, repr=False)
    count: int = 0
    goal: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Sweep":
        """Raises `ValueError` for what is no plan of this version."""
        if kept.get("version") != 1:
            raise ValueError(f"It has version {kept.get('version')!r}, and 1 can be read.")
        try:
            axes = [
                Axis(
                    one["node"],
                    one["input"],
                    Span(**v) if isinstance(v := one["values"], dict) else tuple(v),
                    one["title"],
                    one["slot"],
                    tuple((node, name) for node, name in one.get("also", ())),
                )
                for one in kept["axes"]
            ]
            points = tuple(tuple(point) for point in kept["points"])
            if not all(len(point) == len(axes) for point in points):
                raise ValueError("A point has another number of values than there are axes.")
            names = (kept["name"], kept["mode"], kept["seed"])
            more = (kept["workflow"], kept["count"], kept["goal"])
            return cls(*names, tuple(axes), points, kept["prompt"], *more)
        except (KeyError, TypeError) as error:
            raise ValueError(f"It is no plan of a sweep ({error!r}).") from error

    # ------------------------------------------------------------ points

    def point_name(self, number: int) -> str:
        """Short: `learning_rate 0.001, rank 8`. The node's title where an input comes twice.

        What is the same at every point is left out.
        """
        inputs = [axis.input for axis in self.axes]
        told = []
        for place, (axis, value) in enumerate(zip(self.axes, self.points[number], strict=True)):
            if len(self.points) > 1 and not self._varies[place]:
                continue
            twice = inputs.count(axis.input) > 1
            told.append(f"{axis.label if twice else axis.input} {shown(value)}")
        return ", ".join(told)

    def run_names(self, number: int) -> dict[str, str]:
        """The name of the run of each training node at a point: `<sweep>-<number>`.

        Points that differ only in what comes after a training share its run: the name is that of
        the first of them.
        """
        trains = [n for n, node in self.prompt.items() if node["class_type"] == TRAINS]
        names = {}
        for node in trains:
            if not isinstance(self.prompt[node]["inputs"].get("name"), str):
                continue
            if any((node, "name") in axis.places for axis in self.axes):
                continue
            before = upstream(self.prompt, node)
            decides = [
                a for a, axis in enumerate(self.axes) if before.intersection(dict(axis.places))
            ]
            mine = [self.points[number][a] for a in decides]
            first = next(
                n for n, point in enumerate(self.points) if [point[a] for a in decides] == mine
            )
            more = f"-node-{node.replace(':', '-')}" if len(trains) > 1 else ""
            names[node] = f"{self.name}-{first + 1:0{self._digits}d}{more}"
        return names

    @cached_property
    def _varies(self) -> list[bool]:
        return [len(set(values)) > 1 for values in zip(*self.points, strict=True)]

    @property
    def _digits(self) -> int:
        return max(2, len(str(max(self.count, len(self.points)))))

    def prompt_of(self, number: int) -> Prompt:
        """The prompt of a point, as ComfyUI's queue takes it."""
        prompt = copy.deepcopy(self.prompt)
        for axis, value in zip(self.axes, self.points[number], strict=True):
            for node, name in axis.places:
                prompt[node]["inputs"][name] = value
        for node, name in self.run_names(number).items():
            prompt[node]["inputs"]["name"] = name
        return prompt

    def workflow_of(self, number: int) -> Workflow:
        """The graph of a point, for the page; its `extra` says which point of which sweep it is."""
        graph = copy.deepcopy(self.workflow) if self.workflow else {}
        for axis, value in zip(self.axes, self.points[number], strict=True):
            if place := place_of(graph, axis.node, axis.input, axis.slot):
                place.put(value)
        for node, name in self.run_names(number).items():
            _set_name(graph, node, self.prompt[node]["inputs"]["name"], name)
        told = {"name": self.name, "point": number + 1, "title": self.point_name(number)}
        graph["extra"] = {**(graph.get("extra") or {}), TAG: told}
        return graph


def shown(value: Value) -> str:
    """A value in few characters."""
    if isinstance(value, float):
        return f"{value:.4g}"
    text = legible(value)
    return text if len(text) <= 40 else f"{text[:18]}…{text[-20:]}"


def upstream(prompt: Prompt, node: str) -> set[str]:
    """A node and all that it is made from."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one in found or one not in prompt:
            continue
        found.add(one)
        inputs = prompt[one]["inputs"].values()
        waiting += [str(value[0]) for value in inputs if is_link(value)]
    return found


def _set_name(graph: Workflow, node: str, before: str, name: str) -> None:
    """The run's name is the first widget of its node; only if it is what it was in the prompt."""
    place = place_of(graph, node, "name", 0)
    if place and place.value == before:
        place.put(name)


# ---------------------------------------------------------------- making one


def make_sweep(
    name: str,
    mode: str,
    asked: Sequence[Asked],
    prompt: Prompt,
    object_info: Mapping[str, Any],
    *,
    count: int = 0,
    seed: int = 0,
    goal: str = "",
    workflow: Workflow | None = None,
    reader: Reader | None = None,
) -> Sweep:
    """The sweep that a person asks for, every value of every point checked.

    `count` points of a random or latin sweep, or of a search for a `goal`, any score. Raises
    `ValueError` that names the axis.
    """
    name = safe_name(name, "sweep name")
    if mode not in (*MODES, SEARCH):
        raise ValueError(f"{legible(mode)} is no kind of sweep. There is {', '.join(MODES)}.")
    if (mode == SEARCH) != bool(goal):
        raise ValueError("A search needs a goal, such as held-out loss, and only a search has one.")
    axes = make_axes(asked, prompt, object_info, reader, workflow)
    twice = [a.label for n, a in enumerate(axes) if any(_meet(a, other) for other in axes[:n])]
    if twice:
        raise ValueError(f"{twice[0]} is there twice. Put all its values into one axis.")
    points = tuple(make_points(axes, mode, count, seed))
    count = count if mode == SEARCH else len(points)
    return Sweep(name, mode, seed, tuple(axes), points, prompt, workflow, count, goal)


def _meet(one: Axis, other: Axis) -> bool:
    return not set(one.places).isdisjoint(other.places)
