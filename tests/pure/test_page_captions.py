"""What the dataset page does to captions, and where it puts its cells, evaluated by node."""

import pytest

from .script import evaluate

EDITS = [
    ({"kind": "prefix", "text": "mycat, "}, "on a sofa", "mycat, on a sofa"),
    ({"kind": "prefix", "text": "mycat, "}, "mycat, on a sofa", "mycat, on a sofa"),
    ({"kind": "suffix", "text": ", photo"}, "on a sofa\n", "on a sofa, photo\n"),
    ({"kind": "suffix", "text": ", photo"}, "a sofa, photo", "a sofa, photo"),
    ({"kind": "replace", "text": "cat", "by": "dog"}, "a Cat, cats", "a dog, dogs"),
    ({"kind": "replace", "text": "cat", "by": "dog", "matchCase": True}, "Cat, cat", "Cat, dog"),
    ({"kind": "replace", "text": "a.c", "by": "$&"}, "a.c abc", "$& abc"),
    ({"kind": "replace", "text": "(1/2) [x] -y", "by": ""}, "a (1/2) [x] -y", "a "),
    ({"kind": "replace", "text": r"(\w+) b", "by": "b of $1", "regex": True}, "a b", "b of a"),
    ({"kind": "replace", "text": "^", "by": "> ", "regex": True}, "a", "> a"),
    ({"kind": "replace", "text": "", "by": "x"}, "a", "a"),
    ({"kind": "add", "text": "smile"}, "hat, red", "hat, red, smile"),
    ({"kind": "add", "text": "smile", "first": True}, "hat", "smile, hat"),
    ({"kind": "add", "text": "Red_Hat"}, "a, red hat", "a, red hat"),
    ({"kind": "add", "text": "smile"}, "", "smile"),
    ({"kind": "remove", "text": "red hat"}, "a,  b, Red_hat ,c", "a,  b,c"),
    ({"kind": "remove", "text": "a"}, "a, b", "b"),
    ({"kind": "remove", "text": "a"}, "a", ""),
    ({"kind": "remove", "text": "hat"}, "red hat,  odd ,,spaces", "red hat,  odd ,,spaces"),
    ({"kind": "remove", "text": "a"}, "a, b\nc, a\n", "b\nc\n"),
]  # fmt: skip


def test_edits_change_what_they_say_and_nothing_else():
    expression = "values[0].map(([edit, caption]) => m.editor(edit)(caption))"
    found = evaluate("captions.js", expression, [edit[:2] for edit in EDITS])
    assert found == [after for _, _, after in EDITS]


def test_a_pattern_that_is_none_is_an_error():
    expression = "(() => { try { m.editor(values[0]) } catch (error) { return error.message } })()"
    edit = {"kind": "replace", "text": "(", "regex": True}
    assert "(" in evaluate("captions.js", expression, edit)


def test_tags_are_counted_once_a_caption_in_their_first_spelling():
    captions = ["Red_hat, red hat, smile", "red hat\nblue", "smile, red hat"]
    expression = """m.countTags(values[0].map(m.tagsOf).map(tags =>
        ({ tags, foldedTags: tags.map(m.foldTag) }))).map(one => [one.tag, one.count])"""
    found = evaluate("captions.js", expression, captions)
    assert found == [["Red_hat", 3], ["smile", 2], ["blue", 1]]


@pytest.mark.parametrize(
    ("before", "after", "parts"),
    [
        ("a cat", "a dog", ["a ", "cat", "dog", ""]),
        ("a cat", "a cat, x", ["a cat", "", ", x", ""]),
        ("aa", "aaa", ["aa", "", "a", ""]),
        ("", "x", ["", "", "x", ""]),
        ("same", "same", ["same", "", "", ""]),
    ],
)
def test_a_difference_is_what_lies_between(before, after, parts):
    found = evaluate("captions.js", "m.difference(...values)", before, after)
    assert [found["start"], found["removed"], found["added"], found["end"]] == parts


def test_only_what_is_seen_is_laid_out():
    expression = """values.map(([width, count, top, height]) => {
        const layout = m.layOut(width, count, 130);
        return [layout.columns, layout.rows, ...m.seen(layout, top, height)];
    })"""
    cases = [[300, 10_000, 0, 800], [1200, 10_000, 100_000, 800], [50, 3, 0, 800], [300, 0, 0, 800]]
    found = evaluate("layout.js", expression, *cases)
    assert [one[:2] for one in found] == [[2, 5000], [8, 1250], [1, 3], [2, 0]]
    for _, rows, first, last in found:
        assert 0 <= first <= last <= rows and last - first < 12


def test_a_row_that_is_hidden_is_scrolled_to_and_no_further():
    expression = """(() => {
        const layout = m.layOut(600, 1000, 130);
        return values.map(([row, top]) => m.scrolledTo(layout, row, top, 700) / layout.row);
    })()"""
    near, above, below = evaluate("layout.js", expression, [1, 0], [3, 5000], [100, 0])
    assert near == 0 and above == 3 and 97 < below < 99
