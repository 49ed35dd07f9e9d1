import json
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from atelier.training.evaluation import picture
from atelier.training.evaluation.axes import Axes, numbers
from atelier.training.evaluation.candidates import Candidate, chosen_steps, combined, named_apart
from atelier.training.evaluation.grid import drawings
from atelier.training.evaluation.manifest import describe, read
from atelier.training.evaluation.plan import Sampling, Shown, Wanted, make_plan

HOW = Sampling("", 20, 3.0, "euler", "simple", 128, 128)
ONE = (Shown("ink", "content of ink"),)
TWO = (*ONE, Shown("hat", "content of hat", place=1))
STEPS = tuple(Shown("run", f"content {step}", step) for step in (100, 200))


def plan(shown=ONE, made_from=lambda prompt: "base", axes=None, **changes):
    texts: dict[str, str] = {"prompts": "a cat\na dog", "seeds": "1, 2", "strengths": "0.5, 1"}
    names: dict[str, Any] = {"samplers": ("euler", "heun"), "schedulers": ("simple", "karras")}
    axes = Axes(**axes or {})
    wanted = Wanted("grid", **texts | changes, sampling=HOW, axes=axes, **names)
    return make_plan(wanted, shown, made_from)


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


def test_the_base_is_always_the_first_column_and_rows_are_prompt_by_seed():
    made = plan()
    assert made.column_labels == ["without LoRA", "strength 0.5", "strength 1"]
    assert made.row_labels == ["a cat\nseed 1", "a cat\nseed 2", "a dog\nseed 1", "a dog\nseed 2"]
    assert [(cell.strength, cell.shown) for cell in made.cells[:3]] == [
        (0.0, None),
        (0.5, ONE[0]),
        (1.0, ONE[0]),
    ]
    assert plan(strengths="0, 1").column_labels == ["without LoRA", "strength 1"]
    assert plan(strengths="0").column_labels == ["without LoRA"]


@pytest.mark.parametrize(
    ("shown", "axes", "columns", "rows"),
    [
        pytest.param(
            TWO,
            {},
            ["without LoRA", "ink · strength 1", "hat · strength 1"],
            ["a cat\nseed 1"],
            id="two LoRAs",
        ),
        pytest.param(
            STEPS,
            {},
            ["without LoRA", "step 100 · strength 1", "step 200 · strength 1"],
            ["a cat\nseed 1"],
            id="checkpoints",
        ),
        pytest.param(
            TWO,
            {"rows": "lora"},
            ["without LoRA · a cat · seed 1", "strength 1 · a cat · seed 1"],
            ["ink", "hat"],
            id="LoRAs go down",
        ),
        pytest.param(
            ONE,
            {"rows": "seed, prompt, strength", "cfg": "1, 3"},
            ["without LoRA · cfg 1", "without LoRA · cfg 3", "with LoRA · cfg 1"]
            + ["with LoRA · cfg 3"],
            ["seed 1\na cat\nstrength 1"],
            id="all of the LoRA goes down",
        ),
        pytest.param(
            ONE,
            {"steps": "4 8", "rows": "prompt, seed, steps", "sizes": "64x128"},
            ["without LoRA · 64×128", "strength 1 · 64×128"],
            ["a cat\nseed 1\nsteps 4", "a cat\nseed 1\nsteps 8"],
            id="settings",
        ),
        pytest.param(
            ONE,
            {"batch_size": 2, "samplers": "heun", "schedulers": "karras"},
            ["without LoRA · heun · karras", "strength 1 · heun · karras"],
            ["a cat\nseed 1 · 1 of 2", "a cat\nseed 1 · 2 of 2"],
            id="batches",
        ),
    ],
)
def test_what_varies_goes_down_or_across(shown, axes, columns, rows):
    made = plan(shown, prompts="a cat", seeds="1", strengths="1", axes=axes)
    assert (made.column_labels, made.row_labels) == (columns, rows)
    assert len(made.cells) == len(rows) * len(columns)
    base = sum("without LoRA" in label for label in columns)
    assert all((cell.shown is None) == (cell.column < base) for cell in made.cells)
    assert all((cell.strength == 0) == (cell.shown is None) for cell in made.cells)


def test_settings_reach_their_cells():
    axes = {"cfg": "1, 3", "steps": "4", "samplers": "heun", "sizes": "64x128"}
    cells = plan(axes=axes).cells
    assert {cell.sampling for cell in cells} == {
        replace(HOW, cfg=cfg, steps=4, sampler_name="heun", width=64, height=128)
        for cfg in (1.0, 3.0)
    }
    assert set(cells[0].settings) == {"cfg", "steps", "sampler_name", "width", "height"}


def test_the_base_is_drawn_once_for_all_rows_that_show_it():
    made = plan(TWO, axes={"rows": "prompt, seed, lora"})
    assert len(made.cells) == 2 * 2 * 2 * 3
    assert len(drawings(made)) == 2 * 2 * (1 + 2 * 2)


def test_a_batch_is_one_drawing():
    made = plan(axes={"batch_size": 3})
    assert len({cell.key for cell in made.cells}) == len(made.cells) == 4 * 3 * 3
    drawn = drawings(made)
    assert len(drawn) == 4 * 3
    assert sorted(key for one in drawn for key in one.keys) == sorted(c.key for c in made.cells)


def test_another_lora_leaves_the_base_as_it_is():
    first, other = plan(), plan(shown=(Shown("ink", "other content"),))
    same = [a.key == b.key for a, b in zip(first.cells, other.cells, strict=True)]
    assert same == [cell.shown is None for cell in first.cells]


def test_a_changed_prompt_changes_its_own_cells_only():
    before = {cell.key for cell in plan().cells}
    after = {cell.key for cell in plan(prompts="a cat\na bird").cells}
    assert len(before & after) == 6  # the cat's two rows of three


def test_what_a_prompt_names_changes_its_own_cells_only():
    """The file of an embedding, say."""
    before = {cell.key for cell in plan().cells}
    changed = plan(made_from=lambda prompt: "other" if "dog" in prompt else "base")
    assert len(before & {cell.key for cell in changed.cells}) == 6


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"prompts": " \n"}, "prompts: there is none", id="no prompt"),
        pytest.param({"seeds": "1.5"}, "seeds: '1.5' must be whole", id="seed"),
        pytest.param({"seeds": "-1"}, "seeds: '-1' must be whole", id="negative seed"),
        pytest.param(
            {"prompts": "\n".join(map(str, range(3000)))}, "more than 4096 pictures", id="too many"
        ),
        pytest.param({"shown": ()}, "There is no LoRA to judge", id="no LoRA"),
        *(
            pytest.param({"axes": axes}, message, id=message)
            for axes, message in [
                ({"steps": "0"}, "steps: '0' must be whole numbers from 1 to 10000"),
                ({"steps": "4.5"}, "steps: '4.5' must be whole"),
                ({"cfg": "101"}, "cfg: 101 must be a number from 0 to 100"),
                ({"samplers": "eular"}, "samplers: 'eular' is none that ComfyUI has"),
                ({"schedulers": "x"}, "schedulers: 'x' is none that ComfyUI has: karras, simple"),
                ({"sizes": "1024"}, "sizes: '1024' is no size"),
                ({"sizes": "100x100"}, "sizes: '100x100' is no size"),
                ({"rows": "prompt, width"}, "rows: 'width' is nothing that a grid varies"),
            ]
        ),
    ],
)
def test_what_cannot_be_drawn_is_said_before_the_first_picture(changes, message):
    with pytest.raises(ValueError, match=message):
        plan(**changes)


def test_a_seed_is_what_was_written():
    assert plan(seeds="18446744073709551615").cells[0].seed == 2**64 - 1


def laid(monkeypatch, rows, columns, limit):
    monkeypatch.setattr(picture, "MOST_PIXELS", limit)
    asked = []

    def cell(row, column):
        asked.append((row, column))
        return Image.new("RGB", (128, 128), (10 * row, 20 * column, 0))

    names = [f"row {n}\nseed" for n in range(rows)], [f"column {n}" for n in range(columns)]
    made = []
    for page in picture.pages(picture.Table(cell, (128, 128), *names)):
        made.append(page)
        assert page.width * page.height <= limit
    return made, asked


@pytest.mark.parametrize(("rows", "columns"), [(7, 2), (2, 12), (5, 9)])
def test_pages_hold_every_cell_at_full_size_below_the_limit(monkeypatch, rows, columns):
    made, asked = laid(monkeypatch, rows, columns, 400_000)
    assert len(made) > 1
    assert sorted(asked) == [(row, column) for row in range(rows) for column in range(columns)]
    seen = [c for page in made for count, c in page.getcolors(1 << 20) or [] if count >= 128 * 128]
    assert {(10 * row, 20 * column, 0) for row, column in asked} <= set(seen)


def test_a_page_asks_for_its_own_pictures_only(monkeypatch):
    monkeypatch.setattr(picture, "MOST_PIXELS", 400_000)
    asked = []

    def cell(row, column):
        asked.append(row)
        return Image.new("RGB", (128, 128))

    first = next(picture.pages(picture.Table(cell, (128, 128), [""] * 1000, ["", ""])))
    assert len(asked) < 30 and first.height < 3000


def test_long_prompts_are_wrapped():
    font = picture.ImageFont.load_default(13)
    wrapped = picture.wrap("a portrait of a person with a very long description", 100, font)
    assert len(wrapped) > 3
    assert all(font.getlength(line) <= 100 for line in wrapped)


def test_the_manifest_says_what_each_picture_was_made_with():
    told = describe(plan(STEPS, strengths="1", axes={"cfg": "1, 3"}, prompts="## plain\na cat"))
    assert told["row_axes"] == ["prompt", "seed"] and len(told["rows"]) == 2
    assert told["column_axes"] == ["checkpoint", "strength", "cfg"]
    assert told["columns"][0] == {"checkpoint": "without LoRA", "strength": "", "cfg": "1"}
    assert "cfg" not in told["sampling"] and told["sampling"]["steps"] == 20
    assert told["cells"][0] | {"key": "", "file": ""} == {
        "row": 0,
        "column": 0,
        "key": "",
        "file": "",
        "prompt": "a cat",
        "plain": "a cat",
        "kind": "plain",
        "seed": 1,
        "lora": "",
        "checkpoint": None,
        "strength": 0.0,
        "settings": {"cfg": 1.0},
    }
    assert [(c["lora"], c["checkpoint"]) for c in told["cells"][2:4]] == [("run", 100)] * 2


def test_a_manifest_of_version_1_is_read_as_one_of_the_newest(tmp_path):
    cell = {"row": 0, "prompt": "a cat", "seed": 1, "key": "ab", "file": "ab/ab.png"}
    cells = [cell | {"column": 0, "strength": 0.0}, cell | {"column": 1, "strength": 0.5}]
    old = {"version": 1, "name": "g", "sampling": {"steps": 4}, "cells": cells, "pages": ["p"]}
    (tmp_path / "manifest.json").write_text(json.dumps(old))
    found = read(tmp_path)
    assert found["version"] == 2 and found["pages"] == ["p"]
    assert found["columns"] == [{"strength": "without LoRA"}, {"strength": "0.5"}]
    assert found["cells"][1] == cells[1] | {
        "plain": "a cat",
        "kind": "context",
        "checkpoint": None,
        "settings": {},
        "lora": "LoRA",
    }


@pytest.mark.parametrize("text", ["", "[]", '{"version": 3}', '{"version": 1}', "{"])
def test_what_is_no_manifest_is_named(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match=r"manifest\.json"):
        read(tmp_path)


def candidates(*names):
    return [Candidate(name, (name,)) for name in names]


def test_loras_are_combined():
    some = candidates("a", "b", "c")
    assert combined(some, "each alone") == some
    assert [one.name for one in combined(some, "all together")] == ["a + b + c"]
    both = combined(some, "on and off")
    assert [one.name for one in both] == [*("a", "b", "c", "a + b", "a + c", "b + c", "a + b + c")]
    assert both[4].items == ("a", "c")
    with pytest.raises(ValueError, match="13 LoRAs on and off are 8191 combinations"):
        combined(candidates(*map(str, range(13))), "on and off")


def test_loras_of_one_name_are_told_apart():
    assert [one.name for one in named_apart(candidates("a", "a", "b"))] == ["a", "a (2)", "b"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("all", [100, 200, 300]), ("300, 100", [100, 300]), ("last best", [200, 300])],
)
def test_checkpoints_are_chosen(text, wanted):
    assert chosen_steps(text, dict.fromkeys((100, 200, 300)), 300, 200, "r") == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("150", "has no LoRA of '150'. There are steps 100, 200"),
        ("best", "has no 'best' weights: no held-out loss"),
        ("", "none of the run r is named"),
    ],
)
def test_a_checkpoint_that_is_not_there_is_named(text, message):
    with pytest.raises(ValueError, match=message):
        chosen_steps(text, dict.fromkeys((100, 200)), 200, None, "r")
