"""Reading a file layer by layer, and writing one tensor by tensor."""

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from atelier.training.loras.sink import TYPES, writing
from atelier.training.loras.source import Lora, TensorFile, split

from .made import KINDS, named, parts, random, wired, written


def test_a_layer_is_read_alone_and_as_it_is(tmp_path):
    state = {}
    for number, kind in enumerate(KINDS):
        state |= named(f"diffusion_model.x{number}", parts(kind, 8, 6, 2, random(number), 1.5))
    state = {key: value.to(torch.bfloat16) for key, value in state.items()}
    lora = written(state, tmp_path / "a.safetensors", {"modelspec.title": "a"})
    assert lora.metadata == {"modelspec.title": "a"}
    assert len(lora.stems) == len(KINDS) and not lora.others
    for stem in lora.stems:
        tensors = lora.tensors(stem)
        assert tensors.keys() == {key for key in state if key.startswith(f"{stem}.")}
        assert all(torch.equal(tensor, state[key]) for key, tensor in tensors.items())


def test_the_file_may_be_written_over_and_deleted_between_layers(tmp_path):
    path = tmp_path / "a.safetensors"
    lora = written(named("diffusion_model.x", parts("lora", 4, 4, 2, random(0))), path)
    kept = lora.layer("diffusion_model.x").parts["up"].clone()
    held = lora.layer("diffusion_model.x").parts["up"]
    path.unlink()
    assert torch.equal(held, kept)
    with pytest.raises(ValueError, match=r"a\.safetensors is damaged"):
        lora.layer("diffusion_model.x")


@pytest.mark.parametrize("data", [b"", b"hello", b"\xff" * 100, (2**60).to_bytes(8, "little")])
def test_what_is_no_safetensors_file_is_refused_by_name(tmp_path, data):
    path = tmp_path / "bad.safetensors"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"bad\.safetensors is damaged"):
        TensorFile(path)


def test_a_file_that_was_cut_off_is_refused(tmp_path):
    path = tmp_path / "cut.safetensors"
    save_file({"x.lora_up.weight": torch.ones(4, 4)}, path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"cut\.safetensors is damaged"):
        TensorFile(path)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("lora_unet_a_b.lora_down.weight", ("lora_unet_a_b", "down")),
        ("diffusion_model.a.b.lora_B.weight", ("diffusion_model.a.b", "up")),
        ("transformer.a.lora_A.default.weight", ("transformer.a", "down")),
        ("unet.a.processor.to_q_lora.up.weight", ("unet.a.processor.to_q", "up")),
        ("unet.a.lora.down.weight", ("unet.a", "down")),
        ("text_encoder.a.lora_linear_layer.up.weight", ("text_encoder.a", "up")),
        ("base_model.model.a.lora_magnitude_vector", ("base_model.model.a", "magnitude")),
        ("x.alpha", ("x", "alpha")),
        ("x.hada_t1", ("x", "hada_t1")),
        ("x.oft_blocks", ("x.oft_blocks", "")),
        ("x.weight", ("x.weight", "")),
    ],
)
def test_names_of_all_families_are_parted(name, want):
    assert split(name) == want


def test_values_that_are_no_numbers_are_refused_by_name():
    state = named("lora_unet_x", parts("lora", 4, 4, 2, random(0)))
    state["lora_unet_x.lora_up.weight"][1, 1] = torch.nan
    with pytest.raises(ValueError, match=r"the file has values in lora_unet_x \(up\)"):
        wired(state).sound("lora_unet_x")


def test_what_is_of_no_known_kind_is_refused_by_name():
    state = named("lora_unet_x", parts("lora", 4, 4, 2, random(0)))
    with pytest.raises(ValueError, match=r"the file has lora_unet_y\.oft_blocks"):
        wired(state | {"lora_unet_y.oft_blocks": torch.ones(2, 2)}).refuse_others()
    with pytest.raises(ValueError, match="the file holds no LoRA"):
        wired({}).refuse_others()


def test_what_is_written_is_read_by_everybody(tmp_path):
    path = tmp_path / "a.safetensors"
    tensors = {
        f"t{number}": torch.arange(1 + 2 * number).to(dtype)  # odd lengths, mixed types
        for number, dtype in enumerate(TYPES)
    }
    with writing(path) as sink:
        sink.metadata["note"] = "ü"
        for name, tensor in tensors.items():
            sink.add(name, tensor)
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        mapped = {name: file.get_tensor(name).clone() for name in tensors}
    assert metadata["note"] == "ü" and metadata["sshs_model_hash"]
    for name, tensor in load_file(path).items():
        assert tensor.dtype == tensors[name].dtype
        assert torch.equal(tensor.float(), tensors[name].float())
        assert torch.equal(mapped[name].float(), tensor.float())
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    sizes = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}
    for name, entry in header.items():
        if name != "__metadata__":
            assert entry["data_offsets"][0] % sizes.get(entry["dtype"], 1) == 0
    assert [path] == list(tmp_path.iterdir())


def test_nothing_is_left_of_a_file_that_was_not_finished(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(KeyboardInterrupt), writing(path) as sink:
        sink.add("x", torch.ones(3))
        raise KeyboardInterrupt
    with pytest.raises(ValueError, match="Nothing was left to write"), writing(path):
        pass
    with pytest.raises(ValueError, match="Two tensors would be called x"), writing(path) as sink:
        sink.add("x", torch.ones(3))
        sink.add("x", torch.ones(3))
    assert not list(tmp_path.iterdir())


def test_a_lora_is_its_layers(tmp_path):
    state = named("lora_te1_a", parts("lora", 4, 4, 2, random(0), 1)) | {"odd": torch.ones(1)}
    lora = written(state, tmp_path / "a.safetensors")
    assert isinstance(lora, Lora) and lora.stems == ["lora_te1_a"] and lora.others == ["odd"]
    assert lora.layer("lora_te1_a").scale == 0.5
    assert lora.shapes("lora_te1_a")["down"] == (2, 4)
