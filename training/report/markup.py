"""HTML that cannot be broken out of: whatever is not `Markup` is text, and is escaped. Pure."""

import base64
import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Sequence

_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_HARMLESS = "\n\t\u200c\u200d"  # joiners are part of words and of emoji
_VOID = {"img", "input"}
_SPARE = re.compile(r"[^a-z0-9]+")


class Markup(str):
    """HTML of our own making; texts inside are escaped already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """`value` as text; what cannot be seen, or turns the writing round, is written out."""
    if isinstance(value, Markup):
        return value
    shown = "".join(
        char
        if char in _HARMLESS or unicodedata.category(char) not in _UNSEEN
        else char.encode("unicode_escape").decode()
        for char in str(value)
    )
    return Markup(html.escape(shown))


def tag(kind: str, /, *inside: object, **attributes: object) -> Markup:
    """An element. `class_` is class; `aria_label` is aria-label; None and False are left out."""
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{text(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if kind in _VOID:
        return Markup(f"<{kind}{told}>")
    return Markup(f"<{kind}{told}>{joined(inside)}</{kind}>")


def joined(parts: Iterable[object], between: str = "") -> Markup:
    return Markup(between.join(text(part) for part in parts if part is not None))


def slug(words: str) -> str:
    """An id of plain letters for `words`, the same each time."""
    short = _SPARE.sub("-", words.lower()).strip("-")[:40]
    return f"{short}-{hashlib.sha256(words.encode(errors='replace')).hexdigest()[:6]}"


def section(name: str, title: str, *inside: object) -> Markup:
    head = tag("h2", title, id=f"{name}-title")
    return tag("section", head, *inside, id=name, aria_labelledby=f"{name}-title")


def folded(summary: object, *inside: object) -> Markup:
    return tag("details", tag("summary", summary), *inside)


def table(caption: object, head: Sequence[object], rows: Iterable[Sequence[object]]) -> Markup:
    """A table whose first column names its rows; it scrolls by itself where it is too wide."""
    titles = joined(tag("th", one, scope="col") if one else tag("td") for one in head)
    body = joined(
        tag("tr", tag("th", row[0], scope="row"), *(tag("td", cell) for cell in row[1:]))
        for row in rows
    )
    top = tag("thead", tag("tr", titles))
    whole = tag("table", tag("caption", caption), top, tag("tbody", body))
    return tag("div", whole, class_="wide", tabindex=0, role="group", aria_label=_told(caption))


def _told(caption: object) -> str:
    return re.sub(r"<[^>]*>", "", caption) if isinstance(caption, Markup) else str(caption)


def picture(data: bytes, alt: str, kind: str = "webp", **attributes: object) -> Markup:
    """A picture inside the page."""
    inside = base64.b64encode(data).decode()
    source = Markup(f"data:image/{kind};base64,{inside}")
    return tag("img", src=source, alt=alt, **attributes)


def listed(parts: Iterable[object]) -> Markup:
    return tag("ul", *(tag("li", part) for part in parts))
