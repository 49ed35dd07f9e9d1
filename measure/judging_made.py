"""The pictures of planted cases, drawn once and kept: scores and limits change without drawing."""

from pathlib import Path

import numpy as np

from ..demo import engine
from ..training.files import atomic, digest
from .judging_cases import CHECK_SEED, GOOD, Case, checks, suite
from .judging_world import World

BASE = "base"


class Made:
    """A folder of `.npz`, one for each case of a seed; `studio` starts when something is missing.

    Every file has cells `[N, 16, 16, 3]`: `base`, `shots CHECKPOINT STRENGTH` in the order of the
    suite's prompts and seeds, and of a good run `check CHECKPOINT STRENGTH`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or engine.base_directory() / "judging"
        self._studio = None

    def pictures(self, here: World, seed: int, case: Case) -> dict[str, np.ndarray]:
        path = self.folder / here.name / f"{seed}-{case.name}-{self._key(here, seed, case)}.npz"
        if not path.exists():
            drawn = self._draw(here, seed, case)
            with atomic(path) as temporary, temporary.open("wb") as file:
                np.savez_compressed(file, allow_pickle=False, **drawn)
        with np.load(path) as file:
            return dict(file)

    def _key(self, here: World, seed: int, case: Case) -> str:
        """A hash of all that decides the pictures."""
        parts = [repr(suite(here, seed, case)), repr(checks(here, seed)), repr(case.columns)]
        recipe = case.recipe
        for taught in (recipe.pictures, recipe.others):
            if taught:
                parts += [digest(taught.cells.tobytes()), repr(taught.captions)]
        how = recipe.marks, recipe.seed, recipe.rate, recipe.batch, recipe.least
        return digest(*parts, repr(how))[:16]

    def _draw(self, here: World, seed: int, case: Case) -> dict[str, np.ndarray]:
        from .judging_draw import Studio
        from .judging_train import train

        self._studio = studio = self._studio or Studio()
        loras = train(studio, case.recipe)
        asked = suite(here, seed, case)
        texts, seeds = [one.text for one in asked], [one.seed for one in asked]
        checked = [text for (text, _), _ in checks(here, seed)]
        found = {BASE: studio.paint(None, texts, seeds).numpy()}
        for step, strength in case.columns:
            shown = studio.paint(loras[step], texts, seeds, strength)
            found[f"shots {step} {strength}"] = shown.numpy()
            if case.name == GOOD:
                seeds_too = range(CHECK_SEED, CHECK_SEED + len(checked))
                shown = studio.paint(loras[step], checked, seeds_too, strength)
                found[f"check {step} {strength}"] = shown.numpy()
        return found
