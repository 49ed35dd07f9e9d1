"""What is trained both on the CPU and on the card, and where the CPU leaves it for the card."""

from typing import Any

FOLDER = "ATELIER_OF_THE_CPU"  # variable with the folder of the CPU's LoRAs and its pictures
RUNS: dict[str, dict[str, Any]] = {
    "plain": {"checkpointing": "none"},
    "text": {
        "text_encoders": "clip",
        "targets": "attention",
        "ema_decay": 0.5,
        "optimizer": "sgd",  # AdamW makes whole steps of gradients that are rounding and no more
        "learning_rate": 0.3,
        "text_rate": 0.03,
        "clip_norm": 0,
    },
    "everything": {
        "adapter": "lokr",
        "targets": "all",
        "dropout": 0.2,
        "caption_dropout": 0.1,
        "flip": True,
        "crops": 2,
        "ema_decay": 0.5,
        "loss": "huber",
        "checkpointing": "block",
        "sample_every": 3,
        "sample_prompts": "a person",
        "sample_steps": 1,
    },
}
