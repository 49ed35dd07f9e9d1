"""What a page shows of a LoRA file: its picture, words, settings and size, from its header."""

import base64
import binascii
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..data.pictures import PictureError, open_rgb, size_of
from ..loras.names import ldm_layer, parse, whole_layer
from ..loras.source import Lora, TensorFile
from ..metadata import THUMBNAIL, thumbnail
from ..stack.told import settings, trigger_words
from .folders import allowed_roots, lora_folders
from .lora_choice import lora_file

_MOST_DATA = 2**21  # characters of a picture in a header
_BESIDE = (".preview.png", ".preview.jpg", ".preview.webp", ".png", ".jpg", ".jpeg", ".webp")
_MOST_PIXELS = 2**25
_DATA_URL = re.compile(r"data:image/(?:jpeg|png|webp);base64,([A-Za-z0-9+/=]+)")
_MOST_BLOCKS = 200


def lora_info(name: str) -> dict[str, Any]:
    """For a name in the list. Raises `ValueError` for another, and for a damaged file."""
    path = lora_file(name)
    lora = Lora(TensorFile(path))
    header = lora.metadata
    return {
        "name": name,
        "trigger_words": trigger_words(header),
        "settings": settings(header),
        "bytes": path.stat().st_size,
        "layers": len(lora.stems),
        "kinds": _kinds(lora),
        "ranks": _ranks(lora),
        "text_encoders": any(parse(stem).part != "net" for stem in lora.stems),
        "blocks": _blocks(lora),
        "thumbnail": _picture(path, header.get(THUMBNAIL, "")),
    }


def _kinds(lora: Lora) -> list[str]:
    """lora, loha, lokr, dora, diff."""
    found = set()
    for parts in lora.parts.values():
        names = "".join(parts)
        dora = "dora_scale" in parts or "magnitude" in parts
        kinds = ("hada", "loha"), ("lokr", "lokr"), ("diff", "diff")
        found.add("dora" if dora else next((kind for word, kind in kinds if word in names), "lora"))
    return sorted(found)


def _ranks(lora: Lora) -> list[int]:
    """Those that occur, the commonest first."""
    count: Counter[int] = Counter()
    for stem in lora.stems:
        shapes = lora.shapes(stem)
        shape = shapes.get("down") or shapes.get("hada_w1_b") or shapes.get("lokr_w2_b")
        if shape:
            count[shape[0]] += 1
    return [rank for rank, _ in count.most_common(8)]


def _blocks(lora: Lora) -> list[str]:
    """The blocks it changes, for a row's `blocks`, as far as a file's own names tell them."""
    names = [name.layer for name in map(parse, lora.stems) if name.part == "net"]
    flux = any(name.startswith("single_transformer_blocks.") for name in names)
    heads = (re.match(r"[A-Za-z_]\w*(\.\d+)?", _native(name, flux)) for name in names)
    return [*dict.fromkeys(head[0] for head in heads if head)][:_MOST_BLOCKS]


def _native(layer: str, flux: bool) -> str:
    if layer.startswith(("down_blocks.", "up_blocks.", "mid_block.")):
        return ldm_layer(layer, wide=True)
    whole = whole_layer(layer, "flux") if flux else None
    return whole[0] if whole else layer


def _picture(path: Path, url: str) -> str:
    """The header's picture, or one that lies beside the file, as a small data URL of ours."""
    with tempfile.TemporaryDirectory() as folder:
        inside = _unpacked(url, Path(folder))
        for picture in (*inside, *_beside(path)):
            with suppress(PictureError, OSError):
                width, height = size_of(picture)
                if width * height <= _MOST_PIXELS:
                    return thumbnail(open_rgb(picture))[THUMBNAIL]
    return ""


def _unpacked(url: str, folder: Path) -> list[Path]:
    """The picture of a data URL as a file, so that it is read as carefully as any other."""
    found = _DATA_URL.fullmatch(url) if len(url) <= _MOST_DATA else None
    if not found:
        return []
    try:
        data = base64.b64decode(found[1], validate=True)
    except binascii.Error:
        return []
    file = folder / "thumbnail"
    file.write_bytes(data)
    return [file]


def _beside(path: Path) -> Iterator[Path]:
    """Pictures of the file's name; none that is a link to elsewhere."""
    here = [path.resolve().parent, *allowed_roots(), *map(Path.resolve, lora_folders())]
    for suffix in _BESIDE:
        picture = path.with_name(path.stem + suffix)
        if picture.is_file() and any(picture.resolve().is_relative_to(root) for root in here):
            yield picture
