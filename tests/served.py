"""A server that test modules use in turn is emptied between them."""

import json
import shutil
import time
import urllib.request
from pathlib import Path
from typing import Any

from atelier.demo.server import Server


def emptied(server: Server) -> None:
    """Let a server forget its prompts, what it computed and loaded, and empty its folders."""
    _ask(server, "queue", {"clear": True})
    _ask(server, "interrupt", {})
    deadline = time.monotonic() + 120
    while _ask(server, "queue")["queue_running"]:
        assert time.monotonic() < deadline, "The server does not end what it is at."
        time.sleep(0.05)
    _ask(server, "history", {"clear": True})
    _ask(server, "free", {"unload_models": True, "free_memory": True})
    base = server.base
    models = [folder for folder in (base / "models").iterdir() if not folder.is_symlink()]
    for folder in (base / "input", base / "output", base / "temp", base / "user", *models):
        _empty(folder, server.log)


def _empty(folder: Path, log: Path) -> None:
    """The folder itself stays: ComfyUI looks at its time. So do ComfyUI's own files."""
    for path in folder.iterdir():
        if path == log or path.name.startswith("comfyui."):
            continue
        if path.is_symlink() or path.is_file():
            path.unlink()
            continue
        while path.exists():  # it may be at its last files still
            shutil.rmtree(path, ignore_errors=True)


def _ask(server: Server, path: str, sent: dict[str, Any] | None = None) -> Any:
    headers = {"Content-Type": "application/json"}
    body = None if sent is None else json.dumps(sent).encode()
    request = urllib.request.Request(f"{server.address}/{path}", body, headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        text = answer.read()
    return json.loads(text) if text else None
