"""A grid's missing cells as a graph of ComfyUI's own nodes, which ComfyUI runs as any other."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP, VAE
from comfy_execution.graph_utils import GraphBuilder
from torch import Tensor

from ..evaluation.plan import Cell, GridPlan
from ..files import digest
from .fingerprint import fingerprint, state_digest, text_fingerprint


@dataclass(frozen=True)
class Subject:
    """What a grid shows: a LoRA (as LORA_MODEL) on a base."""

    model: ModelPatcher
    clip: CLIP
    vae: VAE
    lora: dict[str, Tensor]

    def fingerprint(self, prompts: Iterable[str]) -> str:
        """Hash of all four, and of the embeddings that `prompts` name: the part of a cell's key
        that is not in its settings.
        """
        model, vae = fingerprint(self.model), fingerprint(self.vae.patcher)
        return digest(model, text_fingerprint(self.clip, prompts), vae, state_digest(self.lora))


def grid_graph(
    plan: GridPlan, cells: Sequence[Cell], subject: Subject
) -> tuple[dict[str, Any], list[Any]]:
    """The graph for `cells` and the page after them: (graph for `expand`, link to the page).

    Load LoRA, CLIP Text Encode, Empty Latent Image, KSampler and VAE Decode are core's; cells run
    one after another, so that a cancelled grid goes on with the first that is missing.
    """
    graph, how = GraphBuilder(), plan.sampling

    @cache
    def model(strength: float) -> Any:
        if not strength:
            return subject.model
        loader = graph.node(
            "LoraModelLoader", model=subject.model, lora=subject.lora, strength_model=strength
        )
        return loader.out(0)

    @cache
    def text(prompt: str) -> Any:
        return graph.node("CLIPTextEncode", clip=subject.clip, text=prompt).out(0)

    @cache
    def latent() -> Any:
        size = {"width": how.width, "height": how.height, "batch_size": 1}
        return graph.node("EmptyLatentImage", **size).out(0)

    before: dict[str, Any] = {}
    for number, cell in enumerate(cells, start=1):
        sampled = graph.node(
            "KSampler",
            model=model(cell.strength),
            positive=text(cell.prompt),
            negative=text(how.negative),
            latent_image=latent(),
            seed=cell.seed,
            steps=how.steps,
            cfg=how.cfg,
            sampler_name=how.sampler_name,
            scheduler=how.scheduler,
            denoise=1.0,
        )
        picture = graph.node("VAEDecode", samples=sampled.out(0), vae=subject.vae)
        kept = graph.node(
            "AtelierGridCell",
            image=picture.out(0),
            cell=cell,
            progress=f"{number} of {len(cells)} pictures",
            **before,
        )
        before = {"after": kept.out(0)}
    page = graph.node("AtelierGridPage", plan=plan, **before)
    return graph.finalize(), page.out(0)
