"""Disks that are full, read-only or gone, and files that are damaged."""

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..training import checkpoint
from ..training.host import folders
from .faults_ground import (
    SAVE_EVERY,
    Ground,
    fork,
    harmed,
    ignored,
    newest_step,
    short,
    snapshot,
)
from .outcome import Outcome

AT = 10  # the step after which things break
ROOM = 2**20  # bytes of the small disk


def disks(ground: Ground) -> list[Outcome]:
    """Each fault on a run of its own, which is gone on with once the disk is well again."""
    whole = ground.whole.folder
    found = [_limited(ground), _vanished(ground), *(_damaged(ground, d) for d in DAMAGES)]
    with _small_disk() as disk:
        if disk:
            found += [_full(ground, disk), _read_only(ground, disk)]
    assert whole.is_dir()
    return found


def _outcome(
    ground: Ground, what: str, name: str, at: Callable[[int], None], mend: Callable[[], None]
) -> Outcome:
    """Let `at` break something in the run `name`, look at it, `mend` it, and go on."""
    others = snapshot(ground.whole.folder, ground.pictures)
    child = ground.forked(name, at)
    error = child.last("error") or "it went on, which it should not"
    mend()
    run = ground.run(name)
    lost = int(not error.startswith("ValueError"))
    lost += newest_step(run) < child.steps // SAVE_EVERY * SAVE_EVERY
    lost += not ground.goes_on(name)
    return Outcome(what, 1, lost, harmed(others), told=short(error))


def _limited(ground: Ground) -> Outcome:
    """The system lets no file grow beyond a few bytes, as a quota would."""

    def limit(step: int) -> None:
        if step == AT:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    return _outcome(ground, "files may not grow (a quota)", "limited", limit, lambda: None)


def _vanished(ground: Ground) -> Outcome:
    folder = ground.run("vanished").folder
    away = folder.with_name(".away")

    def take(step: int) -> None:
        if step == AT:
            folder.rename(away)

    def put_back() -> None:
        assert not folder.exists(), "half of a run was made in its place"
        away.rename(folder)

    return _outcome(ground, "the run's folder is taken away", "vanished", take, put_back)


@contextmanager
def _small_disk() -> Iterator[Path | None]:
    """A file system of a megabyte in the place of the runs; None where we may not mount one."""
    runs = folders.runs()
    place = runs.parent / "small"
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOM}", "none", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def _on(ground: Ground, disk: Path, name: str) -> Path:
    """Let the run `name` lie on that disk."""
    (disk / name).mkdir()
    folder = ground.run(name).folder
    child = fork(lambda say: ignored(ground.train(name, say, lambda step: _end_at(step, 2))))
    child.wait()
    folder.rename(folder.with_name(f".{name}"))
    subprocess.run(["cp", "-a", f"{folder.with_name(f'.{name}')}/.", str(disk / name)], check=True)
    folder.symlink_to(disk / name, target_is_directory=True)
    return disk / name


def _end_at(step: int, last: int) -> None:
    if step == last:
        raise RuntimeError("as far as it should come before it is moved")


def _full(ground: Ground, disk: Path) -> Outcome:
    _on(ground, disk, "full")
    filler = disk / "filler"

    def fill(step: int) -> None:
        if step == AT:
            with filler.open("wb") as file:
                try:
                    while file.write(b"x" * 1024):
                        file.flush()
                except OSError:
                    return

    return _outcome(ground, "a full disk", "full", fill, filler.unlink)


def _read_only(ground: Ground, disk: Path) -> Outcome:
    place = _on(ground, disk, "read-only")
    calls = [["mount", "--bind", str(place), str(place)]]
    calls += [["mount", "-o", "remount,bind,ro", str(place)]]

    def protect(step: int) -> None:
        if step == AT:
            for call in calls:
                subprocess.run(call, check=True)

    def allow() -> None:
        subprocess.run(["umount", str(place)], check=True)

    return _outcome(ground, "a read-only folder", "read-only", protect, allow)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "one bit of the newest checkpoint": lambda data: data[:-9] + bytes([data[-9] ^ 1]) + data[-8:],
    "the newest checkpoint cut short": lambda data: data[: len(data) // 2],
    "the newest checkpoint empty": lambda _: b"",
    "a header that lies": lambda data: (2**60).to_bytes(8, "little") + data[8:],
    "another file in its place": lambda _: b"PK\x03\x04" + os.urandom(5000),
}


def _damaged(ground: Ground, what: str) -> Outcome:
    name = f"damaged-{list(DAMAGES).index(what)}"
    ground.forked(name, lambda step: _end_at(step, AT))
    run = ground.run(name)
    paths = sorted(run.checkpoints.glob("step-*.safetensors"))
    paths[-1].write_bytes(DAMAGES[what](paths[-1].read_bytes()))
    before = checkpoint.newest(run.checkpoints)
    lost = int(not before or before["step"] < AT - SAVE_EVERY)
    lost += not ground.goes_on(name)
    return Outcome(what, 1, lost, told="named and passed over")
