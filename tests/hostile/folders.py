"""What else lies in a folder of pictures: awkward names, links, pipes, masks, many bad files."""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from . import made
from .counted import Case
from .pictures import like, put, seen

NAMES = (
    "two words", " in front", "behind ", "tab\there", "line\nbreak", "'quotes\"", "$(touch x)",
    "`touch x`", "; rm -rf x", "%s%n", "{0}", "{a|b}", "&amp;<b>", "*", "?", "a|b", "c:d",
    "back\\slash",
    "up\\..\\..\\up", "-rf", "--help", "~", "#", "a.b.c", "a..", "CON", "nul", "猫", "Käse",
    "Kä se", "😀",
    "\u202egnp", "\u200bzero", "\u0301", "．．", "x" * 245, "\x01\x1b[31m", "__proto__",
    "-masklabelled",
)  # fmt: skip


def names() -> Iterator[Case]:
    picture = made.quarters(8, 8)
    data = made.encoded(picture, "PNG")
    for name in NAMES if os.name == "posix" else ():
        right = like(picture)
        yield Case(f"picture: called {name!r}", put(f"{name}.png", data), seen, right=right)
    if sys.platform == "linux":
        name = os.fsdecode(b"\xff\xfe.png")
        yield Case(
            "picture: a name that is no text", put(name, data), seen, ("not UTF-8", "\\udcff")
        )


def _beside(place: Path, make: Callable[[Path], object]) -> None:
    """A good picture, and something else."""
    put("good.png", made.encoded(made.quarters(), "PNG"))(place)
    make(place)


def linked() -> Iterator[Case]:
    plain = made.quarters()
    if os.name != "posix":
        return

    def case(name: str, make: Callable[[Path], object], *words: str, right: Any = None) -> Case:
        return Case(f"dataset: {name}", partial(_beside, make=make), seen, words, right)

    def outside(place: Path) -> Path:
        return place.parents[2] / "outside"

    def tree(place: Path) -> None:
        (place / "a" / "b").mkdir(parents=True)
        (place / "a" / "b" / "up").symlink_to(place)
        (place / "self").symlink_to(place / "self")
        (place / "here.png").symlink_to(place / "a")

    def deep(place: Path) -> None:
        (place / Path(*["d"] * 600)).mkdir(parents=True)

    only = like(plain)
    elsewhere = "outside the folders that may be read"
    yield case("loops of links", tree, right=only)
    yield case("600 folders deep", deep, right=only)
    yield case("a folder called x.png", lambda p: (p / "x.png").mkdir(), right=only)
    yield case("a pipe", lambda p: os.mkfifo(p / "x.png"), "x.png", "is no file")
    yield case("a link to nowhere", lambda p: (p / "x.png").symlink_to("no"), "x.png", "nowhere")
    yield case("a link to itself", lambda p: (p / "x.png").symlink_to("x.png"), "x.png", "nowhere")
    yield case(
        "a link outside",
        lambda p: (p / "x.png").symlink_to(outside(p) / "secret.png"), "x.png", elsewhere,
    )  # fmt: skip
    yield case(
        "a link outside by ..",
        lambda p: (p / "x.png").symlink_to("../../../outside/secret.png"), "x.png", elsewhere,
    )  # fmt: skip
    yield case("a folder outside by a link", lambda p: (p / "x").symlink_to(outside(p)), right=only)
    yield case(
        "a mask outside",
        lambda p: (p / "good-masklabel.png").symlink_to(outside(p) / "secret.png"),
        "good-masklabel.png", elsewhere,
    )  # fmt: skip
    yield case("hidden files", lambda p: (p / ".x.png").write_bytes(b"no"), right=only)
    yield case("a pipe as mask", lambda p: os.mkfifo(p / "good-masklabel.png"), right=only)
    yield Case(
        "dataset: a link inside",
        lambda p: (put("z.png", made.encoded(plain, "PNG"))(p), (p / "a.png").symlink_to("z.png"),
                   (p / "a.txt").symlink_to("z.txt")),
        seen, right=lambda pixels: len(pixels) == 2,
    )  # fmt: skip


def masks() -> Iterator[Case]:
    def case(name: str, data: bytes, *words: str) -> Case:
        make = partial(_beside, make=lambda p: (p / "good-masklabel.png").write_bytes(data))
        right = None if words else like(made.quarters())
        return Case(f"mask: {name}", make, seen, words, right)

    file = "good-masklabel.png"
    for number, data in enumerate((b"", b"no", made.png(30_000, 30_000), made.png(0, 3))):
        yield case(f"damaged {number}", data, file)
    other = made.encoded(Image.new("L", (16, 32)), "PNG")
    yield case("of another shape", other, file, "another shape", "good.png")
    deep = made.png16(np.full((16, 32, 1), 40_000, np.uint16))
    yield case("of 16 bits", deep)
    yield case("of half the size", made.encoded(Image.new("L", (16, 8), 255), "PNG"))


def many() -> Iterator[Case]:
    def make(place: Path) -> None:
        for number in range(25):
            (place / f"{number:02d}.png").write_bytes(b"no picture")

    words = ("25 things are wrong", "00.png", "09.png", "and 15 more")
    yield Case("dataset: 25 bad pictures are told at once", make, seen, words)

    def mixed(place: Path) -> None:
        put("a.png", b"")(place)
        put("b.png", made.encoded(made.quarters(), "PNG"))(place)
        (place / "b.txt").write_bytes(b"\xff")
        (place / "c.png").write_bytes(made.encoded(made.quarters(), "PNG"))

    words = ("3 things are wrong", "a.png cannot", "b.txt is not UTF-8", "No caption for", "c.png")
    yield Case("dataset: a picture, a caption and a missing one", mixed, seen, words)


def cases() -> Iterator[Case]:
    for group in (names, linked, masks, many):
        yield from group()
