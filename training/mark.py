"""Pictures that say in themselves that a machine made them. Pure.

Every picture that we save and that a model drew goes through here: samples, cells and pages of
grids, shipped pictures, thumbnails. Pictures of the user's own, and plots, are not marked.
"""

import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

# IPTC's Digital Source Type: https://cv.iptc.org/newscodes/digitalsourcetype/
MADE_BY_MACHINE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP_KEY = "XML:com.adobe.xmp"  # XMP Specification, part 3, 1.1.5 (PNG)
XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    f'Iptc4xmpExt:DigitalSourceType="{MADE_BY_MACHINE}" '
    'xmp:CreatorTool="ComfyUI, Atelier"/>'
    '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
)


def save_marked(picture: Image.Image, path: Path, texts: Mapping[str, str] | None = None) -> None:
    """As an RGB PNG with the mark and `texts` (the graph, say), and with nothing else that the
    picture carried along.
    """
    marks = PngInfo()
    marks.add_itxt(XMP_KEY, XMP)
    for name, text in (texts or {}).items():
        marks.add_text(name, text)
    _plain(picture).save(path, "PNG", pnginfo=marks)


def graph_texts(graph: Mapping[str, Any]) -> dict[str, str]:
    """`graph` (the `prompt` and the page's `workflow`) as Save Image writes it into a picture: the
    page brings it back when the picture is dropped on the canvas.
    """
    return {name: json.dumps(graph[name]) for name in ("prompt", "workflow") if graph.get(name)}


def is_marked(path: Path) -> bool:
    """Whether a picture says that a machine made it; not for a file that cannot be read."""
    try:
        with Image.open(path) as picture:
            told = picture.info.get(XMP_KEY) or picture.info.get("xmp") or ""
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
    return MADE_BY_MACHINE in (told.decode(errors="replace") if isinstance(told, bytes) else told)


def marked_bytes(picture: Image.Image, kind: str = "WEBP", **options: int) -> bytes:
    """As a JPEG or WEBP file in memory, with the mark: a thumbnail, or a picture inside a page."""
    file = BytesIO()
    _plain(picture).save(file, kind, xmp=XMP.encode(), **options)
    return file.getvalue()


def _plain(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB" and not picture.info:
        return picture
    plain = Image.new("RGB", picture.size)
    plain.paste(picture.convert("RGB"))
    return plain
