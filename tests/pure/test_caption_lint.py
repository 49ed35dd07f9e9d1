"""Captions judged: each fault is found with its pictures, and what is right is left in peace."""

import json
import math
import time
from dataclasses import replace

import pytest

from atelier.training.captions.lint import Counted, lint
from atelier.training.captions.lint_dataset import lint_dataset
from atelier.training.captions.plain import is_empty, is_generic, normal
from atelier.training.captions.settings import LintSettings
from atelier.training.captions.terms import contradictions
from atelier.training.curation.look import Look
from atelier.training.data.dataset import Dataset, Record

VARIED = ["a red hat on a table", "two dogs in snow", "the old bridge", "a cup of tea", "blue sea"]


def look(number):
    """Pictures that look unlike: each is bright elsewhere."""
    small = bytearray(16 * 16 * 3)
    small[96 * (number % 8) : 96 * (number % 8) + 96] = bytes([255]) * 96
    return Look(f"{number:064x}", print=1 << number, small=bytes(small))


def found(captions, looks=None, rank=lambda _: math.inf, **settings):
    looks = looks or [look(number) for number in range(len(captions))]
    counted = [Counted("clip_l", 75, tuple(len(one.split()) for one in captions))]
    limits = LintSettings(**settings)
    findings = lint(captions, limits, counted, rank, lambda numbers: [looks[n] for n in numbers])
    return {one.kind: one for one in findings}


def test_varied_captions_are_left_in_peace():
    assert not found([*VARIED, "an umbrella, indoors", "a man with long hair, smiling"])


def test_each_fault_is_found_with_its_pictures():
    captions = [*VARIED, "", "a photo of an object", "day, night, a wolf", "w " * 76]
    said = found(captions)
    assert {kind: one.pictures for kind, one in said.items()} == {
        "empty": (5,), "generic": (6,), "contradiction": (7,), "too long": (8,),
    }  # fmt: skip
    assert all(one.fix for one in said.values())


def test_the_trigger_is_missed_where_it_is_not_a_word_of_its_own():
    captions = ["ohwx, a hat", "a photo of OHWX", "ohwxs, a hat", "a hat"]
    assert found(captions, trigger="ohwx")["trigger missing"].pictures == (2, 3)
    assert "trigger missing" not in found(captions)


def test_a_trigger_is_common_where_all_its_words_are():
    ranks = {"hat": 3000, "red": 500, "ohwx": 47481, "spectacle": 33830}
    for trigger, common in (("hat", True), ("Red Hats", True), ("ohwx", False), ("ohwx hat", False),
                            ("zkwx", False), ("spectacles", True), ("…", False)):  # fmt: skip
        said = found([trigger], rank=lambda word: ranks.get(word, math.inf), trigger=trigger)
        assert ("common trigger" in said) is common, trigger


def test_a_generic_caption_with_the_trigger_is_one_that_says_something():
    assert "generic" in found(["a photo"])
    assert "generic" not in found(["a photo of ohwx"], trigger="ohwx")


def test_a_shared_caption_is_one_of_pictures_that_look_unlike():
    captions = ["a red hat", "A red hat.", "a cup"]
    assert found(captions)["shared"].pictures == (0, 1)
    copies = [look(0), replace(look(0), content="f" * 64), look(2)]
    assert "shared" not in found(captions, copies)


@pytest.mark.parametrize(
    "other", ["the red hats on a table", "a table, a red hat", "there is a red_hat on the table"]
)
def test_captions_that_say_nearly_the_same_are_found(other):
    said = found([*VARIED, other])
    assert said["nearly the same"].pictures == (0, len(VARIED))
    assert "nearly the same" not in found([*VARIED, other], similar=0)
    copies = [look(0)] * (len(VARIED) + 1)
    assert "nearly the same" not in found([*VARIED, other], copies)


def test_what_never_varies_is_named_with_its_aspect():
    captions = [f"{one}, white background" for one in VARIED] + ["a plate, white background", "x y"]
    said = found(captions, constant=0.8)["never varies"]
    assert said.pictures == (0, 1, 2, 3, 4, 5)
    assert "the background is “white background” in 6 of 7" in said.said
    assert "never varies" not in found(captions, constant=0.9)
    assert "never varies" not in found(captions[:5], constant=0.8)  # too few to say


RULED_OUT = [
    ("1girl, long_hair, short_hair", True),
    ("1girl, solo, black hair, blonde hair", True),
    ("2girls, black hair, blonde hair", False),
    ("1girl, black hair, blonde hair, multicolored hair", False),
    ("1girl, gray hair, grey hair", False),
    ("a man and a woman, black hair, blonde hair", False),
    ("no humans, 1girl", True),
    ("no humans, scenery", False),
    ("1girl, 1boy", False),
    ("1girl, multiple girls", True),
    ("solo, 2girls", True),
    ("solo focus, 2girls", False),
    ("from above, from below", True),
    ("A street by day and night.", False),
    ("A sunny day, at night.", True),
    ("a person without glasses, wearing glasses", True),
    ("a person, no glasses, sunglasses", False),
    ("blue eyes, red eyes, 1girl", True),
    ("blue eyes, red eyes, heterochromia", False),
    ("short black hair, long dress", False),
    ("a hat, black hair, white shirt, blonde wig", False),
    ("close-up, full body", True),
    ("bald, long hair", True),
]


@pytest.mark.parametrize(("caption", "told"), RULED_OUT)
def test_terms_that_rule_each_other_out(caption, told):
    assert bool(list(contradictions(normal(caption)))) is told


@pytest.mark.parametrize("caption", ["", " , .", "…", "_"])
def test_nothing_is_empty(caption):
    assert is_empty(caption)
    assert not is_generic(caption)


def test_a_dataset_is_judged_line_by_line_and_told_in_words_and_json(tmp_path):
    def record(name, *lines):
        return Record(tmp_path / name, " ".join(lines), 8, 8, lines if len(lines) > 1 else ())

    dataset = Dataset("hats", (record("a.png", "a red hat", "photo"), record("b.png", "a cup")))
    linted = lint_dataset(
        dataset,
        LintSettings(),
        lambda texts: [Counted("t5xxl", None, tuple(map(len, texts)))],
        lambda _: math.inf,
        lambda _: pytest.fail("no picture had to be looked at"),
    )
    assert json.loads(linted.json()) == [
        {
            "kind": "generic",
            "said": "says only that it is a picture: “photo”",
            "fix": "say what is in it: all that should not be learned as part of the trigger",
            "pictures": ["a.png"],
        }
    ]
    told = linted.text()
    assert told.startswith("hats: 3 captions. Generic 1.\n\nGENERIC\n")
    assert "in: a.png" in told
    assert "t5xxl: 5 to 9, 5 in the middle; no limit" in told


def test_a_caption_that_is_meant_to_take_long_does_not():
    hostile = [
        "a" * 65_000, "no " * 20_000 + "no abc", "no abc " * 9_000, "black " * 10_000 + "hair",
        "long a" * 10_000, ", " * 30_000, "a-" * 30_000, "black hair, red hair, " + "a" * 60_000,
    ]  # fmt: skip
    start = time.monotonic()
    found(hostile, trigger="ohwx")
    assert time.monotonic() - start < 20  # in square time it would be minutes
