"""Whose requests may stop a run: the page's, and those of programs, which send no origin."""

import asyncio
import json
from contextlib import ExitStack

import pytest
from aiohttp.test_utils import make_mocked_request

from atelier.training.host import running
from atelier.training.host.asking import of_our_page
from atelier.training.host.routes import going_on, stop

HOST = {"Host": "127.0.0.1:8188"}


def request(path="/", name="", **headers):
    headers = {key.replace("_", "-"): value for key, value in headers.items()}
    return make_mocked_request("POST", path, headers=HOST | headers, match_info={"name": name})


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),
        ({"Origin": "http://127.0.0.1:8188"}, True),
        ({"Origin": "http://127.0.0.1:8189"}, False),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://127.0.0.1:8188.elsewhere.example"}, False),
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://behind.a.proxy"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://127.0.0.1:8188"}, False),
    ],
)
def test_other_pages_are_refused(headers, ours):
    assert of_our_page(request(**headers)) is ours
    answer = asyncio.run(stop(request(name="nothing", **headers)))
    assert answer.status == (404 if ours else 403)


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "C:x", "", "x" * 5000, "\x00", "\\\\h\\s"])
def test_names_that_are_none_are_refused_in_few_words(name):
    answer = asyncio.run(stop(request(name=name)))
    assert answer.status == 400 and len(answer.text or "") < 1000


def test_a_run_that_goes_on_is_told_and_stopped():
    with running.stoppable("mine") as one:
        told = asyncio.run(going_on(request()))
        assert json.loads(told.text or "") == [{"run": "mine", "node": ""}]
        assert asyncio.run(stop(request(name="other"))).status == 404 and not one.stop.is_set()
        assert asyncio.run(stop(request(name="mine"))).status == 200 and one.stop.is_set()
    assert asyncio.run(stop(request(name="mine"))).status == 404


def test_an_answer_is_bounded():
    with ExitStack() as many:
        for number in range(40):
            many.enter_context(running.stoppable(f"run-{number}"))
        assert len(json.loads(asyncio.run(going_on(request())).text or "")) == 16
