"""Rows as other packs' stack nodes write them, turned into ours. Pure.

Read in their repositories: rgthree-comfy (`py/power_lora_loader.py`), ComfyUI-Lora-Manager
(`py/nodes/lora_stacker.py`), ComfyUI_Comfyroll_CustomNodes (`nodes/nodes_lora.py`),
efficiency-nodes-comfyui (`LoRA Stacker`), ComfyUI-Easy-Use (`easy loraStack`). A node may come
with its `inputs` around it, as a workflow in API form has it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..files import legible

_Row = dict[str, Any]
_KNOWN = (
    "rgthree's Power Lora Loader, LoRA Manager's, Comfyroll's, Efficiency's and Easy-Use's stacks, "
    "and lists of [name, model, text]"
)
_OFF = (False, None, "Off", "off", "False", "false", 0)


def from_other_pack(value: Any) -> list[_Row]:
    """Rows in our form, not yet checked. `ValueError` for what is of no known form."""
    value = _unwrapped(value)
    if isinstance(value, Mapping):
        for read in (_numbered_rows, _name_number, _number_name, _padded):
            if (rows := read(value)) is not None:
                return rows
        value = [value]
    if not isinstance(value, list | tuple):
        raise _unknown(value)
    return [_row(one, place) for place, one in enumerate(value, 1) if not _header(one)]


def _unwrapped(value: Any) -> Any:
    """What lies in `{"inputs": {"loras": {"__value__": …}}}`, and in parts of it."""
    if isinstance(value, Mapping) and isinstance(value.get("inputs"), Mapping):
        value = value["inputs"]
    if isinstance(value, Mapping) and isinstance(value.get("loras"), Mapping | list):
        value = value["loras"]
    if isinstance(value, Mapping) and isinstance(value.get("__value__"), list):
        value = value["__value__"]
    return value


def _header(one: Any) -> bool:
    """What rgthree's node has in its `widgets_values` besides rows."""
    return one in ("", None, {}) or (
        isinstance(one, Mapping) and one.keys() == {"type"} and "Header" in str(one["type"])
    )


def _row(one: Any, place: int) -> _Row:
    if isinstance(one, list | tuple) and len(one) >= 3:
        return _made(True, *one[:3])
    if isinstance(one, Mapping):
        if "lora" in one and "strength" in one:
            return _made(one.get("on", True), one["lora"], one["strength"], one.get("strengthTwo"))
        if "name" in one and "strength" in one:
            on = one.get("active", False)  # so LoRA Manager has it
            return _made(on, one["name"], one["strength"], one.get("clipStrength"))
        if "lora" in one:  # ours, as a mere list
            return dict(one)
    raise _unknown(one, f", row {place}")


def _made(on: Any, name: Any, model: Any, text: Any = None) -> _Row:
    row = {"on": on not in _OFF, "lora": "" if name is None else name, "model": model}
    return row if text is None else row | {"text": text}


def _numbered(inputs: Mapping[str, Any], pattern: str) -> Iterable[tuple[str, Any]]:
    """The number in each input's name that is like `pattern`, and its value, by number."""
    found = ((re.fullmatch(pattern, name, re.IGNORECASE), v) for name, v in inputs.items())
    pairs = [(match[1], value) for match, value in found if match]
    return sorted(pairs, key=lambda pair: int(pair[0]))


def _numbered_rows(inputs: Mapping[str, Any]) -> list[_Row] | None:
    """rgthree's Power Lora Loader: `lora_1` and so on, each a row. Its order is the inputs'."""
    rows = [
        value
        for name, value in inputs.items()
        if re.fullmatch(r"lora_\d+", name, re.IGNORECASE) and isinstance(value, Mapping)
    ]
    if not rows and "PowerLoraLoaderHeaderWidget" not in inputs:
        return None
    return [_row(one, place) for place, one in enumerate(rows, 1)]


def _name_number(inputs: Mapping[str, Any]) -> list[_Row] | None:
    """`lora_name_1`: Comfyroll's CR LoRA Stack, and Efficiency's LoRA Stacker."""
    simple = inputs.get("input_mode", "simple") == "simple"
    count = inputs.get("lora_count")

    def row(n: str, name: Any) -> _Row:
        if f"switch_{n}" in inputs:
            model, text = f"model_weight_{n}", f"clip_weight_{n}"
            model = model if model in inputs else f"strength_model_{n}"
            text = text if text in inputs else f"strength_clip_{n}"
            return _made(inputs[f"switch_{n}"], name, inputs.get(model, 1), inputs.get(text))
        on = count is None or int(n) <= int(count)
        if simple:
            return _made(on, name, inputs.get(f"lora_wt_{n}", 1))
        return _made(on, name, inputs.get(f"model_str_{n}", 1), inputs.get(f"clip_str_{n}", 1))

    return _each(_numbered(inputs, r"lora_name_(\d+)"), row)


def _number_name(inputs: Mapping[str, Any]) -> list[_Row] | None:
    """`lora_1_name`: Easy-Use's loraStack."""
    simple = inputs.get("mode", "simple") == "simple"
    count = inputs.get("num_loras")
    on = inputs.get("toggle", True) not in _OFF

    def row(n: str, name: Any) -> _Row:
        used = on and (count is None or int(n) <= int(count))
        if simple:
            return _made(used, name, inputs.get(f"lora_{n}_strength", 1))
        model, text = (inputs.get(f"lora_{n}_{what}_strength", 1) for what in ("model", "clip"))
        return _made(used, name, model, text)

    return _each(_numbered(inputs, r"lora_(\d+)_name"), row)


def _padded(inputs: Mapping[str, Any]) -> list[_Row] | None:
    """`lora_01` and `strength_01`: rgthree's Lora Loader Stack."""
    return _each(
        _numbered(inputs, r"lora_(\d\d)"),
        lambda n, name: _made(True, name, inputs.get(f"strength_{n}", 1)),
    )


def _each(pairs: Iterable[tuple[str, Any]], row: Callable[[str, Any], _Row]) -> list[_Row] | None:
    """A row for each; those without a file, with which such nodes are filled up, are left out."""
    some = list(pairs)
    rows = [row(n, name) for n, name in some if name not in ("None", "", None)]
    return rows if some else None


def _unknown(value: Any, where: str = "") -> ValueError:
    return ValueError(
        f"rows{where}: {legible(value)[:200]} is no row that Atelier knows. It reads its own "
        f"form (see the node's help), {_KNOWN}."
    )
