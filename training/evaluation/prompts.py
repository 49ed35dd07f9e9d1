"""Prompts for a suite, from captions and from templates in `templates/`. Pure but for the files.

The five kinds are those by which a LoRA is judged: captions it was trained on, the trigger alone,
the trigger in new contexts and in other styles, and the same without the trigger.
"""

import random
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from ..data.trigger import led_by, trigger_in
from ..settings.group import ONE_LINE, Group
from .suite import Suite, make

_FOLDER = Path(__file__).parent / "templates"
Subject = Literal["person", "object", "style"]
SUBJECTS: tuple[str, ...] = get_args(Subject)


def _count(default: int, what: str) -> int:
    return Field(default=default, ge=0, le=1000, description=f"How many prompts {what}.")


class SuiteSettings(Group):
    """What Prompt Suite sets."""

    trigger: str = Field(
        default="",
        max_length=500,
        json_schema_extra=ONE_LINE,
        description="The word by which the new thing is called. Empty: that of the dataset, if it "
        "has one.",
    )
    class_word: str = Field(
        default="",
        max_length=500,
        json_schema_extra=ONE_LINE,
        description="What it is in general, with its article: a person, a dog, an illustration. "
        "It stands in the trigger's place where the trigger is left out.",
    )
    subject: Subject = Field(
        default="person",
        description="What the LoRA shows: it decides the contexts and styles that are asked for.",
    )
    training: int = _count(3, "are captions of the dataset")
    trigger_alone: int = _count(2, "have the trigger and nothing else")
    contexts: int = _count(6, "put the trigger into a new context")
    styles: int = _count(4, "ask for the trigger in another style")
    plain: int = _count(4, "have the class word in place of the trigger: these shall not change")
    seed: int = Field(
        default=1,
        ge=0,
        le=2**32 - 1,
        description="Another seed chooses other captions, contexts and styles.",
    )


def suggest(captions: Sequence[str], noted: str, settings: SuiteSettings) -> Suite:
    """A suite by the settings. `noted` is the dataset's own trigger, in place of none.

    Without a trigger there are no prompts of the trigger alone, and the others have the class word.
    Raises `ValueError` where neither is there, and nothing can be asked for.
    """
    trigger = " ".join((settings.trigger or noted).split())
    word = trigger or " ".join(settings.class_word.split())
    dice = random.Random(f"{settings.seed}/{settings.subject}")
    texts = _templates(settings.subject)
    chosen = {
        "training": _captions(captions, trigger, settings.training, dice),
        "context": _some(texts["context"], settings.contexts, dice),
        "style": _some(texts["style"], settings.styles, dice),
    }
    contexts = chosen["context"] or texts["context"]
    bare = texts["trigger"]
    wanted = {
        "training": chosen["training"],
        "trigger": _filled(bare[: settings.trigger_alone], trigger) if trigger else [],
        "context": _filled(chosen["context"], word),
        "style": _filled(chosen["style"], word),
        "plain": _plain([bare[0], *contexts, *bare[1:]], settings) if trigger else [],
    }
    suite = make(trigger, settings.class_word, _pairs(wanted))
    if not suite.prompts:
        raise ValueError(
            "Prompt Suite has nothing to ask for: write trigger or class_word, or wire a dataset "
            "with captions."
        )
    return suite


def _captions(captions: Iterable[str], trigger: str, count: int, dice: random.Random) -> list[str]:
    """Some of those that the trainer sees: with the trigger in front where they lack it.

    The trigger alone is a kind of its own.
    """
    has = trigger_in(trigger)
    lines = dict.fromkeys(" ".join(caption.split()) for caption in captions)
    seen = [line if not trigger or has(line) else led_by(trigger, line) for line in lines]
    return _some([line for line in seen if line not in ("", trigger)], count, dice)


def _some(texts: Sequence[str], count: int, dice: random.Random) -> list[str]:
    """`count` of them at most, in their own order."""
    chosen = dice.sample(range(len(texts)), min(count, len(texts)))
    return [texts[number] for number in sorted(chosen)]


def _filled(templates: Iterable[str], word: str) -> list[str]:
    return [template.replace("{}", word) for template in templates] if word else []


def _plain(templates: Iterable[str], settings: SuiteSettings) -> list[str]:
    word = " ".join(settings.class_word.split())
    return list(dict.fromkeys(_filled(templates, word)))[: settings.plain]


def _pairs(wanted: Mapping[str, Iterable[str]]) -> list[tuple[str, str]]:
    return [(kind, text) for kind, texts in wanted.items() for text in texts]


@cache
def _templates(subject: str) -> dict[str, list[str]]:
    """Templates by kind, `{}` in the word's place."""
    found: dict[str, list[str]] = {}
    kind = ""
    for line in (_FOLDER / f"{subject}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ")
        elif line:
            found.setdefault(kind, []).append(line)
    return found
