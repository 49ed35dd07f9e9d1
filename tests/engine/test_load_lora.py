"""LoRA files by name: what is read, and what is not."""

import os
from pathlib import Path

import folder_paths
import pytest
import torch
from safetensors.torch import save_file

from atelier.training.host.lora_choice import lora_file, lora_names, read_lora, stamp

TENSORS = {"a.lora_A.weight": torch.arange(6.0).view(2, 3), "a.alpha": torch.tensor(2.0)}


@pytest.fixture
def folder(comfy_base, monkeypatch):
    """models/loras with three files in it, freshly listed."""
    loras = Path(folder_paths.get_folder_paths("loras")[0])
    (loras / "mine").mkdir(exist_ok=True)
    save_file(TENSORS, loras / "mine" / "good.safetensors")
    (loras / "pickle.pt").write_bytes(b"cos\nsystem\n")
    (loras / "damaged.safetensors").write_bytes(b"\xff" * 64)
    monkeypatch.setattr(folder_paths, "filename_list_cache", {})
    return loras


def good():
    return str(Path("mine") / "good.safetensors")


def test_a_file_comes_into_memory_as_it_is(folder):
    assert good() in lora_names()
    with torch.inference_mode():
        lora = read_lora(good())
    (folder / good()).unlink()
    assert lora.keys() == TENSORS.keys()
    assert all(torch.equal(lora[name], tensor) for name, tensor in TENSORS.items())
    assert not any(tensor.is_inference() for tensor in lora.values())


def test_a_changed_file_is_seen(folder):
    before = stamp(good())
    assert before == stamp(good())
    os.utime(folder / good(), (1, 1))
    assert before != stamp(good())


@pytest.mark.parametrize(
    "name",
    ["nothing.safetensors", "../../etc/passwd", "/etc/passwd", "mine/../mine/good.safetensors", ""],
)
def test_only_names_in_the_list_are_read(folder, name):
    with pytest.raises(ValueError, match="There is no LoRA .* in models/loras"):
        lora_file(name)


def test_a_pickle_is_refused_by_name(folder):
    with pytest.raises(ValueError, match=r"pickle\.pt is not a \.safetensors file"):
        read_lora("pickle.pt")


def test_a_damaged_file_is_named(folder):
    with pytest.raises(ValueError, match=r"damaged\.safetensors is damaged"):
        read_lora("damaged.safetensors")
