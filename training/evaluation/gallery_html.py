"""A grid as one HTML file that people open anywhere, also without a network, and vote in."""

import base64
import hashlib
import html
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from .gallery import Gallery, told
from .inline import inline

WEB = Path(__file__).resolve().parents[2] / "web" / "parts"
STYLES = ("alone.css", "page.css", "judge/judge.css")
Size = Literal["small", "large"]

# Nothing is loaded and nothing is sent: only the script and the style that stand here are taken.
_HEAD = """<!doctype html>
<html lang="en" class="alone">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; script-src '{script}'; \
style-src '{style}'; img-src data:; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{css}</style>
</head>
<body>
<main id="atelier-page"></main>
<noscript>This page shows a grid of pictures by a script that stands in this file: allow it.\
</noscript>
"""
_TAIL = """<script type="module">{script}</script>
</body>
</html>
"""


def pages(
    gallery: Gallery,
    picture: Callable[[str, Size], bytes | None],
    pair: Callable[[str], bytes | None] | None = None,
) -> Iterator[bytes]:
    """The file in pieces, with one picture in memory at a time.

    `picture` gives the WebP file of a cell by its key, nothing for one that is not there; `pair`
    that of a training picture by its name. Without `pair` these, and their names, are left out: the
    file goes to other people.
    """
    css = "\n".join((WEB / name).read_text(encoding="utf-8") for name in STYLES)
    script = f"{inline(WEB / 'judge' / 'alone.js')}\nopenAlone();\n"
    for text in (css, script):
        assert "</s" not in text.lower() and "<!--" not in text, "would end its element"
    head = _HEAD.format(
        script=_hash(script), style=_hash(css), title=html.escape(_clean(gallery.name)), css=css
    )
    yield head.encode()
    missing: list[str] = []
    for key in dict.fromkeys(tile.key for tile in gallery.tiles):
        for size in ("small", "large"):
            data = picture(key, size)
            if data is None:
                missing.append(key)
                break
            yield _picture(f"{size}-{key}", data)
    whole = told(gallery) | {"missing": missing}
    if not pair:
        whole["scores"] = {name: one | {"pairs": {}} for name, one in gallery.scores.items()}
        if gallery.recommendation:  # advice may name a training picture
            whole["recommendation"] = {**gallery.recommendation, "advice": []}
    for name in sorted(gallery.pair_names):
        data = pair(name) if pair else None
        if data is not None:
            yield _picture(f"pair-{name}", data)
    yield _data("atelier-grid", whole)
    yield _TAIL.format(script=script).encode()


def _picture(name: str, data: bytes) -> bytes:
    inside = base64.b64encode(data).decode()
    return (
        f'<script type="text/plain" id="{name}">data:image/webp;base64,{inside}</script>\n'.encode()
    )


def _data(name: str, value: Any) -> bytes:
    return f'<script type="application/json" id="{name}">{as_json(value)}</script>\n'.encode()


def as_json(value: Any) -> str:
    """JSON that may stand in a script element: nothing in it ends one, or opens anything."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _clean(text: str) -> str:
    return text.encode(errors="replace").decode()


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what stands in an element."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
