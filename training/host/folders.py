"""Where things lie, and which folders a workflow may name."""

from pathlib import Path

import folder_paths
from comfy_api.latest import io, ui

from ..files import safe_name

ROOTS_FILE = "folders.txt"


def records() -> Path:
    """Runs, caches and settings: under the user directory, where no core route reaches."""
    return Path(folder_paths.get_system_user_directory("atelier"))


def runs() -> Path:
    return records() / "runs"


def cache() -> Path:
    return records() / "cache"


def pictures() -> Path:
    """Pictures that are meant to be seen."""
    return Path(folder_paths.get_output_directory()) / "atelier"


def loras() -> Path:
    """The first of ComfyUI's folders for LoRAs."""
    return Path(folder_paths.get_folder_paths("loras")[0])


def _listed_roots() -> list[Path]:
    file = records() / ROOTS_FILE
    if not file.is_file():
        return []
    lines = (line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines())
    return [Path(line) for line in lines if line and not line.startswith("#")]


def allowed_roots() -> list[Path]:
    """ComfyUI's input, output and models folders, and those the user listed in `folders.txt`."""
    own = [
        folder_paths.get_input_directory(),
        folder_paths.get_output_directory(),
        folder_paths.models_dir,
    ]
    return [Path(root).resolve() for root in (*own, *_listed_roots())]


def resolve_folder(text: str) -> Path:
    """The folder that a workflow names: relative to ComfyUI's input folder, or absolute.

    Raises `ValueError` if it lies outside the allowed folders, links followed, or is not there.
    """
    if not text.strip():
        raise ValueError(
            f"No folder is named. Name one in {folder_paths.get_input_directory()}, or give a "
            "full path."
        )
    folder = (Path(folder_paths.get_input_directory()) / text.strip()).resolve()
    if not any(folder.is_relative_to(root) for root in allowed_roots()):
        raise ValueError(
            f"{folder} lies outside the folders that may be read (ComfyUI's input, output and "
            f"models). To allow it, write its path, or its parent's, on a line of "
            f"{records() / ROOTS_FILE} on the machine that runs ComfyUI."
        )
    if not folder.is_dir():
        raise ValueError(
            f"There is no folder {folder}. Check the name, or make it and put pictures in."
        )
    return folder


def new_lora(prefix: str) -> Path:
    """A path in models/loras that is not taken: `prefix_00001.safetensors` and so on."""
    name = safe_name(prefix, "LoRA name", folders=True)
    base = loras() / name
    number = 1
    while (path := base.with_name(f"{base.name}_{number:05d}.safetensors")).exists():
        number += 1
    return path


def cells() -> Path:
    """Pictures of grids, by what made them."""
    return pictures() / "cells"


def grids() -> Path:
    return pictures() / "grids"


def shown(path: Path) -> ui.SavedResult:
    """A file under ComfyUI's output folder, as its page asks for it."""
    inner = path.relative_to(folder_paths.get_output_directory())
    return ui.SavedResult(path.name, inner.parent.as_posix(), io.FolderType.output)
