"""diffusers' own modules with the weights of a tiny ComfyUI model, and LoRAs on them by peft.

Weights and layer names are converted by diffusers' readers of original checkpoints. Nothing here
comes from Atelier, so that what agrees with it agrees with somebody else.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import comfy.model_management as management
import torch
from comfy.model_patcher import ModelPatcher
from diffusers.loaders.single_file_utils import (
    convert_flux_transformer_checkpoint_to_diffusers,
    convert_ldm_unet_checkpoint,
    convert_sd3_transformer_checkpoint_to_diffusers,
)
from diffusers.models.transformers.transformer_flux import FluxTransformer2DModel
from diffusers.models.transformers.transformer_sd3 import SD3Transformer2DModel
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from peft import LoraConfig
from torch import Tensor

State = dict[str, Tensor]
Lora = dict[str, tuple[Tensor, Tensor]]  # by ComfyUI's layer: A [rank, in], B [out, rank]
Time = Tensor  # [B]: the timestep 0 to 999 for a UNet, sigma in (0, 1) for a flow model

SIZE = 768  # of the picture, in pixels, as SDXL is told


@dataclass(frozen=True)
class Text:
    """Captions after the text encoders: `tokens` `[B, N, C]`, `pooled` `[B, P]`."""

    tokens: Tensor
    pooled: Tensor

    def conditioning(self) -> list[Any]:
        """The same, a ComfyUI CONDITIONING for each."""
        sizes = {"width": SIZE, "height": SIZE}
        each = zip(self.tokens.split(1), self.pooled.split(1), strict=True)
        return [[[tokens, {"pooled_output": pooled} | sizes]] for tokens, pooled in each]


@dataclass(frozen=True)
class Peer:
    """A diffusers network, and which rows of which of ComfyUI's layers each of its layers is."""

    network: Any
    rows: dict[str, tuple[str, Tensor]]
    run: Callable[[Any, Tensor, Time, Text], Tensor]

    def __call__(self, x: Tensor, time: Time, text: Text) -> Tensor:
        """The network's raw output for `x` `[B, C, H, W]`."""
        return self.run(self.network, x, time, text)

    def add_lora(self, lora: Lora, alpha: float) -> None:
        """Put the same LoRA on the same layers, by peft: A on every part of a layer, B by rows."""
        layers = [layer for layer, (whole, _) in self.rows.items() if whole in lora]
        rank = len(next(iter(lora.values()))[0])
        exactly_these = "|".join(map(re.escape, layers))
        config = LoraConfig(
            r=rank,
            lora_alpha=alpha,  # pyright: ignore[reportArgumentType] - fractions work
            target_modules=f"({exactly_these})",
        )
        self.network.requires_grad_(False)
        self.network.add_adapter(config)
        for layer in layers:
            a, b = self._adapter(layer)
            whole, rows = self.rows[layer]
            a.data.copy_(lora[whole][0])
            b.data.copy_(lora[whole][1][rows])

    def gradients(self, lora: Lora) -> Lora:
        """Gradients by ComfyUI's layers: A is shared by the parts of a layer, so theirs add up."""
        total = {k: (torch.zeros_like(a), torch.zeros_like(b)) for k, (a, b) in lora.items()}
        for layer, (whole, rows) in self.rows.items():
            if whole in lora:
                a, b = self._adapter(layer)
                total[whole][0].add_(a.grad)
                total[whole][1].index_add_(0, rows, b.grad)
        return total

    def _adapter(self, layer: str) -> tuple[Any, Any]:
        module = self.network.get_submodule(layer)
        return module.lora_A["default"].weight, module.lora_B["default"].weight


def texts(wired: ModelPatcher, count: int, tokens: int = 77) -> Text:
    """`count` different captions with random contents, of the width that `wired` wants."""
    config = wired.model.model_config.unet_config
    widths = {"SD3": (4096, 2048), "Flux": (config.get("context_in_dim"), config.get("vec_in_dim"))}
    wide, pooled = widths.get(type(wired.model).__name__, (config.get("context_dim"), 1280))
    dice = torch.Generator().manual_seed(11)
    assert wide and pooled
    return Text(
        torch.randn(count, tokens, wide, generator=dice),
        torch.randn(count, pooled, generator=dice),
    )


def build(wired: ModelPatcher) -> Peer:
    """The diffusers network for a tiny SD1.5, SDXL, SD3 or Flux, with the same weights."""
    builders = {"BaseModel": _unet, "SDXL": _unet, "SD3": _sd3, "Flux": _flux}
    network, convert, run = builders[type(wired.model).__name__](
        wired.model.model_config.unet_config
    )
    weights = {k: v.clone() for k, v in wired.model.diffusion_model.state_dict().items()}
    network.load_state_dict(convert(dict(weights)))
    return Peer(network.eval(), _rows(network, convert, weights), run)


def _rows(
    network: torch.nn.Module, convert: Callable[[State], State], weights: State
) -> dict[str, tuple[str, Tensor]]:
    """Found by letting diffusers convert a checkpoint whose weights say where they stand."""
    layers = [k.removesuffix(".weight") for k, v in weights.items() if k.endswith("weight")]
    most = 1 << 20
    marked = dict(weights)
    for number, layer in enumerate(layers):
        weight = weights[f"{layer}.weight"]
        if weight.ndim >= 2:
            places = torch.arange(len(weight), dtype=torch.float64) + number * most
            marked[f"{layer}.weight"] = places.view(-1, 1)
    converted = convert(marked)
    rows = {}
    for name, module in network.named_modules():
        if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d)):
            places = converted[f"{name}.weight"].flatten().long()
            (number,) = places.div(most, rounding_mode="floor").unique().tolist()
            rows[name] = (layers[number], places % most)
    return rows


def _unet(config: dict[str, Any]):
    """SD1.5 and SDXL (Rombach et al. 2022; Podell et al. 2023)."""
    widths = [config["model_channels"] * factor for factor in config["channel_mult"]]
    blocks = config["num_res_blocks"][0]
    depths = config["transformer_depth"][::blocks]
    sdxl = config.get("adm_in_channels") is not None
    heads = [config["num_heads"]] * len(widths)
    if config["num_heads"] == -1:
        heads = [width // config["num_head_channels"] for width in widths]
    network = UNet2DConditionModel(
        block_out_channels=widths,  # pyright: ignore[reportArgumentType]
        layers_per_block=blocks,
        down_block_types=tuple("CrossAttnDownBlock2D" if d else "DownBlock2D" for d in depths),
        up_block_types=tuple("CrossAttnUpBlock2D" if d else "UpBlock2D" for d in depths[::-1]),
        transformer_layers_per_block=[max(depth, 1) for depth in depths],  # pyright: ignore[reportArgumentType]
        attention_head_dim=heads,  # pyright: ignore[reportArgumentType] - the count, despite its name
        cross_attention_dim=config["context_dim"],
        use_linear_projection=config.get("use_linear_in_transformer", False),
        addition_embed_type="text_time" if sdxl else None,
        addition_time_embed_dim=256 if sdxl else None,
        projection_class_embeddings_input_dim=config.get("adm_in_channels"),
    )

    def convert(state: State) -> State:
        prefixed = {f"model.diffusion_model.{name}": tensor for name, tensor in state.items()}
        return convert_ldm_unet_checkpoint(prefixed, network.config)

    return network, convert, _run_unet


def _run_unet(network: UNet2DConditionModel, x: Tensor, time: Time, text: Text) -> Tensor:
    # What SDXL is told (Podell et al. 2023, section 2.2): original size, crop, target size.
    sizes = torch.tensor([[SIZE, SIZE, 0, 0, SIZE, SIZE]] * len(x), dtype=x.dtype)
    added = {"text_embeds": text.pooled, "time_ids": sizes}
    return network(x, time, text.tokens, added_cond_kwargs=added).sample


def _sd3(config: dict[str, Any]):
    """Esser et al. 2024, figure 2."""
    heads = config["depth"]
    network = SD3Transformer2DModel(
        num_layers=heads,
        num_attention_heads=heads,
        attention_head_dim=64,
        caption_projection_dim=64 * heads,
        pooled_projection_dim=config["adm_in_channels"],
        pos_embed_max_size=config["pos_embed_max_size"],
        sample_size=2 * config["pos_embed_max_size"],
        dual_attention_layers=tuple(config.get("x_block_self_attn_layers", ())),
        qk_norm="rms_norm",
    )
    return network, convert_sd3_transformer_checkpoint_to_diffusers, _run_sd3


def _run_sd3(network: SD3Transformer2DModel, x: Tensor, time: Time, text: Text) -> Tensor:
    return network(x, text.tokens, text.pooled, time * 1000).sample  # pyright: ignore


def _flux(config: dict[str, Any]):
    """Flux.1 (Black Forest Labs 2024)."""
    heads, width = config["num_heads"], config["hidden_size"]
    network = FluxTransformer2DModel(
        num_layers=config["depth"],
        num_single_layers=config["depth_single_blocks"],
        num_attention_heads=heads,
        attention_head_dim=width // heads,
        joint_attention_dim=config["context_in_dim"],
        pooled_projection_dim=config["vec_in_dim"],
        guidance_embeds=config["guidance_embed"],
        axes_dims_rope=tuple(config["axes_dim"]),
    )

    def convert(state: State) -> State:
        # ComfyUI 0.33 calls a norm's scale its weight; diffusers reads it as the files have it.
        state = {
            re.sub(r"(query|key)_norm\.weight$", r"\1_norm.scale", k): v for k, v in state.items()
        }
        # diffusers' converter parts linear1 by the real Flux's width whatever it is given.
        fused = {name: state[name] for name in state if ".linear1." in name}
        for name, tensor in fused.items():
            state[name] = tensor.new_zeros(7 * 3072, *tensor.shape[1:])
        converted = convert_flux_transformer_checkpoint_to_diffusers(state)
        for name, tensor in fused.items():
            _, number, _, kind = name.split(".")
            block = f"single_transformer_blocks.{number}"
            parts = tensor.split([width, width, width, len(tensor) - 3 * width])
            inner = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
            for part, rows in zip(inner, parts, strict=True):
                converted[f"{block}.{part}.{kind}"] = rows
        return converted

    return network, convert, _run_flux


def _run_flux(network: FluxTransformer2DModel, x: Tensor, time: Time, text: Text) -> Tensor:
    """Tokens are 2x2 patches and their places; the guidance is 1, at which one trains."""
    count, channels, height, width = x.shape
    high, wide = height // 2, width // 2
    patches = x.view(count, channels, high, 2, wide, 2).permute(0, 2, 4, 1, 3, 5)
    places = torch.zeros(high, wide, 3)
    places[..., 1] = torch.arange(high)[:, None]
    places[..., 2] = torch.arange(wide)[None, :]
    out = network(
        patches.reshape(count, high * wide, channels * 4),
        text.tokens,
        text.pooled,
        time,  # pyright: ignore[reportArgumentType]
        places.view(-1, 3),
        torch.zeros(text.tokens.shape[1], 3),
        guidance=torch.ones(count),
    ).sample
    out = out.view(count, high, wide, channels, 2, 2).permute(0, 3, 1, 4, 2, 5)
    return out.reshape(x.shape)


def native(wired: ModelPatcher, x: Tensor, time: Time, text: Text) -> Tensor:
    """What ComfyUI's own network gives for the same, with the patches that `wired` has."""
    kind = type(wired.model).__name__
    more: dict[str, Any] = {"BaseModel": {}, "Flux": {"guidance": torch.ones(len(x))}}.get(kind, {})
    if kind == "SDXL":
        more["y"] = wired.model.encode_adm(pooled_output=text.pooled, width=SIZE, height=SIZE)
    elif kind != "BaseModel":
        more["y"] = text.pooled
    moment = time * 1000 if kind == "SD3" else time
    given = {"x": x, "timesteps": moment, "context": text.tokens, **more}
    with torch.inference_mode():
        management.load_models_gpu([wired])
        given = {name: tensor.to(wired.load_device) for name, tensor in given.items()}
        out = wired.model.diffusion_model(given.pop("x"), given.pop("timesteps"), **given)
        management.unload_all_models()
    return out.cpu().clone()
