"""A tagger in the WD14 format that knows colours: its scores can be worked out by hand."""

import csv
import importlib
from typing import Any

import numpy as np

TAGS = [  # name, category, and how much of red, green and blue it wants
    ("general", 9, (0, 0, 0)),
    ("explicit", 9, (-9, -9, -9)),
    ("red_hat", 0, (9, -9, -9)),
    ("grass", 0, (-9, 9, -9)),
    ("sky", 0, (-9, -9, 9)),
    ("^_^", 0, (3, -3, -3)),
    ("bow_(object)", 0, (2, -2, -2)),
    ("miku_(append)", 4, (-9, 9, -9)),
    ("some_artist", 1, (9, -9, -9)),
]


def make_tagger(folder, name="model", tags=TAGS, size=32, channels_last=True):
    """`sigmoid(weights · mean colour)`, from pixels in BGR and 0..255; the pad is counted too."""
    onnx: Any = importlib.import_module("onnx")
    helper, numpy_helper, kind = onnx.helper, onnx.numpy_helper, onnx.TensorProto.FLOAT
    shape = ["N", size, size, 3] if channels_last else ["N", 3, size, size]
    weights = np.array([wants for *_, wants in tags], np.float32)[:, ::-1].T / 255
    axes = numpy_helper.from_array(np.array([1, 2] if channels_last else [2, 3], np.int64), "axes")
    inner = numpy_helper.from_array(np.ascontiguousarray(weights), "weights")
    nodes = [
        helper.make_node("ReduceMean", ["input", "axes"], ["mean"], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["logits"]),
        helper.make_node("Sigmoid", ["logits"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tagger",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info("scores", kind, ["N", len(tags)])],
        [axes, inner],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    folder.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(folder / f"{name}.onnx"))
    write_tags(folder / ("selected_tags.csv" if name == "model" else f"{name}.csv"), tags)


def write_tags(file, tags=TAGS):
    with file.open("w", encoding="utf-8", newline="") as text:
        lines = csv.writer(text)
        lines.writerow(["tag_id", "name", "category", "count"])
        lines.writerows([number, name, kind, 1] for number, (name, kind, _) in enumerate(tags))
