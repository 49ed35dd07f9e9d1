"""Captions beside the pictures: `cat.txt` or `cat.caption` of `cat.png`, or keys in `cat.json`."""

import json
from typing import Any

from ...files import legible
from .said import Reader, Reading, Said, Source
from .text import checked, decoded

MOST_JSON = 2**20  # bytes of one picture's JSON
CAPTIONS = ("caption", "text")
LICENCES = ("licence", "license")
SOURCES = ("source", "url")


def texts(suffix: str) -> Reader:
    """A reader of caption files with that suffix."""

    def read(source: Source) -> Reading:
        reading = Reading()
        for picture in source.pictures:
            file = source.tree.beside(picture, suffix)
            if not file:
                continue
            try:
                file.refuse_strange(source.roots)
                text = source.facts.text(file)
            except ValueError as error:
                reading.problems.append(error)
            else:
                reading.said[picture.name] = Said(text, legible(file.path.name), file.path)
        return reading

    return read


def objects(source: Source) -> Reading:
    """A reader of JSON files that belong to one picture each. What has no caption says nothing."""
    reading = Reading()
    for picture in source.pictures:
        file = source.tree.beside(picture, ".json")
        if not file:
            continue
        try:
            file.refuse_strange(source.roots)
            with file.path.open("rb") as opened:
                data = opened.read(MOST_JSON + 1)
            if len(data) > MOST_JSON:
                raise ValueError("it has more than 1 MiB")
            value = json.loads(decoded(data, file.path))
        except (OSError, ValueError, RecursionError) as error:
            reading.problems.append(_no_json(legible(file.path), error))
            continue
        if not isinstance(value, dict):
            continue
        try:
            reading.said[picture.name] = said(value, legible(file.path.name), str(file.path))
        except ValueError as error:
            reading.problems.append(error)
    return reading


def _no_json(where: str, error: Exception) -> ValueError:
    told = legible(error)
    if where in told:  # it says all that is to be said
        return ValueError(told)
    return ValueError(
        f"{where} cannot be read as JSON ({told}). Mend it, or move it out of the folder."
    )


def said(values: dict[str, Any], name: str, place: str = "") -> Said:
    """From the keys or columns that hold captions, tags, sources and licences.

    Tags come after the caption, as in kohya's trainer. Raises `ValueError` that names `place` for
    two captions that differ and for what is no text.
    """
    where = legible(place) or name
    captions = {key: text for key in CAPTIONS if (text := _text(values, key, where))}
    if len(set(captions.values())) > 1:
        raise ValueError(
            f"{where} has a 'caption' and a 'text' that differ. Take one of the two out."
        )
    parts = [*captions.values()][:1]
    if tags := _text(values, "tags", where):
        parts.append(tags)
    written = checked(", ".join(parts), where)
    return Said(written, name, source=_note(values, SOURCES), licence=_note(values, LICENCES))


def _text(values: dict[str, Any], key: str, where: str) -> str:
    value = values.get(key)
    if value is None:
        return ""
    if key == "tags" and isinstance(value, list) and all(isinstance(tag, str) for tag in value):
        return ", ".join(value)
    if not isinstance(value, str):
        raise ValueError(f"{where}: '{key}' is {legible(json.dumps(value))[:60]}, and no text.")
    return value


def _note(values: dict[str, Any], keys: tuple[str, ...]) -> str:
    found = (values.get(key) for key in keys)
    return next((text for text in found if isinstance(text, str) and text.strip()), "")
