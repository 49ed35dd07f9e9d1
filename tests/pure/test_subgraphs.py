"""Workflows with subgraphs: their prompts, and where the values of inputs lie."""

import copy
import json
from pathlib import Path

import pytest

from atelier.training.sweep.axes import Asked
from atelier.training.sweep.places import inside, place_of
from atelier.training.sweep.plan import Sweep, make_sweep
from atelier.training.sweep.workflow import slots_of, to_prompt

INFO = {
    "Load": {"input": {"required": {"name": [["a", "b"]]}}, "input_order": {"required": ["name"]}},
    "Change": {
        "input": {"required": {"m": ["M"], "by": ["INT", {}]}},
        "input_order": {"required": ["m", "by"]},
    },
    "Save": {
        "input": {"required": {"m": ["M"], "to": ["STRING", {}]}},
        "input_order": {"required": ["m", "to"]},
    },
}


def wired(name, kind, link, widget=False):
    return {"name": name, "type": kind, "link": link} | (
        {"widget": {"name": name}} if widget else {}
    )


def link(number, origin, place, target, slot, kind="M"):
    names = ("id", "origin_id", "origin_slot", "target_id", "target_slot", "type")
    return dict(zip(names, (number, origin, place, target, slot, kind), strict=True))


# In: m, and `by`, which feeds the Change. A muted Change and a reroute besides. Out: m.
INNER = {
    "id": "inner",
    "name": "Changing",
    "inputs": [{"name": "m", "type": "M", "linkIds": [1]}, {"name": "amount", "linkIds": [2]}],
    "outputs": [{"name": "m", "type": "M", "linkIds": [4]}],
    "nodes": [
        {"id": 3, "type": "Change", "widgets_values": [1],
         "inputs": [wired("m", "M", 1), wired("by", "INT", 2, True)]},
        {"id": 4, "type": "Reroute", "inputs": [wired("", "*", 3)]},
        {"id": 5, "type": "Change", "mode": 2, "widgets_values": [9],
         "inputs": [wired("m", "M", 5)]},
    ],
    "links": [
        link(1, -10, 0, 3, 0), link(2, -10, 1, 3, 1, "INT"), link(3, 3, 0, 4, 0),
        link(4, 4, 0, -20, 0), link(5, 3, 0, 5, 0),
    ],
}  # fmt: skip
# In: m, and `amount`, passed on to the inner one. Its own Save shows `to` as a widget.
OUTER = {
    "id": "outer",
    "name": "Both",
    "inputs": [{"name": "m", "type": "M", "linkIds": [1]}, {"name": "amount", "linkIds": [2]}],
    "outputs": [{"name": "m", "type": "M", "linkIds": [3]}],
    "nodes": [
        {"id": 7, "type": "inner", "widgets_values": [2],
         "inputs": [wired("m", "M", 1), wired("amount", "INT", 2, True)]},
        {"id": 8, "type": "Save", "widgets_values": ["file"], "inputs": [wired("m", "M", 4)]},
    ],
    "links": [
        link(1, -10, 0, 7, 0), link(2, -10, 1, 7, 1, "INT"), link(3, 7, 0, -20, 0),
        link(4, 7, 0, 8, 0),
    ],
}  # fmt: skip


def workflow():
    shows = {"properties": {"proxyWidgets": [["-1", "amount"], ["8", "to"]]}}
    return copy.deepcopy(
        {
            "nodes": [
                {"id": 1, "type": "Load", "widgets_values": ["b"]},
                {"id": 20, "type": "outer", "widgets_values": [5, None],
                 "inputs": [wired("m", "M", 10)], **shows},
                {"id": 21, "type": "outer", "widgets_values": [6, "other"],
                 "inputs": [wired("m", "M", 11)], **shows},
                {"id": 22, "type": "inner", "mode": 4, "widgets_values": [7],
                 "inputs": [wired("m", "M", 12)], "outputs": [{"name": "m", "type": "M"}]},
                {"id": 2, "type": "Save", "widgets_values": ["end"],
                 "inputs": [wired("m", "M", 13)]},
            ],
            "links": [
                [10, 1, 0, 20, 0, "M"], [11, 20, 0, 21, 0, "M"], [12, 21, 0, 22, 0, "M"],
                [13, 22, 0, 2, 0, "M"],
            ],
            "definitions": {"subgraphs": [INNER, OUTER]},
        }
    )  # fmt: skip


def test_subgraphs_are_flattened():
    prompt = to_prompt(workflow(), INFO)
    assert {number: node["inputs"] for number, node in prompt.items()} == {
        "1": {"name": "b"},
        "20:7:3": {"m": ["1", 0], "by": 5},
        "20:8": {"m": ["20:7:3", 0], "to": "file"},
        "21:7:3": {"m": ["20:7:3", 0], "by": 6},  # the same subgraph with a value of its own
        "21:8": {"m": ["21:7:3", 0], "to": "other"},
        "2": {"m": ["21:7:3", 0], "to": "end"},  # past the one that is bypassed
    }


def test_a_value_wired_to_a_subgraph_goes_before_what_it_shows():
    graph = workflow()
    graph["nodes"].append({"id": 30, "type": "PrimitiveNode", "widgets_values": [12, "fixed"]})
    graph["nodes"][1]["inputs"].append(wired("amount", "INT", 20, True))
    graph["links"].append([20, 30, 0, 20, 1, "INT"])
    prompt = to_prompt(graph, INFO)
    assert (prompt["20:7:3"]["inputs"]["by"], prompt["21:7:3"]["inputs"]["by"]) == (12, 6)


def test_widgets_in_the_order_of_the_inputs_where_none_are_listed():
    graph = workflow()
    for node in graph["nodes"][1:3]:
        node["properties"] = {}
        node["widgets_values"] = node["widgets_values"][:1]
    prompt = to_prompt(graph, INFO)
    assert [prompt[f"{one}:7:3"]["inputs"]["by"] for one in (20, 21)] == [5, 6]
    assert prompt["21:8"]["inputs"]["to"] == "file"


def test_a_widget_shown_through_two_subgraphs():
    graph = workflow()
    graph["nodes"][1]["properties"] = {"proxyWidgets": [["7", "3: by"], ["8", "to", "8"]]}
    prompt = to_prompt(graph, INFO)
    assert (prompt["20:7:3"]["inputs"]["by"], prompt["21:7:3"]["inputs"]["by"]) == (5, 6)


@pytest.mark.parametrize("mode", [2, 4])
def test_nothing_in_a_subgraph_that_is_left_out_is_queued(mode):
    graph = workflow()
    graph["nodes"][2]["mode"] = mode
    prompt = to_prompt(graph, INFO)
    assert prompt.keys() == {"1", "20:7:3", "20:8", "2"}
    assert prompt["2"]["inputs"].get("m") == (["20:7:3", 0] if mode == 4 else None)


def test_a_subgraph_in_itself_is_refused():
    graph = workflow()
    graph["definitions"]["subgraphs"][0]["nodes"].append({"id": 9, "type": "outer"})
    with pytest.raises(ValueError, match="Node 20:7:9 shows a subgraph inside itself"):
        to_prompt(graph, INFO)


# ------------------------------------------------------------ where values lie


def found(graph, number, name):
    place = place_of(graph, number, name, 0)
    assert place
    return place


def test_a_value_lies_with_the_node_that_shows_its_widget():
    graph = workflow()
    found(graph, "20:7:3", "by").put(50)
    assert graph["nodes"][1]["widgets_values"] == [50, None]
    found(graph, "21:8", "to").put("there")
    assert graph["nodes"][2]["widgets_values"] == [6, "there"]
    assert place_of(graph, "20:8", "to", 0) is None  # of both: a change would be one of the other
    assert found(graph, "1", "name").value == "b" and place_of(graph, "9", "name", 0) is None
    assert slots_of(graph, "20:7:3", INFO) == {"by": 0} and slots_of(graph, "20", INFO) == {}


def test_values_that_are_written_down_by_name_too():
    graph = workflow()
    graph["nodes"][0]["widgets_values_named"] = {"name": "b"}
    found(graph, "1", "name").put("a")
    assert graph["nodes"][0]["widgets_values_named"] == {"name": "a"}


def test_what_a_widget_of_a_subgraph_feeds():
    assert inside(workflow(), "20", "amount") == [("20:7:3", "by")]
    assert inside(workflow(), "20", "to") == inside(workflow(), "1", "name") == []


def test_the_widget_of_a_subgraph_is_swept():
    graph = workflow()
    prompt = to_prompt(graph, INFO)
    asked = [Asked("20", "amount", "10, 11", 0)]
    made = make_sweep("mine", "product", asked, prompt, INFO, workflow=graph)
    assert Sweep.from_json(made.to_json()) == made
    assert made.prompt_of(1)["20:7:3"]["inputs"]["by"] == 11
    assert made.workflow_of(1)["nodes"][1]["widgets_values"] == [11, None]
    assert to_prompt(made.workflow_of(1), INFO) == made.prompt_of(1)


def test_one_widget_may_feed_two_nodes():
    graph = workflow()
    inner = graph["definitions"]["subgraphs"][0]
    inner["nodes"][2] |= {"mode": 0}
    inner["nodes"][2]["inputs"].append(wired("by", "INT", 6, True))
    inner["links"].append(link(6, -10, 1, 5, 1, "INT"))
    prompt = to_prompt(graph, INFO)
    asked = [Asked("20", "amount", "10, 11")]
    made = make_sweep("mine", "product", asked, prompt, INFO, workflow=graph)
    point = made.prompt_of(0)
    assert [point[one]["inputs"]["by"] for one in ("20:7:3", "20:7:5", "21:7:5")] == [10, 10, 6]
    both = [*asked, Asked("20:7:5", "by", "1")]
    with pytest.raises(ValueError, match="is there twice"):
        make_sweep("mine", "product", both, prompt, INFO, workflow=graph)


# ------------------------------------------------------------ as the page does it

# A graph made in ComfyUI's page (by tests/browser/test_subgraphs.py), and what it would queue.
RECORDED = sorted((Path(__file__).resolve().parent.parent / "recorded").glob("subgraphs-*.json"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_it_is_what_the_page_would_queue(path):
    told = json.loads(path.read_text(encoding="utf-8"))
    found, wanted = to_prompt(told["workflow"], told["object_info"]), told["output"]
    # The older page queues nodes of a bypassed subgraph, which nothing then uses.
    unused = wanted.keys() - found.keys()
    assert unused <= {"14:12"} and (not unused or told["frontend"] == "1.32.9")
    assert found == {number: wanted[number] for number in wanted if number not in unused}
    wires = [value for node in found.values() for value in node["inputs"].values()]
    assert not unused & {value[0] for value in wires if isinstance(value, list)}
