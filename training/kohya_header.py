"""Kohya's part of a LoRA's header (`ss_*`), by which other programs tell models and settings.

Names and spellings are those of sd-scripts (train_network.py, library/sai_model_spec.py) and, for
newer families, of musubi-tuner (utils/sai_model_spec.py, dataset/architectures.py). Pure.
"""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .adapters.patterns import Size
from .config import TrainConfig
from .settings.adapter import Kind

# For names of ComfyUI's model configurations, with prediction or width where these tell models
# apart: ModelSpec's architecture, and `ss_base_model_version`, empty where no program has one.
_BASES = {
    "SD15": ("stable-diffusion-v1", "sd_v1"),
    "SD20": ("stable-diffusion-v2-512", "sd_v2"),
    "SD20 v": ("stable-diffusion-v2-768-v", "sd_v2"),
    "SD21UnclipL": ("stable-diffusion-v2-768-v", "sd_v2"),
    "SD21UnclipH": ("stable-diffusion-v2-768-v", "sd_v2"),
    "SDXL": ("stable-diffusion-xl-v1-base", "sdxl_base_v1-0"),
    "SDXLRefiner": ("stable-diffusion-xl-v1-refiner", ""),
    "SD3": ("stable-diffusion-3", "sd3"),
    "Flux": ("flux-1-dev", "flux1"),
    "FluxInpaint": ("flux-1-dev", "flux1"),
    "FluxSchnell": ("flux-1-schnell", "flux1"),
    "Flux2": ("Flux.2", ""),
    "Flux2 6144": ("Flux.2-dev", "flux_2_dev"),
    "Flux2 3072": ("Flux.2-klein-4b", "flux_2_klein_4b"),
    "Flux2 4096": ("Flux.2-klein-9b", "flux_2_klein_9b"),
    "Chroma": ("chroma", ""),
    "Lumina2": ("lumina-2", "lumina2"),
    "ZImage": ("Z-Image", "z_image"),
    "QwenImage": ("Qwen-Image", "qwen_image"),
    "HunyuanImage21": ("hunyuan-image-2.1", ""),
    "Kandinsky5Image": ("Kandinsky-5", "kandinsky5"),
    "Anima": ("anima-preview", ""),
}
_LOSSES = {"mse": "l2", "huber": "huber", "l1": "l1"}
_ALGORITHMS = {"dora": "lora", "loha": "loha", "lokr": "lokr"}  # LyCORIS's


def base_names(model_config: Any, prediction: str) -> tuple[str, str]:
    """ModelSpec's architecture of a base, and kohya's `ss_base_model_version`, empty if unknown.

    What has no name there has that of ComfyUI's configuration.
    """
    kind = type(model_config).__name__
    width = (model_config.unet_config or {}).get("hidden_size")
    for name in (f"{kind} {prediction}", f"{kind} {width}", kind):
        if name in _BASES:
            return _BASES[name]
    return kind.lower(), ""


def settings_header(config: TrainConfig) -> dict[str, str]:
    """The settings that kohya has too; what is off is left out."""
    told: dict[str, Any] = {
        "ss_learning_rate": config.learning_rate,
        "ss_unet_lr": config.train_network and config.learning_rate,
        "ss_text_encoder_lr": config.text_encoders != "none" and config.text_rate,
        "ss_lr_scheduler": config.schedule,
        "ss_lr_warmup_steps": config.warmup,
        "ss_optimizer": config.optimizer,
        "ss_max_train_steps": config.steps,
        "ss_batch_size_per_device": config.batch_size,
        "ss_gradient_accumulation_steps": config.accumulation,
        "ss_total_batch_size": config.batch_size * config.accumulation,
        "ss_max_grad_norm": config.clip_norm,
        "ss_resolution": (config.resolution, config.resolution),
        "ss_enable_bucket": True,
        "ss_network_dropout": config.dropout,
        "ss_loss_type": _LOSSES[config.loss],
        "ss_huber_c": config.loss == "huber" and config.huber_delta,
        "ss_huber_schedule": config.loss == "huber" and config.huber_schedule,
        "ss_min_snr_gamma": config.weighting == "min_snr" and config.min_snr_gamma,
        "ss_debiased_estimation": config.weighting == "debiased",
        "ss_noise_offset": config.noise_offset,
        "ss_multires_noise_iterations": config.multires_noise,
        "ss_multires_noise_discount": config.multires_noise and config.multires_discount,
        "ss_ip_noise_gamma": config.input_perturbation,
        "ss_masked_loss": config.masked,
        "ss_flip_aug": config.flip,
        "ss_shuffle_caption": config.shuffle_tags,
        "ss_keep_tokens": config.keep_tags,
        "ss_caption_dropout_rate": config.caption_dropout,
        "ss_caption_tag_dropout_rate": config.tag_dropout,
    }
    return {name: str(value) for name, value in told.items() if value} | {
        "ss_seed": str(config.seed)
    }


def network_header(config: TrainConfig, kind: Kind, sizes: Iterable[Size]) -> dict[str, str]:
    """The kind of adapter and its size: the commonest, where layers differ."""
    ((size, _),) = Counter(sizes).most_common(1)
    told = {
        "ss_network_module": "networks.lora" if kind == "lora" else "lycoris.kohya",
        "ss_network_dim": str(size.rank),
        "ss_network_alpha": str(size.alpha),
    }
    arguments: dict[str, Any] = {"algo": _ALGORITHMS[kind]} if kind in _ALGORITHMS else {}
    if kind == "dora":
        arguments["dora_wd"] = True
    if kind == "lokr":
        arguments["factor"] = config.lokr_factor
    if config.rank_stabilized:
        arguments["rs_lora"] = True
    return told | ({"ss_network_args": json.dumps(arguments)} if arguments else {})
