"""A card that counts, for machines that have none: what runs on it runs on another device than the
CPU, byte by byte as on a real card, and as slowly as on a CPU.

Its memory is a part of the main memory, and every byte is counted; operations are the CPU's, and
refuse tensors of two devices. ComfyUI takes it for Cambricon's, whose torch is extended in this way
(PyTorch's PrivateUse1), so that nothing of ComfyUI has to be changed. What it cannot show is time,
and the kernels of a real card.
"""

import hashlib
import os
import subprocess
import sysconfig
from pathlib import Path

from ...demo import engine

HERE = Path(__file__).parent
MODULE = HERE / "as_mlu"  # to be on Python's path
PLACE, MOST = "ATELIER_CARD", "ATELIER_CARD_BYTES"  # variables: the extension, its memory
DYNAMIC = "ATELIER_CARD_DYNAMIC"  # variable: comfy-aimdo works on it
DYNAMICALLY = ("--enable-dynamic-vram", "--disable-pinned-memory")  # arguments of ComfyUI 0.33


def variables(most: int, dynamic: bool = False) -> dict[str, str]:
    """Environment in which a new process's ComfyUI finds the card, of `most` bytes; `dynamic`: with
    what its DynamicVRAM needs. Builds it beside ComfyUI's base directory, where it is not there
    yet, in about half a minute."""
    folder = engine.base_directory().parent / "card"
    path = os.pathsep.join(filter(None, [str(MODULE), os.environ.get("PYTHONPATH")]))
    switch = {DYNAMIC: "1"} if dynamic else {}
    return {PLACE: str(built(folder)), MOST: str(most), "PYTHONPATH": path, **switch}


def built(folder: Path) -> Path:
    """The compiled extension for this torch. `RuntimeError` has what the compiler says."""
    import torch
    from torch.utils.cpp_extension import include_paths, library_paths

    source = HERE / "card.cpp"
    key = hashlib.sha256(source.read_bytes() + torch.__version__.encode()).hexdigest()[:12]
    target = folder / f"atelier_card_{key}.so"
    if target.exists():
        return target
    places = [*include_paths(), sysconfig.get_paths()["include"]]
    libraries = ["c10", "torch_cpu", "torch", "torch_python"]
    unfinished = target.with_suffix(f".{os.getpid()}")
    command = ["c++", "-O1", "-std=c++20", "-shared", "-fPIC", "-w", str(source)]
    command += ["-DTORCH_EXTENSION_NAME=atelier_card", "-DTORCH_API_INCLUDE_EXTENSION_H"]
    command += [f"-I{place}" for place in places] + [f"-L{place}" for place in library_paths()]
    command += [f"-l{library}" for library in libraries] + ["-o", str(unfinished)]
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name} does not compile: {done.stderr[-2000:]}")
    unfinished.replace(target)
    return target
