"""New words in captions, and which words can be."""

import pytest

from atelier.training.config import make_config
from atelier.training.data.words import as_embeddings, spoken

TEXTS = {
    "ohwx": "embedding:ohwx",
    "a photo of ohwx": "a photo of embedding:ohwx",
    "ohwx, a hat": "embedding:ohwx , a hat",
    "a hat,ohwx": "a hat, embedding:ohwx",
    "an OHWX.": "an embedding:ohwx .",
    "(ohwx:1.2) hat": "(embedding:ohwx :1.2) hat",
    "a (red ohwx)": "a (red embedding:ohwx )",
    "a ((ohwx))": "a ((embedding:ohwx ))",
    r"a \(ohwx\) hat": r"a \( embedding:ohwx \) hat",
    "ohwx ohwx": "embedding:ohwx embedding:ohwx",
    "ohwx\nsks": "embedding:ohwx\nembedding:sks",
    "ohwx-style": "embedding:ohwx -style",
    "embedding:ohwx, hat": "embedding:ohwx , hat",
    "embedding:ohwx-2 hat": "embedding:ohwx-2 hat",
    "an ohwxy and a mohwx": "an ohwxy and a mohwx",
    "my my-cat": "embedding:my embedding:my-cat",
    "": "",
}


@pytest.mark.parametrize(("text", "called"), TEXTS.items(), ids=repr)
def test_words_are_called_as_comfyui_calls_embeddings(text, called):
    words = ["ohwx", "sks", "my", "my-cat"]
    assert as_embeddings(text, words) == called
    assert as_embeddings(called, words) == called
    assert as_embeddings(text, []) == text
    assert bool(spoken(text, words)) is (called != text or "embedding:ohwx," in text)


def test_what_is_spoken_is_named_as_it_was_given():
    assert spoken("a Hat and an ohwx", ["HAT", "ohwx", "sks"]) == {"HAT", "ohwx"}


def test_words_are_read_from_lines_and_commas():
    config = make_config(new_words="ohwx, my-cat\n\nsks,", word_start=" hat \n cat\nman\n")
    assert config.words == ("ohwx", "my-cat", "sks")
    assert config.starts == {"ohwx": "hat", "my-cat": "cat", "sks": "man"}
    assert make_config(new_words="a1,b1", word_start="hat").starts == {"a1": "hat", "b1": "hat"}
    assert make_config().words == () and not make_config().encodes


REFUSED = {
    "two words": ({"new_words": "my cat"}, "new_words: .*'my cat' is not one word"),
    "a number": ({"new_words": "1e5"}, "new_words: .*'1e5' is a number"),
    "a weight": ({"new_words": "nan"}, "new_words: .*'nan' is a number"),
    "a device": ({"new_words": "NUL"}, "new_words: .*'NUL' cannot be a file name"),
    "a path": ({"new_words": "../ohwx"}, "new_words: .*is not one word"),
    "a long one": ({"new_words": "a" * 65}, "new_words: .*64 at most"),
    "twice": ({"new_words": "ohwx, OHWX"}, "new_words: .*named twice"),
    "no vectors": ({"word_vectors": 0}, "word_vectors: .*greater than or equal to 1, got 0"),
    "too many": ({"word_vectors": 33}, "word_vectors: .*less than or equal to 32, got 33"),
    "no start": ({"word_start": " "}, "word_start: .*write what the thing is"),
    "starts": ({"new_words": "ohwx", "word_start": "a\nb"}, "2 lines for 1 new_words"),
    "no rate": ({"word_rate": 0}, "word_rate: .*greater than 0, got 0"),
    "rate": ({"word_rate": 11}, "word_rate: .*less than or equal to 10, got 11"),
    "nothing": ({"train_network": False}, "train_network = False leaves nothing that learns"),
    "dropout": (
        {"new_words": "ohwx", "train_network": False, "caption_dropout": 0.1},
        "caption_dropout 0.1 shows pictures without",
    ),
}


@pytest.mark.parametrize(("settings", "message"), REFUSED.values(), ids=REFUSED)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        make_config(**settings)


def test_dropout_is_allowed_where_more_than_words_learns():
    assert make_config(new_words="ohwx", caption_dropout=0.1).encodes
    assert make_config(train_network=False, text_encoders="clip").encodes
