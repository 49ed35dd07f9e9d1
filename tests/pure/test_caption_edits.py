"""Captions edited: what each setting does, what stays as it is, and what is refused."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.captions.edit import edit
from atelier.training.captions.parts import Wanted, is_kaomoji, is_prose, key, parts
from atelier.training.captions.replacing import SECONDS
from atelier.training.captions.settings import CaptionEdits
from atelier.training.settings.group import checked

NEUTRAL = CaptionEdits()
TEXT = st.text(alphabet=st.sampled_from("ab_ ,|{}().:^\\é猫"), max_size=40)
TAGS = st.lists(st.text(alphabet="abc_ ", min_size=1, max_size=6), max_size=6).map(", ".join)


def edited(caption, **settings):
    (after,), _ = edit([(caption,)], CaptionEdits(**settings), ["a.png"])
    return after[0] if after else ""


@given(TEXT)
def test_the_parts_of_a_caption_make_it_again_byte_for_byte(text):
    assert str(parts(text)) == text
    assert str(parts(text).only(lambda _: True)) == text


@given(st.lists(TEXT.filter(bool), max_size=4))
def test_neutral_settings_change_nothing_byte_for_byte(captions):
    before = [(caption,) for caption in captions]
    after, done = edit(before, NEUTRAL)
    assert after == before
    assert not done


@given(TAGS.filter(str.strip))
def test_what_is_in_a_frame_stays_in_it_when_it_is_edited_again(caption):
    settings = {"trigger": "ohwx", "prefix": "pixel art,", "suffix": ", blue sky"}
    once = edited(caption, **settings)
    assert once.startswith("ohwx, pixel art,")
    assert once.endswith(", blue sky")
    assert edited(once, **settings) == once


@given(TAGS)
def test_order_and_once_lose_no_tag_and_settle(caption):
    settings = {"order": "alphabet", "once": True, "captions_are": "tags"}
    after = edited(caption, **settings)
    keys = [part.key for part in parts(after).each]
    assert keys == sorted(set(keys))
    assert set(keys) == {part.key for part in parts(caption).each} - {""}
    assert edited(after, **settings) == after


EDITS = [
    ("a cat", {"trigger": "ohwx"}, "ohwx, a cat"),
    ("a photo of OHWX", {"trigger": "ohwx"}, "a photo of OHWX"),
    ("ohwxs", {"trigger": "ohwx"}, "ohwx, ohwxs"),
    ("", {"trigger": "ohwx"}, "ohwx"),
    ("a cat", {"prefix": "a photo of"}, "a photo of a cat"),
    ("a photo of  a cat", {"prefix": "A photo of"}, "a photo of  a cat"),
    ("ant", {"prefix": "a"}, "a ant"),
    ("a cat.", {"suffix": "in pixel art"}, "a cat. in pixel art"),
    ("a cat", {"suffix": ", pixel art"}, "a cat, pixel art"),
    ("a cat", {"trigger": "ohwx", "prefix": "a photo of"}, "ohwx, a photo of a cat"),
    ("a.b a.b", {"find": "a.b", "replace": "$1 \\1"}, "$1 \\1 $1 \\1"),
    ("axb a.b", {"find": "a.b", "replace": ""}, "axb"),
    ("Cat, catfish, a cat", {"find": "cat", "find_as": "words", "replace": "dog"},
     "dog, catfish, a dog"),
    ("long_hair", {"find": "long hair", "find_as": "words", "replace": "x"}, "x"),
    ("img_12 x", {"find": r"(\w+)_(\d+)", "find_as": "regex", "replace": r"\2 \1"}, "12 img x"),
    ("Gray cat, gray_hair, graying", {"synonyms": "grey = gray"}, "Grey cat, grey_hair, graying"),
    ("a t-shirt, a tee", {"synonyms": "t-shirt = shirt, tee"}, "a t-shirt, a t-shirt"),
    ("big cat", {"synonyms": "lynx = big cat\nhat = cat"}, "lynx"),
    ("long_hair, ^_^, |_|, o_o, blue_eyes", {"underscores": "spaces"},
     "long hair, ^_^, |_|, o_o, blue eyes"),
    ("long hair, :d", {"underscores": "underscores"}, "long_hair, :d"),
    ("a, Long_Hair, b", {"drop": "long hair"}, "a, b"),
    ("a, long hair", {"drop": "long_hair"}, "a"),
    ("a, b", {"drop": "a\nb"}, ""),
    ("x, simple background, blue background y", {"drop": "*background"}, "x, blue background y"),
    ("a (b), c", {"drop": "a \\(b\\)"}, "c"),
    ("a, b, c", {"keep_only": "c, a"}, "a, c"),
    ("a, b,A , a_,c", {"once": True}, "a, b,c"),
    ("a,, b", {"once": True}, "a, b"),
    ("^_^, ^ ^", {"once": True}, "^_^, ^ ^"),
    ("c, a,b", {"order": "alphabet"}, "a, b,c"),
    ("c, b, a", {"first": "a, x*"}, "a, c, b"),
    ("x2, a, x1", {"first": "x*"}, "x2, x1, a"),
    ("z ||| c, b", {"order": "alphabet"}, "z ||| b, c"),
    ("z ||| c, b", {"drop": "c"}, "z ||| b"),
    ("z ||| c, b", {"drop": "z"}, "||| c, b"),
    ("c, {b, a|x}, a", {"order": "alphabet"}, "a, c, {b, a|x}"),
    ("b, ohwx, a", {"order": "alphabet", "trigger": "ohwx"}, "a, b, ohwx"),
    ("ohwx, b, a", {"order": "alphabet", "trigger": "ohwx"}, "ohwx, a, b"),
    ("A man sits, eats, and reads.", {"order": "alphabet", "once": True, "drop": "eats"},
     "A man sits, eats, and reads."),
    ("A man sits, eats, and reads.", {"drop": "eats", "captions_are": "tags"},
     "A man sits, and reads."),
    ("b, a", {"order": "alphabet", "captions_are": "sentences"}, "b, a"),
    ("b, a", {"overrides": "a.png = A red hat, = sold.", "trigger": "x"}, "A red hat, = sold."),
]  # fmt: skip


@pytest.mark.parametrize(("before", "settings", "after"), EDITS)
def test_each_setting_does_its_part(before, settings, after):
    assert edited(before, **settings) == after


def test_tags_go_by_how_many_captions_have_them():
    captions = [("a, b",), ("c, b",), ("c, b, b",), ("a_sentence here. And b, c.",)]
    after, done = edit(captions, CaptionEdits(order="frequent first"))
    assert after == [("b, a",), ("b, c",), ("b, b, c",), captions[3]]
    assert done["order"] == 3
    rare = edit(captions, CaptionEdits(order="rare first"))[0]
    assert rare[1] == ("c, b",)


def test_an_override_names_a_picture_by_its_end_or_in_full():
    names = ["a/x=1.png", "b/y.png", "y.png"]
    edits = CaptionEdits(overrides="x=1.png = one\ny.png=two\nb/y.png = three, = four")
    after, done = edit([("a",)] * 3, edits, names)
    assert after == [("one",), ("three, = four",), ("two",)]
    assert done["overrides"] == 3


def test_each_line_of_a_file_is_a_caption():
    after, _ = edit([("red", "drop")], CaptionEdits(trigger="ohwx", drop="drop"))
    assert after == [("ohwx, red", "ohwx")]


def test_what_was_done_is_counted():
    _, done = edit([("a, a, b",), ("b",)], CaptionEdits(once=True, drop="b", trigger="x"))
    assert done == {"drop": 2, "once": 1, "trigger, prefix, suffix": 2}


@pytest.mark.parametrize(
    ("names", "line"),
    [(["a/x.png", "b/x.png"], "x.png = c"), (["a/x.png"], "y.png = c"), (["x.png"], "x.png")],
)
def test_an_override_must_name_one_picture(names, line):
    with pytest.raises(ValueError, match=r"overrides: '(x|y)\.png'"):
        edit([("a",)] * len(names), CaptionEdits(overrides=line), names)


BOMBS = [
    ("(a|aa)+$", "a" * 200 + "b"),
    ("(?:a?){3000}a{3000}", "a" * 3000),
    ("((a{1,900}){1,900}){1,900}c", "a" * 3000),
]


@pytest.mark.parametrize(("find", "caption"), BOMBS)
def test_a_pattern_without_end_is_stopped_for_all_captions_together(monkeypatch, find, caption):
    monkeypatch.setattr("atelier.training.captions.replacing.Clock.left", 0.2)
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"find: .* was stopped after 5 s, at the caption 'aaa"):
        edit([(caption,)] * 50, CaptionEdits(find=find, find_as="regex"))
    assert time.monotonic() - start < SECONDS


def test_a_replacement_cannot_grow_without_end():
    with pytest.raises(ValueError, match=r"more than 65536 characters"):
        edit([("a" * 60_000,)], CaptionEdits(find="a", replace="b" * 1000))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("a" * 65_000, {"synonyms": "b = a", "drop": "*a*a*b", "once": True}),
        ("a, " * 20_000, {"once": True, "order": "frequent first", "drop": "*b*c*"}),
        ("{" * 60_000, {"once": True}),
        (". " * 30_000, {"once": True}),
        ("a b " * 15_000, {"synonyms": "\n".join(f"x{n} = a b c{n}" for n in range(50))}),
    ],
)
def test_no_caption_takes_long(text, settings):
    start = time.monotonic()
    edited(text, **settings)
    assert time.monotonic() - start < 20  # in square time it would be minutes


REFUSED = [
    ({"find": "(", "find_as": "regex"}, "no regular expression"),
    ({"find": "a" * 1001, "find_as": "regex"}, "1000 characters"),
    ({"synonyms": "a = " + ", ".join(f"x{n}" for n in range(3000))}, "2000 are the most"),
    ({"synonyms": "grey"}, "line 1, 'grey'"),
    ({"synonyms": "a = b\nc = b"}, "'b' is to become 'a' and 'c'"),
    ({"synonyms": "a = b\nc = a"}, "'b' is to become 'a', which is to become something else"),
    ({"order": "random"}, "order"),
]


@pytest.mark.parametrize(("settings", "told"), REFUSED)
def test_settings_that_cannot_be_are_named(settings, told):
    with pytest.raises(ValueError, match=r"Edit Captions: ") as error:
        checked(CaptionEdits, "Edit Captions", settings)
    assert told in str(error.value)


def test_a_group_that_is_not_there_is_named():
    with pytest.raises(ValueError, match=r"replace: '\\\\2' cannot be used"):
        edited("ab", find="(a)", find_as="regex", replace=r"\2")


@pytest.mark.parametrize("tag", ["^_^", "o_o", ">_<", "|_|", "(o)_(o)", "0_0", "@_@", "3_3", "+_-"])
def test_kaomoji_are_known(tag):
    assert is_kaomoji(tag)
    assert key(tag) == tag


@pytest.mark.parametrize("tag", ["long_hair", "t_shirt", "a_b_c_d", "no", "_", "hand_on_own_hip"])
def test_tags_are_no_kaomoji(tag):
    assert not is_kaomoji(tag)


@pytest.mark.parametrize(
    ("caption", "prose"),
    [
        ("1girl, solo, love live!, dr. stone, :d", False),
        ("a sad person, no glasses, a deep complexion, wearing a hat", False),
        ("a person, hair that is rose, ivory clothes", False),
        ("A man, a woman and a dog sit on a bench.", True),
        ("a bulldog, a sheep dog, and a boxer in a yard", True),
        ("a black dog is running", True),
        ("a little girl climbing into a wooden playhouse", True),
        ("女の子が座っている。", True),
        ("", False),
    ],
)
def test_sentences_are_told_from_tags(caption, prose):
    assert is_prose(caption) is prose


def test_a_star_stands_for_anything():
    wanted = Wanted("a*b*c, *x")
    assert [wanted.has(one) for one in ("abc", "a1b2c", "ac", "abcd", "x", "1x", "x1")] == [
        *(True, True, False, False, True, True, False)
    ]
