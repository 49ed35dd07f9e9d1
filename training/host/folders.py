"""Where things lie, and which folders a workflow may name."""

import os
from collections.abc import Callable, Sequence
from functools import cache as cache_calls
from pathlib import Path, PureWindowsPath

import folder_paths
from comfy_api.latest import io, ui

from ..files import legible, safe_name

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


def samples(run: str) -> Path:
    """The pictures that a run draws of itself."""
    return pictures() / "runs" / run / "samples"


def loras() -> Path:
    """The first of ComfyUI's folders for LoRAs."""
    return lora_folders()[0]


def lora_folders() -> list[Path]:
    """All of ComfyUI's folders for LoRAs."""
    return [Path(folder) for folder in folder_paths.get_folder_paths("loras")]


def embeddings() -> list[Path]:
    """ComfyUI's folders for embeddings; new ones go to the first."""
    return [Path(folder) for folder in folder_paths.get_folder_paths("embeddings")]


def _listed_roots() -> list[Path]:
    file = records() / ROOTS_FILE
    if not file.is_file():
        return []
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read ({error}). Save it as UTF-8 text.") from error
    roots = []
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#"):
            continue
        if not Path(line).is_absolute() or "\x00" in line:
            raise ValueError(
                f"{file}, line {number}: '{legible(line)}' is not the full path of a folder. "
                "Write it from its root on, or take the line out."
            )
        roots.append(Path(line))
    return roots


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
    path = resolve(text)
    if not path.is_dir():
        raise ValueError(
            f"There is no folder {legible(path)}. Check the name, or make it and put pictures in."
        )
    return path


def resolve_source(text: str, suffixes: Sequence[str]) -> Path:
    """As `resolve_folder`, and files whose name ends in one of `suffixes`."""
    path = resolve(text)
    if path.suffix.lower() in suffixes and path.is_file():
        return path
    if path.is_file():
        raise ValueError(
            f"{legible(path)} is a file, and folder may name a folder or a file of these kinds: "
            f"{', '.join(suffixes)}. Name the folder that it lies in."
        )
    return resolve_folder(text)


def resolve(text: str, base: Path | None = None) -> Path:
    """The path that is named: relative to `base` (else ComfyUI's input folder), or absolute.

    Raises `ValueError` if it lies outside the allowed folders, links followed.
    """
    name = text.strip()
    if not name:
        raise ValueError(
            f"No folder is named. Name one in {folder_paths.get_input_directory()}, or give a "
            "full path."
        )
    roots = allowed_roots()
    if _elsewhere(name, roots):
        raise _outside(name)
    try:
        folder = ((base or Path(folder_paths.get_input_directory())) / name).resolve()
        inside = any(folder.is_relative_to(root) for root in roots)
        if inside:
            folder.is_dir()  # here, where what the system says to a name is told
    except (OSError, RuntimeError, ValueError) as error:  # too long, a loop of links, NUL
        raise ValueError(
            f"folder '{legible(name)}' cannot be the path of a folder ({legible(error)}). "
            "Write another."
        ) from error
    if not inside:
        raise _outside(folder)
    return folder


def _elsewhere(name: str, roots: Sequence[Path]) -> bool:
    """Whether `name` is on a drive or network disk of Windows that holds no allowed folder.

    By its text alone: to ask a network disk where it leads would tell it who asks.
    """
    remote = name[0] in "/\\" and name[1:2] in {"/", "\\"}
    if os.name != "nt":
        return remote or bool(PureWindowsPath(name).drive)
    return remote and not any(Path(name).is_relative_to(root) for root in roots)


def _outside(folder: Path | str) -> ValueError:
    return ValueError(
        f"{legible(folder)} lies outside the folders that may be read (ComfyUI's input, output and "
        "models). To allow it, write its path, or its parent's, on a line of "
        f"{records() / ROOTS_FILE} on the machine that runs ComfyUI."
    )


def new_lora(prefix: str) -> Path:
    """A path in models/loras that is not taken: `prefix_00001.safetensors` and so on.

    Raises `ValueError` for what is no name, and where a link leads out of the allowed folders.
    """
    name = safe_name(prefix, "LoRA name", folders=True)
    base = loras() / name
    own = [folder.resolve() for folder in lora_folders()]
    if not any(base.parent.resolve().is_relative_to(root) for root in [*own, *allowed_roots()]):
        raise _outside(base.parent.resolve())
    number = 1
    while (path := base.with_name(f"{base.name}_{number:05d}.safetensors")).exists():
        number += 1
    return path


def new_embedding(word: str) -> Path:
    """A path in models/embeddings for `embedding:word`, or `word-2` and so on.

    A name is taken where any folder below has it: a prompt names a file and not its folder.
    """
    files = (path for folder in embeddings() for path in folder.rglob("*"))
    taken = {path.stem.lower() for path in files}
    number, name = 1, word
    while name.lower() in taken:
        number += 1
        name = f"{word}-{number}"
    return embeddings()[0] / f"{name}.safetensors"


def cells() -> Path:
    """Pictures of grids, by what made them."""
    return pictures() / "cells"


def grids() -> Path:
    return pictures() / "grids"


def shown(path: Path) -> ui.SavedResult:
    """A file under ComfyUI's output folder, as its page asks for it."""
    inner = path.relative_to(folder_paths.get_output_directory())
    return ui.SavedResult(path.name, inner.parent.as_posix(), io.FolderType.output)


def writable() -> Callable[[Path], bool]:
    """Whether captions may be written beside a picture: in the allowed folders, links followed.

    Pictures of a wire or an archive lie elsewhere, among Atelier's own.
    """
    roots, own = allowed_roots(), records().resolve()

    @cache_calls
    def inside(parent: Path) -> bool:
        folder = parent.resolve()
        return not folder.is_relative_to(own) and any(map(folder.is_relative_to, roots))

    return lambda picture: inside(picture.parent)
