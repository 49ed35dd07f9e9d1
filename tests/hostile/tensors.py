"""Safetensors files that lie: as a LoRA, as a checkpoint, in the cache, beside a file to save."""

import io
import json
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import folder_paths
import torch
from safetensors.torch import save
from torch import Tensor

from ...training import checkpoint, nest
from ...training.data.cache import Cache
from ...training.files import digest
from ...training.host.lora_choice import read_lora, stamp
from ...training.save import save_lora
from . import adapters, made
from .counted import Case

ONE = {"a": made.entry([2], 0, 8)}
DAMAGED = ("is damaged",)
GOOD = {"x.lora_A.weight": torch.ones(2, 3)}


class _Payload:
    """What a pickle does to those who open it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("atelier-was-here",)


def lies() -> dict[str, bytes]:
    """Files that no reader may take for whole."""
    eight = bytes(8)
    two = {"a": made.entry([2], 0, 8), "b": made.entry([2], 4, 12)}
    hole = {"a": made.entry([2], 0, 8), "b": made.entry([2], 16, 24)}
    twice = b'{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},'
    twice += b'"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}'
    whole = save({"a": torch.ones(64)})
    return {
        "nothing": b"", "three bytes": b"abc", "a length alone": (10).to_bytes(8, "little"),
        "zeros": bytes(4096), "ones": b"\xff" * 4096,
        "a length of 2^63": made.tensors(ONE, eight, 2**63),
        "a length of 2^64 - 1": made.tensors(ONE, eight, 2**64 - 1),
        "a length of 100 MB": made.tensors(ONE, eight, 10**8),
        "a length past the end": made.tensors(ONE, eight, 10**4),
        "a length too short": made.tensors(ONE, eight, 5),
        "no length": made.tensors(ONE, eight, 0),
        "tensors that overlap": made.tensors(two, bytes(12)),
        "a hole": made.tensors(hole, bytes(24)),
        "offsets past the end": made.tensors({"a": made.entry([4], 0, 16)}, eight),
        "offsets the wrong way": made.tensors({"a": made.entry([2], 8, 0)}, eight),
        "huge offsets": made.tensors({"a": made.entry([2], 2**62, 2**62 + 8)}, eight),
        "offsets below 0": made.tensors({"a": made.entry([2], -8, 0)}, eight),
        "more bytes than told": made.tensors(ONE, bytes(9)),
        "another shape": made.tensors({"a": made.entry([3], 0, 8)}, eight),
        "a shape below 0": made.tensors({"a": made.entry([-2], 0, 8)}, eight),
        "a shape that overflows": made.tensors({"a": made.entry([2**62, 2**62], 0, 8)}, eight),
        "a shape of text": made.tensors({"a": {**ONE["a"], "shape": "2"}}, eight),
        "a shape of fractions": made.tensors({"a": {**ONE["a"], "shape": [2.5]}}, eight),
        "an unknown type": made.tensors({"a": made.entry([2], 0, 8, "Q9")}, eight),
        "a type that is a number": made.tensors({"a": {**ONE["a"], "dtype": 7}}, eight),
        "a type of 4 bits": made.tensors({"a": made.entry([2], 0, 1, "F4")}, b"\0"),
        "no type": made.tensors({"a": {"shape": [2], "data_offsets": [0, 8]}}, eight),
        "no offsets": made.tensors({"a": {"shape": [2], "dtype": "F32"}}, eight),
        "a name twice": made.tensors(twice, bytes(16)),
        "100,000 lists in lists": made.tensors(b'{"a":' + b"[" * 10**5 + b"]" * 10**5 + b"}"),
        "a list": made.tensors(b"[1, 2]"), "a text": made.tensors(b'"a"'),
        "null": made.tensors(b"null"), "a number": made.tensors(b"1e999"),
        "no JSON": made.tensors(b"{'a': 1}"), "NaN in JSON": made.tensors(b'{"a": NaN}'),
        "no UTF-8": made.tensors(b'{"\xff": 1}'),
        "half a character": made.tensors(b'{"__metadata__": {"a": "\\ud800"}}'),
        "metadata of numbers": made.tensors({"__metadata__": {"a": 1}, **ONE}, eight),
        "metadata of lists": made.tensors({"__metadata__": [1], **ONE}, eight),
        "metadata in metadata": made.tensors({"__metadata__": {"a": {"b": "c"}}, **ONE}, eight),
        "half a file": whole[: len(whole) // 2], "a byte too few": whole[:-1],
        "a pickle": pickle.dumps(_Payload()), "a pickle of torch's": _torch_file(),
        "a ZIP": b"PK\x03\x04" + bytes(100), "a PNG": made.encoded(made.noise(), "PNG"),
        "GGUF": b"GGUF\x03\0\0\0" + bytes(64),
    }  # fmt: skip


def _torch_file() -> bytes:
    file = io.BytesIO()
    torch.save({"a": torch.ones(2)}, file)
    return file.getvalue()


def put(data: bytes, name: str = "x.safetensors") -> Callable[[Path], object]:
    return lambda place: (place / name).write_bytes(data)


# ------------------------------------------------------------ Load LoRA File


def chosen(place: Path) -> dict[str, Tensor]:
    """As the node does it, for the one file in `place`."""
    folder_paths.filename_list_cache.clear()
    (name,) = (path.name for path in place.iterdir())
    stamp(os.path.join("case", name))  # noqa: PTH118 - as ComfyUI lists it
    return read_lora(os.path.join("case", name))  # noqa: PTH118


def lora(name: str, data: bytes, *words: str, right: Any = None, file: str = "x.safetensors"):
    words = (file, *words) if words else ()
    return Case(f"LoRA: {name}", put(data, file), chosen, words, right, "models/loras")


def loras() -> Iterator[Case]:
    for name, data in lies().items():
        yield lora(name, data, *DAMAGED)
    for value in (float("nan"), float("inf"), float("-inf")):
        for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
            tensor = torch.zeros(100, dtype=dtype)
            tensor[77] = value
            data = save({"good": torch.ones(2), "the bad one": tensor})
            yield lora(f"{value} in {dtype}", data, "the bad one", "no numbers")
    small = save({"the bad one": torch.tensor([1.0, float("nan")]).to(torch.float8_e4m3fn)})
    yield lora("NaN in fp8", small, "the bad one", "no numbers")
    turned = save({"a\u202e\x1b[31m": torch.tensor(float("nan"))})
    yield lora("NaN under a name that turns the text", turned, "\\u202e")
    for name, header in {"no tensors": {}, "metadata alone": {"__metadata__": {"a": "b"}}}.items():
        yield lora(name, made.tensors(header), "is empty")
    for file in ("x.pt", "x.ckpt"):
        yield lora(f"a pickle called {file}", pickle.dumps(_Payload()), "run code", file=file)
    yield lora("a whole file called x.pt", save(GOOD), "run code", file="x.pt")
    for name, data in hostile_headers().items():
        yield lora(f"metadata: {name}", data, right=lambda found: set(found) == {"a"})
    names = {
        "": torch.ones(1),
        "../../x": torch.ones(1),
        "a\0b": torch.ones(1),
        "x" * 9999: torch.ones(1),
    }
    names |= {"__proto__": torch.ones(1), "constructor": torch.ones(()), "猫": torch.ones(1)}
    yield lora(
        "odd names of tensors", save(names), right=lambda found: found.keys() == names.keys()
    )
    if os.name == "posix" and sys.platform == "linux":
        yield lora("a file called so", save(GOOD), right=bool, file="a\nb \u202e'$(x).safetensors")


def hostile_headers() -> dict[str, bytes]:
    """Whole files that say strange things about themselves; nobody may care."""
    graph = '{"nodes": [{"type": "<img src=x onerror=alert(1)>"}], "__proto__": {"polluted": true}}'
    metadata = {
        "huge": {"a": "x" * 10**7}, "many": {str(n): "x" for n in range(50_000)},
        "control characters": {"\0\x1b[31m": "\0\x1b]0;x\7"}, "__proto__": {"__proto__": "{}"},
        "HTML": {"modelspec.title": "<script>alert(1)</script>"}, "a graph": {"workflow": graph},
        "deep JSON": {"atelier.run": "[" * 10**5 + "]" * 10**5}, "not JSON": {"atelier.run": "{"},
        "our own names": {"atelier.nest": "{}", "atelier.weights": "0", "format": "pickle"},
        "a path": {"ss_output_name": "../../../etc/passwd"}, "empty": {"": ""},
        "turned text": {"modelspec.title": "\u202egnp.exe"},
    }  # fmt: skip
    return {
        name: made.tensors({"__metadata__": texts, **ONE}, bytes(8))
        for name, texts in metadata.items()
    } | {"null": made.tensors({"__metadata__": None, **ONE}, bytes(8))}


# ------------------------------------------------------------ checkpoints and the cache


def nests() -> dict[str, bytes]:
    """Files that are whole, with nests that are none."""
    packed = {
        "no nest": None, "an empty nest": "", "no JSON": "{", "deep lists": "[" * 10**5,
        "deep dicts": '{"list": [' * 50_000 + "]}" * 50_000, "a tensor that is not there":
        '{"tensor": "9"}', "a tensor named by a list": '{"tensor": [1]}', "a dict of no pairs":
        '{"dict": [1]}', "a dict of threes": '{"dict": [[1, 2, 3]]}', "a dict that is a number":
        '{"dict": 7}', "a key that is a list": '{"dict": [[[1], 2]]}', "an empty dict": "{}",
        "an order of text": '{"tensor": "a", "order": "xy"}', "an order too long":
        '{"tensor": "a", "order": [0, 1, 2]}', "a number of 5000 digits": "9" * 5000,
        "a kind that is none": '{"pickle": "x"}',
    }  # fmt: skip
    return {
        f"nest: {name}": made.tensors(
            {"__metadata__": {} if text is None else {"atelier.nest": text}, **ONE}, bytes(8)
        )
        for name, text in packed.items()
    }


def trees() -> dict[str, bytes]:
    """Whole nests that are no state of a training."""
    shapes = {
        "a list": '{"list": [1]}', "a text": '"x"', "a number": "7", "null": "null",
        "no step": '{"dict": [["adapter", {"dict": []}]]}',
        "a step of text": '{"dict": [["step", "9"]]}', "a step of NaN": '{"dict": [["step", NaN]]}',
    }  # fmt: skip
    return {
        f"state: {name}": made.tensors({"__metadata__": {"atelier.nest": text}, **ONE}, bytes(8))
        for name, text in shapes.items()
    }


def checkpoints() -> Iterator[Case]:
    """A good checkpoint of step 1, and a bad one of step 2: the first is found, both stay."""

    def make(data: bytes | None) -> Callable[[Path], object]:
        def run(place: Path) -> None:
            nest.save(place / checkpoint.NAME.format(1), {"step": 1, "x": torch.ones(3)})
            bad = place / checkpoint.NAME.format(2)
            bad.mkdir() if data is None else bad.write_bytes(data)

        return run

    def use(place: Path) -> int:
        found = checkpoint.newest(place)
        checkpoint.keep_newest(place)
        return found["step"] if found else 0

    flipped = bytearray(_saved_nest())
    flipped[-3] ^= 1
    bad: dict[str, bytes | None] = {**lies(), **nests(), **trees(), "one bit": bytes(flipped)}
    for name, data in (bad | {"a folder": None}).items():
        yield Case(f"checkpoint: {name}", make(data), use, right=lambda step: step == 1)

    def later(place: Path) -> None:
        for step in (1, 5, 6):
            nest.save(place / checkpoint.NAME.format(step), {"step": step})
        for step in (5, 6):
            (place / checkpoint.NAME.format(step)).write_bytes(b"damaged")

    def goes_on(place: Path) -> int:
        nest.save(place / checkpoint.NAME.format(2), {"step": 2})
        checkpoint.keep_newest(place)
        found = checkpoint.newest(place)
        return found["step"] if found else 0

    yield Case(
        "checkpoint: two later ones are damaged, and the run goes on",
        later, goes_on, right=lambda step: step == 2, writes=("step-00000002",),
    )  # fmt: skip


def _saved_nest() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x"
        nest.save(path, {"step": 2, "x": torch.ones(3)})
        return path.read_bytes()


def caches() -> Iterator[Case]:
    """A damaged entry is made again, and is right, now and when it is read the next time."""
    value = {"latent": torch.arange(6.0)}

    def entry(place: Path):
        return Cache(place).entry(("made", "from"), lambda: value)

    def make(data: bytes) -> Callable[[Path], object]:
        return lambda place: entry(place).path.write_bytes(data)

    def use(place: Path) -> bool:
        found = [entry(place).load()["latent"] for _ in range(2)]
        again = nest.load(entry(place).path)["latent"]
        return all(torch.equal(one, value["latent"]) for one in (*found, again))

    for name, data in {**lies(), **nests()}.items():
        yield Case(f"cache: {name}", make(data), use, right=bool, heals=(_entry_name(),))


def _entry_name() -> str:
    key = digest("made", "from")
    return f"{key[:2]}/{key}.safetensors"


# ------------------------------------------------------------ beside a file to save


def beside() -> Iterator[Case]:
    """Files of the very name that is to be written next: none is written over."""

    def use(place: Path) -> str:
        return save_lora(GOOD, "case/mine", None, json.loads('{"nodes": []}'), False)

    headers = hostile_headers()
    chosen = {**lies(), **headers}
    for name, data in chosen.items():
        yield Case(
            f"beside: {name}", put(data, "mine_00001.safetensors"), use, where="models/loras",
            right=lambda found: found == "case/mine_00002.safetensors", writes=("mine_00002",),
        )  # fmt: skip


def cases() -> Iterator[Case]:
    for group in (loras, checkpoints, caches, beside, adapters.cases):
        yield from group()
