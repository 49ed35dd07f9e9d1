"""Grids of made-up vectors: what was learned is a direction, a prompt another, a seed a little."""

from dataclasses import dataclass

import numpy as np

from atelier.training.evaluation.scores import Evidence, score
from atelier.training.evaluation.shots import Prints, Said, Seen, Shot

WIDE, TRAINING, REFERENCES = 24, 12, 8
KINDS = {"training": 6, "trigger": 3, "context": 12, "style": 4, "plain": 8}


@dataclass(frozen=True)
class Column:
    """How a made-up LoRA behaves: shares from 0 to 1."""

    own: float = 0.9
    contexts: float = 0.85
    leak: float = 0.05
    copy: float = 0.0
    follow: float = 1.0
    checkpoint: int | None = None
    strength: float = 1.0


@dataclass(frozen=True)
class Grid:
    shots: list[Shot]
    seen: Evidence
    columns: dict[int, tuple[str, str, int | None, float]]

    @property
    def scores(self):
        return score(self.shots, self.seen)


def grid(*columns: Column, seeds=2, kinds=None, seed=0, references=REFERENCES, sees=1.5) -> Grid:
    """The base, which knows nothing of it, and a column for each of `columns`; the encoder `sees`
    so much of what was learned.
    """
    dice = np.random.default_rng(seed)
    concept, *axes = np.linalg.qr(dice.normal(size=(WIDE, WIDE)))[0]
    contents = dice.normal(size=(TRAINING + REFERENCES + 60, 8))
    scene = {place: content @ np.array(axes[:8]) for place, content in enumerate(contents)}
    real = np.array([sees * concept + scene[n] for n in range(TRAINING + REFERENCES)])
    real += 0.05 * dice.normal(size=real.shape)
    shots, rows, saids, texts = [], [], [], []
    prompts = [
        (kind, number) for kind, count in (kinds or KINDS).items() for number in range(count)
    ]
    base = Column(own=0, contexts=0, leak=0)
    for column, its in enumerate([base, *columns]):
        for place, (kind, number) in enumerate(prompts):
            for one in range(seeds):
                noise = np.random.default_rng([seed, place, one]).normal(size=(2, WIDE))
                share = {"training": its.own, "trigger": its.own, "plain": its.leak}
                much = share.get(kind, its.contexts) * sees
                row = much * concept + scene[TRAINING + REFERENCES + place] + 0.2 * noise[0]
                own = np.random.default_rng([seed, place, one, column]).normal(size=WIDE)
                row += 0.1 * own if column else 0
                copied = kind != "plain" and (place * seeds + one) % 10 < 10 * its.copy
                row = real[place % TRAINING] + 0.01 * own if copied else row
                text = f"{kind} {number}"
                shot = Shot(f"{column}-{place}-{one}", column, text, text, kind, one, column == 0)
                shots.append(shot)
                rows.append(row)
                word = np.eye(len(prompts))[place]
                texts.append(word)
                saids.append(its.follow * word + (1 - its.follow) / len(prompts))
    seen = Seen("made-up", np.array(rows), real[TRAINING:][:references], real[:TRAINING])
    names = [f"picture-{number}.png" for number in range(TRAINING)]
    prints = Prints(np.zeros(len(shots), np.uint64), np.zeros(TRAINING, np.uint64), names)
    said = Said("made-up words", np.array(saids), np.array(texts))
    named = {0: ("base", "", None, 0.0)} | {
        number: (f"column {number}", "lora", one.checkpoint, one.strength)
        for number, one in enumerate(columns, start=1)
    }
    return Grid(shots, Evidence(seen, seen, said, prints), named)
