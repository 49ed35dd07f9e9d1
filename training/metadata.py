"""What a LoRA file says about itself: kohya's `ss_*`, `modelspec.*`, and our own record."""

import json
from typing import Any

from .config import TrainConfig
from .data.dataset import Dataset


def lora_metadata(
    name: str, config: TrainConfig, model: Any, dataset: Dataset, asked: dict[str, Any]
) -> dict[str, str]:
    """Header entries (all texts) for the LoRA of a run. No paths and no captions in them."""
    return {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.title": name,
        "modelspec.architecture": f"{type(model).__name__}/lora",
        "modelspec.implementation": "atelier",
        "modelspec.resolution": f"{config.resolution}x{config.resolution}",
        "ss_output_name": name,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(config.rank),
        "ss_network_alpha": str(config.alpha),
        "ss_learning_rate": str(config.learning_rate),
        "ss_lr_scheduler": config.schedule,
        "ss_max_train_steps": str(config.steps),
        "ss_total_batch_size": str(config.batch_size * config.accumulation),
        "ss_seed": str(config.seed),
        "ss_num_train_images": str(len(dataset)),
        "atelier.family": type(model).__name__,
        "atelier.run": json.dumps(asked),
    }
