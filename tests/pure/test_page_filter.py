"""The filter language of the dataset page, evaluated by node over a few pictures."""

import pytest

from .script import evaluate

PICTURES = {
    "a": {"caption": "red_hat, smile, standing", "tokens": 5, "flags": ["soft"], "cluster": 3},
    "b": {"caption": "blue hat, sitting", "tokens": 80, "flags": ["too dark"], "width": 512,
          "alike": 2},
    "c": {"caption": "A photo of a Red hat: old", "tokens": 75, "decided": "set aside"},
    "d/e": {"caption": "", "flags": ["near duplicate"], "mask": True, "problem": "cut short"},
    "f": {"caption": "smile (anime), 100%, a\"b", "tokens": 76, "cluster": 1, "draft": "x"},
}  # fmt: skip
RUN = """(() => {
    const [pictures, filters] = values;
    const all = Object.entries(pictures).map(([name, own]) => ({
        name, tokens: null, flags: [], cluster: 0, alike: 0, width: 0, height: 0, mask: false,
        decided: "", problem: "", draft: null, ...own,
        folded: fold(own.caption), foldedTags: own.caption.split(",").map(fold).filter(Boolean),
    }));
    function fold(text) { return text.toLowerCase().replaceAll("_", " ").trim(); }
    return filters.map(text => {
        try {
            const test = m.compile(text, picture => picture.name === "a");
            return all.filter(test).map(picture => picture.name).join(" ");
        } catch (error) {
            if (!(error instanceof m.FilterError)) throw error;
            return [error.message, error.at, error.end];
        }
    });
})()"""
FOUND = {
    "": "a b c d/e f",
    "   ": "a b c d/e f",
    "hat": "a b c",
    "HAT": "a b c",
    "tag:red_hat": "a",
    'tag:"red hat"': "a",
    "tag:Red_Hat": "a",
    "tag:hat": "",
    "tag:*hat": "a b",
    "tag:s*": "a b f",
    "tag:sm?le": "a",
    "tag:smile_(anime)": "f",
    'tag:"smile (anime)"': "f",
    'tag:"a\\"b"': "f",
    'tag:"s*"': "",
    "caption:red_hat": "a c",
    'caption:"hat: old"': "c",
    "caption:r*old": "c",
    "caption:100%": "f",
    "name:d/": "d/e",
    "tokens:>75": "b f",
    "tokens:>=75": "b c f",
    "tokens:<75": "a",
    "tokens:<=75": "a c",
    "tokens:75": "c",
    "tokens:=75": "c",
    "tokens:75..79": "c f",
    "tags:2": "b",
    "width:>500": "b",
    "flag:blur": "a",
    "flag:soft": "a",
    "flag:dark": "b",
    "flag:duplicate": "d/e",
    "flag:*": "a b d/e",
    "NOT flag:*": "c f",
    "cluster:3": "a",
    "alike:>0": "b",
    "is:aside": "c",
    "is:kept": "a b d/e f",
    "is:selected": "a",
    "is:empty": "d/e",
    "is:masked": "d/e",
    "is:broken": "d/e",
    "is:unsaved": "f",
    "hat smile": "a",
    "hat AND smile": "a",
    "hat OR smile": "a b c f",
    "smile OR hat tokens:>75": "a b f",
    "(smile OR hat) tokens:>75": "b f",
    "hat NOT smile": "b c",
    "hat -smile": "b c",
    "hat !tag:smile": "b c",
    "NOT(hat OR smile)": "d/e",
    "NOT NOT hat": "a b c",
    "((hat))": "a b c",
    "and": "a",
    "-": "",
}
WRONG = {
    "(hat": ("This parenthesis is not closed.", 0, 1),
    "hat OR (smile AND (a)": ("This parenthesis is not closed.", 7, 8),
    "hat)": ("This parenthesis was never opened.", 3, 4),
    "hat OR": ("Something to look for is missing before the end.", 6, 6),
    "OR hat": ("Something to look for is missing before “OR”.", 0, 2),
    "()": ("Something to look for is missing before “)”.", 1, 2),
    "hat AND AND b": ("Something to look for is missing before “AND”.", 8, 11),
    "NOT": ("Something to look for is missing before the end.", 3, 3),
    'hat tag:"red': ("This quote is not closed.", 8, 12),
    "tag:": ("“tag:” needs a value after it.", 0, 4),
    "tag:(a OR b)": ("“tag:” needs a value after it.", 0, 4),
    "tokens:many": ("“tokens:” wants a number", 0, 11),
    "tokens:>": ("“tokens:” wants a number", 0, 8),
    "hat is:red": ("“is:” wants one of: aside, kept", 4, 10),
    "colour:red": ("There is no “colour:”. There are tag: caption:", 0, 7),
}


@pytest.fixture(scope="module")
def answers():
    texts = [*FOUND, *WRONG]
    found = evaluate("filter.js", RUN, PICTURES, texts)
    return dict(zip(texts, found, strict=True))


@pytest.mark.parametrize("text", FOUND, ids=repr)
def test_finds(answers, text):
    assert answers[text] == FOUND[text]


@pytest.mark.parametrize("text", WRONG, ids=repr)
def test_says_what_is_wrong_and_where(answers, text):
    message, at, end = WRONG[text]
    found, start, stop = answers[text]
    assert found.startswith(message) and [start, stop] == [at, end]


@pytest.mark.parametrize("tag", ["red hat", 'a"b', "smile (anime)", "c:d", "x\\y", "NOT", "*"])
def test_a_tag_that_is_clicked_is_found_again(tag):
    picture = {"p": {"caption": tag, "foldedTags": [tag.lower()]}}
    (found,) = evaluate("filter.js", RUN.replace("filters]", "tags]").replace(
        "return filters", "const filters = tags.map(m.tagTerm); return filters"
    ), picture, [tag])  # fmt: skip
    assert found == "p"
