"""LoRA files in ComfyUI's folders, by the names that a list offers."""

from pathlib import Path

import folder_paths
import torch

from ..files import legible
from ..tensor_file import not_finite, read


def lora_names() -> list[str]:
    """What lies in models/loras, as ComfyUI's loaders list it."""
    return folder_paths.get_filename_list("loras")


def lora_file(name: str) -> Path:
    """The file of a name in the list; `ValueError` for any other text, and for a pickle."""
    found = folder_paths.get_full_path("loras", name) if name in lora_names() else None
    if found is None:
        raise ValueError(
            f"There is no LoRA '{legible(name)}' in models/loras. Put the file there, press R to "
            "read the list again, and choose it."
        )
    path = Path(found)
    if path.suffix.lower() != ".safetensors":
        raise ValueError(
            f"{legible(name)} is not a .safetensors file. Files of its kind can run code when they "
            "are read, so that Atelier does not read them. Get the .safetensors of the same LoRA, "
            "or convert it on a machine that you can lose."
        )
    return path


def read_lora(name: str) -> dict[str, torch.Tensor]:
    """The tensors of a LoRA file, in memory: the file may be moved or written over afterwards.

    What its header says besides is not looked at. Raises `ValueError` that names the file.
    """
    path = lora_file(name)
    with torch.inference_mode(False):  # ordinary tensors, which can be trained on
        tensors, _ = read(path)
        broken = not_finite(tensors)
    if broken or not tensors:
        what = f"has values in {legible(broken)} that are no numbers" if broken else "is empty"
        raise ValueError(f"{legible(name)} {what}: it is of no use. Get it again.")
    return tensors


def stamp(name: str) -> tuple[int, int]:
    """Size and time of the file: changes when it does."""
    stat = lora_file(name).stat()
    return stat.st_size, stat.st_mtime_ns
