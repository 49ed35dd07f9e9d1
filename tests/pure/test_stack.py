"""The rows of a LoRA stack: our JSON, other packs', names, blocks, and what headers tell."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atelier.training.stack.blocks import factor, fits, unfit
from atelier.training.stack.names import listed
from atelier.training.stack.rows import EMPTY, Row, read_rows, write_rows
from atelier.training.stack.stack import Stack, plain_rows
from atelier.training.stack.told import settings, trigger_words

STRENGTHS = st.floats(-100, 100, allow_nan=False)
SHARES = st.lists(st.floats(0, 1, exclude_min=True, exclude_max=True), unique=True, max_size=4)


@st.composite
def schedules(draw):
    starts = draw(SHARES)
    return tuple((start, draw(STRENGTHS)) for start in [0.0, *sorted(starts)])


ROWS = st.builds(
    Row,
    on=st.booleans(),
    lora=st.text(max_size=30),
    model=STRENGTHS,
    text=st.none() | STRENGTHS,
    blocks=st.dictionaries(st.text("ab.*_0", min_size=1, max_size=9), STRENGTHS, max_size=3),
    schedule=st.just(()) | schedules(),
)


@given(st.lists(ROWS, max_size=5))
def test_rows_come_back_as_they_were_written(rows):
    assert list(read_rows(write_rows(rows))) == rows
    assert json.loads(write_rows(rows))["version"] == 1


def test_what_the_help_shows_is_read():
    text = """{"version": 1, "rows": [
      {"on": true, "lora": "styles/ink.safetensors", "model": 0.8},
      {"on": true, "lora": "people/ada.safetensors", "model": 1.0, "text": 0.5,
       "blocks": {"*": 0.5, "double_blocks.0": 1.0}, "schedule": [[0.0, 1.0], [0.5, 0.0]]}]}"""
    first, second = read_rows(text)
    assert (first.model, first.text_strength, first.blocks, first.schedule) == (0.8, 0.8, {}, ())
    assert (second.text_strength, second.schedule) == (0.5, ((0.0, 1.0), (0.5, 0.0)))
    assert read_rows(EMPTY) == read_rows("") == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["no JSON", EMPTY]),
        ('{"version": 2, "rows": []}', ["version", "2"]),
        ('{"rows": 1}', ["rows", "1"]),
        ('{"rows": [{"lora": "a"}, {"lora": "b", "strenght": 1}]}', ["rows → 2", "strenght"]),
        ('{"rows": [{"lora": "a", "model": 101}]}', ["rows → 1 → model", "101"]),
        ('{"rows": [{"lora": "a", "model": NaN}]}', ["model"]),
        ('{"rows": [{"lora": "a", "text": Infinity}]}', ["text"]),
        ('{"rows": [{"lora": 7}]}', ["lora", "7"]),
        ('{"rows": [{"blocks": {"a": "x"}}]}', ["blocks → a", '"x"']),
        ('{"rows": [{"blocks": {" ": 1}}]}', ["blocks", "empty"]),
        ('{"rows": [{"schedule": [[0.5, 0]]}]}', ["schedule", "[0, 1]"]),
        ('{"rows": [{"schedule": [[0, 1], [0.5, 0], [0.5, 1]]}]}', ["one after the other"]),
        ('{"rows": [{"schedule": [[0, 1], [1, 0]]}]}', ["schedule → 2 → 1", "1"]),
        ('{"rows": ' + "[" * 100_000, ["no JSON"]),
        ('{"rows": [' + ", ".join(['{"lora": "a"}'] * 501) + "]}", ["500"]),
        ('"a.safetensors"', ["no row that Atelier knows"]),
        ("7", ["no row that Atelier knows"]),
        ('[{"lora": "a", "strength": 1}, {"what": 1}]', ["row 2", "what"]),
        ('[["a", 1]]', ["row 1"]),
        ('{"lora_1": {"on": true, "lora": "a", "strength": "much"}}', ["model", "much"]),
        ('{"lora_name_1": ["4", 0], "lora_wt_1": 1, "lora_count": 1}', ["lora"]),
    ],
)
def test_what_is_wrong_is_named(text, words):
    with pytest.raises(ValueError) as failure:
        read_rows(text)
    missing = [word for word in words if word not in str(failure.value)]
    assert not missing, str(failure.value)
    assert len(str(failure.value)) < 700


# As these packs' nodes have them in saved prompts; names are ours.
RGTHREE = {
    "inputs": {
        "PowerLoraLoaderHeaderWidget": {"type": "PowerLoraLoaderHeaderWidget"},
        "lora_1": {"on": True, "lora": "krea\\fresh.safetensors", "strength": 1},
        "lora_2": {"on": False, "lora": "krea/cyber.safetensors", "strength": 0.77},
        "lora_7": {
            "on": True,
            "lora": "styl.safetensors",
            "strength": 0.49,
            "strengthTwo": 0.2,
        },
        "lora_8": {"on": True, "lora": None, "strength": 1, "strengthTwo": None},
        "➕ Add Lora": "",
        "model": ["55", 0],
        "clip": ["56", 0],
    },
    "class_type": "Power Lora Loader (rgthree)",
}
RGTHREE_WIDGETS = [
    {},
    {"type": "PowerLoraLoaderHeaderWidget"},
    {"on": True, "lora": "a.safetensors", "strength": 0.6, "strengthTwo": None},
    {},
    "",
]
RGTHREE_STACK = {
    "lora_01": "one.safetensors",
    "strength_01": 0.4,
    "lora_02": "None",
    "strength_02": 1,
    "lora_03": "three.safetensors",
    "strength_03": "0.9",
    "model": ["4", 0],
}
MANAGER = {
    "class_type": "Lora Stacker (LoraManager)",
    "inputs": {
        "text": "<lora:gothic:0.47:0.35> <lora:quiet:1>",
        "loras": {
            "__value__": [
                {
                    "name": "gothic",
                    "strength": "0.47",
                    "clipStrength": 0.35,
                    "active": True,
                    "expanded": True,
                    "locked": False,
                },
                {"name": "quiet", "strength": 1.0, "clipStrength": 1.0, "active": False},
            ]
        },
    },
}
COMFYROLL = {
    "switch_1": "On",
    "lora_name_1": "c.safetensors",
    "model_weight_1": 0.5,
    "clip_weight_1": 0.4,
    "switch_2": "Off",
    "lora_name_2": "d.safetensors",
    "model_weight_2": 1.0,
    "clip_weight_2": 1.0,
    "switch_3": "Off",
    "lora_name_3": "None",
    "model_weight_3": 1.0,
    "clip_weight_3": 1.0,
}
EFFICIENCY = {
    "input_mode": "advanced",
    "lora_count": 2,
    "lora_name_1": "a.safetensors",
    "lora_wt_1": 0.1,
    "model_str_1": 0.7,
    "clip_str_1": 0.3,
    "lora_name_10": "z.safetensors",
    "lora_wt_10": 1.0,
    "model_str_10": 1.0,
    "clip_str_10": 1.0,
    "lora_name_2": "None",
    "lora_name_3": "None",
}
EASY = {
    "toggle": True,
    "mode": "simple",
    "num_loras": 1,
    "lora_1_name": "AntiBlur.safetensors",
    "lora_1_strength": 0.8,
    "lora_1_model_strength": 1.0,
    "lora_1_clip_strength": 1.0,
    "lora_2_name": "None",
}
OTHERS = {
    "rgthree": (
        RGTHREE,
        [
            (True, "krea\\fresh.safetensors", 1, 1),
            (False, "krea/cyber.safetensors", 0.77, 0.77),
            (True, "styl.safetensors", 0.49, 0.2),
            (True, "", 1, 1),
        ],
    ),
    "rgthree's inputs": (RGTHREE["inputs"], "rgthree"),
    "rgthree's widgets": (RGTHREE_WIDGETS, [(True, "a.safetensors", 0.6, 0.6)]),
    "rgthree's row": (RGTHREE_WIDGETS[2], [(True, "a.safetensors", 0.6, 0.6)]),
    "rgthree's stack": (
        RGTHREE_STACK,
        [(True, "one.safetensors", 0.4, 0.4), (True, "three.safetensors", 0.9, 0.9)],
    ),
    "LoRA Manager": (MANAGER, [(True, "gothic", 0.47, 0.35), (False, "quiet", 1, 1)]),
    "LoRA Manager's list": (MANAGER["inputs"]["loras"]["__value__"], "LoRA Manager"),
    "Comfyroll": (
        COMFYROLL,
        [(True, "c.safetensors", 0.5, 0.4), (False, "d.safetensors", 1, 1)],
    ),
    "Efficiency": (
        EFFICIENCY,
        [(True, "a.safetensors", 0.7, 0.3), (False, "z.safetensors", 1, 1)],
    ),
    "Efficiency, simple": (
        EFFICIENCY | {"input_mode": "simple"},
        [(True, "a.safetensors", 0.1, 0.1), (False, "z.safetensors", 1, 1)],
    ),
    "Easy-Use": (EASY, [(True, "AntiBlur.safetensors", 0.8, 0.8)]),
    "Easy-Use, off": (EASY | {"toggle": False}, [(False, "AntiBlur.safetensors", 0.8, 0.8)]),
    "a LORA_STACK": (
        [["a.safetensors", 1.0, 0.5], ["b.safetensors", 0.3, 0.3, "a word"]],
        [(True, "a.safetensors", 1, 0.5), (True, "b.safetensors", 0.3, 0.3)],
    ),
    "our rows without version": (
        [{"on": False, "lora": "a.safetensors", "model": 0.5, "text": 0.1}],
        [(False, "a.safetensors", 0.5, 0.1)],
    ),
    "nothing": ([], []),
    "rgthree, empty": (
        {"PowerLoraLoaderHeaderWidget": {}, "➕ Add Lora": "", "model": ["1", 0]},
        [],
    ),
    "Comfyroll, empty": (dict.fromkeys(["lora_name_1", "lora_name_2"], "None"), []),
    "LoRA Manager, empty": ({"inputs": {"text": "", "loras": {"__value__": []}}}, []),
}


@pytest.mark.parametrize("pack", OTHERS)
def test_other_packs_rows_are_read(pack):
    value, want = OTHERS[pack]
    want = OTHERS[want][1] if isinstance(want, str) else want
    rows = read_rows(json.dumps(value))
    assert [(row.on, row.lora, row.model, row.text_strength) for row in rows] == want


KNOWN = [
    "ink.safetensors",
    "styles/Ink wash.safetensors",
    "a/same.safetensors",
    "b/same.safetensors",
]


@pytest.mark.parametrize(
    ("name", "means"),
    [
        ("ink.safetensors", "ink.safetensors"),
        ("ink", "ink.safetensors"),
        ("styles\\Ink wash.safetensors", "styles/Ink wash.safetensors"),
        ("Ink wash", "styles/Ink wash.safetensors"),
        ("Ink wash.safetensors", "styles/Ink wash.safetensors"),
        ("a/same", "a/same.safetensors"),
    ],
)
def test_a_name_means_the_file_that_is_there(name, means):
    assert listed(name, KNOWN) == means


def test_a_name_on_windows_is_that_of_its_list():
    assert listed("styles/x.safetensors", ["styles\\x.safetensors"]) == "styles\\x.safetensors"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("same", ["a/same.safetensors or b/same.safetensors"]),
        ("styles/inkwash.safetensors", ["nearest", "styles/Ink wash.safetensors"]),
        ("old/ikn.safetensors", ["ink.safetensors"]),
        ("../../etc/passwd", ["../../etc/passwd"]),
        ("", ["''"]),
        ("x\u202ey", ["x\\u202ey"]),
        ("x" * 10_000, ["…"]),
    ],
)
def test_a_missing_file_is_named_with_the_nearest(name, words):
    with pytest.raises(ValueError, match="There is no LoRA") as failure:
        listed(name, KNOWN)
    missing = [word for word in words if word not in str(failure.value)]
    assert not missing, str(failure.value)
    assert len(str(failure.value)) < 900


@pytest.mark.parametrize(
    ("pattern", "layer", "does"),
    [
        ("double_blocks.0", "double_blocks.0.img_attn.qkv", True),
        ("double_blocks.0", "double_blocks.0", True),
        ("double_blocks.1", "double_blocks.10.img_attn.qkv", False),
        ("double_blocks.1*", "double_blocks.10.img_attn.qkv", True),
        ("double_blocks.*", "double_blocks.10.img_attn.qkv", True),
        ("double_blocks.", "double_blocks.10.img_attn.qkv", True),
        ("double_blocks.*.img_attn", "double_blocks.3.img_attn.qkv", True),
        ("double_blocks.*.img_attn", "double_blocks.3.txt_attn.qkv", False),
        ("*.attn2", "input_blocks.4.1.transformer_blocks.0.attn2.to_k", True),
        ("*attn2.to_k", "input_blocks.4.1.transformer_blocks.0.attn2.to_k", True),
        ("attn2", "input_blocks.4.1.transformer_blocks.0.attn2.to_k", False),
        ("*", "final_layer.linear", True),
        ("**", "final_layer.linear", True),
        ("final_layer.linear.weight", "final_layer.linear", False),
        ("a?c", "abc", False),
        ("[a]", "a", False),
    ],
)
def test_a_pattern_fits_a_layer(pattern, layer, does):
    assert fits(pattern, layer) is does


def test_the_longest_pattern_counts():
    blocks = {"*": 0.0, "double_blocks.*": 0.5, "double_blocks.0": 1.0}
    for order in (blocks, dict(reversed(blocks.items()))):
        assert factor(order, "double_blocks.0.img_mlp.0") == 1
        assert factor(order, "double_blocks.2.img_mlp.0") == 0.5
        assert factor(order, "single_blocks.0.linear1") == 0
    assert factor({"double_blocks": 0.5}, "single_blocks.0.linear1") == 1


def test_no_pattern_takes_long():
    began = time.monotonic()
    assert not fits("*a" * 150, "a" * 149)
    assert fits("*a" * 150, "a" * 150)
    assert time.monotonic() - began < 1


def test_a_pattern_that_fits_nothing_is_named_with_the_nearest():
    layers = ["double_blocks.0.img_attn.qkv", "single_blocks.0.linear1"]
    assert unfit({"double_blocks": 1, "*.linear1": 0}, layers) == ""
    text = unfit({"double_block.0": 0.5}, layers)
    assert "'double_block.0'" in text and "double_blocks.0" in text
    assert "double_blocks, single_blocks" in unfit({"IN07": 0.5}, layers)


def test_a_stack_goes_into_a_lora_stack_whole_or_not_at_all():
    rows = read_rows('[["a", 1, 0.5], ["None", 1, 1], ["", 1, 1], ["b", 2, 2]]')
    stack = Stack().with_rows(rows)
    assert stack.plain() == [("a", 1, 0.5), ("b", 2, 2)]
    off = Stack().with_rows(read_rows('{"rows": [{"on": false, "lora": "a", "blocks": {"b": 0}}]}'))
    assert off.plain() == []
    for more, why in (('"blocks": {"c": 0.5}', "block"), ('"schedule": [[0, 1]]', "schedule")):
        with pytest.raises(ValueError, match=f"'the one'.*{why}"):
            Stack().with_rows(read_rows(f'{{"rows": [{{"lora": "the one", {more}}}]}}')).plain()


# What packs do with a LORA_STACK.
USES = {
    "for": lambda stack: [row for row in stack],  # noqa: C416
    "extend": lambda stack: [].extend(stack),
    "unpack": lambda stack: [*stack],
    "list": list,
    "if": bool,
    "len": len,
    "first": lambda stack: stack[0],
    "slice": lambda stack: stack[:1],
    "before": lambda stack: stack + [("a", 1, 1)],
    "behind": lambda stack: [("a", 1, 1)] + stack,
    "in": lambda stack: ("a", 1, 1) in stack,
    "sorted": sorted,
    "ours": plain_rows,
}


@pytest.mark.parametrize("use", USES)
def test_a_stack_that_does_not_fit_says_so_to_whoever_uses_it(use):
    rows = read_rows('{"rows": [{"lora": "the one", "blocks": {"*": 1}}, {"lora": "b"}]}')
    with pytest.raises(ValueError, match="'the one' has block weights"):
        USES[use](Stack().with_rows(rows).for_others())
    fitting = Stack().with_rows(read_rows('[["b", 1, 1]]')).for_others()
    assert type(fitting) is list and fitting == [("b", 1, 1)]


def test_other_packs_stacks_are_read():
    stack = [("a", 1, 0.5), ["b", "0.25", 2, "word"], ("None", 1, 1), ("", 1, 1)]
    assert plain_rows(stack) == [("a", 1, 0.5), ("b", 0.25, 2)]
    for wrong in ("a", [1], [("a", "x", 1)], [("a", 1)], {"a": 1}):
        with pytest.raises(ValueError, match="lora_stack"):
            plain_rows(wrong)


FREQUENCY = {"10_ohwx hat": {"ohwx hat": 12, "red": 5, "a table": 12}, "1_reg": {"hat": 30}}


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({}, []),
        ({"modelspec.trigger_phrase": "ohwx hat, Ada,\nohwx  hat"}, ["ohwx hat", "Ada"]),
        ({"ss_tag_frequency": json.dumps(FREQUENCY)}, ["ohwx hat", "a table", "hat"]),
        (
            {
                "ss_tag_frequency": json.dumps(FREQUENCY),
                "ss_dataset_dirs": json.dumps({"10_ohwx hat": {"n_repeats": 10, "img_count": 12},
                                               "1_reg": {"n_repeats": 1, "img_count": 31}}),
            },
            ["ohwx hat", "a table"],
        ),
        (
            {"modelspec.trigger_phrase": "ohwx", "ss_tag_frequency": json.dumps(FREQUENCY)},
            ["ohwx"],
        ),
        ({"ss_tag_frequency": json.dumps({"x": {"a long caption": 1, "another": 1}})}, []),
        ({"atelier.run": json.dumps({"config": {"new_words": "ohwx\nada"}})}, ["ohwx", "ada"]),
        ({"atelier.run": "[" * 100_000, "ss_tag_frequency": '{"a": [1]}'}, []),
        ({"ss_tag_frequency": '{"a": {"b": "c"}}', "ss_dataset_dirs": '{"a": 3}'}, []),
        ({"modelspec.trigger_phrase": "a\u202eb"}, ["a\\u202eb"]),
    ],
)  # fmt: skip
def test_trigger_words_are_those_that_the_header_names(metadata, words):
    assert trigger_words(metadata) == words


def test_what_a_header_tells_is_bounded():
    metadata = {
        "modelspec.trigger_phrase": ",".join(f"word {n}" + "x" * 5000 for n in range(500)),
        "modelspec.title": "t" * 5000,
        "ss_network_dim": "16",
        "ss_learning_rate": "None",
        "ss_unet_lr": "0.0001",
    }
    assert len(str(trigger_words(metadata))) < 3000
    told = settings(metadata)
    assert told["rank"] == "16" and told["learning rate"] == "0.0001"
    assert len(told["title"]) <= 200 and "alpha" not in told
