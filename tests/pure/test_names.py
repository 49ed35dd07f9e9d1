import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training import checkpoint, nest
from atelier.training.adapters.keys import NATIVE, Naming
from atelier.training.adapters.patterns import parse_ranks
from atelier.training.adapters.targets import choose, layer_sizes
from atelier.training.config import make_config
from atelier.training.files import atomic, digest, new_folder, safe_name


@pytest.mark.parametrize("name", ["a", "my lora", "Käse-2_b", "名前"])
def test_names_that_are_files_everywhere(name):
    assert safe_name(name, "name") == name


@pytest.mark.parametrize(
    "name",
    ["", " ", ".", "..", "a/b", "a\\b", "../a", "/a", "C:a", "a:b", "nul", "COM1.txt"]
    + ["a.", ".a", "a\x00", "a\nb", "a*", "x" * 151],
)
def test_names_that_are_not(name):
    with pytest.raises(ValueError, match="run name .* cannot be a file name"):
        safe_name(name, "run name")


@pytest.mark.parametrize("name", ["a/../b", "/a", "a//b", "a/", "../a", "a/.b", "a\\..\\b"])
def test_sub_folders_never_lead_out(name):
    assert safe_name("a/b", "name", folders=True) == "a/b"
    with pytest.raises(ValueError, match="cannot be a file name"):
        safe_name(name, "name", folders=True)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_taken_names_get_the_next_number(tmp_path):
    assert [new_folder(tmp_path, "run").name for _ in range(3)] == ["run", "run-2", "run-3"]


@given(st.lists(st.text()), st.lists(st.text()))
def test_a_digest_knows_where_parts_end(one, other):
    assert (digest(*one) == digest(*other)) == (one == other)


@pytest.mark.parametrize(
    ("naming", "part", "wanted"),
    [
        (NATIVE, "lora_A.weight", "diffusion_model.blocks.0.attn.qkv.lora_A.weight"),
        (NATIVE, "alpha", "diffusion_model.blocks.0.attn.qkv.alpha"),
        (Naming("kohya"), "lora_A.weight", "lora_unet_blocks_0_attn_qkv.lora_down.weight"),
        (Naming("kohya"), "lora_B.weight", "lora_unet_blocks_0_attn_qkv.lora_up.weight"),
        (Naming("kohya"), "alpha", "lora_unet_blocks_0_attn_qkv.alpha"),
        (Naming("kohya"), "lokr_w2_a", "lora_unet_blocks_0_attn_qkv.lokr_w2_a"),
        (NATIVE, "dora_scale", "diffusion_model.blocks.0.attn.qkv.dora_scale"),
    ],
)
def test_names_in_a_file(naming, part, wanted):
    assert naming.key("blocks.0.attn.qkv", part) == wanted


def test_sd1_files_name_layers_as_diffusers_does():
    layer = "input_blocks.4.1.transformer_blocks.0.attn1.to_q"
    wanted = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q.alpha"
    assert Naming("kohya", res_blocks=2).key(layer, "alpha") == wanted


LAYERS = [
    "input_blocks.1.1.transformer_blocks.0.attn1.to_q",
    "input_blocks.1.1.transformer_blocks.0.ff.net.2",
    "joint_blocks.0.x_block.attn.qkv",
    "joint_blocks.0.x_block.mlp.fc1",
    "joint_blocks.0.x_block.adaLN_modulation.1",
    "double_blocks.3.img_attn.qkv",
    "double_blocks.3.txt_mlp.0",
    "single_blocks.7.linear1",
    "single_blocks.7.modulation.lin",
    "layers.4.attention.qkv",
    "layers.4.feed_forward.w1",
    "transformer_blocks.2.attn.add_q_proj",
    "t_embedder.mlp.0",
    "time_embed.0",
    "blocks.0.adaln_modulation_self_attn.1",
    "llm_adapter.blocks.0.self_attn.q_proj",
    "double_stream_layers.0.instruct_feed_forward.linear_1",
]


@pytest.mark.parametrize(
    ("targets", "numbers"),
    [
        ("attention", [0, 2, 5, 9, 11]),
        ("attention_mlp", [0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 16]),
        ("all_linear", list(range(len(LAYERS)))),
    ],
)
def test_targets_mean_the_same_in_every_family(targets, numbers):
    assert choose(LAYERS, targets) == [LAYERS[number] for number in numbers]


def test_a_model_without_such_layers_is_named():
    with pytest.raises(ValueError, match="no layer for targets = 'attention'"):
        choose(["out"], "attention")


@pytest.mark.parametrize(
    ("settings", "numbers"),
    [
        ({"targets": "attention", "include": "_blocks"}, [0, 2, 5, 11]),
        ({"targets": "attention", "exclude": "blocks\nlayers"}, []),
        ({"targets": "all_linear", "include": "adaLN\n^t_emb"}, [4, 12]),
        ({"targets": "all_linear", "include": "mlp", "exclude": r"\.\d+$"}, [3]),
        ({"targets": "subject_blocks", "family": "Flux"}, [7]),
    ],
)
def test_patterns_narrow_the_choice(settings, numbers):
    if numbers:
        assert choose(LAYERS, **settings) == [LAYERS[number] for number in numbers]
    else:
        with pytest.raises(ValueError, match="no layer .* exclude"):
            choose(LAYERS, **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"targets": "style_blocks", "family": "SD3"}, "known for SDXL, not for SD3"),
    ],
)
def test_a_choice_that_cannot_be_made_is_named(settings, message):
    with pytest.raises(ValueError, match=message):
        choose(LAYERS, **settings)


def test_ranks_by_pattern():
    settings = make_config(targets="attention", ranks="joint = 2 / 1\n.*attn = 8", alpha=3)
    sizes = layer_sizes(LAYERS, settings, rank=4)
    assert {name: (s.rank, s.alpha) for name, s in sizes.items()} == {
        LAYERS[0]: (8, 8.0),
        LAYERS[2]: (2, 1.0),
        LAYERS[5]: (8, 8.0),
        LAYERS[9]: (4, 3.0),
        LAYERS[11]: (8, 8.0),
    }


@pytest.mark.parametrize("line", ["attn", "attn = 0", "attn = 2 / 0", "= 3", "attn = x", "( = 4"])
def test_a_line_of_ranks_that_cannot_be_read_is_named(line):
    with pytest.raises(ValueError, match="is not like|is not a regular expression"):
        parse_ranks(line)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: .*greater than or equal to 1, got 0"),
        ({"learning_rate": -1}, "learning_rate: .*got -1"),
        ({"rnak": 4}, "rnak: there is no such setting.*rank.*got 4"),
        ({"schedule": "cosin"}, "schedule: .*no such schedule.*cosine.*got 'cosin'"),
        ({"optimizer": "adamv"}, "optimizer: .*no optimizer.*adamw.*got 'adamv'"),
        (
            {"optimizer": "sophia"},
            "optimizer: .*cannot go on exactly: it wants second deriv.*adamw",
        ),
        ({"optimizer_arguments": "betas: 1"}, "optimizer_arguments: .*'betas: 1' is not like"),
        ({"optimizer_arguments": "x = open('f')"}, "optimizer_arguments: .*is not like"),
        ({"adapter": "loha", "rank_stabilized": True}, "rank_stabilized is for lora"),
        ({"adapter": "lokr", "plus_ratio": 4}, "plus_ratio is for lora and dora, not for lokr"),
        ({"timestep_min": 0.5, "timestep_max": 0.5}, "timestep_min 0.5 must be below"),
        ({"targets": "everything"}, "targets: "),
        ({"patience": 2, "validate_every": 0}, "validate_every 0 measures no held-out loss"),
        ({"keep": "best", "validate_every": 0}, "validate_every 0 measures no held-out loss"),
        ({"guidance": 101}, "guidance: .*less than or equal to 100, got 101"),
    ],
)
def test_a_wrong_setting_is_refused_by_name_value_and_range(settings, message):
    with pytest.raises(ValueError, match=message):
        make_config(**settings)


trees = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False)
    | st.lists(st.floats(width=32), min_size=1).map(torch.tensor),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text() | st.integers(0, 9), inner)
    ),
    max_leaves=20,
)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one.nan_to_num(7), other.nan_to_num(7)) and one.dtype == other.dtype
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other


@given(st.dictionaries(st.text(), trees, max_size=4))
def test_a_nest_comes_back_as_it_was(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("nest") / "file.safetensors"
    nest.save(path, tree)
    assert same(tree, nest.load(path))


@given(st.permutations(range(4)), st.booleans())
def test_a_tensor_lies_in_memory_as_it_did(tmp_path_factory, order, sliced):
    path = tmp_path_factory.mktemp("nest") / "file.safetensors"
    tensor = torch.arange(360.0).view(3, 4, 5, 6).permute(order)
    tensor = tensor[::2] if sliced else tensor
    nest.save(path, {"x": tensor})
    loaded = nest.load(path)["x"]
    assert torch.equal(loaded, tensor)
    assert sliced or loaded.stride() == tensor.stride()


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    for step in (1, 2):
        nest.save(tmp_path / checkpoint.NAME.format(step), {"step": step, "x": torch.ones(9)})
    newest = tmp_path / checkpoint.NAME.format(2)
    newest.write_bytes(newest.read_bytes()[:-5])
    found = checkpoint.newest(tmp_path)
    assert found and found["step"] == 1
    newest.unlink()
    assert checkpoint.newest(tmp_path / "nowhere") is None
