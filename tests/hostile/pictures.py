"""Pictures that are cut short, lie, or are merely not what most are."""

import io
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ...training.data.folder import listing, load_folder
from ...training.data.pictures import cover, open_mask, open_rgb
from . import made
from .counted import Case
from .made import KINDS

BAD = ("cannot be read as a picture",)
LARGE = ("is too large", "134 million")
Judge = Callable[[np.ndarray], bool]


def put(name: str, data: bytes, caption: str = "a caption") -> Callable[[Path], object]:
    def make(place: Path) -> None:
        (place / name).write_bytes(data)
        (place / name).with_suffix(".txt").write_text(caption, encoding="utf-8")

    return make


def seen(place: Path) -> list[np.ndarray]:
    """All that a training looks at: the listing, the records, the pixels, the masks."""
    listing(place)
    dataset = load_folder(place)
    pixels = []
    for record in dataset.records:
        picture = open_rgb(record.path)
        assert picture.size == (record.width, record.height), "another size than its record's"
        assert cover(picture, 16, 16).shape == (16, 16, 3)
        open_mask(record.path, record.mask)
        pixels.append(np.asarray(picture))
    assert len(dataset.fingerprint) == 64
    return pixels


def one(judge: Judge) -> Callable[[list[np.ndarray]], bool]:
    return lambda pixels: len(pixels) == 1 and judge(pixels[0])


def like(expected: Image.Image, most: float = 6) -> Callable[[list[np.ndarray]], bool]:
    """The picture itself, but for what its codec loses."""
    array = np.asarray(expected.convert("RGB")).astype(float)
    return one(lambda found: found.shape == array.shape and np.abs(found - array).mean() <= most)


def whole(kind: str, picture: Image.Image) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(made.encoded(picture, kind))).convert("RGB"))


def bad(name: str, file: str, data: bytes, words: tuple[str, ...] = BAD) -> Case:
    return Case(f"picture: {name}", put(file, data), seen, (file, *words))


def good(name: str, file: str, data: bytes, right: Callable[[Any], bool]) -> Case:
    return Case(f"picture: {name}", put(file, data), seen, right=right)


# ------------------------------------------------------------ damaged


def damaged() -> Iterator[Case]:
    """Cut short: refused, or what was cut off was not needed. Flipped bytes: refused, or shown."""
    for kind in KINDS:
        picture = made.quarters() if kind == "GIF" else made.noise()
        data, name = made.encoded(picture, kind), f"cut{made.suffix(kind)}"
        same = one(partial(np.array_equal, whole(kind, picture)))
        for length in (0, 1, 11, 30, len(data) // 3, len(data) // 2, len(data) - 40, len(data) - 1):
            what = f"picture: {kind} cut to {length} of {len(data)} bytes"
            yield Case(what, put(name, data[:length]), seen, (name, *BAD), same)
        dice = random.Random(kind)
        for number in range(8):
            broken = bytearray(data)
            for _ in range(4):
                broken[dice.randrange(4, len(data))] = dice.randrange(256)
            what = f"picture: {kind} with four wrong bytes, {number}"
            yield Case(
                what, put(name, bytes(broken)), seen, (name,), lambda pixels: len(pixels) == 1
            )


def bombs() -> Iterator[Case]:
    sizes = {"square": (30_000, 30_000), "wide": (65_000, 60_000), "just too large": (16_384, 8193)}
    makers = {"PNG": made.png, "BMP": made.bmp, "GIF": made.gif, "JPEG": made.jpeg}
    makers |= {"TIFF": made.tiff}
    for kind, make in makers.items():
        for shape, (width, height) in sizes.items():
            file = f"bomb{made.suffix(kind)}"
            yield bad(f"{kind}, a bomb, {shape}", file, make(width, height), LARGE)
    yield bad("WEBP, a bomb", "bomb.webp", made.webp(16_383, 16_383), LARGE)
    yield bad("PNG, the largest", "bomb.png", made.png(2**31 - 1, 2**31 - 1), ())
    zeros = made.png(50_000, 50_000, bytes(50_000 * 200), 1, 0)
    yield bad("PNG, a real bomb of one bit", "bomb.png", zeros, ())
    for kind, make in makers.items():
        for width, height in ((0, 16), (16, 0), (0, 0)):
            file = f"none{made.suffix(kind)}"
            yield bad(f"{kind} of {width} x {height}", file, make(width, height))
    text = made.chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(200_000_000)))
    yield bad("PNG with a text that swells", "text.png", made.png(1, 1, bytes(4), before=text))
    huge = b"II*\0" + struct.pack("<IH", 8, 60_000) + bytes(64)
    yield bad("TIFF of 60,000 tags that are not there", "tags.tif", huge)
    yield bad("TIFF whose table is itself", "loop.tif", b"II*\0" + struct.pack("<IHI", 8, 0, 8))
    for tag, value in ((258, 7), (259, 9999), (277, 200), (262, 77), (278, 0), (273, 2**32 - 1)):
        data = made.tiff(8, 8, **{f"t{tag}": value})
        name = f"picture: TIFF with tag {tag} of {value}"
        yield Case(name, put("odd.tif", data), seen, ("odd.tif",), lambda pixels: len(pixels) == 1)


def strangers() -> Iterator[Case]:
    """Files that are no pictures of the kinds that are read, under a picture's name."""
    named = {
        "text": b"just text",
        "HTML": b"<html><script>alert(1)</script></html>",
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n(x) run\n%%EOF\n",
        "PDF": b"%PDF-1.4\n",
        "ZIP": b"PK\x03\x04" + bytes(40),
        "pickle": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        "program": b"\x7fELF" + bytes(60),
        "safetensors": made.tensors({"a": made.entry([1], 0, 4)}, bytes(4)),
        "zeros": bytes(4096),
        "PPM": b"P6 8 8 255\n" + bytes(192),
        "XBM": b"#define a_width 8\n#define a_height 8\nstatic char a_bits[] = {0};\n",
        "PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 8, 8, 8, 3) + bytes(200),
    }
    for kind in ("ICO", "TGA", "PCX", "SGI", "ICNS", "JPEG2000"):
        file = io.BytesIO()
        Image.new("RGB", (64, 64)).save(file, kind)
        named[kind] = file.getvalue()
    for what, data in named.items():
        yield bad(f"{what} that is called .png", "other.png", data)


# ------------------------------------------------------------ unusual, and right


def turned() -> Iterator[Case]:
    upright = made.quarters()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE, 8: Image.Transpose.ROTATE_270,
    }  # fmt: skip
    for kind in [kind for kind in KINDS if kind not in ("BMP", "GIF")]:
        for number in range(10):
            stored = upright.transpose(undo[number]) if number in undo else upright
            exif = Image.Exif()
            exif[0x0112] = number
            data = made.encoded(stored, kind, exif=exif)
            name = f"{kind} with orientation {number}"
            yield good(name, f"turned{made.suffix(kind)}", data, like(upright))
    exif = Image.Exif()
    exif[0x0112] = 6
    late = made.chunk(b"eXIf", exif.tobytes()[6:])
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(upright.transpose(undo[6])))
    data = made.png(16, 32, rows, after=late)
    yield good("PNG with its orientation behind the pixels", "late.png", data, like(upright))
    for number, junk in enumerate((b"", b"MM", b"II*\0\xff\xff\xff\xff", b"\xff" * 500)):
        for kind in ("PNG", "JPEG", "WEBP"):
            data = made.encoded(upright, kind, exif=b"Exif\0\0" + junk)
            yield good(
                f"{kind} with EXIF junk {number}", f"junk{made.suffix(kind)}", data, like(upright)
            )
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        data = made.encoded(upright, kind, icc_profile=b"no profile at all" * 9)
        yield good(f"{kind} with a profile of junk", f"icc{made.suffix(kind)}", data, like(upright))


def deep() -> Iterator[Case]:
    ramp = np.linspace(0, 65535, 64).reshape(8, 8, 1).astype(np.uint16)
    eight = Image.fromarray((ramp[..., 0] / 257).round().astype(np.uint8))
    yield good("PNG of 16 bits, grey", "deep.png", made.png16(ramp), like(eight, 0.5))
    colour = np.repeat(ramp, 3, axis=2)
    yield good("PNG of 16 bits, colour", "deep.png", made.png16(colour), like(eight, 0.6))
    opaque = np.concatenate([colour, np.full_like(ramp, 65535)], axis=2)
    yield good("PNG of 16 bits, colour and alpha", "deep.png", made.png16(opaque), like(eight, 0.6))
    clear = made.chunk(b"tRNS", struct.pack(">H", int(ramp[0, 0, 0])))
    white = eight.copy()
    white.putpixel((0, 0), 255)
    yield good(
        "PNG of 16 bits with a clear grey", "d.png", made.png16(ramp, clear), like(white, 0.5)
    )
    grey = Image.fromarray(ramp[..., 0])
    yield good("TIFF of 16 bits", "deep.tif", made.encoded(grey, "TIFF"), like(eight, 0.5))
    whole = Image.fromarray(ramp[..., 0].astype(np.int32))
    yield bad("TIFF of 32 bits", "deep.tif", made.encoded(whole, "TIFF"), ("32-bit integers",))
    real = Image.fromarray(ramp[..., 0].astype(np.float32))
    yield bad("TIFF of floats", "deep.tif", made.encoded(real, "TIFF"), ("floating-point numbers",))


def modes() -> Iterator[Case]:
    plain = made.quarters()
    for kind in ("JPEG", "TIFF"):
        data = made.encoded(plain.convert("CMYK"), kind)
        yield good(f"{kind} in CMYK", f"ink{made.suffix(kind)}", data, like(plain))
    for mode in ("L", "1", "P", "YCbCr"):
        kind = "JPEG" if mode == "YCbCr" else "PNG"
        grey = plain.convert(mode)
        data = made.encoded(grey, kind)
        yield good(f"{kind} in {mode}", f"mode{made.suffix(kind)}", data, like(grey.convert("RGB")))
    clear = plain.convert("RGBA")
    clear.putalpha(0)
    white = Image.new("RGB", plain.size, "white")
    for mode in ("RGBA", "LA"):
        data = made.encoded(clear.convert(mode), "PNG")
        yield good(f"PNG in {mode}, clear", "clear.png", data, like(white))
    for kind in [kind for kind in KINDS if kind not in ("BMP", "GIF", "JPEG")]:
        data = made.encoded(clear, kind)
        yield good(f"{kind}, clear", f"clear{made.suffix(kind)}", data, like(white))
    palette = Image.new("P", (8, 8), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0])
    for how in (0, b"\0\xff"):
        data = made.encoded(palette, "PNG", transparency=how)
        right = like(Image.new("RGB", (8, 8), "white"))
        yield good(f"PNG in P, clear by {how!r}", "palette.png", data, right)
    data = made.encoded(palette, "GIF", transparency=0)
    yield good("GIF, clear", "palette.gif", data, like(Image.new("RGB", (8, 8), "white")))
    for kind in [kind for kind in KINDS if kind not in ("BMP", "JPEG")]:
        more = [Image.new("RGB", plain.size, "black")] * 3
        data = made.encoded(plain, kind, save_all=True, append_images=more)
        yield good(f"{kind} of four frames", f"film{made.suffix(kind)}", data, like(plain))
    data = made.encoded(plain, "JPEG", progressive=True)
    yield good("JPEG in passes", "passes.jpg", data, like(plain))
    for kind in KINDS:
        file = "wrong.png" if kind != "PNG" else "wrong.jpg"
        yield good(f"{kind} called {file}", file, made.encoded(plain, kind), like(plain))
    for kind in KINDS:
        file = f"LOUD{made.suffix(kind).upper()}"
        yield good(f"{kind} called {file}", file, made.encoded(plain, kind), like(plain))
    for width, height in ((1, 1), (1, 5000), (5000, 1)):
        thin = Image.new("RGB", (width, height), "red")
        data = made.encoded(thin, "PNG")
        yield good(f"PNG of {width} x {height}", "thin.png", data, like(thin))


def cases() -> Iterator[Case]:
    for group in (damaged, bombs, strangers, turned, deep, modes):
        yield from group()
