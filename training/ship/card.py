"""The page that goes with a LoRA: Markdown with front matter, as model pages read it. Pure."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..files import legible

# What of a header is told, and how it is called. Nothing else of it gets onto the page.
_FACTS = {
    "modelspec.architecture": "Base architecture",
    "modelspec.prediction_type": "Prediction",
    "modelspec.resolution": "Resolution",
    "ss_network_module": "Kind",
    "ss_network_dim": "Rank",
    "ss_network_alpha": "Alpha",
    "ss_max_train_steps": "Steps",
    "ss_total_batch_size": "Pictures in a step",
    "ss_learning_rate": "Learning rate",
    "ss_lr_scheduler": "Learning rate's course",
    "ss_optimizer": "Optimizer",
    "ss_seed": "Seed",
    "modelspec.date": "Date",
    "modelspec.hash_sha256": "SHA-256 of the weights",
}
_SETTINGS = ("adapter", "targets", "timesteps", "text_encoders", "validate_every", "keep")
_TAGS = ("text-to-image", "lora", "comfyui", "atelier")


@dataclass(frozen=True)
class About:
    """What only a person can say. `base_model`: where the base is found, such as `owner/name`."""

    name: str
    trigger: str = ""
    base_model: str = ""
    licence: str = ""
    description: str = ""
    limits: str = ""


@dataclass(frozen=True)
class Shown:
    """A picture of the card by its place in the folder, and the prompt where it may be told."""

    place: str
    prompt: str = ""


@dataclass(frozen=True)
class Judged:
    """What a grid told: a row of texts for each score, with `head` above, and why these weights
    were recommended, if they were.
    """

    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    recommended: str = ""
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class Contents:
    """What lies in the folder: the LoRA's `file`, its `header` as it is there, `pictures`, files of
    new `words`. `licences` and `sources` of the training pictures, and how many have each.
    """

    file: str
    header: Mapping[str, str]
    pictures: Sequence[Shown] = ()
    words: Sequence[str] = field(default_factory=tuple)
    checkpoint: str = ""
    licences: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    judged: Judged | None = None


def card(about: About, contents: Contents) -> str:
    """The whole page. Facts are those of the file's own header: what was left out there is left
    out here.
    """
    parts = [
        _front(about, contents.pictures),
        f"# {_plain(about.name)}",
        about.description.strip(),
        "\n\n".join(f"![]({one.place})" for one in contents.pictures),
        "## How to use it\n\n" + _use(about, contents),
        "## What it is\n\n" + _facts(contents),
        "## What it was trained on\n\n" + _data(contents),
        "## How it was judged\n\n" + _judged(contents.judged) if contents.judged else "",
        "## Licence\n\n" + _licence(about.licence),
        "## What it is not good for\n\n" + _limits(about, contents.header),
        "## Pictures\n\n" + _pictures(contents.pictures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(about: About, pictures: Sequence[Shown]) -> str:
    """YAML, in which JSON's texts are texts too."""
    lines = ["---"]
    if about.licence.strip():
        lines.append(f"license: {_text(about.licence)}")
    if about.base_model.strip():
        lines.append(f"base_model: {_text(about.base_model)}")
    if about.trigger.strip():
        lines.append(f"instance_prompt: {_text(about.trigger)}")
    lines += ["tags:", *(f"  - {tag}" for tag in _TAGS)]
    if pictures:
        lines.append("widget:")
        for one in pictures:
            lines += [f"  - text: {_text(one.prompt or '-')}", "    output:"]
            lines.append(f"      url: {_text(one.place)}")
    return "\n".join([*lines, "---"])


def _text(value: str) -> str:
    return json.dumps(" ".join(value.split()), ensure_ascii=False)


def _plain(value: object) -> str:
    """A stranger's text as nothing but text: no Markdown, no HTML, no table."""
    shown = legible(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#!~])", r"\\\1", shown)


def _use(about: About, contents: Contents) -> str:
    lines = [f"- Put `{contents.file}` into ComfyUI's `models/loras` and choose it in Load LoRA."]
    if contents.words:
        lines.append(
            "- Put the files in `embeddings` into `models/embeddings`. Prompts call them "
            + ", ".join(f"`embedding:{word}`" for word in contents.words)
            + "."
        )
    if about.trigger.strip():
        lines.append(f"- Words to use: {_plain(about.trigger.strip())}")
    if about.base_model.strip():
        lines.append(f"- Base: {_plain(about.base_model.strip())}")
    return "\n".join(lines)


def _facts(contents: Contents) -> str:
    header = contents.header
    rows = [(what, header[key]) for key, what in _FACTS.items() if header.get(key)]
    config = _record(header).get("config")
    if isinstance(config, dict):
        rows += [(name, config[name]) for name in _SETTINGS if config.get(name) not in (None, "")]
    if "atelier.run" in header:  # a whole file of ours; where it was left out, so it is here
        rows.append(("Base's file", header.get("ss_sd_model_name") or "unknown"))
    if contents.checkpoint:
        rows.append(("Weights", contents.checkpoint))
    if not rows:
        return "The file does not say."
    lines = ["| | |", "| --- | --- |"]
    return "\n".join(lines + [f"| {what} | {_plain(value)} |" for what, value in rows])


def _data(contents: Contents) -> str:
    header, lines = contents.header, []
    if count := header.get("ss_num_train_images"):
        lines.append(f"- {_plain(count)} pictures")
    if isinstance(mark := _record(header).get("dataset"), str):
        lines.append(f"- Fingerprint of pictures and captions: `{_plain(mark)}`")
    if contents.licences:
        lines.append(f"- Licences of the pictures: {_counted(contents.licences)}")
    if contents.sources:
        lines.append(f"- Where they are from: {_counted(contents.sources)}")
    notes = _loaded(header.get("atelier.notes", ""))
    if isinstance(notes, dict):
        lines += [f"- {_plain(name)}: {_plain(note)}" for name, note in notes.items()]
    return "\n".join(lines) or "Nothing is said of the pictures here. Ask the author."


def _counted(found: Mapping[str, int]) -> str:
    """`CC0 (12), CC BY (3)`."""
    return ", ".join(f"{_plain(name)} ({_plain(count)})" for name, count in found.items())


def _judged(told: Judged) -> str:
    """Scores with their intervals, and the recommendation."""
    parts = []
    if told.recommended:
        reasons = "".join(f"\n- {_plain(one)}" for one in told.reasons)
        parts.append(f"Recommended: {_plain(told.recommended)}\n{reasons}".rstrip())
    if told.rows:
        rows = [told.head, ["---"] * len(told.head)]
        lines = [f"| {' | '.join(map(_cell, row))} |" for row in [*rows, *told.rows]]
        parts.append("\n".join(lines))
        parts.append(
            "Means over a grid of pictures with 95 % intervals, each score by the encoder that is "
            "named. They hold for its prompts and for this base."
        )
    return "\n\n".join(parts) or "The grid has no scores."


def _cell(text: str) -> str:
    return text if text == "---" else _plain(" ".join(text.split()))


def _record(header: Mapping[str, str]) -> dict[str, Any]:
    found = _loaded(header.get("atelier.run", ""))
    return found if isinstance(found, dict) else {}


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _licence(licence: str) -> str:
    if licence.strip():
        return (
            f"{_plain(licence.strip())}. The base has a licence of its own, and so may the "
            "pictures that it was trained on."
        )
    return (
        "None was named: without one nobody but the author may pass it on. The base has a licence "
        "of its own."
    )


def _limits(about: About, header: Mapping[str, str]) -> str:
    own = about.limits.strip()
    family = header.get("modelspec.architecture", "").removesuffix("/lora")
    lines = [own] if own else ["The author names no limits. What follows from how it was made:", ""]
    lines += [""] if own else []
    base = _plain(family) if family else "the one it was trained on"
    lines.append(f"- Other bases than {base}: it does nothing good there, or nothing.")
    if size := header.get("modelspec.resolution"):
        lines.append(f"- Sizes far from {_plain(size)} were not trained.")
    lines.append("- It knows what its pictures showed, and repeats what was one-sided in them.")
    lines.append("- Pictures of real people without their consent, or that pass for photographs.")
    return "\n".join(lines)


def _pictures(pictures: Sequence[Shown]) -> str:
    if not pictures:
        return "There are none here. What this LoRA helps to make is made by a machine: say so."
    return (
        "Every picture here was made by a machine, with this LoRA, and says so in its metadata "
        "(XMP, IPTC Digital Source Type: trainedAlgorithmicMedia)."
    )
