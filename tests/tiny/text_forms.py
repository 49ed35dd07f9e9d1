"""Every kind of text encoder that an image model of ComfyUI is given, by a short name, in small."""

import base64
import importlib.util
import inspect
import io
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from types import SimpleNamespace
from typing import Any
from unittest import mock

import comfy.sd
import folder_paths
import torch
from comfy.text_encoders import flux, qwen_vl
from sentencepiece import SentencePieceTrainer
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from .files import State, random_weights

qwen3vl: Any = None
if importlib.util.find_spec("comfy.text_encoders.qwen3vl"):
    qwen3vl = importlib.import_module("comfy.text_encoders.qwen3vl")


@dataclass(frozen=True)
class Form:
    """`tokenizer` is its place in `comfy`, and `model` makes the class beside it; `encoders` are
    those that learn, and `idle` are layers that the network is told nothing of, here as in full
    size; `sizes` are such as are not those of all."""

    tokenizer: str
    model: Callable[[Any], Any]
    encoders: set[str]
    idle: str = "^$"
    which: str = "all"
    sizes: Mapping[str, Any] = field(default_factory=dict)


FULL = torch.float32
LAST = r"layers\.2\."  # for encoders that are asked for what goes into their last layer
CLIP = {"num_hidden_layers": 3, "intermediate_size": 128, "num_attention_heads": 2}
T5 = {"d_model": 64, "d_ff": 96, "d_kv": 16, "num_heads": 4, "num_layers": 2}
LLM = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
LLM |= {"num_attention_heads": 2, "num_key_value_heads": 1}
LLMS = (
    *("qwen3_06b", "qwen3_2b", "qwen3_4b", "qwen3_8b", "qwen3vl_4b", "qwen3vl_8b", "qwen25_3b"),
    *("qwen25_7b", "gemma2_2b", "gemma3_4b", "llama", "mistral3_24b", "ministral3_3b"),
)
EYE = {"hidden_size": 32, "intermediate_size": 48, "depth": 2, "num_heads": 2}
EYE |= {"num_position_embeddings": 16, "deepstack_visual_indexes": [0]}
# One that is given no name of its own: Hunyuan Image's ByT5, and both of NewBie's.
NAMELESS = "_model_config"
NEWBIE = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 3}
NEWBIE |= {"num_attention_heads": 4}
SIZES = {
    "clip_l_model_config": CLIP | {"hidden_size": 64},
    "clip_g_model_config": CLIP | {"hidden_size": 96},
    "clip_h_model_config": CLIP | {"hidden_size": 80},
    "hydit_clip_model_config": CLIP | {"hidden_size": 64},
    **{f"{name}_model_config": T5 for name in ("t5xxl", "mt5xl", "pile_t5xl")},
    **{f"{name}_model_config": LLM for name in LLMS},
    NAMELESS: T5,
    "gpt_oss_config": LLM | {"head_dim": 16, "num_local_experts": 4, "num_experts_per_tok": 2},
    "selected_layers": (0, 2),
}


def deep(name: str, layers: int) -> dict[str, Any]:
    """Some take layers by number: then there have to be that many."""
    return {f"{name}_model_config": LLM | {"hidden_size": 32, "num_hidden_layers": layers}}


# The name of the tokenizer's class, and what makes the text encoder's.
_ALL = {
    "sd1": Form("sd1_clip.SD1Tokenizer", lambda m: m.SD1ClipModel, {"clip_l"}, which="clip"),
    "sd2": Form("text_encoders.sd2_clip.SD2Tokenizer", lambda m: m.SD2ClipModel, {"clip_h"}),
    "sdxl": Form(
        "sdxl_clip.SDXLTokenizer",
        lambda m: m.SDXLClipModel,
        {"clip_l", "clip_g"},
        r"^clip_l.*layers\.2\.",
        which="clip",
    ),
    "sdxl-refiner": Form("sdxl_clip.SDXLTokenizer", lambda m: m.SDXLRefinerClipModel, {"clip_g"}),
    "cascade": Form(
        "sdxl_clip.StableCascadeTokenizer", lambda m: m.StableCascadeClipModel, {"clip_g"}
    ),
    "sd3": Form(
        "text_encoders.sd3_clip.SD3Tokenizer",
        lambda m: m.sd3_clip(dtype_t5=FULL),
        {"clip_l", "clip_g", "t5xxl"},
        sizes={"t5xxl_model_config": T5 | {"d_model": 4096, "vocab_size": 8192}},
    ),
    "flux": Form(
        "text_encoders.flux.FluxTokenizer",
        lambda m: m.flux_clip(dtype_t5=FULL),
        {"clip_l", "t5xxl"},
    ),
    "pixart": Form("text_encoders.pixart_t5.PixArtTokenizer", lambda m: m.pixart_te(), {"t5xxl"}),
    "cosmos": Form("text_encoders.cosmos.CosmosT5Tokenizer", lambda m: m.te(), {"t5xxl"}),
    "aura-flow": Form(
        "text_encoders.aura_t5.AuraT5Tokenizer", lambda m: m.AuraT5Model, {"pile_t5xl"}
    ),
    "hunyuan-dit": Form(
        "text_encoders.hydit.HyditTokenizer", lambda m: m.HyditModel, {"hydit_clip", "mt5xl"}
    ),
    "hidream": Form(
        "text_encoders.hidream.HiDreamTokenizer",
        lambda m: m.hidream_clip(dtype_t5=FULL, dtype_llama=FULL),
        {"clip_l", "clip_g", "t5xxl", "llama"},
    ),
    "lumina2": Form("text_encoders.lumina2.LuminaTokenizer", lambda m: m.te(), {"gemma2_2b"}, LAST),
    "gemma3": Form(
        "text_encoders.lumina2.NTokenizer",
        lambda m: m.te(model_type="gemma3_4b"),
        {"gemma3_4b"},
        LAST,
    ),
    "z-image": Form("text_encoders.z_image.ZImageTokenizer", lambda m: m.te(), {"qwen3_4b"}, LAST),
    "omnigen2": Form("text_encoders.omnigen2.Omnigen2Tokenizer", lambda m: m.te(), {"qwen25_3b"}),
    "qwen-image": Form(
        "text_encoders.qwen_image.QwenImageTokenizer", lambda m: m.te(), {"qwen25_7b"}
    ),
    "hunyuan-image": Form(
        "text_encoders.hunyuan_image.HunyuanImageTokenizer",
        lambda m: m.te(),
        {"qwen25_7b", "byt5_small"},
        r"layers\.[23]\.",
        sizes=deep("qwen25_7b", 4),
    ),
    "flux2": Form(
        "text_encoders.flux.Flux2Tokenizer",
        lambda m: m.flux2_te(),
        {"mistral3_24b"},
        r"layers\.30\.",
        sizes=deep("mistral3_24b", 31),
    ),
    "flux2-pruned": Form(
        "text_encoders.flux.Flux2Tokenizer",
        lambda m: m.flux2_te(pruned=True),
        {"mistral3_24b"},
        sizes=deep("mistral3_24b", 30),
    ),
    # ComfyUI 0.33
    "klein-4b": Form(
        "text_encoders.flux.KleinTokenizer",
        lambda m: m.klein_te(),
        {"qwen3_4b"},
        r"layers\.27\.",
        sizes=deep("qwen3_4b", 28),
    ),
    "klein-8b": Form(
        "text_encoders.flux.KleinTokenizer8B",
        lambda m: m.klein_te(model_type="qwen3_8b"),
        {"qwen3_8b"},
        r"layers\.27\.",
        sizes=deep("qwen3_8b", 28),
    ),
    "ovis": Form("text_encoders.ovis.OvisTokenizer", lambda m: m.te(), {"qwen3_2b"}),
    "longcat-image": Form(
        "text_encoders.longcat_image.LongCatImageTokenizer", lambda m: m.te(), {"qwen25_7b"}
    ),
    "kandinsky5-image": Form(
        "text_encoders.kandinsky5.Kandinsky5TokenizerImage",
        lambda m: m.te(),
        {"qwen25_7b", "clip_l"},
    ),
    "newbie": Form(
        "text_encoders.newbie.NewBieTokenizer",
        lambda m: m.te(dtype_llama=FULL),
        {"gemma", "jina"},
        r"^gemma.*layers\.2\.",
        sizes={NAMELESS: NEWBIE},
    ),
    "pixeldit": Form(
        "text_encoders.pixeldit.PixelDiTGemma2Tokenizer", lambda m: m.pixeldit_te(), {"gemma2_2b"}
    ),
    "ideogram4": Form(
        "text_encoders.ideogram4.Ideogram4Tokenizer",
        lambda m: m.te(),
        {"qwen3vl_8b"},
        sizes=deep("qwen3vl_8b", 4),
    ),
    "ideogram4-whole": Form(
        "text_encoders.ideogram4.Ideogram4Qwen3VLTokenizer",
        lambda m: m.te_qwen3vl(),
        {"qwen3vl_8b"},
        sizes=deep("qwen3vl_8b", 4),
    ),
    "boogu": Form("text_encoders.boogu.BooguTokenizer", lambda m: m.te(), {"qwen3vl_8b"}),
    "krea2": Form("text_encoders.krea2.Krea2Tokenizer", lambda m: m.te(), {"qwen3vl_4b"}, LAST),
    "joy-image": Form("text_encoders.joyimage.JoyImageTokenizer", lambda m: m.te(), {"qwen3vl_8b"}),
    "mage-flow": Form(
        "text_encoders.mage_flow.MageFlowTokenizer", lambda m: m.te(), {"qwen3vl_4b"}
    ),
    "lens": Form("text_encoders.gpt_oss.LensTokenizer", lambda m: m.lens_te(), {"gpt_oss"}),
    "anima": Form("text_encoders.anima.AnimaTokenizer", lambda m: m.te(), {"qwen3_06b"}),
    "ernie-image": Form(
        "text_encoders.ernie.ErnieTokenizer", lambda m: m.te(), {"ministral3_3b"}, LAST
    ),
}


def _module(form: Form) -> Any:
    return importlib.import_module(f"comfy.{form.tokenizer.rpartition('.')[0]}")


def _known(form: Form) -> bool:
    try:
        return hasattr(_module(form), form.tokenizer.rpartition(".")[2])
    except ModuleNotFoundError:
        return False


# Forms that this ComfyUI does not know yet are left out.
FORMS = {name: form for name, form in _ALL.items() if _known(form)}


def tokenizer(form: Form, **given: Any) -> Any:
    kind = getattr(_module(form), form.tokenizer.rpartition(".")[2])
    with _patched():
        return kind(**given | {"tokenizer_data": _of_files()})


def small(form: Form, convert: Callable[[State], State] = dict, **options: Any) -> comfy.sd.CLIP:
    """The wire that a loader node gives, with random weights.

    `convert` makes the file of what is in fp32, and `options` are the loader's.
    """
    sizes = SIZES | dict(form.sizes) | {"dtype": FULL}
    made = form.model(_module(form))
    target = SimpleNamespace(params={}, clip=made, tokenizer=partial(tokenizer, form))
    with torch.inference_mode(), _patched():
        empty = made(device=torch.device("cpu"), dtype=FULL, model_options=sizes)
        for layer in empty.modules():  # of mixed precision: no weight before it is loaded
            if hasattr(layer, "_orig_shape"):
                layer.weight = torch.nn.Parameter(torch.empty(layer._orig_shape))
        state = convert(random_weights(empty, 0))
        newer = "state_dict" in inspect.signature(comfy.sd.CLIP).parameters
        read: dict[str, Any] = {"state_dict": state} if newer else {}
        clip = comfy.sd.CLIP(
            target,
            embedding_directory=folder_paths.get_folder_paths("embeddings"),
            model_options=sizes | options,
            **read,
        )
        if not newer:
            clip.load_sd(state, full_model=True)
    return clip


def told(encoded: list[Any]) -> torch.Tensor:
    """All that the network is given of a caption, one after the other."""
    (cond, more), *_ = encoded
    beside = [more[name] for name in sorted(more) if name.startswith(("pooled", "conditioning"))]
    return torch.cat([part.flatten() for part in (cond, *beside) if part is not None])


@contextmanager
def _patched() -> Iterator[None]:
    """Eyes, which no caption is seen with and which take no sizes, in small."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(qwen_vl, "Qwen2VLVisionTransformer", _eye))
        for name in ("qwen3vl_4b", "qwen3vl_8b") if qwen3vl else ():
            stack.enter_context(mock.patch.dict(qwen3vl.QWEN3VL_VISION, {name: EYE}))
        if not hasattr(flux, "from_tekken_json"):  # 0.3.75 reads it by what transformers 5 lost
            given = {"tokenizer_object": _words(), "legacy": False}
            stack.enter_context(mock.patch.object(flux, "load_mistral_tokenizer", lambda _: given))
        yield


def _eye(*_args: Any, **named: Any) -> torch.nn.Module:
    return _EYE(32, named["output_hidden_size"], 48, 2, 1, **{k: named[k] for k in _LOADED})


_EYE, _LOADED = qwen_vl.Qwen2VLVisionTransformer, ("device", "dtype", "ops")


@cache
def _of_files() -> dict[str, torch.Tensor]:
    """Tokenizers that come with a text encoder's file."""
    pieces = ("spiece_model", "mt5xl.spiece_model", "gemma_spiece_model", "jina_spiece_model")
    return {name: _pieces() for name in pieces} | {
        "tekken_model": _tekken(),
        "tokenizer_json": _bytes(_words().to_str().encode()),
    }


def _bytes(written: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(written), dtype=torch.uint8)


@cache
def _pieces() -> torch.Tensor:
    """A small sentencepiece model."""
    written = io.BytesIO()
    texts = iter(["a red hat on a cat", "a blue house by the sea", "the cat has a house"])
    SentencePieceTrainer.train(sentence_iterator=texts, model_writer=written, vocab_size=20)
    return _bytes(written.getvalue())


def _tekken() -> torch.Tensor:
    """Mistral's kind, of single bytes."""
    special = ["<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"]
    special += [f"<{i}>" for i in range(len(special), 12)]  # 11 is for padding
    letters = [base64.b64encode(bytes([i])).decode() for i in range(256)]
    told = {
        "config": {
            "default_num_special_tokens": len(special),
            "default_vocab_size": len(special) + len(letters),
        },
        "vocab": [{"rank": i, "token_bytes": one} for i, one in enumerate(letters)],
        "special_tokens": [{"rank": i, "token_str": one} for i, one in enumerate(special)],
    }
    return _bytes(json.dumps(told).encode())


def _words() -> Tokenizer:
    """gpt-oss's, and Mistral's where that is not to be had: a word is a token."""
    words = Tokenizer(models.WordLevel(unk_token="?"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    learned = trainers.WordLevelTrainer(special_tokens=["?", "<s>"])
    words.train_from_iterator([f"{i} a red hat" for i in range(50)], learned)
    words.post_processor = processors.TemplateProcessing("<s> $A", None, [("<s>", 1)])
    return words
