"""Kohya's dataset files: `[[datasets]]` with `[[datasets.subsets]]`, in TOML or JSON.

https://github.com/kohya-ss/sd-scripts/blob/main/docs/config_README-en.md
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...files import legible
from . import toml_file
from .imagefolder import content
from .rows import MOST_REPEATS

# What is taken over, with the type it must have.
_TAKEN: dict[str, type] = {
    "image_dir": str,
    "metadata_file": str,
    "num_repeats": int,
    "caption_extension": str,
    "class_tokens": str,
    "is_reg": bool,
    "caption_prefix": str,
    "caption_suffix": str,
}
# What is not, with the place where the same is set here; empty where there is none.
_ELSEWHERE = {
    "resolution": "'resolution' of Train LoRA",
    "batch_size": "'batch_size' of Train LoRA",
    "prior_loss_weight": "'prior_weight' of Objective Options",
    "shuffle_caption": "'shuffle_tags' of Data Options",
    "keep_tokens": "'keep_tags' of Data Options",
    "keep_tokens_separator": "'|||' in the captions",
    "enable_wildcard": "'wildcards' of Data Options",
    "caption_dropout_rate": "'caption_dropout' of Data Options",
    "caption_tag_dropout_rate": "'tag_dropout' of Data Options",
    "flip_aug": "'flip' of Data Options",
    "random_crop": "'crops' of Data Options",
    "alpha_mask": "'masked' of Data Options",
    "validation_split": "Split Held Out",
    "validation_seed": "Split Held Out",
    **dict.fromkeys(
        (
            "caption_separator", "secondary_separator", "caption_dropout_every_n_epochs",
            "color_aug", "face_crop_aug_range", "token_warmup_min", "token_warmup_step",
            "network_multiplier", "custom_attributes",
        ),
        "",
    ),
}  # fmt: skip
# These change how kohya's trainer works, and not what is learned here.
_WORKINGS = {
    "enable_bucket", "min_bucket_reso", "max_bucket_reso", "bucket_reso_steps",
    "bucket_no_upscale", "skip_image_resolution", "resize_interpolation", "cache_info",
    "debug_dataset", "max_token_length",
}  # fmt: skip
_SUFFIX = re.compile(r"\.\w{1,20}")


@dataclass(frozen=True)
class Subset:
    """One `[[datasets.subsets]]`, with what stands above it filled in. Paths are as written."""

    where: str
    image_dir: str = ""
    metadata_file: str = ""
    num_repeats: int = 1
    caption_extension: str = ""
    class_tokens: str = ""
    is_reg: bool = False
    caption_prefix: str = ""
    caption_suffix: str = ""


@dataclass(frozen=True)
class Config:
    """The subsets of a file in order, and sentences on what is not taken over."""

    subsets: tuple[Subset, ...]
    told: tuple[str, ...]


def is_config(path: Path) -> bool:
    """Whether a JSON file is of this kind, and no list of pictures."""
    try:
        value = json.loads(content(path))
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("datasets"), list)


def load(path: Path) -> Config:
    """Raises `ValueError` for what is no such file, and for keys that are not known."""
    value = json.loads(content(path)) if path.suffix.lower() == ".json" else toml_file.load(path)
    name = legible(path.name)
    left: dict[str, Any] = {}
    subsets = tuple(_subsets(value, name, left))
    if not subsets:
        raise ValueError(
            f"{name} has no [[datasets]] with [[datasets.subsets]]: it is no dataset file of "
            "kohya's trainer. Write some, or name the folder of the pictures."
        )
    return Config(subsets, tuple(_told(name, left)))


def _subsets(value: dict[str, Any], name: str, left: dict[str, Any]) -> Iterator[Subset]:
    general = _table(value.get("general", {}), f"{name}, [general]")
    for unknown in value.keys() - {"general", "datasets"}:
        raise ValueError(f"{name}: {legible(unknown)!r} is no part of such a file. Take it out.")
    number = 0
    for dataset in _tables(value.get("datasets", []), f"{name}, [[datasets]]"):
        shared = {key: one for key, one in dataset.items() if key != "subsets"}
        for subset in _tables(dataset.get("subsets", []), f"{name}, [[datasets.subsets]]"):
            number += 1
            yield _subset({**general, **shared, **subset}, f"{name}, subset {number}", left)


def _subset(values: dict[str, Any], where: str, left: dict[str, Any]) -> Subset:
    if "conditioning_data_dir" in values:
        raise ValueError(
            f"{where}: 'conditioning_data_dir' is for a ControlNet, which is not trained here. "
            "Take it out."
        )
    for key, value in values.items():
        if key in _TAKEN:
            right = type(value) is _TAKEN[key]
            if not right:
                kind = {str: "a text", int: "a whole number", bool: "true or false"}[_TAKEN[key]]
                raise ValueError(f"{where}: {key} is {legible(value)[:60]!r}, and not {kind}.")
        elif key in _ELSEWHERE or key in _WORKINGS:
            left.setdefault(key, value)
        else:
            raise ValueError(
                f"{where}: {legible(key)!r} is no key that kohya's trainer or Atelier knows. Mend "
                "it, or take it out."
            )
    taken = {key: value for key, value in values.items() if key in _TAKEN}
    one = Subset(where, **taken)
    if not 1 <= one.num_repeats <= MOST_REPEATS:
        raise ValueError(
            f"{where}: num_repeats is {one.num_repeats}, and not from 1 to {MOST_REPEATS}."
        )
    if one.caption_extension and not _SUFFIX.fullmatch(one.caption_extension):
        raise ValueError(
            f"{where}: caption_extension is {legible(one.caption_extension)!r}. Write it with its "
            "dot, as in '.txt'."
        )
    if not (one.image_dir or one.metadata_file):
        raise ValueError(f"{where} has no image_dir. Write which folder it is about.")
    return one


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is no table. Mend it.")
    return value


def _tables(value: Any, where: str) -> Iterable[dict[str, Any]]:
    if not isinstance(value, list):
        raise ValueError(f"{where} is no list of tables. Mend it.")
    return [_table(one, where) for one in value]


def _told(name: str, left: dict[str, Any]) -> Iterator[str]:
    for key, value in left.items():
        if key in _ELSEWHERE:
            place = _ELSEWHERE[key]
            hint = f"set {place}" if place else "there is nothing like it here"
            yield f"{name}: {key} = {legible(value)[:60]} is not taken over; {hint}."
    workings = sorted(left.keys() & _WORKINGS)
    if workings:
        yield f"{name}: not needed here: {', '.join(workings)}."
