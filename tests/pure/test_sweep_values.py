"""What a person writes as values."""

import pytest

from atelier.training.sweep.values import Span, Spec, parse

INT = Spec.of(["INT", {"min": 1, "max": 128}])
FLOAT = Spec.of(["FLOAT", {"min": 0.0, "max": 10.0}])
TEXT = Spec.of(["STRING", {}])
LONG = Spec.of(["STRING", {"multiline": True}])
YES = Spec.of(["BOOLEAN", {}])
FILES = Spec.of([["a/one.safetensors", "a/two.safetensors", "b\\three.ckpt"]])


class Files:
    def lines(self, name):
        if name != "prompts.txt":
            raise ValueError(f"There is no file {name}.")
        return ["a cat, sitting", "a dog"]

    def folders(self, pattern):
        return ["hats-a", "hats-b"]


LISTS = {
    "a list": ("4, 8, 16", INT, (4, 8, 16)),
    "lines": ("4\n8\n\n16", INT, (4, 8, 16)),
    "once each": ("4, 8, 4", INT, (4, 8)),
    "a log range": ("1e-5…1e-3 log 5", FLOAT, (1e-5, 3.16228e-5, 1e-4, 3.16228e-4, 1e-3)),
    "two dots": ("1e-5..1e-3 log 3", FLOAT, (1e-5, 1e-4, 1e-3)),
    "three dots": ("1...3 3", INT, (1, 2, 3)),
    "doubled": ("4..64 ×2", INT, (4, 8, 16, 32, 64)),
    "doubled in ASCII": ("4..64 x2", INT, (4, 8, 16, 32, 64)),
    "doubled, not meeting the end": ("4..50 x 2", INT, (4, 8, 16, 32)),
    "linear": ("0..1 5", FLOAT, (0.0, 0.25, 0.5, 0.75, 1.0)),
    "linear by name": ("0..1 lin 3", FLOAT, (0.0, 0.5, 1.0)),
    "by steps": ("0..1 +0.25", FLOAT, (0.0, 0.25, 0.5, 0.75, 1.0)),
    "rounded together": ("1..3 9", INT, (1, 2, 3)),
    "a range among others": ("1, 4..16 x2, 100", INT, (1, 4, 8, 16, 100)),
    "words": ('cat, "a dog, sitting"', TEXT, ("cat", "a dog, sitting")),
    "texts with commas, by lines": ("a cat, red\na dog", TEXT, ("a cat, red", "a dog")),
    "one long text": ("a cat, red", LONG, ("a cat, red",)),
    "a text that looks like a range": ("1..3", TEXT, ("1..3",)),
    "truth": ("true, off", YES, (True, False)),
    "a pattern": ("a/*.safetensors", FILES, ("a/one.safetensors", "a/two.safetensors")),
    "a pattern on Windows": ("b/*", FILES, ("b\\three.ckpt",)),
    "prompts of a file": ("file prompts.txt", LONG, ("a cat, sitting", "a dog")),
    "folders": ("folders hats-*", TEXT, ("hats-a", "hats-b")),
}


@pytest.mark.parametrize("name", LISTS)
def test_values(name):
    text, spec, values = LISTS[name]
    found = parse(text, spec, Files())
    assert found == values
    assert isinstance(found, tuple)
    assert [type(value) for value in found] == [type(value) for value in values]


WRONG = {
    "nothing": (" ", INT, "No value is named"),
    "no number": ("4, eight", INT, "eight is not a number"),
    "half a step": ("1.5", INT, "1.5 is not a whole number"),
    "below": ("0, 4", INT, "0 is below the least, 1"),
    "no choice": ("c.safetensors", FILES, r"no choice. There is a/one.safetensors"),
    "no fit": ("c/*", FILES, "no choice fits"),
    "backwards": ("5..1 3", FLOAT, "5 must be below 1"),
    "log of nothing": ("0..1 log 3", FLOAT, "must begin above 0"),
    "one of a range": ("0..1 1", FLOAT, "from 2 to"),
    "without a number, in a list": ("0..1, 2", FLOAT, "say how many"),
    "no way up": ("1..8 x1", INT, "does not lead"),
    "too many": ("1..128 +0.00001", FLOAT, "more than 10000"),
    "neither": ("maybe", YES, "neither true nor false"),
    "infinite": ("inf", FLOAT, "no finite number"),
    "no file": ("file gone.txt", LONG, "There is no file gone.txt"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(name):
    text, spec, message = WRONG[name]
    with pytest.raises(ValueError, match=message):
        parse(text, spec, Files())


def test_a_range_without_a_number_is_all_between():
    span = parse("1e-5…1e-3 log", FLOAT)
    assert span == Span(1e-5, 1e-3, True, False)
    assert isinstance(span, Span)
    assert [span.at(place) for place in (0, 0.5, 1)] == [1e-5, 1e-4, 1e-3]
    whole = parse("1..9", INT)
    assert isinstance(whole, Span) and whole.at(0.49) == 5


def test_a_seed_keeps_all_its_digits():
    spec = Spec.of(["INT", {"min": 0, "max": 2**64 - 1}])
    assert parse(f"{2**64 - 1}", spec) == (2**64 - 1,)


def test_files_are_not_read_where_there_is_no_reader():
    assert parse("file prompts.txt", LONG) == ("file prompts.txt",)
