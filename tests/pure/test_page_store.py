"""The dataset page's memory of a folder, run by node against a small server in the same script."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .script import PARTS, node

# Captions by name, with a number as their hash; answers come late, as a server's do.
SERVER = """
export const files = {};
export const asked = [];
export const api = { apiURL: path => path, fetchApi };
let broken = false;
export const set = (name, text) => files[name] = { text, hash: String(asked.length + 1e3) };
export const fail = on => broken = on;
const wait = () => new Promise(done => setTimeout(done, 5));
const answer = (status, told) => ({ ok: status < 300, status, json: async () => told });
let edits = 0, decided = {};
async function fetchApi(path, request) {
    const [place] = path.replace("/atelier/dataset", "").split("?");
    const body = request.body && JSON.parse(request.body);
    asked.push([place, body]);
    await wait();
    if (broken) throw new TypeError("Failed to fetch");
    if (place === "") return answer(200, { folder: "/cats", name: "cats", finished: 0, refused: [],
        pictures: Object.entries(files).map(([n, f]) => [n, f.text, f.hash, 8, 8, 0, "", "", ""]),
    });
    if (place === "/tokens") return answer(200, {});
    if (place === "/facts") return answer(200,
        { decided, reasons: {}, alike: {}, clusters: {}, looked: 0, looking: null, error: "" });
    if (place === "/decisions") {
        const before = Object.fromEntries(
            Object.keys(body.decisions).map(n => [n, decided[n] ?? ""]));
        Object.assign(decided, body.decisions);
        for (const name in decided) if (!decided[name]) delete decided[name];
        return answer(200, { before, decided });
    }
    const one = change => {
        const file = files[change.name];
        if (file.hash !== change.expected) return null;
        file.text = change.text;
        file.hash = `h${++edits}`;
        return file.hash;
    };
    const theirs = name => ({ theirs: files[name].text, hash: files[name].hash, tokens: 1 });
    if (place === "/caption") {
        const hash = one(body);
        return hash ? answer(200, { hash, tokens: 2 })
            : answer(409, { error: "changed", ...theirs(body.name) });
    }
    const saved = {}, refused = [];
    for (const change of body.changes) {
        const hash = one(change);
        if (hash) saved[change.name] = [hash, 2];
        else refused.push({ name: change.name, error: "changed", yours: change.text,
            ...theirs(change.name) });
    }
    return answer(200, { saved, refused });
}
"""
BEGIN = """
import { Store } from "./extensions/atelier/parts/dataset/store.js";
import { asked, fail, files, set } from "./scripts/api.js";
const told = [], conflicts = [];
set("a.png", "a cat"); set("b.png", "b cat"); set("c.png", "c cat");
const store = new Store();
store.addEventListener("said", event => told.push(event.detail.text));
store.addEventListener("conflicts", event => conflicts.push(...event.detail));
await store.open("cats");
const [a, b, c] = store.pictures;
const texts = () => Object.values(files).map(file => file.text);
const drafts = () => store.pictures.map(one => one.draft);
"""


@pytest.fixture
def run(tmp_path: Path):
    shutil.copytree(PARTS.parent, tmp_path / "extensions" / "atelier" / "parts")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "api.js").write_text(SERVER)

    def ran(script: str) -> Any:
        (tmp_path / "test.js").write_text(BEGIN + script)
        done = subprocess.run(
            [node(), str(tmp_path / "test.js")],
            capture_output=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return ran


def test_saves_of_one_picture_go_one_after_the_other(run):
    found = run("""
        await Promise.all([store.save(a, "1"), store.save(a, "2"), store.save(b, "3")]);
        console.log(JSON.stringify([texts(), conflicts.length, drafts()]));
    """)
    assert found == [["2", "3", "c cat"], 0, [None, None, None]]


def test_what_the_server_refuses_or_does_not_hear_stays_as_a_draft(run):
    found = run("""
        set("a.png", "theirs");
        await store.save(a, "mine");
        fail(true);
        const failure = await store.save(b, "mine too").catch(error => error.message);
        fail(false);
        const kept = drafts();
        await store.open("cats");
        const after = drafts();
        const one = { ...conflicts[0], picture: store.pictures[0] };
        await store.settle(one, one.yours);
        await store.save(store.pictures[1], store.pictures[1].draft);
        console.log(JSON.stringify([failure, kept, after, conflicts[0].theirs, texts(), drafts()]));
    """)
    failure, kept, after, theirs, texts, drafts = found
    assert failure == "Failed to fetch" and theirs == "theirs"
    assert kept == after == ["mine", "mine too", None]
    assert texts == ["mine", "mine too", "c cat"] and drafts == [None] * 3


def test_taking_the_other_text_writes_nothing(run):
    found = run("""
        set("a.png", "theirs");
        await store.save(a, "mine");
        const before = asked.length;
        await store.settle(conflicts[0], null);
        console.log(JSON.stringify([asked.length - before, a.caption, a.draft, texts()]));
    """)
    assert found == [0, "theirs", None, ["theirs", "b cat", "c cat"]]


def test_undo_and_redo_however_fast(run):
    found = run("""
        await store.save(a, "1");
        await store.save(a, "2");
        await store.saveAll([a, b].map(picture => ({ picture, text: picture.caption + "!" })), "x");
        await store.decide([a, c], "set aside");
        const steps = [[...texts(), a.decided]];
        await Promise.all([store.undo(), store.undo(), store.undo(), store.undo(), store.undo()]);
        steps.push([...texts(), a.decided]);
        await Promise.all([store.undo(true), store.undo(true), store.undo(true)]);
        steps.push([...texts(), a.decided]);
        console.log(JSON.stringify([steps, told.filter(text => text.includes("nothing")).length]));
    """)
    assert found == [
        [
            ["2!", "b cat!", "c cat", "set aside"],
            ["a cat", "b cat", "c cat", ""],
            ["2!", "b cat!", "c cat", ""],
        ],
        1,
    ]


def test_undo_leaves_what_was_changed_since(run):
    found = run("""
        await store.saveAll([a, b].map(picture => ({ picture, text: "x" })), "all");
        set("a.png", "theirs");
        await store.open("cats");
        await store.undo();
        console.log(JSON.stringify([texts(), told.at(-1)]));
    """)
    assert found[0] == ["theirs", "b cat", "c cat"]
    assert "1 captions were changed since" in found[1]


def test_an_undo_that_fails_can_be_tried_again(run):
    found = run("""
        await store.save(a, "1");
        fail(true);
        const failure = await store.undo().catch(error => error.message);
        fail(false);
        await store.undo();
        console.log(JSON.stringify([failure, texts()]));
    """)
    assert found == ["Failed to fetch", ["a cat", "b cat", "c cat"]]


def test_a_bulk_change_tells_what_was_changed_beneath(run):
    found = run("""
        set("b.png", "theirs");
        await store.saveAll(store.pictures.map(picture => ({ picture, text: "x" })), "all");
        console.log(JSON.stringify([texts(), drafts(), conflicts.map(one => one.theirs)]));
    """)
    assert found == [["x", "theirs", "x"], [None, "x", None], ["theirs"]]


def test_pictures_of_one_name_share_their_caption(run):
    found = run("""
        files["a.webp"] = files["a.png"];
        await store.open("cats");
        const [one, , , other] = store.pictures;
        await store.save(one, "both");
        await store.save(other, "both again");
        console.log(JSON.stringify([one.caption, conflicts.length, texts()[0]]));
    """)
    assert found == ["both again", 0, "both again"]


def test_what_is_not_shown_is_not_selected(run):
    found = run("""
        store.select(store.pictures, true);
        store.setFilter("b");
        const some = [...store.selection].map(one => one.name);
        store.setFilter("(");
        const wrong = [store.wrong.at, store.shown.length];
        store.setFilter("is:selected");
        console.log(JSON.stringify([some, wrong, store.shown.map(one => one.name)]));
    """)
    assert found == [["b.png"], [1, 1], ["b.png"]]
