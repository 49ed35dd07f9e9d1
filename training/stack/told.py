"""What a LoRA's header tells of it: trigger words and how it was trained. Pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..files import legible

MOST_WORDS, MOST_LENGTH = 12, 200
# What is shown, and under which names kohya's scripts, ModelSpec and Atelier write it.
_SETTINGS = {
    "title": ("modelspec.title", "ss_output_name"),
    "base": ("modelspec.architecture", "ss_base_model_version", "atelier.family"),
    "network": ("ss_network_module",),
    "rank": ("ss_network_dim",),
    "alpha": ("ss_network_alpha",),
    "steps": ("ss_steps", "ss_max_train_steps"),
    "epochs": ("ss_epoch", "ss_num_epochs"),
    "learning rate": ("ss_learning_rate", "ss_unet_lr"),
    "optimizer": ("ss_optimizer",),
    "schedule": ("ss_lr_scheduler",),
    "batch": ("ss_total_batch_size", "ss_batch_size_per_device"),
    "pictures": ("ss_num_train_images",),
    "resolution": ("modelspec.resolution", "ss_resolution"),
    "author": ("modelspec.author",),
    "licence": ("modelspec.license",),
    "date": ("modelspec.date",),
    "description": ("modelspec.description", "ss_training_comment"),
}


def settings(metadata: Mapping[str, str]) -> dict[str, str]:
    """Settings worth showing, by what to call them."""
    found = {}
    for label, names in _SETTINGS.items():
        values = (str(metadata[name]).strip() for name in names if name in metadata)
        value = next((one for one in values if one not in ("", "None")), "")
        if value:
            found[label] = _short(value)
    return found


def trigger_words(metadata: Mapping[str, str]) -> list[str]:
    """The words by which it is called.

    Those that the header names as such; if none, the tags that stand on every picture it was
    trained on.
    """
    named = [*_phrases(metadata.get("modelspec.trigger_phrase", "")), *_new_words(metadata)]
    return _distinct(named) or _distinct(_tags(metadata))


def _phrases(text: str) -> Iterable[str]:
    return text.replace("\n", ",").split(",")


def _new_words(metadata: Mapping[str, str]) -> Iterable[str]:
    """Atelier's own, which have vectors beside the LoRA."""
    config = _mapping(_mapping(_parsed(metadata.get("atelier.run"))).get("config"))
    words = config.get("new_words")
    return _phrases(words) if isinstance(words, str) else ()


def _tags(metadata: Mapping[str, str]) -> list[str]:
    """By kohya's `ss_tag_frequency`: how often each tag stands in each folder's captions."""
    folders = _mapping(_parsed(metadata.get("ss_tag_frequency")))
    counts = _mapping(_parsed(metadata.get("ss_dataset_dirs")))
    found: list[str] = []
    for folder, tags in folders.items():
        known = {tag: n for tag, n in _mapping(tags).items() if isinstance(n, int)}
        pictures = _mapping(counts.get(folder)).get("img_count")
        if not isinstance(pictures, int):
            pictures = max(known.values(), default=0)
        everywhere = [tag for tag, count in known.items() if count >= max(pictures, 2)]
        found += everywhere if len(everywhere) <= MOST_WORDS else []
    return found


def _distinct(words: Iterable[str]) -> list[str]:
    kept: dict[str, str] = {}
    for word in words:
        clean = _short(" ".join(word.split()))
        if clean:
            kept.setdefault(clean.lower(), clean)
    return [*kept.values()][:MOST_WORDS]


def _short(text: str) -> str:
    clean = legible(text)
    return clean if len(clean) <= MOST_LENGTH else f"{clean[: MOST_LENGTH - 1]}…"


def _parsed(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
