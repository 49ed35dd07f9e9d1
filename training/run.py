"""A run's folder: what was asked, what it logged, what came out. Any editor can read it."""

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from safetensors.torch import load, save_file

from .config import TrainConfig
from .files import atomic, place_folder, sweep, telling, write_json
from .migrations import VERSION, migrate

DEFAULTS = {name: field.default for name, field in TrainConfig.model_fields.items()}
# What makes two requests the same one, with the key of the run that one was branched from.
DECIDES = ("format", "config", "model", "clip", "vae", "dataset", "held_out")
DECIDES += ("class_pictures", "continue_from")

GRAPHS = ("workflow", "prompt")

State = dict[str, torch.Tensor]
Kept = tuple[State, dict[str, str]]  # and the file's header


@dataclass(frozen=True)
class Run:
    """One training run on disk.

    `config.json` what was asked, `data.json` which pictures, `log.jsonl` a line a step,
    `checkpoints/` to go on from, `lora.safetensors` what was learned so far and, written last,
    `result.json`: a run that has it is finished. `stops.json`: where it was asked to stop;
    `sittings.jsonl`: how long it was trained. `workflow.json`, `prompt.json`: the graph that it was
    queued with; `base.json`: which file its base is from. What is in training/watching lies beside
    it.
    """

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def lora_file(self) -> Path:
        return self.folder / "lora.safetensors"

    def other_file(self, which: str) -> Path:
        """The `last` or the `best` weights, where the other ones became the LoRA."""
        return self.folder / f"lora-{which}.safetensors"

    @property
    def finished(self) -> bool:
        return (self.folder / "result.json").is_file()

    def asked(self) -> dict[str, Any]:
        """What `create` wrote down, as this version would have; `ValueError` if it is damaged."""
        path = self.folder / "config.json"
        try:
            return migrate(json.loads(path.read_text(encoding="utf-8")), DEFAULTS)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} cannot be used: {error}.") from error

    def describe(self, asked: dict[str, Any], records: dict[str, Any] | None = None) -> None:
        """Write down what is asked, of which pictures: from then on the folder is a run."""
        if records:
            write_json(self.folder / "data.json", records)
        write_json(self.folder / "config.json", {"version": VERSION, **asked})

    def keep_graph(self, graph: Mapping[str, Any]) -> None:
        """Write down the graph that the run was queued with, where none is known: as the page saves
        it (`workflow.json`), as it was queued (`prompt.json`), and what it says of the base.
        """
        for name in (*GRAPHS, "base"):
            path = self.folder / f"{name}.json"
            if graph.get(name) and not path.exists():
                write_json(path, graph[name])

    def kept_graph(self) -> dict[str, Any]:
        """What `keep_graph` wrote, as far as it can be read."""
        found = {name: _json(self.folder / f"{name}.json") for name in (*GRAPHS, "base")}
        return {name: value for name, value in found.items() if value}

    def base(self) -> str:
        """The name of the file that its base is from; empty where that is not known."""
        found = _json(self.folder / "base.json")
        return found if isinstance(found, str) else ""

    def graph(self) -> Path | None:
        """The file that ComfyUI's page opens, if there is one."""
        paths = [self.folder / f"{name}.json" for name in GRAPHS]
        return next((path for path in paths if path.is_file()), None)

    def begun(self) -> float:
        """When it was described, as a file's time."""
        path = self.folder / "config.json"
        return path.stat().st_mtime if path.is_file() else 0.0

    def records(self) -> dict[str, Any]:
        """The pictures it was made from, by wire; nothing of runs before there was such a list."""
        return _json(self.folder / "data.json") or {}

    def plan(self) -> dict[str, Any] | None:
        """The plan of memory that the run began with, if it has begun."""
        path = self.folder / "plan.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

    def keep_plan(self, plan: dict[str, Any]) -> None:
        write_json(self.folder / "plan.json", plan)

    def lora(self) -> dict[str, torch.Tensor]:
        """What was learned, in memory: a mapped file that changes later would end the process.

        Empty where only new words are trained.
        """
        return {} if self._config.words_alone else load(self.lora_file.read_bytes())

    def words(self) -> dict[str, dict[str, torch.Tensor]]:
        """The vectors of each new word, as its file has them."""
        return {word: load(self.word_file(word).read_bytes()) for word in self._config.words}

    def word_file(self, word: str) -> Path:
        return self.folder / "embeddings" / f"{word}.safetensors"

    def keep_word(self, word: str, vectors: State, header: dict[str, str]) -> None:
        """Write the vectors of a new word."""
        self.refuse_vanished()
        with atomic(self.word_file(word)) as temporary:
            save_file(vectors, temporary, metadata=header)

    @property
    def _config(self) -> TrainConfig:
        return TrainConfig.model_construct(**self.asked()["config"])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this run alone; `ValueError` if another ComfyUI trains it at this moment."""
        path = self.folder / "lock"
        with telling(path):
            try:
                lock = FileLock(path, timeout=0).acquire()
            except Timeout as error:
                raise ValueError(
                    f"The run {self.name} is being trained by another ComfyUI at this moment. Wait "
                    "for it, or change the seed or the name to start another."
                ) from error
        with lock:
            for folder in (self.folder, self.checkpoints):
                sweep(folder)
            yield

    # ------------------------------------------------------------ the log

    def log(self, lines: list[dict[str, Any]]) -> None:
        """Append a line for each step, and flush them to the disk."""
        self.refuse_vanished()
        path = self.folder / "log.jsonl"
        text = "".join(json.dumps(line) + "\n" for line in lines)
        with telling(path), path.open("ab") as file:
            length = file.tell()
            try:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                file.truncate(length)  # a full disk may have taken half a line
                raise

    def logged(self) -> list[dict[str, Any]]:
        """The log's lines, oldest first; a last line that was cut short is left out."""
        file = self.folder / "log.jsonl"
        if not file.is_file():
            return []
        text = file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]

    def forget_after(self, step: int) -> None:
        """Drop the log's lines of steps after `step`: a resumed run does them again."""
        self.write_log([line for line in self.logged() if line["step"] <= step])

    def write_log(self, lines: list[dict[str, Any]]) -> None:
        with atomic(self.folder / "log.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")

    def refuse_vanished(self) -> None:
        """`ValueError` if the folder was taken away: half of a run would be made in its place."""
        if not (self.folder / "config.json").is_file():
            raise ValueError(
                f"The folder of the run, {self.folder}, is gone, or its config.json. Put it back "
                "and queue again; what it holds goes on from its newest checkpoint."
            )

    # ------------------------------------------------------------ the end

    def keep(self, files: Mapping[str, Kept]) -> None:
        """Write what was learned so far: tensors and header by the name of the file."""
        self.refuse_vanished()
        for name, (tensors, metadata) in files.items():
            with atomic(self.folder / name) as temporary:
                save_file(tensors, temporary, metadata=metadata)

    def finish(self) -> None:
        """The mark that the run is finished, after its LoRA is written."""
        logged = self.logged()
        result = {
            "lora": None if self._config.words_alone else self.lora_file.name,
            "words": list(self._config.words),
            "steps": sum("loss" in line for line in logged),
            "overflows": sum("overflow" in line for line in logged),
        }
        write_json(self.folder / "result.json", result)

    def stops(self) -> list[int]:
        """The steps at which the run was asked to stop and keep what it had."""
        path = self.folder / "stops.json"
        try:
            return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
        except ValueError:
            return []

    def stopped(self, step: int) -> None:
        write_json(self.folder / "stops.json", [*self.stops(), step])


def _json(path: Path) -> Any:
    """What a file holds; None where there is none, or it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def create(
    runs: Path,
    name: str,
    asked: dict[str, Any],
    records: dict[str, Any] | None = None,
    fill: Callable[[Run], None] | None = None,
) -> Run:
    """A new run folder `name` (or `name-2` …) that says what was `asked`, of which pictures.

    It appears whole, with what `fill` puts in first, or not at all.
    """
    staged = Run(runs / f".{uuid.uuid4().hex}.part")
    if fill:
        fill(staged)
    staged.describe(asked, records)
    return Run(place_folder(staged.folder, runs, name))


def every(runs: Path, name: str = "") -> list[Run]:
    """The runs whose name begins with `name`; those that cannot be read are named and left out."""
    if not runs.is_dir():
        return []
    found = []
    for folder in sorted(runs.iterdir()):
        run = Run(folder)
        if folder.name.startswith(".") or not folder.name.startswith(name):
            continue
        if (folder / "config.json").is_file():
            try:
                run.asked()
            except ValueError as error:
                logging.warning("%s This run is left out.", error)
            else:
                found.append(run)
    return found


def names(runs: Path) -> list[str]:
    """The names of all runs, the newest first."""
    found = every(runs)
    times = {run.name: run.begun() for run in found}
    return sorted(times, key=times.__getitem__, reverse=True)


def stops(runs: Path, name: str) -> list[list[Any]]:
    """The runs whose name begins with `name` that were asked to stop, and where: what they gave
    must not be taken for their end.
    """
    return [[run.name, run.stops()] for run in every(runs, name.strip()) if run.stops()]


def find(runs: Path, name: str, asked: dict[str, Any]) -> Run | None:
    """The run of this name that was made from exactly this, finished before unfinished."""
    found = [run for run in every(runs, name) if same(run.asked(), asked)]
    return next((run for run in found if run.finished), found[0] if found else None)


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two requests ask for the same result."""
    parents = [(asked.get("continues") or {}).get("key") for asked in (one, other)]
    return parents[0] == parents[1] and all(one.get(part) == other.get(part) for part in DECIDES)
