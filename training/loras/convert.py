"""A LoRA file under another program's names. Pure.

`kohya`: `lora_unet_…lora_down.weight` with an alpha: over diffusers' layers for SD1 and SD2, over
ComfyUI's for SDXL and all others. `comfyui`: `diffusion_model.…lora_A.weight` with an alpha.
`diffusers`: `unet.…` or `transformer.…lora_A.weight` without one.

What the new form has no place for goes into the header (`RECORD`), and there and back is the same
file: values to the last bit, except for fp32 tensors whose alpha / rank is no power of 2 (their
last bit may differ after a way through `diffusers`).
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor

from ..adapters.diffusers_names import transformer_state
from .layer import Layer
from .names import (
    Family,
    Name,
    family_of,
    in_diffusers,
    in_unet,
    ldm_layer,
    parse,
    stem,
    swapped,
    whole_layer,
)
from .sink import TYPES
from .source import Lora

FORMS = ("comfyui", "kohya", "diffusers")
RECORD = "atelier.convert"
_TEXT = {"text1": "text_encoder.", "text2": "text_encoder_2.", "text3": "text_encoder_3."}
_KOHYA = {"up": "lora_up.weight", "down": "lora_down.weight", "mid": "lora_mid.weight"}
_PEFT = {"up": "lora_B.weight", "down": "lora_A.weight"}
_DTYPES = {name: dtype for dtype, name in TYPES.items()}
_DIFFUSERS_BLOCKS = ("down_blocks.", "up_blocks.", "mid_block.")
_TRANSFORMER = ("transformer.", "lora_transformer_", "base_model.model.")
_FLUX_BLOCKS, _FLUX_WIDTH = 19, 3072


@dataclass
class Convert:
    """A conversion that was checked; `steps` are the stems of each step, and after the last
    `record` is what has to stand in the header. Raises `ValueError` for what the form cannot hold.
    """

    lora: Lora
    form: str
    record: dict[str, dict] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"There is no form {self.form!r}: {', '.join(FORMS)}.")
        self.lora.refuse_others()
        self._names = {s: parse(s) for s in self.lora.stems}
        layers = [n.layer for n in self._names.values() if n.part == "net"]
        self._family: Family | None = family_of(layers) or _family_in_diffusers(
            self.lora, self._names
        )
        self._unet = _unet_of(self.lora, self._names)
        names = self._names.values()
        alone = not any(n.part in ("text2", "text3") or n.prefix == "lora_te1_" for n in names)
        self._numbered = not alone or self._unet == "sdxl" or self._family is not None
        self._known = _record_of(self.lora)
        self.steps = self._steps()

    def tensors(self, step: Sequence[str]) -> Iterator[tuple[str, Tensor]]:
        """One step's tensors under their new names."""
        layers = [self.lora.sound(one) for one in step]
        name = self._names[step[0]]
        if name.part != "net":
            yield from self._renamed(layers[0], self._text(name))
        elif self.form == "diffusers":
            yield from self._for_diffusers(layers[0], name)
        elif whole := self._whole(name):
            yield from self._joined(layers, stem(_prefix(self.form), whole))
        else:
            yield from self._renamed(layers[0], stem(_prefix(self.form), self._layer(name)))

    def _steps(self) -> list[tuple[str, ...]]:
        """Each stem by itself; those that become one layer together."""
        groups: dict[str, list[str]] = {}
        for one, name in self._names.items():
            whole = self._whole(name) if name.part == "net" and self.form != "diffusers" else None
            groups.setdefault(whole or f" {one}", []).append(one)
        return [tuple(group) for group in groups.values()]

    def _whole(self, name: Name) -> str | None:
        """ComfyUI's layer for one of diffusers' transformers."""
        found = whole_layer(name.layer, self._family) if self._family else None
        return found[0] if found and found[0] != name.layer else None

    def _layer(self, name: Name) -> str:
        """The layer's name in a form that is not diffusers'."""
        if not self._unet:
            return name.layer
        ours = self.form == "comfyui" or self._unet == "sdxl"
        if ours:
            return ldm_layer(name.layer, self._unet == "sdxl")
        return in_diffusers(name.layer, None)[0]

    def _text(self, name: Name) -> str:
        if name.part == "own":
            return stem(name.prefix, name.layer)
        if self.form == "diffusers":
            return stem(_TEXT[name.part], name.layer)
        number = name.part[-1] if self._numbered else ""
        return stem(f"lora_te{number}_", name.layer)

    def _renamed(self, layer: Layer, title: str) -> Iterator[tuple[str, Tensor]]:
        if self.form == "diffusers":
            yield from self._peft(layer, title)
            return
        kohya = title.startswith("lora_")
        parts = dict(layer.parts)
        if layer.rank and "alpha" not in parts:
            parts["alpha"] = torch.tensor(float(layer.rank))
        if known := self._known.get("alphas", {}).get(layer.stem):
            alpha, kind = known
            parts["up"] = (parts["up"].float() / (alpha / layer.rank)).to(_DTYPES[kind])
            parts["alpha"] = torch.tensor(alpha)
        if pieces := self._known.get("pieces", {}).get(layer.stem):
            self.record.setdefault("pieces", {})[title] = pieces
        words = _KOHYA if kohya or "mid" in parts else _PEFT  # a core is read beside kohya's only
        for part, tensor in parts.items():
            yield f"{title}.{words.get(part, part)}", tensor

    def _peft(self, layer: Layer, title: str) -> Iterator[tuple[str, Tensor]]:
        """Without an alpha: it goes into B, in fp32, so that fp16 loses nothing."""
        self._refuse_kind(layer)
        up = self._folded(layer, [title])
        yield f"{title}.lora_A.weight", layer.parts["down"]
        yield f"{title}.lora_B.weight", up

    def _folded(self, layer: Layer, titles: Sequence[str]) -> Tensor:
        up = layer.parts["up"]
        if layer.scale == 1:
            return up
        known = [layer.alpha, TYPES[up.dtype]]
        self.record.setdefault("alphas", {}).update(dict.fromkeys(titles, known))
        return up.float() * layer.scale

    def _for_diffusers(self, layer: Layer, name: Name) -> Iterator[tuple[str, Tensor]]:
        self._refuse_kind(layer)
        native = in_diffusers(name.layer, self._family)
        if native == (name.layer,):
            yield from self._peft(layer, stem(self._net(name), name.layer))
            return
        if in_unet(name.layer):
            yield from self._peft(layer, f"unet.{native[0]}")
            return
        assert self._family
        pieces = self._known.get("pieces", {}).get(layer.stem)
        if pieces and layer.scale == 1:
            yield from _parted(layer, native, pieces)
            return
        titles = [f"transformer.{one}" for one in native]
        up = self._folded(layer, titles)
        rank = float(layer.parts["down"].shape[0])
        ready = {name.layer: (layer.parts["down"], up, rank)}
        yield from transformer_state(ready, self._family).items()

    def _net(self, name: Name) -> str:
        if (self._unet and not in_unet(name.layer)) or name.prefix.startswith("unet."):
            return "unet."
        if self._family or name.prefix in ("transformer.", "lora_transformer_"):
            return "transformer."
        raise ValueError(
            f"form = 'diffusers' is known for SD1.x, SD2.x, SDXL, SD3 and Flux.1; {self.lora.name} "
            f"is for another network ({name.layer})."
        )

    def _joined(self, layers: Sequence[Layer], title: str) -> Iterator[tuple[str, Tensor]]:
        """diffusers' layers as the one that ComfyUI has: with one A if they share it, else with
        all of them, and each B beside its own rows.
        """
        if self._family is None:
            return
        places = [self._place(layer) for layer in layers]
        ups: dict[int, Layer] = {}
        for (at, _), layer in zip(places, layers, strict=True):
            self._refuse_kind(layer)
            if at in ups:
                raise ValueError(f"{self.lora.name} has {layer.stem} twice, under two names.")
            ups[at] = layer
        count = places[0][1]
        alphas = [self._known.get("alphas", {}).get(layer.stem) for layer in layers]
        first = layers[0]
        shared = len(ups) == count and all(
            layer.scale == 1 and torch.equal(layer.parts["down"], first.parts["down"])
            for layer in layers
        )
        if shared:
            up = torch.cat([self._own_rows(ups[at]) for at in range(count)])
            whole = Layer(first.stem, {"down": first.parts["down"], "up": up})
            if any(one != alphas[0] for one in alphas):
                raise ValueError(f"{self.lora.name}: the header's alphas of {title} are not one.")
            yield from self._renamed(whole, title)
            return
        yield from self._beside(ups, count, title)

    def _beside(
        self, ups: dict[int, Layer], count: int, title: str
    ) -> Iterator[tuple[str, Tensor]]:
        width = next(iter(ups.values())).parts["down"].shape[1]
        record, downs, columns = [], [], []
        total = 0
        for at in range(count):
            rows = width if at < 3 else 4 * width
            if at not in ups:
                record.append([0, rows])
                total += rows
                continue
            layer = ups[at]
            up = self._own_rows(layer)
            up = up if layer.scale == 1 else up.float() * layer.scale
            record.append([up.shape[1], len(up)])
            columns.append((total, up))
            downs.append(layer.parts["down"])
            total += len(up)
        ranks = [up.shape[1] for _, up in columns]
        whole = torch.zeros(total, sum(ranks), dtype=columns[0][1].dtype)
        at = 0
        for first, up in columns:
            whole[first : first + len(up), at : at + up.shape[1]] = up
            at += up.shape[1]
        self.record.setdefault("pieces", {})[title] = record
        joined = Layer(title, {"down": torch.cat(downs), "up": whole})
        yield from self._renamed(joined, title)

    def _own_rows(self, layer: Layer) -> Tensor:
        up = layer.parts["up"]
        name = self._names[layer.stem]
        width = layer.parts["down"].shape[1]
        native = in_diffusers(name.layer, self._family) != (name.layer,)
        if not native and swapped(name.layer, self._family, len(up), width):
            return torch.cat(up.chunk(2)[::-1])
        return up

    def _place(self, layer: Layer) -> tuple[int, int]:
        assert self._family
        found = whole_layer(self._names[layer.stem].layer, self._family)
        assert found
        return found[1], len(in_diffusers(found[0], self._family))

    def _refuse_kind(self, layer: Layer) -> None:
        if layer.kind != "lora" or "mid" in layer.parts:
            kind = "LoRA with a core" if layer.kind == "lora" else layer.kind
            raise ValueError(
                f"{self.lora.name}: {layer.stem} is a {kind}, and only plain LoRAs can be put into "
                "or taken out of diffusers' form. Merge it alone, with a rank, first."
            )


def _prefix(form: str) -> str:
    return "lora_unet_" if form == "kohya" else "diffusion_model."


def _parted(
    layer: Layer, names: Sequence[str], pieces: Sequence[Sequence[int]]
) -> Iterator[tuple[str, Tensor]]:
    """What `_beside` put together."""
    up, down = layer.parts["up"], layer.parts["down"]
    if sum(p[0] for p in pieces) != len(down) or sum(p[1] for p in pieces) != len(up):
        raise ValueError(f"{layer.stem} is not what the header says (its pieces).")
    row = column = 0
    for name, (rank, rows) in zip(names, pieces, strict=True):
        if rank:
            part = up[row : row + rows, column : column + rank]
            yield f"transformer.{name}.lora_A.weight", down[column : column + rank].clone()
            yield f"transformer.{name}.lora_B.weight", part.contiguous().clone()
        row, column = row + rows, column + rank


def _record_of(lora: Lora) -> dict[str, dict]:
    try:
        record = json.loads(lora.metadata.get(RECORD, "{}"))
        assert isinstance(record, dict)
        for alpha, kind in record.get("alphas", {}).values():
            assert float(alpha) and kind in _DTYPES
        for pieces in record.get("pieces", {}).values():
            assert all(int(rank) >= 0 and int(rows) > 0 for rank, rows in pieces)
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise ValueError(f"{lora.name}: the header's {RECORD} is damaged.") from error
    return cast(dict[str, dict], record)


def _family_in_diffusers(lora: Lora, names: dict[str, Name]) -> Family | None:
    """SD3 or Flux by diffusers' own names, and their width: Qwen-Image has some of them too."""
    theirs = {s: n.layer for s, n in names.items() if n.prefix in _TRANSFORMER}
    if any(layer.startswith("single_transformer_blocks.") for layer in theirs.values()):
        return "flux"
    blocks = {s: x for s, x in theirs.items() if x.startswith("transformer_blocks.")}
    if any(".img_mlp." in x or ".img_mod." in x for x in blocks.values()):
        return None
    for one, layer in blocks.items():
        if re.search(r"\.attn\.(to|add)_[qkv]", layer) and "down" in lora.parts[one]:
            if lora.shapes(one)["down"][1] != _FLUX_WIDTH:
                return "sd3"
            numbers = [int(x.split(".")[1]) for x in blocks.values() if x.split(".")[1].isdigit()]
            return "flux" if max(numbers, default=0) < _FLUX_BLOCKS else None
    return None


def _unet_of(lora: Lora, names: dict[str, Name]) -> str:
    """`sd`, `sdxl`, or nothing for other networks: by the width of the text it is told."""
    own = {s: n.layer for s, n in names.items() if n.part == "net"}
    if not any(in_unet(x) or x.startswith(_DIFFUSERS_BLOCKS) for x in own.values()):
        return ""
    for one, layer in own.items():
        if layer.endswith(("attn2.to_k", "attn2.to_v")):
            shape = lora.shapes(one).get("down")
            if shape:
                return "sdxl" if shape[1] in (1280, 2048) else "sd"
    deep = any(".transformer_blocks.1." in layer for layer in own.values())
    return "sdxl" if deep or any("label_emb" in x or "add_emb" in x for x in own.values()) else "sd"
