"""torch.compile, block by block: each kind of block is compiled once, and used wherever it stands.

The network as a whole is not compiled: that takes minutes, and any patch or new size does it again.
Never run on a GPU, where most of its speed is to be had.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from .recompute import blocks

LIMIT = 256  # variants of one block that may be compiled; torch's own limit of 8 is soon reached
# Where a block stands, which only a node's patches ask for; each place would be a variant.
_PLACES = ("block", "block_index", "block_type", "transformer_index", "total_blocks")


def refuse_uncompilable(device: torch.device) -> None:
    """Raise `ValueError` if nothing can be compiled for `device` here; compiles a line to see."""
    try:
        torch.compile(_line)(torch.ones(8, device=device))
    except (RuntimeError, OSError, ImportError) as error:
        needed = "Triton" if device.type != "cpu" else "a C++ compiler"
        raise ValueError(
            f"compile = True needs {needed}, which torch did not find or could not use here "
            f"({_first_line(error)}). {_way_out(device)} Or set compile = False."
        ) from error


def _line(x: Tensor) -> Tensor:
    return (x * 2 + 1).sin()


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300].rstrip(".")


def _way_out(device: torch.device) -> str:
    windows = sys.platform == "win32"
    if device.type == "cpu":
        return (
            "Install the C++ part of Visual Studio Build Tools, and start ComfyUI from its prompt."
            if windows
            else "Install g++ or clang."
        )
    name = "triton-windows" if windows else "triton"
    return f"Install {name} in the version that fits your torch into ComfyUI's Python."


def compile_blocks(network: nn.Module) -> int:
    """Do so for every block of the private `network`, in place; return how many there are.

    To be called after `recompute_blocks`: a compiled block that is computed again must be the one
    that was computed first. To be used inside `many_variants`.
    """
    found = list(blocks(network))
    for block in found:
        block.forward = _anywhere(torch.compile(_function(block.forward)))
    return len(found)


def _function(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward`, which may be a partial, as torch.compile takes it, and on copies of its inputs.

    Some blocks (Flux, Chroma) add to what they are given. What a compiled block is given it keeps
    for its backward, and must stay as it was.
    """

    def call(*args: Any, **kwargs: Any) -> Any:
        return forward(*map(_copy, args), **{name: _copy(value) for name, value in kwargs.items()})

    return call


def _copy(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _anywhere(forward: Callable[..., Any]) -> Callable[..., Any]:
    """`forward` that is not told where its block stands, unless a patch wants to know."""

    def call(*args: Any, **kwargs: Any) -> Any:
        options = kwargs.get("transformer_options")
        if options and not (options.get("patches") or options.get("patches_replace")):
            known = {name: value for name, value in options.items() if name not in _PLACES}
            kwargs["transformer_options"] = known
        return forward(*args, **kwargs)

    return call


@contextmanager
def many_variants() -> Iterator[None]:
    """Inside, torch compiles as many variants of a block as there are sizes and widths."""
    config: Any = torch._dynamo.config  # loaded by asking for it
    name = "recompile_limit" if hasattr(config, "recompile_limit") else "cache_size_limit"
    before = getattr(config, name)
    setattr(config, name, max(before, LIMIT))
    try:
        yield
    finally:
        setattr(config, name, before)
