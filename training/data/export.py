"""A dataset as files for other programs, and for us: whole or not there, never over what exists.

Captions that nobody edited come out as they came in, byte for byte.
"""

import io
import json
import re
import shutil
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ..files import atomic, legible, place_folder, sweep_folders, telling, unportable
from ..records import inside
from .dataset import CLASS, Dataset, Record
from .pictures import PictureError, open_mask
from .readers.kohya import REG, repeated
from .readers.rows import MOST_REPEATS
from .readers.scan import MASK, folded_name
from .readers.text import decoded, folded

TEXTS, ROWS, KOHYA = "pictures and .txt", "metadata.jsonl", "kohya folders"
FORMS = (TEXTS, ROWS, KOHYA)
NOTES = "README.md"
_STRANGE = re.compile(r'[<>:"/\\|?*]')
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the same dataset gives the same zip file

Content = Path | bytes


@dataclass(frozen=True)
class Item:
    """A record and the path that it will have, without its suffix."""

    record: Record
    stem: str

    @property
    def name(self) -> str:
        return self.stem + self.record.path.suffix


def export(
    dataset: Dataset,
    parent: Path,
    name: str,
    form: str,
    zipped: bool = False,
    tick: Callable[[str], None] = lambda _: None,
) -> Path:
    """Write `dataset` to `parent/name`, or `name-2` … if that is taken; a zip file if `zipped`.

    `form` is one of `FORMS`; `tick` is told the name of each picture. Raises `ValueError` for a
    dataset without pictures, for files that are gone or were changed since they were listed, and
    where nothing can be written.
    """
    if not dataset.records:
        raise ValueError(f"{dataset.name} has no pictures to export.")
    items = _items(dataset, form)
    files = contents(dataset, items, form, tick)
    return (_zip if zipped else _folder)(files, parent, name)


def lost(dataset: Dataset, form: str) -> list[str]:
    """Sentences on what a form cannot hold."""
    told = []
    if form == TEXTS and any(record.repeats > 1 for record in dataset.records):
        told.append(f"'{TEXTS}' holds no repeats: each picture counts once there.")
    if form != KOHYA and dataset.flagged(CLASS).records:
        told.append(f"'{form}' does not say which pictures are of the class.")
    return told


def contents(
    dataset: Dataset, items: Sequence[Item], form: str, tick: Callable[[str], None]
) -> Iterator[tuple[str, Content]]:
    """Every file by its path, with a file to copy or with bytes."""
    for item in items:
        record = item.record
        tick(record.path.name)
        if not record.path.is_file():
            raise PictureError(f"{legible(record.path)} is gone. Queue the graph again.")
        yield item.name, record.path
        if form != ROWS:
            yield f"{item.stem}.txt", caption_bytes(record)
        if record.mask:
            yield f"{item.stem}{MASK}.png", _mask(record)
    if form == ROWS:
        rows = (json.dumps(_row(item), ensure_ascii=False) + "\n" for item in items)
        yield ROWS, "".join(rows).encode()
    if form == KOHYA:
        yield "dataset.toml", _config(items).encode()
    if dataset.notes:
        notes = (f"# {name}\n\n{text}\n" for name, text in dataset.notes.items())
        yield NOTES, "\n".join(notes).encode()


def caption_text(record: Record) -> str:
    """The caption as it was found; if it was edited since, as it is."""
    return record.written if _as_found(record) else "\n".join(record.lines) or record.caption


def caption_bytes(record: Record) -> bytes:
    """What goes into a caption file: the very bytes of the one that it came from, if it had one."""
    file = record.caption_file
    if not (_as_found(record) and file and file.suffix.lower() != ".json"):
        return caption_text(record).encode()
    try:
        data = file.read_bytes()
    except OSError as error:
        raise ValueError(f"{legible(file)} cannot be read ({error.strerror}).") from error
    if decoded(data, file) != record.written:
        raise ValueError(f"{legible(file)} was changed just now. Queue the graph again.")
    return data


def _as_found(record: Record) -> bool:
    lines = folded(record.written)
    several = tuple(lines) if len(lines) > 1 else ()
    return bool(lines) and " ".join(lines) == record.caption and several == record.lines


# ------------------------------------------------------------ names


def _items(dataset: Dataset, form: str) -> list[Item]:
    """Paths that differ in more than suffix and capitals: a caption belongs to one picture."""
    words = " ".join(_portable(dataset.name).replace("_", " ").split()) or "pictures"
    taken: set[str] = set()
    items = []
    for record, name in zip(dataset.records, inside(dataset.records), strict=True):
        stem = PurePosixPath(name).with_suffix("").parts
        parts = [_portable(part) for part in stem]
        if form == KOHYA:
            parts = [*_group(record, words), "_".join(parts)]
        else:
            parts = [*(_plain(part) for part in parts[:-1]), parts[-1]]
        path, number = "/".join(parts), 1
        while folded_name(stem := path if number == 1 else f"{path}_{number}") in taken:
            number += 1
        taken.add(folded_name(stem))
        items.append(Item(record, stem))
    return items


def _portable(part: str) -> str:
    """`part` if it can be a name on every system, else one like it."""
    if not unportable(part):
        return part
    shown = (
        "_" if unicodedata.category(char)[0] in "CZ" and char != " " else char
        for char in _STRANGE.sub("_", part)
    )
    name = "".join(shown).strip(" .")
    return name if name and not unportable(name) else f"_{name}"


def _plain(folder: str) -> str:
    """A folder's name that kohya's trainer would read as repeats, so that it does not."""
    return folder.replace("_", "-", 1) if repeated(folder) else folder


def _group(record: Record, words: str) -> list[str]:
    if record.repeats > MOST_REPEATS:
        raise ValueError(
            f"{legible(record.path.name)} is shown {record.repeats} times; {MOST_REPEATS} are the "
            "most in a folder of kohya's trainer. Lower the repeats or weights."
        )
    folder = f"{record.repeats}_{words}"
    return [REG, folder] if CLASS in record.flags else [folder]


# ------------------------------------------------------------ contents


def _row(item: Item) -> dict[str, str | int]:
    record = item.record
    row: dict[str, str | int] = {"file_name": item.name, "text": caption_text(record)}
    more: dict[str, str | int] = {"source": record.source, "licence": record.licence}
    row |= {key: value for key, value in more.items() if value}
    return row | ({"repeats": record.repeats} if record.repeats > 1 else {})


def _mask(record: Record) -> Content:
    assert record.mask
    if record.mask.suffix.lower() == ".png":
        return record.mask
    picture = open_mask(record.path, record.mask)
    assert picture
    data = io.BytesIO()
    picture.save(data, "PNG")
    return data.getvalue()


def _config(items: Sequence[Item]) -> str:
    """Kohya's dataset file of these folders."""
    folders = {item.stem.rpartition("/")[0]: item.record for item in items}
    lines = [
        "# kohya's trainer looks for image_dir from the folder that it is started in: start it",
        "# here, or write whole paths.",
        "[general]",
        'caption_extension = ".txt"',
        "",
        "[[datasets]]",
    ]
    for folder, record in folders.items():
        lines += ["", "  [[datasets.subsets]]", f"  image_dir = {_quoted(folder)}"]
        lines += [f"  num_repeats = {record.repeats}"]
        lines += ["  is_reg = true"] if CLASS in record.flags else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # what JSON escapes, TOML escapes too


# ------------------------------------------------------------ writing


def _folder(files: Iterator[tuple[str, Content]], parent: Path, name: str) -> Path:
    staged = parent / f".{uuid.uuid4().hex[:8]}.part"
    try:
        with telling(parent / name):
            staged.mkdir(parents=True)
        sweep_folders(parent)
        for inner, content in files:
            target = staged / inner
            with telling(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Path):
                    shutil.copyfile(content, target)
                else:
                    target.write_bytes(content)
        return place_folder(staged, parent, name)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _zip(files: Iterator[tuple[str, Content]], parent: Path, name: str) -> Path:
    number = 1
    while (path := parent / f"{name}{f'-{number}' if number > 1 else ''}.zip").exists():
        number += 1
    try:
        with atomic(path, new=True) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for inner, content in files:
                _add(archive, inner, content)
    except FileExistsError as error:
        raise ValueError(f"{path} was written by somebody else just now. Queue again.") from error
    return path


def _add(archive: zipfile.ZipFile, name: str, content: Content) -> None:
    entry = zipfile.ZipInfo(name, _LONG_AGO)
    entry.external_attr = 0o644 << 16
    if isinstance(content, Path):
        entry.file_size = content.stat().st_size  # so that one of more than 4 GiB has room
        with content.open("rb") as plain, archive.open(entry, "w") as packed:
            shutil.copyfileobj(plain, packed, 2**20)
    else:
        archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
