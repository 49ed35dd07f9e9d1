"""A grid as one file: it asks for nothing outside, and what people wrote stays text."""

import base64
import hashlib
import html.parser
import json
import re

import pytest

from atelier.tests.galleries import write_grid
from atelier.training.evaluation import gallery, gallery_html
from atelier.training.evaluation.inline import inline

EVIL = '</script><img src=x onerror="alert(1)"><!-- \u2028 & "quoted" <script>'


class Read(html.parser.HTMLParser):
    """Elements with their attributes, and what stands in them."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts, self.open = [], {}, ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        self.open = attributes.get("id") or tag

    def handle_endtag(self, tag):
        self.open = ""

    def handle_data(self, data):
        if self.open:
            self.texts[self.open] = self.texts.get(self.open, "") + data

    def of(self, tag):
        return [attributes for found, attributes in self.elements if found == tag]


def page(folder, picture=lambda key, size: b"RIFF" + size.encode(), pair=lambda name: b"RIFFpair"):
    found = gallery.read(folder)
    return b"".join(gallery_html.pages(found, picture, pair)).decode()


def test_holds_the_grid_and_its_pictures(tmp_path):
    folder = write_grid(tmp_path, scores=True)
    found = gallery.read(folder)
    read = Read(page(folder))
    told = json.loads(read.texts["atelier-grid"])
    assert told == json.loads(json.dumps(gallery.told(found))) | {"missing": []}
    for tile in found.tiles:
        for size in ("small", "large"):
            head, _, data = read.texts[f"{size}-{tile.key}"].partition(",")
            assert head == "data:image/webp;base64"
            assert base64.b64decode(data) == b"RIFF" + size.encode()
    assert "pair-pair-1.png" in read.texts
    given = page(folder, pair=None)  # to other people: nothing names a training picture
    assert "hats/01.png" in page(folder) and "hats/01.png" not in given
    assert "It is like them, and no copy." in given


def test_asks_for_nothing_outside(tmp_path):
    text = page(write_grid(tmp_path, scores=True))
    read = Read(text)
    for tag, attributes in read.elements:
        assert not set(attributes) & {"src", "href", "srcset", "action", "data"}, (tag, attributes)
    outside = set(re.findall(r"(?:https?:)?//[a-z0-9.]+\.[a-z]+[^\s\"'`]*", text))
    assert outside == {"http://www.w3.org/2000/svg"}  # a name of XML, which nothing asks for
    assert not re.search(r"@import|url\(|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon", text)
    assert not re.search(r"^\s*(import|export)\b", text, re.MULTILINE)


def test_only_its_own_script_and_style_run(tmp_path):
    read = Read(page(write_grid(tmp_path)))
    [policy] = [one["content"] for one in read.of("meta") if "http-equiv" in one]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    run = [one for one in read.of("script") if one.get("type") == "module"]
    assert len(run) == 1 and len(read.of("style")) == 1
    script, style = read.texts["script"], read.texts["style"]
    for text in (script, style):
        sha = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{sha}'" in policy


def test_what_people_wrote_stays_text(tmp_path):
    folder = write_grid(tmp_path, "evil", prompts=[EVIL, "a"], scores=True)
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    told |= {"name": EVIL, "made": EVIL, "sampling": {EVIL: EVIL}}
    told["rows"][2]["prompt"] = "half a \ud800 character"
    told["cells"][0] |= {"lora": EVIL, "kind": "<b>", "settings": {EVIL: EVIL}}
    path.write_text(json.dumps(told))
    path = folder / "scores.json"
    scores = json.loads(path.read_text())
    scores["scores"]["copying"] |= {"says": EVIL, "encoder": EVIL}
    for pair in scores["scores"]["copying"]["pairs"].values():
        pair["name"] = f"{EVIL}.png"
    scores["recommendation"] |= {"reasons": [EVIL], "advice": [EVIL]}
    scores["recommendation"]["points"][0] |= {"label": EVIL, "flags": [EVIL]}
    path.write_text(json.dumps(scores))
    text = page(folder)
    read = Read(text)
    plain = Read(page(write_grid(tmp_path, "plain", prompts=["a", "b"], scores=True)))
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in plain.elements]
    assert not any(name.startswith("on") for _, found in read.elements for name in found)
    told = json.loads(read.texts["atelier-grid"])
    assert told["cells"][0]["prompt"] == EVIL and told["name"] == EVIL
    assert read.texts["title"] == EVIL
    assert told["recommendation"]["points"][0]["label"] == EVIL
    assert [one["name"] for one in told["scores"]["copying"]["pairs"].values()] == [f"{EVIL}.png"]
    assert told["rows"][2] == "half a ? character\nseed 1"
    assert "<img" not in text and text.count("<!--") == 0


def test_pictures_that_are_not_there_are_told(tmp_path):
    folder = write_grid(tmp_path)
    gone = gallery.read(folder).tiles[3].key
    read = Read(page(folder, lambda key, size: None if key == gone else b"x", lambda name: None))
    assert json.loads(read.texts["atelier-grid"])["missing"] == [gone]
    assert f"small-{gone}" not in read.texts


def test_one_picture_is_held_at_a_time(tmp_path):
    """Pieces come as pictures are asked for."""
    asked = []
    pieces = gallery_html.pages(
        gallery.read(write_grid(tmp_path)),
        lambda key, size: asked.append(key) or b"x",
        lambda n: b"",
    )
    next(pieces)
    assert asked == []
    next(pieces)
    assert len(asked) == 1
    assert max(map(len, pieces)) < 200_000 and len(asked) == 24


def test_modules_are_inlined_once_in_order(tmp_path):
    modules = {
        "a": 'import { b } from "./b.js";\nimport * as c from "./c.js";\n'
        "export function go() { return b + c.c; }\n",
        "b": 'import { c as own } from "./c.js";\nexport const b = own + 1;\n',
        "c": "/** @type {import('./x.js').X} */\nexport const c = 1;\n",
    }
    for name, text in modules.items():
        (tmp_path / f"{name}.js").write_text(text)
    text = inline(tmp_path / "a.js")
    assert text.count("const c = 1;") == 1
    assert "const { b } = m1;" in text and "const c = m0;" in text and "c: own } = m0" in text
    (tmp_path / "b.js").write_text("export default 1;\n")
    with pytest.raises(AssertionError, match="b.js"):
        inline(tmp_path / "a.js")
