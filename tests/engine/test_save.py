"""What Save LoRA writes: form, precision, hash and picture."""

import base64
import hashlib
import io
import itertools
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

from atelier.tests import tiny
from atelier.training.config import make_config
from atelier.training.data.dataset import Dataset
from atelier.training.data.folder import load_folder
from atelier.training.host import folders
from atelier.training.metadata import THUMBNAIL, lora_metadata
from atelier.training.save import PRECISIONS, Form, save_lora

from .trained import train


@pytest.fixture
def run(wires):
    more = {"sample_every": 6, "sample_prompts": "a person", "sample_steps": 2}
    return train(wires, learning_rate=0.01, **more)


def written(name):
    path = folders.loras() / name
    with safe_open(path, "pt") as file:
        return path, load_file(path), file.metadata()


def test_the_header_names_the_weights_and_shows_a_picture(run):
    path, _, metadata = written(save_lora(run.lora(), "a/lora", run, None, private=False))
    data = path.read_bytes()
    digest = hashlib.sha256(data[8 + int.from_bytes(data[:8], "little") :]).hexdigest()
    assert metadata["modelspec.hash_sha256"] == f"0x{digest}"
    assert metadata["sshs_model_hash"] == digest
    assert metadata["modelspec.architecture"] == "stable-diffusion-3/lora"
    kind, _, picture = metadata[THUMBNAIL].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert Image.open(io.BytesIO(base64.b64decode(picture))).size == (128, 128)


@pytest.mark.parametrize(
    ("make", "prediction", "architecture", "version"),
    [
        (tiny.unet, "eps", "stable-diffusion-v1", "sd_v1"),
        (tiny.sd2, "eps", "stable-diffusion-v2-512", "sd_v2"),
        (tiny.sd2, "v", "stable-diffusion-v2-768-v", "sd_v2"),
        (lambda: tiny.flux(guidance=False), "flow", "flux-1-schnell", "flux1"),
        (tiny.flux2, "flow", "Flux.2", None),
        (tiny.z_image, "flow", "Z-Image", "z_image"),
        (tiny.lumina2, "flow", "lumina-2", "lumina2"),
        (tiny.pixart, "eps", "pixart", None),
    ],
)
def test_the_header_names_the_architecture_and_says_the_notes(
    make, prediction, architecture, version
):
    notes = {"set": "CC0, by me", "trigger": "ohwx"}
    dataset = Dataset("set", (), notes)
    found = lora_metadata("run", make_config(), make().model, prediction, dataset, {})
    assert found["modelspec.architecture"].startswith(architecture)
    assert found.get("ss_base_model_version") == version
    assert json.loads(found["atelier.notes"]) == notes
    assert found["modelspec.trigger_phrase"] == "ohwx"


def test_the_header_tells_which_pictures_and_captions_it_was_made_from(
    run, pictures, tmp_path_factory
):
    _, _, metadata = written(save_lora(run.lora(), "set/lora", run, None, private=False))
    told = json.loads(metadata["atelier.run"])["dataset"]
    assert told == load_folder(pictures).fingerprint  # read anew
    moved = shutil.copytree(pictures, tmp_path_factory.mktemp("elsewhere") / "moved")
    assert told == load_folder(moved).fingerprint
    caption = next(moved.glob("*.txt"))
    before = caption.read_text()
    caption.write_text(f"{before}, and more")
    assert told != load_folder(moved).fingerprint
    caption.write_text(before)
    assert told == load_folder(moved).fingerprint
    next(moved.glob("*.png")).unlink()
    assert told != load_folder(moved).fingerprint


def test_shared_safely_there_is_no_picture(run):
    _, _, metadata = written(save_lora(run.lora(), "b/lora", run, None, private=True))
    assert THUMBNAIL not in metadata and "modelspec.hash_sha256" in metadata


@pytest.mark.parametrize("text", ["a", '"', "é"])
def test_a_graph_is_left_out_only_where_the_page_could_not_read_it(text):
    """It reads headers below 4 MiB; quotes and other letters take more room in one than here."""
    lora = {f"layer_{number}.lora_up.weight": torch.ones(1, 1) for number in range(900)}
    kept = []
    for count in (100_000, 600_000, 1_200_000, 2_000_000, 3_950_000, 4_200_000):
        graph = {"nodes": [], "text": text * count}
        path, _, metadata = written(save_lora(lora, "long/lora", None, graph, False))
        kept.append("workflow" in metadata)
        assert not kept[-1] or json.loads(metadata["workflow"]) == graph
        assert int.from_bytes(path.read_bytes()[:8], "little") < 4 * 2**20
        path.unlink()
    assert kept == sorted(kept, reverse=True) and kept[0]
    assert sum(kept) == {"a": 5, '"': 2, "é": 1}[text]


def test_two_that_save_at_the_same_moment_write_two_files(monkeypatch):
    """As two servers over one models folder: both have found the same name to be free."""
    find, meet, calls = folders.new_lora, threading.Barrier(2), itertools.count()

    def together(name):
        path = find(name)
        if next(calls) < 4:  # to look whether the name will do, and to have it: each of both
            meet.wait(10)
        return path

    monkeypatch.setattr(folders, "new_lora", together)
    loras = [{"x.lora_up.weight": torch.full((2, 2), float(value))} for value in (1, 2)]
    with ThreadPoolExecutor(2) as pool:
        names = list(pool.map(lambda lora: save_lora(lora, "race/lora", None, None, False), loras))
    assert len(set(names)) == 2
    for name, lora in zip(names, loras, strict=True):
        assert torch.equal(written(name)[1]["x.lora_up.weight"], lora["x.lora_up.weight"])
    assert not list(written(names[0])[0].parent.glob(".*"))


def test_a_value_that_the_precision_cannot_hold_is_refused_and_nothing_is_written(run):
    large = {name: tensor * 1e6 for name, tensor in run.lora().items()}
    before = set(folders.loras().rglob("*"))
    with pytest.raises(ValueError, match=r"weight has .*too large for precision = 'fp16'.*fp32"):
        save_lora(large, "c/large", run, None, False, Form(precision="fp16"))
    assert set(folders.loras().rglob("*")) == before
    for precision in ("bf16", "fp32"):
        assert save_lora(large, "c/large", run, None, False, Form(precision=precision))


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_a_smaller_file_holds_the_same_lora(run, precision):
    full = written(save_lora(run.lora(), "c/lora", run, None, False))[1]
    half = written(save_lora(run.lora(), "c/half", run, None, False, Form(precision=precision)))[1]
    assert half.keys() == full.keys()
    kinds = {key.endswith(".alpha"): tensor.dtype for key, tensor in half.items()}
    assert kinds == {True: torch.float32, False: PRECISIONS[precision]}
    assert all(torch.allclose(half[k].float(), full[k], rtol=1e-2, atol=1e-6) for k in full)


def test_for_diffusers_the_names_are_its_own(run):
    _, lora, _ = written(save_lora(run.lora(), "d/lora", run, None, False, Form("diffusers")))
    assert all(key.startswith("transformer.transformer_blocks.") for key in lora)
    with pytest.raises(ValueError, match="needs the run"):
        save_lora(run.lora(), "d/other", None, None, False, Form("diffusers"))


def test_what_diffusers_has_no_form_for_is_named(wires):
    run = train(wires, name="loha", adapter="loha", steps=1)
    with pytest.raises(ValueError, match=r"adapter = 'lora' alone on SD3.*hada"):
        save_lora(run.lora(), "e/lora", run, None, False, Form("diffusers"))
