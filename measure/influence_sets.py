"""Sets of the demo's pictures in which some captions are wrong, on purpose."""

import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..demo import engine, world
from ..demo.install import FOLDER

HATS, PEOPLE, HELD_OUT = 20, 40, 6  # that the demo has
TRAINED_HATS, TRAINED_PEOPLE = 18, 22
KINDS = ("another's caption, with a hat", "two wrong attributes", "a hat that is not there")
VISIBLE = ("hair", "clothes", "background", "skin", "glasses")


@dataclass(frozen=True)
class Planted:
    """Folders of training and held-out pictures, and which of the former are mislabelled, how."""

    trained: Path
    held_out: Path
    wrong: Mapping[str, str]


def plant(seed: int, place: Path, kinds: tuple[str, ...]) -> Planted:
    """40 pictures, 18 of them with hats; one is mislabelled in each way of `kinds`.

    All else is as the demo has it. Held out are 14 others.
    """
    dice = random.Random(f"influence {seed}")
    hats = [f"hats/hat-{number:02}" for number in range(1, HATS + 1)]
    people = [f"class/person-{number:02}" for number in range(1, PEOPLE + 1)]
    dice.shuffle(hats)
    dice.shuffle(people)
    trained = hats[:TRAINED_HATS] + people[:TRAINED_PEOPLE]
    held = [f"held-out/hat-{number:02}" for number in range(1, HELD_OUT + 1)]
    held += hats[TRAINED_HATS:] + people[TRAINED_PEOPLE : TRAINED_PEOPLE + 6]
    wrong, texts, chosen = {}, {}, iter(hats[:2] + people)
    bare = iter(people)
    for kind in kinds:
        name = next(chosen) if kind == KINDS[1] else next(bare)
        while name in wrong:
            name = next(bare)
        wrong[name] = kind
        texts[name] = _caption(name, kind, hats[2:TRAINED_HATS], dice)
    for folder, names in (("train", trained), ("held-out", held)):
        _copy(place / folder, names, texts)
    flat = {_flat(name): kind for name, kind in wrong.items()}
    return Planted(place / "train", place / "held-out", flat)


def _flat(name: str) -> str:
    return name.replace("/", "-") + ".png"


def _source(name: str) -> Path:
    return engine.base_directory() / "input" / FOLDER / name


def _said(name: str) -> str:
    return _source(name).with_suffix(".txt").read_text(encoding="utf-8").strip()


def _caption(name: str, kind: str, hats: list[str], dice: random.Random) -> str:
    if kind == KINDS[0]:
        return _said(dice.choice(hats))
    shown = dict(attributes(name))
    if kind == KINDS[2]:
        return world.caption(shown | {world.NEW: "yes"}, dice)
    for one in dice.sample(VISIBLE, 2):
        shown[one] = dice.choice([v for v in world.VALUES[one] if v != shown[one]])
    return world.caption(shown, dice)


def attributes(name: str) -> dict[str, str]:
    """What a picture of `hats/` or `class/` shows, as demo/make_pictures.py drew it."""
    with_hats = world.pictures(HATS, 31, kept_out=False)
    others = with_hats + world.pictures(PEOPLE - HATS, 33, kept_out=False)
    number = int(name[-2:]) - 1
    if name.startswith("hats/"):
        return with_hats[number] | {world.NEW: "yes"}
    return others[number]


def _copy(folder: Path, names: list[str], texts: Mapping[str, str]) -> None:
    folder.mkdir(parents=True)
    for name in names:
        target = folder / _flat(name)
        shutil.copyfile(_source(f"{name}.png"), target)
        target.with_suffix(".txt").write_text(texts.get(name, _said(name)), encoding="utf-8")
