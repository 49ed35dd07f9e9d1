"""Which addresses pictures may be sent to. Pure.

This machine itself, and what its user listed in a file; never what only a workflow names, since a
workflow comes from strangers and pictures do not leave the machine unless the user asks.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from ..files import legible

_TAIL = "/chat/completions"


@dataclass(frozen=True)
class Address:
    """Where to send to: scheme, host and port; the path of the request; a key, or none."""

    scheme: str
    host: str
    port: int
    path: str
    key: str = ""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


def address_of(text: str, listed: Mapping[str, str], file: Path) -> Address:
    """The address that a workflow names, completed to that of the chat.

    `listed` are the addresses that the user allows, with their keys, from `file`. Raises
    `ValueError` for what is no address, and for another machine that is not listed.
    """
    if not text.strip():
        raise ValueError(
            "No address is given. Start a server with a vision model on this machine (Ollama, "
            "llama.cpp, vLLM) and write its address, such as http://127.0.0.1:11434/v1"
        )
    found = _parted(text, "The address")
    allowed = {_origin(_parted(one, f"{file}:")): key for one, key in listed.items()}
    origin = _origin(found)
    if origin not in allowed and not _here(origin[1]):
        raise ValueError(
            f"{legible(text.strip())} is not on this machine, and pictures would be sent there. To "
            f"allow it, write the address on a line of {file} on the machine that runs ComfyUI."
        )
    path = found.path.rstrip("/") or "/v1"
    path = path if path.endswith(_TAIL) else path + _TAIL
    return Address(*origin, path, allowed.get(origin, ""))


def listed_in(file: Path) -> dict[str, str]:
    """Addresses in a file, one a line, each with its key after a space if it wants one."""
    if not file.is_file():
        return {}
    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} cannot be read ({error}). Save it as UTF-8 text.") from error
    parts = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return {address: key[0] if key else "" for address, *key in parts}


def _parted(text: str, what: str) -> SplitResult:
    text = text.strip()
    try:
        found = urlsplit(text)
        if _sound(text, found):
            return found
    except ValueError:  # a port that is no number, half an IPv6 address
        pass
    raise ValueError(
        f"{what} '{legible(text)}' is no address of a server. Write one such as "
        "http://127.0.0.1:11434/v1"
    )


def _sound(text: str, found: SplitResult) -> bool:
    return bool(
        found.scheme in ("http", "https")
        and found.hostname
        and found.port != 0
        and text.isascii()
        and text.isprintable()
        and " " not in text
        and not (found.username or found.password or found.query or found.fragment)
    )


def _origin(found: SplitResult) -> tuple[str, str, int]:
    host = (found.hostname or "").lower()
    return found.scheme, host, found.port or (443 if found.scheme == "https" else 80)


def _here(host: str) -> bool:
    """Whether a host is this machine, by its text alone: to look it up would tell who asks."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
