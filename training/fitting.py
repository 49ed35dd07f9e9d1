"""How a run is made to fit its device: loaded, measured, planned, and loaded as planned."""

import math
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import replace

import torch
from torch import nn

from .adapters.together import Together
from .config import TrainConfig
from .examples import Pictures
from .host.compiled import compile_blocks
from .host.memory import can_stream, free_bytes, frozen, load_to_measure
from .host.private import fill, load
from .host.recompute import blocks, recompute_blocks
from .host.wires import ModelPatcher
from .plan import Need, Plan, choose, measure
from .prepare import DATASET, Prepared
from .run import Run
from .task import Task


def planned(run: Run) -> Plan | None:
    """The plan that `run` began with, if it has begun."""
    before = run.plan()
    return Plan(**before) if before else None


def load_first(
    run: Run, private: ModelPatcher, config: TrainConfig, prepared: Prepared
) -> torch.device:
    """Load the private model so that its step can be measured, or as the run's plan says."""
    if plan := planned(run):
        return load(private, plan.resident)
    largest = max(prepared.sets[DATASET], key=lambda one: math.prod(one.size))
    shape = [1, *largest.latents[0].load().shape[1:]]
    return load_to_measure(private, config.streaming, private.model.memory_required(shape))


def plan_for(
    run: Run,
    private: ModelPatcher,
    task: Task,
    adapter: Together,
    pictures: Pictures,
    text: Sequence[nn.Module] = (),
) -> Plan:
    """Measured once for a run: another sitting on another machine does the same arithmetic.

    `text` are the text encoders that captions are sent through in every step, if they are.
    """
    if plan := planned(run):
        return plan
    config, streaming = pictures.config, pictures.config.streaming
    need = _need(private, task, pictures, text)
    trained = sum(p.numel() * p.element_size() for p in adapter.parameters())
    # Gradient, two moments, perhaps the running mean; and the LoRA, which is there already.
    learned = (5 if config.ema_decay else 4) * trained
    base, free = frozen(private), free_bytes(task.denoiser.device) + trained
    away = base.movable  # what could be off the device
    if can_stream(private):
        free += int(private.loaded_size())
    else:
        away, streaming = 0, "off" if streaming == "auto" else streaming
    choice = choose(
        config.checkpointing, streaming, need, learned, replace(base, movable=away), free
    )
    resident = base.movable if choice.resident is None else min(choice.resident, base.movable)
    plan = Plan(
        weights=base.whole,
        adapter=learned,
        step=need.kept,
        step_recomputed=need.recomputed,
        free=free - min(resident, away),
        recompute=choice.recompute,
        asked=config.checkpointing,
        streamed=base.movable - resident,
        resident=choice.resident,
        streaming=config.streaming,
        compiled=config.compile,
        buffer=base.largest if resident < base.movable else 0,
    )
    run.keep_plan(plan.record())
    return plan


def _need(private: ModelPatcher, task: Task, pictures: Pictures, text: Sequence[nn.Module]) -> Need:
    """Of a step with the largest pictures; these and their captions too, one by one and as a batch.
    Where one alone does not fit beside the base, as far as it is loaded, the base makes room."""
    network = private.model.diffusion_model
    largest = max(range(len(pictures)), key=lambda n: math.prod(pictures.encoded[n].size))

    def measured() -> Need:
        def step() -> None:
            task.training_loss([pictures.example(largest)], DATASET, 0)

        need = measure([network, *text], blocks(network), step, task.denoiser.device)
        return need.beside(2 * pictures.used).times(pictures.config.batch_size)

    if pictures.config.streaming != "off" and can_stream(private):
        with suppress(torch.OutOfMemoryError):
            return measured()
        fill(private, 0)
    return measured()


def follow(plan: Plan, private: ModelPatcher, sets: Collection[Pictures]) -> None:
    """Make the private model what the plan says, and let the sets of pictures keep what is left."""
    for pictures in sets:
        pictures.room = min(pictures.room, max(0, plan.spare) // len(sets))
    fill(private, plan.resident)
    network = private.model.diffusion_model
    if plan.recompute:
        recompute_blocks(network)
    if plan.compiled:
        compile_blocks(network)
