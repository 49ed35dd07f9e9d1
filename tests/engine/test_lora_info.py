"""What a page is told of a LoRA file, and to whom."""

import asyncio
import base64
import io
import json

import folder_paths
import pytest
import torch
from aiohttp.test_utils import make_mocked_request
from PIL import Image
from safetensors.torch import save_file

from atelier.tests.hostile import made
from atelier.training.host import folders
from atelier.training.host.lora_info import lora_info
from atelier.training.host.routes import about_lora
from atelier.training.metadata import THUMBNAIL, thumbnail

LORA = {
    "lora_unet_input_blocks_1_1_proj_in.lora_down.weight": torch.zeros(4, 8),
    "lora_unet_input_blocks_1_1_proj_in.lora_up.weight": torch.zeros(8, 4),
    "lora_unet_input_blocks_1_1_proj_in.alpha": torch.tensor(4.0),
    "lora_unet_middle_block_1_proj_in.lora_down.weight": torch.zeros(4, 8),
    "lora_unet_middle_block_1_proj_in.lora_up.weight": torch.zeros(8, 4),
    "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": torch.zeros(2, 8),
    "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": torch.zeros(8, 2),
}
HEADER = {"modelspec.trigger_phrase": "ohwx hat", "ss_network_dim": "4"}


def write(name="shown", **header):
    path = folders.loras() / f"info-{name}.safetensors"
    save_file(LORA, path, metadata=HEADER | header)
    folder_paths.filename_list_cache.clear()
    return path


def ask(name, **headers):
    headers = {"Host": "127.0.0.1:8188"} | {k.replace("_", "-"): v for k, v in headers.items()}
    request = make_mocked_request("GET", "/atelier/lora", headers=headers)
    request = request.clone(rel_url=request.rel_url.with_query(name=name))
    answer = asyncio.run(about_lora(request))
    return answer.status, json.loads(answer.text or "")


def size(url):
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"))
    return Image.open(io.BytesIO(data)).size


def test_what_hover_shows_is_in_the_answer():
    write(**thumbnail(Image.new("RGB", (900, 450), "red")))
    status, told = ask("info-shown.safetensors")
    assert status == 200
    assert told["trigger_words"] == ["ohwx hat"] and told["settings"] == {"rank": "4"}
    assert told["ranks"] == [4, 2] and told["kinds"] == ["lora"] and told["layers"] == 3
    assert told["blocks"] == ["input_blocks.1", "middle_block.1"] and told["text_encoders"]
    assert told["bytes"] == (folders.loras() / "info-shown.safetensors").stat().st_size
    assert size(told["thumbnail"]) == (256, 128)


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("unet.down_blocks.1.attentions.0.proj_in", "input_blocks.4"),
        ("lora_unet_mid_block_attentions_0_proj_in", "middle_block.1"),
        ("transformer.single_transformer_blocks.3.proj_out", "single_blocks.3"),
        ("diffusion_model.double_blocks.2.img_mlp.0", "double_blocks.2"),
        ("diffusion_model.final_layer.linear", "final_layer"),
    ],
)
def test_blocks_are_told_as_rows_name_them(layer, block):
    path = folders.loras() / "info-blocks.safetensors"
    save_file({f"{layer}.lora_A.weight": torch.zeros(1, 2)}, path)
    folder_paths.filename_list_cache.clear()
    assert lora_info(path.name)["blocks"] == [block]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".preview.png", ".webp"])
def test_a_picture_beside_the_file_will_do(suffix):
    path = write("beside")
    beside = path.with_name(f"info-beside{suffix}")
    Image.new("RGB", (512, 1024), "blue").save(beside)
    assert size(lora_info(path.name)["thumbnail"]) == (128, 256)
    beside.unlink()
    assert lora_info(path.name)["thumbnail"] == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/a.png",
        "data:text/html;base64,PHNjcmlwdD4=",
        "data:image/svg+xml;base64,PHN2Zz4=",
        "data:image/png;base64,!!!",
        "data:image/png;base64,AAAA",
        "data:image/png;base64," + base64.b64encode(made.png(60_000, 60_000)).decode(),
        "data:image/png;base64," + "A" * 2**22,
        "",
    ],
)
def test_a_header_cannot_bring_what_is_no_picture(url):
    path = write("hostile", **{THUMBNAIL: url})
    assert lora_info(path.name)["thumbnail"] == ""


def test_a_picture_that_leads_out_is_not_shown(tmp_path):
    Image.new("RGB", (64, 64)).save(tmp_path / "secret.png")
    path = write("linked")
    path.with_suffix(".png").symlink_to(tmp_path / "secret.png")
    assert lora_info(path.name)["thumbnail"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gone",
        "../../etc/passwd",
        "/etc/passwd",
        "C:\\x",
        "a\x00b",
        "x" * 100_000,
        "\u202e",
        "..",
    ],
)
def test_other_names_are_refused_in_few_words(name):
    write()
    status, told = ask(name)
    assert status == 404 and "There is no LoRA" in told["error"] and len(told["error"]) <= 500


def test_files_of_no_use_are_named():
    (folders.loras() / "info-damaged.safetensors").write_bytes(b"\xff" * 64)
    (folders.loras() / "info-pickle.pt").write_bytes(b"cos\nsystem\n")
    folder_paths.filename_list_cache.clear()
    for name, words in (("damaged.safetensors", "damaged"), ("pickle.pt", "not a .safetensors")):
        status, told = ask(f"info-{name}")
        assert status == 422 and words in told["error"]


def test_other_pages_are_told_nothing():
    write()
    for headers in ({"Origin": "https://elsewhere.example"}, {"Sec_Fetch_Site": "cross-site"}):
        status, told = ask("info-shown.safetensors", **headers)
        assert status == 403 and told.keys() == {"error"}
