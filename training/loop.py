"""The training loop, top to bottom."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import nn

from .config import TrainConfig
from .data.buckets import Batches
from .examples import Example, Examples, Pictures
from .host.mode import own_randomness
from .run import Run
from .state import State
from .task import Task

LOG_EVERY = 10  # steps between reads of the loss from the device


@dataclass(frozen=True)
class Stream:
    """Pictures that are drawn from in every step, and how much their loss counts.

    `drops`: a text encoder that is trained may drop out, which draws from torch's own generator.
    """

    name: str
    pictures: Pictures
    batches: Batches
    seed: int
    weight: float = 1.0
    drops: bool = False

    def after(self, batches: int) -> Iterator[list[Example]]:
        """Its batches without the first `batches`, which an earlier session has used."""
        for count, numbers in enumerate(islice(self.batches, batches, None), batches):
            dice = random.Random(f"{self.seed}/{self.name}/{count}")
            dropped = random.Random(f"{self.seed}/{self.name}/{count}/dropped").getrandbits(32)
            with own_randomness(dropped) if self.drops else nullcontext():
                drawn = [self.pictures.draw(number, dice) for number in numbers]
            yield drawn


@dataclass
class Log:
    """Losses stay on the device until they are read, `LOG_EVERY` steps at a time."""

    run: Run
    waiting: list[tuple[int, torch.Tensor, torch.Tensor, float]] = field(default_factory=list)

    def add(self, step: int, loss: torch.Tensor, norm: torch.Tensor, rate: float) -> None:
        self.waiting.append((step, loss, norm, rate))

    def flush(self) -> float | None:
        """Write what waits; return the mean loss of it."""
        if not self.waiting:
            return None
        steps, losses, norms, rates = zip(*self.waiting, strict=True)
        values, lengths = torch.stack(losses).tolist(), torch.stack(norms).tolist()
        lines = zip(steps, values, lengths, rates, strict=True)
        self.run.log(
            [{"step": s, "loss": v, "grad_norm": n, "learning_rate": r} for s, v, n, r in lines]
        )
        self.waiting.clear()
        return sum(values) / len(values)


Watch = Callable[[int, float | None], None]  # step, mean loss since the last reading
Stop = Callable[[], bool]
LEAST_SCALE = 1.0  # below it, what is not finite is no overflow of fp16's


def never() -> bool:
    return False


def train(
    state: State,
    task: Task,
    streams: Sequence[Stream],
    held_out: Examples,
    config: TrainConfig,
    run: Run,
    watch: Watch,
    stop: Stop = never,
    save: Stop = never,
) -> None:
    """Train `state` to `config.steps`, logging, validating and saving into `run` on the way.

    `watch` is called after every step and may raise to stop; `stop` is asked after every step
    whether this was the last one, `save` whether it is to be saved. Raises `FloatingPointError`
    before the weights are touched if a loss or gradient is not finite, naming step and pictures.
    Whatever is raised, what was learned so far is saved first.
    """
    parameters = state.adapter.parameters()
    sources = [stream.after(state.step * config.accumulation) for stream in streams]
    log = Log(run)
    try:
        validate(state, task, held_out, config, log)  # if an earlier session was stopped in it
        while state.step < config.steps and not finished_early(state, config):
            loss = torch.zeros((), device=task.denoiser.device)
            drawn: list[Example] = []
            for part in range(config.accumulation):
                number = state.step * config.accumulation + part
                for stream, source in zip(streams, sources, strict=True):
                    batch = next(source)
                    drawn += batch
                    share = task.training_loss(batch, stream.name, number).mean()
                    share = share * (stream.weight / config.accumulation)
                    state.scaler.scale(share).backward()
                    loss += share.detach()

            state.scaler.unscale_(state.optimizer)
            norm = shortened(parameters, config.clip_norm)
            if not torch.isfinite(loss) or not (torch.isfinite(norm) or can_overflow(state)):
                raise broken(state.step + 1, loss, norm, drawn)

            if state.step == 0:
                state.unreached = state.adapter.unreached()
            rate = state.optimizer.param_groups[0]["lr"]
            moved = state.take_step()
            log.add(state.step, loss, norm, rate)
            mean = log.flush() if state.step % LOG_EVERY == 0 else None
            if not moved:
                log.flush()  # so that the lines' order does not tell where a run was stopped
                run.log([{"step": state.step, "overflow": state.scaler.get_scale()}])
            validate(state, task, held_out, config, log)
            if save() or state.step % config.save_every == 0:
                log.flush()
                state.save(run)
            watch(state.step, mean)
            if stop():
                break
    finally:
        log.flush()
        if state.whole and state.saved != state.step:
            state.save(run)


def validate(state: State, task: Task, held_out: Examples, config: TrainConfig, log: Log) -> None:
    """Measure the held-out loss if it is time to, and was not done at this step."""
    every, step = config.validate_every, state.step
    if not (held_out and every and step % every == 0 and state.measured < step):
        return
    with state.judged():
        value, by_time = task.held_out_loss(held_out)
    log.flush()
    state.whole = False
    state.compare(value)
    state.saved = -1  # the last checkpoint may be of this step, and does not know this
    log.run.log([{"step": step, "held_out": value, "held_out_by_time": by_time}])
    state.whole = True


def shortened(parameters: Sequence[nn.Parameter], most: float) -> torch.Tensor:
    """The length `[]` that all gradients had together; if it was above `most`, they are shortened
    to that. 0 shortens none."""
    if not hasattr(nn.utils, "get_total_norm"):  # torch before 2.6 multiplies in any case
        return nn.utils.clip_grad_norm_(parameters, most or float("inf"))
    norm = nn.utils.get_total_norm([one.grad for one in parameters if one.grad is not None])
    if most and norm > most:
        nn.utils.clip_grads_with_norm_(parameters, most, norm)
    return norm


def can_overflow(state: State) -> bool:
    """Whether fp16's scaler may have made the gradient too large: it then skips the step."""
    return state.scaler.is_enabled() and state.scaler.get_scale() > LEAST_SCALE


def finished_early(state: State, config: TrainConfig) -> bool:
    """Has the held-out loss not been better for `patience` measurements?"""
    return bool(config.patience) and state.best.since >= config.patience


def broken(
    step: int, loss: torch.Tensor, norm: torch.Tensor, drawn: Sequence[Example]
) -> FloatingPointError:
    names = ", ".join(example.path.name for example in drawn)
    return FloatingPointError(
        f"Step {step}: the loss is {loss.item()}, the gradient's length {norm.item()}. The weights "
        f"were not touched. Pictures in this step: {names}. Lower learning_rate, or look for a "
        "damaged picture among these."
    )
