"""All that a run trains: the network's adapter, and the text encoders' beside it."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from .adapter import Adapter
from .keys import Names

_TEXT = "text:"  # before the names of its tensors in a checkpoint


@dataclass(frozen=True)
class Together:
    """Behaves as one adapter. `text` is None if the text encoders stay as they are."""

    network: Adapter
    text: Adapter | None = None

    def groups(self, text_rate: float) -> list[dict]:
        """The optimizer's parameter groups; the text encoders' has a rate of its own."""
        groups: list[dict] = [{"params": self.network.parameters()}]
        if self.text:
            groups.append({"params": self.text.parameters(), "lr": text_rate})
        return groups

    def parameters(self) -> list[nn.Parameter]:
        return self.network.parameters() + (self.text.parameters() if self.text else [])

    def state(self) -> dict[str, Tensor]:
        """The parameters themselves, for a checkpoint."""
        text = self.text.state() if self.text else {}
        return self.network.state() | {_TEXT + name: value for name, value in text.items()}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state()` gave, in another process too."""
        self.network.load({n: v for n, v in state.items() if not n.startswith(_TEXT)})
        if self.text:
            own = {n.removeprefix(_TEXT): v for n, v in state.items() if n.startswith(_TEXT)}
            self.text.load(own)

    def file_state(self, naming: Names, text_naming: Names | None = None) -> dict[str, Tensor]:
        """Everything under the names that ComfyUI reads."""
        state = self.network.file_state(naming)
        if self.text and text_naming:
            state |= self.text.file_state(text_naming)
        return state

    def enabled(self, on: bool) -> None:
        """Off, model and text encoders are the base's."""
        for adapter in filter(None, (self.network, self.text)):
            adapter.enabled(on)
