"""What nodes put on a model besides weights (guidance, attention, wrappers), as a hash.

Two objects get the same hash if their code, closures and values are the same, on any machine with
the same Python. Something that cannot be looked into counts as its type alone.
"""

import functools
import hashlib
import json
import types
from typing import Any, cast

import torch
from comfy.model_patcher import ModelPatcher

from .fingerprint import fingerprint, tensor_bytes
from .stack_schedule import KEY

MOST_PARTS = 20_000  # that are looked at in one object
MOST_VALUES = 1 << 22  # of a tensor that is read whole; of a larger one, some
_PLAIN = (str, int, float, bool, type(None))
# Of a patcher: what is neither weights nor said in another way.
_ASPECTS = (
    *("model_options", "object_patches", "weight_wrapper_patches", "wrappers", "callbacks"),
    *("injections", "additional_models"),
)
_RANDOM = {"uuid", "patches_uuid"}  # names of values that are new at each start


def behaviour(patcher: ModelPatcher) -> str:
    """Hash of everything on a MODEL that `fingerprint` does not cover."""
    look = _Look()
    look.known = {id(patcher): "self", id(patcher.model): "model"}
    for name in _ASPECTS:
        value = getattr(patcher, name, None)
        if name == "object_patches" and isinstance(value, dict):
            value = {key: one for key, one in value.items() if key != "model_sampling"}
        elif name == "wrappers" and isinstance(value, dict):
            value = {kind: _without_schedules(some) for kind, some in value.items()}
        if value:
            look.at(name)
            look.at(value)
    return look.digest()


def _without_schedules(wrappers: dict[Any, Any]) -> dict[Any, Any]:
    """`fingerprint` has those."""
    return {key: value for key, value in wrappers.items() if key != KEY}


def described(value: Any, without: tuple[str, ...] = ()) -> str:
    """Hash of any object on a wire, such as a SAMPLER; of its attributes all but `without`."""
    look = _Look()
    if without:
        look.known = {id(value): "self"}  # or what refers back to it would bring in all of it
        look.at(type(value))
        look.at({key: one for key, one in vars(value).items() if key not in without})
    else:
        look.at(value)
    return look.digest()


class _Look:
    """One walk over an object; what is met again counts by the place at which it was met first."""

    def __init__(self) -> None:
        self._sha = hashlib.sha256()
        self._kept: list[Any] = []  # so that no number of an object is used twice
        self.known: dict[int, str] = {}

    def digest(self) -> str:
        return self._sha.hexdigest()

    def _write(self, *parts: str | bytes) -> None:
        for part in parts:
            data = part.encode(errors="replace") if isinstance(part, str) else part
            self._sha.update(len(data).to_bytes(8, "little"))
            self._sha.update(data)

    def at(self, value: Any) -> None:
        if isinstance(value, _PLAIN):
            self._write(json.dumps(value))
            return
        if id(value) in self.known or len(self._kept) > MOST_PARTS:
            self._write(self.known.get(id(value), "more"))
            return
        self.known[id(value)] = f"met {len(self._kept)}"
        self._kept.append(value)
        if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
            self._callable(value)
        elif isinstance(value, torch.Tensor):
            whole = type(value) is torch.Tensor and value.numel() <= MOST_VALUES
            self._write(*(_whole(value) if whole else tensor_bytes(value)))
        elif isinstance(value, dict):
            self._mapping(value)
        elif isinstance(value, list | tuple | set | frozenset):
            self._sequence(value)
        elif isinstance(value, type | types.ModuleType):
            self._write(_name(value))
        else:
            self._object(value)

    def _mapping(self, value: dict[Any, Any]) -> None:
        self._write(f"{{{len(value)}")
        for key in sorted(value, key=str):
            if key not in _RANDOM:
                self._write(str(key))
                self.at(value[key])

    def _sequence(self, value: Any) -> None:
        self._write(f"({type(value).__name__} {len(value)}")
        for one in sorted(value, key=str) if isinstance(value, set | frozenset) else value:
            self.at(one)

    def _callable(self, value: Any) -> None:
        if isinstance(value, functools.partial):
            for part in (value.func, value.args, value.keywords):
                self.at(part)
        elif isinstance(value, types.MethodType):
            self.at(value.__func__)
            self.at(value.__self__)
        else:
            self._write(_name(value))
            self._code(value.__code__)
            for part in (value.__defaults__, value.__kwdefaults__):
                self.at(part)
            for cell in value.__closure__ or ():
                self.at(_held(cell))

    def _code(self, code: types.CodeType) -> None:
        self._write(code.co_code, *map(str, code.co_names))
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant)
            elif isinstance(constant, _PLAIN):
                self.at(constant)

    def _object(self, value: Any) -> None:
        self._write(_name(type(value)))
        if isinstance(value, ModelPatcher):
            self._write(fingerprint(value), behaviour(value))
        elif isinstance(value, torch.nn.Module):
            self._mapping(value.state_dict())
        elif isinstance(getattr(value, "__dict__", None), dict):
            self._mapping(vars(value))
        elif " at 0x" not in (said := repr(value)):
            self._write(said)


def _whole(tensor: torch.Tensor) -> tuple[str, bytes]:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return f"{tensor.dtype} {list(tensor.shape)}", flat.view(torch.uint8).numpy().tobytes()


def _held(cell: types.CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return None


def _name(value: Any) -> str:
    named = cast(Any, value)
    return f"{getattr(named, '__module__', '')}.{getattr(named, '__qualname__', named.__name__)}"
