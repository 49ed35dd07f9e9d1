"""Captions in other encodings, too long, with characters that do something, with braces."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ...training.data.captions import variants
from ...training.data.folder import load_folder
from ...training.data.sidecar import MOST_CAPTION
from ...training.settings.data import DataSettings
from . import made
from .counted import Case

TEXT = "Käse, 猫, 😀 a hat"
PICTURE = made.encoded(made.quarters(8, 8), "PNG")


def put(data: bytes, name: str = "a.txt") -> Callable[[Path], object]:
    def make(place: Path) -> None:
        (place / "a.png").write_bytes(PICTURE)
        (place / name).write_bytes(data)

    return make


def read(place: Path) -> str:
    dataset = load_folder(place, default_caption="the default")
    assert len(dataset.fingerprint) == 64
    return dataset.records[0].caption


def is_(text: Any) -> Callable[[Any], bool]:
    return lambda found: found == text


def shown(**settings: Any) -> Callable[[Path], tuple[str, ...]]:
    """The captions that a training would show the picture with."""

    def use(place: Path) -> tuple[str, ...]:
        record = load_folder(place).records[0]
        return variants(record.caption, record.lines, DataSettings(**settings), "seed")

    return use


def encodings() -> Iterator[Case]:
    for name in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        yield Case(f"caption: {name}", put(TEXT.encode(name)), read, right=is_(TEXT))
    for mark, name in ((b"\xfe\xff", "utf-16-be"), (b"\0\0\xfe\xff", "utf-32-be")):
        yield Case(f"caption: {name}", put(mark + TEXT.encode(name)), read, right=is_(TEXT))
    foreign = {
        "cp1252": "“Käse” – naïve", "latin-1": "Käse", "mac-roman": "Käse",
        "cp1251": "кот, шляпа",
        "koi8-r": "кот", "shift-jis": "猫, 帽子", "euc-jp": "猫と帽子", "gbk": "猫和帽子",
        "big5": "貓和帽子",
        "euc-kr": "고양이", "iso-8859-2": "żółw", "cp437": "Käse",
    }  # fmt: skip
    for name, text in foreign.items():
        words = ("a.txt is not UTF-8", "save it with the encoding UTF-8")
        yield Case(f"caption: {name}", put(text.encode(name)), read, words)
    for name in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
        data = "a plain hat".encode(name)
        yield Case(f"caption: {name} without a mark", put(data), read, ("a.txt holds NUL",))
    broken = {
        "half a UTF-16 pair": b"\xff\xfe\x00\xd8", "an odd byte": b"\xff\xfea\0b",
        "UTF-32 past the end": b"\xff\xfe\0\0\xff\xff\xff\x7f", "an overlong slash": b"a\xc0\xafb",
        "a half in UTF-8": b"\xed\xa0\x80", "a cut character": "猫".encode()[:2],
        "a picture": PICTURE,
    }  # fmt: skip
    for name, data in broken.items():
        yield Case(f"caption: {name}", put(data), read, ("a.txt", "UTF-"))


def characters() -> Iterator[Case]:
    yield Case("caption: NUL", put(b"a\0b"), read, ("a.txt holds NUL",))
    for code in (*range(1, 32), *range(127, 160)):
        data = f"red{chr(code)}hat".encode()
        yield Case(f"caption: character {code:#x}", put(data), read, right=is_("red hat"))
    odd = {
        "escapes of a terminal": ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        "line separators": ("a\u2028b\u2029c", "a b c"),
        "a mark in the middle": ("red \ufeffhat", "red hat"),
        "text turned round": ("a \u202etah", "a \u202etah"),
        "HTML": ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        "formats": ("%s %n {0} {} ${HOME} $(id)", "%s %n {0} {} ${HOME} $(id)"),
        "__proto__": ("__proto__", "__proto__"),
        "JSON": ('{"a": [1]}', '{"a": [1]}'),
        "ComfyUI's weights": ("(a:1.5) [b] embedding:x", "(a:1.5) [b] embedding:x"),
        "combining marks": ("Z" + "\u0301" * 500, "Z" + "\u0301" * 500),
        "CR alone": ("a\rb", "a b"),
        "nothing": ("", "the default"),
        "white space": (" \n\t\r\n", "the default"),
        "a mark alone": ("\ufeff", "the default"),
    }
    for name, (text, found) in odd.items():
        yield Case(f"caption: {name}", put(text.encode()), read, right=is_(found))


def sizes() -> Iterator[Case]:
    words = ("a.txt has more than 65536 bytes",)
    full = b"x" * MOST_CAPTION
    yield Case("caption: as long as may be", put(full), read, right=is_(full.decode()))
    for name, data in {
        "a byte too long": full + b"x", "1 MB": b"red hat, " * 120_000,
        "16 MB of NUL": bytes(2**24),
        "1 MB of line ends": b"\n" * 2**20, "1 MB in UTF-16": ("red " * 2**17).encode("utf-16"),
    }.items():  # fmt: skip
        yield Case(f"caption: {name}", put(data), read, words)
    lines = b"a\n" * (MOST_CAPTION // 2)
    yield Case("caption: 32,768 lines", put(lines), read, right=lambda text: len(text) == 65_535)


def braces() -> Iterator[Case]:
    """As they stand; with wildcards on, choices."""
    for text in (
        "{a|b}",
        "{",
        "}",
        "{a|{b|c}}",
        "}{",
        "{}",
        "{|}",
        "{{{{",
        "a {b c",
        "|||",
        "{a}b}",
    ):
        kept = text.replace("|||", "")
        case = put(text.encode())
        yield Case(f"braces: {text} stays", case, shown(), right=is_((kept,)))
        on = shown(wildcards=True, caption_variants=3)
        yield Case(f"braces: {text} chosen", case, on, right=lambda found: 1 <= len(found) <= 3)
    for depth in (60, 30_000):
        deep = ("{a|" * depth + "b" + "}" * depth).encode()[:MOST_CAPTION]
        deep = deep if depth == 60 else b"{" * 30_000 + b"}" * 30_000
        yield Case(f"braces: {depth} deep stay", put(deep), shown(), right=is_((deep.decode(),)))
        yield Case(
            f"braces: {depth} deep chosen",
            put(deep),
            shown(wildcards=True),
            ("50 deep", "wildcards"),
        )
    open_ = b"{a|" * 20_000
    yield Case(
        "braces: 20,000 open ones", put(open_), shown(wildcards=True), right=lambda f: bool(f)
    )
    many = b"{a|b} " * 10_000
    yield Case(
        "braces: 10,000 choices", put(many), shown(wildcards=True), right=lambda f: len(f) == 8
    )
    tags = b"a," * 30_000
    on = shown(shuffle_tags=True, tag_dropout=0.5, caption_variants=2)
    yield Case("braces: 30,000 tags", put(tags), on, right=lambda f: len(f) == 2)


def files() -> Iterator[Case]:
    for name in ("a.txt", "a.TXT", "a.caption", "a.CAPTION"):
        yield Case(f"caption: in {name}", put(b"hat", name), read, right=is_("hat"))

    def default(text: str) -> Callable[[Path], object]:
        return lambda place: load_folder(place, default_caption=text).records[0].caption

    def alone(place: Path) -> None:
        (place / "a.png").write_bytes(PICTURE)

    name = "caption: default"
    yield Case(f"{name} of half a character", alone, default("a \ud800"), ("default_caption",))
    yield Case(f"{name} of 1 MB", alone, default("x" * 2**20), ("default_caption", "1048576"))
    yield Case(f"{name} of NUL", alone, default("red\0hat"), right=is_("red hat"))
    yield Case(f"{name} of white space", alone, default(" \n"), ("No caption for", "a.png"))
    if os.name != "posix":
        return

    def link(target: str) -> Callable[[Path], object]:
        return lambda place: (alone(place), (place / "a.txt").symlink_to(target))

    words = ("a.txt is a link to a file outside",)
    yield Case("caption: a link outside", link("../../../outside/secret.txt"), read, words)
    yield Case("caption: a link to /etc/passwd", link("/etc/passwd"), read, words)
    yield Case("caption: a link to nowhere", link("no"), read, right=is_("the default"))
    yield Case("caption: a link to itself", link("a.txt"), read, right=is_("the default"))
    yield Case(
        "caption: a folder",
        lambda p: (alone(p), (p / "a.txt").mkdir()), read, right=is_("the default"),
    )  # fmt: skip
    yield Case(
        "caption: a pipe",
        lambda p: (alone(p), os.mkfifo(p / "a.txt")), read, right=is_("the default"),
    )  # fmt: skip


def cases() -> Iterator[Case]:
    for group in (encodings, characters, sizes, braces, files):
        yield from group()
