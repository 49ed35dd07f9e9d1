"""ES modules of the page as one script, for files that stand alone. Pure."""

import re
from pathlib import Path

_IMPORT = re.compile(
    r'^import\s+(?P<what>\{[^}]*\}|\*\s+as\s+\w+)\s+from\s+"(?P<path>\.[^"]+)";\n', re.MULTILINE
)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b|\bimport\(|\bimport\.meta\b", re.MULTILINE)


def inline(entry: Path) -> str:
    """The module `entry` and all that it imports, each once, in a function of its own.

    What `entry` exports is called as it is there. Modules import by name or `* as`, from relative
    paths, and export functions, classes and constants where these are written.
    """
    order: list[Path] = []
    _visit(entry.resolve(), order, [])
    numbers = {path: number for number, path in enumerate(order)}
    parts = [_wrapped(path, numbers) for path in order]
    names = _exports(order[-1].read_text(encoding="utf-8"))
    return "\n".join([*parts, f"const {{ {', '.join(names)} }} = m{len(order) - 1};\n"])


def _visit(path: Path, order: list[Path], above: list[Path]) -> None:
    assert path not in above, f"{path.name} imports itself"
    if path in order:
        return
    for found in _IMPORT.finditer(path.read_text(encoding="utf-8")):
        _visit((path.parent / found["path"]).resolve(), order, [*above, path])
    order.append(path)


def _exports(text: str) -> list[str]:
    return _EXPORT.findall(text)


def _wrapped(path: Path, numbers: dict[Path, int]) -> str:
    text = path.read_text(encoding="utf-8")

    def taken(found: re.Match[str]) -> str:
        number = numbers[(path.parent / found["path"]).resolve()]
        what = re.sub(r"^\*\s+as\s+", "", found["what"])
        return f"const {re.sub(r' as ', ': ', what)} = m{number};\n"

    body = _EXPORT.sub("", _IMPORT.sub(taken, text))
    left = _LEFT.search(_without_comments(body))
    assert not left, f"{path.name}: {left.group() if left else ''} cannot be inlined"
    names = ", ".join(_exports(text))
    return f"const m{numbers[path]} = (() => {{\n{body}\nreturn {{ {names} }};\n}})();"


def _without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
