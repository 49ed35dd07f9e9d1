"""What no dataset page sends, and names that lead elsewhere: refused, and nothing is changed."""

import asyncio
import json
import shutil

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from atelier.tests.curation.conftest import scene
from atelier.tests.hostile.counted import snapshot
from atelier.training.host import dataset_routes

from .asked import ROOT, ask, get, opened, post

NAMES = [
    "../secret/s.png", "..\\secret\\s.png", "/etc/passwd", "C:\\x.png", "\\\\host\\s\\x.png",
    "b/../../secret/s.png", "b/../a.png", "./a.png", "a.png/", "a.png\x00", "a.txt", ".bak/a.png",
    "link.png", "linked/s.png", "captioned.png", "", "A.png:x.png", "x" * 5000, "\u202ea.png",
]  # fmt: skip


@pytest.fixture
def ground(cats, tmp_path):
    """Beside the cats lie secrets outside, and links that lead to them."""
    outside = tmp_path / "secret"
    outside.mkdir()
    scene(7).save(outside / "s.png")
    (outside / "s.txt").write_text("a secret")
    scene(8).save(outside / "mask.png")
    (cats / "link.png").symlink_to(outside / "s.png")
    (cats / "linked").symlink_to(outside)
    shutil.copy(cats / "a.png", cats / "captioned.png")
    (cats / "captioned.txt").symlink_to(outside / "s.txt")
    (cats / "a-masklabel.png").symlink_to(outside / "mask.png")
    return outside


@pytest.mark.parametrize("name", NAMES, ids=lambda name: repr(name[:30]))
def test_no_name_leads_out_of_the_folder(ground, cats, name):
    outside = snapshot(ground)
    listed = opened()
    assert "a secret" not in json.dumps(list(listed.values()))
    own = {path: what for path, what in snapshot(cats).items() if not path.startswith("linked")}
    query, change = {"folder": "cats", "name": name}, {"name": name, "expected": "", "text": "x"}
    answers = ask(
        ("GET", "/thumbnail", query),
        ("GET", "/thumbnail", query | {"size": "large"}),
        ("GET", "/mask", query),
        ("POST", "/caption", query | {"expected": "", "text": "x"}),
        ("POST", "/captions", {"folder": "cats", "changes": [change]}),
        ("POST", "/decisions", {"folder": "cats", "decisions": {name: "keep"}}),
    )
    for status, answer in answers[:2] + answers[5:]:
        assert status in ((200,) if name == "captioned.png" else (400, 404)), answer
    assert answers[2][0] in (400, 404) and answers[3][0] in (400, 404)
    assert answers[4][0] == 200 and answers[4][1]["saved"] == {}
    assert "a secret" not in repr(answers) and all(len(repr(a[1])) < 6000 for a in answers[2:])
    assert snapshot(ground) == outside
    after = {path: what for path, what in snapshot(cats).items() if not path.startswith("linked")}
    assert after == own


def test_a_mask_that_is_a_link_out_is_not_shown(ground):
    opened()
    assert get("/mask", folder="cats", name="a.png")[0] == 404


FOLDERS = ["../user", "/etc", "C:\\x", "\\\\host\\share", "//host/share", "out", "", "a\0b",
           "x" * 100_000, "nothing"]  # fmt: skip


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda name: repr(name[:20]))
def test_no_folder_but_those_that_are_allowed(ground, cats, folder):
    link = cats.parent / "out"
    link.unlink(missing_ok=True)
    link.symlink_to(ground)
    query = {"folder": folder, "name": "s.png"}
    wanted = [
        *(("GET", path, query) for path in ("", "/facts", "/tokens", "/thumbnail", "/mask")),
        ("POST", "/caption", query | {"expected": "", "text": "x"}),
        ("POST", "/captions", {"folder": folder, "changes": []}),
        ("POST", "/decisions", {"folder": folder, "decisions": {"s.png": "keep"}}),
        ("POST", "/look", {"folder": folder}),
    ]
    sent = [one for one in wanted if one[0] == "POST" or len(folder) < 1000]
    for status, answer in ask(*sent):
        assert status == 400 and answer["error"] and "a secret" not in repr(answer)
    assert (ground / "s.txt").read_text() == "a secret"
    link.unlink()


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{", "null", '{"folder": 1}', '{"folder": "cats", "name": "a.png", "text": "x"}',
     '{"folder": "cats", "name": "a.png", "expected": "", "text": 1}', "[" * 100_000,
     '{"folder": "cats", "name": "a.png", "expected": "", "text": "x", "more": 1}'],
    ids=lambda body: body[:20],
)  # fmt: skip
def test_what_no_page_sends_is_refused(cats, body):
    async def go():
        routes = web.RouteTableDef()
        dataset_routes.register(routes)
        app = web.Application()
        app.add_routes(routes)
        async with TestClient(TestServer(app)) as client:
            answer = await client.post(f"{ROOT}/caption", data=body)
            return answer.status, await answer.text()

    before = snapshot(cats)
    status, text = asyncio.run(go())
    assert status == 400 and "Traceback" not in text and len(text) < 1000
    assert snapshot(cats) == before


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_pages_are_refused(cats, headers):
    query = {"folder": "cats", "name": "a.png"}
    answers = ask(
        *(("GET", path, query) for path in ("", "/facts", "/thumbnail", "/tokens")),
        ("POST", "/caption", query | {"expected": "", "text": "x"}),
        headers=headers,
    )
    assert [status for status, _ in answers] == [403] * 5
    assert (cats / "a.txt").read_bytes() == b"a cat,  on a sofa\r\n"


def test_captions_that_are_none_are_refused(cats):
    before = opened()["a.png"]["hash"]
    for text in ("x" * 70_000, "a\x00b", "\ud800"):
        status, _ = post("/caption", folder="cats", name="a.png", expected=before, text=text)
        assert status == 400
    assert (cats / "a.txt").read_bytes() == b"a cat,  on a sofa\r\n"
