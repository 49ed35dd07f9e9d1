"""Tiny models of each class that captions, with random weights, as folders on disk."""

from typing import Any

import torch
import transformers as library
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

transformers: Any = library  # whose types know less than it takes

_SAID = "a red hat dog cat in the snow of photo picture what does it with show paragraph"
WORDS = _SAID.split()
SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2}
CHAT = (
    "{% for m in messages %}<|im_start|>{{ m.role }} {% for c in m.content %}"
    "{% if c.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>{% endfor %}<|im_start|>assistant "
)


def _tokenizer(kind, special, template, **names):
    """`kind` is the class that transformers 4 asks for; in 5 there is one for all."""
    words = dict.fromkeys([*special, *WORDS])
    table = {word: number for number, word in enumerate(words)}
    inner = Tokenizer(models.WordLevel(table, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    if template:
        used = [(word, table[word]) for word in template.split() if word in table]
        inner.post_processor = processors.TemplateProcessing(single=template, special_tokens=used)
    if transformers.__version__ < "5":
        inner.normalizer = normalizers.BertNormalizer()
        made = getattr(transformers, f"{kind}TokenizerFast")
    else:
        made = transformers.PreTrainedTokenizerFast
    return made(tokenizer_object=inner, unk_token="<unk>", **names), table


def _saved(folder, network, config, processor, never=None):
    torch.manual_seed(0)
    model = network(config)
    for parameter in model.parameters():  # louder than usual, so that pictures tell
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.3)
    model.generation_config.min_new_tokens = 4
    model.generation_config.suppress_tokens = never
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def blip(folder):
    special = ["[PAD]", "<unk>", "[CLS]", "[SEP]", "[DEC]"]
    tokenizer, _ = _tokenizer(
        "Bert",
        special,
        "[CLS] $A [SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        bos_token="[DEC]",
    )
    text = SMALL | {
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 2,
        "encoder_hidden_size": 32,
        "bos_token_id": 4,
        "eos_token_id": 2,
        "sep_token_id": 3,
        "pad_token_id": 0,
        "max_position_embeddings": 64,
    }
    vision = SMALL | {"num_hidden_layers": 2, "image_size": 32, "patch_size": 8}
    config = transformers.BlipConfig(
        text_config=text, vision_config=vision, projection_dim=16, image_text_hidden_size=16
    )
    images = transformers.BlipImageProcessor(size={"height": 32, "width": 32})
    processor = transformers.BlipProcessor(images, tokenizer)
    return _saved(folder, transformers.BlipForConditionalGeneration, config, processor)


def florence2(folder):
    special = ["<s>", "<pad>", "</s>", "<unk>", "<image>"]
    tokenizer, _ = _tokenizer(
        "Bart",
        special,
        "<s> $A </s>",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        extra_special_tokens={"image_token": "<image>"},
    )
    text = {
        "model_type": "bart",
        "vocab_size": len(tokenizer),
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 48,
        "decoder_ffn_dim": 48,
        "max_position_embeddings": 128,
        "bos_token_id": 0,
        "pad_token_id": 1,
        "eos_token_id": 2,
        "decoder_start_token_id": 2,
        "forced_eos_token_id": 2,
    }
    vision = {
        "depths": (1, 1, 1, 1),
        "embed_dim": (8, 16, 24, 32),
        "num_heads": (1, 2, 2, 2),
        "num_groups": (1, 2, 2, 2),
        "window_size": 4,
        "projection_dim": 32,
    }
    config = transformers.Florence2Config(
        text_config=text,
        vision_config=vision,
        image_token_id=4,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
        decoder_start_token_id=2,
    )
    size = {"height": 64, "width": 64}
    images = transformers.CLIPImageProcessor(size=size, crop_size=size)
    images.image_seq_length = 5  # 2 x 2 places and their mean
    processor = transformers.Florence2Processor(images, tokenizer)
    network = transformers.Florence2ForConditionalGeneration
    return _saved(folder, network, config, processor, [0, 1, 3, 4])


def _qwen_tokenizer():
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<unk>", "<|vision_start|>"]
    special += ["<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    return _tokenizer(
        "Qwen2",
        special,
        "",
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        additional_special_tokens=special[4:],
    )


def qwen2_vl(folder):
    tokenizer, table = _qwen_tokenizer()
    ids = {
        "image_token_id": table["<|image_pad|>"],
        "video_token_id": table["<|video_pad|>"],
        "vision_start_token_id": table["<|vision_start|>"],
        "vision_end_token_id": table["<|vision_end|>"],
    }
    text = SMALL | {
        "vocab_size": len(tokenizer),
        "num_hidden_layers": 2,
        "num_key_value_heads": 1,
        "max_position_embeddings": 512,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "bos_token_id": 0,
        "eos_token_id": 2,
    }
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "patch_size": 8}
    config = transformers.Qwen2VLConfig(text_config=text, vision_config=vision, **ids)
    images = transformers.Qwen2VLImageProcessor(
        patch_size=8, min_pixels=32 * 32, max_pixels=64 * 64
    )
    videos = transformers.Qwen2VLVideoProcessor(patch_size=8)
    processor = transformers.Qwen2VLProcessor(images, tokenizer, videos, chat_template=CHAT)
    never = [number for number in range(8) if number != 2]
    network = transformers.Qwen2VLForConditionalGeneration
    return _saved(folder, network, config, processor, never)


MAKERS = {"blip": blip, "florence2": florence2, "qwen2_vl": qwen2_vl}
