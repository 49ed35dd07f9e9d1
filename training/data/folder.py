"""A folder of pictures with captions beside them, as a Dataset."""

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..files import legible
from .dataset import Dataset, Record
from .pictures import SUFFIXES, PictureError, size_of
from .sidecar import MOST_CAPTION, caption_file, folded, is_file, read_caption

MASK = "-masklabel"  # `cat-masklabel.png` is the mask of `cat.png`, as in OneTrainer
MOST_TOLD = 10  # bad files in one error


def _files(folder: Path) -> Iterator[Path]:
    """Whatever lies below `folder` and is no folder; nothing hidden, and no folder by a link."""
    waiting = [(folder, folder.resolve())]
    while waiting:
        here, real = waiting.pop()
        try:
            with os.scandir(here) as entries:
                found = [(entry, here / entry.name) for entry in entries if entry.name[0] != "."]
        except OSError as error:
            raise ValueError(
                f"The folder {legible(here)} cannot be read ({error.strerror}). Let ComfyUI read "
                "it, or move it away."
            ) from error
        for entry, path in found:
            if not _is_folder(entry):
                yield path
            elif path.resolve() == real / entry.name:  # Windows' junctions do not say that they are
                waiting.append((path, real / entry.name))
            else:
                logging.warning("%s is a link to a folder: what is in it is not read.", path)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _named_as_pictures(folder: Path) -> list[Path]:
    found = [
        path
        for path in _files(folder)
        if path.suffix.lower() in SUFFIXES and not path.stem.endswith(MASK)
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def picture_files(folder: Path) -> list[Path]:
    """Every picture below `folder`, ordered by its path in it, hidden files left out.

    Folders that are links are not entered, so that loops of them end.
    """
    return [path for path in _named_as_pictures(folder) if is_file(path)]


def mask_file(picture: Path) -> Path | None:
    """The mask beside a picture, if there is one."""
    path = picture.with_name(f"{picture.stem}{MASK}.png")
    return path if is_file(path) else None


def load_folder(
    folder: Path, default_caption: str = "", repeats: int = 1, allowed: Sequence[Path] = ()
) -> Dataset:
    """List `folder` and everything below it; pictures are decoded only when they are used.

    `default_caption` is for pictures that have no caption file, or an empty one. A file that is a
    link must lead into `folder` or one of the `allowed`. Raises `ValueError` that names each bad
    file (the first `MOST_TOLD`) for an empty folder, a file that is no picture, a caption or mask
    that cannot be used, and, without a `default_caption`, a missing caption.
    """
    default = " ".join(folded(_checked(default_caption)))
    files = _named_as_pictures(folder)
    if not files:
        raise ValueError(
            f"There is no picture in {legible(folder)}. Put pictures there "
            f"({', '.join(sorted(SUFFIXES))}), each with its caption in a .txt of the same name."
        )
    roots = [folder.resolve(), *allowed]
    records: list[Record] = []
    problems: list[ValueError] = []
    for path in files:
        try:
            record = _record(path, default, repeats, roots)
        except ValueError as error:
            problems.append(error)
        else:
            records.append(record)
    bare = [record.path for record in records if not record.caption]
    if bare:
        problems.append(_no_caption(bare))
    if problems:
        raise together(legible(folder), problems)
    return Dataset(folder.name, tuple(records))


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


def _record(path: Path, default: str, repeats: int, roots: Sequence[Path]) -> Record:
    _refuse_strange(path, roots)
    beside, mask = caption_file(path), mask_file(path)
    for other in filter(None, (beside, mask)):
        _refuse_strange(other, roots)
    width, height = size_of(path)
    lines = read_caption(beside) if beside else []
    if mask:
        _refuse_other_shape(path, (width, height), mask)
    return Record(
        path,
        " ".join(lines) or default,
        width,
        height,
        lines=tuple(lines) if len(lines) > 1 else (),
        mask=mask,
        repeats=repeats,
    )


def _refuse_strange(path: Path, roots: Sequence[Path]) -> None:
    """`ValueError` for what is no file, has no proper name, or is a link that leads elsewhere."""
    try:
        path.name.encode()
    except UnicodeEncodeError as error:
        raise PictureError(
            f"{legible(path)} has a name that is not UTF-8 text. Rename it."
        ) from error
    if not is_file(path):
        raise PictureError(
            f"{legible(path)} is no file, or a link that leads nowhere. Move it out of the folder."
        )
    if path.is_symlink() and not any(path.resolve().is_relative_to(root) for root in roots):
        raise PictureError(
            f"{legible(path)} is a link to a file outside the folders that may be read. Put the "
            "file itself there."
        )


def _refuse_other_shape(path: Path, size: tuple[int, int], mask: Path) -> None:
    (width, height), (other, tall) = size, size_of(mask)
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


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of every picture and caption below `folder`: changes when they do."""
    files = [
        path
        for picture in picture_files(folder)
        for path in (picture, caption_file(picture), mask_file(picture))
        if path
    ]
    return [(path.as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]
