"""Settings to begin with, by purpose, effort and family; each with where it comes from. Pure.

The peers' configurations and documents were read in their repositories in August 2026; paths are in
these: `kohya` kohya-ss/sd-scripts, `OneTrainer` Nerogar/OneTrainer, `ai-toolkit` ostris/ai-toolkit,
`SimpleTuner` bghira/SimpleTuner, `diffusers` huggingface/diffusers. Nothing here is fitted on
measurements of our own, but for the rate of the demo's base.
"""

from typing import Any, Literal, NamedTuple, get_args

from .families import FAMILIES, facts
from .objective import Prediction

Purpose = Literal["subject", "style", "concept"]
Effort = Literal["quick", "balanced", "thorough"]


class Choice(NamedTuple):
    """The value of a setting, and where it comes from."""

    value: Any
    source: str


Choices = dict[str, Choice]
DREAMBOOTH = "DreamBooth (Ruiz et al. 2023, section 3.3: 1,000 iterations for 3 to 5 pictures)"


class _Length(NamedTuple):
    """Steps for each picture, the least and the most of them, unless so many `passes` over all
    pictures are more."""

    per_picture: int
    least: int
    most: int
    passes: int
    source: str


_LENGTHS = {
    "quick": _Length(
        25,
        200,
        1000,
        2,
        "a quarter of balanced, to see whether anything is learned; ai-toolkit "
        "config/examples/train_lora_flux_24gb.yaml calls 500 to 4,000 a good range",
    ),
    "balanced": _Length(
        100,
        500,
        2000,
        5,
        "diffusers examples/dreambooth/README.md: 500 steps for 5 pictures; never more than "
        "ai-toolkit's 2,000 (config/examples), unless the pictures are many",
    ),
    "thorough": _Length(
        200,
        1000,
        4000,
        10,
        f"{DREAMBOOTH}; never more than ai-toolkit's upper end, 4,000 (config/examples), unless "
        "that is less than kohya's 10 epochs (docs/train_network.md)",
    ),
}


def _ai_toolkit(file: str) -> Choices:
    return {"learning_rate": Choice(1e-4, f"ai-toolkit config/examples/{file}.yaml")}


def _long(file: str, *settings: str) -> Choices:
    """What ai-toolkit's example for a family does beyond the usual."""
    source = f"ai-toolkit {file}"
    choices = {
        "more_resolutions": Choice("512, 768", f"{source} (resolution: [512, 768, 1024])"),
        "ema_decay": Choice(0.99, f"{source} (ema_decay: 0.99, recommended to leave on)"),
    }
    return {name: choices[name] for name in settings}


def _small(side: int, preset: str) -> Choices:
    return {"resolution": Choice(side, f"OneTrainer training_presets/{preset}.json")}


_MIN_SNR: Choices = {
    "weighting": Choice("min_snr", "Hang et al. 2023; diffusers docs/source/en/training/sdxl.md"),
    "min_snr_gamma": Choice(5.0, "Hang et al. 2023; kohya docs/train_network_advanced.md"),
}
_FLUX_SHIFT: Choices = {
    "timestep_shift": Choice(
        "resolution",
        "kohya docs/flux_train_network.md (timestep_sampling flux_shift); OneTrainer "
        "training_presets/Flux Dev.1/#flux LoRA.json (dynamic_timestep_shifting)",
    )
}
_PIXART: Choices = {
    "learning_rate": Choice(
        1e-4,
        "between PixArt-alpha/PixArt-sigma's 1e-5 at batch 16 (asset/docs/pixart_lora.md) and 1e-3 "
        "(train_scripts/train_dreambooth_lora.py)",
    )
}
_FLUX_LONG = _long("config/examples/train_lora_flux_24gb.yaml", "more_resolutions", "ema_decay")
_UI = "ui/src/app/jobs/new/jobConfig.ts"

# Later rows win: all, prediction, family, both, effort, family and effort, purpose.
_ROWS: dict[str, Choices] = {
    "all": {
        "learning_rate": Choice(
            1e-4,
            "kohya docs/train_network.md, diffusers examples/dreambooth/README.md, and most of "
            "ai-toolkit's config/examples",
        ),
        "rank": Choice(
            16,
            "ai-toolkit config/examples (linear: 16); OneTrainer "
            "modules/util/config/TrainConfig.py (lora_rank 16)",
        ),
        "batch_size": Choice(
            1, "ai-toolkit config/examples; diffusers examples/dreambooth/README.md"
        ),
        "adapter": Choice("lora", "Hu et al. 2021; the examples of all five peers"),
        "alpha": Choice(
            0.0,
            "as large as the rank: diffusers docs/source/en/training/lora.md (lora_alpha=args.rank)"
            ", ai-toolkit config/examples (linear_alpha = linear)",
        ),
        "targets": Choice(
            "attention_mlp",
            "OneTrainer training_presets/SDXL/#sdxl 1.0 LoRA.json (layer_filter_preset attn-mlp), "
            "and most of its LoRA presets",
        ),
        "optimizer": Choice(
            "adamw",
            "kohya docs/lumina_train_network.md (AdamW); SimpleTuner "
            "documentation/quickstart/FLUX.md: for beginners (adamw_bf16)",
        ),
        "schedule": Choice(
            "cosine", "diffusers docs/source/en/training/lora.md (lr_scheduler cosine)"
        ),
        "warmup": Choice(0, "diffusers examples/dreambooth/README.md (lr_warmup_steps=0)"),
        "clip_norm": Choice(
            1.0, "OneTrainer modules/util/config/TrainConfig.py (clip_grad_norm 1.0)"
        ),
        "caption_dropout": Choice(0.05, "ai-toolkit config/examples (caption_dropout_rate: 0.05)"),
        "prior_weight": Choice(
            1.0, "DreamBooth (Ruiz et al. 2023, lambda = 1); counts when class pictures are wired"
        ),
    },
    "eps": _MIN_SNR,
    "v": _MIN_SNR,
    "flow": {
        "timestep_sampling": Choice(
            "logit_normal",
            "Esser et al. 2024, section 3.1; OneTrainer training_presets (LOGIT_NORMAL); "
            "ai-toolkit's sigmoid",
        ),
        "timestep_shift": Choice(
            "model",
            "the shift that the wired MODEL samples with; diffusers "
            "examples/dreambooth/train_dreambooth_lora_sd3.py takes its scheduler's too",
        ),
        "warmup": Choice(
            100,
            "diffusers examples/dreambooth/README_flux2.md and README_z_image.md, at most a tenth "
            "of the steps",
        ),
    },
    "SD20 v": {
        "resolution": Choice(
            768,
            "what SD2.x with v prediction was made for; diffusers examples/dreambooth/README.md",
        )
    },
    "SDXL": {
        "learning_rate": Choice(
            1e-4,
            "kohya docs/sdxl_train_network.md; SimpleTuner documentation/quickstart/SDXL.md",
        )
    },
    "SDXL eps": {
        "noise_offset": Choice(
            0.0357, "kohya docs/train_network_advanced.md: SDXL's bases were trained with it"
        )
    },
    "SD3": {
        "learning_rate": Choice(
            1e-4,
            "ai-toolkit config/examples/train_lora_sd35_large_24gb.yaml; SimpleTuner "
            "documentation/quickstart/SD3.md (stable configuration values)",
        ),
        "clip_norm": Choice(
            0.1, "SimpleTuner documentation/quickstart/SD3.md (stable configuration values)"
        ),
    },
    "AtelierDemo": {
        "learning_rate": Choice(
            1e-3,
            "a third of what docs/measurements/learning.md has for batches of 8; by eye, it learns "
            "twenty hats in 200 steps",
        )
    },
    "Flux": _ai_toolkit("train_lora_flux_24gb") | _FLUX_SHIFT,
    "FluxInpaint": _ai_toolkit("train_lora_flux_24gb") | _FLUX_SHIFT,
    "FluxSchnell": _ai_toolkit("train_lora_flux_schnell_24gb"),
    "Flux2": {
        "learning_rate": Choice(
            1e-4,
            "diffusers examples/dreambooth/README_flux2.md; SimpleTuner "
            "documentation/quickstart/FLUX2.md",
        )
    },
    "Chroma": {
        **_ai_toolkit("train_lora_chroma_24gb"),
        "timestep_shift": Choice(
            "none", "kohya docs/flux_train_network.md (for Chroma: timestep_sampling sigmoid)"
        ),
    },
    "Lumina2": {
        "learning_rate": Choice(
            1e-4,
            "kohya docs/lumina_train_network.md; ai-toolkit config/examples/train_lora_lumina.yaml",
        ),
        "timestep_sampling": Choice(
            "uniform", "kohya docs/lumina_train_network.md (nextdit_shift, of uniform times)"
        ),
        "timestep_shift": Choice(
            "resolution", "kohya docs/lumina_train_network.md (nextdit_shift is Flux's line)"
        ),
    },
    "ZImage": {
        "learning_rate": Choice(
            1e-4,
            "diffusers examples/dreambooth/README_z_image.md; SimpleTuner "
            "simpletuner/examples/z-image.peft-lora/config.json",
        )
    },
    "QwenImage": {
        "learning_rate": Choice(
            1e-4,
            "ai-toolkit config/examples/train_lora_qwen_image_24gb.yaml; SimpleTuner "
            "documentation/quickstart/QWEN_IMAGE.md (5e-5 from rank 16 on, if it breaks)",
        )
    },
    "AuraFlow": {
        "learning_rate": Choice(
            1e-4, "SimpleTuner documentation/quickstart/AURAFLOW.md (1e-4 with AdamW, of a LoKr)"
        )
    },
    "PixArtAlpha": _PIXART,
    "PixArtSigma": _PIXART,
    "quick": {
        "schedule": Choice(
            "constant", "kohya docs/train_network.md (constant): few steps, all of full size"
        )
    },
    "Flux quick": _small(768, "Flux Dev.1/#flux LoRA"),
    "FluxInpaint quick": _small(768, "Flux Dev.1/#flux LoRA"),
    "FluxSchnell quick": _small(768, "Flux Dev.1/#flux LoRA"),
    "Flux2 quick": _small(512, "Flux 2/#flux2 LoRA 16GB"),
    "Chroma quick": _small(512, "Chroma/#chroma LoRA 24GB"),
    "ZImage quick": _small(512, "Z-Image/#z-image LoRA 16GB"),
    "QwenImage quick": _small(512, "QwenImage/#qwen LoRA 24GB"),
    "SD3 thorough": _long("config/examples/train_lora_sd35_large_24gb.yaml", "ema_decay"),
    "Flux thorough": _FLUX_LONG,
    "FluxInpaint thorough": _FLUX_LONG,
    "FluxSchnell thorough": _FLUX_LONG,
    "Flux2 thorough": _long(_UI, "more_resolutions"),
    "Chroma thorough": _long(
        "config/examples/train_lora_chroma_24gb.yaml", "more_resolutions", "ema_decay"
    ),
    "Lumina2 thorough": _long(
        "config/examples/train_lora_lumina.yaml", "more_resolutions", "ema_decay"
    ),
    "ZImage thorough": _long(_UI, "more_resolutions"),
    "QwenImage thorough": _long(
        "config/examples/train_lora_qwen_image_24gb.yaml", "more_resolutions"
    ),
    "style": {
        "rank": Choice(
            32, f"kohya docs/sdxl_train_network.md (network_dim 32); ai-toolkit {_UI} (linear: 32)"
        ),
        "caption_dropout": Choice(
            0.1,
            "SimpleTuner simpletuner/examples/sdxl.lycoris-lokr/config.json: a style should show "
            "whatever is asked for",
        ),
    },
    "concept": {"rank": Choice(32, f"ai-toolkit {_UI} (linear: 32, its default for anything)")},
}


def steps_for(effort: Effort, pictures: int) -> int:
    """Optimizer steps of one picture each for a dataset of so many pictures."""
    length = _LENGTHS[effort]
    usual = min(max(length.per_picture * pictures, length.least), length.most)
    return max(usual, length.passes * pictures)


def preset(
    purpose: Purpose, effort: Effort, family: str, prediction: Prediction, pictures: int
) -> Choices:
    """The settings of `TrainConfig` that a preset decides; what is left out keeps its default.

    `family` is a key of `FAMILIES`, or anything else for a family that is not known. Raises
    `ValueError` for a purpose or an effort that there is not.
    """
    _refuse("purpose", purpose, get_args(Purpose))
    _refuse("effort", effort, get_args(Effort))
    known = facts(family)
    made_for = f"models of {known.name}" if family in FAMILIES else "most models of today"
    size_from = f" ({known.size_from})" if known.size_from else ""
    steps = steps_for(effort, pictures)
    chosen: Choices = {
        "steps": Choice(steps, f"for {pictures} pictures; {_LENGTHS[effort].source}"),
        "resolution": Choice(known.resolution, f"the size that {made_for} are made for{size_from}"),
    }
    rows = (
        "all",
        prediction,
        family,
        f"{family} {prediction}",
        effort,
        f"{family} {effort}",
        purpose,
    )
    for row in rows:
        chosen |= _ROWS.get(row, {})
    warmup = chosen["warmup"]
    return chosen | {"warmup": warmup._replace(value=min(warmup.value, steps // 10))}


def values(chosen: Choices) -> dict[str, Any]:
    """As Train LoRA's options."""
    return {name: choice.value for name, choice in chosen.items()}


def explain(chosen: Choices, title: str, family: str) -> str:
    """A text for a person: each setting, its value, and where it comes from."""
    note = facts(family).note
    lines = [f"{name} = {_shown(value)}\n    {source}" for name, (value, source) in chosen.items()]
    return "\n\n".join([title, *([note] if note else []), *lines])


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _refuse(what: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(
            f"{what} = {given!r} is not one of {', '.join(known)}. Choose one of them."
        )
