"""Which files in models/loras were written of a run, by what their headers say."""

import json
from pathlib import Path

from . import folders

MOST_HEADER = 16 * 2**20
_seen: dict[Path, tuple[tuple[int, int], str]] = {}


def lora_files(key: str) -> list[Path]:
    """The files of the run with this key; none without one."""
    files = (
        path for root in folders.lora_folders() for path in sorted(root.rglob("*.safetensors"))
    )
    return [path for path in files if key and _key(path) == key]


def _key(path: Path) -> str:
    """The key of the run that a file came from, or nothing. A header is read once."""
    try:
        found = path.stat()
        stamp = (found.st_mtime_ns, found.st_size)
        known = _seen.get(path)
        if known and known[0] == stamp:
            return known[1]
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            text = file.read(size) if size <= MOST_HEADER else b"{}"
        run = json.loads(text).get("__metadata__", {}).get("atelier.run", "{}")
        key = str(json.loads(run).get("key", ""))
    except (OSError, ValueError, AttributeError):
        return ""
    _seen[path] = (stamp, key)
    return key
