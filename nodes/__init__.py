"""The canvas face: a schema and a short execute for each node, no logic."""

from comfy_api.latest import ComfyExtension, io

from .dataset import LoadDataset
from .evaluate import EvaluationGrid, GridCell, GridPage
from .options import (
    AdapterOptions,
    DataOptions,
    MemoryOptions,
    ObjectiveOptions,
    OptimizerOptions,
    ValidationOptions,
)
from .save import SaveLora
from .train import TrainLora

NODES: list[type[io.ComfyNode]] = [
    LoadDataset,
    TrainLora,
    DataOptions,
    AdapterOptions,
    ObjectiveOptions,
    OptimizerOptions,
    ValidationOptions,
    MemoryOptions,
    SaveLora,
    EvaluationGrid,
    GridCell,
    GridPage,
]


class AtelierExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        return NODES
