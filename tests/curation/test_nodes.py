"""The three nodes, from a dataset to what comes out."""

import json
from pathlib import Path

import pytest

from .conftest import dim, scene


@pytest.fixture
def nodes():
    from atelier.nodes import curate

    return curate


@pytest.fixture
def settings():
    from atelier.training.curation.settings import CurationSettings

    return CurationSettings(resolution=256).model_dump()


def test_curate_parts_pictures_and_follows_what_is_decided_in_its_file(nodes, settings, write):
    dataset = write(a=scene(1), b=dim(scene(2)))
    kept, aside, text, pages = nodes.Curate.execute(dataset, **settings).result
    assert [one.path.name for one in kept.records] == ["a.png"]
    assert [one.path.name for one in aside.records] == ["b.png"]
    assert pages[0].shape[0] == 1 and pages[0].shape[-1] == 3
    settled = nodes.Curate.fingerprint_inputs()
    file = Path(text.rpartition("Decide otherwise in ")[2])
    found = json.loads(file.read_text(encoding="utf-8"))
    (content,) = found["recommended"]
    assert found["recommended"][content]["file"] == "b.png"
    nodes.Curate.execute(dataset, **settings)
    assert nodes.Curate.fingerprint_inputs() == settled
    found["decided"][content] = {"file": "b.png", "decision": "keep"}
    file.write_text(json.dumps(found), encoding="utf-8")
    assert nodes.Curate.fingerprint_inputs() != settled
    kept = nodes.Curate.execute(dataset, **settings).result[0]
    assert len(kept) == 2
    names = sorted(path.name for path in dataset.records[0].path.parent.iterdir())
    assert names == ["a.png", "b.png"]  # nothing is written among a user's pictures


def test_split_gives_two_datasets_that_are_one_together(nodes, write):
    dataset = write(**{name: scene(seed) for seed, name in enumerate("abcdef")})
    trained, out = nodes.SplitHeldOut.execute(dataset, share=0.3, seed=0, alike=0.88).result
    assert trained.records and out.records
    assert set(trained.records) | set(out.records) == set(dataset.records)
    assert not set(trained.records) & set(out.records)
