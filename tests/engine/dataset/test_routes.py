"""What the dataset page's routes answer and write."""

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from atelier.tests.curation.conftest import scene
from atelier.tests.hostile import made
from atelier.training.browse import journal
from atelier.training.curation import decisions
from atelier.training.data.dataset import CLASS
from atelier.training.data.folder import load_folder
from atelier.training.data.pictures import MIDDLE
from atelier.training.data.sidecar import history
from atelier.training.files import digest
from atelier.training.host import dataset_routes
from atelier.training.host.folders import records
from atelier.training.influence import findings

from .asked import get, opened, post


def test_a_folder_is_listed_with_its_captions_as_they_stand(cats):
    listed = opened()
    assert list(listed) == ["a.png", "b/c.jpg", "d.webp"]
    assert [one["caption"] for one in listed.values()] == [
        "a cat,  on a sofa\r\n", "ein Kätzchen", ""
    ]  # fmt: skip
    assert [one["width"] for one in listed.values()] == [320, 400, 320]
    assert listed["d.webp"]["hash"] == "" and len(listed["a.png"]["hash"]) == 64
    assert not any(one["problem"] or one["refused"] for one in listed.values())
    tokens = get("/tokens", folder="cats")[1]
    assert list(tokens) == list(listed) and (tokens["a.png"], tokens["d.webp"]) == (6, 0)


def test_what_is_wrong_is_shown_beside_what_is_sound(cats):
    (cats / "bad.png").write_bytes(b"no picture")
    (cats / "d.txt").write_bytes(b"\xff\xfe\xff")
    scene(4, 64, 64).save(cats / "d-masklabel.png")
    listed = opened()
    assert "bad.png cannot be read as a picture" in listed["bad.png"]["problem"]
    assert "d.txt" in listed["d.webp"]["refused"] and not listed["a.png"]["refused"]
    assert listed["d.webp"]["mask"] and not listed["a.png"]["mask"]
    status, answer = post("/caption", folder="cats", name="d.webp", expected="", text="mine")
    assert status == 400 and "d.txt" in answer["error"]
    assert (cats / "d.txt").read_bytes() == b"\xff\xfe\xff"


def test_captions_of_other_files_are_shown_and_not_doubled(cats):
    rows = [{"file_name": name, "text": f"row of {name}"} for name in ("b/c.jpg", "d.webp")]
    (cats / "metadata.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (cats / "b" / "c.caption").unlink()
    listed = opened()
    assert [one["caption"] for one in listed.values()] == [
        "a cat,  on a sofa\r\n", "row of b/c.jpg", "row of d.webp"
    ]  # fmt: skip
    assert (
        "stands in metadata.jsonl" in listed["d.webp"]["refused"] and not listed["a.png"]["refused"]
    )
    status, answer = post("/caption", folder="cats", name="d.webp", expected="", text="mine")
    assert status == 400 and "metadata.jsonl" in answer["error"]
    assert not (cats / "d.txt").exists()


def test_decisions_of_a_folder_with_class_pictures_are_those_of_curate(comfy_base):
    folder = comfy_base / "input" / "kohya"
    shutil.rmtree(folder, ignore_errors=True)
    for name, seed in (("img/10_sks cat", 1), ("reg/1_cat", 2)):
        (folder / name).mkdir(parents=True)
        scene(seed).save(folder / name / f"{seed}.png")
    own = load_folder(folder.resolve()).flagged(CLASS, there=False)
    assert len(own) == 1
    opened("kohya")
    status, _ = post("/decisions", folder="kohya", decisions={"img/10_sks cat/1.png": "set aside"})
    home = decisions.home(records() / "curation", own)
    assert status == 200
    assert decisions.read(home).decided == {own.records[0].content: "set aside"}


def test_a_caption_is_saved_and_what_was_there_kept(cats):
    before = opened()["a.png"]["hash"]
    status, answer = post("/caption", folder="cats", name="a.png", expected=before, text="a dog")
    assert status == 200 and answer["tokens"] == 2
    assert (cats / "a.txt").read_bytes() == b"a dog"
    assert opened()["a.png"]["hash"] == answer["hash"] != before
    assert [one.read_bytes() for one in history(cats / "a.txt")] == [b"a cat,  on a sofa\r\n"]
    status, _ = post("/caption", folder="cats", name="d.webp", expected="", text="new")
    assert status == 200 and (cats / "d.txt").read_text() == "new"


def test_a_caption_that_was_changed_beneath_is_refused_with_both_texts(cats):
    before = opened()["a.png"]["hash"]
    (cats / "a.txt").write_text("theirs", encoding="utf-8")
    status, answer = post("/caption", folder="cats", name="a.png", expected=before, text="mine")
    assert status == 409 and answer["theirs"] == "theirs" and answer["tokens"] == 1
    assert "changed by something else" in answer["error"]
    assert (cats / "a.txt").read_text() == "theirs"
    status, _ = post("/caption", folder="cats", name="a.png", expected=answer["hash"], text="mine")
    assert status == 200 and (cats / "a.txt").read_text() == "mine"


def test_many_are_saved_and_those_that_changed_are_left(cats):
    listed = opened()
    (cats / "a.txt").write_text("theirs", encoding="utf-8")
    changes = [
        {"name": name, "expected": one["hash"], "text": f"new {name}"}
        for name, one in listed.items()
    ]
    status, answer = post("/captions", folder="cats", changes=changes)
    assert status == 200 and set(answer["saved"]) == {"b/c.jpg", "d.webp"}
    (refused,) = answer["refused"]
    assert (refused["name"], refused["yours"]) == ("a.png", "new a.png")
    assert (refused["theirs"], refused["tokens"]) == ("theirs", 1)
    assert (cats / "b" / "c.caption").read_text() == "new b/c.jpg"
    assert not list((records() / "captions").iterdir())
    again = post("/captions", folder="cats", changes=changes[1:])[1]
    assert set(again["saved"]) == {"b/c.jpg", "d.webp"}  # the same change twice is one


def test_a_bulk_change_that_was_cut_off_is_finished_when_the_folder_is_opened(cats):
    from atelier.training.browse.shelf import shelf_of

    shelf = shelf_of(cats.resolve())
    changes = [journal.Change(name, one.hash, f"new {name}") for name, one in shelf.entries.items()]
    written = journal._kept(shelf.folder, changes)
    (records() / "captions").mkdir(parents=True)
    (records() / "captions" / "x.json").write_text(json.dumps(written))
    (cats / "d.txt").write_text("theirs", encoding="utf-8")
    status, answer = get("", folder="cats")
    assert status == 200 and answer["finished"] == 2
    assert [(one["name"], one["yours"]) for one in answer["refused"]] == [("d.webp", "new d.webp")]
    assert (cats / "a.txt").read_text() == "new a.png"
    assert (cats / "d.txt").read_text() == "theirs"
    left = json.loads((records() / "captions" / "x.left.json").read_text())
    assert [one["text"] for one in left["changes"]] == ["new d.webp"]
    assert get("", folder="cats")[1]["finished"] == 0


def test_small_pictures_are_upright_and_kept_by_content(cats, monkeypatch):
    page = Image.new("RGB", (200, 100), "red")
    page.paste("blue", (0, 0, 20, 100))
    exif = Image.Exif()
    exif[0x0112] = 6
    page.save(cats / "turned.jpg", exif=exif)
    opened()
    status, data = get("/thumbnail", folder="cats", name="turned.jpg")
    with Image.open(io.BytesIO(data)) as small:
        assert status == 200 and small.format == "WEBP" and small.size == (100, 200)
        assert small.convert("RGB").getpixel((50, 3))[2] > 200
    monkeypatch.setattr("atelier.training.browse.thumbnails.decoded", None)
    shutil.copy(cats / "turned.jpg", cats / "copy.jpg")
    opened()
    assert get("/thumbnail", folder="cats", name="copy.jpg") == (200, data)
    monkeypatch.undo()
    scene(9, 900, 900).save(cats / "turned.jpg")
    _, other = get("/thumbnail", folder="cats", name="turned.jpg")
    _, large = get("/thumbnail", folder="cats", name="turned.jpg", size="large")
    assert other != data
    with Image.open(io.BytesIO(other)) as small, Image.open(io.BytesIO(large)) as big:
        assert small.size == (192, 192) and big.size == (900, 900)


def test_a_picture_that_cannot_be_decoded_is_an_answer(cats):
    (cats / "cut.jpg").write_bytes(made.encoded(made.noise(), "JPEG")[:400])
    opened()
    status, answer = get("/thumbnail", folder="cats", name="cut.jpg")
    assert status == 422 and "cut.jpg" in answer["error"]


def test_masks_come_from_their_file_or_from_transparency(cats):
    clear = Image.new("RGBA", (64, 32), (255, 0, 0, 0))
    clear.paste((0, 255, 0, 255), (0, 0, 32, 32))
    clear.save(cats / "clear.png")
    Image.new("L", (320, 256), 255).save(cats / "a-masklabel.png")
    opened()
    _, own = get("/mask", folder="cats", name="a.png")
    _, alpha = get("/mask", folder="cats", name="clear.png")
    with Image.open(io.BytesIO(own)) as one, Image.open(io.BytesIO(alpha)) as other:
        assert np.asarray(one.convert("L")).min() > 250
        grey = np.asarray(other.convert("L"))
        assert grey[:, :28].min() > 250 and grey[:, 36:].max() < 5
    assert get("/mask", folder="cats", name="d.webp")[0] == 404


def test_the_crop_is_that_of_the_trainer(cats):
    opened()
    status, found = get("/crop", folder="cats", name="b/c.jpg", resolution="256")
    width, height = found["bucket"]
    with Image.open(cats / "b" / "c.jpg") as picture:
        left, top, right, bottom = MIDDLE.box(picture, width, height)
    shares = [left / 400, top / 200, (right - left) / 400, (bottom - top) / 200]
    assert status == 200 and found["box"] == pytest.approx(shares)
    assert found["cut_off"] == pytest.approx(1 - shares[2] * shares[3])
    assert get("/crop", folder="cats", name="b/c.jpg", resolution="-1")[0] == 400


def test_decisions_are_those_of_curate_and_can_be_taken_back(cats):
    opened()
    status, answer = post("/decisions", folder="cats", decisions={"a.png": decisions.ASIDE})
    assert status == 200 and answer["before"] == {"a.png": ""}
    assert answer["decided"] == {"a.png": decisions.ASIDE}
    (cats / "d.txt").write_text("a cat")
    home = decisions.home(records() / "curation", load_folder(cats.resolve()))
    assert list(decisions.read(home).names.values()) == ["a.png"]
    decisions.write(home, "cats", decisions.read(home), {"x": {"file": "x", "reasons": ["soft"]}})
    _, answer = post("/decisions", folder="cats", decisions={"a.png": "", "d.webp": "keep"})
    assert answer["before"] == {"a.png": decisions.ASIDE, "d.webp": ""}
    assert get("/facts", folder="cats")[1]["decided"] == {"d.webp": "keep"}
    assert decisions.told(home)["recommended"] == {"x": {"file": "x", "reasons": ["soft"]}}
    assert decisions.read(home).undo().decided != decisions.read(home).decided
    assert post("/decisions", folder="cats", decisions={"a.png": "delete"})[0] == 400


def test_what_curate_wrote_is_told_too(cats):
    opened()
    (cats / "d.txt").write_text("a cat")
    dataset = load_folder(cats.resolve())
    home = decisions.home(records() / "curation", dataset)
    first, second = (one.content for one in dataset.records[:2])
    home.mkdir(parents=True)
    written = {
        "decided": {first: {"file": "a.png", "decision": "keep"}}, "before": [],
        "recommended": {first: {"file": "a.png", "reasons": ["outlier: far"]}, second: 1},
        "clusters": {first: 3, second: 1, "gone": 2, "bad": None},
    }  # fmt: skip
    (home / decisions.FILE).write_text(json.dumps(written))
    status, told = get("/facts", folder="cats")
    assert status == 200 and told["decided"] == {"a.png": "keep"}
    assert told["reasons"] == {"a.png": ["outlier: far"], "b/c.jpg": []}
    assert told["clusters"] == {"a.png": 3, "b/c.jpg": 1}
    (home / decisions.FILE).write_text("{")
    assert get("/facts", folder="cats")[0] == 400


def test_only_what_was_looked_at_is_judged(cats):
    scene(1).save(cats / "again.webp", quality=95)
    scene(4).point([level // 10 for level in range(256)] * 3).save(cats / "night.png")
    opened()
    status, before = get("/facts", folder="cats")
    assert status == 200 and before["looked"] == 0 and before["reasons"] == {} == before["alike"]
    assert post("/look", folder="cats")[0] == 200
    thread = dataset_routes._looking._thread
    assert thread
    thread.join(60)
    after = get("/facts", folder="cats")[1]
    assert after["looked"] == 5 and after["looking"] is None and after["error"] == ""
    assert any(text.startswith("too dark") for text in after["reasons"]["night.png"])
    assert after["alike"] == {"a.png": 1, "again.webp": 1}
    alike = after["reasons"]["again.webp"] + after["reasons"]["a.png"]
    assert any(text.startswith("near duplicate") for text in alike)


def test_links_within_the_folder_are_followed(cats):
    (cats / "here.png").symlink_to(Path("b") / "c.jpg")
    (cats / "here.txt").symlink_to("a.txt")
    listed = opened()
    assert listed["here.png"]["caption"] == "a cat,  on a sofa\r\n"
    expected = listed["here.png"]["hash"]
    status, _ = post("/caption", folder="cats", name="here.png", expected=expected, text="both")
    assert status == 200 and (cats / "here.txt").is_symlink()
    assert (cats / "a.txt").read_text() == "both"


def test_what_influence_found_of_a_picture_is_shown_wherever_it_lies(cats):
    path = sorted(cats.glob("*.png"))[0]
    name, content = path.name, digest(path.read_bytes())
    one = {"name": "other.png", "content": content, "kinds": ["harmful"], "influence": -0.2}
    findings.mark(records(), {"run": "cats", "pictures": [one]})
    try:
        told = get("/facts", folder="cats")[1]["reasons"]
        assert told[name][-1].startswith("influence: learning it harms")
        assert sum("influence" in str(reasons) for reasons in told.values()) == 1
    finally:
        (records() / findings.FILE).unlink()
