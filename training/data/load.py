"""Whatever a dataset comes as: a folder, a list of pictures, kohya's dataset file, a zip file."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..files import legible
from .dataset import CLASS, Dataset, Record
from .folder import Ways, listing, read_folder
from .readers import kohya_config
from .readers.archive import unpacked
from .readers.choose import AUTO

MOST_LICENCES = 20  # that are named in a note
SUFFIXES = (".zip", ".toml", ".jsonl", ".csv", ".json")

Resolve = Callable[[str, Path], Path]


@dataclass(frozen=True)
class Places:
    """Where things may be read and kept.

    `resolve` gives the path that a file in a folder names, or raises `ValueError` if it may not be
    read. A file that is a link must lead into its folder or one of the `allowed`. Zip files are
    unpacked below `cache`, and what is known of files is kept there; without it zip files are
    refused.
    """

    resolve: Resolve
    allowed: Sequence[Path] = ()
    cache: Path | None = None

    @property
    def facts(self) -> Path | None:
        return self.cache / "listing" if self.cache else None


def load(
    source: Path,
    places: Places,
    default_caption: str = "",
    repeats: int = 1,
    captions: str = AUTO,
) -> Dataset:
    """The dataset at `source`, which is a folder or has one of `SUFFIXES`.

    `captions` is one of `choose.CHOICES`. Licences that the pictures have become notes. Raises
    `ValueError` as `read_folder` does.
    """
    found = _read(source, places, default_caption, repeats, captions)
    counts = Counter(one.licence.strip() for one in found.records if one.licence.strip())
    if not counts:
        return found
    told = [f"{licence[:200]}: {count}" for licence, count in counts.most_common(MOST_LICENCES)]
    more = [f"{len(counts) - MOST_LICENCES} others"] if len(counts) > MOST_LICENCES else []
    return replace(found, notes={f"{found.name}, licences": "; ".join(told + more)})


def _read(
    source: Path, places: Places, default_caption: str, repeats: int, captions: str
) -> Dataset:
    ways = Ways(captions, repeats=repeats, allowed=places.allowed, facts=places.facts)
    if source.is_dir():
        return read_folder(source, ways, default_caption)
    suffix = source.suffix.lower()
    if suffix == ".zip":
        return _zipped(source, places, ways, default_caption)
    if suffix == ".toml" or (suffix == ".json" and kohya_config.is_config(source)):
        return _configured(source, places, ways, default_caption)
    listed = replace(ways, listed=source)
    found = read_folder(source.parent, listed, default_caption)
    if not found.records:
        raise ValueError(f"{legible(source)} names no picture. Write which there are.")
    return found


def stamps(source: Path, places: Places) -> list[tuple[str, int, int]]:
    """Name, size and time of all that `load` would read: changes when they do."""
    if source.is_dir():
        return listing(source)
    stat = source.stat()
    own = [(source.as_posix(), stat.st_size, stat.st_mtime_ns)]
    if source.suffix.lower() == ".zip":
        return own
    if source.suffix.lower() == ".toml" or kohya_config.is_config(source):
        for subset, folder, _ in _folders(source, places):
            own += listing(folder, subset.caption_extension)
        return own
    return own + listing(source.parent)


def _zipped(source: Path, places: Places, ways: Ways, default_caption: str) -> Dataset:
    if not places.cache:
        raise ValueError(f"{legible(source)}: there is no place to unpack it. Unpack it yourself.")
    folder = unpacked(source, places.cache / "unpacked")
    found = read_folder(folder, ways, default_caption)
    return replace(found, name=source.stem)


def _folders(
    source: Path, places: Places
) -> Iterator[tuple[kohya_config.Subset, Path, Path | None]]:
    """Each subset with its folder and its list of pictures, if it has one."""
    for one in kohya_config.load(source).subsets:
        listed = None
        if one.metadata_file:
            listed = places.resolve(one.metadata_file, source.parent)
            if not listed.is_file():
                raise ValueError(f"{one.where}: there is no file {legible(listed)}. Mend the name.")
        folder = places.resolve(one.image_dir, source.parent) if one.image_dir else None
        folder = folder or (listed.parent if listed else source.parent)
        if not folder.is_dir():
            raise ValueError(f"{one.where}: there is no folder {legible(folder)}. Mend the name.")
        yield one, folder, listed


def _configured(source: Path, places: Places, ways: Ways, default_caption: str) -> Dataset:
    told = list(kohya_config.load(source).told)
    records: list[Record] = []
    for one, folder, listed in _folders(source, places):
        own = replace(
            ways,
            captions=one.caption_extension or ways.captions,
            listed=listed,
            flat=not listed,
            names=False,
            words=one.class_tokens,
            repeats=ways.repeats * one.num_repeats,
            flags=(CLASS,) if one.is_reg else (),
        )
        found = read_folder(folder, own, default_caption)
        around = one.caption_prefix, one.caption_suffix
        records += [_framed(record, *around) for record in found.records]
        told += [f"{one.where}: {one.num_repeats} times each. {line}" for line in found.told]
    return Dataset(source.stem, tuple(records), told=tuple(told))


def _framed(record: Record, prefix: str, suffix: str) -> Record:
    """With the words that kohya's trainer puts before and after each caption."""
    if not (prefix or suffix):
        return record

    def framed(text: str) -> str:
        return " ".join(f"{prefix} {text} {suffix}".split())

    return replace(record, caption=framed(record.caption), lines=tuple(map(framed, record.lines)))
