"""What the live view costs the training loop, with no page open and with ten.

One training of the demo's base goes on all the while; every few seconds the live view is switched
off, on, and on with ten listening pages, in turns, so that all three meet the same weather. The
demo's steps are short: each real one costs much more, and the live view costs the same.
"""

import asyncio
import subprocess
import sys
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import Any

from ..demo import engine
from .report import Report, Value

NOTES = """The live view is switched off, on, and on with ten pages, in turns of {seconds:.0f} s
within one training of the demo's base (batch 1, {step:.0f} ms a step). `overhead` and
`overhead_10_tabs`: by how much more processor time this process, server included, takes for a step
with it than without it, the median of {rounds} rounds, each against its own. What a thread beside
the loop uses counts in full, so these bound what the loop pays. `…_wall` is the same by the clock
on the wall, which on a machine that others use says little below a few percent."""
TURNS = {"off": (False, 0), "on": (True, 0), "on, 10 tabs": (True, 10)}
SECONDS = 4.0


class Enough(Exception):
    """All rounds are done."""


@dataclass
class Turn:
    """The steps of one turn. `cpu` and `wall` in seconds."""

    steps: int = 0
    cpu: float = 0.0
    wall: float = 0.0


@dataclass
class Clock:
    """Told after every step; changes the turn when its seconds are over, while no clock runs."""

    rounds: int
    switch: Any
    turns: dict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    _begun: tuple[float, float] | None = None
    _steps: int = 0
    _number: int = -1

    def tell(self, step: int, _steps: int, _preview: Any = None, **_more: Any) -> None:
        now = time.perf_counter(), time.process_time()
        if step <= 5:  # these warm up
            return
        names = list(TURNS)
        self._steps += 1
        if self._begun:
            wall, cpu = now[0] - self._begun[0], now[1] - self._begun[1]
            if wall < SECONDS:
                return
            self.turns[names[self._number % 3]].append(Turn(self._steps, cpu, wall))
        self._number += 1
        if self._number == 3 * self.rounds:
            raise Enough
        self.switch(*TURNS[names[self._number % 3]])
        self._begun, self._steps = (time.perf_counter(), time.process_time()), 0


def serve(ready: threading.Event, found: list[str]) -> None:
    """ComfyUI's own server with its web socket, in this thread, for good."""
    from server import PromptServer

    from ..demo.server import free_port

    async def go() -> None:
        server: Any = PromptServer(asyncio.get_running_loop())
        server.app.add_routes(server.routes)
        await server.setup()
        port = free_port()
        await server.start("127.0.0.1", port)
        found.append(f"http://127.0.0.1:{port}")
        ready.set()
        await server.publish_loop()

    asyncio.run(go())


def measure(quick: bool) -> Report:
    engine.start()
    rounds = 3 if quick else 15
    ready, found = threading.Event(), []
    threading.Thread(target=serve, args=(ready, found), daemon=True).start()
    assert ready.wait(60), "The server did not start."
    command = [sys.executable, "-m", "atelier.measure.live_tabs", found[0]]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as tabs:
        turns, heard = train(rounds, tabs)
        assert tabs.stdin
        tabs.stdin.close()
    assert heard >= 10 * rounds, f"The tabs heard {heard} tellings: too few to measure."
    steps = [turn.wall / turn.steps for turn in turns["off"]]
    figures: dict[str, Value] = {}
    rows: list[dict[str, Value]] = []
    for name, key in (("on", "overhead"), ("on, 10 tabs", "overhead_10_tabs")):
        cpu, wall = (against(turns, name, what) for what in ("cpu", "wall"))
        figures |= {key: round(median(cpu), 4), f"{key}_wall": round(median(wall), 4)}
        low, _, high = quantiles(cpu, n=4)
        rows.append(
            {
                "live view": name,
                "processor time": f"{median(cpu):+.2%}",
                "middle half of the rounds": f"{low:+.2%} to {high:+.2%}",
                "on the wall": f"{median(wall):+.2%}",
            }
        )
    figures |= {"rounds": rounds, "tellings": heard, "step_ms": round(1000 * median(steps), 1)}
    notes = NOTES.format(seconds=SECONDS, step=1000 * median(steps), rounds=rounds)
    return Report(figures, rows, notes)


def against(turns: dict[str, list[Turn]], name: str, what: str) -> list[float]:
    """In each round: the time of a step with the live view over that without it, less 1."""
    return [
        (getattr(one, what) / one.steps) / (getattr(off, what) / off.steps) - 1
        for one, off in zip(turns[name], turns["off"], strict=True)
    ]


def train(rounds: int, tabs: "subprocess.Popen[str]") -> tuple[dict[str, list[Turn]], int]:
    """The turns by their name, and how many tellings the tabs have heard."""
    from ..training import run
    from ..training.host.mode import training_mode
    from ..training.host.progress import Progress
    from ..training.host.running import stoppable
    from ..training.host.watching import Watcher
    from ..training.session import Session
    from .learn_speed_trainers import Way, demo
    from .speed_job import progress_to

    class Switched(Watcher):
        on = False

        def look(self, going_on: bool = True) -> None:
            if self.on:
                super().look(going_on)

    heard = 0

    def switch(on: bool, count: int) -> None:
        nonlocal heard
        watcher.on = on
        assert tabs.stdin and tabs.stdout
        tabs.stdin.write(f"{count}\n")
        tabs.stdin.flush()
        heard = int(tabs.stdout.readline())

    data = demo(10**6, Way(1e-4, 1))
    clock = Clock(rounds, switch)
    with TemporaryDirectory() as place, training_mode(), stoppable("live") as running:
        this = run.create(Path(place), "live", {"config": data.config.model_dump()})
        watcher = Switched(this, running, data.config)
        watcher.start()
        with (
            suppress(Enough),
            progress_to(clock.tell),
            Session.open(this, data.wires, data.config, data.prepared) as session,
        ):
            session.train(Progress(data.config.steps), running)
        watcher.end()
    return clock.turns, heard
