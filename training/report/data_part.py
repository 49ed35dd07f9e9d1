"""What a run was trained on, inside a report. Pure."""

from collections.abc import Mapping
from typing import Any

from .markup import Markup, folded, joined, listed, section, table, tag

MOST_NAMES = 500
_SETS = {"dataset": "Trained on", "class pictures": "Class pictures", "held-out": "Held out"}
_NONE_RECORDED = "not recorded"


def data(records: Mapping[str, Any], header: Mapping[str, str], hidden: bool = False) -> Markup:
    """Counts, licences, sources and notes of every set; `hidden` leaves names and notes out.

    `records` is `Run.records()`, `header` that of the run's LoRA.
    """
    sets = [(_SETS.get(what, what), of) for what, of in records.items() if isinstance(of, dict)]
    if not sets:
        count = header.get("ss_num_train_images", "")
        words = f"{count} pictures." if count else "The run has no list of its pictures."
        return section("data", "Data", tag("p", f"{words} It is older than such lists."))
    head = ["Set", "Pictures", "Licences", "Sources"]
    rows = [
        [what, of.get("total", ""), _counted(of.get("licences")), _counted(of.get("sources"))]
        for what, of in sets
    ]
    more = [] if hidden else [part for what, of in sets for part in _details(what, of)]
    return section("data", "Data", table("Pictures", head, rows), *more)


def _counted(found: Any) -> str:
    """`CC0 (12), CC BY (3)`."""
    if not isinstance(found, dict) or not found:
        return _NONE_RECORDED
    return ", ".join(f"{name} ({count})" for name, count in found.items())


def _details(what: str, of: Mapping[str, Any]) -> list[Markup]:
    parts = []
    notes = of.get("notes")
    if isinstance(notes, dict) and notes:
        told = listed(joined([tag("strong", name), ": ", note]) for name, note in notes.items())
        parts.append(joined([tag("h3", f"{what}: notes"), told]))
    told = of.get("told")
    if isinstance(told, list) and told:
        parts.append(joined([tag("h3", f"{what}: how it was read and curated"), listed(told)]))
    names = of.get("records")
    if isinstance(names, dict) and names:
        some = list(names)[:MOST_NAMES]
        rest = len(names) - len(some)
        more = [f"… and {rest} more, in data.json"] if rest else []
        parts.append(folded(f"{what}: the files ({len(names)})", listed([*some, *more])))
    return parts
