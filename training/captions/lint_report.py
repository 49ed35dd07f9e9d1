"""What Lint Captions found, for a person and as JSON. Pure."""

from collections import Counter
from collections.abc import Sequence
from statistics import median
from typing import Any

from ..files import legible
from .lint import Counted, Finding
from .together import everywhere

MOST_NAMED = 8  # pictures of one finding
MOST_TOLD = 200  # findings


def text(
    title: str,
    names: Sequence[str],
    captions: Sequence[str],
    findings: Sequence[Finding],
    counted: Sequence[Counted],
) -> str:
    """How many of what, each finding with its pictures and its fix, and the tokens."""
    kinds = Counter(one.kind for one in findings)
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.items()) or "nothing was found"
    lines = [f"{title}: {len(captions)} captions. {told[0].upper()}{told[1:]}."]
    kind = ""
    for one in findings[:MOST_TOLD]:
        lines += ["", f"{one.kind.upper()}"] if one.kind != kind else []
        kind = one.kind
        lines.append(f"  {one.said}")
        lines += (
            [f"    in: {_named(list(dict.fromkeys(names[n] for n in one.pictures)))}"]
            if one.pictures
            else []
        )
        lines.append(f"    fix: {one.fix}")
    if len(findings) > MOST_TOLD:
        lines += ["", f"… and {len(findings) - MOST_TOLD} more, in the JSON"]
    lines += ["", "Tokens:", *(f"  {_tokens(one)}" for one in counted if one.counts)]
    if always := everywhere(captions):
        lines += ["", f"In every caption: {legible(', '.join(always))}. Right, if you teach it."]
    return "\n".join(lines)


def _of(names: Sequence[str], one: Finding) -> list[str]:
    """The pictures of a finding, each once."""
    return list(dict.fromkeys(names[number] for number in one.pictures))


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(map(legible, names[:MOST_NAMED])) + more


def _tokens(one: Counted) -> str:
    least, most = min(one.counts), max(one.counts)
    spread = f"{one.encoder}: {least} to {most}, {median(one.counts):g} in the middle"
    if one.room is None:
        return f"{spread}; no limit"
    over = sum(count > one.room for count in one.counts)
    return f"{spread}; {over} over the {one.room} that it reads at once"


def values(names: Sequence[str], findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The findings as plain values for JSON."""
    return [
        {
            "kind": one.kind,
            "said": one.said,
            "fix": one.fix,
            "pictures": _of(names, one),
        }
        for one in findings
    ]
