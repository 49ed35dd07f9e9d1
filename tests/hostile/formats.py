"""Datasets in other forms than a plain folder: naming files elsewhere, or not what they say."""

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ...training.data.load import SUFFIXES, Places, load
from ...training.host.folders import allowed_roots, resolve, resolve_source
from . import made
from .counted import Case
from .paths import ESCAPES

PICTURE = made.encoded(made.quarters(8, 8), "PNG")
# Where the secrets lie, seen from a folder below the input folder, in whatever spelling.
OUTSIDE = (
    "../../../outside/secret", "..\\..\\..\\outside\\secret", "a/../../../../outside/secret",
    "./../../../outside/secret", "x/../../case/../../../outside/secret", "/etc/passwd",
    "C:\\Windows\\win", "\\\\server\\share\\secret", "//server/share/secret", "file:///etc/passwd",
    "\\\\?\\C:\\secret", "/proc/self/environ", "~/secret",
)  # fmt: skip
NAMED = ("metadata.jsonl", "metadata.csv", "meta_cap.json", "list.jsonl", "list.json")
REFUSED = ("outside", "no such picture", "cannot be", "has no 'file_name'", "CSV", "UTF-8")


def read(place: Path, name: str = "") -> list[str]:
    """Load Dataset with a name in the folder of the case: all captions, all found below it."""
    cache = place / "cache"
    places = Places(resolve, allowed_roots(), cache)
    source = resolve_source(f"{place.name}/{name}", SUFFIXES)
    found = load(source, places, "the default")
    for record in found.records:
        for path in filter(None, (record.path, record.mask, record.caption_file)):
            assert path.resolve().is_relative_to(place.resolve()), path
    assert len(found.fingerprint) == 64
    return [record.caption for record in found.records]


def put(place: Path, name: str, data: bytes) -> None:
    (place / "a.png").write_bytes(PICTURE)
    (place / name).write_bytes(data)


def _row(kind: str, name: str) -> bytes:
    """A list of the kind, with one picture of that name."""
    row = {"file_name": name, "text": "hat"}
    if kind.endswith("csv"):
        quoted = name.replace('"', '""')
        return f'file_name,text\n"{quoted}",hat\n'.encode(errors="surrogatepass")
    value = {name: {"caption": "hat"}} if kind.endswith("json") else row
    return json.dumps(value).encode()


def _one_of(words: tuple[str, ...], use: Callable[[Path], Any]) -> Callable[[Path], Any]:
    """What is refused in one of several ways ends in the same word."""

    def used(place: Path) -> Any:
        try:
            return use(place)
        except ValueError as error:
            if not any(word in str(error) for word in words):
                raise
            raise ValueError(f"refused: {error}") from error

    return used


def names() -> Iterator[Case]:
    """Names of pictures in lists: never is anything opened by them."""
    for kind in NAMED:
        asked = kind if kind.startswith("list") else ""
        for number, name in enumerate((*OUTSIDE, *ESCAPES)):
            for suffix in (".png",) if number < len(OUTSIDE) else ("",):
                text = name + suffix
                make = partial(put, name=kind, data=_row(kind, text))
                use = _one_of(REFUSED, partial(read, name=asked))
                yield Case(f"{kind}: {number} {ascii(text)[:40]}", make, use, ("refused",))


def configs() -> Iterator[Case]:
    """Folders and lists that kohya's dataset file names."""

    def config(**values: Any) -> bytes:
        lines = (f"{key} = {json.dumps(value)}" for key, value in values.items())
        return ("[[datasets]]\n[[datasets.subsets]]\n" + "\n".join(lines)).encode()

    words = ("lies outside", "folders.txt")
    for number, name in enumerate(OUTSIDE):
        if name[0] == "~" or name.startswith("file:"):
            continue
        if "\\" in name and os.name == "posix" and name[0] == ".":
            continue  # the name of a file there
        make = partial(put, name="x.toml", data=config(image_dir=name))
        yield Case(f"toml: image_dir {number}", make, partial(read, name="x.toml"), words)
        list_ = config(image_dir=".", metadata_file=name)
        make = partial(put, name="x.toml", data=list_)
        yield Case(f"toml: metadata_file {number}", make, partial(read, name="x.toml"), words)
    for suffix in ("/../../../../outside/secret.txt", "../x", "txt", ".txt/../x", ".\0"):
        data = config(image_dir=".", caption_extension=suffix)
        make = partial(put, name="x.toml", data=data)
        yield Case(
            f"toml: caption_extension {suffix!r}", make, partial(read, name="x.toml"), ("x.toml",)
        )
    good = config(image_dir=".", class_tokens="hat")
    make = partial(put, name="x.toml", data=good)
    yield Case("toml: as it should be", make, partial(read, name="x.toml"), right=_is("hat"))
    for name, data in {
        "no TOML": b"[[", "NUL": b"a = '\0'", "no text": b"\xff\xfe\xfd", "nothing": b"",
        "deep": b"a = " + b"[" * 9000, "a number": b"datasets = 3",
        "subsets of text": b"[[datasets]]\nsubsets = 'x'", "a wrong type": config(image_dir=3),
        "an unknown key": config(image_dir=".", __import__="os"),
        "many digits": config(image_dir=".") + b"\nnum_repeats = " + b"9" * 9000,
    }.items():  # fmt: skip
        make = partial(put, name="x.toml", data=data)
        yield Case(f"toml: {name}", make, partial(read, name="x.toml"), ("x.toml",))


def _is(text: str) -> Callable[[Any], bool]:
    return lambda found: found == [text]


def broken() -> Iterator[Case]:
    """Lists and JSON files that are none."""
    bad = {
        "no text": b"\xff\xfe\xfd", "cut": b'{"file_name": "a.png', "deep": b"[" * 100_000,
        "deep objects": b'{"a":' * 100_000, "many digits": b'{"file_name": ' + b"9" * 9000 + b"}",
        "a list": b"[1]", "a picture": PICTURE,
    }  # fmt: skip
    for kind in ("metadata.jsonl", "meta_cap.json"):
        for name, data in bad.items():
            make = partial(put, name=kind, data=data)
            yield Case(f"{kind}: {name}", make, read, (kind,))
    for name in ("no text", "cut", "deep", "deep objects", "many digits"):
        make = partial(put, name="a.json", data=bad[name])
        yield Case(f"a.json: {name}", make, read, ("a.json",))
    for name, data in {
        "no text": b"\xff\xfe\xfd", "NUL": b"file_name,text\na.png,a\0b", "nothing": b"",
        "open quotes": b'file_name,"', "a long cell": b"file_name,text\na.png," + b"x" * 200_000,
    }.items():  # fmt: skip
        make = partial(put, name="metadata.csv", data=data)
        yield Case(f"metadata.csv: {name}", make, read, ("metadata.csv",))
    for name, text, words in (
        ("NUL", "a\0b", ("NUL",)), ("half a character", "\ud800", ("half a character",)),
        ("1 MB", "x" * 2**20, ("1048576 bytes",)),
    ):  # fmt: skip
        row = json.dumps({"file_name": "a.png", "text": text}).encode()
        make = partial(put, name="metadata.jsonl", data=row)
        yield Case(f"metadata.jsonl: a caption of {name}", make, read, ("line 1", *words))
    for name in ("x.exe", "x.txt", "a.png"):
        make = partial(put, name="x.exe", data=b"x")
        words = ("is a file", "Name the folder") if name != "x.txt" else ("There is no folder",)
        yield Case(f"source: {name}", make, partial(read, name=name), words)


def linked() -> Iterator[Case]:
    if os.name != "posix":
        return
    for name in (*NAMED[:3], "a.json"):
        yield Case(
            f"{name}: a link outside",
            lambda place, name=name: (
                put(place, "a.txt", b"hat"),
                (place / name).symlink_to("../../../outside/secret.txt"),
            ), read, (name, "a link to a file outside"),
        )  # fmt: skip
    for name in ("list.jsonl", "x.toml", "x.zip"):
        yield Case(
            f"source: {name} is a link outside",
            lambda place, name=name: (place / name).symlink_to("../../../outside/secret.txt"),
            partial(read, name=name), ("lies outside", "folders.txt"),
        )  # fmt: skip


def zips() -> Iterator[Case]:
    def case(name: str, entries: dict[str, bytes], *words: str, right: Any = None) -> Case:
        def make(place: Path) -> None:
            with zipfile.ZipFile(place / "x.zip", "w") as archive:
                for inner, data in entries.items():
                    entry = zipfile.ZipInfo("x")
                    entry.filename = inner
                    archive.writestr(entry, data)

        use = partial(read, name="x.zip")
        return Case(f"zip: {name}", make, use, words, right, writes=("cache",))

    words = ("x.zip is not unpacked", "name the folder")
    for number, name in enumerate((*OUTSIDE[:-1], "a/../b", "/", "../x", "a\0b")):
        yield case(f"{number} {ascii(name)[:40]}", {f"{name}.png": PICTURE}, *words)
    yield case("a row that leads out of it", {
        "a.png": PICTURE, "metadata.jsonl": _row("jsonl", "../../../../outside/secret.png"),
    }, "outside the folder of the dataset")  # fmt: skip
    for name, data in {"nothing": b"", "text": b"PK", "a picture": PICTURE}.items():
        make = partial(put, name="x.zip", data=data)
        yield Case(f"zip: {name}", make, partial(read, name="x.zip"), ("x.zip", "as a zip file"))
    yield case("no pictures", {"a.txt": b"hat"}, "there is no picture in it")
    yield case("a zip in a zip", {"a.zip": b"PK"}, "there is no picture in it")
    yield case("as it should be", {"a.png": PICTURE, "a.txt": b"hat"}, right=_is("hat"))


def cases() -> Iterator[Case]:
    for group in (names, configs, broken, linked, zips):
        yield from group()
