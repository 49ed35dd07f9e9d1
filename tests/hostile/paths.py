"""Texts of a workflow that name a folder, a file, a run or a prefix."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import folder_paths

from ...training import run
from ...training.data.folder import load_folder
from ...training.files import safe_name
from ...training.host.folders import new_lora, resolve_folder
from ...training.host.lora_choice import read_lora
from ...training.resume import resume
from . import made
from .counted import Case

# Nobody may get out of ComfyUI's folders by these, on whatever system.
ESCAPES = (
    "..", "../", "../..", "../../outside", "case/../../../outside", "case/../../user", "./../user",
    "/", "/etc", "/etc/passwd", "//", "//server/share", "///etc", "/proc/self/root", "/dev/zero",
    "/proc/self/environ", "~", "~root", "$HOME", "%USERPROFILE%", "${HOME}/x", "file:///etc/passwd",
    "http://localhost/", "C:", "C:\\", "C:\\Windows", "C:/Windows", "c:relative", "Z:\\..\\x",
    "\\\\server\\share", "\\\\server\\share\\..\\..", "\\\\?\\C:\\Windows", "\\\\.\\PhysicalDrive0",
    "\\\\?\\UNC\\server\\share", "//?/C:/", "\\/server\\share", "/\\server/share", "\\Windows",
    "..\\..\\outside", "case\\..\\..\\..\\outside", "..\0", "case\0/../../outside", "\0", "a\0b",
    "．．/．．/outside", "‥/outside", "..／..／outside", "..∕outside", "%2e%2e/outside",
    "%2e%2e%2foutside", "..%c0%af..", "....//....//outside", "..;/outside", ".. /outside",
    "\u202e../outside", "..\u200b/outside", ".\u0301./outside", "\ud800", "a\ud800/../b", "\udcff",
    "CON", "con.txt", "NUL", "AUX.", "COM1", "LPT9.png", "COM¹", "PRN .txt", "CONIN$", "nul:",
    "case.", "case ", "case...", " ", "", "\t\n", ".", "./", "..\n", "\n../../outside",
    "x" * 300, "x/" * 3000, "../" * 2000, "a" * 100_000, "case:stream", "case::$DATA", "*", "case?",
    "<script>", "'; DROP TABLE runs; --", "{0}", "%s%n", "-rf", "--", "\x1b[31m", "\r", "|sh",
    "`id`",
)  # fmt: skip
# Names like any other for files, if not for shells. All others must be refused as names.
PLAIN = {
    "~", "~root", "$HOME", "%USERPROFILE%", "${HOME}/x", "%2e%2e/outside", "%2e%2e%2foutside",
    "case ", "'; DROP TABLE runs; --", "{0}", "%s%n", "-rf", "--", "`id`",
}  # fmt: skip
# Drives and network disks: refused by their form, on systems too where they are names of files.
WINDOWS = re.compile(r"[A-Za-z]:|[/\\]{2}")
OUTSIDE = "lies outside the folders"


def nothing(place: Path) -> None:
    """The text alone is the input."""


def picture(place: Path) -> None:
    (place / "a.png").write_bytes(made.encoded(made.quarters(8, 8), "PNG"))
    (place / "a.txt").write_text("a hat")


def inside(place: Path, found: Path) -> bool:
    return found.resolve().is_relative_to(place.parent)


def folder(name: str, text: str, make: Any = picture, *words: str) -> Case:
    """Load Dataset with this text: refused, or it is below the input folder."""

    def use(place: Path) -> bool:
        found = resolve_folder(text)
        try:
            load_folder(found, "a hat")
        except ValueError as error:
            if "There is no picture" not in str(error):
                raise
        return inside(place, found)

    if WINDOWS.match(text.strip()):
        words = (OUTSIDE, "folders.txt")
    return Case(f"folder: {name}", make, use, words or ("folder",), None if words else bool)


def prefix(name: str, text: str, right: Any = bool) -> Case:
    """Save LoRA with this text: refused by name, or a new file below models/loras."""

    def use(place: Path) -> bool:
        path = new_lora(text)
        return inside(place, path) and not path.exists()

    return Case(f"prefix: {name}", nothing, use, ("LoRA name", "file name"), right, "models/loras")


def run_name(name: str, text: str, right: Any = bool) -> Case:
    """Train LoRA with this text: refused, or a folder right below the runs."""

    def use(place: Path) -> bool:
        made_ = run.create(place, safe_name(text, "run name"), {"key": "x"})
        return made_.folder.parent == place

    words = ("run name", "cannot be a file name")
    return Case(f"run: {name}", nothing, use, words, bool, "user", writes=(text.strip() or "-",))


def resumed(name: str, text: str) -> Case:
    """Resume Run with this text, where there is no such run."""

    def use(place: Path) -> Any:
        return resume(cast(Any, None), text)

    return Case(f"resume: {name}", nothing, use, ("run",), where="user")


def lora(name: str, text: str) -> Case:
    """Load LoRA File with this text, which is in no list."""

    def use(place: Path) -> Any:
        folder_paths.filename_list_cache.clear()
        return read_lora(text)

    words = ("There is no LoRA", "models/loras")
    return Case(f"LoRA name: {name}", nothing, use, words, where="models/loras")


def shown(text: str) -> str:
    return ascii(text if len(text) < 60 else f"{text[:20]}…{len(text)}")


def texts() -> Iterator[Case]:
    for text in ESCAPES:
        yield folder(shown(text), text)
        right = bool if text in PLAIN else None
        yield prefix(shown(text), text, right)
        yield run_name(shown(text), text, right)
        yield resumed(shown(text), text)
        yield lora(shown(text), text)


def absolute() -> Iterator[Case]:
    """Full paths that are there, and would be readable."""

    def case(name: str, text: Callable[[Path], str], *words: str, right: Any = None) -> Case:
        def use(place: Path) -> Any:
            return load_folder(resolve_folder(text(place))).records[0].caption

        return Case(f"folder: {name}", picture, use, words, right)

    found = lambda caption: caption == "a hat"  # noqa: E731
    yield case("the full path", str, right=found)
    yield case("with a slash behind", lambda p: f"{p}/", right=found)
    yield case("with white space around", lambda p: f"  {p}\n", right=found)
    yield case("out and in again", lambda p: "../input/case", right=found)
    yield case("a folder outside", lambda p: str(p.parents[2] / "outside"), OUTSIDE, "folders.txt")
    yield case("the user's folder", lambda p: str(p.parents[1] / "user"), OUTSIDE, "folders.txt")
    yield case("ComfyUI itself", lambda p: str(p.parents[1]), OUTSIDE)
    yield case("a neighbour whose name begins so", lambda p: f"{p.parent}-other", OUTSIDE)
    yield case("a file", lambda p: str(p / "a.png"), "There is no folder", "a.png")
    yield case("two slashes before it", lambda p: f"/{p}", OUTSIDE)


def links() -> Iterator[Case]:
    if os.name != "posix":
        return

    def to(target: Callable[[Path], Path | str]) -> Callable[[Path], object]:
        return lambda place: (place / "link").symlink_to(target(place))

    yield folder("a link outside", "case/link", to(lambda p: p.parents[2] / "outside"), OUTSIDE)
    yield folder("a link to the root", "case/link/etc", to(lambda p: "/"), OUTSIDE)
    yield folder("a link upwards", "case/link", to(lambda p: "../../user"), OUTSIDE)
    yield folder("a link to itself", "case/link", to(lambda p: "link"), "link")
    yield folder("through a link to itself", "case/link/x", to(lambda p: "link"), "link")
    yield folder(
        "a link to a file", "case/link", to(lambda p: "../../../outside/secret.txt"), OUTSIDE
    )
    yield folder("a link to its folder", "case/link/link/link", to(lambda p: p))

    def use(place: Path) -> Any:
        return new_lora("case/link/mine")

    yield Case(
        "prefix: a link outside", to(lambda p: p.parents[3] / "outside"), use, (OUTSIDE,),
        where="models/loras",
    )  # fmt: skip
    yield Case(
        "prefix: a link inside", to(lambda p: p), use,
        right=lambda path: path.name.startswith("mine"),
        where="models/loras",
    )  # fmt: skip


def listed() -> Iterator[Case]:
    """`folders.txt`, with lines that are no full paths. The last one stays, and allows nothing."""
    lines = {
        "a relative path": b"pictures", "a dot": b".", "dots": b"../..", "a home": b"~/x",
        "NUL": b"/a\0b", "no UTF-8": b"\xff\xfe/", "a comment after": b"/tmp # mine\nrelative",
    }  # fmt: skip

    def put(data: bytes) -> Callable[[Path], object]:
        def make(place: Path) -> None:
            records = place.parent / "__atelier"
            records.mkdir(exist_ok=True)
            (records / "folders.txt").write_bytes(data)

        return make

    def use(place: Path) -> Any:
        return resolve_folder("..")

    for name, data in lines.items():
        yield Case(f"folders.txt: {name}", put(data), use, ("folders.txt",), where="user")
    for name, data in {
        "nothing": b"",
        "comments": b"# a\n\n",
        "a mark": b"\xef\xbb\xbf# a",
    }.items():
        yield Case(f"folders.txt: {name}", put(data), use, ("lies outside",), where="user")


def cases() -> Iterator[Case]:
    for group in (texts, absolute, links, listed):
        yield from group()
