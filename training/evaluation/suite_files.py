"""Suites as text files; nothing is written over."""

from pathlib import Path

from ..files import atomic


def save(folder: Path, name: str, text: str) -> Path:
    """`folder/name.txt`, or `name-2.txt` …; the one that holds this very text, if it is there."""
    number = 1
    while True:
        path = folder / (f"{name}.txt" if number == 1 else f"{name}-{number}.txt")
        number += 1
        if path.is_file():
            if path.read_bytes() == text.encode():
                return path
            continue
        try:
            with atomic(path, new=True) as temporary:
                temporary.write_bytes(text.encode())
        except FileExistsError:
            continue
        return path
