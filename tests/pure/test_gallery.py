"""Grids read for looking at: both versions, and what nobody should have written."""

import json
import math
import os

import numpy as np
import pytest
from PIL import Image

from atelier.tests.galleries import BASE, keys, write_grid
from atelier.training.evaluation import gallery, gallery_scores
from atelier.training.evaluation.galleries import Galleries, folder_of, listed
from atelier.training.evaluation.grid import save_cell, save_pages

from .test_plan import plan


def changed(folder, **changes):
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return folder


def test_a_grid_has_labels_and_cells(tmp_path):
    found = gallery.read(write_grid(tmp_path, scores=True))
    assert found.rows == ["a cat\nseed 1", "a cat\nseed 2", "a dog\nseed 1", "a dog\nseed 2"]
    assert found.columns == [BASE, "strength 0.5", "strength 1"]
    assert len(found.tiles) == 12 and found.sampling["cfg"] == "3"
    told = gallery.told(found)
    assert told["cells"][-1]["seed"] == "2" and told["cells"][-1]["strength"] == 1
    assert told["recommendation"]["column"] == 1
    assert told["recommendation"]["reasons"] == ["It is like them, and no copy."]
    assert told["recommendation"]["advice"] == ["More pictures like hats/01.png."]
    half, full = told["recommendation"]["points"]
    assert half["chosen"] and half["label"] == "strength 0.5" and half["flags"] == []
    assert full["fidelity"] == {"mean": 0.5, "low": 0.375, "high": 0.625}
    assert (full["column"], full["chosen"], full["flags"]) == (2, False, ["copying"])
    assert told["scores"]["identity"]["columns"]["2"]["n"] == 4
    json.dumps(told, allow_nan=False)


def test_what_the_node_writes_is_read(tmp_path):
    made = plan(prompts="a cat\na dog", seeds="1, 2", strengths="1")
    for cell in made.cells:
        save_cell(tmp_path / "cells", cell.key, np.zeros((48, 64, 3), np.float32))
    folder = save_pages(made, tmp_path / "cells", tmp_path / "grids")[0].parent
    found = gallery.read(folder)
    assert [label.split("\n")[0] for label in found.rows] == ["a cat", "a cat", "a dog", "a dog"]
    assert found.rows == made.row_labels and found.columns == made.column_labels
    assert gallery.told(found)["cells"][2]["seed"] == "2" and found.made
    with Image.open(tmp_path / "cells" / found.tiles[0].file) as picture:
        assert picture.size == (64, 48)


def test_a_grid_of_before_is_read(tmp_path):
    folder = write_grid(tmp_path)
    now = json.loads((folder / "manifest.json").read_text())
    names = ("row", "column", "prompt", "seed", "strength", "key", "file")
    old = {name: now[name] for name in ("name", "sampling", "pages")} | {"version": 1}
    old["cells"] = [{name: cell[name] for name in names} for cell in now["cells"]]
    (folder / "manifest.json").write_text(json.dumps(old))
    found = gallery.read(folder)
    assert found.rows[3] == "a dog\nseed 2" and found.columns[0] == BASE
    assert [tile.lora for tile in found.tiles[:3]] == ["", "LoRA", "LoRA"] and found.made == ""


def test_seeds_are_told_whole(tmp_path):
    found = gallery.read(write_grid(tmp_path, seeds=[2**64 - 1]))
    assert gallery.told(found)["cells"][0]["seed"] == "18446744073709551615"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"version": 3}, ".*newer Atelier"),
        ({"cells": []}, "cells"),
        ({"cells": "all"}, "cells"),
        ({"rows": [1]}, "rows.0"),
    ],
)
def test_another_manifest_is_refused_by_what_is_wrong(tmp_path, changes, where):
    with pytest.raises(ValueError, match=f"manifest.json is no grid's manifest \\({where}"):
        gallery.read(changed(write_grid(tmp_path), **changes))


@pytest.mark.parametrize(
    "file",
    ["../../secret.png", "/etc/passwd", "aa/../../x.png", "aa\\bb.png", "C:/x.png", "aa/x.png"],
)
def test_no_cell_leads_elsewhere(tmp_path, file):
    folder = write_grid(tmp_path)
    cells = json.loads((folder / "manifest.json").read_text())["cells"]
    cells[0]["file"] = file
    with pytest.raises(ValueError, match="cells.0.file"):
        gallery.read(changed(folder, cells=cells))


@pytest.mark.parametrize("text", ["", "[", "[" * 100_000, '"text"', "\0"])
def test_what_is_no_manifest_is_refused(tmp_path, text):
    folder = write_grid(tmp_path)
    (folder / "manifest.json").write_text(text)
    with pytest.raises(ValueError, match="is no grid's manifest"):
        gallery.read(folder)


def test_labels_that_lack_are_numbers(tmp_path):
    found = gallery.read(changed(write_grid(tmp_path), rows=[], columns=[{}]))
    assert found.rows[3] == "row 4" and found.columns == ["column 1", "column 2", "column 3"]


def test_only_numbers_and_texts_of_scores_are_taken(tmp_path):
    key = "ab" * 32
    scores = {
        "identity": {
            "cells": {key: 0.5, "../x": 1, "cd" * 32: math.nan, "ef" * 32: "1"},
            "columns": {"0": {"mean": math.inf, "n": True}, "-1": {}, "0" * 9: {}, "x": 1},
            "better": "<b>", "says": 1, "ceiling": 10**400,
            "pairs": {key: {"picture": "../../x.png"}, "ab" * 16: {"picture": "p.png", "name": 1}},
        },
        "<script>": {}, "style": None,
    }  # fmt: skip
    (tmp_path / "scores.json").write_text(json.dumps({"scores": scores, "recommendation": [1]}))
    found, recommendation = gallery_scores.read(tmp_path)
    assert set(found) == {"identity", "style"} and recommendation is None
    one = found["identity"]
    assert one["cells"] == {key: 0.5} and one["better"] == "none" and one["says"] == ""
    assert one["ceiling"] is None and set(one["columns"]) == {"0"}
    assert one["columns"]["0"]["mean"] is None and one["columns"]["0"]["n"] is None
    assert one["pairs"] == {"ab" * 16: {"picture": "p.png", "name": ""}}
    points = [1, {}, {"column": 1}, {"label": 1, "fidelity": {"mean": "1", "low": math.nan}}]
    more = {"chosen": {"column": True}, "reasons": "x", "advice": [{}, "<b>"], "points": points}
    (tmp_path / "scores.json").write_text(json.dumps({"recommendation": more}))
    _, recommendation = gallery_scores.read(tmp_path)
    assert recommendation and recommendation["column"] is None and recommendation["reasons"] == []
    assert recommendation["advice"] == ["", "<b>"]
    one, other = recommendation["points"]
    assert one["column"] == 1 and one["chosen"] is False and one["flags"] == []
    assert other["label"] == "" and set(other["fidelity"].values()) == {None}
    (tmp_path / "scores.json").write_text("[" * 100_000)
    assert gallery_scores.read(tmp_path) == ({}, None)


def test_grids_are_listed_by_age_and_links_are_none(tmp_path):
    grids = tmp_path / "grids"
    assert listed(grids) == []
    for number, name in enumerate(("one", "two", "three")):
        manifest = write_grid(tmp_path, name, drawn=False) / "manifest.json"
        os.utime(manifest, (number, number))
    (grids / "empty").mkdir()
    (grids / "link").symlink_to(grids / "one")
    assert listed(grids) == ["three", "two", "one"]
    assert folder_of(grids, "two") == grids / "two"
    for name in ("link", "empty", "four"):
        with pytest.raises(LookupError):
            folder_of(grids, name)
    for name in ("../grids/one", "", "one/", "\0"):
        with pytest.raises(ValueError, match="grid name"):
            folder_of(grids, name)


def test_a_grid_is_read_again_when_it_is_another(tmp_path):
    folder = write_grid(tmp_path)
    galleries = Galleries(most=1)
    found = galleries.of(folder)
    assert galleries.of(folder) is found and not found.scores
    (folder / "scores.json").write_text('{"scores": {"style": {}}}')
    assert set(galleries.of(folder).scores) == {"style"}
    other = write_grid(tmp_path, "other")
    galleries.of(other)
    assert galleries.of(folder) is not found


def test_cells_are_found_by_key(tmp_path):
    folder = write_grid(tmp_path)
    found, table = gallery.read(folder), keys(folder)
    assert found.tile(table[1][2]).row == 1 and found.column_of[table[3][1]] == 1
    with pytest.raises(LookupError, match="is no cell"):
        found.tile("f" * 64)
