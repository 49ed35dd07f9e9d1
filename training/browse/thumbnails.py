"""Small pictures for the page, kept on disk by content. Safe to delete at any time."""

from pathlib import Path

from PIL import Image

from ..curation.look import decoded
from ..data.folder import mask_file
from ..data.pictures import open_mask
from ..files import atomic
from ..mark import XMP, is_marked
from .contents import Contents
from .shelf import Shelf, inside

SIZES = (192, 1024)  # pixels, squared, are the most that a small picture has
_QUALITY = 82


class Thumbnails:
    """A folder of WebP files, with the mark of machine-made media where the picture has it."""

    def __init__(self, folder: Path, contents: Contents) -> None:
        self.folder = folder
        self.contents = contents

    def of(self, picture: Path, size: int) -> bytes:
        """The picture, upright and on white. Raises `PictureError` and `OSError`."""
        content = self.contents.of(picture)
        kept = self.folder / content[:2] / f"{content}-{size}.webp"
        if not kept.is_file():
            self._write(kept, decoded(picture, size), is_marked(picture))
        return kept.read_bytes()

    def mask(self, shelf: Shelf, name: str) -> bytes | None:
        """What counts in a picture, white on black, of its own file or of its transparency."""
        picture = shelf.picture(name)
        file = mask_file(shelf.find(name).path)
        mask = inside(shelf.folder, file) if file else None
        content = self.contents.of(mask or picture)
        kept = self.folder / content[:2] / f"{content}-mask-{'own' if mask else 'alpha'}.webp"
        if not kept.is_file():
            found = open_mask(picture, mask)
            if found is None:
                return None
            found.thumbnail((SIZES[-1], SIZES[-1]))
            self._write(kept, found)
        return kept.read_bytes()

    def _write(self, path: Path, picture: Image.Image, by_machine: bool = False) -> None:
        more = {"xmp": XMP.encode()} if by_machine else {}
        with atomic(path) as temporary:
            picture.save(temporary, "WEBP", quality=_QUALITY, method=2, **more)
