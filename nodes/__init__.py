"""The canvas face: a schema and a short execute for each node, no logic."""

from comfy_api.latest import ComfyExtension, io

from .dataset import LoadDataset
from .evaluate import EvaluationGrid, GridCell, GridPage
from .inspect import InspectBase
from .load import LoadLoraFile
from .options import (
    AdapterOptions,
    DataOptions,
    MemoryOptions,
    ObjectiveOptions,
    OptimizerOptions,
    SamplingOptions,
    TextOptions,
    ValidationOptions,
)
from .preset import TrainPreset
from .save import SaveLora
from .train import TrainLora

NODES: list[type[io.ComfyNode]] = [
    LoadDataset,
    TrainPreset,
    InspectBase,
    LoadLoraFile,
    TrainLora,
    DataOptions,
    AdapterOptions,
    TextOptions,
    ObjectiveOptions,
    OptimizerOptions,
    ValidationOptions,
    SamplingOptions,
    MemoryOptions,
    SaveLora,
    EvaluationGrid,
    GridCell,
    GridPage,
]


class AtelierExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
