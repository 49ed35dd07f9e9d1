import pytest

from atelier.training.evaluation.prompts import SUBJECTS, SuiteSettings, suggest
from atelier.training.evaluation.suite import KINDS, make, read, without_trigger, write
from atelier.training.evaluation.suite_files import save
from atelier.training.settings.group import checked

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


CAPTIONS = ["a man with red hair", "ohwx in a boat", "ohwx in a boat", "", "a house\nat night"]


def suggested(captions=CAPTIONS, noted="", **settings):
    given = {"trigger": "ohwx", "class_word": "a person"} | settings
    return suggest(captions, noted, checked(SuiteSettings, "Prompt Suite", given))


@pytest.mark.parametrize("subject", SUBJECTS)
def test_there_is_as_much_of_each_kind_as_was_asked_for(subject):
    counts = {"training": 2, "trigger_alone": 3, "contexts": 5, "styles": 4, "plain": 6}
    suite = suggested(subject=subject, **counts)
    assert {kind: len(suite.of_kind(kind)) for kind in KINDS} == dict(
        zip(KINDS, counts.values(), strict=True)
    )
    asked = [prompt for prompt in suite.prompts if prompt.kind != "plain"]
    assert all("ohwx" in prompt.text and "ohwx" not in prompt.plain for prompt in asked)
    assert all("ohwx" not in prompt.text for prompt in suite.of_kind("plain"))
    assert suite.of_kind("plain")[0].text == "a person"
    said = {prompt.plain for prompt in suite.of_kind("context")}
    assert sum(prompt.text in said for prompt in suite.of_kind("plain")) == 5
    assert read(write(suite)) == suite


def test_captions_are_those_that_the_trainer_sees():
    texts = {prompt.text for prompt in suggested(training=9).of_kind("training")}
    assert texts == {
        "ohwx, a man with red hair",
        "ohwx in a boat",
        "ohwx, a house at night",
    }


def test_a_seed_chooses():
    assert suggested(seed=1) == suggested(seed=1) != suggested(seed=2)


def test_the_datasets_own_trigger_stands_in():
    assert suggested(trigger="", noted="sks").trigger == "sks"
    without = suggested(trigger="")
    assert not without.of_kind("trigger") and not without.of_kind("plain")
    assert all("a person" in prompt.text for prompt in without.of_kind("context"))


def test_nothing_to_ask_for_is_said():
    with pytest.raises(ValueError, match="write trigger or class_word"):
        suggested(captions=(), trigger="", class_word="")


def test_a_suite_is_kept_and_none_is_written_over(tmp_path):
    first, again = (
        save(tmp_path / "suites", "mine", "a\n"),
        save(tmp_path / "suites", "mine", "a\n"),
    )
    other = save(tmp_path / "suites", "mine", "b\n")
    assert (first.name, again, other.name) == ("mine.txt", first, "mine-2.txt")
    assert (first.read_bytes(), other.read_bytes()) == (b"a\n", b"b\n")
