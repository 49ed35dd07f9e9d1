"""The canvas face: a schema and a short execute for each node, no logic."""

from comfy_api.latest import ComfyExtension, io

from ..training.host.routes import register
from .bake import BakeCheckpoint
from .caption import CaptionClip, CaptionEndpoint, CaptionTagger, CaptionVision
from .caption_edit import EditCaptions, LintCaptions
from .convert import ConvertLora, ExtractLora, InspectLora, ResizeLora
from .curate import Curate, PreviewTrainingSet, SplitHeldOut
from .dataset import LoadDataset
from .evaluate import EvaluationGrid, EvaluationGridAdvanced
from .evaluate_more import GridAxes, GridLoras
from .evaluate_parts import GridCell, GridGuider, GridPage
from .evaluate_suite import PromptSuite
from .export import ExportDataset
from .images import DatasetFromImages, DatasetToImages
from .influence import WhichPictures
from .inspect import InspectBase
from .interference import LoraInterference
from .judge import RecommendCheckpoint, ScoreGrid
from .load import LoadLoraFile
from .merge import MergeLoras
from .mix import MixDatasets
from .options import (
    AdapterOptions,
    BasicOptions,
    DataOptions,
    MemoryOptions,
    ObjectiveOptions,
    OptimizerOptions,
    SamplingOptions,
    TextOptions,
    ValidationOptions,
    WordOptions,
)
from .preset import TrainPreset
from .report import CompareRuns, Report
from .resume import ResumeRun
from .save import SaveLora
from .ship import ShipLora
from .stack import AddLoraToStack, ApplyStack, LoraStackNode
from .train import TrainLora

NODES: list[type[io.ComfyNode]] = [
    LoadDataset,
    DatasetFromImages,
    MixDatasets,
    DatasetToImages,
    ExportDataset,
    Curate,
    SplitHeldOut,
    PreviewTrainingSet,
    CaptionTagger,
    CaptionVision,
    CaptionClip,
    CaptionEndpoint,
    EditCaptions,
    LintCaptions,
    TrainPreset,
    InspectBase,
    LoadLoraFile,
    TrainLora,
    ResumeRun,
    BasicOptions,
    DataOptions,
    AdapterOptions,
    TextOptions,
    WordOptions,
    ObjectiveOptions,
    OptimizerOptions,
    ValidationOptions,
    SamplingOptions,
    MemoryOptions,
    SaveLora,
    LoraStackNode,
    AddLoraToStack,
    ApplyStack,
    MergeLoras,
    ResizeLora,
    ExtractLora,
    ConvertLora,
    InspectLora,
    LoraInterference,
    BakeCheckpoint,
    ShipLora,
    PromptSuite,
    EvaluationGrid,
    EvaluationGridAdvanced,
    GridLoras,
    GridAxes,
    GridCell,
    GridPage,
    ScoreGrid,
    RecommendCheckpoint,
    GridGuider,
    WhichPictures,
    Report,
    CompareRuns,
]


class AtelierExtension(ComfyExtension):
    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        register()  # here and not in `on_load`, which ComfyUI 0.3.75 does not call
        return NODES
