"""What a LoRA file says about itself: kohya's `ss_*`, `modelspec.*`, and our own record."""

import base64
import datetime
import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image
from safetensors.torch import save
from torch import Tensor

from .adapters.patterns import Size
from .config import TrainConfig
from .data.dataset import Dataset
from .data.trigger import NOTE
from .mark import marked_bytes
from .settings.adapter import Kind

THUMBNAIL = "modelspec.thumbnail"
_THUMBNAIL_SIDE = 256
# ModelSpec's and kohya's names (library/sai_model_spec.py) for ComfyUI's model configurations.
_ARCHITECTURES = {
    "SD15": "stable-diffusion-v1",
    "SD20": "stable-diffusion-v2-512",
    "SD20 v": "stable-diffusion-v2-768-v",
    "SDXL": "stable-diffusion-xl-v1-base",
    "SDXLRefiner": "stable-diffusion-xl-v1-refiner",
    "SD3": "stable-diffusion-3",
    "Flux": "flux-1-dev",
    "FluxInpaint": "flux-1-dev",
    "FluxSchnell": "flux-1-schnell",
    "Chroma": "chroma",
    "Lumina2": "lumina-2",
}
# kohya's, by which programs such as webui know which models a file is for.
_VERSIONS = {
    "SD15": "sd_v1",
    "SD20": "sd_v2",
    "SDXL": "sdxl_base_v1-0",
    "SD3": "sd3",
    "Flux": "flux1",
    "FluxSchnell": "flux1",
}
_PREDICTIONS = {"eps": "epsilon", "v": "v"}


def lora_metadata(
    name: str,
    config: TrainConfig,
    model: Any,
    prediction: str,
    dataset: Dataset,
    asked: dict[str, Any],
    base: str = "",
) -> dict[str, str]:
    """Header entries (all texts) for the LoRA of a run. No paths and no captions in them; `base` is
    the name of the base's file, where it is known.
    """
    family = type(model).__name__
    kinds = [kind.__name__ for kind in type(model.model_config).__mro__]
    names = [name for kind in kinds for name in (f"{kind} {prediction}", kind)]
    known = next((_ARCHITECTURES[name] for name in names if name in _ARCHITECTURES), None)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    metadata = {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.title": name,
        "modelspec.architecture": f"{known or family.lower()}/lora",
        "modelspec.implementation": "atelier",
        "modelspec.date": now.isoformat(),
        "modelspec.resolution": f"{config.resolution}x{config.resolution}",
        "ss_output_name": name,
        "ss_network_module": "networks.lora" if config.adapter == "lora" else "lycoris.kohya",
        "ss_network_dim": str(config.rank),
        "ss_network_alpha": str(config.alpha or float(config.rank)),
        "ss_learning_rate": str(config.learning_rate),
        "ss_lr_scheduler": config.schedule,
        "ss_optimizer": config.optimizer,
        "ss_max_train_steps": str(config.steps),
        "ss_total_batch_size": str(config.batch_size * config.accumulation),
        "ss_seed": str(config.seed),
        "ss_num_train_images": str(len(dataset)),
        "atelier.family": family,
        "atelier.run": json.dumps(asked),
    }
    if version := next((_VERSIONS[kind] for kind in kinds if kind in _VERSIONS), None):
        metadata["ss_base_model_version"] = version
        metadata["ss_v2"] = str(version == "sd_v2")
    if base:
        metadata["ss_sd_model_name"] = base
    if prediction in _PREDICTIONS:
        metadata["modelspec.prediction_type"] = _PREDICTIONS[prediction]
    if NOTE in dataset.notes:
        metadata["modelspec.trigger_phrase"] = dataset.notes[NOTE]
    if dataset.notes:
        metadata["atelier.notes"] = json.dumps(dataset.notes)
    return metadata


def network_metadata(kind: Kind, sizes: Iterable[Size]) -> dict[str, str]:
    """Kohya's entries for the kind of adapter and its size: the commonest, where layers differ."""
    ((size, _),) = Counter(sizes).most_common(1)
    return {
        "ss_network_module": "networks.lora" if kind == "lora" else "lycoris.kohya",
        "ss_network_dim": str(size.rank),
        "ss_network_alpha": str(size.alpha),
    }


def word_metadata(word: str, metadata: Mapping[str, str]) -> dict[str, str]:
    """Header entries for a new word of a run whose LoRA has `metadata`."""
    kept = {key: value for key, value in metadata.items() if not key.startswith("ss_network_")}
    family = metadata["modelspec.architecture"].removesuffix("/lora")
    kept["modelspec.title"] = word
    kept["modelspec.architecture"] = f"{family}/textual-inversion"
    return kept


def hashes(lora: Mapping[str, Tensor]) -> dict[str, str]:
    """Entries that name the weights: SHA-256 of a file's bytes behind its header.

    `sshs_model_hash` is by what webui and kohya's scripts know a LoRA.
    """
    data = save(dict(lora))
    start = 8 + int.from_bytes(data[:8], "little")
    digest = hashlib.sha256(data[start:]).hexdigest()
    return {"modelspec.hash_sha256": f"0x{digest}", "sshs_model_hash": digest}


def thumbnail(picture: Image.Image) -> dict[str, str]:
    """The entry by which programs show a picture for the file: a JPEG in a data URL."""
    small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL_SIDE, _THUMBNAIL_SIDE))
    data = base64.b64encode(marked_bytes(small, "JPEG", quality=85)).decode()
    return {THUMBNAIL: f"data:image/jpeg;base64,{data}"}
