"""A run's report: what is on it, and that nothing a stranger wrote gets out of its place."""

import base64
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from atelier.tests.galleries import write_grid
from atelier.tests.pure.test_mark import source_type
from atelier.tests.reports import draw_samples, make_run
from atelier.training.compare import compared
from atelier.training.evaluation.gallery import read
from atelier.training.mark import MADE_BY_MACHINE
from atelier.training.report import checklist
from atelier.training.report.compare_page import Shown, comparison, text
from atelier.training.report.run_page import Sources, report
from atelier.training.run import Run

BAD = [
    "</script><script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "<!-- <svg onload=alert(1)>",
    "javascript:alert(1)",
    "{{7*7}} ${7*7} %s {title}",
    "\ud800 half \x00 and \u202e turned",
]
LOADING = {"src", "href", "srcset", "action", "formaction", "data", "poster", "background"}


class Reader(HTMLParser):
    """Elements and attributes as a browser would have them."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.texts = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for own, attributes in self.elements if own == tag]


def whole(tmp_path, words="hats", safely=False, **settings):
    """A report with all that there can be, in which `words` stand everywhere."""
    clean = words.encode(errors="replace").decode()  # a run is written as UTF-8
    records = {
        "dataset": {
            "total": 2,
            "records": {f"{clean}.png": ["x"]},
            "licences": {clean: 2},
            "sources": {clean: 2},
            "notes": {clean: clean},
            "told": [clean],
        }
    }
    run = make_run(tmp_path / "runs", records=records, sample_prompts=clean, **settings)
    run.keep_graph({"base": f"{clean}.gguf"})
    draw_samples(tmp_path / "samples", [100, 400], prompts=1)
    folder = write_grid(tmp_path / "pictures", prompts=(clean, "a dog"), scores=True)
    change(folder, words)
    answer = checklist.Answer(answer="no", note=clean)
    checklist.keep(run, checklist.Checklist(answers={"appeal": answer}))
    cells = tmp_path / "pictures" / "cells"
    graph = {"nodes": [{"title": words}]}
    sources = Sources(tmp_path / "samples", cells, read(folder), graph, (f"{words}.ckpt",))
    return report(run, sources, safely)


def change(folder, words):
    path = folder / "scores.json"
    told = json.loads(path.read_text())
    told["scores"]["identity"] |= {"says": words, "encoder": words}
    told["scores"]["copying"]["pairs"] = {
        key: pair | {"name": words} for key, pair in told["scores"]["copying"]["pairs"].items()
    }
    spot = {"label": words, "fidelity": {"mean": 0.5}, "prompt": {"mean": 0.9}, "chosen": True}
    told["recommendation"] |= {"reasons": [words], "advice": [words], "points": [spot, {}, 3]}
    path.write_text(json.dumps(told))
    path = folder / "manifest.json"
    told = json.loads(path.read_text())
    told["name"] = told["columns"][1]["strength"] = words.encode(errors="replace").decode()
    path.write_text(json.dumps(told))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    return Reader(whole(tmp_path_factory.mktemp("plain")))


@pytest.mark.parametrize("words", BAD, ids=range(len(BAD)))
def test_strangers_texts_are_nothing_but_text(tmp_path, words, plain):
    page = whole(tmp_path, words)
    found = Reader(page)
    shape = [(tag, sorted(attributes)) for tag, attributes in found.elements]
    assert shape == [(tag, sorted(attributes)) for tag, attributes in plain.elements]
    assert "\u202e" not in page and "\x00" not in page
    page.encode()
    if words.isprintable():
        assert page.count("alert(1)") == "".join(found.texts + attributes_of(found)).count(
            "alert(1)"
        )
        assert words in "".join(found.texts)


def attributes_of(found):
    return [value or "" for _, attributes in found.elements for value in attributes.values()]


def test_nothing_comes_from_elsewhere(plain):
    for tag, attributes in plain.elements:
        for name in LOADING & attributes.keys():
            assert attributes[name].startswith(("data:", "#")), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    assert "url(" not in "".join(plain.texts) and "@import" not in "".join(plain.texts)
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in plain.elements}
    (policy,) = (a["content"] for a in plain.all("meta") if "http-equiv" in a)
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    assert "http" not in policy and "connect-src 'self'" in policy


def test_every_part_is_there(plain):
    titles = {attributes["id"] for attributes in plain.all("section")}
    assert titles == {
        "data", "settings", "curves", "samples", "grid", "scores", "recommendation", "checklist",
        "provenance",
    }  # fmt: skip
    said = "".join(plain.texts)
    for words in (
        "Finished at step 400",
        "hats (2)",
        "held-out loss",
        "level 0.875",
        "strength",
        "torch",
    ):
        assert words in said
    assert [a for a in plain.all("input") if a.get("value") == "no" and "checked" in a]
    assert len(plain.all("fieldset")) == len(checklist.QUESTIONS) == 6


def test_pictures_in_it_are_marked(plain):
    pictures = [a["src"] for a in plain.all("img")]
    assert len(pictures) == 2 + 12
    for source in pictures:
        assert source_type(base64.b64decode(source.split(",")[1])) == MADE_BY_MACHINE


def test_shared_safely_no_prompt_name_note_or_graph_is_in_it(tmp_path):
    closed, opened = whole(tmp_path, "SECRET", safely=True), whole(tmp_path / "open", "SECRET")
    secrets = (
        "SECRET.png",
        "SECRET.ckpt",
        "SECRET.gguf",
        "SECRET, step",
        "<strong>SECRET</strong>: ",
        "&quot;nodes&quot;",
    )
    for part in (*secrets, "d" * 64, "a" * 64, "context) SECRET", "<h3>SECRET"):
        assert part in opened and part not in closed, part
    assert "SECRET (2)" in closed  # licences are for all


def test_a_run_that_has_not_begun_has_a_report(tmp_path):
    run = make_run(tmp_path, steps=0, records={}, finished=False)
    page = report(run, Sources(tmp_path / "none", tmp_path / "none"))
    said = "".join(Reader(page).texts)
    assert "Base's file" in said and "unknown" in said
    assert "no step yet" in said and "No grid was named" in said and "older than such" in said


def test_the_same_run_gives_the_same_page(tmp_path):
    run = make_run(tmp_path)
    sources = Sources(tmp_path, tmp_path)
    assert report(run, sources) == report(run, sources)


def test_a_long_run_makes_no_long_page(tmp_path):
    run = make_run(tmp_path, steps=20_000)
    assert len(report(run, Sources(tmp_path, tmp_path))) < 400_000


@pytest.mark.parametrize("words", BAD[:4], ids=range(4))
def test_compared_runs_are_nothing_but_text(tmp_path, words):
    runs = [make_run(tmp_path, name, sample_prompts=w) for name, w in (("a", words), ("b", "x"))]
    runs[0].keep_graph({"base": words.encode(errors="replace").decode()})
    folder = write_grid(tmp_path / "pictures", "a", scores=True)
    change(folder, words)
    told = compared(runs)
    page = comparison("some", told, Shown({"a": read(folder)}, tmp_path / "pictures" / "cells"))
    found = Reader(page)
    assert {tag for tag, _ in found.elements} <= {
        *("html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "p", "nav", "ul"),
        *("li", "a", "main", "section", "div", "table", "caption", "thead", "tbody", "tr", "th"),
        *("td", "figure", "figcaption", "svg", "desc", "path", "polyline", "text", "details"),
        *("summary", "img", "span", "footer", "circle"),
    }
    assert words in "".join(found.texts) and "sample_prompts" in text(told)
    assert not [n for _, attributes in found.elements for n in attributes if n.startswith("on")]


@pytest.mark.parametrize(
    "bad",
    [
        {"answers": {"nonsense": {"answer": "yes"}}},
        {"answers": {"appeal": {"answer": "nobody"}}},
        {"answers": {"appeal": {"answer": "yes", "more": 1}}},
        {"answers": {"appeal": {"note": "x" * 4001}}},
        {"version": 2},
        {"answers": [], "version": 1},
    ],
)
def test_a_checklist_of_another_shape_is_refused(bad):
    with pytest.raises(ValueError, match="validation error"):
        checklist.Checklist.model_validate_json(json.dumps(bad))


def test_answers_are_kept_with_the_run(tmp_path):
    run = make_run(tmp_path)
    assert checklist.answered(run).answers == {}
    answer = checklist.Answer(answer="somebody", note="nobody is old")
    checklist.keep(run, checklist.Checklist(run="another", answers={"missing": answer}))
    again = checklist.answered(run)
    assert again.answers == {"missing": answer} and again.run == "hats"
    (run.folder / checklist.FILE).write_text("{")
    assert checklist.answered(run).answers == {}


@pytest.mark.parametrize("name", ["finished", "unfinished"])
def test_a_run_from_before_costs_were_recorded_has_a_report(tmp_path, name):
    old = Path(__file__).resolve().parent.parent / "old_runs" / "version-1" / name
    page = Reader(report(Run(old), Sources(tmp_path, tmp_path)))
    assert "not recorded" in "".join(page.texts) and page.all("polyline")
