"""The vectors of new words, which are trained as an adapter is."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

Vectors = Mapping[str, Mapping[str, Tensor]]  # by word and by text encoder, `[n, width]`


class Words:
    """One fp32 parameter `[n, width]` for each word and text encoder.

    `file_names` are what a file calls a text encoder, where that is not its own name.
    """

    def __init__(self, start: Vectors, file_names: Mapping[str, str] | None = None) -> None:
        self.vectors = {
            word: {encoder: nn.Parameter(rows.detach().float().clone()) for encoder, rows in of}
            for word, of in ((word, rows.items()) for word, rows in start.items())
        }
        self._file_names = dict(file_names or {})

    def parameters(self) -> list[nn.Parameter]:
        return [rows for of in self.vectors.values() for rows in of.values()]

    def state(self) -> dict[str, Tensor]:
        """The parameters themselves, by word and text encoder, for a checkpoint."""
        return {
            f"{word}.{encoder}": rows.detach()
            for word, of in self.vectors.items()
            for encoder, rows in of.items()
        }

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` gave, in another process too."""
        own = self.state()
        if own.keys() != state.keys():
            raise ValueError("The checkpoint's new words are not this run's: start a new run.")
        for name, rows in own.items():
            rows.copy_(state[name])

    def file_states(self) -> dict[str, dict[str, Tensor]]:
        """For each word, a copy on the CPU under the names that ComfyUI reads."""
        return {
            word: {
                self._file_names.get(encoder, encoder): rows.detach().to("cpu", copy=True)
                for encoder, rows in of.items()
            }
            for word, of in self.vectors.items()
        }
