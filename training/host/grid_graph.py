"""A grid's missing cells as graphs of ComfyUI's own nodes, which ComfyUI runs as any other.

A grid is drawn in parts of `AT_ONCE` drawings, each a graph that ends with the node that brings the
next one. So a grid of thousands does not fill ComfyUI's lists of nodes at once, and what a picture
was made from can go when it is kept.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from comfy_execution.graph_utils import GraphBuilder

from ..evaluation.grid import Drawing
from ..evaluation.pace import Pace
from ..evaluation.plan import Cell, GridPlan
from ..stack.stack import Item, Stack
from .grid_chain import Chain
from .grid_subject import Subject, network_alone
from .progress import clock, forget_finished, show_text

AT_ONCE = 8  # drawings in a graph
AFTER = tuple(f"after_{number}" for number in range(1, AT_ONCE + 1))

Link = Any  # of a node in the graph, or a value in its place
Expanded = tuple[dict[str, Any], tuple[Link, Link]]


@dataclass
class Work:
    """What is still to be drawn of a plan, and what was made for it so far."""

    plan: GridPlan
    todo: list[Drawing]
    subject: Subject
    chain: Chain | None
    pace: Pace
    prefix: str = field(default_factory=GraphBuilder.alloc_prefix)
    parts: int = 0
    done: int = 0
    links: dict[tuple[Any, ...], Link] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.total = len(self.todo)
        self.uses = Counter(self._text_of(one.cell) for one in self.todo)
        self.left = self.pace.work(self.todo)

    # -------------------------------------------------- what people see

    def told(self) -> str:
        """How many pictures are to come and how long they take, if that is known."""
        seconds = self.pace.seconds(self.left)
        there = len(self.plan.cells) - self.total
        kept = f", {there} are there already" if there and self.plan.batch == 1 else ""
        time = "the time is known after the first" if seconds is None else f"about {clock(seconds)}"
        return f"{self.total} pictures to draw, {time}{kept}"

    def kept(self, drawing: Drawing) -> None:
        """A drawing is on disk: count it, and show how long the others take."""
        self.done += 1
        self.pace.drawn(drawing)
        self.left.subtract(self.pace.work([drawing]))
        seconds = self.pace.seconds(self.left)
        rest = f" · {clock(seconds)} left" if seconds and self.done < self.total else ""
        show_text(f"{self.done} of {self.total} pictures{rest}")
        forget_finished()

    # -------------------------------------------------- graphs

    def expand(self) -> Expanded:
        """The next part: (graph for `expand`, links to the outputs of the node after it)."""
        graph = GraphBuilder(prefix=f"{self.prefix}{self.parts}.")
        self.parts += 1
        now, self.todo = self.todo[:AT_ONCE], self.todo[AT_ONCE:]
        kept = [self._draw(graph, drawing) for drawing in now]
        after = dict(zip(AFTER, kept, strict=False))
        page = graph.node("AtelierGridPage", work=self, **after)
        return graph.finalize(), (page.out(0), page.out(1))

    def _draw(self, graph: GraphBuilder, drawing: Drawing) -> Link:
        """One sampling, decoded and kept."""
        cell = drawing.cell
        text = self._text_of(cell)
        model, _ = self._loaded(graph, cell)
        positive, negative = self._text(graph, text), self._negative(graph, cell)
        latent = self._latent(graph, cell)
        if self.chain:
            made = self.chain.sample(graph, cell, model, positive, negative, latent)
        else:
            made = _sample(graph, cell, model, positive, negative, latent)
        picture = graph.node("VAEDecode", samples=made[0], vae=self.subject.vae).out(0)
        spent: dict[str, Link] = dict(zip(("latent", "denoised"), made, strict=False))
        self.uses[text] -= 1
        if not self.uses[text] and text != self._text_of(cell, cell.sampling.negative):
            spent["text"] = self._text(graph, text)
        kept = graph.node("AtelierGridCell", image=picture, drawing=drawing, work=self, **spent)
        return kept.out(0)

    def _latent(self, graph: GraphBuilder, cell: Cell) -> Link:
        size = {"width": cell.sampling.width, "height": cell.sampling.height}
        how = size | {"batch_size": self.plan.batch}
        return self._once(graph, "EmptyLatentImage", **how)

    def _text_of(self, cell: Cell, text: str | None = None) -> tuple[Any, ...]:
        """What decides the conditioning of a text: the LoRA counts if it changes encoders."""
        shown = cell.shown
        items = self.subject.candidates[shown.place].items if shown else ()
        own = () if all(_network_alone(item) for item in items) else _lora_of(cell)
        return *own, cell.prompt.text if text is None else text

    def _negative(self, graph: GraphBuilder, cell: Cell) -> Link:
        needed = self.chain is None or self.chain.needs_negative
        return self._text(graph, self._text_of(cell, cell.sampling.negative)) if needed else None

    def _text(self, graph: GraphBuilder, wanted: tuple[Any, ...]) -> Link:
        *lora, text = wanted
        clip = self.links[tuple(lora)][1] if lora else self.subject.clip
        place = ("text", *wanted)
        if place not in self.links:
            self.links[place] = graph.node("CLIPTextEncode", clip=clip, text=text).out(0)
        return self.links[place]

    def _once(self, graph: GraphBuilder, kind: str, **inputs: Any) -> Link:
        place = (kind, *inputs.items())
        if place not in self.links:
            self.links[place] = graph.node(kind, **inputs).out(0)
        return self.links[place]

    def _loaded(self, graph: GraphBuilder, cell: Cell) -> tuple[Link, Link]:
        """Model and CLIP with the cell's LoRAs, one after the other."""
        if cell.shown is None:
            return self.subject.model, self.subject.clip
        place = _lora_of(cell)
        if place not in self.links:
            both = self.subject.model, self.subject.clip
            for item in self.subject.candidates[cell.shown.place].items:
                both = _with(graph, *both, _scaled(item, cell.strength))
            self.links[place] = both
        return self.links[place]


def _lora_of(cell: Cell) -> tuple[Any, ...]:
    assert cell.shown is not None
    return "lora", cell.shown.place, cell.strength


def _scaled(item: Item, by: float) -> Item:
    return replace(item, model=item.model * by, text=item.text * by)


def _network_alone(item: Item) -> bool:
    return item.state is not None and network_alone(item.state)


def _with(graph: GraphBuilder, model: Link, clip: Link, item: Item) -> tuple[Link, Link]:
    """Core's node for a LoRA, where one can do it; else the stack's."""
    if item.blocks or item.schedule or (item.state is not None and not _network_alone(item)):
        node = graph.node("AtelierApplyStack", model=model, stack=Stack((item,)), clip=clip)
        return node.out(0), node.out(1)
    if item.state is not None:
        node = graph.node(
            "LoraModelLoader", model=model, lora=item.state, strength_model=item.model
        )
        return node.out(0), clip
    strengths = {"strength_model": item.model, "strength_clip": item.text}
    node = graph.node("LoraLoader", model=model, clip=clip, lora_name=item.name, **strengths)
    return node.out(0), node.out(1)


def _sample(
    graph: GraphBuilder, cell: Cell, model: Link, positive: Link, negative: Link, latent: Link
) -> tuple[Link, ...]:
    how = cell.sampling
    node = graph.node(
        "KSampler",
        model=model,
        positive=positive,
        negative=negative,
        latent_image=latent,
        seed=cell.seed,
        steps=how.steps,
        cfg=how.cfg,
        sampler_name=how.sampler_name,
        scheduler=how.scheduler,
        denoise=1.0,
    )
    return (node.out(0),)


def let_go(*spent: Any) -> None:
    """Empty the tensors of values that only a part of a grid had.

    ComfyUI holds what every node gave until another prompt runs: for a grid of thousands, more
    memory than there is.
    """
    for value in spent:
        if isinstance(value, torch.Tensor):
            value.set_(value.new_empty(0).untyped_storage())
        elif isinstance(value, Mapping):
            let_go(*value.values())
        elif isinstance(value, Sequence) and not isinstance(value, str):
            let_go(*value)
