"""Which layers of a network learn, by their names. Pure."""

import re
from collections.abc import Iterable

_ATTENTION = r"attn\d*|\w+_attn\d*|attention|self_attention|cross_attention"
_MLP = r"mlp|\w+_mlp|mlp_\w+|ff|ffn|ff_\w+|feed_forward|linear1|linear2"
_IN_BLOCK = (
    r"(^|\.)\d+\.(.+\.)?"  # behind a block's number: not in an embedder of the whole network
)
# Modulation and embedding layers are left alone by the first two: they are small, shared by every
# token, and drift first (kohya's and diffusers' defaults leave them out too).
PATTERNS = {
    "attention": re.compile(rf"{_IN_BLOCK}({_ATTENTION})(\.|$)"),
    "attention_mlp": re.compile(rf"{_IN_BLOCK}({_ATTENTION}|{_MLP})(\.|$)"),
    "all_linear": re.compile(""),
}


def choose(names: Iterable[str], targets: str) -> list[str]:
    """Those of the linear layers `names` that `targets` means, in their order."""
    names = list(names)
    chosen = [name for name in names if PATTERNS[targets].search(name)]
    if not chosen:
        raise ValueError(
            f"This model has no layer for targets = {targets!r}. Its {len(names)} linear layers "
            f"are named like {', '.join(names[:3]) or '(none)'}; choose targets = 'all_linear'."
        )
    return chosen
