"""Several LoRAs as one, layer by layer, whoever wrote them. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from .layer import Delta, Factors, delta
from .lowrank import Budget, decompose, distance
from .methods import Recipe, merged
from .names import Family, Name, family_of, in_diffusers, parse, stem, swapped
from .result import Result
from .source import Lora

Base = Callable[[str], Tensor | None]  # the weight on which a file's stem acts


def no_base(_stem: str) -> None:
    return None


@dataclass(frozen=True)
class Item:
    """A LoRA and its strengths: for the model, and for the text encoders."""

    lora: Lora
    weight: float
    text_weight: float


class _Slot(NamedTuple):
    """A layer of one file: whole, or the `piece` of it that diffusers has as a layer."""

    item: Item
    stem: str
    layer: str  # diffusers' name
    piece: tuple[int, int] | None  # which, of how many
    native: bool  # whether ComfyUI's rows stand as they are in ComfyUI


class Merge:
    """A merge that was checked and not begun. `layers` are its steps, in no special order.

    Raises `ValueError` for files that hold what cannot be merged, naming it.
    """

    def __init__(self, items: Sequence[Item], recipe: Recipe, base: Base = no_base) -> None:
        self.recipe, self.base = recipe, base
        self.items = [item for item in items if item.weight or item.text_weight]
        self._refuse()
        names = {s: parse(s) for item in self.items for s in item.lora.stems}
        self.family: Family | None = family_of(
            name.layer for name in names.values() if name.part == "net"
        )
        self._parted = {
            found[0]: names[s].prefix
            for s in names
            if len(found := _identities(names[s], self.family)) == 1
        }
        self._slots: dict[str, list[_Slot]] = {}
        for item in self.items:
            for one in item.lora.stems:
                self._place(item, one, names[one])

    @property
    def layers(self) -> list[str]:
        return list(self._slots)

    def result(self, layer: str) -> Result | None:
        """One step; `None` where nothing is left of a layer (its weights are 0)."""
        slots = self._slots[layer]
        weights = [_weight(slot) for slot in slots]
        if self.recipe.method == "slerp":
            text = _in_text(slots[0].stem)
            one, other = (item.text_weight if text else item.weight for item in self.items)
            weights = _along(slots, self.items, one, other)
        live = [(s, w) for s, w in zip(slots, weights, strict=True) if w]
        if not live:
            return None
        slots, weights = [s for s, _ in live], [w for _, w in live]
        deltas, inner = self._deltas(layer, slots)
        dice = self.recipe.dice(layer)
        alone = self.recipe.method == "slerp" and len(slots) == 1
        recipe = Recipe("linear") if alone else self.recipe
        out = merged(deltas, weights, recipe, dice)
        title, native = self._title(layer)
        if native and swapped(slots[0].layer, self.family, *out.shape):
            out = _swap(out)
        return _as_lora(title, out, self.recipe.rank, inner, dice)

    def parts(self, layer: str) -> dict[int, Delta]:
        """What each item that has the layer adds to it at its strength, by its place in `items`.

        Rows are in diffusers' order; those that diffusers parts are parted where a file has them
        so. Items whose strength is 0 there are left out.
        """
        slots = [(slot, weight) for slot in self._slots[layer] if (weight := _weight(slot))]
        deltas, _ = self._deltas(layer, [slot for slot, _ in slots]) if slots else ([], None)
        return {
            next(at for at, item in enumerate(self.items) if item is slot.item): times(one, weight)
            for one, (slot, weight) in zip(deltas, slots, strict=True)
        }

    def _refuse(self) -> None:
        if not self.items:
            raise ValueError("There is nothing to merge: no LoRA has a strength other than 0.")
        for item in self.items:
            item.lora.refuse_others()
        if self.recipe.method != "slerp":
            return
        sums = [(i.weight, i.text_weight) for i in self.items]
        if len(sums) != 2 or any(w < 0 for pair in sums for w in pair):
            raise ValueError("slerp goes between two LoRAs, with strengths that are not negative.")

    def _place(self, item: Item, one: str, name: Name) -> None:
        found = _identities(name, self.family)
        layers = in_diffusers(name.layer, self.family) if name.part == "net" else (name.layer,)
        native = layers != (name.layer,)
        if len(found) > 1 and any(identity in self._parted for identity in found):
            for at, identity in enumerate(found):
                slot = _Slot(item, one, layers[at], (at, len(found)), native)
                self._slots.setdefault(identity, []).append(slot)
            return
        slot = _Slot(item, one, layers[0], None, native)
        slots = self._slots.setdefault("+".join(found), [])
        if any(other.item is item for other in slots):
            raise ValueError(f"{item.lora.name} has {one} twice, under two names.")
        slots.append(slot)

    def _deltas(
        self, layer: str, slots: Sequence[_Slot]
    ) -> tuple[list[Delta], tuple[int, ...] | None]:
        deltas: list[Delta] = []
        inner: tuple[int, ...] | None = None
        for slot in slots:
            one = slot.item.lora.sound(slot.stem)
            inner = inner or one.inner
            base = self.base(slot.stem) if one.kind == "dora" else None
            deltas.append(self._own(slot, delta(one, base)))
        shapes = {tuple(one.shape) for one in deltas}
        if len(shapes) > 1:
            told = ", ".join(
                f"{slot.item.lora.name} {list(one.shape)}"
                for slot, one in zip(slots, deltas, strict=True)
            )
            raise ValueError(
                f"The LoRAs are for different models: {layer} has other sizes in each ({told})."
            )
        return deltas, inner

    def _own(self, slot: _Slot, one: Delta) -> Delta:
        """The part of a delta that the slot is about, with rows in diffusers' order."""
        rows, width = one.shape
        if slot.piece:
            at, count = slot.piece
            if rows < count * width:
                raise ValueError(
                    f"{slot.item.lora.name}: {slot.stem} has {rows} rows, too few for {count} "
                    "layers of diffusers'."
                )
            return _rows(one, at * width, rows if at == 3 else (at + 1) * width)
        if slot.native and swapped(slot.layer, self.family, rows, width):
            return _swap(one)
        return one

    def _title(self, layer: str) -> tuple[str, bool]:
        """What the layer is called in the new file, and whether with ComfyUI's rows."""
        for slot in self._slots[layer]:
            if slot.piece is None:
                return slot.stem, slot.native
        slot = self._slots[layer][0]
        prefix = next(p for p in self._parted.values() if p)
        return stem(prefix, slot.layer), False


def _identities(name: Name, family: Family | None) -> tuple[str, ...]:
    layers = in_diffusers(name.layer, family) if name.part == "net" else (name.layer,)
    return tuple(f"{name.part} {layer.replace('.', '_')}" for layer in layers)


def _in_text(one: str) -> bool:
    return parse(one).part != "net"


def _weight(slot: _Slot) -> float:
    return slot.item.text_weight if _in_text(slot.stem) else slot.item.weight


def _along(slots: Sequence[_Slot], items: Sequence[Item], one: float, other: float) -> list[float]:
    """slerp's weights; a layer that one file lacks is 0 there, and the arc a line."""
    if not one + other:
        return [0.0] * len(slots)
    if len(slots) == 2:
        return [one, other] if one and other else [float(one > 0), float(other > 0)]
    return [(one if slots[0].item is items[0] else other) / (one + other)]


def _rows(one: Delta, first: int, last: int) -> Delta:
    return Factors(one.up[first:last], one.down) if isinstance(one, Factors) else one[first:last]


def times(one: Delta, by: float) -> Delta:
    return one.times(by) if isinstance(one, Factors) else one * by


def _swap(one: Delta) -> Delta:
    up = one.up if isinstance(one, Factors) else one
    up = torch.cat(up.chunk(2)[::-1])
    return Factors(up, one.down) if isinstance(one, Factors) else up


def _as_lora(
    title: str, out: Delta, rank: int, inner: tuple[int, ...] | None, dice: torch.Generator
) -> Result:
    """Of the rank that was asked for; 0 keeps all there is, side by side."""
    if not rank:
        if isinstance(out, torch.Tensor):
            raise ValueError(
                f"{title} comes of a DoRA or a full difference, which has no small rank to keep: "
                "choose a rank above 0."
            )
        if out.rank <= min(out.shape):
            return Result(title, out, 0.0, inner)
    elif isinstance(out, Factors) and out.rank <= rank:
        return Result(title, out, 0.0, inner)
    svd = decompose(out, Budget(rank), dice)
    factors = svd.first(Budget(rank).of(svd))
    error = distance(out, factors) if svd.partial else svd.error(factors.rank)
    return Result(title, factors, error, inner)
