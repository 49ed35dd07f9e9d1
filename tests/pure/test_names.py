import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from atelier.training import checkpoint, nest
from atelier.training.adapters.keys import file_key
from atelier.training.adapters.targets import choose
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
    ("form", "part", "wanted"),
    [
        ("native", "A", "diffusion_model.blocks.0.attn.qkv.lora_A.weight"),
        ("native", "alpha", "diffusion_model.blocks.0.attn.qkv.alpha"),
        ("kohya", "A", "lora_unet_blocks_0_attn_qkv.lora_down.weight"),
        ("kohya", "B", "lora_unet_blocks_0_attn_qkv.lora_up.weight"),
        ("kohya", "alpha", "lora_unet_blocks_0_attn_qkv.alpha"),
    ],
)
def test_names_in_a_file(form, part, wanted):
    assert file_key("blocks.0.attn.qkv", part, form) == wanted


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
]


@pytest.mark.parametrize(
    ("targets", "numbers"),
    [
        ("attention", [0, 2, 5, 9, 11]),
        ("attention_mlp", [0, 1, 2, 3, 5, 6, 7, 9, 10, 11]),
        ("all_linear", list(range(len(LAYERS)))),
    ],
)
def test_targets_mean_the_same_in_every_family(targets, numbers):
    assert choose(LAYERS, targets) == [LAYERS[number] for number in numbers]


def test_a_model_without_such_layers_is_named():
    with pytest.raises(ValueError, match="no layer for targets = 'attention'"):
        choose(["out"], "attention")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps: .*greater than or equal to 1, got 0"),
        ({"learning_rate": -1}, "learning_rate: .*got -1"),
        ({"rnak": 4}, "rnak: .*not permitted"),
        ({"schedule": "cosin"}, "schedule: there is no 'cosin'"),
        ({"targets": "everything"}, "targets: "),
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
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(0, 9), inner),
)


def same(one, other):
    if isinstance(one, torch.Tensor):
        return torch.equal(one.nan_to_num(7), other.nan_to_num(7)) and one.dtype == other.dtype
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


@given(st.dictionaries(st.text(), trees))
def test_a_nest_comes_back_as_it_was(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("nest") / "file.safetensors"
    nest.save(path, tree)
    assert same(tree, nest.load(path))


def test_a_damaged_checkpoint_is_passed_over(tmp_path):
    for step in (1, 2):
        nest.save(tmp_path / checkpoint.NAME.format(step), {"step": step, "x": torch.ones(9)})
    newest = tmp_path / checkpoint.NAME.format(2)
    newest.write_bytes(newest.read_bytes()[:-5])
    found = checkpoint.newest(tmp_path)
    assert found and found["step"] == 1
    newest.unlink()
    assert checkpoint.newest(tmp_path / "nowhere") is None
