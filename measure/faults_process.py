"""Numbers that break, memory that runs out, cancels, two at once; and the host after all that."""

import gc
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import comfy.model_management as management
import psutil
import torch

from ..training import nest
from ..training.host import folders
from ..training.host.progress import Interrupted
from ..training.host.running import ask_to_stop, running
from ..training.task import Task
from .faults_ground import Ground, Say, fork, ignored, newest_step, short
from .outcome import Outcome

AT = 10
RUNS = 10
Happens = Callable[[torch.Tensor], torch.Tensor]  # with the loss of a step


def processes(ground: Ground) -> list[Outcome]:
    ends = [_ended(ground, what, *how) for what, how in ENDS.items()]
    return [*ends, _out_of_memory(ground), _two_at_once(ground), _growth(ground)]


# ------------------------------------------------------------ how a training may end


def _nan(loss: torch.Tensor) -> torch.Tensor:
    return loss * float("nan")


def _bad_gradient(loss: torch.Tensor) -> torch.Tensor:
    return loss + (loss * 0).sqrt() * 0  # finite; its gradient is not


def _raise(error: BaseException) -> Happens:
    def breaking(_loss: torch.Tensor) -> torch.Tensor:
        raise error

    return breaking


def _stop(loss: torch.Tensor) -> torch.Tensor:
    assert ask_to_stop(running()[0]["run"])
    return loss


# What happens in a step, how the training ends, and which step is kept.
ENDS: dict[str, tuple[Happens, str, int]] = {
    "a loss that is no number": (_nan, "FloatingPointError", AT),
    "a gradient that is no number": (_bad_gradient, "FloatingPointError", AT),
    "an exception": (_raise(RuntimeError("in the middle")), "RuntimeError", AT),
    "a cancel": (_raise(Interrupted()), "InterruptProcessingException", AT),
    "stop and keep": (_stop, "", AT + 1),
}


def _ended(ground: Ground, what: str, happens: Happens, error: str, kept: int) -> Outcome:
    """The fault in step AT + 1: the host is as it was, that step is kept, and the run goes on."""
    name = what.replace(" ", "-")

    def job(say: Say) -> None:
        with _in_step(AT, happens):
            _watched(ground, name, say)

    child = fork(job)
    child.wait()
    said = child.last("error") or ""
    lost = int(not said.startswith(error)) + (newest_step(ground.run(name)) != kept)
    lost += not ground.run(name).lora()
    lost += not ground.goes_on(name)
    changed = child.last("changed")
    told = short(said) or "it goes on downstream"
    return Outcome(what, 1, lost, 1 if changed is None else changed, told=told)


def _in_step(step: int, happens: Happens) -> Any:
    real = Task.training_loss

    def breaking(self: Task, batch: Any, stream: str, number: int) -> torch.Tensor:
        loss = real(self, batch, stream, number)
        return happens(loss) if number == step else loss

    return mock.patch.object(Task, "training_loss", breaking)


def _watched(ground: Ground, name: str, say: Say, **changes: Any) -> None:
    """Train, and say how much of the host is not what it was, however it ends."""
    before = _host(ground)
    try:
        ground.train(name, say, **changes)
    finally:
        say({"changed": _changed(before, _host(ground))})


def _host(ground: Ground) -> dict[str, Any]:
    """Everything of the host's that a training could leave changed."""
    wires = ground.wires
    clip, vae = wires.clip.cond_stage_model, wires.vae.first_stage_model
    trees: tuple[Any, ...] = (wires.model.model, clip, vae)
    modules = [module for tree in trees for module in tree.modules()]
    return {
        "weights": [{k: v.clone() for k, v in tree.state_dict().items()} for tree in trees],
        "modules": len(modules),
        "hooks": sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules),
        "patches": len(wires.model.patches),
        "options": repr(wires.model.model_options),
        "training": getattr(management, "in_training", False),
        "gradients": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
        "dice": torch.get_rng_state(),
    }


def _changed(before: dict[str, Any], after: dict[str, Any]) -> int:
    wrong = 0
    for part, was in before.items():
        now = after[part]
        if part == "weights":
            wrong += sum(
                not torch.equal(one[key], other[key])
                for one, other in zip(was, now, strict=True)
                for key in one
            )
        else:
            wrong += not (torch.equal(was, now) if part == "dice" else was == now)
    return wrong


# ------------------------------------------------------------ memory


def _out_of_memory(ground: Ground) -> Outcome:
    """The process may have so much address space and no more: torch's own allocator refuses."""
    name = "memory"
    sizes = {"resolution": 256, "batch_size": 2, "checkpointing": "none", "steps": 3}

    def job(say: Say) -> None:
        def limit(_step: int) -> None:
            taken = psutil.Process().memory_info().vms
            resource.setrlimit(resource.RLIMIT_AS, (taken + 64 * 2**20, -1))

        rss = psutil.Process().memory_info().rss
        try:
            with _in_step(1, lambda loss: _greedy(loss, limit)):
                _watched(ground, name, say, **sizes)
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            gc.collect()
            say({"grown": (psutil.Process().memory_info().rss - rss) / 2**20, "left": _tensors()})

    child = fork(job)
    child.wait()
    said = child.last("error") or ""
    lost = int("OutOfMemoryError: Out of memory" not in said or "Set checkpointing" not in said)
    lost += newest_step(ground.run(name)) != 1
    again = ground.forked(name, **sizes)
    lost += not again.last("finished")
    changed = child.last("changed")
    return Outcome(
        "out of memory, by a limit", 1, lost, 1 if changed is None else changed, told=short(said)
    )


def _greedy(loss: torch.Tensor, limit: Callable[[int], None]) -> torch.Tensor:
    """From now on nothing can be had, in the middle of a step whose graph is alive."""
    limit(0)
    for _ in range(64):  # what the allocator has in store, first
        loss = loss + torch.ones(16, 2**20).sum() * 0
    held = [torch.ones(2**24) for _ in range(256)]
    return loss + held[0].sum() * 0


def _tensors() -> int:
    return sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())


def _growth(ground: Ground) -> Outcome:
    """Ten runs in one process, one after another: neither memory nor tensors become more."""

    def job(say: Say) -> None:
        for number in range(RUNS):
            ground.train(f"tenth-{number}", ignored, seed=number)
            gc.collect()
            say({"rss": psutil.Process().memory_info().rss, "tensors": _tensors()})

    child = fork(job)
    child.wait()
    sizes = [one["rss"] / 2**20 for one in child.said if "rss" in one]
    tensors = [one["tensors"] for one in child.said if "tensors" in one]
    assert len(sizes) == RUNS, child.said
    lost = int(tensors[-1] > tensors[1]) + (sizes[-1] > 1.02 * sizes[1])
    told = f"RSS {sizes[1]:.0f} MB after two, {sizes[-1]:.0f} after ten; "
    told += f"tensors {tensors[1]}, then {tensors[-1]}"
    return Outcome("ten runs in one process", 0, lost, told=told)


# ------------------------------------------------------------ two at once


def _two_at_once(ground: Ground) -> Outcome:
    """Two processes with the same name, request and empty cache."""
    lost, told = 0, []
    for turn in range(3):
        for path in folders.cache().rglob("*.safetensors"):
            path.unlink()
        name = f"both-{turn}"
        children = []
        for _ in range(2):
            children.append(fork(lambda say, n=name: ignored(ground.train(n, say))))
            time.sleep(turn)  # at the same moment; while the other encodes; while it trains
        for child in children:
            child.wait()
        errors = [child.last("error") for child in children if child.last("error")]
        ends = [child.last("run") for child in children if child.last("run")]
        lost += not ends or not all("by another ComfyUI" in error for error in errors)
        lost += sum(not ground.same_as_whole(ground.run(end)) for end in ends)
        told += ["refused"] * len(errors) + ["a name of its own"] * (len(set(ends)) - 1)
        lost += sum(not _whole(path) for path in folders.cache().rglob("*.safetensors"))
    return Outcome("two at once, three times", 3, lost, told=f"the second: {', '.join(told)}")


def _whole(path: Path) -> bool:
    try:
        nest.load(path)
    except ValueError:
        return False
    return True
