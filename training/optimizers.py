"""Optimizers by name: torch's own, and those of other packages where these are installed."""

import ast
import importlib
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any

import torch
from torch.optim import Optimizer

# What to install for it: (module, {name: class}). Each was run as tests/engine/test_optimizers.py
# runs it: it learns from a plain `step()`, heeds schedule and weight decay, and goes on exactly.
_PACKAGES: dict[str, tuple[str, dict[str, str]]] = {
    "torch": (
        "torch.optim",
        {
            "adamw": "AdamW",
            "adafactor": "Adafactor",
            "radam": "RAdam",
            "sgd": "SGD",
            "adam": "Adam",
            "nadam": "NAdam",
            "adamax": "Adamax",
            "adagrad": "Adagrad",
            "rmsprop": "RMSprop",
        },
    ),
    "bitsandbytes": (
        "bitsandbytes.optim",
        {
            "adamw_8bit": "AdamW8bit",
            "lion_8bit": "Lion8bit",
            "ademamix_8bit": "AdEMAMix8bit",
            "rmsprop_8bit": "RMSprop8bit",
        },
    ),
    "prodigyopt": ("prodigyopt", {"prodigy": "Prodigy"}),
    "schedulefree": (
        "schedulefree",
        {
            "adamw_schedule_free": "AdamWScheduleFree",
            "radam_schedule_free": "RAdamScheduleFree",
            "sgd_schedule_free": "SGDScheduleFree",
        },
    ),
    "pytorch-optimizer": (
        "pytorch_optimizer",
        {
            "lion": "Lion",
            "came": "CAME",
            "adan": "Adan",
            "adopt": "ADOPT",
            "ademamix": "AdEMAMix",
            "soap": "SOAP",
            "stable_adamw": "StableAdamW",
            "tiger": "Tiger",
            "adabelief": "AdaBelief",
            "adamp": "AdamP",
            "adams": "AdamS",
            "diffgrad": "DiffGrad",
            "exadam": "EXAdam",
            "fadam": "FAdam",
            "grams": "Grams",
            "laprop": "LaProp",
            "madgrad": "MADGRAD",
            "mars": "MARS",
            "novograd": "NovoGrad",
            "shampoo": "Shampoo",
            "signsgd": "SignSGD",
            "simplified_ademamix": "SimplifiedAdEMAMix",
            "stable_spam": "StableSPAM",
            "yogi": "Yogi",
        },
    ),
}
_KNOWN = {
    name: (package, module, kind)
    for package, (module, kinds) in _PACKAGES.items()
    for name, kind in kinds.items()
}
OPTIMIZERS = tuple(_KNOWN)
_FUSED = ("adam", "adamw")  # one pass over all weights, on a CPU too

# Others of pytorch-optimizer by which a run that was stopped could not end as if it had not been
# (read and run: 4.1.0). A run that cannot be trusted is no choice; who asks for one is told why.
_DRAWS = "it draws from torch's own generator, whose place no checkpoint keeps"
_OBJECTS = "its state holds objects that no checkpoint keeps"
NOT_EXACT = {
    "sophia": f"it wants second derivatives, and {_DRAWS}",
    "adahessian": f"it wants second derivatives, and {_DRAWS}",
    "kron": _DRAWS,
    "dash": _DRAWS,
    "gravity": _DRAWS,
    "magma": _DRAWS,
    "conda": _OBJECTS,
    "adashift": _OBJECTS,
    "rose": _OBJECTS,
    "scalable_shampoo": _OBJECTS,
}


def missing(name: str) -> str:
    """Why the optimizer `name` cannot be used here, and the way out; empty if it can."""
    if name in NOT_EXACT:
        return (
            f"with {name} a run that was stopped cannot go on exactly: {NOT_EXACT[name]}. Choose "
            f"one of {', '.join(OPTIMIZERS)}"
        )
    if name not in _KNOWN:
        return f"there is no optimizer of this name; choose one of {', '.join(OPTIMIZERS)}"
    package, module, kind = _KNOWN[name]
    if package == "torch":
        here = hasattr(torch.optim, kind)
        return "" if here else f"this torch ({torch.__version__}) has no {kind}; choose another"
    if find_spec(module.partition(".")[0]):
        return ""
    return (
        f"{name} is in the package {package}, which is not installed. Install it with "
        f'"{sys.executable}" -m pip install {package}, and start ComfyUI again'
    )


def installed() -> list[str]:
    """The names that can be used here."""
    return [name for name in OPTIMIZERS if not missing(name)]


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
    argument that it does not take, rates that it cannot keep apart, and a package that is no use.
    """
    groups = list(groups)
    rates = {group.get("lr", learning_rate) for group in groups}
    if name == "prodigy" and len(rates) > 1:
        raise ValueError(
            f"prodigy finds one rate for all, and cannot keep {min(rates)} and {max(rates)} apart: "
            "set text_rate to the same as learning_rate, and plus_ratio to 1."
        )
    kind = _imported(name)
    settings = {"lr": learning_rate, "weight_decay": weight_decay} | parse_arguments(arguments)
    if name in _FUSED and "foreach" not in settings:
        settings = {"fused": True} | settings
    try:
        return kind(groups, **settings)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer {name} with optimizer_arguments {settings}: {error}"
        ) from error


def _imported(name: str) -> Any:
    package, module, kind = _KNOWN[name]
    try:
        return getattr(importlib.import_module(module), kind)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        raise ValueError(
            f"optimizer {name}: the installed {package} cannot be used ({error}). Install it anew "
            f'with "{sys.executable}" -m pip install --upgrade --no-deps {package}, or choose '
            "another optimizer."
        ) from error
