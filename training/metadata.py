"""What a LoRA file says about itself: kohya's `ss_*`, `modelspec.*`, and our own record."""

import base64
import datetime
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from PIL import Image
from safetensors.torch import save
from torch import Tensor

from .config import TrainConfig
from .data.dataset import Dataset
from .data.trigger import NOTE
from .kohya_header import base_names, settings_header
from .mark import marked_bytes

THUMBNAIL = "modelspec.thumbnail"
_THUMBNAIL_SIDE = 256
_PREDICTIONS = {"eps": "epsilon", "v": "v"}


def lora_metadata(
    name: str,
    config: TrainConfig,
    model: Any,
    prediction: str,
    dataset: Dataset,
    asked: dict[str, Any],
    base: str = "",
    class_pictures: int = 0,
) -> dict[str, str]:
    """Header entries (all texts) for the LoRA of a run. No paths and no captions in them; `base` is
    the name of the base's file, where it is known; `class_pictures`, their number.
    """
    architecture, version = base_names(model.model_config, prediction)
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    metadata = settings_header(config) | {
        "format": "pt",
        "modelspec.sai_model_spec": "1.0.0",
        "modelspec.title": name,
        "modelspec.architecture": f"{architecture}/lora",
        "modelspec.implementation": "atelier",
        "modelspec.date": now.isoformat(),
        "modelspec.resolution": f"{config.resolution}x{config.resolution}",
        "ss_output_name": name,
        "ss_num_train_images": str(len(dataset)),
        "atelier.family": type(model).__name__,
        "atelier.run": json.dumps(asked),
    }
    if version:
        metadata["ss_base_model_version"] = version
        metadata["ss_v2"] = str(version == "sd_v2")
    if class_pictures:
        metadata["ss_num_reg_images"] = str(class_pictures)
        metadata["ss_prior_loss_weight"] = str(config.prior_weight)
    if base:
        metadata["ss_sd_model_name"] = base
    if prediction in _PREDICTIONS:
        metadata["modelspec.prediction_type"] = _PREDICTIONS[prediction]
    if NOTE in dataset.notes:
        metadata["modelspec.trigger_phrase"] = dataset.notes[NOTE]
    if dataset.notes:
        metadata["atelier.notes"] = json.dumps(dataset.notes)
    return metadata


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
