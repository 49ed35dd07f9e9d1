"""One HTML file that loads nothing, sends nothing elsewhere, and runs only the script it brings."""

import base64
import hashlib
from pathlib import Path

from ..evaluation.inline import inline
from .markup import Markup, joined, tag, text

WEB = Path(__file__).resolve().parents[2] / "web" / "parts" / "report"
# `connect-src 'self'`: opened through ComfyUI, the checklist is kept with the run.
_POLICY = (
    "default-src 'none'; script-src {script}; style-src '{style}'; img-src data:; "
    "connect-src {to}; base-uri 'none'; form-action 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
{script}</body>
</html>
"""


def page(title: str, under: object, *parts: Markup | None, script: str = "") -> str:
    """The whole file. `under` stands below the title; `script` is a module in web/parts/report that
    exports a function `start`. Parts are sections, or None.
    """
    sections = [part for part in parts if part]
    css = (WEB / "report.css").read_text(encoding="utf-8")
    code = f"{inline(WEB / script)}\nstart();\n" if script else ""
    for own in (css, code):
        assert "</s" not in own.lower() and "<!--" not in own, "would end its element"
    links = joined(tag("li", tag("a", _title(one), href=f"#{_id(one)}")) for one in sections)
    body = joined(
        [
            tag("header", tag("h1", title), tag("p", under)),
            tag("nav", tag("ul", links), aria_label="Parts of this page"),
            tag("main", *sections),
            tag("footer", tag("p", "Made by Atelier for ComfyUI, on this machine.")),
        ],
        "\n",
    )
    policy = _POLICY.format(
        script=f"'{_hash(code)}'" if code else "'none'",
        style=_hash(css),
        to="'self'" if code else "'none'",
    )
    return _PAGE.format(
        policy=policy,
        title=text(title),
        style=css,
        body=body,
        script=f'<script type="module">{code}</script>\n' if code else "",
    )


def _id(section: Markup) -> str:
    return section.split('id="', 1)[1].split('"', 1)[0]


def _title(section: Markup) -> Markup:
    return Markup(section.split("<h2", 1)[1].split(">", 1)[1].split("</h2>", 1)[0])


def _hash(own: str) -> str:
    """As a Content-Security-Policy names what stands in an element."""
    return f"sha256-{base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()}"
