"""LoRA layers of every kind and their deltas in float64, by formulas of their own."""

import torch
from safetensors.torch import save_file

from atelier.training.loras.source import Lora, Memory, TensorFile

KINDS = ("lora", "loha", "lokr", "lokr_whole", "diff", "conv", "mid", "loha_core", "lokr_core")
LINEAR = ("lora", "loha", "lokr", "lokr_whole")
KOHYA = {"up": "lora_up.weight", "down": "lora_down.weight", "mid": "lora_mid.weight"}
PEFT = {"up": "lora_B.weight", "down": "lora_A.weight"}


def parts(kind, out, width, rank, dice, alpha=None):
    """`out` and `width` are even. Under the names of `layer.PARTS`."""

    def random(*shape):
        return torch.randn(*shape, generator=dice)

    if kind in ("lora", "conv", "mid"):
        kernel = {"lora": (), "conv": (3, 3), "mid": (1, 1)}[kind]
        one = {"up": random(out, rank, *[1] * len(kernel)), "down": random(rank, width, *kernel)}
        if kind == "mid":
            one["mid"] = random(rank, rank, 3, 3)
    elif kind == "loha":
        one = {f"hada_w{n}_a": random(out, rank) for n in (1, 2)}
        one |= {f"hada_w{n}_b": random(rank, width) for n in (1, 2)}
    elif kind == "loha_core":
        one = {f"hada_w{n}_a": random(rank, out) for n in (1, 2)}
        one |= {f"hada_w{n}_b": random(rank, width) for n in (1, 2)}
        one |= {f"hada_t{n}": random(rank, rank, 3, 3) for n in (1, 2)}
    elif kind == "lokr":
        one = {"lokr_w1": random(2, 2), "lokr_w2_a": random(out // 2, rank)}
        one["lokr_w2_b"] = random(rank, width // 2)
    elif kind == "lokr_whole":
        one = {"lokr_w1": random(2, 2), "lokr_w2": random(out // 2, width // 2)}
    elif kind == "lokr_core":
        one = {"lokr_w1": random(2, 2), "lokr_w2_a": random(rank, out // 2)}
        one |= {"lokr_w2_b": random(rank, width // 2), "lokr_t2": random(rank, rank, 3, 3)}
    else:
        return {"diff": random(out, width)}
    return one if alpha is None else one | {"alpha": torch.tensor(float(alpha))}


def reference(kind, parts, rank):
    """Its delta as [out, in] in float64."""
    p = {name: tensor.double() for name, tensor in parts.items()}
    scale = float(p["alpha"]) / rank if "alpha" in p and kind != "lokr_whole" else 1.0
    core = "i j k l, j r, i p -> p r k l"
    if kind in ("lora", "conv"):
        delta = p["up"].flatten(1) @ p["down"].flatten(1)
    elif kind == "mid":
        up, down = p["up"].flatten(1), p["down"].flatten(1)
        delta = torch.einsum("o p, p q k l, q n -> o n k l", up, p["mid"], down)
    elif kind == "loha":
        delta = (p["hada_w1_a"] @ p["hada_w1_b"]) * (p["hada_w2_a"] @ p["hada_w2_b"])
    elif kind == "loha_core":
        one = torch.einsum(core, p["hada_t1"], p["hada_w1_b"], p["hada_w1_a"])
        delta = one * torch.einsum(core, p["hada_t2"], p["hada_w2_b"], p["hada_w2_a"])
    elif kind == "lokr":
        delta = torch.kron(p["lokr_w1"], p["lokr_w2_a"] @ p["lokr_w2_b"])
    elif kind == "lokr_whole":
        delta = torch.kron(p["lokr_w1"], p["lokr_w2"])
    elif kind == "lokr_core":
        large = torch.einsum(core, p["lokr_t2"], p["lokr_w2_b"], p["lokr_w2_a"])
        delta = torch.kron(p["lokr_w1"][:, :, None, None], large.flatten().reshape(large.shape))
    else:
        delta = p["diff"]
    return scale * delta.flatten(1)


def named(stem, parts):
    words = KOHYA if stem.startswith(("lora_", "lycoris_")) or "mid" in parts else PEFT
    return {f"{stem}.{words.get(part, part)}": tensor for part, tensor in parts.items()}


def wired(state, name="the file"):
    return Lora(Memory(state, name))


def written(state, path, metadata=None):
    save_file({k: v.contiguous() for k, v in state.items()}, path, metadata=metadata)
    return Lora(TensorFile(path))


def near(one, other):
    one, other = one.double(), other.double()
    return float((one - other).norm() / other.norm().clamp(min=1e-30))


def random(seed):
    return torch.Generator().manual_seed(seed)
