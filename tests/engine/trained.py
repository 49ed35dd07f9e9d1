"""Short trainings on the demo base, in this process."""

from dataclasses import replace

import torch

from atelier.training.config import make_config
from atelier.training.host import running
from atelier.training.prepare import Wires
from atelier.training.task import Task
from atelier.training.trainer import train_lora

SETTINGS = {"steps": 6, "batch_size": 2, "rank": 2, "alpha": 2, "resolution": 128}
SETTINGS |= {"learning_rate": 1e-3, "validate_every": 3, "save_every": 2}


def wired(base, *datasets, **more):
    model, clip, vae = base
    return Wires(model, clip, vae, *datasets, **more)


def some(dataset, count):
    """Its first pictures: what is measured at all held-out ones takes longer than a short run."""
    return replace(dataset, records=dataset.records[:count])


def train(wires, name="run", **changes):
    with torch.inference_mode():  # as ComfyUI runs nodes
        return train_lora(wires, make_config(**(SETTINGS | changes)), name)


def state(wires):
    parts = (wires.model.model, wires.clip.cond_stage_model, wires.vae.first_stage_model)
    return [{k: v.clone() for k, v in part.state_dict().items()} for part in parts]


def same(one, other):
    return all(
        a.keys() == b.keys() and all(torch.equal(a[k].cpu(), b[k].cpu()) for k in a)
        for a, b in zip(one, other, strict=True)
    )


def stop_at(monkeypatch, step, error):
    """Make the run raise `error` in the middle of step `step`, between forward and optimizer."""
    real = Task.training_loss

    def breaking(self, batch, stream, number):
        loss = real(self, batch, stream, number)
        if number + 1 == step:
            raise error
        return loss

    monkeypatch.setattr(Task, "training_loss", breaking)


def press_stop(monkeypatch, step):
    """The page's button, pressed while step `step` is taken."""
    real = Task.training_loss

    def pressing(self, batch, stream, number):
        if number + 1 == step:
            (one,) = running.running()
            assert running.ask_to_stop(one["run"])
        return real(self, batch, stream, number)

    monkeypatch.setattr(Task, "training_loss", pressing)
