"""LoRA Stack over HTTP: the picture that chained Load LoRA nodes give, and what is refused."""

import asyncio
import json

import numpy as np
import pytest
from PIL import Image

from atelier.training.sweep.client import PromptFailed, connect

from .conftest import native, random_lora, run

ONE, TWO = "stacked/one.safetensors", "stacked/two.safetensors"
PROMPT = "a person with red hair"
ROWS = [{"lora": ONE, "model": 0.8, "text": 0.4}, {"lora": TWO, "model": -0.6}]


@pytest.fixture(scope="module")
def loras(base):
    random_lora(base, ONE, 1)
    random_lora(base, TWO, 2)


def chained():
    """Two Load LoRA nodes, then KSampler and the rest."""
    prompt = native(ONE, 0.8, PROMPT, 3, "chained")
    prompt["10"]["inputs"]["strength_clip"] = 0.4
    second = {"lora_name": TWO, "strength_model": -0.6, "strength_clip": -0.6}
    second |= {"model": ["10", 0], "clip": ["10", 1]}
    prompt["20"] = {"class_type": "LoraLoader", "inputs": second}
    return wired_to("20", prompt)


def stack_node(rows, **wired):
    text = rows if isinstance(rows, str) else json.dumps({"version": 1, "rows": rows})
    return {"class_type": "AtelierLoraStack", "inputs": {"rows": text} | wired}


def stacked(rows, prefix, **more):
    """LoRA Stack and Apply Stack in the place of Load LoRA."""
    prompt = native(ONE, 1, PROMPT, 3, prefix)
    del prompt["10"]
    prompt |= {"30": stack_node(rows)} | more
    inputs = {"model": ["1", 0], "clip": ["1", 1], "stack": ["30", 0]}
    prompt["31"] = {"class_type": "AtelierApplyStack", "inputs": inputs}
    return wired_to("31", prompt)


def wired_to(node, prompt):
    prompt["11"]["inputs"]["clip"] = prompt["12"]["inputs"]["clip"] = [node, 1]
    prompt["14"]["inputs"]["model"] = [node, 0]
    return prompt


def picture(server, base, prompt):
    shown = run(server, prompt)["16"]["images"][0]
    path = base / "output" / shown["subfolder"] / shown["filename"]
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_stack_is_chained_load_lora_pixel_for_pixel(server, base, loras):
    want = picture(server, base, chained())
    assert np.array_equal(picture(server, base, stacked(ROWS, "stack")), want)
    other = json.dumps({
        "lora_1": {"on": True, "lora": ONE, "strength": 0.8, "strengthTwo": 0.4},
        "lora_2": {"on": True, "lora": "two", "strength": -0.6, "strengthTwo": None},
    })  # fmt: skip
    assert np.array_equal(picture(server, base, stacked(other, "rgthree")), want)
    through = stacked([ROWS[1]], "joined", **{"32": stack_node([ROWS[0]])})
    through["30"]["inputs"]["lora_stack"] = ["32", 1]
    assert np.array_equal(picture(server, base, through), want)
    plain = picture(server, base, stacked([], "none"))
    assert np.abs(plain.astype(int) - want).mean() > 1


def test_a_schedule_acts_with_a_plain_ksampler(server, base, loras):
    def drawn(schedule, prefix):
        rows = [{"lora": ONE, "text": 0.0, "schedule": schedule}]
        return picture(server, base, stacked(rows, prefix)).astype(int)

    late, always, never = drawn([[0, 0], [0.5, 1]], "l"), drawn([[0, 1]], "a"), drawn([[0, 0]], "n")
    assert np.array_equal(never, picture(server, base, stacked([], "none")))
    assert 0.1 < np.abs(late - never).mean() != np.abs(always - never).mean() > 0.1


def test_a_file_that_was_written_over_is_read_again(server, base, loras):
    drawn = []
    for seed in (4, 5):
        random_lora(base, "stacked/new.safetensors", seed)
        drawn.append(picture(server, base, stacked([{"lora": "stacked/new.safetensors"}], "over")))
    assert not np.array_equal(*drawn)


def test_what_a_lora_stack_cannot_hold_stops_only_its_users(server, base, loras):
    rows = [{"lora": ONE, "blocks": {"joint_blocks.0": 0.5}}, {"lora": TWO}]
    picture(server, base, stacked(rows, "fits"))  # nobody uses the output
    merge = {"method": "linear", "rank": 0, "density": 0.5, "window": 0.2, "seed": 0}
    merge |= {"filename_prefix": "stacked/merged", "precision": "fp16", "lora_1": "None"}
    merge |= {"strength_1": 1.0, "lora_2": "None", "strength_2": 1.0, "lora_stack": ["30", 1]}
    prompt = {"30": stack_node(rows), "33": {"class_type": "AtelierMergeLoras", "inputs": merge}}
    with pytest.raises(PromptFailed, match=rf"{ONE}.* has block weights, which a LORA_STACK"):
        run(server, prompt)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([{"lora": "../../etc/passwd"}], "There is no LoRA"),
        ([{"lora": "stacked/on.safetensors"}], "stacked/one.safetensors"),
        ([{"lora": ONE, "strength": 1, "x": 1}], "rows → 1 → "),
        ("{" * 10_000, "no JSON"),
        ([{"lora": ONE, "blocks": {"double_blocks.0": 1}}], "joint_blocks"),
    ],
)
def test_rows_of_no_use_are_refused_by_name(server, base, loras, rows, words):
    with pytest.raises(PromptFailed) as failure:
        run(server, stacked(rows, "refused"))
    assert words in str(failure.value) and len(str(failure.value)) < 6000


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        (f"?name={ONE}", {}, 200),
        ("?name=stacked%5Cone.safetensors", {}, 200),
        ("", {}, 404),
        ("?name=..%2F..%2F..%2Fetc%2Fpasswd", {}, 404),
        ("?name=%2Fetc%2Fpasswd", {}, 404),
        ("?name=a%00b", {}, 404),
        ("?name=%E2%80%AEx", {}, 404),
        ("?name=" + "x" * 4000, {}, 404),
        (f"?name={ONE}", {"Origin": "http://elsewhere.example"}, 403),
        (f"?name={ONE}", {"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_a_lora_is_told_to_our_page_only(server, loras, query, headers, status):
    async def go():
        async with connect(server.address) as client:
            address = f"{server.address}/api/atelier/lora{query}"
            async with client.http.get(address, headers=headers) as answer:
                ours = answer.content_type == "application/json"
                return answer.status, await answer.json() if ours else {"error": "ComfyUI's own"}

    found, told = asyncio.run(go())
    assert found == status, told
    if status == 200:
        assert told["trigger_words"] == ["word 1"] and told["ranks"] == [2]
        assert "joint_blocks.0" in told["blocks"] and told["text_encoders"]
    else:
        assert told.keys() == {"error"} and len(told["error"]) <= 500
