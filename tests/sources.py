"""Datasets in every form, for tests: written, and read without ComfyUI."""

import json
import zipfile

from PIL import Image

from ..training.data.load import Places, load


def picture(path, size=(16, 8), color="red"):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, color).save(path)
    return path


def places(*allowed, cache=None):
    """As the host's, of which only the folder itself and those `allowed` may be read."""

    def resolve(text, base):
        path = (base / text).resolve()
        if not any(path.is_relative_to(root) for root in (base.resolve(), *allowed)):
            raise ValueError(f"{path} lies outside the folders that may be read")
        return path

    return Places(resolve, allowed, cache)


def read(source, *more, **kinds):
    return load(source, places(), *more, **kinds)


def captions(dataset):
    return {record.path.name: record.caption for record in dataset.records}


def jsonl(path, *rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def packed(path, files, **more):
    with zipfile.ZipFile(path, "w", **more) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
