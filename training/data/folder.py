"""A folder of pictures with their captions, as a Dataset."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..files import legible
from .dataset import CLASS, Dataset, Record
from .pictures import SUFFIXES, PictureError
from .readers import kohya
from .readers.choose import AUTO, WORDS, counted, gather
from .readers.facts import Facts
from .readers.said import Reading, Said, Source
from .readers.scan import MASK, Found, Tree, scan
from .readers.text import MOST_CAPTION, folded
from .sidecar import is_file

MOST_TOLD = 10  # bad files in one error
NAMED = (".toml", ".zip")  # read where a person names them, and not found in a folder
_LISTED = SUFFIXES | {".txt", ".caption", ".json", ".jsonl", ".csv"}


@dataclass(frozen=True)
class Ways:
    """How a folder is read.

    `captions` is one of `CHOICES` or a suffix; `listed` is a file whose pictures alone are read.
    Pictures in sub-folders are left out if `flat`; without `names`, those of folders mean nothing.
    `words` are the caption of pictures that have none, `flags` go to all of them. A file that is a
    link must lead into the folder or one of the `allowed`. What was read is kept below `facts`.
    """

    captions: str = AUTO
    listed: Path | None = None
    flat: bool = False
    names: bool = True
    words: str = ""
    repeats: int = 1
    flags: tuple[str, ...] = ()
    allowed: Sequence[Path] = ()
    facts: Path | None = None


def picture_files(folder: Path) -> list[Path]:
    """Every picture below `folder`, ordered by its path in it, hidden files left out.

    Folders that are links are not entered, so that loops of them end.
    """
    return [one.path for one in scan(folder).pictures if one.stamp]


def mask_file(picture: Path) -> Path | None:
    """The mask beside a picture, if there is one."""
    path = picture.with_name(f"{picture.stem}{MASK}.png")
    return path if is_file(path) else None


def load_folder(
    folder: Path, default_caption: str = "", repeats: int = 1, allowed: Sequence[Path] = ()
) -> Dataset:
    """`read_folder` in the usual ways."""
    return read_folder(folder, Ways(repeats=repeats, allowed=allowed), default_caption)


def read_folder(folder: Path, ways: Ways, default_caption: str = "") -> Dataset:
    """List `folder` and everything below it; pictures are decoded only when they are used.

    `default_caption` is for pictures that have no caption, or an empty one. Raises `ValueError`
    that names each bad file (the first `MOST_TOLD`) for an empty folder, a file that is no picture,
    a caption or mask that cannot be used, captions that contradict each other, and, without a
    `default_caption`, a missing caption.
    """
    default = " ".join(folded(_checked(default_caption)))
    tree = scan(folder)
    pictures = [one for one in tree.pictures if not (ways.flat and one.folder)]
    if not pictures:
        raise _no_pictures(tree, ways)
    roots = [folder.resolve(), *ways.allowed]
    source = Source(tree, pictures, Facts(ways.facts, roots[0]), roots)
    found = gather(source, ways.captions, ways.listed)
    kinds = _kinds(source, ways, found.problems)
    taken = [one for one in pictures if not ways.listed or one.name in found.said]
    records: list[Record] = []
    for one in taken:
        try:
            record = _record(one, found.said.get(one.name), kinds.get(one.name), source, ways)
        except ValueError as error:
            found.problems.append(error)
        else:
            records.append(record if record.caption else replace(record, caption=default))
    source.facts.save()
    bare = [record.path for record in records if not record.caption]
    if bare:
        found.problems.append(_no_caption(bare))
    if found.problems:
        raise together(legible(folder), found.problems)
    told = tuple(_told(source, ways, found, taken, kinds))
    return Dataset(folder.name, tuple(records), told=told)


def _checked(default_caption: str) -> str:
    try:
        size = len(default_caption.encode())
    except UnicodeEncodeError as error:
        half = legible(default_caption[error.start])
        raise ValueError(
            f"default_caption has half a character ({half}). Write it anew."
        ) from error
    if size > MOST_CAPTION:
        raise ValueError(
            f"default_caption has {size} bytes, which is no caption. Shorten it; {MOST_CAPTION} "
            "are the most."
        )
    return default_caption


def _no_pictures(tree: Tree, ways: Ways) -> ValueError:
    named = sorted(one for one in tree.files if one.lower().endswith(NAMED))
    if named:
        return ValueError(
            f"There is no picture in {legible(tree.folder)}, but there is {legible(named[0])}. "
            "Write its name behind that of the folder, with a slash between them, to read it."
        )
    below = " itself (sub-folders are not read, as in kohya's trainer)" if ways.flat else ""
    return ValueError(
        f"There is no picture in {legible(tree.folder)}{below}. Put pictures there "
        f"({', '.join(sorted(SUFFIXES))}), each with its caption in a .txt of the same name."
    )


def _kinds(source: Source, ways: Ways, problems: list[ValueError]) -> dict[str, kohya.Folder]:
    """What names of folders say of the pictures."""
    if ways.listed or not ways.names:
        return {}
    try:
        return kohya.folders(source.pictures)
    except ValueError as error:
        problems.append(error)
        return {}


def _record(
    picture: Found, said: Said | None, kind: kohya.Folder | None, source: Source, ways: Ways
) -> Record:
    picture.refuse_strange(source.roots)
    width, height = source.facts.size(picture)
    mask = source.tree.mask(picture)
    if mask:
        mask.refuse_strange(source.roots)
        _refuse_other_shape(picture.path, (width, height), mask.path, source.facts.size(mask))
    lines = folded(said.written) if said else []
    words = kind.words if kind and ways.captions in (AUTO, WORDS) else ways.words
    return Record(
        picture.path,
        " ".join(lines) or " ".join(folded(words)),
        width,
        height,
        lines=tuple(lines) if len(lines) > 1 else (),
        mask=mask.path if mask else None,
        repeats=ways.repeats * (kind.repeats if kind else 1) * (said.repeats if said else 1),
        written=said.written if said else "",
        caption_file=said.file if said else None,
        flags=ways.flags + (kind.flags if kind else ()) + (said.flags if said else ()),
        source=said.source if said else "",
        licence=said.licence if said else "",
    )


def _refuse_other_shape(
    path: Path, size: tuple[int, int], mask: Path, other_size: tuple[int, int]
) -> None:
    (width, height), (other, tall) = size, other_size
    if abs(width * tall - height * other) > max(width, height, other, tall):  # a pixel's rounding
        raise PictureError(
            f"{legible(mask)} is {other} x {tall} pixels, which is another shape than that of "
            f"{path.name}, {width} x {height}. Paint it over the picture itself."
        )


def _no_caption(bare: Sequence[Path]) -> ValueError:
    names = ", ".join(map(legible, bare[:MOST_TOLD]))
    more = f" and {len(bare) - MOST_TOLD} more" if len(bare) > MOST_TOLD else ""
    return ValueError(
        f"No caption for {names}{more}. Write one into a .txt file of the same name beside the "
        "picture, or fill in 'default caption' for pictures that have none."
    )


def together(where: str, problems: Sequence[ValueError]) -> ValueError:
    """One error for all, so that they can be mended in one go."""
    if len(problems) == 1:
        return problems[0]
    told = "\n".join(f"- {problem}" for problem in problems[:MOST_TOLD])
    more = f"\n- and {len(problems) - MOST_TOLD} more" if len(problems) > MOST_TOLD else ""
    return ValueError(f"{len(problems)} things are wrong in {where}:\n{told}{more}")


def _told(
    source: Source,
    ways: Ways,
    found: Reading,
    taken: Sequence[Found],
    kinds: dict[str, kohya.Folder],
) -> Iterable[str]:
    """Sentences on what was read, and what was not."""
    counts = counted(found, [one.name for one in taken])
    parts = [f"{number} from {kind}" for kind, number in counts.items()]
    if without := len(taken) - sum(counts.values()):
        of_folders = kinds and ways.captions in (AUTO, WORDS)
        parts.append(f"{without} from {'their folders' if of_folders else 'the default'}")
    name = legible(source.tree.folder.name)
    yield f"{name}: {_pictures(len(taken))}. Captions: {', '.join(parts)}."
    yield from found.told
    shown = Counter(one.name for one in kinds.values())
    for folder in list({one.name: one for one in kinds.values()}.values())[:MOST_TOLD]:
        of_class = ", pictures of the class" if CLASS in folder.flags else ""
        yield (
            f"{legible(folder.name)}: {_pictures(shown[folder.name])}, {folder.repeats} times each"
            f"{of_class}."
        )
    if left := len(source.tree.pictures) - len(taken):
        yield f"Left out, for they are not listed or lie in sub-folders: {_pictures(left)}."
    for one in source.tree.files:
        if "/" not in one and one.lower().endswith(NAMED):
            yield f"{legible(one)} is not read. To read it, name it behind the folder."


def _pictures(count: int) -> str:
    return "1 picture" if count == 1 else f"{count} pictures"


def listing(folder: Path, more: str = "") -> list[tuple[str, int, int]]:
    """Name, size and time of all below `folder` that may be read: changes when they do.

    `more` is a further suffix of captions.
    """
    suffixes = _LISTED | {more}
    return [
        (one.path.as_posix(), one.stamp[0], one.stamp[1])
        for one in scan(folder).files.values()
        if one.stamp and one.suffix in suffixes
    ]
