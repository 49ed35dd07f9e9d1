"""The work: a run's checkpoints, gradients of all pictures at each, and what comes of them.

Nothing but projected gradients is kept. Those of a checkpoint lie in the run's folder as soon as
all are there: what is cancelled goes on at the next one.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load, save_file

from .. import nest
from ..config import TrainConfig, make_config
from ..data.cache import Cache
from ..data.dataset import Dataset
from ..examples import Encoder, Example, Pictures
from ..files import atomic, digest
from ..host import folders
from ..host.mode import training_mode
from ..host.progress import Progress
from ..prepare import DATASET, HELD_OUT, Prepared, Wires, prepare
from ..records import listing, names_of
from ..resume import differences
from ..run import Run
from ..session import Session
from ..trainer import request
from . import findings
from .gradients import Gradients
from .projection import Projection
from .scores import Measured, checkpoint_weights, scores

VERSION = 1  # raise it when the same question comes to have another answer
SIZE = 8192  # numbers of a projected gradient
CHOSEN = "chosen output"
_SETS = {"pictures": DATASET, "held_out": HELD_OUT, "outputs": CHOSEN}


@dataclass(frozen=True)
class Question:
    """Of which run, of which pictures, on what: `output` are pictures with their prompts.

    `count`: noise levels at which each picture is measured.
    """

    run: Run
    wires: Wires
    output: Dataset | None = None
    count: int = 8


def influence(asked: Question) -> dict[str, Any]:
    """What is written to the run's `influence.json`; from there, if it was asked before.

    Raises `ValueError` if the run has no checkpoint, or was made from something else than what is
    wired.
    """
    was = asked.run.asked()
    config = make_config(**was["config"])
    files = sorted(asked.run.checkpoints.glob("step-*.safetensors"))
    if not files:
        raise ValueError(
            f"The run {asked.run.name} has no checkpoint. Train it for a few steps first, by Train "
            "LoRA or Resume Run."
        )
    now = request(asked.wires, config)
    _refuse_another(asked, was, now)
    held = asked.wires.held_out
    measured = (VERSION, SIZE, was["key"], held.fingerprint if held else "", asked.count)
    steps = [f"{path.name} {path.stat().st_mtime_ns}" for path in files]
    output = asked.output.fingerprint if asked.output else ""
    key = digest(repr((measured, steps, output)))
    before = findings.read(asked.run.folder)
    if before.get("key") == key:
        return before
    kept = _Kept(asked.run.folder / "influence", digest(repr(measured))[:16])
    value = _answer(asked, config, now, files, kept) | {"key": key}
    findings.keep(asked.run.folder, value)
    return value


def _refuse_another(asked: Question, was: dict[str, Any], now: dict[str, Any]) -> None:
    """Held-out and class pictures may be others: what the run trained on may not."""
    free = {part: was[part] for part in ("held_out", "class_pictures")}
    wired = {DATASET: listing(asked.wires.dataset)}
    if differ := differences(was, now | free, asked.run.records(), wired):
        raise ValueError(
            f"What is wired is not what the run {asked.run.name} was made from:\n"
            + "\n".join(f"- {line}" for line in differ)
            + "\nWire what it was trained with."
        )


@dataclass(frozen=True)
class _Kept:
    """Arrays of each checkpoint, on disk."""

    folder: Path
    key: str

    def get(self, checkpoint: Path | None) -> dict[str, np.ndarray] | None:
        try:
            return load(self._file(checkpoint).read_bytes())
        except (OSError, SafetensorError):
            return None

    def put(self, checkpoint: Path | None, arrays: dict[str, np.ndarray]) -> None:
        with atomic(self._file(checkpoint)) as temporary:
            save_file(arrays, temporary)

    def _file(self, checkpoint: Path | None) -> Path:
        stamp = checkpoint.stat().st_mtime_ns if checkpoint else 0
        step = checkpoint.stem if checkpoint else "start"
        return self.folder / f"{step}-{digest(f'{self.key}/{stamp}')[:12]}.safetensors"


def _answer(
    asked: Question, config: TrainConfig, now: dict[str, Any], files: list[Path], kept: _Kept
) -> dict[str, Any]:
    """Measure at the start and at each checkpoint, and put together what is said."""
    wires, run = asked.wires, asked.run
    sizes = [len(data) if data else 0 for data in (wires.dataset, wires.held_out, asked.output)]
    progress = Progress((1 + len(files)) * sum(sizes))
    prepared, nothing = _prepare(asked, config, now, progress)
    steps, measured = [], []
    with (
        run.lock(),
        training_mode(),
        Session.open(run, wires, config, prepared, anew=True) as session,
        session.state.judged(),
    ):
        work = _Work(session, asked.count, nothing, progress)
        for step, file, adapter in _checkpoints(files):
            if adapter:
                session.state.adapter.load(adapter)
            arrays = kept.get(file)
            if arrays is None:
                kept.put(file, arrays := work.arrays())
            else:
                progress.update(progress.done + sum(sizes[:2]))
            steps.append(step)
            measured.append(Measured(0, outputs=work.gradients(CHOSEN), **arrays))
    weights = checkpoint_weights(steps, run.logged())
    found = scores(
        [replace(one, weight=weight) for one, weight in zip(measured, weights, strict=True)],
        [record.repeats for record in wires.dataset.records],
    )
    return findings.value(
        run.name, wires.dataset, wires.held_out, asked.output, steps, asked.count, found
    )


def _prepare(
    asked: Question, config: TrainConfig, now: dict[str, Any], progress: Progress
) -> tuple[Prepared, Any]:
    """All pictures encoded, as for the run; and what the text encoder gives for no caption."""
    prepared = prepare(asked.wires, config, now["clip"], now["vae"], progress)
    wires = asked.wires
    encoder = Encoder(wires.clip, wires.vae, now["clip"], now["vae"], Cache(folders.cache()))
    sets = dict(prepared.sets)
    with torch.inference_mode(False):
        if asked.output:
            sets[CHOSEN] = encoder.encode(asked.output, config, lambda _: None, varied=False)
        nothing = None if config.encodes else encoder.caption("")
    return replace(prepared, sets=sets), nothing


def _checkpoints(files: list[Path]) -> Iterator[tuple[int, Path | None, dict[str, Any] | None]]:
    """The start, which is made again from the seed, and each file that is whole."""
    yield 0, None, None
    for path in files:
        try:
            tree = nest.load(path)
        except ValueError as error:
            logging.warning("%s It is left out.", error)
            continue
        yield tree["step"], path, tree["adapter"]


@dataclass
class _Work:
    """What is measured with the session's present weights."""

    session: Session
    count: int
    nothing: Any
    progress: Progress

    def __post_init__(self) -> None:
        self.of = Gradients(self.session, Projection(SIZE), self.count)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that is kept of a checkpoint."""
        own = [self._losses(example) for example in self._examples(DATASET)]
        return {
            "pictures": self.gradients(DATASET),
            "held_out": self.gradients(HELD_OUT),
            "own": np.array([one for one, _ in own], np.float32),
            "empty": np.array([none for _, none in own], np.float32),
        }

    def gradients(self, what: str) -> np.ndarray:
        """`[pictures, size]`, fp32."""
        rows = []
        for example in self._examples(what):
            rows.append(self.of.of(example).numpy())
            text = f"Gradient of {example.path.name}"
            self.progress.update(min(self.progress.done + 1, self.progress.total), text)
        return np.stack(rows) if rows else np.zeros((0, SIZE), np.float32)

    def _examples(self, what: str) -> Iterator[Example]:
        """Each picture once, at the first resolution, as its file is."""
        pictures = self.session.pictures.get(what)
        if pictures is None:
            return
        records = len(self.session.wires.dataset) if what == DATASET else len(pictures)
        for number in range(0, len(pictures), len(pictures) // records):
            yield pictures.example(number)

    @torch.no_grad()
    def _losses(self, example: Example) -> tuple[float, float]:
        """With its caption, and with none."""
        self.progress.update(self.progress.done, "Looking at captions")
        bare = replace(example, conditioning=self._unsaid(example))
        return self.of.loss(example), self.of.loss(bare)

    def _unsaid(self, example: Example) -> Any:
        pictures: Pictures = self.session.pictures[DATASET]
        encoded = pictures.encode("") if pictures.encode else self.nothing.load()
        guidance = self.session.config.guidance
        return self.session.denoiser.conditioning(encoded, example.latent, guidance)


def suspects(dataset: Dataset, value: dict[str, Any]) -> tuple[Dataset, Dataset]:
    """The pictures of which nothing is said but that they pull, and those that harm."""
    listed = {
        one["name"] for one in value["pictures"] if {"mislabelled", "harmful"} & {*one["kinds"]}
    }
    pairs = list(zip(names_of(dataset.records), dataset.records, strict=True))
    parts = (tuple(r for name, r in pairs if (name in listed) is bad) for bad in (False, True))
    kept, bad = (replace(dataset, records=part) for part in parts)
    return kept, bad
