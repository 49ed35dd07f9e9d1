import pytest
from PIL import Image

from atelier.training.evaluation import picture
from atelier.training.evaluation.plan import Sampling, lines, make_plan, numbers

HOW = Sampling("", 20, 3.0, "euler", "simple", 128, 128)


def plan(**changes):
    texts = {"prompts": "a cat\na dog", "seeds": "1, 2", "strengths": "0.5, 1"} | changes
    return make_plan("grid", **texts, sampling=HOW, made_from="base")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("1", [1.0]),
        ("0.5, 1", [0.5, 1.0]),
        ("1;2 3,  4", [1.0, 2.0, 3.0, 4.0]),
        ("1, 1, 2", [1.0, 2.0]),
        ("-0.5", [-0.5]),
    ],
)
def test_numbers_are_read_as_people_write_them(text, wanted):
    assert numbers(text, "strengths") == wanted


@pytest.mark.parametrize("text", ["", "a", "1, b", "nan", "inf", "1e30"])
def test_other_words_are_named(text):
    with pytest.raises(ValueError, match="strengths: "):
        numbers(text, "strengths")


def test_prompts_are_lines():
    assert lines("a cat\n\n  a dog \na cat\n") == ["a cat", "a dog"]


def test_the_base_is_always_the_first_column_and_rows_are_prompt_by_seed():
    made = plan()
    assert made.strengths == (0.0, 0.5, 1.0)
    assert made.rows == (("a cat", 1), ("a cat", 2), ("a dog", 1), ("a dog", 2))
    assert [cell.strength for cell in made.cells[:3]] == [0.0, 0.5, 1.0]
    assert plan(strengths="0, 1").strengths == (0.0, 1.0)


def test_a_changed_prompt_changes_its_own_cells_only():
    before = {cell.key for cell in plan().cells}
    after = {cell.key for cell in plan(prompts="a cat\na bird").cells}
    assert len(before & after) == 6  # the cat's two rows of three


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"prompts": " \n"}, "prompts: there is none", id="no prompt"),
        pytest.param({"seeds": "1.5"}, "seeds: '1.5' must be whole", id="seed"),
        pytest.param({"seeds": "-1"}, "seeds: '-1' must be whole", id="negative seed"),
        pytest.param(
            {"prompts": "\n".join(map(str, range(3000)))}, "more than 4096 pictures", id="too many"
        ),
    ],
)
def test_what_cannot_be_drawn_is_said_before_the_first_picture(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


def test_pages_hold_every_cell_at_full_size_below_the_limit(monkeypatch):
    monkeypatch.setattr(picture, "MOST_PIXELS", 400_000)
    colours = [(10 * row, 100 * column, 0) for row in range(7) for column in range(2)]
    cells = [
        [Image.new("RGB", (128, 128), colours[2 * row + column]) for column in range(2)]
        for row in range(7)
    ]
    made = list(picture.pages(cells, [f"row {n}\nseed" for n in range(7)], ["off", "on"]))
    assert len(made) > 1
    assert all(page.width * page.height <= 400_000 for page in made)
    seen = [c for page in made for count, c in page.getcolors(1 << 20) or [] if count >= 128 * 128]
    assert set(colours) <= set(seen)


def test_long_prompts_are_wrapped():
    font = picture.ImageFont.load_default(13)
    wrapped = picture.wrap("a portrait of a person with a very long description", 100, font)
    assert len(wrapped) > 3
    assert all(font.getlength(line) <= 100 for line in wrapped)
