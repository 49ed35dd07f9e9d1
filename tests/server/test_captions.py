"""Captions judged and edited by a real workflow, on a real server."""

import json

import pytest

from atelier.training.captions.settings import CaptionEdits, LintSettings
from atelier.training.sweep.client import PromptFailed

from .conftest import loader, run


def workflow(write=False, **edits):
    """Load, edit, lint, and the texts of both to be seen: nodes 1 to 6."""
    edit = {"dataset": ["2", 0], "write": write, **CaptionEdits(**edits).model_dump()}
    lint = {"dataset": ["3", 0], "clip": ["1", 1], **LintSettings(trigger="ohwx").model_dump()}
    return {
        "1": loader(),
        "2": {
            "class_type": "AtelierLoadDataset",
            "inputs": {"folder": "pictures", "default_caption": ""},
        },
        "3": {"class_type": "AtelierEditCaptions", "inputs": edit},
        "4": {"class_type": "AtelierLintCaptions", "inputs": lint},
        "5": {"class_type": "PreviewAny", "inputs": {"source": ["4", 2]}},
    }


def texts(outputs):
    return {node: outputs[node]["text"][0] for node in ("3", "4", "5")}


def captions(base):
    folder = base / "input" / "pictures"
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.txt"))}


def test_captions_are_edited_in_the_dataset_and_then_in_their_files(server, base):
    before = captions(base)
    said = texts(run(server, workflow()))
    assert "0 of 4 captions changed" in said["3"]
    kinds = {one["kind"]: one["pictures"] for one in json.loads(said["5"])}
    assert len(kinds["trigger missing"]) == 4
    assert "Tokens:" in said["4"]
    said = texts(run(server, workflow(trigger="ohwx")))
    assert "4 of 4 captions changed" in said["3"]
    assert "trigger missing" not in {one["kind"] for one in json.loads(said["5"])}
    assert captions(base) == before
    said = texts(run(server, workflow(write=True, trigger="ohwx")))
    assert "Written into 4 files" in said["3"]
    assert captions(base) == {name: b"ohwx, " + text for name, text in before.items()}
    kept = base / "input" / "pictures" / ".bak"
    assert {path.name[: -len(".0001.bak")]: path.read_bytes() for path in kept.iterdir()} == before


def test_a_workflow_with_a_pattern_without_end_is_stopped(server):
    slow = workflow(find="(.|\\w|[^x])+[xyz]{9}$", find_as="regex")
    with pytest.raises(PromptFailed, match=r"was stopped after 5 s"):
        run(server, slow)
    with pytest.raises(PromptFailed, match=r"Edit Captions: .*no regular expression"):
        run(server, workflow() | {"3": broken()})


def broken():
    inputs = {**CaptionEdits().model_dump(), "find": "(", "find_as": "regex"}
    return {
        "class_type": "AtelierEditCaptions",
        "inputs": {"dataset": ["2", 0], "write": False, **inputs},
    }
