"""Prompts and requests that no honest page would send, to a real server."""

import asyncio
import pickle
import re
from pathlib import Path

import pytest
from PIL import Image

from atelier.tests.hostile import made
from atelier.tests.hostile.counted import snapshot
from atelier.training.sweep.client import PromptFailed, connect

from .conftest import grid, loader, run, training

NAN = made.tensors({"the bad one": made.entry([1], 0, 4)}, b"\xff\xff\xff\x7f")
FILES = {
    "good.safetensors": made.tensors({"a.alpha": made.entry([], 0, 4)}, bytes(4)),
    "nan.safetensors": NAN,
    "lying.safetensors": made.tensors({"a": made.entry([2**40], 0, 2**42)}),
    "renamed.safetensors": pickle.dumps({"a": 1}),
    "pickle.pt": pickle.dumps({"a": 1}),
}


@pytest.fixture(scope="module")
def ground(base, tmp_path_factory):
    """The server's folders with bad files in them, before it lists them."""
    outside = tmp_path_factory.mktemp("outside")
    Image.new("RGB", (64, 64)).save(outside / "a.png")
    (outside / "a.txt").write_text("a secret")
    bad = base / "input" / "bad"
    bad.mkdir()
    (bad / "bomb.png").write_bytes(made.png(60_000, 60_000))
    (bad / "cut.jpg").write_bytes(made.encoded(made.noise(), "JPEG")[:60])
    (bad / "text.webp").write_bytes(b"text")
    (bad / "good.png").write_bytes(made.encoded(made.quarters(), "PNG"))
    (bad / "good.txt").write_bytes(b"a\0b")
    linked = base / "input" / "linked"
    linked.mkdir()
    (linked / "a.png").symlink_to(outside / "a.png")
    (linked / "a.txt").write_text("a hat")
    (base / "input" / "way-out").symlink_to(outside)
    loras = base / "models" / "loras"
    for name, data in FILES.items():
        (loras / name).write_bytes(data)
    return base


def kept(base: Path) -> dict[str, str]:
    """All of the server's folders but its own logs and database, and what a listing was."""
    listing = r"__atelier(/cache(/listing(/.*)?)?)?$"
    own = re.compile(rf"user/(server-\d+\.log|comfyui\.(db|log|prev)|.*\.lock|{listing})")
    return {path: what for path, what in snapshot(base).items() if not own.match(path)}


def dataset(folder, caption=""):
    inputs = {"folder": folder, "default_caption": caption}
    prompt = training()
    prompt["2"]["inputs"] |= inputs
    return prompt


def from_file(lora, prefix="x"):
    """Load LoRA File straight into Save LoRA: no model is needed."""
    return {
        "6": {"class_type": "AtelierLoadLoraFile", "inputs": {"lora_name": lora}},
        "4": {
            "class_type": "AtelierSaveLora",
            "inputs": {"lora": ["6", 0], "filename_prefix": prefix, "share_safely": False},
        },
    }


def of_grid(**changes):
    """An evaluation grid of a LoRA file."""
    prompt = {"1": loader(), "6": from_file("good.safetensors")["6"]} | grid(**changes)
    prompt["5"]["inputs"]["lora"] = ["6", 0]
    return prompt


DATASET, TRAIN, SAVE, LOAD = "AtelierLoadDataset", "AtelierTrainLora", "AtelierSaveLora", "LoadLora"
OUTSIDE = "lies outside the folders that may be read"
PROMPTS = {
    "a folder above": (dataset("../user"), DATASET, "/user", OUTSIDE),
    "a folder of the system": (dataset("/etc"), DATASET, "/etc", OUTSIDE),
    "a drive": (dataset("C:\\Windows\\System32"), DATASET, "C:\\Windows", OUTSIDE),
    "a network disk": (dataset("\\\\server\\share"), DATASET, "\\\\server\\share", OUTSIDE),
    "a network disk with slashes": (dataset("//server/share"), DATASET, "//server", OUTSIDE),
    "a link out": (dataset("way-out"), DATASET, "outside", OUTSIDE),
    "a linked picture": (dataset("linked"), DATASET, "linked/a.png", "is a link to a file outside"),
    "NUL in a path": (dataset("a\0b"), DATASET, "a\\x00b", "cannot be the path"),
    "half a character": (dataset("\ud800"), DATASET, "\\ud800", "cannot be the path"),
    "a path of 100 kB": (dataset("x" * 100_000), DATASET, "xxx", "cannot be the path"),
    "many bad files": (
        dataset("bad"), DATASET,
        "bomb.png is too large", "cut.jpg", "text.webp", "good.txt holds NUL",
    ),
    "a default caption of 1 MB": (dataset("linked", "x" * 2**20), DATASET, "default_caption"),
    "a LoRA that is not listed": (from_file("../../../etc/passwd"), LOAD, "etc/passwd"),
    "a LoRA of NaN": (from_file("nan.safetensors"), LOAD, "nan.safetensors", "the bad one"),
    "a LoRA that lies": (from_file("lying.safetensors"), LOAD, "lying.safetensors is damaged"),
    "a pickle": (from_file("pickle.pt"), LOAD, "pickle.pt is not a .safetensors"),
    "a renamed pickle": (from_file("renamed.safetensors"), LOAD, "renamed.safetensors is damaged"),
    "a prefix above": (from_file("good.safetensors", "../../x"), SAVE, "../../x", "file name"),
    "a full prefix": (from_file("good.safetensors", "/tmp/x"), SAVE, "/tmp/x", "file name"),
    "a device": (from_file("good.safetensors", "a/CON.txt"), SAVE, "a/CON.txt", "file name"),
    "a turned prefix": (from_file("good.safetensors", "a\u202eb"), SAVE, "a\\u202eb", "file name"),
    "a run above": (training(name="../../x"), TRAIN, "../../x", "file name"),
    "a grid above": (of_grid(name=".."), "AtelierEvaluationGrid", "grid name '..'"),
    "steps of text": (training(steps="many"), TRAIN, "steps", "many"),
    "steps below 0": (training(steps=-1), TRAIN, "steps", "-1"),
    "a seed too large": (training(seed=2**70), TRAIN, "seed", str(2**70)),
}  # fmt: skip


def fails(server, prompt):
    with pytest.raises(PromptFailed) as failure:
        run(server, prompt)
    return str(failure.value)


@pytest.mark.parametrize("name", PROMPTS)
def test_a_hostile_prompt_is_refused_by_node_and_value(ground, server, name):
    prompt, *words = PROMPTS[name]
    before = kept(ground)
    text = fails(server, prompt)
    missing = [word for word in words if word.lower() not in text.lower()]
    assert not missing, text
    assert "Traceback" not in text and "a secret" not in text and len(text) < 6000
    assert kept(ground) == before
    assert server.process.poll() is None


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/atelier/runs/no-such-run/stop", {}, 404),
        ("/api/atelier/runs/no-such-run/stop", {}, 404),
        ("/atelier/runs/..%2F..%2Fx/stop", {}, 400),
        ("/atelier/runs/CON/stop", {}, 400),
        ("/atelier/runs/a%00b/stop", {}, 400),
        ("/atelier/runs/%E2%80%AEx/stop", {}, 400),
        ("/atelier/runs/" + "x" * 2000 + "/stop", {}, 400),
        ("/atelier/runs/x/stop", {"Origin": "http://elsewhere.example"}, 403),
        ("/atelier/runs/x/stop", {"Sec-Fetch-Site": "cross-site"}, 403),
        ("/atelier/runs/x/stop", {"Origin": "null"}, 403),
    ],
)
def test_a_hostile_request_is_refused(server, path, headers, status):
    async def go():
        async with connect(server.address) as client:
            address = f"{server.address}{path}"
            async with client.http.post(address, headers=headers, json={"a": [1] * 9}) as answer:
                return answer.status, await answer.text()

    found, text = asyncio.run(go())
    assert found == status, text
    assert len(text) < 1000


def test_afterwards_a_normal_prompt_works(ground, server):
    assert run(server, training(name="after", steps=1))["4"]["text"]
    assert run(server, from_file("good.safetensors", "copied"))["4"]["text"]
