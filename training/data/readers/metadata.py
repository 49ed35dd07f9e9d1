"""Files that speak of many pictures, wherever they lie in a folder: ImageFolder's and kohya's."""

from ...files import legible
from . import imagefolder, kohya
from .said import Reading, Source
from .scan import Found
from .text import folded

PARQUET = "metadata.parquet"


def files(source: Source) -> list[Found]:
    """Those that there are. A JSON file that belongs to a picture of its name is none."""
    stems = {one.stem for one in source.pictures}
    names = (*imagefolder.NAMES, *kohya.META, *kohya.PERHAPS)
    found = (one for name in names for one in source.tree.named(name))
    return [one for one in found if one.suffix != ".json" or one.stem not in stems]


def reading(file: Found, source: Source, asked: bool = False) -> Reading:
    """What one file says; its suffix says how it is read. `asked`, where a person named it."""
    if file.suffix == ".json":
        return kohya.reading(file, source, asked)
    return imagefolder.reading(file, source)


def read(source: Source) -> Reading:
    """A reader of all of them. Two that say different things of a picture are a problem."""
    together = Reading()
    for file in files(source):
        found = reading(file, source)
        together.problems += found.problems
        together.told += found.told
        for name, said in found.said.items():
            other = together.said.get(name)
            if other and folded(said.written) and folded(other.written):
                if folded(other.written) != folded(said.written):
                    together.problems.append(
                        ValueError(
                            f"{legible(name)} has one caption in {other.where} and another in "
                            f"{said.where}. Move one of the files away, or name the other as "
                            "'folder' in Load Dataset."
                        )
                    )
            elif not other or folded(said.written):
                together.said[name] = said
    if source.tree.named(PARQUET):
        together.told.append(f"{PARQUET} is not read: convert it to metadata.jsonl.")
    return together
