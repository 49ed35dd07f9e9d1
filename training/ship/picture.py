"""Pictures that say in themselves that a machine made them. Pure."""

from pathlib import Path

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


def save_marked(picture: Image.Image, path: Path) -> None:
    """As a PNG with the mark, and with nothing else that the picture carried along."""
    marks = PngInfo()
    marks.add_itxt(XMP_KEY, XMP)
    bare = Image.new("RGB", picture.size)
    bare.paste(picture.convert("RGB"))
    bare.save(path, "PNG", pnginfo=marks)
