"""A folder of pictures with captions beside them, as a Dataset."""

from pathlib import Path

from .dataset import Dataset, Record
from .pictures import SUFFIXES, size_of

CAPTION_SUFFIXES = (".txt", ".caption")
MASK = "-masklabel"  # `cat-masklabel.png` is the mask of `cat.png`, as in OneTrainer


def picture_files(folder: Path) -> list[Path]:
    """Every picture below `folder`, ordered by its path in it, hidden files left out."""
    found = [
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES
        and not path.stem.endswith(MASK)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    ]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


def caption_file(picture: Path) -> Path | None:
    """The caption beside a picture (`cat.txt` or `cat.caption` for `cat.png`), if there is one."""
    for suffix in CAPTION_SUFFIXES:
        path = picture.with_suffix(suffix)
        if path.is_file():
            return path
    return None


def mask_file(picture: Path) -> Path | None:
    """The mask beside a picture, if there is one."""
    path = picture.with_name(f"{picture.stem}{MASK}.png")
    return path if path.is_file() else None


def read_caption(path: Path) -> list[str]:
    """The lines of a caption file, white space folded. Raises `ValueError` if it is not UTF-8."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path} is not UTF-8 text (byte {error.start} is 0x{data[error.start]:02x}). "
            "Open it in an editor and save it with the encoding UTF-8."
        ) from error
    if "\x00" in text:
        raise ValueError(f"{path} holds NUL characters: it is not a text file. Save it as UTF-8.")
    return [folded for line in text.splitlines() if (folded := " ".join(line.split()))]


def load_folder(folder: Path, default_caption: str = "", repeats: int = 1) -> Dataset:
    """List `folder` and everything below it; pictures are decoded only when they are used.

    `default_caption` is for pictures that have no caption file, or an empty one. Raises
    `ValueError` that names the file for an empty folder, a file that is no picture, a caption that
    cannot be read, and, without a `default_caption`, a missing caption.
    """
    files = picture_files(folder)
    if not files:
        raise ValueError(
            f"There is no picture in {folder}. Put pictures there "
            f"({', '.join(sorted(SUFFIXES))}), each with its caption in a .txt of the same name."
        )
    records, bare = [], []
    for path in files:
        beside = caption_file(path)
        lines = read_caption(beside) if beside else []
        caption = " ".join(lines) or default_caption.strip()
        if not caption:
            bare.append(path)
        width, height = size_of(path)
        more = {"lines": tuple(lines) if len(lines) > 1 else (), "mask": mask_file(path)}
        records.append(Record(path, caption, width, height, **more, repeats=repeats))
    if bare:
        names = ", ".join(str(path) for path in bare[:5])
        more = f" and {len(bare) - 5} more" if len(bare) > 5 else ""
        raise ValueError(
            f"No caption for {names}{more}. Write one into a .txt file of the same name beside the "
            "picture, or fill in 'default caption' for pictures that have none."
        )
    return Dataset(folder.name, tuple(records))


def listing(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of every picture and caption below `folder`: changes when they do."""
    files = [
        path
        for picture in picture_files(folder)
        for path in (picture, caption_file(picture), mask_file(picture))
        if path
    ]
    return [(path.as_posix(), (stat := path.stat()).st_size, stat.st_mtime_ns) for path in files]
