"""Taggers: thresholds, spelling, the preprocessing of the WD14 family, and files that are wrong."""

import importlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from atelier.training.captioning import tagger as module
from atelier.training.captioning.captioner import CannotCaption
from atelier.training.captioning.found import TaggerFiles
from atelier.training.captioning.settings import TagSettings
from atelier.training.captioning.tagger import prepared, tagger
from atelier.training.captioning.tags import KAOMOJI, Tag, caption, read_tags

from .conftest import COLOURS
from .tiny_tagger import TAGS, make_tagger, write_tags

KNOWN = [Tag(name, str(kind)) for name, kind, _ in TAGS]
#         general explicit red_hat grass sky  ^_^  bow  miku artist
SCORES = [0.60, 0.40, 0.90, 0.36, 0.34, 0.95, 0.40, 0.86, 0.99]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "miku (append), ^_^, red hat, bow (object), grass"),
        ({"general": 0.38}, "miku (append), ^_^, red hat, bow (object)"),
        ({"character": 0.9, "general": 0.9}, "^_^, red hat"),
        ({"general": 0}, "miku (append)"),
        ({"general": 0, "character": 0}, ""),
        ({"rating": 0.5, "general": 0.94}, "general, miku (append), ^_^"),
        ({"rating": 0.1, "general": 0.94}, "general, miku (append), ^_^"),  # one, the likeliest
        ({"rating": 0.7, "general": 0.94}, "miku (append), ^_^"),
        ({"other": 0.5, "general": 0.94}, "miku (append), some artist, ^_^"),
        ({"spaces": False}, "miku_(append), ^_^, red_hat, bow_(object), grass"),
        ({"escape": True, "general": 0.38}, r"miku \(append\), ^_^, red hat, bow \(object\)"),
        ({"exclude": "Red_Hat, bow (object),, "}, "miku (append), ^_^, grass"),
        ({"exclude": "red hat, ^_^", "spaces": False, "general": 0.5}, "miku_(append)"),
    ],
)
def test_tags_above_their_thresholds_are_written(settings, said):
    assert caption(np.array(SCORES), KNOWN, TagSettings(**settings)) == said


def test_every_emoticon_keeps_its_underscores():
    tags = [Tag(face, "0") for face in sorted(KAOMOJI)]
    said = caption(np.ones(len(tags)), tags, TagSettings())
    assert said.split(", ") == sorted(KAOMOJI)


def test_a_comma_in_a_tag_makes_no_second_one():
    assert caption(np.ones(1), [Tag("a,b", "0")], TagSettings()) == "a b"


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (8, 8), (30, 31)])
def test_pictures_are_put_on_a_white_square_in_bgr(size):
    ready = prepared(Image.new("RGB", size, (10, 20, 30)), 40)
    assert ready.shape == (1, 40, 40, 3) and ready.dtype == np.float32
    assert ready[0, 20, 20].tolist() == [30, 20, 10]
    corner = [30, 20, 10] if size[0] == size[1] else [255, 255, 255]
    assert ready[0, -1, -1].tolist() == pytest.approx(corner, abs=9)


@pytest.fixture
def files(tmp_path):
    make_tagger(tmp_path / "tiny")
    return TaggerFiles("tiny", tmp_path / "tiny/model.onnx", tmp_path / "tiny/selected_tags.csv")


def ask(files, colour, **settings):
    with tagger(files, TagSettings(**settings)).open() as say:
        return say(Image.new("RGB", (64, 64), COLOURS[colour])).text


def test_a_real_onnx_model_tells_colours(files):
    assert ask(files, "red") == "red hat, ^_^, bow (object)"
    assert ask(files, "green", rating=0.3) == "general, miku (append), grass"
    assert ask(files, "blue") == "sky"


def test_what_decides_the_tags_is_in_the_key(files):
    before = tagger(files, TagSettings()).key
    assert tagger(files, TagSettings()).key == before
    assert tagger(files, TagSettings(general=0.4)).key != before
    write_tags(files.tags, [*TAGS[1:], TAGS[0]])
    assert tagger(files, TagSettings()).key != before


def test_without_onnxruntime_the_error_says_what_to_type(files, monkeypatch):
    monkeypatch.setattr(module, "onnxruntime", None)
    with pytest.raises(ValueError, match='" -m pip install onnxruntime\n'):
        tagger(files, TagSettings())


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "holds no tags"),
        (b"id,tag\n1,hat\n", "columns 'name' and 'category'"),
        (b"name,category\nhat\n", "columns 'name' and 'category'"),
        (b"\xff\xfe\x00name", "columns 'name' and 'category'"),
    ],
)
def test_a_list_that_is_none_is_refused_by_name(files, content, named):
    files.tags.write_bytes(content)
    with pytest.raises(ValueError, match=named) as error:
        read_tags(files.tags)
    assert "selected_tags.csv" in str(error.value)


def test_a_model_and_a_list_that_do_not_belong_together_are_refused(files):
    write_tags(files.tags, TAGS[:-1])
    with pytest.raises(CannotCaption, match="gives 9 scores, and its list has 8 tags"):
        ask(files, "red")


def test_a_file_that_is_cut_short_is_refused(files):
    files.model.write_bytes(files.model.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"model\.onnx cannot be read as an ONNX model"):
        ask(files, "red")


def test_a_network_of_another_shape_is_refused(files):
    make_tagger(files.model.parent, channels_last=False)
    with pytest.raises(ValueError, match="is no tagger of the WD14 family"):
        ask(files, "red")


def test_scores_that_are_no_probabilities_are_refused(files):
    onnx: Any = importlib.import_module("onnx")
    model = onnx.load(str(files.model))
    model.graph.node[2].op_type = "Identity"
    onnx.save(model, str(files.model))
    with pytest.raises(CannotCaption, match="no probabilities"):
        ask(files, "red")
