"""A ComfyUI server as a process of its own, with Atelier in it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .engine import ON_CPU, base_directory

ARGUMENTS = "ATELIER_SERVER"  # variable: how a server is told of its device


def command(base: Path, *arguments: str) -> list[str]:
    """The command line of a server whose models, input, output and user data lie in `base`."""
    main = Path(os.environ["COMFYUI_PATH"]) / "main.py"
    database = f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}"
    places = ["--base-directory", str(base), "--database-url", database]
    return [sys.executable, str(main), *places, *device(), *arguments]


def device() -> list[str]:
    """What ComfyUI needs to be told on a machine where torch finds no accelerator, or what the
    environment's `ARGUMENTS` says instead."""
    if ARGUMENTS in os.environ:
        return os.environ[ARGUMENTS].split()
    import torch  # heavy; only whoever starts a server needs it

    accelerated = torch.cuda.is_available() or torch.backends.mps.is_available()
    return [] if accelerated else list(ON_CPU)


def environment() -> dict[str, str]:
    """Ours without the pack on PYTHONPATH: a server finds it in custom_nodes as any user's does."""
    paths = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    others = [path for path in paths if not (Path(path) / "atelier").is_dir()]
    return os.environ | {"PYTHONPATH": os.pathsep.join(others)}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@dataclass
class Server:
    """A running server: where it listens, where its data lies, what it printed."""

    address: str
    base: Path
    log: Path
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End it without warning, as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running(
    base: Path | None = None, *arguments: str, timeout: float = 240, port: int = 0
) -> Iterator[Server]:
    """A server on `port`, or a free one, ready for prompts; stopped at the end of the block."""
    base = base or base_directory()
    port = port or free_port()
    log = base / "user" / f"server-{port}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(base, "--port", str(port), "--disable-auto-launch", *arguments),
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            cwd=base,
        )
    server = Server(f"http://127.0.0.1:{port}", base, log, process)
    try:
        _wait(server, timeout)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait(server: Server, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{server.address}/system_stats", timeout=5):  # noqa: S310
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.5)
    tail = server.log.read_text(errors="replace")[-3000:]
    raise RuntimeError(f"The ComfyUI server did not start. The end of {server.log}:\n{tail}")


def main() -> int:
    """`python dev.py serve`: a server for a person, on ComfyUI's usual port unless asked."""
    try:
        return subprocess.call(
            command(base_directory(), *sys.argv[1:]), env=environment(), cwd=base_directory()
        )
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
