"""All that a run trains: the network's adapter, the text encoders' beside it, and new words."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from .adapter import Adapter
from .keys import Names
from .words import Words

_TEXT, _WORD = "text:", "word:"  # before the names of their tensors in a checkpoint


@dataclass(frozen=True)
class Together:
    """Behaves as one adapter. What is None stays as it is, or is not there."""

    network: Adapter | None = None
    text: Adapter | None = None
    words: Words | None = None

    @property
    def _parts(self) -> dict[str, Adapter | Words]:
        parts = {"": self.network, _TEXT: self.text, _WORD: self.words}
        return {prefix: part for prefix, part in parts.items() if part}

    def unreached(self) -> list[str]:
        """After a backward: the layers that it did not come to, which learn nothing."""
        learning = [part for part in (self.network, self.text) if part]
        return [layer for part in learning for layer in part.unreached()]

    def groups(
        self, rate: float, text_rate: float, word_rate: float, plus_ratio: float = 1.0
    ) -> list[dict]:
        """The optimizer's parameter groups; text encoders and words have rates of their own, and so
        have the second matrices of a LoRA if `plus_ratio` is not 1.
        """
        rates = {"": rate, _TEXT: text_rate, _WORD: word_rate}
        groups = []
        for prefix, part in self._parts.items():
            second = part.second() if isinstance(part, Adapter) and plus_ratio != 1 else []
            ids = {id(parameter) for parameter in second}
            first = [p for p in part.parameters() if id(p) not in ids]
            groups.append({"params": first, "lr": rates[prefix]})
            if second:
                groups.append({"params": second, "lr": rates[prefix] * plus_ratio})
        return groups

    def parameters(self) -> list[nn.Parameter]:
        return [p for part in self._parts.values() for p in part.parameters()]

    def state(self) -> dict[str, Tensor]:
        """The parameters themselves, for a checkpoint."""
        return {
            prefix + name: value
            for prefix, part in self._parts.items()
            for name, value in part.state().items()
        }

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` gave, in another process too."""
        for prefix, part in self._parts.items():
            if prefix:
                own = {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}
            else:
                own = {n: v for n, v in state.items() if not n.startswith((_TEXT, _WORD))}
            part.load(own)

    def file_state(self, naming: Names, text_naming: Names | None = None) -> dict[str, Tensor]:
        """The LoRA under the names that ComfyUI reads; empty if new words alone are trained."""
        state = self.network.file_state(naming) if self.network else {}
        if self.text and text_naming:
            state |= self.text.file_state(text_naming)
        return state

    def word_states(self) -> dict[str, dict[str, Tensor]]:
        """For each new word, what its file holds."""
        return self.words.file_states() if self.words else {}

    def enabled(self, on: bool) -> None:
        """Off, model and text encoders are the base's. New words stay: the base has none."""
        for adapter in filter(None, (self.network, self.text)):
            adapter.enabled(on)
