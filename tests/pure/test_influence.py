"""Influence: short gradients, weights of checkpoints, and what is said of pictures."""

import json

import numpy as np
import pytest
import torch

from atelier.training.data.dataset import Dataset, Record
from atelier.training.influence import findings
from atelier.training.influence.place import page_folder
from atelier.training.influence.projection import Projection
from atelier.training.influence.scores import (
    Measured,
    checkpoint_weights,
    cosines,
    kinds,
    scores,
)


def test_inner_products_stay_what_they_are_on_average():
    dice = torch.Generator().manual_seed(0)
    one = [torch.randn(40, 50, generator=dice), torch.randn(700, generator=dice)]
    other = [part + torch.randn(part.shape, generator=dice) for part in one]
    dense = sum((a * b).sum().item() for a, b in zip(one, other, strict=True))
    shorts = [Projection(256, seed) for seed in range(400)]
    found = torch.tensor([(p.of(one) @ p.of(other)).item() for p in shorts])
    lengths = [torch.cat([p.flatten() for p in parts]).norm().item() for parts in (one, other)]
    told = lengths[0] * lengths[1] * (2 / 256) ** 0.5  # the error that the docstring promises
    assert found.std() < told
    assert abs(found.mean() - dense) < 4 * told / 400**0.5


def test_what_is_short_is_not_projected_and_linear_either_way():
    parts = [torch.arange(6.0).view(2, 3), torch.ones(4)]
    assert torch.equal(Projection(10).of(parts), torch.cat([p.flatten() for p in parts]))
    short = Projection(5)
    twice = short.of([2 * part for part in parts])
    assert torch.allclose(twice, 2 * short.of(parts)) and twice.shape == (5,)


def test_a_checkpoint_counts_for_the_rate_of_the_steps_near_it():
    log = [{"step": n, "learning_rate": rate} for n, rate in enumerate([1, 1, 1, 3], start=1)]
    assert checkpoint_weights([0, 3], [*log, {"step": 4, "held_out": 0.1}]) == [2 / 6, 4 / 6]
    assert checkpoint_weights([0, 3], []) == [0.5, 0.5]


def measured(caption=(0.5, 0.5, 0.5, 0.5, 0.5), twice=1.0):
    """Four pictures that learn one thing, and one that unlearns it."""
    pictures = np.array([[1, 0.1], [1, -0.1], [1, 0.2], [twice, 0], [-1, 0]], np.float32)
    held = np.array([[1, 0.1], [1, -0.2], [0.9, 0]], np.float32)
    own = 1 - np.array(caption, np.float32)
    return Measured(1.0, pictures, held, held[:1], own, np.ones(5, np.float32))


def test_what_harms_dominates_or_has_a_wrong_caption_is_named():
    found = scores([measured(caption=(0.5, 0.5, -0.2, 0.5, 0.5), twice=40)], [1] * 5)
    assert kinds(found) == [(), (), ("mislabelled",), ("dominant",), ("harmful",)]
    assert found.order[0] == 2  # the worst is the one whose caption does least for it
    assert found.share.sum() == pytest.approx(1)
    assert np.allclose(
        found.held_out, cosines(measured(twice=40).pictures, measured().held_out).mean(1)
    )


def test_a_picture_that_is_shown_often_dominates():
    assert not any("dominant" in one for one in kinds(scores([measured()], [1] * 5)))
    often = scores([measured()], [1, 20, 1, 1, 1])
    assert kinds(often)[1] == ("dominant",)


def test_without_held_out_pictures_nothing_is_called_harmful():
    one = measured()
    bare = Measured(1.0, one.pictures, np.zeros((0, 2)), np.zeros((0, 2)), one.own, one.empty)
    found = scores([bare], [1] * 5)
    assert kinds(found) == [()] * 5 and np.isfinite(found.share).all()
    single = Measured(1.0, one.pictures, one.held_out[:1], one.outputs, one.own, one.empty)
    assert kinds(scores([single], [1] * 5)) == [()] * 5  # of one picture no error is known


FOUND = {
    "run": "cats",
    "pictures": [
        {
            "name": "a.png",
            "content": "aa",
            "kinds": ["mislabelled"],
            "caption": -0.25,
            "share": 0.1,
        },
        {"name": "b.png", "content": "bb", "kinds": ["dominant"], "caption": 0.5, "share": 0.6},
        {"name": "c.png", "content": "cc", "kinds": [], "caption": 0.5, "share": 0.3},
    ],
}


def test_marks_are_kept_by_content_until_another_run_says_otherwise(tmp_path):
    findings.mark(tmp_path, FOUND)
    assert findings.marks(tmp_path) == {
        "aa": [
            "influence: its caption raises its loss (+25%): it may be another picture's (run cats)"
        ],
        "bb": ["influence: it alone is 60% of what the training learns from (run cats)"],
    }
    sound = FOUND["pictures"][0] | {"kinds": []}
    findings.mark(tmp_path, {"run": "cats-2", "pictures": [sound]})
    assert list(findings.marks(tmp_path)) == ["bb"]


@pytest.mark.parametrize("text", ["", "[]", '{"marks": 3}', '{"marks": {"aa": "x"}}', "{" * 9999])
def test_damaged_marks_are_none(tmp_path, text):
    (tmp_path / findings.FILE).write_text(text, encoding="utf-8")
    assert findings.marks(tmp_path) == {} and findings.dominant(findings.read(tmp_path)) == []


def test_dominant_pictures_are_told_with_their_share():
    assert findings.dominant(json.loads(json.dumps(FOUND))) == [("b.png", 0.6)]


def test_the_page_opens_the_folder_that_has_the_pictures(tmp_path):
    def record(path):
        return Record(tmp_path / path, "", 1, 1)

    inside = Dataset("d", (record("cats/1/a.png"), record("cats/2/b.png")))
    assert page_folder(inside, [], [tmp_path]) == str(tmp_path / "cats")
    mixed = Dataset("d", (record("cats/a.png"), record("dogs/b.png")))
    assert page_folder(mixed, mixed.records[1:], [tmp_path]) == str(tmp_path / "dogs")
    assert page_folder(Dataset("d", ()), [], [tmp_path]) == ""
