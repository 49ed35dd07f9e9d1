"""ComfyUI inside this process: for tests, measurements and the scripts that make the demo base."""

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ON_CARD = ("--use-pytorch-cross-attention",)  # torch's own, the fastest on a CPU
ON_CPU = ("--cpu", *ON_CARD)  # ComfyUI does not start on one without being told


def base_directory() -> Path:
    """The folder with models, input, output and user data that dev.py made."""
    return Path(os.environ["ATELIER_BASE"])


def start(base: Path | None = None, arguments: Sequence[str] = ON_CPU) -> None:
    """Make `import comfy` work here, with `base` as ComfyUI's base directory.

    Must come before any import of comfy: its arguments are read, and the device chosen, at import.
    """
    if "comfy" in sys.modules:
        return
    sys.path.insert(0, os.environ["COMFYUI_PATH"])
    kept, sys.argv = (
        sys.argv,
        ["main.py", *arguments, "--base-directory", str(base or base_directory())],
    )
    try:
        if "--enable-dynamic-vram" in arguments:  # main.py's first, too: others ask what it found
            importlib.import_module("comfy_aimdo.control").init()
        importlib.import_module("comfy.options").enable_args_parsing()
        importlib.import_module("comfy.cli_args")
        importlib.import_module("folder_paths")
        # As main.py does, before nodes.py puts comfy/ itself on the path, where `utils` is another.
        importlib.import_module("utils.extra_config")
    finally:
        sys.argv = kept


def load_dynamically() -> None:
    """As main.py where DynamicVRAM is to be used, which is on every Nvidia card since 0.12."""
    control: Any = importlib.import_module("comfy_aimdo.control")
    patcher: Any = importlib.import_module("comfy.model_patcher")
    memory: Any = importlib.import_module("comfy.memory_management")
    assert control.init_devices([0])
    patcher.CoreModelPatcher = patcher.ModelPatcherDynamic
    memory.aimdo_enabled = True
