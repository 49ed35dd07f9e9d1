"""The report of a run: data, settings, curves, grid, scores, and where it came from. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ..compare import UNKNOWN, summary
from ..config import TrainConfig
from ..evaluation.gallery import Gallery
from ..run import Run
from . import checklist, grid_part
from .data_part import data
from .drawing import Line, chart
from .markup import Markup, folded, joined, picture, section, table, tag
from .page import page

MOST_SAMPLES = 24
MOST_GRAPH = 3_500_000  # characters
_PRIVATE = ("sample_prompts", "sample_negative", "word_start", "new_words")
_HASHES = {
    "dataset": "Pictures and captions",
    "held_out": "Held-out pictures",
    "class_pictures": "Class pictures",
    "model": "Base model",
    "clip": "Text encoder, with the captions' embeddings",
    "vae": "VAE",
    "continue_from": "LoRA that it went on from",
}


@dataclass(frozen=True)
class Sources:
    """What a report is made from, besides the run.

    `samples` is the folder of the run's sample pictures, `cells` that of grids' cells; `graph` the
    workflow, and `files` what its loaders name.
    """

    samples: Path
    cells: Path
    grid: Gallery | None = None
    graph: Any = None
    files: Sequence[str] = field(default_factory=tuple)


def report(run: Run, sources: Sources, share_safely: bool = False) -> str:
    """The page. `share_safely` leaves out prompts, names of files, notes, fingerprints and graph.

    Raises `ValueError` if the run's config.json is damaged.
    """
    told, header = summary(run), _header(run)
    hidden = share_safely
    grid = sources.grid
    parts: list[Markup | None] = [
        data(run.records(), header, hidden),
        _settings(told["settings"], hidden),
        _curves(told),
        _samples(run, sources.samples, told["settings"], hidden),
    ]
    if grid:
        parts.append(grid_part.shown(grid, sources.cells, hidden))
        parts.append(grid_part.scores(grid, hidden))
        parts.append(grid_part.recommendation(grid))
    else:
        words = "No grid was named: name one of this run, and its pictures and scores stand here."
        parts.append(section("grid", "Grid", tag("p", words)))
    parts.append(checklist.form(run.name, checklist.answered(run)))
    parts.append(_provenance(told, header, sources, hidden))
    under = f"{_state(told)} Pictures here were made by a machine, and say so in their metadata."
    return page(f"Report: {run.name}", under, *parts, script="checklist.js")


def _state(told: Mapping[str, Any]) -> str:
    words = {"finished": "Finished", "stopped": "Stopped and kept", "unfinished": "Not finished"}
    day = told["begun"][:10]
    return f"{words[told['state']]} at step {told['steps']}; begun on {day}."


def _settings(settings: Mapping[str, Any], hidden: bool) -> Markup:
    """What was set on top, what is as it comes folded below."""
    usual = {name: one.default for name, one in TrainConfig.model_fields.items()}
    shown = {n: v for n, v in settings.items() if not (hidden and n in _PRIVATE and v)}
    said = {name: one.description or "" for name, one in TrainConfig.model_fields.items()}
    own = {n: v for n, v in shown.items() if n not in usual or v != usual[n]}
    rest = {n: v for n, v in shown.items() if n not in own}
    head = ["Setting", "Value", "Default", "What it does"]
    left = "Prompts and words are left out. " if hidden else ""
    return section(
        "settings",
        "Settings",
        tag("p", f"{left}Every other setting is at its default.") if own else None,
        table(
            "Set for this run",
            head,
            [[n, value(v), value(usual.get(n)), said.get(n, "")] for n, v in own.items()],
        ),
        folded(
            f"Defaults ({len(rest)})",
            table(
                "As they come",
                ["Setting", "Value", "What it does"],
                [[n, value(v), said.get(n, "")] for n, v in rest.items()],
            ),
        ),
    )


def value(one: Any) -> str:
    """A setting as a person writes it."""
    if isinstance(one, bool):
        return "on" if one else "off"
    if one is None:
        return ""
    return f"{one:g}" if isinstance(one, float) else str(one)


def _curves(told: Mapping[str, Any]) -> Markup:
    of = told["curves"]
    if not of["loss"]:
        return section("curves", "Curves", tag("p", "The run has taken no step yet."))
    loss = [
        Line("loss, smoothed", of["smoothed"], 0),
        Line("loss, raw", of["loss"], 0, faint=True),
        Line("held-out loss", of["held_out"], 1),
    ]
    levels = [
        Line(f"noise level {at}", points, number)
        for number, (at, points) in enumerate(told["held_out_by_time"].items())
    ]
    held = told["held_out"]
    words = f"The loss ended at {told['loss']:.4f} (smoothed)."
    if held is not None:
        words += f" The held-out loss was lowest at step {told['held_out_step']}: {held:.4f}."
    else:
        words += " No held-out loss was measured: it would tell when it was enough."
    return section(
        "curves",
        "Curves",
        tag("p", words),
        chart("Loss", loss),
        chart("Held-out loss by noise level, from little to much noise", levels),
        chart("Learning rate", [Line("learning rate", of["learning_rate"], 0)]),
        chart("Gradient norm, before clipping", [Line("gradient norm", of["grad_norm"], 0)]),
    )


_SAMPLE = re.compile(r"step-(\d{6,})-(\d+)\.png")


def _samples(run: Run, folder: Path, settings: Mapping[str, Any], hidden: bool) -> Markup | None:
    """The first, the last and some steps between, prompt by prompt."""
    found: dict[int, dict[int, Path]] = {}
    for path in sorted(folder.glob("step-*.png")) if folder.is_dir() else []:
        name = _SAMPLE.fullmatch(path.name)
        if name and path.stat().st_mtime >= run.begun():  # or it is of another run of this name
            found.setdefault(int(name[2]), {})[int(name[1])] = path
    if not found:
        return None
    prompts = str(settings.get("sample_prompts", "")).splitlines()
    prompts = [line.strip() for line in prompts if line.strip()]
    each = max(2, MOST_SAMPLES // len(found))
    parts: list[Markup] = []
    for number, by_step in sorted(found.items())[:MOST_SAMPLES]:
        steps = sorted(by_step)
        few = [steps[round(n * (len(steps) - 1) / (each - 1))] for n in range(each)]
        known = number <= len(prompts) and not hidden
        prompt = prompts[number - 1] if known else f"prompt {number}"
        shots = [_shot(by_step[s], f"{prompt}, step {s}", s) for s in dict.fromkeys(few)]
        parts.append(joined([tag("h3", prompt), tag("div", *shots, class_="strip")]))
    return section("samples", "Samples", *parts)


def _shot(path: Path, alt: str, step: int) -> Markup:
    data = grid_part.small(path, 200)
    inside = picture(data, alt[:500]) if data else tag("p", "cannot be read")
    return tag("figure", inside, tag("figcaption", f"step {step}"))


def _provenance(
    told: Mapping[str, Any], header: Mapping[str, str], sources: Sources, hidden: bool
) -> Markup:
    paid = told["cost"]
    rows: list[Sequence[object]] = [["Begun", told["begun"]]]
    rows += [["Kind of base", kind] for kind in [_kind(header)] if kind]
    rows += cost_rows(paid)
    rows += [["Trained on", device] for device in paid["devices"]]
    for versions in paid["versions"]:
        rows.append(["With", ", ".join(f"{name} {one}" for name, one in versions.items())])
    if mark := header.get("modelspec.hash_sha256"):
        rows.append(["SHA-256 of the weights", tag("code", mark)])
    before = told["continues"]
    if isinstance(before, dict) and not hidden:
        where = f"{before.get('run', 'another run')}, from step {before.get('step', '?')}"
        rows.append(["Goes on from", where])
    inputs = told["inputs"]
    if not hidden:
        rows.append(["Base's file", told["base"] or UNKNOWN])
        known = {words: inputs[one] for one, words in _HASHES.items() if inputs.get(one)}
        rows += [[words, tag("code", one)] for words, one in known.items()]
        files = ", ".join(sources.files)
        rows += [["Files that the graph loads", files]] if files else []
    graph = Markup("")
    text = json.dumps(sources.graph, ensure_ascii=False) if sources.graph and not hidden else ""
    if text and len(text) <= MOST_GRAPH:
        words = "The graph (save it as .json and open it in ComfyUI)"
        graph = folded(words, tag("pre", text, tabindex=0))
    whole = table("Where it came from", ["What", ""], rows)
    return section("provenance", "Provenance", whole, graph)


def cost_rows(paid: Mapping[str, Any]) -> list[Sequence[object]]:
    """Time, speed and memory, as far as they were recorded."""
    if not paid["seconds"]:
        return [["Cost", "not recorded"]]
    rows: list[Sequence[object]] = [["Time", duration(paid["seconds"])]]
    if paid["steps_per_second"]:
        rows.append(["Speed", f"{paid['steps_per_second']:.3g} steps a second, samples included"])
    if paid["peak"]:
        rows.append(["Memory of the device, at most", f"{paid['peak'] / 2**30:.2f} GiB"])
    return rows


def duration(seconds: float) -> str:
    """1 h 02 min, 3 min 20 s, or 4.2 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _kind(header: Mapping[str, str]) -> str:
    return header.get("modelspec.architecture", "").removesuffix("/lora")


def _header(run: Run) -> dict[str, str]:
    """That of the run's LoRA; nothing where there is none yet."""
    try:
        with safe_open(run.lora_file, framework="numpy") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError):
        return {}
