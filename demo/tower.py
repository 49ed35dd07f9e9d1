"""A CLIP-L text tower written down by hand and from a seed, so that nothing need be downloaded.

No trained text encoder can be had offline, and random layers lose the words. This tower has random
*codes* for tokens, two layers whose weights are constructed, and ten layers that are zero (the
identity). For every token it gives four parts of 192 numbers:

    own code | code of the token before | code of the one before that | 2 x mean of the words so far

so that "blue" before "hair" differs from "blue" before "shirt" wherever in the caption it stands.
The pooled vector (from the end token, through the final norm) is the mean of all words alone.

How: a code has entries of +1 and -1; the two last say what the token is (word, begin, end), and the
others balance the sum to nought, so that every LayerNorm scales by a known constant. Embeddings
hold the own code in part 0 and the position as one-hot in part 3. Layer 0: heads 0-2 copy the code
one place back to part 1, heads 3-5 two places back to part 2 (queries and keys are random signs per
position), heads 6-8 take the position away again. Layer 1: heads 0-2 average part 0 over words.
`encode` is the same thing in closed form, for training; ComfyUI runs the weights.
"""

from collections.abc import Iterator

import numpy as np
import torch

SEED = 20260801
VOCABULARY, WIDTH, PLACES, LAYERS, INNER = 49408, 768, 77, 12, 3072
PART, HEAD = 192, 64
BEGIN, END = 49406, 49407
PREFIX = "text_encoders.clip_l.transformer."
POSITION = 4.0  # the height of the one-hot position
SHARP = 60.0  # by how much the wanted key beats the others before softmax, about
MEAN_GAIN = 2.0


def signs(seed: int, rows: int, width: int) -> np.ndarray:
    """Random +1 and -1, int8 [rows, width]; raw PCG64 output, the same in every numpy."""
    count = (rows * width + 63) // 64
    raw = np.random.PCG64(seed).random_raw(count).astype("<u8").view(np.uint8)
    bits = np.unpackbits(raw)[: rows * width].reshape(rows, width)
    return bits.astype(np.int8) * 2 - 1


def codes() -> np.ndarray:
    """The code of each token, int8 [49408, 192], every row with sum nought."""
    free = PART - 2
    raw = np.random.PCG64(SEED).random_raw(VOCABULARY * free).reshape(VOCABULARY, free)
    order = raw.argsort(axis=1, kind="stable")
    table = np.empty((VOCABULARY, PART), np.int8)
    plus = np.full(VOCABULARY, 96)
    plus[BEGIN], plus[END] = 95, 94
    table[:, :free] = np.where(order < plus[:, None], 1, -1)
    table[:, free:] = -1
    table[BEGIN, free:] = (1, -1)
    table[END, free:] = (1, 1)
    assert not table.sum(axis=1, dtype=np.int64).any()
    return table


def encode(ids: torch.Tensor, table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What the tower gives for token `ids` [B, L], L <= 77, with `table` = codes() as float.

    Returns context [B, L, 768] and pooled [B, 768]. Rows must begin with BEGIN and be filled up
    with END.
    """
    own = table[ids]
    back1 = torch.cat([own[:, :1], own[:, :-1]], 1)
    back2 = torch.cat([back1[:, :1], back1[:, :-1]], 1)
    word = ((ids != BEGIN) & (ids != END)).unsqueeze(-1).float()
    so_far = (own * word).cumsum(1) / word.cumsum(1).clamp(min=1)
    mean = torch.where(word.cumsum(1) > 0, so_far, own[:, :1])
    context = torch.cat([own, back1, back2, MEAN_GAIN * mean], -1)
    ends = (ids == END).int().argmax(1)
    last = context[torch.arange(len(ids)), ends]
    pooled = torch.nn.functional.layer_norm(last, (WIDTH,))
    pooled[:, : 3 * PART] = 0
    return context, pooled


def copy_heads(
    layer: dict[str, np.ndarray], first: int, source: int, target: int, gain: float, shift: float
) -> None:
    """Let heads `first`..`first + 2` carry part `source` to part `target`: gain * x + shift."""
    for place in range(PART):
        inner = first * HEAD + place
        layer["self_attn.v_proj.weight"][inner, source * PART + place] = gain
        layer["self_attn.v_proj.bias"][inner] = shift
        layer["self_attn.out_proj.weight"][target * PART + place, inner] = 1


def empty_layer() -> dict[str, np.ndarray]:
    """The tensors of one constructed layer, with the MLP left out (it is zero)."""
    layer: dict[str, np.ndarray] = {}
    for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
        layer[f"self_attn.{name}.weight"] = np.zeros((WIDTH, WIDTH), np.float16)
        layer[f"self_attn.{name}.bias"] = np.zeros(WIDTH, np.float16)
    layer["layer_norm1.weight"] = np.ones(WIDTH, np.float16)
    return layer


def layer_of_neighbours() -> dict[str, np.ndarray]:
    """Layer 0: the codes of the two tokens before, and the position taken away."""
    layer = empty_layer()
    mean = POSITION / WIDTH
    deviation = float(np.sqrt((PART + POSITION**2) / WIDTH - mean**2))
    mark = signs(SEED + 1, PLACES, HEAD).astype(np.float32)
    at = 3 * PART + np.arange(PLACES)
    for first, back in ((0, 1), (3, 2), (6, 0)):
        wanted = mark[np.maximum(np.arange(PLACES) - back, 0)]
        # q.k / sqrt(64) is 2 * SHARP for the wanted place: 64 signs agree, at most 48 elsewhere
        scale = np.sqrt(2 * SHARP / 8) * deviation / POSITION
        for head in range(first, first + 3):
            rows = slice(head * HEAD, (head + 1) * HEAD)
            layer["self_attn.q_proj.weight"][rows, at] = (wanted * scale).T
            layer["self_attn.k_proj.weight"][rows, at] = (mark * scale).T
    copy_heads(layer, 0, 0, 1, deviation, mean)
    copy_heads(layer, 3, 0, 2, deviation, mean)
    copy_heads(layer, 6, 3, 3, -deviation, -mean)
    return layer


def layer_of_means() -> dict[str, np.ndarray]:
    """Layer 1: the mean of the words so far; the begin token where there is none."""
    layer = empty_layer()
    deviation = float(np.sqrt(3 * PART / WIDTH))
    flags = slice(PART - 2, PART)
    strength = float(np.sqrt(8 * SHARP))
    for head in range(3):
        # the score is -SHARP * (flag + flag): words +2, begin 0, end -2
        layer["self_attn.q_proj.bias"][head * HEAD] = strength
        layer["self_attn.k_proj.weight"][head * HEAD, flags] = -strength * deviation
    copy_heads(layer, 0, 0, 3, MEAN_GAIN * deviation, 0)
    return layer


def tensors() -> Iterator[tuple[str, tuple[int, ...], np.ndarray | None]]:
    """Every tensor of the tower: name, shape, half-precision values (None: all zero)."""
    model = PREFIX + "text_model."
    embedding = np.zeros((VOCABULARY, WIDTH), np.float16)
    embedding[:, :PART] = codes()
    yield model + "embeddings.token_embedding.weight", embedding.shape, embedding
    position = np.zeros((PLACES, WIDTH), np.float16)
    position[np.arange(PLACES), 3 * PART + np.arange(PLACES)] = POSITION
    yield model + "embeddings.position_embedding.weight", position.shape, position
    built = {0: layer_of_neighbours(), 1: layer_of_means()}
    shapes = {
        f"self_attn.{name}.weight": (WIDTH, WIDTH)
        for name in ("q_proj", "k_proj", "v_proj", "out_proj")
    }
    shapes |= {
        f"self_attn.{name}.bias": (WIDTH,) for name in ("q_proj", "k_proj", "v_proj", "out_proj")
    }
    shapes |= {"mlp.fc1.weight": (INNER, WIDTH), "mlp.fc1.bias": (INNER,)}
    shapes |= {"mlp.fc2.weight": (WIDTH, INNER), "mlp.fc2.bias": (WIDTH,)}
    shapes |= {
        f"layer_norm{number}.{kind}": (WIDTH,) for number in (1, 2) for kind in ("weight", "bias")
    }
    for place in range(LAYERS):
        for name, shape in shapes.items():
            yield f"{model}encoder.layers.{place}.{name}", shape, built.get(place, {}).get(name)
    norm = np.zeros(WIDTH, np.float16)
    norm[3 * PART :] = 1
    yield model + "final_layer_norm.weight", (WIDTH,), norm
    yield model + "final_layer_norm.bias", (WIDTH,), None
    yield PREFIX + "text_projection.weight", (WIDTH, WIDTH), None
