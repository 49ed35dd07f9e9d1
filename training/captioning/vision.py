"""Vision–language models of the transformers library, from a folder on this machine.

Only what the library itself knows is loaded: no code from the folder (`trust_remote_code`), no
pickled weights, nothing from the network.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from safetensors import SafetensorError

from ..files import legible
from .captioner import ASK, CannotCaption, Said, shown, tidy
from .found import type_of
from .settings import SentenceSettings


@dataclass(frozen=True)
class Kind:
    """A class of models: its names in transformers, and what it is asked by default.

    `chat`: it is asked as a person is. Otherwise the prompt is a task (Florence-2), or how the
    caption begins (BLIP).
    """

    model: str
    processor: str
    prompt: str
    chat: bool = False


KINDS = {
    "blip": Kind("BlipForConditionalGeneration", "BlipProcessor", ""),
    "florence2": Kind(
        "Florence2ForConditionalGeneration", "Florence2Processor", "<MORE_DETAILED_CAPTION>"
    ),
    "qwen2_vl": Kind("Qwen2VLForConditionalGeneration", "Qwen2VLProcessor", ASK, True),
    "qwen2_5_vl": Kind("Qwen2_5_VLForConditionalGeneration", "Qwen2_5_VLProcessor", ASK, True),
    "qwen3_vl": Kind("Qwen3VLForConditionalGeneration", "Qwen3VLProcessor", ASK, True),
}
_TASKS = ("<CAPTION>", "<DETAILED_CAPTION>", "<MORE_DETAILED_CAPTION>")  # those that give a text
# What transformers raises on folders that are incomplete, damaged or of another class.
BROKEN = (
    AttributeError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
)


def kind_of(folder: Path) -> Kind:
    """What the model in `folder` is. Raises `ValueError` for what is not loaded, and why."""
    name = type_of(folder)
    if name not in KINDS:
        raise ValueError(
            f"{folder} is a model of the type '{legible(name)}'. Those that can be used here: "
            f"{', '.join(KINDS)}."
        )
    refuse_programs(folder)
    return KINDS[name]


def refuse_programs(folder: Path) -> None:
    """`ValueError` for an adapter, and for weights that are programs."""
    if (folder / "adapter_config.json").exists():
        raise ValueError(f"{folder} is an adapter, and not a whole model. Merge it into its base.")
    if not any(folder.glob("*.safetensors")):
        raise ValueError(
            f"There is no .safetensors file in {folder}. Weights in .bin, .pt or .pth files are "
            "programs that could do anything, and are not opened: download the model's "
            "safetensors files, or a copy of the model that has them."
        )


def files_of(folder: Path) -> list[Path]:
    """Every file that decides what the model says."""
    return sorted(path for path in folder.iterdir() if path.is_file())


class Seer:
    """A model that can be asked about pictures, on the CPU until it is moved."""

    def __init__(self, folder: Path, dtype: torch.dtype) -> None:
        self.folder, self.kind, self.dtype = folder, kind_of(folder), dtype
        model, processor = (class_named(name) for name in (self.kind.model, self.kind.processor))
        only: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        precision = "dtype" if version() >= (4, 56) else "torch_dtype"
        try:
            self.processor = processor.from_pretrained(folder, **only)
            self.model, about = model.from_pretrained(
                folder, use_safetensors=True, output_loading_info=True, **{precision: dtype}, **only
            )
        except BROKEN as error:
            raise ValueError(
                f"The model in {folder} cannot be loaded ({legible(error)}). Download its folder "
                "again, whole, or a version of it that transformers "
                f"{transformers.__version__} knows without code of its own."
            ) from error
        refuse_gaps(folder, about)
        self.model.eval()

    def ask(
        self,
        picture: Image.Image,
        settings: SentenceSettings,
        device: torch.device,
        check: Callable[[], None],
    ) -> Said:
        """What the model, which is on `device`, says. `check` is called between tokens, and may
        raise to stop it.
        """
        picture = shown(picture, settings.picture_size)
        inputs = self._inputs(picture, settings.prompt.strip() or self.kind.prompt)
        inputs = {
            name: value.to(device, self.dtype) if value.is_floating_point() else value.to(device)
            for name, value in inputs.items()
            if isinstance(value, torch.Tensor)
        }
        ids = self.model.generate(
            **inputs,
            max_new_tokens=settings.max_tokens,
            stopping_criteria=[_Check(check)],
            **_drawing(settings.temperature),
        )[0]
        begun = inputs["input_ids"].shape[1] if self.kind.chat else 0
        return Said(self._text(ids[begun:]), self._cut(ids, inputs, settings))

    def _inputs(self, picture: Image.Image, prompt: str) -> dict[str, Any]:
        if self.kind.chat:
            content = [{"type": "image"}, {"type": "text", "text": prompt}]
            try:
                asked = self.processor.apply_chat_template(
                    [{"role": "user", "content": content}],
                    add_generation_prompt=True,
                    tokenize=False,
                )
            except BROKEN as error:
                raise CannotCaption(
                    f"The chat template in {self.folder} cannot be used ({legible(error)}). "
                    "Download the model's folder again, whole."
                ) from error
            return self.processor(text=[asked], images=[picture], return_tensors="pt")
        if self._florence and prompt not in _TASKS:
            raise CannotCaption(
                f"Florence-2 has no task {prompt!r}. Write one of {', '.join(_TASKS)} as the "
                "prompt, or leave it empty."
            )
        return self.processor(images=picture, return_tensors="pt", **_text(prompt))

    @property
    def _florence(self) -> bool:
        return self.kind.model.startswith("Florence2")

    @property
    def _blip(self) -> bool:
        return self.kind.model.startswith("Blip")

    def _text(self, ids: torch.Tensor) -> str:
        text = self.processor.decode(ids, skip_special_tokens=True)
        return tidy(re.sub(r"<(?:s|/s|pad|unk)>", "", text))

    def _cut(self, ids: torch.Tensor, inputs: dict[str, Any], settings: SentenceSettings) -> bool:
        """Whether it used up its tokens without coming to an end of its own."""
        own = self.model.generation_config
        ends = self.model.config.text_config.sep_token_id if self._blip else own.eos_token_id
        last, forced = int(ids[-1]), getattr(own, "forced_eos_token_id", None)
        ended = last in ends if isinstance(ends, list) else last == ends
        before = 1
        if not self._florence and "input_ids" in inputs:  # BLIP leaves the prompt's last one out
            before = inputs["input_ids"].shape[1] - self._blip
        return (not ended or last == forced) and len(ids) - before >= settings.max_tokens


def _drawing(temperature: float) -> dict[str, Any]:
    """How words are chosen. What a model's own settings add, such as beams, is left to it."""
    if not temperature:
        return {"do_sample": False}
    drawn = {"temperature": temperature, "top_k": 50, "top_p": 0.95}
    return {"do_sample": True, "num_beams": 1, **drawn}


def _text(prompt: str) -> dict[str, str]:
    return {"text": prompt} if prompt else {}


def class_named(name: str) -> Any:
    """A class of transformers; `ValueError` if the one that is installed has none."""
    found = getattr(transformers, name, None)
    if found is None:
        raise ValueError(
            f"transformers {transformers.__version__}, which is installed, has no {name}. This "
            "model needs a newer one; which ones your ComfyUI takes is in its requirements.txt."
        )
    return found


def version() -> tuple[int, ...]:
    """Of the transformers library."""
    return tuple(int(part) for part in re.findall(r"\d+", transformers.__version__)[:2])


def refuse_gaps(folder: Path, about: dict[str, Any]) -> None:
    """`ValueError` where weights of the model are not in its files: they would be random."""
    gaps = [str(one) for name in ("missing_keys", "mismatched_keys") for one in about.get(name, ())]
    if gaps:
        raise ValueError(
            f"{len(gaps)} of the model's weights are not in the files in {folder} ({gaps[0]}, "
            "for one). They are of a version that needs code of its own, or are not whole: take "
            "the version for transformers itself (Florence-2: those of florence-community)."
        )


class _Check(transformers.StoppingCriteria):
    """Asked after every token; stops by raising."""

    def __init__(self, check: Callable[[], None]) -> None:
        self.check = check

    def __call__(self, input_ids: torch.Tensor, *_more: Any, **_named: Any) -> torch.Tensor:
        self.check()
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)
