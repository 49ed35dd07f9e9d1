"""Which Atelier this is: `pyproject.toml` says it once, and the registry ships it."""

import re
from pathlib import Path


def _version() -> str:
    file = Path(__file__).resolve().parent.parent / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(r'^version = "([^"]+)"', text, re.MULTILINE)
    return found[1] if found else "unknown"


VERSION = _version()
