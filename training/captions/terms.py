"""What cannot be in one picture at once, and what should differ from picture to picture. Pure.

Small tables of ours. Each aspect has values that rule each other out; a value is any of its
phrases, which are regular expressions over `plain.normal`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

_COLOURS = (
    "black white red blue green yellow orange purple pink brown grey gray silver golden blonde "
    "blond brunette aqua teal beige"
)
_SAME_COLOUR = {"gray": "grey", "blond": "blonde", "golden": "blonde", "brunette": "brown"}
_HAIR = (
    r"(?:(?:long|short|medium|curly|wavy|straight|messy|spiky|braided|flowing|trimmed|cropped|"
    r"shoulder-length|dark|light|pale|bright|black|white|red|blue|green|blonde|brown|pink) )?hair"
)
_SEVERAL = re.compile(
    r"\b(?:[2-9]\+?(?:girls|boys|others|people)|multiple (?:girls|boys|views)|two|three|four|five|"
    r"several|people|men|women|girls|boys|children|kids|others|other|another|group|couple|pair|both|"
    r"crowd|family|friends|twins)\b"
)
_PERSON = re.compile(r"\b(?:1?girl|1?boy|man|woman|child|kid|baby|lady|guy|person|male|female)\b")


@dataclass(frozen=True)
class Aspect:
    """`personal`: of one person, so that two of them may differ. `but`: words that allow both."""

    name: str
    values: Mapping[str, str]
    personal: bool = False
    but: str = ""


def _tag(phrases: str) -> str:
    """Any of the phrases as a tag: between commas, or at an end."""
    return rf"(?:^|,)\s?(?:{phrases})\s?(?=[,.]|$)"


def _coloured(what: str, name: str, colours: str = _COLOURS) -> dict[str, str]:
    return {f"{colour} {name}": rf"\b{colour} {what}\b" for colour in colours.split()}


ASPECTS = (
    Aspect("time of day", {"day": r"\bday(?:time)?\b", "night": r"\bnight(?:time)?\b"},
           but=r"day and night|night and day|night ?light|good night"),
    Aspect("place", {"indoors": r"\bindoors?\b", "outdoors": r"\boutdoors?\b"}),
    Aspect("season", {"summer": r"\bsummer(?:time)?\b", "winter": r"\bwinter(?:time)?\b"}),
    Aspect("colour", {"monochrome": r"\b(?:monochrome|gr[ea]yscale)\b",
                      "colorful": r"\b(?:colou?rful|full colou?r)\b"},
           but=r"spot colou?r|partially"),
    Aspect("hair colour", _coloured(_HAIR, "hair"), personal=True,
           but=r"multicolou?red|two-tone|gradient|streaked|colou?red inner|highlights|split-color|"
               r"dyed|\w and \w{1,20} hair"),
    Aspect("hair length",
           {"long hair": r"\b(?:very )?long (?:[a-z-]+ )?hair\b",
            "short hair": r"\b(?:very )?short (?:[a-z-]+ )?hair\b", "bald": r"\bbald\b"},
           personal=True, but=r"short hair with long locks"),
    Aspect("eye colour", _coloured("eyes", "eyes"), personal=True,
           but=r"heterochromia|mismatched|multicolou?red eyes|gradient eyes|\w and \w{1,20} eyes"),
    Aspect("eyes", {"closed eyes": r"\b(?:closed eyes|eyes closed|eyes shut)\b",
                    "open eyes": r"\b(?:open eyes|eyes open|wide-eyed)\b"}, personal=True),
    Aspect("mouth", {"open mouth": r"\b(?:open mouth|mouth open)\b",
                     "closed mouth": r"\b(?:closed mouth|mouth closed)\b"}, personal=True),
    Aspect("expression", {"smiling": r"\b(?:smiling|smile|smiles|grinning|grin)\b",
                          "frowning": r"\b(?:frowning|frown|frowns)\b|" + _tag("sad|gloomy")},
           personal=True),
    Aspect("girls", {"1girl": _tag("1girl"),
                     "several girls": _tag(r"[2-9]\+?girls|multiple girls")}),
    Aspect("boys", {"1boy": _tag("1boy"), "several boys": _tag(r"[2-9]\+?boys|multiple boys")}),
    Aspect("people", {"no humans": r"\bno (?:humans|people)\b",
                      "people": _tag(r"[1-9]\+?(?:girl|boy|other)s?|multiple (?:girls|boys)")}),
    Aspect("company", {"solo": _tag("solo"),
                       "several": _tag(r"[2-9]\+?(?:girl|boy)s|multiple (?:girls|boys)|couple")}),
    Aspect("viewpoint", {"from above": r"\bfrom above\b", "from below": r"\bfrom below\b"}),
    Aspect("side", {"from behind": r"\b(?:from behind|rear view|back view)\b",
                    "from the front": r"\b(?:from (?:the )?front|front view)\b"}),
    Aspect("framing", {"close-up": r"\bclose[- ]?up\b",
                       "full body": r"\b(?:full[- ]body|full[- ]length|wide shot)\b"},
           but=r"multiple views|inset"),
    Aspect("background", _coloured(r"(?:background|backdrop)", "background"),
           but=r"gradient|two-tone|multicolou?red|split|checkered|striped|"
               r"\w and \w{1,20} (?:background|backdrop)"),
    Aspect("detail of the background", {
        "simple background": r"\b(?:simple|plain) background\b",
        "detailed background": r"\b(?:detailed|busy|cluttered) background\b"}),
    Aspect("pose", {"standing": _tag("standing"), "sitting": _tag("sitting"),
                    "lying": _tag("lying|lying down|on back|on stomach")}, personal=True),
    Aspect("feet", {"barefoot": r"\b(?:barefoot|bare feet)\b",
                    "shoes": r"\b(?:shoes|boots|sneakers|sandals)\b"}, personal=True,
           but=r"removed|holding|beside"),
)  # fmt: skip
_FOUND = {
    (aspect.name, value): re.compile(phrase)
    for aspect in ASPECTS
    for value, phrase in aspect.values.items()
}
_MOST_ABSENT = 20  # things that a caption says are not there
_ABSENT = re.compile(r"\b(?:no|without(?: an?| any)?) ([^\W\d_]{3,})\b")


def contradictions(text: str) -> Iterator[tuple[str, str]]:
    """Pairs of terms in a caption (as `plain.normal` gives it) that rule each other out."""
    several = _SEVERAL.search(text) or len(_PERSON.findall(text)) > 1
    for aspect in ASPECTS:
        if aspect.personal and several:
            continue
        here = {
            tuple(_SAME_COLOUR.get(word, word) for word in value.split()): value
            for value in aspect.values
            if _FOUND[aspect.name, value].search(text)
        }
        if len(here) > 1 and not (aspect.but and re.search(aspect.but, text)):
            first, second, *_ = here.values()
            yield first, second
    for absent in islice(_ABSENT.finditer(text), _MOST_ABSENT):
        rest = text[: absent.start()] + text[absent.end() :]
        here = _tag(absent[1]) if several else rf"\b{absent[1]}\b"
        if re.search(here, rest):
            yield absent[0], absent[1]


# What a set should show in more than one way, or it is learned as part of what is taught.
VARYING: Mapping[str, str] = {
    "background": r"\b(?:[a-z]+ )?(?:background|backdrop)\b|\bwall behind\b",
    "framing": r"\b(?:close[- ]?up|full[- ]body|upper body|cowboy shot|portrait|headshot|half[- ]"
    r"body|wide shot)\b",
    "viewpoint": r"\b(?:from (?:above|below|behind|the side|side)|front view|side view|rear view|"
    r"looking at viewer|facing (?:the )?(?:camera|viewer))\b",
    "pose": r"\b(?:standing|sitting|lying|kneeling|walking|running)\b",
    "expression": r"\b(?:smiling|smile|frowning|open mouth|closed mouth|serious|laughing)\b",
    "place": r"\b(?:indoors|outdoors|in a studio|studio)\b",
    "light": r"\b(?:daylight|sunlight|night|day|sunset|studio lighting|backlighting|soft "
    r"light(?:ing)?|natural light(?:ing)?)\b",
}
_VARYING = {aspect: re.compile(phrases) for aspect, phrases in VARYING.items()}


def varying(text: str) -> set[tuple[str, str]]:
    """Aspect and phrase of all in a caption that should vary."""
    return {
        (aspect, found[0].strip())
        for aspect, phrases in _VARYING.items()
        for found in phrases.finditer(text)
    }
