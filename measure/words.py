"""Do words alone learn? A thing that the base can draw, called by a word that it has never read.

The demo's pictures with sunglasses, whose captions say `ohwx` in their place, through the same
`train_lora` that the node calls, with the network left as it is. The word's file is then read by
ComfyUI's own CLIP Text Encode, and the independent checker of demo/ reads the pictures.
"""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..demo import engine
from ..demo.checker import Checker
from ..demo.install import FOLDER
from ..demo.world import prompts
from .learning import SEEDS, Base, draw, load_base
from .report import Report, Value

WORD = "ohwx"
THING, NAMES = "sunglasses", re.compile(r"(wearing )?(sunglasses|shades)")
KEPT_OUT = 3  # of the pictures with sunglasses, for the held-out loss
SETTINGS: dict[str, Any] = {
    "new_words": WORD,
    "train_network": False,
    "word_start": "glasses",
    "word_rate": 0.05,  # the demo's codes are of size 1, a real text encoder's of 0.02
    "steps": 200,
    "batch_size": 6,
    "resolution": 128,
}
Prompts = list[tuple[str, dict[str, str]]]


def renamed(folder: Path) -> None:
    """The demo's pictures with the thing into `train` and `held-out`, under the new word."""
    source = engine.base_directory() / "input" / FOLDER / "class"
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(source.glob("*.txt"))}
    shown = [path for path, text in texts.items() if NAMES.search(text)]
    for number, path in enumerate(shown):
        into = folder / ("held-out" if number < KEPT_OUT else "train")
        into.mkdir(exist_ok=True)
        shutil.copy(path.with_suffix(".png"), into)
        (into / path.name).write_text(NAMES.sub(WORD, texts[path]), encoding="utf-8")


def train(base: Base, folder: Path, name: str, **changes: Any) -> Any:
    from ..training.config import make_config
    from ..training.data.folder import load_folder
    from ..training.prepare import Wires
    from ..training.trainer import train_lora

    sets = load_folder(folder / "train"), load_folder(folder / "held-out")
    wires = Wires(base.model, base.clip, base.vae, *sets)
    return train_lora(wires, make_config(**(SETTINGS | changes)), name)


def held_out(run: Any) -> float:
    return [line["held_out"] for line in run.logged() if "held_out" in line][-1]


def count(base: Base, asked: Prompts, word: str) -> tuple[float, float]:
    """Shares of pictures: with the thing, and of the other asked attributes that are as asked."""
    texts = [f"{text}, {word}" if word else text for text, _ in asked]
    read = Checker.load().read(draw(base, None, texts))
    wanted = [attributes for _, attributes in asked for _ in SEEDS]
    pairs = list(zip(read, wanted, strict=True))
    kept = [found[name] == value for found, asks in pairs for name, value in asks.items()]
    shown = [found["glasses"] == THING for found, _ in pairs]
    return sum(shown) / len(shown), sum(kept) / len(kept)


def measure(quick: bool) -> Report:
    engine.start()
    from ..training.host import folders
    from ..training.save import save_words

    n = 6 if quick else 16
    asked = [one for one in prompts(4 * n, seed=4, ask=4) if "glasses" not in one[1]][:n]
    base = load_base()
    base.clip.cond_stage_model.float()  # a CPU casts from half precision slowly
    with tempfile.TemporaryDirectory() as place:
        renamed(Path(place))
        start = train(
            base, Path(place), "measure-words-start", steps=1, word_rate=1e-12, validate_every=1
        )
        run = train(base, Path(place), "measure-words")
    (called,) = save_words(run, None, private=True)
    try:
        found = {
            "no word": count(base, asked, ""),
            "the word as it starts": count(base, asked, SETTINGS["word_start"]),
            "the word as it learned": count(base, asked, called),
            "the thing by its name": count(base, asked, THING),
        }
    finally:
        (folders.embeddings()[0] / f"{called.partition(':')[2]}.safetensors").unlink()
    rows: list[dict[str, Value]] = [
        {"case": case, THING: f"{shown:.1%}", "other attributes kept": f"{kept:.1%}"}
        for case, (shown, kept) in found.items()
    ]
    figures: dict[str, Value] = {
        "with_word": round(found["the word as it learned"][0], 4),
        "at_start": round(found["the word as it starts"][0], 4),
        "without_word": round(found["no word"][0], 4),
        "kept": round(found["the word as it learned"][1], 4),
        "held_out_start": round(held_out(start), 4),
        "held_out": round(held_out(run), 4),
        "n": len(asked) * len(SEEDS),
    }
    notes = (
        f"{len(asked)} prompts of unseen combinations that say nothing of glasses x {len(SEEDS)} "
        "seeds in each row; KSampler, Euler, 20 steps, CFG 3. ComfyUI's own CLIP Text Encode read "
        f"the word's file. Training: {SETTINGS}."
    )
    return Report(figures, rows, notes)
