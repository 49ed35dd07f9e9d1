"""Zip files: unpacked once, and never further than they should be."""

import zipfile

import pytest

from atelier.tests.sources import packed, picture, places
from atelier.training.data.load import load
from atelier.training.data.readers.scan import scan


@pytest.fixture
def png(tmp_path):
    return picture(tmp_path / "one.png").read_bytes()


def zipped(path, cache):
    return load(path, places(cache=cache))


def test_a_zip_file_is_unpacked_once_and_again_when_something_is_missing(tmp_path, png):
    path = packed(
        tmp_path / "cats.zip",
        {"3_cat/1.png": png, "3_cat/1.txt": "hat", "__MACOSX/._1.png": "x", "3_cat/run.exe": "x"},
    )
    first = zipped(path, tmp_path / "cache")
    (record,) = first.records
    assert (first.name, record.caption, record.repeats) == ("cats", "hat", 3)
    assert len(scan(tmp_path / "cache" / "unpacked").files) == 2
    made = record.path.stat().st_mtime_ns
    assert zipped(path, tmp_path / "cache").records[0].path.stat().st_mtime_ns == made
    record.path.with_suffix(".txt").unlink()
    assert zipped(path, tmp_path / "cache").fingerprint == first.fingerprint
    packed(path, {"3_cat/1.png": png, "3_cat/1.txt": "cap"})
    assert zipped(path, tmp_path / "cache").records[0].caption == "cap"


@pytest.mark.parametrize(
    "name",
    ["../a.png", "/a.png", "a/../../b.png", "C:/a.png", "a\\b.png", "a//b.png", "con.png",
     "a/nul.txt", "a:b.png", "a?.png", "x /a.png", "\u202egnp.png"],
)  # fmt: skip
def test_names_that_lead_elsewhere_are_refused_before_anything_is_written(tmp_path, png, name):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("good.png", png)
        entry = zipfile.ZipInfo("x")
        entry.filename = name  # as it is: ZipInfo itself would mend some
        archive.writestr(entry, png)
    with pytest.raises(ValueError, match="is not unpacked: ") as error:
        zipped(path, tmp_path / "cache")
    assert "unpack it yourself" in str(error.value)
    assert not (tmp_path / "cache").exists()
    assert not (tmp_path.parent / "a.png").exists()


def _link(archive, png):
    entry = zipfile.ZipInfo("a.png")
    entry.external_attr = 0o120777 << 16
    archive.writestr(entry, "/etc/passwd")


def _twice(archive, png):
    archive.writestr("a.png", png)
    archive.writestr("A.png", png)


def _bomb(archive, png):
    archive.writestr("a.png", bytes(2**28 + 2**20), zipfile.ZIP_DEFLATED)


def _otherwise(archive, png):
    archive.writestr("a.png", png, zipfile.ZIP_BZIP2)


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (_link, "is a link"),
        (_twice, "or alike"),
        (_bomb, "as in a zip bomb"),
        (_otherwise, "in another way than 'deflate'"),
    ],
)
def test_links_bombs_and_doubles_are_refused(tmp_path, png, fill, message):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        fill(archive, png)
    with pytest.raises(ValueError, match=message):
        zipped(tmp_path / "bad.zip", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_entries_over_each_other_are_a_bomb(tmp_path, png):
    """As in D. Fifield's bomb: many names for the same bytes."""
    path = packed(tmp_path / "bad.zip", {f"{number}.png": png for number in range(50)})
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"PK\x01\x02", at)) >= 0:  # every entry begins where the first does
        data[at + 42 : at + 46] = bytes(4)
        data[at + 20 : at + 24] = (len(png) + 200).to_bytes(4, "little")
        at += 4
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is not unpacked|cannot be read as a zip file"):
        zipped(path, tmp_path / "cache")


def test_a_password_is_told(tmp_path, png):
    path = packed(tmp_path / "bad.zip", {"a.png": png})
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="it has a password"):
        zipped(path, tmp_path / "cache")


@pytest.mark.parametrize("cut", [0, 10, 0.5])
def test_a_damaged_zip_file_is_named_and_leaves_nothing(tmp_path, png, cut):
    path = packed(tmp_path / "bad.zip", {"a.png": png, "a.txt": "hat"})
    data = path.read_bytes()
    if cut == 0.5:  # a byte of the picture is another one
        data = data.replace(png[20:40], bytes(20), 1)
        path.write_bytes(data)
    else:
        path.write_bytes(data[:cut])
    with pytest.raises(ValueError, match=r"bad\.zip cannot be read as a zip file"):
        zipped(path, tmp_path / "cache")
    assert not list((tmp_path).rglob("*.part"))
