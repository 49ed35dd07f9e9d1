"""What is on the wire, and what a LoRA on it would be: told without training and without a copy."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from comfy.model_patcher import ModelPatcher
from comfy.sd import CLIP
from torch import Tensor, nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from ..adapters.adapter import Adapter
from ..adapters.patterns import Size
from ..config import TrainConfig
from ..families import PURPOSES, facts, find, suited
from ..objective import Prediction
from .dynamic import is_dynamic, own_type
from .family import blocks_of, naming
from .forward import prediction_of as predicted_by
from .linear import is_linear
from .mode import own_randomness
from .text import text_sizes
from .trainable import refuse_untrainable

DEMO = {"depth": 3, "pos_embed_max_size": 64}  # its network is SD3's, which was never this small
SHOWN = 40  # layers that are listed; the rest is counted
_DTYPES = {torch.float32: "fp32", torch.float16: "fp16", torch.bfloat16: "bf16"}
_NAMING = {"kohya": "kohya's way (lora_unet_…)", "native": "ComfyUI's way (diffusion_model.…)"}


@dataclass(frozen=True)
class Base:
    """The MODEL. `stored` counts parameters by precision; `refusal` says why it cannot be trained,
    if it cannot."""

    family: str
    kind: str
    prediction: Prediction | None
    refusal: str
    stored: dict[str, int]
    size: int
    compute: str
    naming: str


@dataclass(frozen=True)
class Trained:
    """The adapter that settings would put on it. `layers` is how many it could sit on."""

    kind: str
    sizes: dict[str, Size]
    shapes: dict[str, tuple[int, ...]]
    layers: int
    parameters: int


def family_of(wired: ModelPatcher) -> str:
    """The key of `FAMILIES` for the MODEL; ComfyUI's name for it where Atelier has none."""
    model = wired.model
    if DEMO.items() <= model.model_config.unet_config.items():
        return "AtelierDemo"
    kinds = (*type(model.model_config).__mro__, *type(model).__mro__)
    return find(kind.__name__ for kind in kinds) or type(model).__name__


def prediction_of(wired: ModelPatcher) -> Prediction:
    """What the MODEL predicts, with the sampling that a node may have put on it.

    Raises `ValueError` for a kind that cannot be trained.
    """
    return predicted_by(wired.get_model_object("model_sampling"), type(wired.model).__name__)


def inspect_base(wired: ModelPatcher) -> Base:
    """All about the MODEL; nothing is loaded, copied or changed."""
    model = wired.model
    prediction, refusal = None, ""
    try:
        prediction = prediction_of(wired)
        refuse_untrainable(model)
    except ValueError as error:
        refusal = str(error)
    stored: Counter[str] = Counter()
    size = 0
    moves = is_dynamic(model)
    for name, tensor in model.diffusion_model.named_parameters():
        layer, _, own = name.rpartition(".")
        kind = own_type(model.diffusion_model.get_submodule(layer), own, tensor) if moves else None
        stored[_name(kind) if kind else _precision(tensor)] += math.prod(tensor.shape)
        parts = [tensor.nelement() * kind.itemsize] if kind else map(_bytes_of, _stored(tensor))
        size += sum(parts)
    compute = model.manual_cast_dtype or model.get_dtype()
    return Base(
        family_of(wired),
        type(model).__name__,
        prediction,
        refusal,
        dict(stored.most_common()),
        size,
        _name(compute),
        naming(model).style,
    )


def inspect_adapter(wired: ModelPatcher, config: TrainConfig) -> Trained:
    """The adapter of `config` on the MODEL, made on a network that has shapes and no weights.

    Raises `ValueError` where the settings fit no layer.
    """
    family = blocks_of(wired.model)
    return _counted(wired.model.diffusion_model, lambda root: Adapter(root, config, family), config)


def inspect_text(wired: CLIP, config: TrainConfig) -> Trained:
    """The same for the text encoders. Raises `ValueError` where there are none to learn."""
    sizes = text_sizes(wired, config)
    make: Make = lambda root: Adapter(root, config, sizes=sizes)  # noqa: E731
    return _counted(wired.cond_stage_model, make, config)


Make = Callable[[nn.Module], Adapter]


def _counted(network: nn.Module, make: Make, config: TrainConfig) -> Trained:
    with torch.inference_mode(False), own_randomness(0):
        root = _without_weights(network, config)
        weights = {name: m.weight for name, m in root.named_modules() if isinstance(m, _LAYERS)}
        adapter = make(root)
        shapes = {name: tuple(weights[name].shape) for name in adapter.sizes}
        parameters = sum(parameter.numel() for parameter in adapter.parameters())
    return Trained(adapter.kind, adapter.sizes, shapes, len(weights), parameters)


_LAYERS = (nn.Linear, nn.Conv2d)


def _without_weights(network: nn.Module, config: TrainConfig) -> nn.Module:
    """The layers of `network` that can be trained, under their names, on torch's meta device."""
    root = nn.Module()
    for name, module in network.named_modules():
        layer = _twin(module)
        if layer is None or (isinstance(layer, nn.Conv2d) and config.targets != "all"):
            continue
        *path, last = name.split(".")
        parent = root
        for part in path:
            if part not in parent._modules:
                parent.add_module(part, nn.Module())
            parent = parent.get_submodule(part)
        parent.add_module(last, layer)
    return root


def _twin(module: nn.Module) -> nn.Linear | nn.Conv2d | None:
    """A layer of the same shape and precision without weights, if an adapter can sit on it."""
    if isinstance(module, nn.Conv2d):
        if module.groups != 1:
            return None
        sizes = (module.in_channels, module.out_channels, module.kernel_size)
        twin: nn.Linear | nn.Conv2d = nn.Conv2d(*sizes, bias=False, device="meta")  # pyright: ignore
    elif is_linear(module):
        sizes = (module.in_features, module.out_features)
        twin = nn.Linear(*sizes, bias=False, device="meta")  # pyright: ignore[reportArgumentType]
    else:
        return None
    weight: Tensor = module.weight  # pyright: ignore[reportAssignmentType]
    empty = torch.empty(twin.weight.shape, dtype=weight.dtype, device="meta")
    twin.weight = nn.Parameter(empty, requires_grad=False)
    return twin


def _stored(tensor: Tensor) -> list[Tensor]:
    """The tensors that lie in memory: a quantised one is made of several."""
    if is_traceable_wrapper_subclass(tensor):
        return [getattr(tensor, name) for name in tensor.__tensor_flatten__()[0]]
    return [tensor]


def _bytes_of(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes()


def _precision(tensor: Tensor) -> str:
    packed = getattr(tensor, "tensor_type", None)  # of GGUF: Q8_0 and so on
    return getattr(packed, "name", None) or _name(_stored(tensor)[0].dtype)


def _name(dtype: torch.dtype) -> str:
    return _DTYPES.get(dtype, str(dtype).removeprefix("torch.").replace("float8", "fp8"))


def describe_base(base: Base) -> str:
    """What a person wants to know of it before a training."""
    known = facts(base.family)
    stored = ", ".join(f"{_count(n)} parameters in {name}" for name, n in base.stored.items())
    suits = ", ".join(PURPOSES[purpose] for purpose in known.suits) or "not known here"
    lines = [
        f"Family: {known.name} ({base.kind})",
        f"Prediction: {base.prediction or 'of a kind that cannot be trained'}",
        f"Weights: {stored}; {_bytes(base.size)} in memory",
        f"ComfyUI computes in {base.compute}",
        f"Made for pictures of about {known.resolution} x {known.resolution} pixels",
        f"Licence: {known.licence}. A model that someone made from it may have another: see its "
        "page.",
        f"Is said to suit: {suits}",
        *(f"For {PURPOSES[p]} rather: {', '.join(others)}" for p, others in _better(known.suits)),
        f"A LoRA file names its layers {_NAMING[base.naming]}",
        f"Can be trained here: {f'no. {base.refusal}' if base.refusal else 'yes'}",
    ]
    return "\n".join(lines + ([f"Note: {known.note}"] if known.note else []))


def _better(suits: Iterable[str]) -> list[tuple[str, list[str]]]:
    return [(purpose, suited(purpose)) for purpose in PURPOSES if purpose not in suits]


def describe_adapter(trained: Trained, of: int, what: str = "Adapter") -> str:
    """Which layers learn, what share that is `of` all, and how large the file will be (fp32)."""
    share = 100 * trained.parameters / max(1, of)
    names = list(trained.sizes)
    more = len(names) - SHOWN
    lines = [
        f"{what}: {trained.kind} on {len(names)} of {trained.layers} layers, "
        f"{trained.parameters:,} parameters ({share:.2g} % of the base's)",
        f"File: about {_bytes(4 * trained.parameters)}, half of that in fp16 or bf16",
        *(_line(name, trained) for name in names[:SHOWN]),
        *([f"… and {more} more"] if more > 0 else []),
    ]
    return "\n".join(lines)


def _line(name: str, trained: Trained) -> str:
    rank, shape = trained.sizes[name].rank, trained.shapes[name]
    return f"  {name}  {' x '.join(map(str, shape))}, rank {rank}"


def describe(wired: ModelPatcher, config: TrainConfig, clip: CLIP | None = None) -> str:
    """All of it as one text; settings that fit no layer are told in it."""
    base = inspect_base(wired)
    parts = [describe_base(base)]
    try:
        adapter = inspect_adapter(wired, config)
        parts.append(describe_adapter(adapter, sum(base.stored.values())))
        parts += _describe_text(clip, config)
    except ValueError as error:
        parts.append(f"Adapter: none with these settings. {error}")
    return "\n\n".join(parts)


def _describe_text(clip: CLIP | None, config: TrainConfig) -> list[str]:
    if config.text_encoders == "none":
        return []
    if not clip:
        return ["Text encoders learn too: wire clip to see which of their layers."]
    every = sum(math.prod(tensor.shape) for tensor in clip.cond_stage_model.parameters())
    return [describe_adapter(inspect_text(clip, config), every, "Text encoders")]


def _count(number: int) -> str:
    for limit, unit in ((10**9, "billion"), (10**6, "million"), (10**3, "thousand")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return str(number)


def _bytes(number: int) -> str:
    for limit, unit in ((10**9, "GB"), (10**6, "MB"), (10**3, "kB")):
        if number >= limit:
            return f"{number / limit:.3g} {unit}"
    return f"{number} bytes"
