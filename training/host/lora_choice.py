"""LoRA files in ComfyUI's folders, by the names that a list offers."""

from pathlib import Path

import folder_paths
import torch
from safetensors import SafetensorError
from safetensors.torch import load


def lora_names() -> list[str]:
    """What lies in models/loras, as ComfyUI's loaders list it."""
    return folder_paths.get_filename_list("loras")


def lora_file(name: str) -> Path:
    """The file of a name in the list; `ValueError` for any other text, and for a pickle."""
    found = folder_paths.get_full_path("loras", name) if name in lora_names() else None
    if found is None:
        raise ValueError(
            f"There is no LoRA {name!r} in models/loras. Put the file there, press R to read the "
            "list again, and choose it."
        )
    path = Path(found)
    if path.suffix.lower() != ".safetensors":
        raise ValueError(
            f"{name} is not a .safetensors file. Files of its kind can run code when they are read,"
            " so that Atelier does not read them. Get the .safetensors of the same LoRA, or convert"
            " it on a machine that you can lose."
        )
    return path


def read_lora(name: str) -> dict[str, torch.Tensor]:
    """The tensors of a LoRA file, in memory: the file may be moved or written over afterwards."""
    path = lora_file(name)
    try:
        with torch.inference_mode(False):  # ordinary tensors, which can be trained on
            return load(path.read_bytes())
    except SafetensorError as error:
        raise ValueError(
            f"{name} is damaged, or not a safetensors file: {error}. Get it again."
        ) from error


def stamp(name: str) -> tuple[int, int]:
    """Size and time of the file: changes when it does."""
    stat = lora_file(name).stat()
    return stat.st_size, stat.st_mtime_ns
