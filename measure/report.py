"""What a measurement gives back, and how it is written down."""

import datetime
import importlib.metadata
import json
import os
import platform
from dataclasses import dataclass
from pathlib import Path

Value = str | int | float
PLACE = Path(__file__).resolve().parent.parent / "docs" / "measurements"


@dataclass(frozen=True)
class Report:
    """`figures` is the last line on the screen, `rows` the table behind it."""

    figures: dict[str, Value]
    rows: list[dict[str, Value]]
    notes: str = ""


def table(rows: list[dict[str, Value]]) -> str:
    """Rows of one shape as a Markdown table."""
    if not rows:
        return ""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """Where and with what a figure was made, in one line."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("torch", "peft", "numpy")
    )
    python = f"Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {platform.machine()}, {python}, {versions}"


def write(name: str, report: Report, quick: bool) -> Path:
    """Write `docs/measurements/<name>.md`; a quick run goes beside it and never replaces it.

    `name` may be of two words, of which the second is a part.
    """
    PLACE.mkdir(parents=True, exist_ok=True)
    path = PLACE / f"{name.replace(' ', '-')}{'-quick' if quick else ''}.md"
    today = datetime.date.today().isoformat()
    command = f"python dev.py measure {name}{' --quick' if quick else ''}"
    parts = [
        f"# {name}\n\n`{command}`, {today}. {machine()}.",
        report.notes,
        table(report.rows),
        f"```json\n{json.dumps(report.figures)}\n```",
    ]
    path.write_text("\n\n".join(part for part in parts if part) + "\n", encoding="utf-8")
    return path
