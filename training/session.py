"""One sitting of a run: the private model with its adapter, from the last checkpoint to the end."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch.amp.grad_scaler import GradScaler

from . import checkpoint
from .adapters.adapter import Adapter
from .adapters.keys import Naming, TextNaming
from .adapters.together import Together
from .config import TrainConfig
from .curve import draw_curve
from .examples import Pictures
from .host import folders
from .host.family import naming
from .host.forward import Denoiser
from .host.lora_file import start_from, start_text
from .host.memory import free_bytes
from .host.mode import own_randomness
from .host.precision import Precision, compute_in
from .host.private import load, private_copy
from .host.progress import Progress
from .host.recompute import blocks, recompute_blocks
from .host.text import (
    encode_with_gradient,
    load_text,
    private_text,
    text_naming,
    text_sizes,
)
from .host.wires import CLIP, ModelPatcher
from .loop import Stream, train
from .metadata import hashes, lora_metadata, thumbnail
from .optimizers import make_optimizer
from .plan import Plan, choose, measure
from .prepare import CLASS, DATASET, HELD_OUT, Prepared, Wires
from .run import Run
from .samples import Samples
from .schedule import make_schedule
from .state import State, running_mean
from .task import Task


@dataclass
class Session:
    """Everything that a training needs, while the private model is there."""

    run: Run
    wires: Wires
    config: TrainConfig
    private: ModelPatcher
    denoiser: Denoiser
    plan: Plan
    task: Task
    state: State
    streams: list[Stream]
    names: Naming
    text_names: TextNaming | None
    held_out: Pictures | None
    samples: Samples

    @classmethod
    @contextmanager
    def open(
        cls, run: Run, wires: Wires, config: TrainConfig, prepared: Prepared
    ) -> Iterator["Session"]:
        """Load what is trained, as the run's last checkpoint left it. Inside `training_mode`."""
        trains_text = config.text_encoders != "none"
        with (
            private_copy(wires.model) as private,
            private_text(wires.clip) if trains_text else nullcontext() as text,
        ):
            names = naming(private.model)  # before the adapters: they rename the layers
            text_names = text_naming(text, own_words=names.res_blocks > 0) if text else None
            adapter = _adapter(private, text, wires, config)
            device = load(private, _memory(private, config, prepared))
            denoiser = Denoiser(private, device)
            precision = compute_in(config.compute, denoiser, adapter.network)
            if text:
                load_text(text)
            encode = partial(encode_with_gradient, text) if text else None
            pictures = {
                what: Pictures(encoded, denoiser, config, encode)
                for what, encoded in prepared.sets.items()
            }
            state = _state(adapter, config, GradScaler(device.type, enabled=precision.overflows))
            before = checkpoint.newest(run.checkpoints)
            if before:
                state.load(before)
            run.forget_after(state.step)  # what a crash left in the log behind the checkpoint
            task = _task(denoiser, config, adapter, precision)
            plan = _plan(run, private, task, adapter, pictures[DATASET])
            if plan.recompute:
                recompute_blocks(private.model.diffusion_model)
            yield cls(
                run,
                wires,
                config,
                private,
                denoiser,
                plan,
                task,
                state,
                _streams(pictures, prepared, config),
                names,
                text_names,
                pictures.get(HELD_OUT),
                Samples(
                    encode or (lambda prompt: prepared.prompts[prompt].load()),
                    wires.vae,
                    folders.pictures() / "runs" / run.name / "samples",
                    config,
                ),
            )

    def train(self, progress: Progress) -> None:
        """Train to the end, and write the result."""
        progress.begin(self.state.step)
        progress.update(self.state.step, self.plan.text())
        if self.state.step == 0:
            self._sample(0, progress)

        def watch(step: int, loss: float | None) -> None:
            picture = draw_curve(self.run.logged()) if step % 50 == 0 else None
            text = f"Step {step} of {self.config.steps}" + (f", loss {loss:.4f}" if loss else "")
            progress.update(step, text if loss or step == self.config.steps else "", picture)
            self._sample(step, progress)

        train(
            self.state, self.task, self.streams, self.held_out or (), self.config, self.run, watch
        )
        self._finish()

    def _sample(self, step: int, progress: Progress) -> None:
        if self.samples.due(step):
            with self.state.judged(), self.task.precision.autocast(self.denoiser.device):
                picture = self.samples.draw(step, self.private, self.denoiser)
            progress.update(step, f"Samples of step {step}", picture)

    def _finish(self) -> None:
        adapter, best = self.state.adapter, self.state.best
        if self.config.keep == "best" and best.weights:
            adapter.load(best.weights)
        with self.state.judged() if self.config.keep == "last" else nullcontext():
            lora = adapter.file_state(self.names, self.text_names)
        metadata = lora_metadata(
            self.run.name,
            self.config,
            self.private.model,
            self.denoiser.prediction,
            self.wires.dataset,
            self.run.asked(),
        )
        shown = self.samples.last()
        self.run.finish(lora, metadata | hashes(lora) | (thumbnail(shown) if shown else {}))


def _adapter(
    private: ModelPatcher, text: CLIP | None, wires: Wires, config: TrainConfig
) -> Together:
    start = start_from(wires.continue_from, private.model) if wires.continue_from else None
    text_start = None
    if text and start and start.carried:
        text_start = start_text(start.carried, text)
        start = replace(start, carried={})
    with own_randomness(config.seed):
        family = type(private.model).__name__
        network = Adapter(private.model.diffusion_model, config, family, start)
        if not text:
            return Together(network)
        sizes = text_start.sizes if text_start else text_sizes(text, config)
        tree = text.cond_stage_model
        return Together(network, Adapter(tree, config, start=text_start, sizes=sizes))


def _task(denoiser: Denoiser, config: TrainConfig, adapter: Together, precision: Precision) -> Task:
    return Task(
        denoiser,
        config,
        config.seed,
        adapter,
        from_base=CLASS if config.prior_target == "base" else "",
        precision=precision,
        drops=config.dropout > 0,
    )


def _plan(
    run: Run, private: ModelPatcher, task: Task, adapter: Together, pictures: Pictures
) -> Plan:
    """Measured once for a run: another sitting on another machine does the same arithmetic."""
    config = pictures.config
    if before := run.plan():
        return Plan(**before)
    network = private.model.diffusion_model
    largest = max(range(len(pictures)), key=lambda n: math.prod(pictures.encoded[n].size))
    free = free_bytes(task.denoiser.device)
    one = measure(
        network,
        blocks(network),
        lambda: task.training_loss([pictures.example(largest)], DATASET, 0),
    ).times(config.batch_size)
    weights = sum(p.numel() * p.element_size() for p in private.model.parameters())
    trained = sum(p.numel() * p.element_size() for p in adapter.parameters())
    others = 4 if config.ema_decay else 3  # gradient, two moments, and the running mean
    recompute = choose(config.checkpointing, one, others * trained, free)
    plan = Plan(
        weights - trained,
        (1 + others) * trained,
        one.kept,
        one.recomputed,
        free,
        recompute,
        config.checkpointing,
    )
    run.keep_plan(plan.record())
    return plan


def _streams(
    pictures: dict[str, Pictures], prepared: Prepared, config: TrainConfig
) -> list[Stream]:
    weights = {DATASET: 1.0, CLASS: config.prior_weight}
    return [
        Stream(what, pictures[what], plan, config.seed, weights[what])
        for what, plan in prepared.plans.items()
    ]


def _state(adapter: Together, config: TrainConfig, scaler: GradScaler) -> State:
    optimizer: Any = make_optimizer(
        config.optimizer,
        adapter.groups(config.text_rate),
        config.learning_rate,
        config.weight_decay,
        config.optimizer_arguments,
    )
    if hasattr(optimizer, "train"):  # the schedule-free ones
        optimizer.train()
    schedule = make_schedule(config.schedule, optimizer, config.steps, config.warmup)
    return State(adapter, optimizer, schedule, scaler, running_mean(adapter, config.ema_decay))


def _memory(private: ModelPatcher, config: TrainConfig, prepared: Prepared) -> float:
    """What a step needs besides the weights, in bytes: ComfyUI's figure for sampling, times four.

    Sampling keeps one layer's activations, training all of them; 4 x is a floor, not a plan.
    """
    largest = max(prepared.sets[DATASET], key=lambda one: one.size[0] * one.size[1])
    shape = [config.batch_size, *largest.latents[0].load().shape[1:]]
    return 4 * private.model.memory_required(input_shape=shape)
