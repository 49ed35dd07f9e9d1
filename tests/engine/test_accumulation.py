"""Accumulated batches are one large batch: the same weights from the same pictures and noise."""

import torch

from atelier.training.task import Task

from .trained import train

# By plain descent, unclipped: with AdamW, or clipped, a gradient of twice the size would move the
# weights no further.
DESCENT = {"optimizer": "sgd", "schedule": "constant", "clip_norm": 0, "weight_decay": 0}
DESCENT |= {"learning_rate": 1.0, "steps": 3, "targets": "attention"}
ROUNDING = 1e-5  # of the length: the same numbers are added up in another order, in fp32


def by_picture(self, batch, stream, number):
    """In `Task.training_loss`'s place, which draws by batch: noise and time by a picture's name."""
    noise, times = [], []
    for example in batch:
        dice = torch.Generator().manual_seed(int.from_bytes(example.path.stem.encode()[-7:], "big"))
        noise.append(torch.randn(example.latent.shape, generator=dice))
        times.append(torch.rand(1, generator=dice))
    like = batch[0].latent
    time = torch.cat(times).to(like)
    return self.loss(batch, torch.cat(noise).to(like), self.sigma(time, like), time)


def test_accumulated_batches_are_one_large_batch(wires, monkeypatch):
    """Of the four pictures that there are: each step shows all of them, in either way."""
    monkeypatch.setattr(Task, "training_loss", by_picture)
    whole = train(wires, name="whole", batch_size=4, **DESCENT)
    parts = train(wires, name="parts", batch_size=2, accumulation=2, **DESCENT)
    half = train(wires, name="half", batch_size=2, **DESCENT)
    assert apart(parts.lora(), whole.lora()) < ROUNDING < 1e-2 < apart(half.lora(), whole.lora())
    for one, other in zip(parts.logged(), whole.logged(), strict=True):
        for what in ("loss", "grad_norm"):
            assert abs(one[what] - other[what]) < ROUNDING * other[what]


def apart(lora, other):
    """Of what starts at zero, which is all that a LoRA does: the largest difference of a layer."""
    ups = [key for key in other if "lora_B" in key]
    assert ups and lora.keys() == other.keys()
    return max(((lora[key] - other[key]).norm() / other[key].norm()).item() for key in ups)
