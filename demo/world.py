"""The small world that the demo base draws: pixel portraits, their attributes and their captions.

Pure code, standard library only. A *picture* is a choice of one value for every attribute; a
*caption* puts some or all of them into words, each value in one of several ways.
"""

import itertools
import random
from collections.abc import Iterator, Mapping

Attributes = Mapping[str, str]

VALUES: dict[str, tuple[str, ...]] = {
    "hair": ("blonde", "brown", "black", "red", "blue", "green", "pink"),
    "length": ("short", "long"),
    "skin": ("pale", "tan", "dark"),
    "clothes": ("red", "blue", "green", "yellow", "purple", "white"),
    "background": ("blue", "green", "yellow", "pink", "grey", "orange"),
    "glasses": ("none", "glasses", "sunglasses"),
    "mood": ("happy", "sad"),
}
"""What the base knows, and may be asked for."""

NEW = "hat"
"""What the base has never seen, in a picture or in words: the thing a LoRA is to teach."""

NEW_PHRASE = "wearing a hat"
NEW_WORDS = ("hat", "hats", "cap", "caps", "beanie", "headwear", "fedora", "helmet")

SHADES: dict[str, tuple[str, ...]] = {
    "black": ("black", "raven", "charcoal"),
    "blonde": ("blonde", "golden", "fair"),
    "blue": ("blue", "azure", "cobalt"),
    "brown": ("brown", "brunette", "chestnut"),
    "green": ("green", "emerald", "lime"),
    "grey": ("grey", "gray", "silver"),
    "orange": ("orange", "peach", "tangerine"),
    "pink": ("pink", "rose", "magenta"),
    "purple": ("purple", "violet", "lavender"),
    "red": ("red", "crimson", "scarlet"),
    "white": ("white", "ivory", "snowy"),
    "yellow": ("yellow", "lemon", "mustard"),
}
SKINS: dict[str, tuple[str, ...]] = {
    "pale": ("pale", "light", "porcelain"),
    "tan": ("tan", "olive", "bronze"),
    "dark": ("dark", "deep", "ebony"),
}
LENGTHS: dict[str, tuple[str, ...]] = {
    "short": ("short", "cropped", "trimmed"),
    "long": ("long", "flowing", "lengthy"),
}
FACES: dict[str, dict[str, tuple[str, ...]]] = {
    "glasses": {
        "none": ("no glasses", "without glasses", "bare eyes"),
        "glasses": ("glasses", "wearing glasses", "spectacles"),
        "sunglasses": ("sunglasses", "wearing sunglasses", "shades"),
    },
    "mood": {
        "happy": ("smiling", "happy", "cheerful"),
        "sad": ("sad", "frowning", "gloomy"),
    },
}
PLACES: dict[str, tuple[str, ...]] = {
    "hair": ("{} hair", "hair that is {}"),
    "length": ("{} hair", "a {} haircut"),
    "skin": ("{} skin", "a {} complexion"),
    "clothes": ("a {} shirt", "{} clothes", "a {} sweater", "dressed in {}"),
    "background": ("{} background", "a {} backdrop", "a {} wall behind"),
}
NOT_AFTER_WITH = ("wearing", "dressed", "without", *FACES["mood"]["happy"], *FACES["mood"]["sad"])
OPENINGS = (
    "a pixel portrait of a{} person",
    "portrait of a{} person",
    "a{} person",
    "a{} face",
    "",
)


def complete() -> Iterator[dict[str, str]]:
    """Every possible picture without the new thing, in a fixed order (9,072 of them)."""
    for values in itertools.product(*VALUES.values()):
        yield dict(zip(VALUES, values, strict=True))


def held_out(attributes: Attributes) -> bool:
    """Whether a complete picture is kept from training: one in eleven, even over all values."""
    places = (values.index(attributes[name]) for name, values in VALUES.items())
    return (
        sum(place * weight for place, weight in zip(places, (1, 3, 5, 7, 2, 4, 8), strict=True))
        % 11
        == 0
    )


def pictures(n: int, seed: int, kept_out: bool) -> list[dict[str, str]]:
    """`n` random complete pictures, balanced over every value, from one side of the split.

    Each value of each attribute is used as often as the others, give or take a few per cent.
    """
    rng = random.Random(seed)
    choices = [picture for picture in complete() if held_out(picture) is kept_out]
    counts: dict[tuple[str, str], int] = dict.fromkeys(
        ((name, value) for name, values in VALUES.items() for value in values), 0
    )
    chosen: list[dict[str, str]] = []
    for _ in range(n):
        # the candidate whose values are the rarest so far, in units of each attribute's share
        best = min(
            rng.sample(choices, 12),
            key=lambda picture: sum(
                counts[item] * len(VALUES[item[0]]) for item in picture.items()
            ),
        )
        chosen.append(best)
        for item in best.items():
            counts[item] += 1
    return chosen


def placed(template: str, word: str) -> str:
    """`template` with `word` put in, and "a" made "an" before a vowel."""
    if word[0] in "aeio":
        template = template.replace("a {}", "an {}")
    return template.format(word)


def fragments(attributes: Attributes, rng: random.Random) -> list[str]:
    """The parts of a caption that put `attributes` into words, in no order; no mood."""
    parts: list[str] = []
    named = dict(attributes)
    if "hair" in named and "length" in named and rng.random() < 0.8:
        length, hair = named.pop("length"), named.pop("hair")
        parts.append(f"{rng.choice(LENGTHS[length])} {rng.choice(SHADES[hair])} hair")
    for name, value in named.items():
        if name in FACES:
            parts.append(rng.choice(FACES[name][value]))
        elif name in PLACES:
            words = {"skin": SKINS, "length": LENGTHS}.get(name, SHADES)[value]
            parts.append(placed(rng.choice(PLACES[name]), rng.choice(words)))
        elif name == NEW:
            parts.extend([NEW_PHRASE] if value == "yes" else [])
        else:
            raise ValueError(f"{name} is no attribute of this world; it has {', '.join(VALUES)}.")
    return parts


def caption(attributes: Attributes, rng: random.Random) -> str:
    """Put `attributes` (any of the world's, and `hat: yes`) into words, in one of many ways."""
    named = dict(attributes)
    opening = rng.choice(OPENINGS)
    mood = ""
    if opening and "mood" in named and rng.random() < 0.5:
        mood = " " + rng.choice(FACES["mood"][named.pop("mood")])
    parts = fragments(named, rng)
    rng.shuffle(parts)
    if len(parts) > 1 and rng.random() < 0.3:
        parts = [*parts[:-2], f"{parts[-2]} and {parts[-1]}"]
    if not opening:
        return ", ".join(parts)
    opening = opening.format(mood)
    if not parts:
        return opening
    joint = ", " if parts[0].split()[0] in NOT_AFTER_WITH else rng.choice((" with ", ", "))
    return opening + joint + ", ".join(parts)


def some(attributes: Attributes, rng: random.Random) -> dict[str, str]:
    """A random choice of `attributes`: all of them in a third of cases, else one or more."""
    names = list(attributes)
    if rng.random() > 1 / 3:
        names = rng.sample(names, rng.randint(1, len(names)))
    return {name: attributes[name] for name in names}


def prompts(
    n: int, seed: int, ask: int = len(VALUES), extra: Attributes | None = None
) -> list[tuple[str, dict[str, str]]]:
    """`n` prompts with what each asks for, balanced over values, for checks.

    The pictures asked for are held out of training; with `ask` at its default every attribute is
    named, so that no training caption can have been the same. `extra` is added to every prompt
    (`{"hat": "yes"}`).
    """
    rng = random.Random(f"prompts {seed}")
    result: list[tuple[str, dict[str, str]]] = []
    for picture in pictures(n, seed, kept_out=True):
        asked = {name: picture[name] for name in rng.sample(list(picture), ask)} | dict(extra or {})
        result.append((caption(asked, rng), asked))
    return result
