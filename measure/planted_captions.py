"""Faults that are planted in captions."""

import random
import re
from collections.abc import Callable, Sequence

Dice = random.Random
TRIGGER = "ohwx"

_MEDIA = (
    *("photo", "picture", "image", "photograph", "drawing", "illustration", "painting", "shot"),
    *("render", "artwork", "sketch"),
)
_HOLLOW = (
    *("an object", "something", "a thing", "a subject", "an item", "a scene", "things"),
    *("some objects", "stuff"),
)
_PRAISE = ("nice", "beautiful", "high quality", "good", "great", "detailed", "stunning")
_OTHER_GENERIC = (
    *("image_0231", "IMG_4711", "masterpiece, best quality", "untitled", "this is a picture"),
    *("photo", "a picture of it", "picture of some item", "an image that shows something"),
    *("best quality, highres", "picture 12", "file.jpg"),
)

# Pairs that rule each other out; the first of a row says whether only one person may be there.
_PAIRS: Sequence[tuple[bool, str, str]] = (
    (False, "during the day", "at night"),
    (False, "daytime", "nighttime"),
    (False, "indoors", "outdoors"),
    (False, "an indoor scene", "outdoors"),
    (False, "in summer", "in winter"),
    (False, "greyscale", "colorful"),
    (False, "no humans", "1girl"),
    (False, "seen from above", "seen from below"),
    (False, "from behind", "front view"),
    (False, "close-up", "full body"),
    (False, "a closeup", "a full-length view"),
    (False, "white background", "black background"),
    (False, "a red background", "a blue background"),
    (False, "simple background", "detailed background"),
    (False, "no trees", "trees"),
    (True, "black hair", "blonde hair"),
    (True, "long red hair", "short brown hair"),
    (True, "long hair", "short hair"),
    (True, "blue eyes", "green eyes"),
    (True, "open mouth", "closed mouth"),
    (True, "eyes closed", "eyes open"),
    (True, "smiling", "frowning"),
    (True, "barefoot", "brown boots"),
    (True, "without glasses", "wearing glasses"),
    (True, "no hat", "wearing a hat"),
    (True, "bald", "long hair"),
)
# Of captions that name several people, each may have hair of another colour.
_SEVERAL = re.compile(
    r"\b(?:two|three|four|five|and|people|men|women|boys|girls|kids|children|others?|another|group|"
    r"couple|team|family)\b"
)
_PERSON = re.compile(r"\b(?:man|woman|boy|girl|child|person|baby|lady|guy|player|rider)\b")

_CONSTANT: Sequence[tuple[str, str]] = (
    ("background", "white background"),
    ("background", "a grey backdrop"),
    ("background", "blurry background"),
    ("framing", "close-up"),
    ("framing", "full body"),
    ("framing", "upper body"),
    ("framing", "portrait"),
    ("viewpoint", "looking at viewer"),
    ("viewpoint", "from above"),
    ("viewpoint", "facing the camera"),
    ("pose", "standing"),
    ("pose", "sitting"),
    ("pose", "lying"),
    ("expression", "smiling"),
    ("expression", "open mouth"),
    ("place", "indoors"),
    ("place", "outdoors"),
    ("light", "night"),
    ("light", "studio lighting"),
    ("light", "sunset"),
    ("light", "soft light"),
)


def empty(_caption: str, dice: Dice) -> str:
    return dice.choice(["", " ", ",", ", ,", ".", "…", "-", "_"])


def generic(_caption: str, dice: Dice) -> str:
    if dice.random() < 0.2:
        return dice.choice(_OTHER_GENERIC)
    praise = f"{dice.choice(_PRAISE)} " if dice.random() < 0.3 else ""
    text = f"a {praise}{dice.choice(_MEDIA)}"
    text += f" of {dice.choice(_HOLLOW)}" if dice.random() < 0.7 else ""
    return dice.choice([text, f"{text}.", text.capitalize(), text.replace(" ", "_")])


def contradicting(caption: str, dice: Dice) -> str:
    """Two terms that rule each other out, one of them behind and one in front at times."""
    text = caption.lower()
    several = _SEVERAL.search(text) or len(_PERSON.findall(text)) > 1
    _, first, second = dice.choice([one for one in _PAIRS if not (one[0] and several)])
    if dice.random() < 0.5:
        first, second = second, first
    stem = caption.rstrip(". ")
    if dice.random() < 0.3:
        return f"{first}, {stem}, {second}"
    return f"{stem}, {first}, {second}" + ("." if caption.endswith(".") else "")


def without_trigger(caption: str, dice: Dice) -> str:
    """Left out, or run together with other letters."""
    return dice.choice([caption, f"{TRIGGER}s, {caption}", f"{TRIGGER[:-1]}, {caption}"])


def long(caption: str, dice: Dice) -> str:
    """At least 80 words, each of which is a token or more."""
    words = caption.split()
    count = dice.randint(80, 160)
    return " ".join((words * (count // max(1, len(words)) + 1))[:count])


def reworded(caption: str, dice: Dice) -> str:
    """The same said with another article, number, order or point."""
    ways: list[Callable[[str], str]] = [
        lambda text: text.replace(" a ", " the ").replace("A ", "The ", 1),
        lambda text: text.lower().rstrip(".") + " .",
        lambda text: f"{text.rstrip('.')} here.",
        lambda text: " ".join(reversed(text.rstrip(".").split())),
        lambda text: f"there is {text[:1].lower()}{text[1:]}",
        lambda text: ", ".join(sorted(text.rstrip(".").split(", "), key=len)) + ", ",
        lambda text: text.replace(" ", "_"),
        lambda text: text if len(text.split()) < 14 else " ".join(text.rstrip(".").split()[:-1]),
    ]
    for way in dice.sample(ways, len(ways)):
        other = way(caption)
        if _bare(other) != _bare(caption):
            return other
    return f"this is {caption}"


def _bare(text: str) -> str:
    return text.lower().replace("_", " ").rstrip(" .,")


def constant(captions: Sequence[str], dice: Dice) -> tuple[str, list[str]]:
    """The aspect, and captions of which 90 to 100 % end with one phrase."""
    aspect, phrase = dice.choice(_CONSTANT)
    count = dice.randint(-(-9 * len(captions) // 10), len(captions))
    chosen = set(dice.sample(range(len(captions)), count))
    return aspect, [
        f"{text.rstrip('. ')}, {phrase}" if number in chosen else text
        for number, text in enumerate(captions)
    ]


def invented(dice: Dice) -> str:
    """A trigger as people make them: letters that make no word, at times with a digit."""
    letters = "bcdfghjklmnpqrstvwxz"
    kind = dice.randrange(3)
    if kind == 0:
        return "".join(dice.choice(letters) for _ in range(dice.randint(4, 6)))
    word = "".join(dice.choice("aeiou" if n % 2 else letters) for n in range(dice.randint(5, 7)))
    return word if kind == 1 else f"{word[:4]}{dice.randint(1, 99)}{word[4:5]}"
