"""What goes in comes out again: every format in, every format out."""

import csv
import io
import json
import os
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from atelier.training.data import export as exporting
from atelier.training.data.dataset import CLASS, Dataset, Record
from atelier.training.data.export import FORMS, KOHYA, ROWS, TEXTS, export, lost
from atelier.training.data.load import Places, load
from atelier.training.data.pictures import open_rgb
from atelier.training.data.readers.text import folded
from atelier.training.data.trigger import with_trigger

ODD = [
    "plain, tags", "  spaces \t around  ", "two\nlines", "win\r\ndows\r\n", "old\rmac", "\n\nlate",
    'quotes " \' ` “”', "comma, \"and\", 'quotes'", "😀 猫 Käse e\u0301", "\u2028 line \u2029 end",
    "back\\slash \\n \\u0041", "{a|b} ||| <lora:x:1>", "# no comment", "\u202eturned",
    "\x1b[0m \x7f", "in the \ufeff middle", "é" * 300, "a\x0bb\x0cc\x1cd\x85e", "=1+2", "null",
    "[1]", "%s {0} $HOME",
]  # fmt: skip


def any_text():
    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    pieces = st.sampled_from(["\r\n", "\n", "\r", '"', ",", "\ufeff", "\\", "\t", "😀", "'"])
    text = st.lists(st.text(letters, max_size=6) | pieces, max_size=8).map("".join)
    return text.filter(folded).filter(lambda one: not one.startswith("\ufeff"))


def texts_beside(folder, names, texts, suffix=".txt"):
    for name, text in zip(names, texts, strict=True):
        (folder / name).with_suffix(suffix).write_bytes(text.encode())
    return folder


def captions_beside(folder, names, texts):
    return texts_beside(folder, names, texts, ".caption")


def objects_beside(folder, names, texts):
    for name, text in zip(names, texts, strict=True):
        (folder / name).with_suffix(".json").write_text(json.dumps({"caption": text}))
    return folder


def rows(folder, names, texts):
    lines = [json.dumps({"file_name": n, "text": t}) for n, t in zip(names, texts, strict=True)]
    (folder / "metadata.jsonl").write_bytes("\r\n".join(lines).encode())
    return folder


def table(folder, names, texts):
    page = io.StringIO(newline="")
    csv.writer(page).writerows([("file_name", "caption"), *zip(names, texts, strict=True)])
    (folder / "metadata.csv").write_bytes(page.getvalue().encode())
    return folder


def kohyas_list(folder, names, texts):
    stems = (Path(name).with_suffix("").as_posix() for name in names)
    value = {stem: {"caption": text} for stem, text in zip(stems, texts, strict=True)}
    (folder / "meta_cap.json").write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return folder


def kohyas_config(folder, names, texts):
    texts_beside(folder, names, texts, ".cap")
    parts = "".join(
        f'  [[datasets.subsets]]\n  image_dir = "{part}"\n  num_repeats = 4\n'
        for part in sorted({Path(name).parent.as_posix() for name in names})
    )
    (folder / "set.toml").write_text(f'[[datasets]]\ncaption_extension = ".cap"\n{parts}')
    return folder / "set.toml"


def zipped(folder, names, texts):
    texts_beside(folder, names, texts)
    path = folder.parent / "set.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(folder).as_posix())
    return path


WRITERS = {
    function.__name__: function
    for function in (
        texts_beside, captions_beside, objects_beside, rows, table, kohyas_list, kohyas_config,
        zipped,
    )
}  # fmt: skip


def places(root):
    def resolve(text, base):
        path = (base / text).resolve()
        assert path.is_relative_to(root)
        return path

    return Places(resolve, cache=root / "cache")


def draw(folder, count):
    """Pictures that all differ, in two folders, one of them with kohya's name."""
    names = [f"{'3_cat' if number % 2 else '2_a b'}/{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 7, 7)).save(folder / name)
    return names


def written(dataset):
    """Captions as they were found, by what the picture shows."""
    return {open_rgb(one.path).getpixel((0, 0)): one.written for one in dataset.records}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("writer", WRITERS)
@settings(max_examples=4)
@given(texts=st.lists(any_text(), min_size=3, max_size=3))
@example(texts=ODD)
def test_captions_that_nobody_edited_come_out_as_they_came_in(writer, form, texts):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name).resolve()
        (root / "set").mkdir()
        source = WRITERS[writer](root / "set", draw(root / "set", len(texts)), texts)
        dataset = load(source, places(root))
        assert written(dataset) == {(number, 7, 7): text for number, text in enumerate(texts)}
        for packed in (False, True):
            path = export(dataset, root / "out", "mine", form, packed)
            assert written(load(path, places(root))) == written(dataset)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfmarked\r\n",
        "wide 猫\r\n".encode("utf-16"),
        b"\xff\xfe\x00\x00" + "wider".encode("utf-32-le"),
        b"  \n as it is \n\n",
        b"\xef\xbb\xbf\xef\xbb\xbftwice",
    ],
)
@pytest.mark.parametrize("form", [TEXTS, KOHYA])
def test_a_caption_file_comes_out_byte_for_byte(tmp_path, data, form):
    (tmp_path / "set").mkdir()
    (name,) = draw(tmp_path / "set", 1)
    (tmp_path / "set" / name).with_suffix(".txt").write_bytes(data)
    path = export(load(tmp_path / "set", places(tmp_path)), tmp_path, "out", form)
    (text,) = path.rglob("*.txt")
    assert text.read_bytes() == data


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "set"
    names = draw(folder, 4)
    return load(texts_beside(folder, names, ["a", "b", "c\nd", "e"]), places(tmp_path))


@pytest.mark.parametrize("form", FORMS)
def test_an_edited_caption_comes_out_as_it_is(tmp_path, dataset, form):
    edited = with_trigger(dataset, "sks")
    path = export(edited, tmp_path, "out", form)
    again = load(path, places(tmp_path))
    assert sorted(one.caption for one in again.records) == sorted(
        " ".join(one.lines) or one.caption for one in edited.records
    )
    assert [one.lines for one in again.records if one.lines] == [("sks, c", "sks, d")]


@pytest.mark.parametrize("packed", [False, True])
def test_repeats_and_class_pictures_come_out_as_kohyas_folders(tmp_path, dataset, packed):
    first, *others = dataset.records
    of_class = Record(**{**vars(first), "flags": (CLASS,), "repeats": 5, "written": ""})
    known = {name: vars(of_class)[name] for name in Record.__dataclass_fields__}
    whole = Dataset("my/set: 1", (Record(**known), *others))
    path = export(whole, tmp_path, "out", KOHYA, packed)
    again = load(path, places(tmp_path))
    assert sorted(one.repeats for one in again.records) == [2, 3, 3, 5]
    assert [one.repeats for one in again.flagged(CLASS).records] == [5]
    if not packed:
        assert sorted(one.name for one in path.iterdir()) == [
            "2_my set 1", "3_my set 1", "dataset.toml", "reg"
        ]  # fmt: skip
        config = load(path / "dataset.toml", places(tmp_path))
        assert sorted(map(_known, config.records)) == sorted(map(_known, again.records))


def _known(record):
    return record.caption, record.repeats, record.flags


def test_repeats_come_out_as_a_column_and_notes_too(tmp_path, dataset):
    record = dataset.records[0]
    noted = Record(record.path, "x", 8, 8, repeats=7, source="https://a.example", licence="CC0")
    path = export(Dataset("s", (noted,), {"s": "mine"}), tmp_path, "out", ROWS)
    (again,) = load(path, places(tmp_path)).records
    assert (again.repeats, again.source, again.licence) == (7, "https://a.example", "CC0")
    assert (path / "README.md").read_text() == "# s\n\nmine\n"


def test_masks_come_out_beside_their_pictures(tmp_path, dataset):
    record = dataset.records[0]
    wired = tmp_path / "mask.bmp"
    Image.new("L", (8, 8), 200).save(wired)
    (again,) = load(
        export(Dataset("s", (Record(record.path, "x", 8, 8, mask=wired),)), tmp_path, "o", TEXTS),
        places(tmp_path),
    ).records
    assert again.mask
    assert np.asarray(Image.open(again.mask)).max() == 200


@pytest.mark.parametrize("form", FORMS)
def test_pictures_of_one_name_keep_their_own_captions(tmp_path, form):
    records = []
    for number, name in enumerate(("a/x.png", "b/x.png", "a/X.jpg", "a/x.webp", "a/CON .png")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (number * 40, 7, 7)).save(path, quality=100)
        records.append(Record(path, f"number {number}", 8, 8))
    same = Dataset("same", (*records, records[0]))
    again = load(export(same, tmp_path / "out", "o", form), places(tmp_path))
    reds = [int(np.asarray(open_rgb(one.path))[0, 0, 0]) for one in again.records]
    seen = {(red + 20) // 40: one.caption for red, one in zip(reds, again.records, strict=True)}
    assert seen == {number: f"number {number}" for number in range(5)}
    assert len(again) == 6


@pytest.mark.parametrize("packed", [False, True])
def test_nothing_is_written_over_and_nothing_half_stays(tmp_path, dataset, packed, monkeypatch):
    out = tmp_path / "out"
    first = export(dataset, out, "mine", TEXTS, packed)
    assert export(dataset, out, "mine", TEXTS, packed).stem == "mine-2"
    assert first.exists()
    gone = Dataset("gone", (*dataset.records, Record(tmp_path / "no.png", "x", 8, 8)))
    before = sorted(out.rglob("*"))
    with pytest.raises(ValueError, match=r"no\.png is gone"):
        export(gone, out, "mine", TEXTS, packed)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting.shutil, "copyfile", full)
    monkeypatch.setattr(exporting.shutil, "copyfileobj", full)
    with pytest.raises(ValueError, match=r"cannot be written \(No space left"):
        export(dataset, out, "mine", TEXTS, packed)
    assert sorted(out.rglob("*")) == before


@pytest.mark.parametrize("packed", [False, True])
def test_a_cancel_half_way_leaves_nothing(tmp_path, dataset, packed):
    class Cancelled(BaseException):
        pass

    seen = []

    def tick(name):
        seen.append(name)
        if len(seen) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        export(dataset, tmp_path / "out", "mine", TEXTS, packed, tick)
    assert not list((tmp_path / "out").iterdir())


def test_what_a_killed_export_left_is_deleted_a_day_later(tmp_path, dataset):
    old, new = (tmp_path / "out" / name / "a.txt" for name in (".1.part", ".2.part"))
    for file in (old, new):
        file.parent.mkdir(parents=True)
        file.write_text("half")
    os.utime(old.parent, (1e9, 1e9))
    export(dataset, tmp_path / "out", "mine", TEXTS)
    assert not old.exists()
    assert new.exists()


def test_the_same_dataset_gives_the_same_zip_file(tmp_path, dataset):
    one, other = (export(dataset, tmp_path, "z", ROWS, zipped=True) for _ in range(2))
    assert one.read_bytes() == other.read_bytes()


def test_a_caption_that_changed_since_is_not_lost(tmp_path, dataset):
    file = dataset.records[0].caption_file
    file.write_text("written while the graph ran")
    with pytest.raises(ValueError, match="was changed just now"):
        export(dataset, tmp_path, "out", TEXTS)
    assert file.read_text() == "written while the graph ran"


def test_what_a_form_cannot_hold_is_told(dataset):
    assert lost(dataset, TEXTS) and not lost(dataset, KOHYA) and not lost(dataset, ROWS)


def test_nothing_to_export_is_said(tmp_path):
    with pytest.raises(ValueError, match="no pictures to export"):
        export(Dataset("empty", ()), tmp_path, "out", TEXTS)
