"""What hypothesis draws: bytes, texts, headers and nests that nobody thought of."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ...training import nest
from . import captions, made, paths, pictures, tensors
from .counted import Case

T = TypeVar("T")
LENIENT = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)


def examples(strategy: st.SearchStrategy[T], count: int) -> list[T]:
    """Different ones, the same in every run: what is counted must not depend on luck."""
    found: dict[str, T] = {}

    @settings(
        max_examples=3 * count, derandomize=True, database=None, deadline=None,
        phases=[Phase.generate], suppress_health_check=LENIENT,
    )  # fmt: skip
    @given(strategy)
    def collect(value: T) -> None:
        found.setdefault(repr(value), value)

    collect()
    return list(found.values())[:count]


# ------------------------------------------------------------ pictures


def _broken(data: bytes) -> st.SearchStrategy[bytes]:
    """`data` with some bytes changed, put in, taken out or cut off."""
    place = st.integers(0, len(data))
    edits = st.lists(st.tuples(place, st.binary(max_size=6), st.integers(0, 6)), max_size=4)

    def apply(edits: list[tuple[int, bytes, int]], length: int) -> bytes:
        result = bytearray(data[:length])
        for at, new, old in edits:
            result[at : at + old] = new
        return bytes(result)

    return st.builds(apply, edits, place | st.just(len(data)))


def drawn_pictures() -> Iterator[Case]:
    for kind in made.KINDS:
        data = made.encoded(made.quarters(12, 8), kind)
        name = f"drawn{made.suffix(kind)}"
        for number, broken in enumerate(examples(_broken(data), 25)):
            make = pictures.put(name, broken)
            yield Case(
                f"drawn: {kind} {number}",
                make,
                pictures.seen,
                (name,),
                lambda pixels: len(pixels) == 1,
            )


# ------------------------------------------------------------ captions and names


def _is_clean(caption: str) -> bool:
    """One line, no control characters, no white space twice."""
    plain = not any(ord(c) < 32 or 127 <= ord(c) < 160 or c == "\ufeff" for c in caption)
    return plain and bool(caption) and caption == " ".join(caption.split())


def drawn_captions() -> Iterator[Case]:
    anything = st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-16"))
    anything |= st.text(max_size=60).map(str.encode)
    for number, data in enumerate(examples(anything, 120)):
        make = captions.put(data)
        yield Case(f"drawn: caption {number}", make, captions.read, ("a.txt",), _is_clean)
    braced = st.text(st.sampled_from("{}|ab, "), max_size=40).filter(str.strip)
    for number, text in enumerate(examples(braced, 60)):
        use = captions.shown(wildcards=True, shuffle_tags=True, tag_dropout=0.3)
        yield Case(f"drawn: braces {number}", captions.put(text.encode()), use, ("braces",), bool)


SPELLED = st.sampled_from(
    [
        "..",
        "/",
        "\\",
        ":",
        ".",
        " ",
        "~",
        "C:",
        "\0",
        "\u202e",
        "．",
        "\u0301",
        "CON",
        "outside",
        "case",
    ]
)


def drawn_paths() -> Iterator[Case]:
    texts = st.lists(SPELLED | st.text(max_size=3), min_size=1, max_size=8).map("".join)
    for text in examples(texts, 120):
        name = f"drawn {paths.shown(text)}"
        yield paths.folder(name, text)
        yield paths.prefix(name, text)
        yield paths.run_name(name, text)


# ------------------------------------------------------------ safetensors and nests


def _headers() -> st.SearchStrategy[Any]:
    number = st.integers(-8, 64) | st.sampled_from([2**31, 2**53, 2**63, 2**64])
    dtype = st.sampled_from(["F32", "F16", "BF16", "I64", "BOOL", "F8_E4M3", "F4", "X", ""])
    numbers = st.lists(number, max_size=3)
    entry = st.fixed_dictionaries({"dtype": dtype, "shape": numbers, "data_offsets": numbers})
    return st.dictionaries(
        st.sampled_from(["a", "b", "__metadata__", ""]), entry | st.text() | number
    )


def _nests() -> st.SearchStrategy[str]:
    leaf = st.none() | st.integers() | st.floats() | st.text(max_size=3)
    leaf |= st.sampled_from([{"tensor": "a"}, {"tensor": "b"}, {"tensor": "a", "order": [0, 0]}])
    kinds = st.sampled_from(["dict", "list", "tuple", "tensor", "other"])
    deeper = st.recursive(
        leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(kinds, inner, max_size=2)
    )
    return deeper.map(json.dumps)


def drawn_tensors() -> Iterator[Case]:
    sized = st.tuples(_headers(), st.binary(max_size=64), st.none() | st.integers(0, 2**64 - 1))
    for number, (header, body, length) in enumerate(examples(sized, 120)):
        data = made.tensors(header, body, length)
        yield Case(
            f"drawn: header {number}", tensors.put(data), tensors.chosen, ("x.safetensors",),
            lambda found: all(bool(torch.isfinite(one.float()).all()) for one in found.values()),
            where="models/loras",
        )  # fmt: skip
    for number, packed in enumerate(examples(_nests(), 120)):
        header = {"__metadata__": {"atelier.nest": packed}, **tensors.ONE}
        make = tensors.put(made.tensors(header, bytes(8)))
        yield Case(
            f"drawn: nest {number}", make, _load, ("x.safetensors", "damaged"), lambda _: True
        )


def _load(place: Path) -> Any:
    return nest.load(place / "x.safetensors")


def cases() -> Iterator[Case]:
    parts: tuple[Callable[[], Iterator[Case]], ...]
    parts = (drawn_pictures, drawn_captions, drawn_paths, drawn_tensors)
    for part in parts:
        yield from part()
