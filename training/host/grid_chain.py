"""Sampling by a chain of NOISE, GUIDER, SAMPLER and SIGMAS nodes, for each cell of a grid."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from comfy.samplers import CFGGuider
from comfy_execution.graph_utils import GraphBuilder

from ..evaluation.axes import Axes
from ..evaluation.plan import Cell, Sampling
from ..files import digest
from .behaviour import described

GUIDED, UNGUIDED = "CFGGuider", "BasicGuider"
POSITIVE = "positive"
# Of a guider: what each cell brings itself.
_OWN = ("model_patcher", "model_options", "original_conds", "conds", "inner_model", "loaded_models")


@dataclass(frozen=True)
class Chain:
    """What was wired. Without a `guider`, core's own of this `kind` is made for each cell."""

    sampler: Any
    sigmas: torch.Tensor
    kind: str = GUIDED
    guidance: float = 0.0
    guider: Any = None
    noise: Any = None

    def __post_init__(self) -> None:
        if len(self.sigmas) < 2:
            raise ValueError("sigmas are empty: nothing would be drawn. Wire a scheduler's.")
        conds = getattr(self.guider, "original_conds", {POSITIVE: None})
        if self.guider is not None and not (
            isinstance(self.guider, CFGGuider) and POSITIVE in conds
        ):
            raise ValueError(
                f"guider: a {type(self.guider).__name__} has no prompt of its own that a grid "
                "could change. Wire CFGGuider, DualCFGGuider or BasicGuider, or none."
            )
        if self.noise is not None and not hasattr(self.noise, "seed"):
            raise ValueError(
                f"noise: {type(self.noise).__name__} has no seed that a grid could change. Leave "
                "it out, and each cell has RandomNoise of its seed."
            )

    @property
    def needs_negative(self) -> bool:
        return self.guider is None and self.kind == GUIDED

    def sampling(self, negative: str, cfg: float, width: int, height: int) -> Sampling:
        """As the plan of a grid has it: names for people, and a hash of the chain."""
        named = getattr(self.sampler, "sampler_function", self.sampler)
        name = getattr(named, "__name__", type(named).__name__).removeprefix("sample_")
        own = self.needs_negative
        steps = len(self.sigmas) - 1
        return Sampling(
            negative if own else "",
            steps,
            cfg if own else 1.0,
            name,
            "sigmas",
            width,
            height,
            self._content(),
        )

    def check(self, axes: Axes) -> None:
        """`ValueError` for an axis whose value is wired and the same for all cells."""
        for name in ("steps", "samplers", "schedulers"):
            if getattr(axes, name).strip():
                raise ValueError(
                    f"{name}: they come with the wired sampler and sigmas, the same for all cells. "
                    "Leave the axis empty, or use Evaluation Grid."
                )
        if axes.cfg.strip() and not self.needs_negative:
            raise ValueError(
                "cfg: the guider that is used has its own. Leave the axis empty, or choose "
                f"{GUIDED} and wire no guider."
            )

    def _content(self) -> str:
        parts = [described(self.sampler), described(self.sigmas), self.kind, repr(self.guidance)]
        if self.guider is not None:
            others = {k: v for k, v in self.guider.original_conds.items() if k != POSITIVE}
            parts += [described(self.guider, _OWN), described(others)]
        if self.noise is not None:
            parts.append(described(self.noise, ("seed",)))
        return digest(*parts)

    def sample(
        self, graph: GraphBuilder, cell: Cell, model: Any, positive: Any, negative: Any, latent: Any
    ) -> tuple[Any, Any]:
        """SamplerCustomAdvanced for a cell: links to what it gives, and to the denoised."""
        if self.guidance:
            guided = {"conditioning": positive, "guidance": self.guidance}
            positive = graph.node("FluxGuidance", **guided).out(0)
        if self.guider is not None:
            inputs = {"guider": self.guider, "model": model, POSITIVE: positive}
            guider = graph.node("AtelierGridGuider", **inputs)
        elif self.kind == GUIDED:
            conds = {POSITIVE: positive, "negative": negative, "cfg": cell.sampling.cfg}
            guider = graph.node(GUIDED, model=model, **conds)
        else:
            guider = graph.node(UNGUIDED, model=model, conditioning=positive)
        node = graph.node(
            "SamplerCustomAdvanced",
            noise=self._noise(graph, cell.seed),
            guider=guider.out(0),
            sampler=self.sampler,
            sigmas=self.sigmas,
            latent_image=latent,
        )
        return node.out(0), node.out(1)

    def _noise(self, graph: GraphBuilder, seed: int) -> Any:
        if self.noise is None:
            return graph.node("RandomNoise", noise_seed=seed).out(0)
        own = copy.copy(self.noise)
        own.seed = seed
        return own


def guider_for(guider: Any, model: Any, positive: Any) -> Any:
    """A copy of a GUIDER with another model and prompt; its other conditions stay."""
    own = copy.copy(guider)
    own.model_patcher, own.model_options = model, model.model_options
    own.original_conds = dict(guider.original_conds)
    own.inner_set_conds({POSITIVE: positive})
    return own
