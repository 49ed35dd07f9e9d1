import pytest

from atelier.training.sweep.workflow import to_prompt, widget_slots

INFO = {
    "Load": {"input": {"required": {"name": [["a", "b"]]}}, "input_order": {"required": ["name"]}},
    "Sample": {
        "input": {
            "required": {
                "model": ["MODEL"],
                "seed": ["INT", {"control_after_generate": True}],
                "steps": ["INT", {}],
                "how": ["COMBO", {"options": ["x"]}],
            },
            "optional": {"text": ["STRING", {"forceInput": True}], "note": ["STRING", {}]},
        },
        "input_order": {
            "required": ["model", "seed", "steps", "how"],
            "optional": ["text", "note"],
        },
        "display_name": "Sampler",
    },
}


def workflow(**changes):
    return {
        "nodes": [
            {"id": 1, "type": "Load", "widgets_values": ["b"]},
            {
                "id": 2,
                "type": "Sample",
                "inputs": [{"name": "model", "link": 7}, {"name": "steps", "link": None}],
                "widgets_values": [5, "randomize", 20, "x", "hello"],
            },
            {"id": 3, "type": "MarkdownNote", "widgets_values": ["words"]},
            {"id": 4, "type": "Load", "mode": 2, "widgets_values": ["a"]},
        ],
        "links": [[7, 1, 0, 2, 0, "MODEL"]],
    } | changes


def test_a_saved_workflow_becomes_a_prompt():
    prompt = to_prompt(workflow(), INFO)
    assert prompt["1"]["inputs"] == {"name": "b"}
    assert prompt["2"]["inputs"] == {
        "model": ["1", 0],
        "seed": 5,
        "steps": 20,
        "how": "x",
        "note": "hello",
    }
    assert prompt["2"]["_meta"]["title"] == "Sampler"
    assert prompt.keys() == {"1", "2"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nodes": [{"id": 1, "type": "Gone"}]}, "no node 'Gone'"),
        ({"nodes": [{"id": 1, "type": "Load", "mode": 1}]}, r"Node 1 \(Load\) runs on an event"),
        ({"nodes": None}, "neither a saved workflow"),
    ],
)
def test_what_only_the_page_can_resolve_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        to_prompt(workflow(**changes), INFO)


PASSING = {
    "nodes": [
        {"id": 1, "type": "Make"},
        {"id": 2, "type": "Change", "mode": 4, "inputs": [{"name": "m", "type": "M", "link": 1}]},
        {"id": 3, "type": "Reroute", "inputs": [{"name": "", "type": "*", "link": 2}]},
        {"id": 4, "type": "Change", "inputs": [{"name": "m", "type": "M", "link": 3}]},
        {"id": 5, "type": "Change", "inputs": [{"name": "m", "type": "M", "link": 4}]},
        {"id": 6, "type": "Make", "mode": 2},
        {"id": 7, "type": "PrimitiveNode", "widgets_values": [12, "fixed"]},
        {"id": 8, "type": "Take", "inputs": [{"name": "n", "type": "INT", "link": 5}]},
    ],
    "links": [
        [1, 1, 0, 2, 0, "M"],
        [2, 2, 0, 3, 0, "M"],
        {"id": 3, "origin_id": 3, "origin_slot": 0, "target_id": 4, "target_slot": 0},
        [4, 6, 0, 5, 0, "M"],
        [5, 7, 0, 8, 0, "INT"],
    ],
}
KINDS = {
    "Make": {"input": {"required": {}}, "input_order": {}},
    "Change": {"input": {"required": {"m": ["M"]}}, "input_order": {"required": ["m"]}},
    "Take": {"input": {"required": {"n": ["INT", {}]}}, "input_order": {"required": ["n"]}},
}


def test_bypassed_reroutes_and_primitives_are_passed_through():
    prompt = to_prompt(PASSING, KINDS)
    assert {number: node["inputs"] for number, node in prompt.items()} == {
        "1": {},
        "4": {"m": ["1", 0]},
        "5": {},  # what it was wired to is muted
        "8": {"n": 12},
    }


def test_a_choice_that_is_called_fixed_is_no_control_of_the_number_before_it():
    info = {
        "input": {"required": {"count": ["INT", {}], "how": [["fixed", "free"]]}},
        "input_order": {"required": ["count", "how"]},
    }
    assert widget_slots({"widgets_values": [3, "fixed"]}, info) == {"count": 0, "how": 1}
