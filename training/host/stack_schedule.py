"""Strengths that change while a picture is sampled, by ComfyUI's hooks.

Core's own way is to put hooks on conditioning. These are on the MODEL: its patches wait in the
patcher, and each sampling puts the hooks on the conditions it is given, whoever encoded them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import comfy.hooks
from comfy.model_patcher import ModelPatcher
from comfy.patcher_extension import WrapperExecutor, WrappersMP

from .dynamic import convert

KEY = "atelier_schedule"
_CLOSE = 1e-4  # samplers come to a step's sigma up to rounding
Schedule = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Hooked:
    """One LoRA's patches by their strength, and its factors by share of the steps."""

    patches: Sequence[tuple[float, Mapping[Any, Any]]]
    schedule: Schedule


class _Steps(comfy.hooks.HookKeyframeGroup):
    """Keyframes that begin at a step of the sampling at hand, not at a share of its noise."""

    def initialize_timesteps(self, model: Any) -> None:
        """Their sigmas are known already."""


class Scheduler:
    """The wrapper around a sampling (OUTER_SAMPLE) that makes the hooks active in it."""

    def __init__(self, hooks: Sequence[tuple[comfy.hooks.WeightHook, Schedule]]) -> None:
        self.hooks = hooks

    @property
    def weights(self) -> list[Schedule]:
        """What of it decides the picture, for `fingerprint`."""
        return [schedule for _, schedule in self.hooks]

    def __call__(self, executor: WrapperExecutor, *inputs: Any, **more: Any) -> Any:
        sigmas = inputs[3]  # noise, latent, sampler, sigmas …
        group = comfy.hooks.HookGroup()
        for hook, schedule in self.hooks:
            fresh = hook.clone()  # with the same patches, and keyframes of its own
            fresh.hook_keyframe = _keyframes(schedule, sigmas.tolist())
            group.add(fresh)
        guider: Any = executor.class_obj
        _attach(group, guider.conds.values())
        return executor(*inputs, **more)


def _attach(group: comfy.hooks.HookGroup, conds: Iterable[list[dict[str, Any]]]) -> None:
    """Put the hooks on every condition, with those that it has.

    Those of one group stay together: conditions are batched by the group they have.
    """
    joined: dict[int, comfy.hooks.HookGroup] = {}
    for some in conds:
        for cond in some:
            own = cond.get("hooks")
            if own is None:
                cond["hooks"] = group
            else:
                cond["hooks"] = joined.setdefault(id(own), own.clone_and_combine(group))


def _keyframes(schedule: Schedule, sigmas: Sequence[float]) -> _Steps:
    steps = len(sigmas) - 1
    frames = _Steps()
    for share, factor in schedule:
        frame = comfy.hooks.HookKeyframe(factor, share, guarantee_steps=0)
        first = math.ceil(share * steps - 1e-9)
        frame.start_t = sigmas[first] * (1 + _CLOSE) if first else math.inf
        frames.add(frame)
    return frames


def add_schedule(model: ModelPatcher, some: Iterable[Hooked]) -> None:
    """Let `model`, a clone of the wired one, have these patches when it samples."""
    hooks = []
    for one in some:
        hook = comfy.hooks.WeightHook()
        for strength, patches in one.patches:
            model.add_hook_patches(hook, patches, strength)
        hooks.append((hook, one.schedule))
    model.add_wrapper_with_key(WrappersMP.OUTER_SAMPLE, KEY, Scheduler(hooks))


def hookable(model: ModelPatcher) -> ModelPatcher:
    """`model`; where DynamicVRAM moves its weights, which takes no hooks, its other form, as core
    has it for conditioning with hooks."""
    moves = getattr(model, "is_dynamic", None)
    if moves is None or not moves():
        return model
    delegate: Any = model
    whole: ModelPatcher = delegate.get_non_dynamic_delegate()
    convert(whole.model)
    return whole
