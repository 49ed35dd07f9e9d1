"""Every setting of a training is refused by its name, its value and its range.

Wrong values are made from what each setting declares, so that a new one is tried too; a text, which
declares nothing, has to stand in one of two tables.
"""

import math
import re
from typing import Any, Literal, get_args, get_origin

import pytest

from atelier.training.config import OF_SCHEDULES, TrainConfig, make_config
from atelier.training.settings.group import Group

FIELDS = TrainConfig.model_fields
WORDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
BESIDE = {"ge": -1, "gt": 0, "le": 1, "lt": 0}  # from a limit to a whole number out of range

# Of texts: what is wrong, and what is said beside it.
WRONG_TEXTS = {
    "include": ("(", "not a regular expression"),
    "exclude": ("a\n[", "not a regular expression"),
    "ranks": ("attn = 2000", "rank 1 to 1024"),
    "more_resolutions": ("512, 63", "64 to 8192"),
    "optimizer": ("adamv", "choose one of adamw"),
    "optimizer_arguments": ("betas: 1", "is not like `betas"),
    "schedule": ("cosin", "choose one of .*cosine"),
    "sample_prompts": ("a\n" * 9, "at most 8"),
    "new_words": ("a/b", "letters"),
    "word_start": (" ", "write what the thing is"),
}
# What a value other than the default wants beside it.
BESIDE_IT = {"patience": {"validate_every": 1}}
BESIDE_IT |= {name: {"schedule": schedule} for name, schedule in OF_SCHEDULES.items()}
# What of these there is, ComfyUI knows: refused before the first step (tests/engine).
KNOWN_TO_COMFYUI = {"sample_sampler", "sample_scheduler"}


def limits(name: str) -> dict[str, Any]:
    rules = FIELDS[name].metadata
    return {kind: getattr(r, kind) for r in rules for kind in WORDS if hasattr(r, kind)}


def wrong_values(name: str) -> list[Any]:
    kind = FIELDS[name].annotation
    values: list[Any] = [None, []]
    if get_origin(kind) is Literal:
        return [*values, "no-such", -1]
    if kind is bool:
        return [*values, "perhaps", 2]
    if kind in (int, float):
        values += ["many", math.nan, math.inf, -math.inf]
        values += [limit + BESIDE[which] for which, limit in limits(name).items()]
        return [*values, 0.5] if kind is int else values
    assert kind is str, f"how is a {kind} refused?"
    return [*values, 3]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_wrong_value_is_refused_with_name_value_and_range(name):
    for value in wrong_values(name):
        with pytest.raises(ValueError, match=rf"^Training settings: {name}: ") as told:
            make_config(**{name: value})
        message = str(told.value)
        assert f"got {value!r}" in message
        assert re.findall(r"(?:settings: |; )(\w+): ", message) == [name]  # nothing else is wrong
        for which, limit in limits(name).items():
            assert f"{WORDS[which]} {limit}" in message
        if get_origin(FIELDS[name].annotation) is Literal:
            assert all(repr(one) in message for one in get_args(FIELDS[name].annotation))


def numbers():
    return [name for name, field in FIELDS.items() if field.annotation in (int, float)]


@pytest.mark.parametrize("name", numbers())
def test_every_number_has_two_limits_and_its_default_within(name):
    given = limits(name)
    assert len(given) == 2 and {"ge", "gt"} & given.keys() and {"le", "lt"} & given.keys()
    assert getattr(make_config(), name) == FIELDS[name].default
    for which, limit in given.items():
        if which in ("ge", "le") and name not in ("timestep_min", "timestep_max"):
            more = BESIDE_IT.get(name, {})
            assert getattr(make_config(**{name: limit} | more), name) == limit


def test_every_text_is_in_one_of_the_tables():
    texts = {name for name, field in FIELDS.items() if field.annotation is str}
    assert texts == WRONG_TEXTS.keys() | KNOWN_TO_COMFYUI


@pytest.mark.parametrize("name", WRONG_TEXTS)
def test_a_text_that_cannot_be_used_is_refused(name):
    value, wanted = WRONG_TEXTS[name]
    with pytest.raises(ValueError, match=rf"(?s)^Training settings: {name}: .*{wanted}") as told:
        make_config(**{name: value})
    assert f"got {value!r}" in str(told.value)


TOGETHER = [
    ({"adapter": "loha", "rank_stabilized": True}, "rank_stabilized", "loha"),
    ({"adapter": "lokr", "plus_ratio": 4}, "plus_ratio", "lokr"),
    ({"timestep_min": 0.7, "timestep_max": 0.5}, "timestep_min 0.7", "timestep_max 0.5"),
    ({"patience": 2, "validate_every": 0}, "validate_every 0", "patience"),
    ({"keep": "best", "validate_every": 0}, "validate_every 0", "keep"),
    ({"train_network": False}, "train_network = False", "new_words"),
    (
        {"train_network": False, "new_words": "ohwx", "caption_dropout": 0.1},
        "caption_dropout 0.1",
        "set it to 0",
    ),
    ({"new_words": "a1, b1", "word_start": "x\ny\nz"}, "word_start has 3 lines", "2 new_words"),
]


@pytest.mark.parametrize(("settings", "one", "other"), TOGETHER, ids=lambda value: str(value)[:40])
def test_settings_that_do_not_go_together_are_named(settings, one, other):
    with pytest.raises(ValueError, match=re.escape(one)) as told:
        make_config(**settings)
    assert other in str(told.value)


def groups():
    found = [base for base in TrainConfig.__mro__ if issubclass(base, Group) and base is not Group]
    return pytest.mark.parametrize("group", found, ids=lambda group: group.__name__)


@groups()
def test_an_unknown_setting_is_refused_by_every_group(group):
    with pytest.raises(ValueError, match="no_such_setting"):
        group(no_such_setting=1)


def test_an_unknown_setting_is_named_with_what_it_may_mean():
    message = "learning_rat: there is no such setting .*learning_rate.*got 1"
    with pytest.raises(ValueError, match=message):
        make_config(learning_rat=1)
    with pytest.raises(ValueError, match="zzz: there is no such setting, got 'x'"):
        make_config(zzz="x")
