"""The help pages: one for each node, and nothing that can be set is missing on them."""

from pathlib import Path

import pytest
from pydantic_core import PydanticUndefined

from atelier.nodes import NODES
from atelier.training.captions.settings import CaptionEdits, LintSettings
from atelier.training.curation.settings import CurationSettings
from atelier.training.evaluation.axes import Axes
from atelier.training.evaluation.contenders import Limits
from atelier.training.evaluation.prompts import SuiteSettings
from atelier.training.settings.adapter import AdapterSettings
from atelier.training.settings.basic import BasicSettings
from atelier.training.settings.data import DataSettings
from atelier.training.settings.memory import MemorySettings
from atelier.training.settings.objective import ObjectiveSettings
from atelier.training.settings.optimizer import OptimizerSettings
from atelier.training.settings.sampling import SamplingSettings
from atelier.training.settings.text import TextSettings
from atelier.training.settings.validation import ValidationSettings
from atelier.training.settings.words import WordSettings

DOCS = Path(__file__).resolve().parents[2] / "web" / "docs"
GROUPS = {
    "AtelierCurate": CurationSettings,
    "AtelierDataOptions": DataSettings,
    "AtelierAdapterOptions": AdapterSettings,
    "AtelierTextEncoderOptions": TextSettings,
    "AtelierWordOptions": WordSettings,
    "AtelierObjectiveOptions": ObjectiveSettings,
    "AtelierOptimizerOptions": OptimizerSettings,
    "AtelierValidationOptions": ValidationSettings,
    "AtelierSamplingOptions": SamplingSettings,
    "AtelierMemoryOptions": MemorySettings,
    "AtelierEditCaptions": CaptionEdits,
    "AtelierLintCaptions": LintSettings,
    "AtelierRecommend": Limits,
    "AtelierGridAxes": Axes,
    "AtelierPromptSuite": SuiteSettings,
}
SETTINGS = [(page, name) for page, group in GROUPS.items() for name in group.model_fields]
SCHEMAS = {schema.node_id: schema for schema in (node.define_schema() for node in NODES)}
# Parts are what Evaluation Grid unfolds into; nobody places them.
PLACED = [name for name, schema in SCHEMAS.items() if not schema.category.endswith("/Parts")]


def page(name):
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PLACED)
def test_every_node_has_a_page_under_its_name(name):
    assert page(name).startswith(f"# {SCHEMAS[name].display_name}\n")


def test_every_page_has_a_node():
    assert {path.stem for path in DOCS.glob("*.md")} <= SCHEMAS.keys()


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_setting_stands_on_its_page_with_its_default(name, setting):
    default = GROUPS[name].model_fields[setting].default
    assert default is not PydanticUndefined
    assert f"\n| `{setting}` | {shown(default)} | " in page(name)


@pytest.mark.parametrize("setting", BasicSettings.model_fields)
def test_every_basic_setting_stands_on_the_page_of_train_lora(setting):
    assert f"\n| `{setting}` | " in page("AtelierTrainLora")


@pytest.mark.parametrize(
    "name",
    [
        *("TrainPreset", "BasicOptions", "InspectBase", "LoadLoraFile", "ImagesDataset"),
        "ResumeRun",
        *("LoraStack", "AddLoraToStack", "ApplyStack"),
        *("EvaluationGridAdvanced", "GridLoras", "ScoreGrid", "Recommend"),
        *("CaptionTagger", "CaptionVision", "CaptionClip", "CaptionEndpoint"),
    ],
)
def test_every_input_stands_on_its_page(name):
    name = f"Atelier{name}"
    assert SCHEMAS[name].inputs
    for one in SCHEMAS[name].inputs:
        assert f"\n| `{one.id}` | " in page(name)


def test_what_has_never_run_on_a_gpu_says_so_on_node_and_page():
    """Every memory setting. Whoever has run one takes it out here, with its measurement."""
    for name, field in MemorySettings.model_fields.items():
        assert "ever run on a GPU yet" in str(field.description), name
        (told,) = [line for line in page("AtelierMemoryOptions").splitlines() if "GPU" in line]
        assert f"`{name}`" in told.partition("have never run")[0], name
    line = next(
        line for line in page("AtelierOptimizerOptions").splitlines() if "adamw_8bit`," in line
    )
    assert "Run on a CPU only so far" in line


def shown(default):
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, str):
        return f"`{default}`" if default else "empty"
    return f"{default:g}"
