"""Pages of reports in a browser: usable by everybody, silent, and their checklist kept.

No server: the page is a file, or what the routes would give is given here.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from atelier.tests.galleries import write_grid
from atelier.tests.reports import draw_samples, make_run
from atelier.training.compare import compared
from atelier.training.evaluation.gallery import read
from atelier.training.report.checklist import Checklist, answered, keep
from atelier.training.report.compare_page import Shown, comparison
from atelier.training.report.run_page import Sources, report

from .accessible import problems

PLACE = "http://atelier.example/atelier/runs/hats"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, its page, and a page of two runs."""
    place = tmp_path_factory.mktemp("reports")
    hostile = "a hat </script><img src=x onerror=alert(1)>\na cat"
    run = make_run(place / "runs", sample_prompts=hostile, rank=32)
    draw_samples(place / "samples", [100, 400])
    grid = read(write_grid(place / "pictures", "hats", scores=True))
    cells = place / "pictures" / "cells"
    sources = Sources(place / "samples", cells, grid, {"nodes": []}, ("a.safetensors",))
    (place / "report.html").write_text(report(run, sources), encoding="utf-8")
    other = make_run(place / "runs", "caps", learning_rate=1e-3)
    page = comparison("both", compared([run, other]), Shown({"hats": grid}, cells))
    (place / "compared.html").write_text(page, encoding="utf-8")
    return place, run


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.said = []
    page.on("console", lambda said: page.said.append(said.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.on("dialog", lambda dialog: page.said.append(dialog.message))
    yield page
    context.close()


@pytest.mark.parametrize("name", ["report", "compared"])
def test_everybody_can_use_the_pages_and_they_ask_nobody(made, page, name, screenshots):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    file = (made[0] / f"{name}.html").as_uri()
    page.goto(file)
    assert problems(page) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=screenshots / f"{name}-{scheme}.png", full_page=True)
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth)")
    assert [url for url in asked if not url.startswith("data:")] == [file]
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert page.said == []


def fill(page: Any) -> None:
    page.get_by_role("group", name="Appeal").get_by_label("Partly").check()
    missing = page.get_by_role("group", name="Who is missing")
    missing.get_by_label("Somebody").check()
    missing.get_by_label("Note").fill("nobody is old")


WANTED = {"appeal": ("partly", ""), "missing": ("somebody", "nobody is old")}


def told(checklist: Checklist) -> dict[str, tuple[str, str]]:
    found = {name: (one.answer, one.note) for name, one in checklist.answers.items()}
    return {name: one for name, one in found.items() if any(one)}


def test_answers_in_a_file_are_downloaded_and_read_back(made, page, tmp_path):
    place, _ = made
    page.goto((place / "report.html").as_uri())
    assert page.get_by_role("button", name="Keep with the run").is_hidden()
    fill(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download answers").click()
    file = tmp_path / "answers.json"
    download.value.save_as(file)
    assert told(Checklist.model_validate_json(file.read_bytes())) == WANTED
    page.reload()
    give(page, file)
    page.get_by_text("Read.", exact=True).wait_for()
    assert page.get_by_role("group", name="Appeal").get_by_label("Partly").is_checked()
    (tmp_path / "bad.json").write_text("[]")
    give(page, tmp_path / "bad.json")
    page.get_by_text("cannot be read as a checklist").wait_for()
    assert page.get_by_role("group", name="Appeal").get_by_label("Partly").is_checked()
    assert page.said == []


def give(page: Any, file: Path) -> None:
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Import answers").click()
    chosen.value.set_files(file)


def test_in_comfyui_answers_are_kept_with_the_run(made, page):
    from playwright.sync_api import expect  # there is a page, so it is installed

    place, run = made

    def answer(route):
        request = route.request
        if request.method == "POST":
            keep(run, Checklist.model_validate_json(request.post_data))
            return route.fulfill(json={"kept": True})
        if request.url.endswith("/checklist"):
            return route.fulfill(json=json.loads(answered(run).model_dump_json()))
        return route.fulfill(path=place / "report.html", content_type="text/html; charset=utf-8")

    page.route(f"{PLACE}/*", answer)
    page.goto(f"{PLACE}/report")
    fill(page)
    page.get_by_role("button", name="Keep with the run").click()
    page.get_by_text("Kept with the run.").wait_for()
    assert told(answered(run)) == WANTED and answered(run).run == "hats"
    page.reload()
    expect(page.locator("textarea[name=missing-note]")).not_to_have_value("", timeout=60_000)
    assert page.get_by_role("group", name="Appeal").get_by_label("Partly").is_checked()
    page.unroute(f"{PLACE}/*")
    page.route(f"{PLACE}/*", lambda route: route.fulfill(status=400, json={"error": "It is full."}))
    page.get_by_role("button", name="Keep with the run").click()
    page.get_by_text("Not kept: It is full.").wait_for()
