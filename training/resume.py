"""A run by its name: gone on with as it was, with more steps, or branched with something else."""

import shutil
from collections.abc import Mapping
from typing import Any

from . import checkpoint, nest, records, run
from .config import make_config
from .files import safe_name
from .host import folders
from .prepare import CLASS, DATASET, HELD_OUT, Wires
from .run import Run
from .trainer import carry_out, request
from .trainer import records as listed

SETS = {"dataset": DATASET, "held_out": HELD_OUT, "class_pictures": CLASS}
OTHERS = {
    "model": "another model, or other LoRAs on it",
    "clip": "another text encoder, or other LoRAs on it",
    "vae": "another VAE",
    "continue_from": "another LoRA to go on from",
    "format": "an Atelier of before, whose steps gave other numbers",
}


def resume(
    wires: Wires,
    name: str,
    steps: int = 0,
    if_changed: str = "refuse",
    graph: Mapping[str, Any] | None = None,
) -> Run:
    """The run `name`, trained to its end, or to `steps` where that is another number.

    With another number of steps, and where `if_changed` is "branch" and what is wired is not what
    the run was made from, a new run goes on from the newest checkpoint: nothing is written over.
    From there on the learning rate is what it would be at that step of a run of `steps`. Raises
    `ValueError` that says what differs, and as `train_lora` does.
    """
    parent = _named(name)
    was = parent.asked()
    config = make_config(**was["config"] | ({"steps": steps} if steps else {}))
    now = request(wires, config)
    differ = differences(was, now, parent.records(), listed(wires))
    if differ and if_changed != "branch":
        raise ValueError(
            f"What is wired is not what the run {parent.name} was made from:\n"
            + "\n".join(f"- {line}" for line in differ)
            + "\nWire that again; or set if_changed to branch, and a new run goes on from the "
            "newest checkpoint with what is wired."
        )
    done = _done(parent)
    if config.steps < done:
        raise ValueError(
            f"steps = {config.steps}, and the run {parent.name} has done {done} already. Ask for "
            "more, or leave it at 0."
        )
    if differ and config.steps == done:
        raise ValueError(
            f"The run {parent.name} has done all of its {done} steps: ask for more steps, and a "
            "branch learns from what is wired in those."
        )
    if not differ and config.steps == was["config"]["steps"]:
        return carry_out(wires, config, was, parent, lambda: parent, graph)
    asked = now | {"continues": {"run": parent.name, "key": was["key"]}}
    found = run.find(folders.runs(), parent.name, asked)
    return carry_out(
        wires, config, asked, found, lambda: branch(parent, asked, listed(wires)), graph
    )


def differences(
    was: Mapping[str, Any],
    now: Mapping[str, Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> list[str]:
    """What differs between two requests, a line for each wire; `before` and `after` list their
    pictures.
    """
    lines = []
    for part in (*OTHERS, *SETS):
        if was[part] == now[part]:
            continue
        if was[part] is None:
            lines.append(f"{part}: the run had none, and one is wired")
        elif now[part] is None:
            lines.append(f"{part}: the run had one, and none is wired")
        elif part in SETS:
            told = records.changes(before.get(SETS[part], {}), after[SETS[part]])
            lines.append(f"{part}: {told}")
        else:
            lines.append(f"{part}: {OTHERS[part]}")
    return lines


def branch(parent: Run, asked: dict[str, Any], listing: dict[str, Any]) -> Run:
    """A new run that goes on from the newest checkpoint of `parent`, as if it had come so far.

    The learning rate is gone through anew, since the
    number of steps may be another; the best so far counts only on the same held-out pictures.
    """
    tree = checkpoint.newest(parent.checkpoints)
    if not tree:
        raise ValueError(
            f"The run {parent.name} has no checkpoint to go on from. Train LoRA starts anew."
        )
    step, was = tree["step"], parent.asked()
    tree["schedule"] = None
    tree["best"]["since"] = 0
    if was["held_out"] != asked["held_out"]:
        tree["best"] = {"loss": float("inf"), "step": 0, "weights": {}, "since": 0}
        tree["measured"] = step
    asked = asked | {"continues": asked["continues"] | {"step": step}}

    def fill(made: Run) -> None:
        nest.save(made.checkpoints / checkpoint.NAME.format(step), tree)
        made.write_log([line for line in parent.logged() if line["step"] <= step])
        plan = parent.plan()
        if plan and all(was[part] == asked[part] for part in ("model", "dataset")):
            made.keep_plan(plan)

    made = run.create(parent.folder.parent, parent.name, asked, listing, fill)
    _copy_samples(parent, made, step)
    return made


def _copy_samples(parent: Run, made: Run, step: int) -> None:
    """The pictures of the steps that both have."""
    source, target = (folders.samples(one.name) for one in (parent, made))
    for path in sorted(source.glob("step-*-*.png")) if source.is_dir() else []:
        if int(path.name.split("-")[1]) <= step:
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / path.name)


def _named(name: str) -> Run:
    found = Run(folders.runs() / safe_name(name, "run"))
    if not (found.folder / "config.json").is_file():
        there = ", ".join(run.names(folders.runs())[:5]) or "none yet"
        raise ValueError(f"There is no run {name!r} in {folders.runs()}. There are: {there}.")
    return found


def _done(this: Run) -> int:
    tree = checkpoint.newest(this.checkpoints)
    return tree["step"] if tree else 0
