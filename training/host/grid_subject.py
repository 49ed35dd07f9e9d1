"""What a grid shows: LoRAs on a base, from wires, files, stacks and runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import comfy.model_management as management
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP, VAE
from torch import Tensor

from .. import run_loras
from ..evaluation.candidates import Candidate, chosen_steps
from ..evaluation.plan import Shown
from ..files import digest, legible
from ..loras.names import parse
from ..run import Run
from ..stack.names import listed
from ..stack.stack import Item, Stack
from .behaviour import behaviour
from .fingerprint import embeddings, fingerprint, state_digest, text_fingerprint
from .folders import runs
from .lora_choice import lora_names, read_lora
from .stack import file_stamps, stacked

WIRED, NO_RUN = "LoRA", "none"


@dataclass(frozen=True)
class Subject:
    """A base and what is compared on it."""

    model: ModelPatcher
    clip: CLIP
    vae: VAE
    candidates: Sequence[Candidate]

    def made_from(self, negative: str) -> Callable[[str], str]:
        """For a prompt, a hash of base, text encoder, VAE and the embeddings that it names."""
        base = digest(
            fingerprint(self.model),
            behaviour(self.model),
            text_fingerprint(self.clip),
            behaviour(self.clip.patcher),
            fingerprint(self.vae.patcher),
        )
        return lambda prompt: digest(base, *embeddings([prompt, negative]))

    def shown(self) -> list[Shown]:
        """The candidates as a plan knows them. Files are read one at a time for it."""
        content = cache(_file_content)
        return [
            Shown(
                one.name,
                digest(*(part for item in one.items for part in _content(item, content))),
                one.checkpoint,
                place,
            )
            for place, one in enumerate(self.candidates)
        ]

    @property
    def machine(self) -> str:
        """What pictures take their time on, and of."""
        device = management.get_torch_device_name(self.model.load_device)
        return f"{device} · {type(self.model.model).__name__}"


def _content(item: Item, of_file: Callable[[str], str]) -> tuple[str, ...]:
    own = state_digest(dict(item.state)) if item.state is not None else of_file(item.name)
    settings = [item.model, item.text, sorted(item.blocks.items()), item.schedule]
    return own, repr(settings)


def _file_content(name: str) -> str:
    return state_digest(read_lora(name))


def network_alone(state: Mapping[str, Tensor]) -> bool:
    """Whether a LoRA changes no text encoder: ComfyUI's Load LoRA Model drops what does."""
    return all(parse(key).part == "net" for key in state)


def wired(lora: Any, name: str = "") -> Candidate:
    """A LORA_MODEL. `ValueError` for what is none."""
    if not isinstance(lora, Mapping) or not lora:
        raise ValueError("lora is no LoRA, or an empty one. Wire Train LoRA, or Load LoRA File.")
    return Candidate(name or WIRED, (Item(name or WIRED, 1.0, 1.0, state=dict(lora)),))


def listed_loras(
    run: str,
    checkpoints: str,
    files: str,
    stack_rows: str,
    lora: Any = None,
    label: str = "",
    stack: Stack | None = None,
    lora_stack: Any = None,
) -> list[Candidate]:
    """All that Grid LoRAs was given. `ValueError` if that is nothing."""
    found = from_run(run, checkpoints) if run != NO_RUN else []
    found += from_files(files)
    if stack is not None or lora_stack is not None:
        found += from_stack(stacked("", stack, lora_stack), stack_rows == "each alone")
    if lora is not None:
        found.append(wired(lora, " ".join(label.split())))
    if not found:
        raise ValueError("Grid LoRAs names no LoRA. Choose a run, write files, or wire one.")
    return found


def stamps(files: Sequence[Path], listed_files: str) -> list[Any]:
    """What changes when one of the files does. What is wrong with them is said elsewhere."""
    of_run = [(path.name, path.stat().st_mtime_ns) for path in files]
    return [*of_run, *file_stamps(listed_files.splitlines())]


def from_files(text: str) -> list[Candidate]:
    """A LoRA of models/loras on each line."""
    known = lora_names()
    names = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    found = [listed(name, known) for name in names]
    return [Candidate(_short(name), (Item(name, 1.0, 1.0),)) for name in found]


def from_stack(stack: Stack, each: bool) -> list[Candidate]:
    """The rows of a stack, each on its own or all at once."""
    if each:
        return [Candidate(_short(item.name), (item,)) for item in stack.items]
    name = " + ".join(_short(item.name) for item in stack.items)
    return [Candidate(name, stack.items)] if stack.items else []


def _short(name: str) -> str:
    return legible(name.removesuffix(".safetensors").replace("\\", "/"))


def from_run(name: str, checkpoints: str) -> list[Candidate]:
    """The LoRAs of a run's steps. `ValueError` names a run or a step that is not there."""
    run = _run(name)
    kept = run_loras.kept(run)
    last, best = run_loras.last_step(run), run_loras.best_step(run)
    steps = chosen_steps(checkpoints, kept, last, best, run.name)
    states = {step: run_loras.read(kept[step]) for step in steps}
    return [
        Candidate(run.name, (Item(run.name, 1.0, 1.0, state=state),), step)
        for step, state in states.items()
    ]


def _run(name: str) -> Run:
    wanted = name.strip()
    found = [folder.name for folder in runs().iterdir()] if runs().is_dir() else []
    if wanted not in found or wanted.startswith("."):
        raise ValueError(
            f"run: there is no run '{legible(name)}' in {runs()}. Press R to read the list again, "
            "and choose one."
        )
    return Run(runs() / wanted)
