"""Whether a page can be used by everybody: axe-core where it is, and checks of our own always.

    assert problems(page) == []

dev.py brings axe-core from npm and names its file in $ATELIER_AXE. Contrast is looked at in light
and in dark, since a page follows the system.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

SCHEMES = ("light", "dark")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """tags => axe.run(document, {
    runOnly: {type: "tag", values: tags}, resultTypes: ["violations"],
}).then(found => found.violations.map(one => [
    one.id, one.help, one.nodes.slice(0, 3).map(node => node.html.slice(0, 200)),
]))"""

# What a person with a screen reader, a keyboard or weak eyes meets first; each finding a sentence.
OWN = r"""() => {
const found = [];
const shown = element => element.checkVisibility({visibilityProperty: true, opacityProperty: true});
const all = query => [...document.querySelectorAll(query)].filter(shown);
const tell = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 160)}`);

if (!document.documentElement.lang) found.push("the page has no lang");
if (!document.title.trim()) found.push("the page has no title");
if (all("h1").length !== 1) found.push(`${all("h1").length} h1`);
if (all("main").length !== 1) found.push(`${all("main").length} main`);
let level = 0;
for (const heading of all("h1,h2,h3,h4,h5,h6")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) tell(`a heading of level ${own} after ${level}`, heading);
    level = own;
}
for (const image of all("img")) if (!image.hasAttribute("alt")) tell("no alt", image);
for (const drawing of all("svg"))
    if (drawing.getAttribute("aria-hidden") !== "true"
        && !(drawing.getAttribute("role") === "img"
             && (drawing.getAttribute("aria-label") || drawing.getAttribute("aria-labelledby"))))
        tell("a drawing without a name", drawing);
for (const cell of all("table th")) if (!cell.scope) tell("no scope", cell);
for (const field of all("input:not([type=hidden]),select,textarea"))
    if (!field.labels?.length && !field.getAttribute("aria-label")
        && !field.getAttribute("aria-labelledby")) tell("no label", field);
for (const button of all("button,a[href],summary"))
    if (!button.textContent.trim() && !button.getAttribute("aria-label")
        && !button.querySelector("img[alt]:not([alt=''])")) tell("no name", button);
for (const element of all("[tabindex]")) if (element.tabIndex > 0) tell("tabindex", element);
const ids = [...document.querySelectorAll("[id]")].map(element => element.id);
for (const id of new Set(ids.filter((id, place) => ids.indexOf(id) !== place)))
    found.push(`two of id ${id}`);

const numbers = text => (text.match(/[\d.]+/g) ?? []).map(Number).map(  // color-mix: up to 1
    (part, place) => text.startsWith("color(srgb") && place < 3 ? part * 255 : part);
const over = ([r, g, b, a = 1], below) =>
    [r, g, b].map((part, place) => part * a + below[place] * (1 - a));
const light = ([r, g, b]) => {  // WCAG 2.2, relative luminance
    const [red, green, blue] = [r, g, b].map(part => part / 255).map(
        part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const ground = element => {
    const layers = [];
    for (let one = element; one; one = one.parentElement)
        layers.unshift(numbers(getComputedStyle(one).backgroundColor));
    const scheme = getComputedStyle(document.documentElement).colorScheme;
    const dark = scheme.includes("dark") && matchMedia("(prefers-color-scheme: dark)").matches;
    const bare = dark ? [18, 18, 18] : [255, 255, 255];
    return layers.reduce((below, layer) => over(layer, below), bare);
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.data.trim() || !shown(element)) continue;
    if (element.closest("script,style,[disabled]")) continue;
    const style = getComputedStyle(element), below = ground(element);
    const ink = element instanceof SVGElement ? style.fill : style.color;
    const [one, other] = [light(over(numbers(ink), below)), light(below)].sort((a, b) => b - a);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = (one + 0.05) / (other + 0.05);
    if (contrast < (large ? 3 : 4.5)) tell(`contrast ${contrast.toFixed(2)}`, element);
}
return found;
}"""


# The same of a page of ours inside ComfyUI's: what takes keys has a name.
NAMELESS = """host => [...document.querySelector(host).shadowRoot.querySelectorAll(
    "button, a[href], input, select, textarea, [tabindex='0'], [role=listbox], [role=slider]")]
    .filter(one => one.checkVisibility() && !one.textContent.trim() && !one.labels?.length
        && !one.getAttribute("aria-label") && !one.getAttribute("aria-labelledby")
        && !one.querySelector("img[alt]:not([alt=''])"))
    .map(one => `no name: ${one.outerHTML.slice(0, 160)}`)"""


def problems_inside(page: "Page", host: str) -> list[str]:
    """What is wrong with a page of ours in ComfyUI's side bar, in the colours that it has now."""
    found = page.evaluate(NAMELESS, host)
    if axe := os.environ.get("ATELIER_AXE"):
        if not page.evaluate("typeof axe === 'object'"):
            page.evaluate(Path(axe).read_text(encoding="utf-8"))
        asked = page.evaluate(RUN.replace("tags =>", "([tags, document]) =>"), [TAGS, host])
        # A page that can be opened wide is a dialog, and a region while it stands in the side bar.
        found += [f"{r}: {says}: {' '.join(w)}" for r, says, w in asked if r != "aria-allowed-role"]
    return found


def problems(page: "Page") -> list[str]:
    """What is wrong, in light and in dark, as sentences; nothing for a good page."""
    return [f"{scheme}: {told}" for scheme in SCHEMES for told in _in(page, scheme)]


def _in(page: "Page", scheme: Any) -> Iterator[str]:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    yield from page.evaluate(OWN)
    named = os.environ.get("ATELIER_AXE")
    if named:
        if not page.evaluate("typeof axe === 'object'"):
            # evaluated, not added as a tag: the page's own policy lets no other script in
            page.evaluate(Path(named).read_text(encoding="utf-8"))
        for rule, says, where in page.evaluate(RUN, TAGS):
            yield f"{rule}: {says}: {' '.join(where)}"
