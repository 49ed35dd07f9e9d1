import pytest

from atelier.training.evaluation.suite import KINDS, make, read, without_trigger, write

SUITE = make(
    "ohwx",
    "a person",
    [
        ("training", "ohwx, a man\nwith red hair"),
        ("trigger", "ohwx"),
        ("context", "a photo of OHWX on a beach: sunset"),
        ("style", "# ohwx as a drawing"),
        ("style", r"\# ohwx"),
        ("plain", "a person"),
        ("plain", "ohwx"),
    ],
)


def test_a_suite_is_read_as_it_was_written():
    assert read(write(SUITE)) == SUITE
    assert [prompt.kind for prompt in SUITE.prompts] == [*KINDS[:4], "style", "plain"]
    assert SUITE.prompts[0].text == "ohwx, a man with red hair"


def test_plain_says_it_without_the_trigger():
    assert [prompt.plain for prompt in SUITE.prompts[:3]] == [
        "a person, a man with red hair",
        "a person",
        "a photo of a person on a beach: sunset",
    ]


@pytest.mark.parametrize(
    ("text", "class_word", "wanted"),
    [
        ("an ohwx dog runs", "a dog", "a dog runs"),
        ("ohwx runs", "a dog", "a dog runs"),
        ("a photo of the ohwx", "a dog", "a photo of a dog"),
        ("a ohwx dogfish", "dog", "a dog dogfish"),
        ("ohwxy runs", "a dog", "ohwxy runs"),
        ("ohwx, a dog", "", "a dog"),
        ("a dog, ohwx", "", "a dog"),
        ("ohwx runs", r"\1", r"\1 runs"),
    ],
)
def test_the_class_word_takes_the_triggers_place(text, class_word, wanted):
    assert without_trigger(text, "ohwx", class_word) == wanted


def test_a_list_of_prompts_is_a_suite_of_contexts():
    suite = read("a cat\n\n  a dog \na cat\n#1 fan\n")
    assert [p.text for p in suite.prompts] == ["a cat", "a dog", "#1 fan"]
    assert {p.kind for p in suite.prompts} == {"context"}
    assert all(p.plain == p.text for p in suite.prompts)


def test_what_people_write_beside_is_understood():
    suite = read(
        "# my suite\n# Trigger:  ohwx\n# class word:\n##  Style \nohwx, ink\n## plain\ncat"
    )
    assert (suite.trigger, suite.class_word) == ("ohwx", "")
    assert [(p.kind, p.text, p.plain) for p in suite.prompts] == [
        ("style", "ohwx, ink", "ink"),
        ("plain", "cat", "cat"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("## contexts\na", "line 1: '## contexts' is no heading of a suite"),
        ("a \ud800", "half a character"),
    ],
)
def test_what_cannot_be_read_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
