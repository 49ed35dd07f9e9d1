"""TOML, which Python reads from 3.11 on; before, by the package that this came from."""

import importlib
from pathlib import Path
from typing import Any

from ...files import legible
from .imagefolder import content


def load(path: Path) -> dict[str, Any]:
    """The tables of a file. Raises `ValueError` for what is no TOML, or if nothing can read it."""
    module = _module()
    if module is None:
        raise ValueError(
            f"{legible(path)}: TOML is read by Python 3.11 and newer, or with the package 'tomli'. "
            "Install that, or name the folder of the pictures."
        )
    text = content(path)
    try:
        return module.loads(text.replace("\r\n", "\n"))
    except (module.TOMLDecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"{legible(path)} is not TOML ({legible(error)}). Mend it.") from error


def _module() -> Any:
    for name in ("tomllib", "tomli"):
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
