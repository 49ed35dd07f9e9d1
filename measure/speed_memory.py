"""Peak memory of one trainer, in a process of its own: `python -m atelier.measure.speed_memory`.

On a CPU: how far the resident memory rises while training above what it is with the model loaded
(Linux only). Its allocator is told to give back every large block at once, so that the peak is of
memory in use. On a GPU: the peak of what torch has allocated, weights included.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PROCESS = Path("/proc/self")
GIB = 2**30
PER_BLOCK = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
# As dev.py has it: freed memory stays in the process.
KEPT = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
KEPT |= {"MALLOC_TOP_PAD_": "1000000000"}


def peaks(trainer: str, shape: str, jobs: list[dict[str, Any]]) -> list[float]:
    """GiB for each of `jobs`, the fields of a `Job` without its shape."""
    return apart(__name__, trainer, shape, json.dumps(jobs))


def apart(
    module: str,
    *arguments: str,
    limit: float | None = None,
    allocator: Mapping[str, str] = PER_BLOCK,
) -> Any:
    """What `python -m module` prints last, as JSON. Raises `RuntimeError` with its last words.

    `limit` is in seconds; `allocator` are variables for it, {} for it as it comes.
    """
    environment = {name: value for name, value in os.environ.items() if name not in KEPT}
    try:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            env={**environment, **allocator},
            capture_output=True,
            text=True,
            check=False,
            timeout=limit,
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"{module}: not done after {limit:g} seconds") from error
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    from . import speed

    speed.start()
    from .speed_job import Job
    from .speed_shapes import SMALL, WHOLE
    from .speed_turns import TRAINERS

    name, wanted, jobs = sys.argv[1:]
    trainer = TRAINERS[name]
    (shape,) = (shape for shape in SMALL + WHOLE if shape.name == wanted)
    loaded = trainer.load(shape)
    print(json.dumps([_peak(trainer, loaded, Job(shape, **job)) for job in json.loads(jobs)]))


def _peak(trainer: Any, loaded: Any, job: Any) -> float:
    """The second of two steps has the optimizer's state from the first."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
        trainer.train(loaded, job, 1)
        return torch.cuda.max_memory_allocated() / GIB
    before = kib("VmRSS")
    (PROCESS / "clear_refs").write_text("5")  # man 5 proc: the peak begins anew
    trainer.train(loaded, job, 1)
    return (kib("VmHWM") - before) * 1024 / GIB


def kib(name: str) -> int:
    """A size in the process's own status, such as `VmRSS` or `VmHWM`."""
    lines = (PROCESS / "status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{name}:"))
    return int(line.split()[1])


if __name__ == "__main__":
    main()
