"""What is wrong with the captions of a set, and how to mend it. Pure."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ..data.trigger import trigger_in
from ..files import legible
from . import together
from .plain import is_empty, is_generic, normal, words
from .settings import LintSettings
from .terms import contradictions

Rank = Callable[[str], float]  # of a word among CLIP's tokens; infinite for none


@dataclass(frozen=True)
class Counted:
    """How many tokens each text takes for a text encoder, which has `room` for so many at once."""

    encoder: str
    room: int | None
    counts: tuple[int, ...]


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with the numbers of the pictures it is wrong with."""

    kind: str
    said: str
    fix: str
    pictures: tuple[int, ...]


def lint(
    captions: Sequence[str],
    settings: LintSettings,
    counted: Sequence[Counted],
    rank: Rank,
    looks_of: together.LooksOf,
) -> list[Finding]:
    """Everything that is found in the captions, the gravest first.

    `counted` are the tokens of each caption, `rank` the place of a word in CLIP's vocabulary;
    `looks_of` is asked only for pictures whose captions are the same, or nearly.
    """
    return [
        *_empty(captions),
        *_trigger(captions, settings, rank),
        *_contradicting(captions),
        *_generic(captions, settings),
        *_shared(captions, settings, looks_of),
        *_nearly(captions, settings, looks_of),
        *_constant(captions, settings),
        *_too_long(captions, counted),
    ]


def _empty(captions: Sequence[str]) -> Iterator[Finding]:
    bare = tuple(number for number, caption in enumerate(captions) if is_empty(caption))
    if bare:
        yield Finding(
            "empty",
            "no caption: everything in the picture is learned as what a picture is",
            "write what it shows",
            bare,
        )


def _trigger(captions: Sequence[str], settings: LintSettings, rank: Rank) -> Iterator[Finding]:
    trigger = " ".join(settings.trigger.split())
    if not trigger:
        return
    has = trigger_in(trigger)
    missing = tuple(number for number, caption in enumerate(captions) if not has(caption))
    if missing:
        yield Finding(
            "trigger missing",
            f"without “{legible(trigger)}”",
            "set it as the trigger of Edit Captions, or of Train Preset",
            missing,
        )
    if is_common(trigger, settings.common, rank):
        yield Finding(
            "common trigger",
            f"“{legible(trigger)}” is what the base knows already: its old meaning mixes with the "
            "new one",
            "take a word that means nothing, such as ohwx, or one together with it",
            (),
        )


def is_common(trigger: str, most: int, rank: Rank) -> bool:
    """Whether all its words, or what they are plurals of, are among CLIP's `most` first tokens."""
    said = words(trigger)
    return bool(said) and all(min(rank(w), rank(w.removesuffix("s"))) < most for w in said)


def _contradicting(captions: Sequence[str]) -> Iterator[Finding]:
    pairs: dict[tuple[str, str], list[int]] = {}
    for number, caption in enumerate(captions):
        for one in contradictions(normal(caption)):
            pairs.setdefault(one, []).append(number)
    for (first, second), numbers in pairs.items():
        yield Finding(
            "contradiction",
            f"“{first}” and “{second}” in one caption",
            "look at the picture and take one out",
            tuple(numbers),
        )


def _generic(captions: Sequence[str], settings: LintSettings) -> Iterator[Finding]:
    has = trigger_in(" ".join(settings.trigger.split())) if settings.trigger.strip() else None
    hollow = tuple(
        number
        for number, caption in enumerate(captions)
        if is_generic(caption) and not (has and has(caption))
    )
    if hollow:
        yield Finding(
            "generic",
            f"says only that it is a picture: “{legible(captions[hollow[0]])}”",
            "say what is in it: all that should not be learned as part of the trigger",
            hollow,
        )


def _shared(
    captions: Sequence[str], settings: LintSettings, looks_of: together.LooksOf
) -> Iterator[Finding]:
    for numbers in together.shared(captions):
        if is_empty(captions[numbers[0]]):
            continue
        kinds = together.unlike(numbers, looks_of, settings.alike)
        if len(kinds) > 1:
            yield Finding(
                "shared",
                f"one caption for {len(numbers)} pictures that look unlike: "
                f"“{legible(captions[numbers[0]])}”",
                "say in each what the others do not show",
                tuple(numbers),
            )


def _nearly(
    captions: Sequence[str], settings: LintSettings, looks_of: together.LooksOf
) -> Iterator[Finding]:
    if not settings.similar:
        return
    for numbers in together.nearly(captions, settings.similar):
        if len(together.unlike(numbers, looks_of, settings.alike)) > 1:
            ways = list(dict.fromkeys(captions[number] for number in numbers))
            yield Finding(
                "nearly the same",
                f"captions of pictures that look unlike say nearly the same: “{legible(ways[0])}”, "
                f"“{legible(ways[1])}”",
                "say in each what the others do not show",
                tuple(numbers),
            )


def _constant(captions: Sequence[str], settings: LintSettings) -> Iterator[Finding]:
    if not settings.constant:
        return
    for aspect, phrase, numbers in together.constant(captions, settings.constant):
        yield Finding(
            "never varies",
            f"the {aspect} is “{phrase}” in {len(numbers)} of {len(captions)} captions: it will be "
            "learned with what you teach",
            "add pictures with another; or, if it belongs to what you teach, leave it out of the "
            "captions",
            tuple(numbers),
        )


def _too_long(captions: Sequence[str], counted: Sequence[Counted]) -> Iterator[Finding]:
    for one in counted:
        if one.room is None:
            continue
        long = tuple(n for n, _ in enumerate(captions) if one.counts[n] > one.room)
        if long:
            yield Finding(
                "too long",
                f"more than {one.room} tokens for {one.encoder}, up to {max(one.counts)}: ComfyUI "
                "reads the rest apart from what is before it, other programs not at all",
                "say it shorter, and what matters first",
                long,
            )
