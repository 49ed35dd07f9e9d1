"""Models that caption, in ComfyUI's models folders: nothing is downloaded, only found."""

from collections.abc import Iterator
from pathlib import Path

import folder_paths

from ..captioning.found import TaggerFiles, type_of

TAGGERS = ("wd14", "taggers")  # folders in models/
TELLERS = ("vlm", "LLM")
PAIRS = ("clip_vision", *TELLERS)
PAIR_KINDS = ("clip", "siglip")  # of pictures and texts, for scores
NONE = "none found: see this node's help"


def register() -> None:
    """Make the folders known to ComfyUI, so that extra_model_paths.yaml can name others."""
    for name in (*TAGGERS, *TELLERS):
        folder_paths.add_model_folder_path(name, str(Path(folder_paths.models_dir) / name))


def tagger_names() -> list[str]:
    return list(_taggers()) or [NONE]


def teller_names() -> list[str]:
    return list(_tellers()) or [NONE]


def find_tagger(name: str) -> TaggerFiles:
    """The files of a tagger that `tagger_names` lists. Raises `ValueError` for others."""
    found = _taggers().get(name)
    if found is None:
        raise ValueError(
            f"There is no tagger '{name}'. Put model.onnx and selected_tags.csv into a folder of "
            f"{_where(TAGGERS)}, press R, and choose it."
        )
    return found


def find_teller(name: str) -> Path:
    """The folder of a model that `teller_names` lists. Raises `ValueError` for others."""
    found = _tellers().get(name)
    if found is None:
        raise ValueError(
            f"There is no model '{name}'. Put the whole folder of a model (config.json, "
            f".safetensors and the rest) into {_where(TELLERS)}, press R, and choose it."
        )
    return found


def pair_names() -> list[str]:
    return list(_pairs())


def find_pair(name: str) -> Path:
    """The folder of a CLIP that `pair_names` lists. Raises `ValueError` for others."""
    found = _pairs().get(name)
    if found is None:
        raise ValueError(
            f"There is no CLIP '{name}'. Put the whole folder of a CLIP or SigLIP of the "
            f"transformers library (config.json, .safetensors and the rest) into {_where(PAIRS)}, "
            "press R, and choose it."
        )
    return found


def _where(names: tuple[str, ...]) -> str:
    return " or ".join(str(Path(folder_paths.models_dir) / name) for name in names)


def _folders(names: tuple[str, ...]) -> Iterator[tuple[Path, Path]]:
    """Every folder in those of ComfyUI, and they themselves, each with the one it lies in."""
    for name in names:
        for root in map(Path, folder_paths.get_folder_paths(name)):
            if root.is_dir():
                inner = sorted(path for path in root.rglob("*") if path.is_dir())
                yield from ((root, folder) for folder in (root, *inner))


def _taggers() -> dict[str, TaggerFiles]:
    """`model.onnx` with `selected_tags.csv`, or `NAME.onnx` with `NAME.csv`."""
    found: dict[str, TaggerFiles] = {}
    for root, folder in _folders(TAGGERS):
        for model in sorted(folder.glob("*.onnx")):
            whole = folder / "selected_tags.csv"
            tags = next(filter(Path.is_file, (model.with_suffix(".csv"), whole)), None)
            if tags:
                inside = model.with_suffix("") if model.stem != "model" else folder
                name = inside.relative_to(root).as_posix() if inside != root else root.name
                found.setdefault(name, TaggerFiles(name, model, tags))
    return found


def _tellers() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root, folder in _folders(TELLERS):
        if folder != root and (folder / "config.json").is_file():
            found.setdefault(folder.relative_to(root).as_posix(), folder)
    return found


def _pairs() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for root, folder in _folders(PAIRS):
        if folder != root and (folder / "config.json").is_file() and _is_pair(folder):
            found.setdefault(folder.relative_to(root).as_posix(), folder)
    return found


def _is_pair(folder: Path) -> bool:
    try:
        return type_of(folder) in PAIR_KINDS
    except ValueError:
        return False


register()
