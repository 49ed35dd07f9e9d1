import pytest

from atelier.training.sweep.workflow import to_prompt

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
        ({"nodes": [{"id": 1, "type": "Load", "mode": 4}]}, r"Node 1 \(Load\) is bypassed"),
        ({"definitions": {"subgraphs": [{}]}}, "subgraphs"),
    ],
)
def test_what_only_the_page_can_resolve_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        to_prompt(workflow(**changes), INFO)
