"""Whether a run can teach its new words: captions, other settings and text encoder fit."""

from collections.abc import Iterable, Mapping

from .config import TrainConfig
from .data.dataset import Dataset
from .data.words import spoken
from .examples import texts
from .host.wires import CLIP
from .host.words import refuse_words


def refuse_unteachable(
    clip: CLIP,
    dataset: Dataset,
    held_out: Dataset | None,
    class_pictures: Dataset | None,
    config: TrainConfig,
) -> None:
    """`ValueError` with the way out, before anything is encoded."""
    if not config.words:
        return
    shown = {one.path.name: texts(one, config) for one in dataset.records}
    heard = _heard(shown.values(), config)
    missing = [word for word in config.words if word not in heard]
    if missing:
        raise ValueError(
            f"new_words: {missing[0]!r} is in no caption. Write it into the captions, or set it as "
            "the trigger_word of Train Preset."
        )
    if config.words_alone:
        _refuse_idle(shown, config)
        if class_pictures:
            raise ValueError(
                "class_pictures have nothing to keep right where the network stays as it is: "
                "unwire them, or set train_network on."
            )
        if held_out and not _heard(([one.caption] for one in held_out.records), config):
            raise ValueError(
                "held_out: no caption has one of new_words, so its loss would stay what it is. "
                "Write the word into these captions too."
            )
    if class_pictures and config.prior_target == "base":
        told = _heard((texts(one, config) for one in class_pictures.records), config)
        if told:
            raise ValueError(
                f"class_pictures have captions with the new word {min(told)!r}, for which the base "
                "has no prediction: take it out, or set prior_target = 'pictures'."
            )
    refuse_words(clip, config)


def _refuse_idle(shown: Mapping[str, Iterable[str]], config: TrainConfig) -> None:
    """Where words alone learn, a picture that is shown without any of them teaches nothing."""
    for picture, captions in shown.items():
        for caption in captions:
            if not spoken(caption, config.words):
                raise ValueError(
                    f"{picture} is shown with {caption!r}, which has none of new_words and so "
                    "teaches nothing. Write the word into the caption, or set it as the "
                    "trigger_word of Train Preset"
                    + (", and keep_tags = 1." if config.tag_dropout else ".")
                )


def _heard(captions: Iterable[Iterable[str]], config: TrainConfig) -> set[str]:
    """The new words that are in some caption."""
    return {word for some in captions for text in some for word in spoken(text, config.words)}
