"""The demo's own encoder: two small networks that know pixel portraits and the words for them.

It stands in where no CLIP_VISION and no CLIP can be had. One network knows people by what words say
of them, the other by what they wear, whatever that is: a LoRA teaches what nobody has named before.
Weights, words and what they mean come from one file, `demo/features.safetensors` (made by
demo/make_features.py). It is not the demo's checker, which judges what the scores say: other
drawings, another seed, another network.
"""

import json
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open
from torch import nn

from ..files import digest

WEIGHTS = Path(__file__).resolve().parents[2] / "demo" / "features.safetensors"
SIDE = 32  # pixels that it sees of each side
WIDTHS = (24, 40, 64, 72)
NARROW, FEATURES = 28, 96
PEOPLE, THINGS = "people", "things"
SHARES = {PEOPLE: 0.7, THINGS: 0.3}
"""What each network has in a cosine. `THINGS` alone does not know one person from another."""

Values = dict[str, list[str]]  # of each attribute
Phrases = dict[str, dict[str, str]]  # what each says: attribute to value


class Network(nn.Module):
    """Pictures `[B, 3, SIDE, SIDE]` in -1..1 to features `[B, FEATURES]` and scores of values.

    Features have mean 0 and deviation 1 over the world that it was made for, so that their cosine
    means something.
    """

    def __init__(self, values: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for place, width in enumerate(WIDTHS):
            layers += [nn.Conv2d(before, width, 3, 1 if place == 0 else 2, 1)]
            layers += [nn.GroupNorm(4, width), nn.SiLU()]
            before = width
        layers += [nn.Conv2d(before, NARROW, 1), nn.Flatten(), nn.Linear(NARROW * 16, FEATURES)]
        self.body = nn.Sequential(*layers)
        self.spread = nn.BatchNorm1d(FEATURES, affine=False)
        self.head = nn.Linear(FEATURES, values)

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        found = self.spread(self.body(pictures))
        return found, self.head(found)


class Packaged:
    """An encoder of curation's kind: vectors of what a picture shows, for comparing pictures."""

    resolution = 128

    def __init__(self, path: Path = WEIGHTS) -> None:
        with safe_open(path, framework="pt") as file:
            about = file.metadata()
        self.path = path
        self.values: Values = json.loads(about["values"])
        self.phrases: Phrases = json.loads(about["phrases"])
        self.mark = digest(path.read_bytes())
        self.key = f"packaged features 2 {self.mark}"
        self.name = f"the demo's own features {self.mark[:8]} (pixel portraits only)"

    @cached_property
    def networks(self) -> dict[str, Network]:
        return {part: self._read(part) for part in SHARES}

    def _read(self, part: str) -> Network:
        network = Network(sum(map(len, self.values.values())))
        head = f"{part}."
        with safe_open(self.path, framework="pt") as file:
            names = [name for name in file.keys() if name.startswith(head)]  # noqa: SIM118
            state = {name.removeprefix(head): file.get_tensor(name).float() for name in names}
        network.load_state_dict(state | {"spread.num_batches_tracked": torch.tensor(0)})
        return network.eval().requires_grad_(False)

    def prepare(self, picture: Image.Image) -> np.ndarray:
        return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Vectors `[pictures, 2 x FEATURES]` of length 1."""
        parts = [
            nn.functional.normalize(self._seen(part, prepared)[0], dim=1) * share**0.5
            for part, share in SHARES.items()
        ]
        return torch.cat(parts, dim=1).numpy()

    def _seen(self, part: str, prepared: Sequence[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor]:
        pixels = torch.from_numpy(np.stack(prepared)).float().movedim(-1, 1) / 127.5 - 1
        with torch.inference_mode(False), torch.no_grad():
            return self.networks[part](pixels)


class PackagedWords(Packaged):
    """How likely each value of each attribute is in a picture, and which of them a text names.

    The product of both is the mean probability of what the text names.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        super().__init__(path)
        self.key = f"packaged words 2 {self.mark}"
        self.name = f"the demo's own words {self.mark[:8]} (pixel portraits only)"

    def encode(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Probabilities `[pictures, values]`; those of one attribute add up to 1."""
        scores = self._seen(PEOPLE, prepared)[1].split(
            [len(one) for one in self.values.values()], dim=1
        )
        return torch.cat([part.softmax(1) for part in scores], 1).numpy()

    def texts(self, texts: Sequence[str]) -> np.ndarray:
        """Vectors `[texts, values]`: equal shares for what is named; all NaN if nothing is."""
        places = {
            (name, value): number
            for number, (name, value) in enumerate(
                (name, value) for name, values in self.values.items() for value in values
            )
        }
        found = np.zeros((len(texts), len(places)))
        for row, text in enumerate(texts):
            said = named(text, self.phrases)
            for item in said.items():
                found[row, places[item]] = 1 / len(said)
            if not said:
                found[row] = np.nan
        return found


def named(text: str, phrases: Phrases) -> dict[str, str]:
    """What a text asks for, attribute to value; the longest phrase counts, the last word stays."""
    words = re.findall(r"[a-z]+", text.lower())
    longest = max(phrase.count(" ") for phrase in phrases) + 1
    found: dict[str, str] = {}
    place = 0
    while place < len(words):
        for length in range(min(longest, len(words) - place), 0, -1):
            said = phrases.get(" ".join(words[place : place + length]))
            if said is not None:
                found |= said
                place += length
                break
        else:
            place += 1
    return found
