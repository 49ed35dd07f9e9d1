"""The commands that measure: what can be asked of them, and how a table is put together."""

import json
from dataclasses import replace

import pytest
import torch

from atelier.measure import __main__ as command
from atelier.measure import gpu, memory, report, whole
from atelier.measure.report import Report
from atelier.measure.trial import Found, Trial
from atelier.training import optimizers
from atelier.training.config import make_config

FOUND = Found(
    peak=12.5, reserved=14.0, left=0.0, seconds=0.61, planned=12.0, streamed=0.0, state=0.5
)


def test_without_a_card_it_says_so_and_fails(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a card that torch can use") as raised:
        command.main(["gpu", "fp8"])
    assert raised.value.code not in (0, None)


@pytest.mark.parametrize("arguments", [["gpu", "warp"], ["memory", "fp8"]])
def test_an_unknown_part_is_refused_with_those_that_there_are(arguments, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    told = capsys.readouterr().err
    assert f"has no part '{arguments[1]}'" in told
    assert ("checkpointing, streaming, fp8" in told) is (arguments[0] == "gpu")


@pytest.mark.parametrize("part", gpu.PARTS)
def test_every_part_asks_for_trainings_that_there_are(part):
    trials = list(gpu.PARTS[part].trials.values())
    assert trials
    for trial in trials:
        make_config(**trial.settings)
        assert 0 < gpu.shortened(trial, True).steps < gpu.shortened(trial, False).steps
    assert hasattr(torch, gpu.PARTS[part].weights)
    assert len({str(trial) for trial in trials}) == len(trials)


def test_a_part_is_told_in_a_table_a_page_and_a_line(monkeypatch, tmp_path, capsys):
    asked = []

    def found(shape, weights, trials, limit):
        asked.append((weights, len(trials), limit < 600))
        return [replace(FOUND, seconds=0.6 + number, left=0.25) for number, _ in enumerate(trials)]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Card 9000")
    monkeypatch.setattr(gpu, "found", found)
    monkeypatch.setattr(report, "PLACE", tmp_path)
    command.main(["gpu", "checkpointing"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert asked == [("bfloat16", 2, True)]
    assert figures["checkpointing_block_seconds"] == 1.6
    assert figures["checkpointing_block_seconds_goal"] == 1.08
    assert figures["left_gib"] == 0.25 and figures["device"] == "Card 9000"
    page = (tmp_path / "gpu-checkpointing.md").read_text()
    assert "`python dev.py measure gpu checkpointing`" in page
    row = "| checkpointing | block | bfloat16 | 1.600 | 12.50 | 12.00 | 14.00 | 0.250 | 0.00 | 0.5"
    assert row in page


def test_8_bit_optimizers_stand_beside_their_whole_form(monkeypatch, tmp_path, capsys):
    """On the same model, in the same process, and nothing else is different."""
    asked = []

    def found(shape, weights, trials, limit):
        asked.extend(trial.settings for trial in trials)
        return [replace(FOUND, state=state) for state in (0.4, 0.1)]

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Card 9000")
    monkeypatch.setattr(gpu, "found", found)
    monkeypatch.setattr(gpu, "missing", lambda name: "")
    monkeypatch.setattr(report, "PLACE", tmp_path)
    command.main(["gpu", "optimizers"])
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert figures["optimizers_adamw_state_gib"] == 0.4
    assert figures["optimizers_adamw_8bit_state_gib"] == 0.1
    assert asked[1] == asked[0] | {"optimizer": "adamw_8bit"} != asked[0]
    assert "GiB of the optimizer" in (tmp_path / "gpu-optimizers.md").read_text()


def test_a_part_whose_package_is_missing_says_what_to_type(monkeypatch):
    without = ("bitsandbytes", "triton")

    def find_spec(name, *_more):
        return None if name in without else object()

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Card 9000")
    monkeypatch.setattr(optimizers, "find_spec", find_spec)
    monkeypatch.setattr(gpu.importlib.util, "find_spec", find_spec)
    monkeypatch.setattr(gpu, "found", lambda shape, weights, trials, limit: [FOUND] * len(trials))
    with pytest.raises(SystemExit, match=r"gpu optimizers .*pip install bitsandbytes"):
        command.main(["gpu", "optimizers"])
    with pytest.raises(SystemExit, match="gpu compile .*Triton"):
        command.main(["gpu", "compile"])
    whole = gpu.measure(quick=True)  # the others are measured
    skipped = {name for name in whole.figures if name.endswith("_skipped")}
    assert skipped == {"optimizers_skipped", "compile_skipped", "compile-block_skipped"}
    assert {row["part"] for row in whole.rows} == gpu.PARTS.keys() - {
        name.removesuffix("_skipped") for name in skipped
    }


CARD = {"a": "card"}


def test_what_a_memory_feature_saves_is_with_it_against_without_it(monkeypatch):
    peaks = {"bf16": 2.0, "bf16_block": 0.5}

    def found(shape, weights, trials, variables):
        on_card = variables == CARD
        ways = [
            name
            for name, way in memory.WAYS.items()
            if (way.weights, way.on_card) == (weights, on_card)
        ]
        assert len(ways) == len(trials)
        return [replace(FOUND, peak=peaks.get(name, 1.0)) for name in ways]

    monkeypatch.setattr(memory, "found", found)
    monkeypatch.setattr(memory.card, "variables", lambda most: CARD)
    whole = memory.measure(quick=False)
    assert isinstance(whole, Report) and len(whole.rows) == 2 * len(memory.WAYS)
    assert whole.figures["sd15_checkpointing_bf16"] == 0.25
    assert whole.figures["sdxl_checkpointing_bf16_gib_saved"] == 1.5
    assert len(memory.measure(quick=True).rows) == len(memory.WAYS)
    for way in memory.WAYS.values():
        trial = way.trial(4)
        assert isinstance(trial, Trial)
        make_config(**trial.settings)


def test_the_whole_sdxl_is_told_beside_its_goals(monkeypatch):
    asked = []

    def found(shape, weights, trials, variables, warming):
        asked.append((weights, variables["bytes"]))
        (trial,) = trials
        make_config(**trial.settings)
        return [replace(FOUND, peak=6.0)]

    monkeypatch.setattr(whole, "found", found)
    monkeypatch.setattr(whole.card, "variables", lambda most: {"bytes": most})
    told = whole.measure(quick=False)
    assert told.figures.items() >= {"block_gib": 6.0, "block_gib_goal": 6.5}.items()
    assert len(told.rows) == len(asked) == len(whole.WAYS)
    assert asked[0] == ("bfloat16", 16 * 2**30)
    assert len(whole.measure(quick=True).rows) == 1
