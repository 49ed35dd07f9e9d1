"""Files made byte by byte, as no honest program would write them."""

import io
import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

SAVED = {  # how Pillow writes each kind without loss, or nearly
    "PNG": {},
    "JPEG": {"quality": 98, "subsampling": 0},
    "WEBP": {"lossless": True},
    "BMP": {},
    "GIF": {},
    "TIFF": {},
    "AVIF": {"quality": 98, "subsampling": "4:4:4"},
}
Image.init()
KINDS = tuple(kind for kind in SAVED if kind in Image.SAVE)  # AVIF came late
SUFFIX = {"JPEG": ".jpg", "TIFF": ".tif"}


def suffix(kind: str) -> str:
    return SUFFIX.get(kind, f".{kind.lower()}")


def quarters(width: int = 32, height: int = 16) -> Image.Image:
    """Red, green; blue, white: it shows which way it was turned."""
    picture = Image.new("RGB", (width, height), "white")
    half = width // 2, height // 2
    picture.paste((255, 0, 0), (0, 0, *half))
    picture.paste((0, 255, 0), (half[0], 0, width, half[1]))
    picture.paste((0, 0, 255), (0, half[1], half[0], height))
    return picture


def noise(width: int = 40, height: int = 30) -> Image.Image:
    dots = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(dots)


def encoded(picture: Image.Image, kind: str, **more: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **{**SAVED[kind], **more})
    return file.getvalue()


# ------------------------------------------------------------ PNG and others by hand


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    width: int,
    height: int,
    rows: bytes = b"",
    bits: int = 8,
    colour: int = 2,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """`rows` are the bytes behind the filter bytes, already with them; `before` are chunks."""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    body = chunk(b"IDAT", zlib.compress(rows, 9))
    return b"\x89PNG\r\n\x1a\n" + head + before + body + after + chunk(b"IEND", b"")


def png16(pixels: np.ndarray, before: bytes = b"") -> bytes:
    """A PNG of 16 bits from `[height, width, channels]`."""
    height, width, channels = pixels.shape
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return png(width, height, rows, 16, colour, before)


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + 16, 0, 0, 54) + head + bytes(16)


def gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
        + b"," + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x44\x01\x00;"
    )  # fmt: skip


def jpeg(width: int, height: int) -> bytes:
    """A JPEG whose header says another size than its data have."""
    data = bytearray(encoded(noise(), "JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def webp(width: int, height: int) -> bytes:
    """An animated WebP that says another canvas than its frames have."""
    picture = noise().convert("RGBA")
    data = bytearray(encoded(picture, "WEBP", save_all=True, append_images=[picture.rotate(180)]))
    at = data.index(b"VP8X")
    data[at + 12 : at + 15] = (width - 1).to_bytes(3, "little")
    data[at + 15 : at + 18] = (height - 1).to_bytes(3, "little")
    return bytes(data)


def tiff(width: int, height: int, bits: int = 8, **tags: int) -> bytes:
    """A grey TIFF with any tags (`t258=7`)."""
    entries = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 200, 277: 1, 278: height}
    entries |= {279: 64} | {int(name[1:]): value for name, value in tags.items()}
    table = b"".join(
        struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(entries.items())
    )
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + table + bytes(4)
    return head.ljust(200, b"\0") + bytes(64)


# ------------------------------------------------------------ safetensors


def tensors(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    """A safetensors file with any header (bytes are taken as they are) and any length of it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def entry(shape: Sequence[int], start: int, end: int, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}
