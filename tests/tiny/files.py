"""Files with random weights, and ComfyUI loading them.

ComfyUI's own detection says what family a state dict is of. Some of what it takes for granted (head
counts, widths) is that of the full-size model; `load` puts ours in its place afterwards.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import comfy.sd
import torch
from comfy import model_detection
from comfy.model_patcher import ModelPatcher

Shapes = Mapping[str, tuple[int, ...]]
State = dict[str, torch.Tensor]
LOAD = {"convert", "metadata", "dtype", "custom_operations", "fp8_optimizations"}  # for `load`


def random_weights(
    module: torch.nn.Module, seed: int, dtype: torch.dtype = torch.float32
) -> dict[str, torch.Tensor]:
    """A state dict for `module` whose layers neither die nor explode."""
    dice = torch.Generator().manual_seed(seed)
    state = {}
    name_weights(module)
    for name, tensor in module.state_dict().items():
        noise = torch.randn(tensor.shape, generator=dice)
        fan_in = tensor.shape[1:].numel() if tensor.ndim > 1 else 1
        scale = 0.02 if tensor.ndim < 2 else fan_in**-0.5
        one = tensor.ndim == 1 and name.endswith(("weight", "scale"))
        state[name] = (noise * scale + (1.0 if one else 0.0)).to(dtype)
    return state


def name_weights(module: torch.nn.Module) -> None:
    """With DynamicVRAM ComfyUI's linear layers have no weights until a file is loaded."""
    for layer in module.modules():
        if isinstance(layer, torch.nn.Linear) and layer.weight is None:
            empty = torch.empty(layer.out_features, layer.in_features, device="meta")
            layer.weight = torch.nn.Parameter(empty, requires_grad=False)
            if getattr(layer, "comfy_need_lazy_init_bias", False):
                layer.bias = torch.nn.Parameter(empty[:, 0], requires_grad=False)


def load(
    state: State,
    shown: Shapes | None = None,
    sizes: Mapping[str, Any] | None = None,
    convert: Callable[[State], State] = dict,
    metadata: Callable[[State], dict[str, str]] | None = None,
    **options: Any,
) -> ModelPatcher:
    """Load a file's contents as loader nodes do.

    `shown` are shapes that detection sees instead of the file's; `sizes` is what it then says.
    `convert` makes the file of what is in fp32, `metadata` what stands in its header; `options` are
    the loader's `model_options`.
    """
    file = convert(dict(state))
    with torch.inference_mode(), _small(shown or {}, sizes or {}):
        model = comfy.sd.load_diffusion_model_state_dict(
            {key: tensor.clone() for key, tensor in file.items()},
            model_options=options,
            metadata=metadata(state) if metadata else None,
        )
    assert model, "ComfyUI did not recognise the tiny model"
    missing = dict(model.model.diffusion_model.named_parameters()).keys() - file.keys()
    assert not missing, f"ComfyUI built another network: it also has {missing}"
    return model


@contextmanager
def _small(shown: Shapes, sizes: Mapping[str, Any]) -> Iterator[None]:
    detect = model_detection.detect_unet_config
    match = model_detection.model_config_from_unet_config

    def detect_full(state: Any, *more: Any, **named: Any) -> Any:
        full = {key: torch.empty(shape, device="meta") for key, shape in shown.items()}
        return detect({**state, **full}, *more, **named)

    def match_small(*more: Any, **named: Any) -> Any:
        config = match(*more, **named)
        if config:
            config.unet_config.update(sizes)
        return config

    with (
        mock.patch.object(model_detection, "detect_unet_config", detect_full),
        mock.patch.object(model_detection, "model_config_from_unet_config", match_small),
    ):
        yield


_WIDTHS = (
    *("context_dim", "context_in_dim", "cap_feat_dim", "joint_attention_dim", "cond_seq_dim"),
    *("text_feat_dim", "crossattn_emb_channels", "in_text_dim", "text_in_dim"),
    *("llm_features_dim", "text_dim", "instruction_feat_dim"),
)


def caption(model: ModelPatcher, seed: int, tokens: int = 77) -> list[Any]:
    """CONDITIONING with random contents, of the shape that this model wants."""
    dice = torch.Generator().manual_seed(seed)
    config = model.model.model_config.unet_config
    kind = type(model.model).__name__
    sizes = [config[key] for key in (*_WIDTHS, "caption_channels") if config.get(key)]
    width = sizes[0] if sizes else {"HunyuanDiT": 1024, "StableCascade_C": 1280}.get(kind, 4096)
    width = width[0] if isinstance(width, list) else width
    if kind == "Krea2":  # layers of the text encoder, side by side
        width = config["txtlayers"] * config["txtdim"]
    if kind == "Lens":
        width = len(config["selected_layer_index"]) * config["enc_hidden_dim"]
    text = torch.randn(1, tokens, width, generator=dice)
    pooled_width = {"SD3": 2048, "Flux": 768, "HiDream": 2048, "Kandinsky5Image": 768}.get(
        kind, 1280
    )
    pooled = torch.randn(1, pooled_width, generator=dice)
    return [[text, {"pooled_output": pooled} | _more(kind, text, dice)]]


def _more(kind: str, text: torch.Tensor, dice: torch.Generator) -> dict[str, torch.Tensor]:
    """What text encoders of some families give besides, for a caption `text` `[1, L, D]`."""
    tokens = torch.ones(text.shape[:2], dtype=torch.long)
    if kind == "HiDream":  # [1, layers, L, D]
        layers = torch.randn(1, 2, *text.shape[1:], generator=dice)
        return {"conditioning_llama3": layers}
    if kind in ("Omnigen2", "Boogu", "Lens"):
        return {"attention_mask": tokens}
    if kind == "HiDreamO1":  # it reads words, of which the last says what time it is
        ids = torch.randint(151643, tokens.shape, generator=dice)
        ids[:, -1] = 151673
        return {"text_input_ids": ids}
    if kind == "Anima":  # the same words for T5, in other pieces
        pieces = len(tokens[0]) + 3
        ids = torch.randint(32128, (pieces,), generator=dice)
        return {"t5xxl_ids": ids, "t5xxl_weights": torch.ones(pieces)}
    if kind == "HunyuanDiT":
        return {
            "attention_mask": tokens,
            "conditioning_mt5xl": torch.randn(1, 256, 2048, generator=dice),
            "attention_mask_mt5xl": torch.ones(1, 256, dtype=torch.long),
        }
    return {}
