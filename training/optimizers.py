"""Optimizers by name: torch's own, and those of other packages where these are installed."""

import ast
import importlib
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import torch
from torch.optim import Optimizer

# name: (module, class). Each is the package's own; a package that is not installed is left out.
_KNOWN = {
    "adamw": ("torch.optim", "AdamW"),
    "adafactor": ("torch.optim", "Adafactor"),
    "radam": ("torch.optim", "RAdam"),
    "sgd": ("torch.optim", "SGD"),
    "adamw_8bit": ("bitsandbytes.optim", "AdamW8bit"),
    "lion_8bit": ("bitsandbytes.optim", "Lion8bit"),
    "prodigy": ("prodigyopt", "Prodigy"),
    "adamw_schedule_free": ("schedulefree", "AdamWScheduleFree"),
    "lion": ("pytorch_optimizer", "Lion"),
    "came": ("pytorch_optimizer", "CAME"),
    "adan": ("pytorch_optimizer", "Adan"),
    "adopt": ("pytorch_optimizer", "ADOPT"),
    "ademamix": ("pytorch_optimizer", "AdEMAMix"),
    "sophia": ("pytorch_optimizer", "SophiaH"),
    "soap": ("pytorch_optimizer", "SOAP"),
    "stable_adamw": ("pytorch_optimizer", "StableAdamW"),
    "tiger": ("pytorch_optimizer", "Tiger"),
}


def _installed(module: str) -> bool:
    return find_spec(module.partition(".")[0]) is not None


OPTIMIZERS = tuple(
    name
    for name, (module, kind) in _KNOWN.items()
    if (hasattr(torch.optim, kind) if module == "torch.optim" else _installed(module))
)


def parse_arguments(text: str) -> dict[str, Any]:
    """Lines `name = value`, the values Python literals; `ValueError` names a line that is not."""
    arguments = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, equals, value = (part.strip() for part in line.partition("="))
        try:
            arguments[name] = ast.literal_eval(value)
        except (ValueError, SyntaxError):
            equals = ""
        if not (equals and name.isidentifier()):
            raise ValueError(f"{line!r} is not like `betas = (0.9, 0.99)`")
    return arguments


def make_optimizer(
    name: str,
    groups: Iterable[dict[str, Any]],
    learning_rate: float,
    weight_decay: float,
    arguments: str = "",
) -> Optimizer:
    """The optimizer `name` over parameter groups as torch has them. `ValueError` names an
    argument that it does not take.
    """
    module, kind = _KNOWN[name]
    settings = {"lr": learning_rate, "weight_decay": weight_decay} | parse_arguments(arguments)
    try:
        return getattr(importlib.import_module(module), kind)(list(groups), **settings)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer {name} with optimizer_arguments {settings}: {error}"
        ) from error
