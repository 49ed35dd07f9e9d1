"""The names that ComfyUI's sampler node offers."""

from comfy.samplers import KSampler

SAMPLERS: list[str] = list(KSampler.SAMPLERS)
SCHEDULERS: list[str] = list(KSampler.SCHEDULERS)
