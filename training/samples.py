"""Sample pictures of a run: which, when, and where they lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from PIL import Image

from .config import TrainConfig
from .examples import Encode
from .files import atomic
from .host.forward import Denoiser
from .host.private import ModelPatcher
from .host.sample import paint
from .host.wires import VAE
from .mark import save_marked


@dataclass(frozen=True)
class Samples:
    """What is drawn, the folder for the pictures, and what makes CONDITIONING of a prompt.

    Pictures from before the run `began` (a time) are those of another run of its name. `prompts`
    are drawn when somebody asks for it, too. `texts` go into the files: the run's graph.
    """

    encode: Encode
    vae: VAE
    folder: Path
    config: TrainConfig
    prompts: Sequence[str]
    began: float = 0.0
    texts: Mapping[str, str] = field(default_factory=dict)

    def due(self, step: int) -> bool:
        every = self.config.sample_every
        return bool(every) and (step % every == 0 or step == self.config.steps)

    def missing(self, step: int) -> bool:
        """Whether pictures of `step` are due that an earlier session was stopped in."""
        files = [self.file(step, number + 1) for number in range(len(self.prompts))]
        return self.due(step) and not all(map(self._ours, files))

    def _ours(self, file: Path) -> bool:
        return file.is_file() and file.stat().st_mtime >= self.began

    def file(self, step: int, number: int) -> Path:
        return self.folder / f"step-{step:06d}-{number}.png"

    def last(self) -> Image.Image | None:
        """The newest picture of the first prompt."""
        found = sorted(filter(self._ours, self.folder.glob("step-*-1.png")))
        return Image.open(found[-1]) if found else None

    def draw(self, step: int, private: ModelPatcher, denoiser: Denoiser) -> None:
        """Draw and write the pictures of `step`."""
        with torch.no_grad():
            encoded = [self.encode(text) for text in (*self.prompts, "")]
        side = self.config.resolution
        pictures = paint(private, denoiser, self.vae, encoded[:-1], encoded[-1], side, self.config)
        for number, picture in enumerate(pictures, 1):
            with atomic(self.file(step, number)) as temporary:
                save_marked(picture, temporary, self.texts)
