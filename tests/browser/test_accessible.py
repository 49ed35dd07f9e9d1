"""The checks of accessible.py find what is wrong, and let a good page be."""

import os

import pytest

from .accessible import problems

GOOD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Good</title>
<style>:root { color-scheme: light dark; }</style>
<main><h1>Good</h1><h2>Part</h2>%s</main>"""
BAD = {
    "no alt": '<img src="data:,">',
    "level 4 after 2": "<h4>Deep</h4>",
    "no scope": "<table><tr><th>a</th><td>b</td></tr></table>",
    "no label": "<input>",
    "without a name": '<svg width="9" height="9"></svg>',
    "two of id x": '<p id="x">a</p><p id="x">b</p>',
    "contrast": '<p style="color: #888; background: #999">grey</p>',
    "light: contrast": '<p style="color: #ddd">pale</p>',
    "dark: contrast": '<p style="color: #222">dim</p>',
}


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def test_a_good_page_has_no_problem(page):
    page.set_content(GOOD % '<table><tr><th scope="row">a</th><td>b</td></tr></table>')
    assert problems(page) == []


@pytest.mark.parametrize("what", BAD)
def test_what_is_wrong_is_found(page, what, monkeypatch):
    monkeypatch.delenv("ATELIER_AXE", raising=False)  # by our own checks: they must not be idle
    page.set_content(GOOD % BAD[what])
    assert any(what in told for told in problems(page))


def test_a_page_without_language_title_or_heading_is_told(page, monkeypatch):
    monkeypatch.delenv("ATELIER_AXE", raising=False)
    page.set_content("<!doctype html><p>text")
    told = " ".join(problems(page))
    assert "no lang" in told and "no title" in told and "0 h1" in told


@pytest.mark.skipif(not os.environ.get("ATELIER_AXE"), reason="dev.py test brings axe-core")
def test_axe_is_asked_too(page):
    page.set_content(GOOD % '<p role="nonsense">text</p>')
    assert any("aria-roles" in told for told in problems(page))
