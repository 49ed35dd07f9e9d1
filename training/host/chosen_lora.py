"""The LoRA that a grid recommends, found again: a run's checkpoint, a file, or what is wired."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .. import run_loras
from ..evaluation.contenders import Contender
from ..files import legible, write_json
from ..run import Run, names
from .folders import runs
from .lora_choice import lora_names, read_lora


def chosen_lora(chosen: Contender, wired: Mapping[str, Tensor] | None) -> dict[str, Tensor]:
    """Raises `ValueError` that says what to wire where neither runs nor files have it."""
    step = chosen.checkpoint
    if step is not None and chosen.lora in names(runs()):
        kept = run_loras.kept(Run(runs() / chosen.lora))
        if step in kept:
            return run_loras.read(kept[step])
    if chosen.lora in lora_names():
        return read_lora(chosen.lora)
    if wired:
        return dict(wired)
    raise ValueError(
        f"{chosen.label} is recommended, and its LoRA '{legible(chosen.lora)}' is neither a run "
        "whose checkpoint was kept nor a file in models/loras. Wire it to 'lora'; several LoRAs "
        "at once are made one by Merge LoRAs."
    )


def note_choice(chosen: Contender, told: dict[str, Any], grid: str) -> None:
    """Write into the run's folder which checkpoint is recommended, for Ship LoRA."""
    if chosen.checkpoint is not None and chosen.lora in names(runs()):
        about = {"step": chosen.checkpoint, "strength": chosen.strength, "grid": grid}
        text = {"reasons": told["reasons"], "advice": told["advice"]}
        write_json(runs() / chosen.lora / run_loras.RECOMMENDED, about | text)
