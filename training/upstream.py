"""Which file a base is from, as far as the graph says that was queued. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MODEL_FILE = re.compile(r"[^\n]{1,300}\.(safetensors|sft|ckpt|pt|pth|bin|gguf)")
_BASE = re.compile(r"ckpt|checkpoint|unet|diffusion|gguf|^(base_)?model(_?(name|path|file))?\d*$")
_MODEL = re.compile(r"(base_)?model(_opt)?_?\d*$", re.IGNORECASE)
_MOST_NODES = 1000  # that are gone through


def base_file(prompt: Any, node: str) -> str:
    """The name, without folders, of the file that node `node`'s MODEL was loaded from.

    Of a merge, all of them with ` + ` between. Empty where no loader above it names one: then the
    base is not known. `prompt` is a graph as it is queued, of whoever made it.
    """
    found: dict[str, None] = {}
    seen: set[str] = set()
    wanted = [node]
    while wanted and len(seen) < _MOST_NODES:
        number = wanted.pop(0)
        if number in seen:
            continue
        seen.add(number)
        inputs = _inputs(prompt, number)
        file = None if number == node else _file(inputs)
        if file:
            found[re.split(r"[\\/]", file)[-1]] = None
        else:
            wanted += _above(inputs)
    return " + ".join(found)


def _inputs(prompt: Any, number: str) -> Mapping[str, Any]:
    node = prompt.get(number) if isinstance(prompt, Mapping) else None
    inputs = node.get("inputs") if isinstance(node, Mapping) else None
    return inputs if isinstance(inputs, Mapping) else {}


def _file(inputs: Mapping[str, Any]) -> str | None:
    named = (
        value
        for name, value in inputs.items()
        if isinstance(value, str)
        and _BASE.search(str(name).lower())
        and MODEL_FILE.fullmatch(value)
    )
    return next(named, None)


def _above(inputs: Mapping[str, Any]) -> Iterator[str]:
    """The nodes that a MODEL may come from: those wired as such, or all where none is named so."""
    links = {
        str(name): str(value[0])
        for name, value in inputs.items()
        if isinstance(value, list) and len(value) == 2
    }
    models = [place for name, place in links.items() if _MODEL.match(name)]
    yield from models or links.values()
