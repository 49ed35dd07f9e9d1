"""Report and Compare Runs on runs that were trained here; what a sitting records; the routes."""

import asyncio
import json
import shutil
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from atelier.nodes.report import CompareRuns, Report
from atelier.tests.galleries import write_grid
from atelier.training.cost import cost, sittings
from atelier.training.host import folders, report_routes
from atelier.training.host.reports import loaded_files
from atelier.training.report.checklist import answered

from .trained import press_stop, train

HOST = {"Host": "127.0.0.1:8188"}
SAME = {"Sec-Fetch-Site": "same-origin"}
JSON = {"Content-Type": "application/json"}
GOOD = {"version": 1, "run": "x", "answers": {"missing": {"answer": "somebody", "note": "cats"}}}


GRAPH = {"nodes": [{"type": "AtelierTrainLora"}]}
PROMPT = {"1": {"inputs": {"ckpt_name": "demo.safetensors"}}}


@pytest.fixture(autouse=True)
def graph(monkeypatch):
    """What ComfyUI gives a node that asks for it."""
    hidden = SimpleNamespace(extra_pnginfo={"workflow": GRAPH}, prompt=PROMPT)
    monkeypatch.setattr(Report, "hidden", hidden)


@pytest.fixture(autouse=True)
def no_pages():
    for name in ("reports", "grids"):
        shutil.rmtree(folders.pictures() / name, ignore_errors=True)


class Body:
    """What a request carries, as far as the routes read it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    async def read(self, most: int) -> bytes:
        return self.data[:most]


def ask(handler, name, headers=None, method="GET", query="", body=b""):
    """The route's answer, as a server would give it."""
    payload: Any = Body(body)
    headers = HOST | (headers or {})
    request = make_mocked_request(
        method, f"/x{query}", headers=headers, match_info={"name": name}, payload=payload
    )
    return asyncio.run(handler(request))


def report(**inputs):
    found = Report.execute(**({"run_name": "", "grid": "", "share_safely": False} | inputs))
    (place,) = found.args
    shown: Any = found.ui
    return folders.pictures() / place, shown


def test_every_sitting_records_what_it_cost(held, monkeypatch):
    press_stop(monkeypatch, 3)
    run = train(held, name="stopped")
    monkeypatch.undo()
    run = train(held, name="stopped")
    first, second = sittings(run)
    assert (first["from"], first["to"]) == (0, 3) and (second["from"], second["to"]) == (3, 6)
    assert first["seconds"] > 0 and first["device"] == "cpu" and first["peak"] is None
    assert second["versions"]["ComfyUI"] and second["versions"]["Atelier"] == "0.1.0"
    assert cost(run).steps == 6
    assert train(held, name="stopped").folder == run.folder and len(sittings(run)) == 2


def test_a_report_and_its_checklist_and_runs_compared(held):
    run = train(held, name="one", sample_every=3, sample_prompts="a secret hat", sample_steps=1)
    other = train(held, name="two", rank=4)
    write_grid(folders.pictures(), "a grid", scores=True)
    path, ui = report(run=run, grid="a grid")
    page = path.read_text(encoding="utf-8")
    assert path.name == "one.html" and ui["atelier_page"] == ["/atelier/runs/one/report"]
    for words in (
        "a secret hat, step 6",
        "Identity",
        "torch",
        run.asked()["dataset"],
        "demo.safetensors",
    ):
        assert words in page
    for words in ("AtelierTrainLora", "4 pictures"):
        assert words in page
    assert page.count("data:image/webp") == 3 + 12  # samples of steps 0, 3 and 6, and cells
    assert report(run=run, grid="a grid")[0] == path  # the same page is not written twice
    private, _ = report(run_name="one", share_safely=True)
    assert private.name == "one-2.html" and "secret" not in private.read_text(encoding="utf-8")

    served = ask(report_routes.page, "one")
    assert served.status == 200 and served.body == private.read_bytes()
    assert served.headers["X-Content-Type-Options"] == "nosniff"
    kept = ask(report_routes.answer, "one", JSON | SAME, "POST", body=json.dumps(GOOD).encode())
    assert kept.status == 200 and answered(run).answers["missing"].note == "cats"
    assert "cats" in report(run=run)[0].read_text(encoding="utf-8")
    told = json.loads(ask(report_routes.answers, "one", SAME).text or "")
    assert told["answers"]["missing"]["answer"] == "somebody" and told["run"] == "one"

    image, text, data, place = CompareRuns.execute("o*\ntwo", "both", run=other).args
    assert image.shape == (1, 480, 960, 3) and "rank: one 2, two 4" in text
    assert json.loads(data)["settings"]["rank"] == {"one": 2, "two": 4}
    page = (folders.pictures() / place).read_bytes()
    assert ask(report_routes.comparison, "both").body == page
    side = ask(report_routes.compare, "", SAME, query="?run=one&run=two")
    assert json.loads(side.text or "")["settings"]["rank"] == {"one": 2, "two": 4}


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, "one of the two"),
        ({"run_name": "none"}, "There is no run 'none'"),
        ({"run_name": "../runs"}, "cannot be a file name"),
    ],
)
def test_a_report_of_nothing_says_how(inputs, says):
    with pytest.raises(ValueError, match=says):
        report(**inputs)


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, GOOD, {"Sec-Fetch-Site": "cross-site", **JSON}),
        (403, GOOD, {"Origin": "null", **JSON}),
        (400, GOOD, {"Content-Type": "text/plain", **SAME}),
        (400, {"answers": {"x": {}}}, {**SAME, **JSON}),
        (400, {"answers": {"missing": {"note": "x" * 200_000}}}, {**SAME, **JSON}),
        (404, GOOD, {**SAME, **JSON}),
    ],
)
def test_answers_are_taken_from_our_page_alone(status, body, headers):
    sent = json.dumps(body).encode()
    name = "one" if status != 404 else "none"
    folder = folders.runs() / "one"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    answer = ask(report_routes.answer, name, headers, "POST", body=sent)
    assert answer.status == status
    assert not (folder / "checklist.json").exists()


@pytest.mark.parametrize("name", ["..", "a/b", "", "\x00", "x" * 5000, "CON"])
def test_names_that_are_none_are_no_pages(name):
    for handler in (report_routes.page, report_routes.comparison):
        assert ask(handler, name).status == 404
    assert ask(report_routes.answers, name, SAME).status == 400


def test_models_in_a_graph_are_named():
    prompt = {
        "1": {"inputs": {"ckpt_name": "sd/xl.safetensors", "x": ["2", 0], "n": 3}},
        "2": {"inputs": {"unet_name": "flux.gguf", "text": "a.safetensors\nb"}},
        "3": {"inputs": {"ckpt_name": "sd/xl.safetensors"}},
        "4": {},
        "5": 7,
    }
    assert list(loaded_files(prompt)) == ["sd/xl.safetensors", "flux.gguf"]
    assert list(loaded_files(None)) == []
