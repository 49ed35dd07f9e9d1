"""Sweeps from a terminal, for overnight and headless use.

    python custom_nodes/atelier/sweep.py run GRAPH.json --name rates
        --axis "Train LoRA.learning_rate=1e-4..1e-3 log 3" --axis "Train LoRA.rank=4, 8"
    python custom_nodes/atelier/sweep.py resume rates
    python custom_nodes/atelier/sweep.py results rates --csv rates.csv
    python custom_nodes/atelier/sweep.py list

GRAPH.json is a workflow as the page saves it, or as Export (API) does. An axis is a node (its
number, title or type), an input and its values:

    4, 8, 16    1e-5..1e-3 log 5    4..64 x2    0..1 5    0..10 +2    *.safetensors (of a list)
    "file prompts.txt" (a value a line)    1e-5..1e-3 log (all between, for random and latin)

Points are all combinations (product), or paired, random, latin; or a search: --mode search
--goal "held-out loss" --count 20 asks Optuna (pip install optuna) for each next point. More of all
this: docs/sweeps.md in the pack.

Exit codes: 0 all points are done; 1 some failed or were cancelled; 2 the plan is wrong, and nothing
was queued; 3 no server was left (the same command goes on from here); 130 stopped by Ctrl-C.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import atomic, write_json
from . import kept as store
from .estimate import amount, duration, estimate
from .kept import DONE, Kept
from .plan import Sweep
from .planning import Nobody, Wrong, first_answer, planned
from .points import MODES, SEARCH
from .results import best, table, to_csv
from .runner import Runner

ALL, SOME, WRONG, NOBODY, STOPPED = 0, 1, 2, 3, 130
LOCAL = "http://127.0.0.1:8188"
PACK = Path(__file__).absolute().parent.parent.parent


def sweeps_folder() -> Path:
    """Where the ComfyUI around this pack keeps sweeps; its page shows those of the terminal too."""
    around = PACK.parent
    base = around.parent if around.name == "custom_nodes" else Path.cwd()
    return base / "user" / "__atelier" / "sweeps"


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (Wrong, LookupError) as error:
        print(error, file=sys.stderr)
        return WRONG
    except Nobody as error:
        print(error, file=sys.stderr)
        return NOBODY
    except KeyboardInterrupt:
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return STOPPED


# ---------------------------------------------------------------- commands


def run(options: argparse.Namespace) -> int:
    info, costs = asyncio.run(first_answer(options.server or [LOCAL], options.give_up))
    sweep = planned(options, info)
    found = estimate(sweep, costs)
    say(f"{sweep.name}: {sweep.count} points")
    if found.seconds is not None and found.bytes is not None:
        say(f"about {duration(found.seconds)} of training, {amount(found.bytes)} of disk")
    if options.dry_run:
        for number in range(len(sweep.points)):
            say(f"  {number + 1}: {sweep.point_name(number)}")
        return ALL
    return _carry_out(_kept(options.folder, sweep), options)


def resume(options: argparse.Namespace) -> int:
    kept = store.find(options.folder, options.name)
    return _carry_out(kept, options)


def results(options: argparse.Namespace) -> int:
    return _told(store.find(options.folder, options.name), options)


def listing(options: argparse.Namespace) -> int:
    for kept in store.every(options.folder):
        points = kept.points(len(kept.sweep().points))
        done = sum(point.state == DONE for point in points)
        say(f"{kept.name}: {done} of {len(points)} points done")
    return ALL


def _carry_out(kept: Kept, options: argparse.Namespace) -> int:
    async def go() -> None:
        await runner.run(options.server or [LOCAL])

    runner = _runner(kept, options.give_up)

    try:
        asyncio.run(go())
    except ValueError as error:
        raise Nobody(str(error)) from error
    return _told(kept, options)


def _runner(kept: Kept, give_up: float) -> Runner:
    if kept.sweep().mode != SEARCH:
        return Runner(kept, say, give_up)
    try:
        from .search import Searching  # brings Optuna, which few have
    except ImportError as error:
        raise Wrong(
            f"A search needs Optuna ({error}). Install it: pip install optuna, with the Python of "
            "this command."
        ) from error
    return Searching(kept, say, give_up)


def _told(kept: Kept, options: argparse.Namespace) -> int:
    """Print the table, write the files, and say by the exit code how it stands."""
    found = table(kept)
    for row in found["rows"]:
        scores = ", ".join(f"{n} {s['value']:.4g}" for n, s in row.get("scores", {}).items())
        say(f"  {row['point']}: {row['name']}: {row['state']} {scores or row.get('error', '')}")
    for name in [options.best] if options.best else found["scores"]:
        points = best(found["rows"], name)
        if options.best and not points:
            say(f"No point has a score {name}. There is {', '.join(found['scores']) or 'none'}.")
        elif points:
            say(f"Best by {name}: {', '.join(map(str, points))}")
    if options.csv:
        with atomic(options.csv) as temporary:
            temporary.write_text(to_csv(found["rows"], found["axes"]), encoding="utf-8")
    if options.json:
        write_json(options.json, found)
    states = [row["state"] for row in found["rows"]]
    asked = len(states) >= kept.sweep().count
    if asked and all(state == DONE for state in states):
        return ALL
    return NOBODY if not asked or {store.WAITING, store.QUEUED} & set(states) else SOME


def _kept(folder: Path, sweep: Sweep) -> Kept:
    """The folder of this very sweep, if it was begun before, else a new one."""
    try:
        kept = store.find(folder, sweep.name)
    except LookupError:
        return store.create(folder, sweep)
    before = kept.sweep()
    same = (before.axes, before.mode, before.goal, before.prompt)
    same = same == (sweep.axes, sweep.mode, sweep.goal, sweep.prompt)
    if not same or (sweep.mode != SEARCH and before.points != sweep.points):
        raise Wrong(
            f"{kept.folder} holds another sweep of this name. Choose another --name, or go on with "
            f"that one: resume {kept.name}"
        )
    say(f"Going on with {kept.folder}")
    return kept


# ---------------------------------------------------------------- the command line


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sweep.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, does: Any, text: str, works: bool) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text)
        one.set_defaults(command=does)
        one.add_argument(
            "--folder", type=Path, default=sweeps_folder(), help="where sweeps are kept"
        )
        if works:
            one.add_argument(
                "--server",
                action="append",
                metavar="URL",
                help=f"a ComfyUI with Atelier; again for more of them (default {LOCAL})",
            )
            one.add_argument(
                "--give-up",
                type=float,
                default=600,
                metavar="SECONDS",
                help="how long to wait for a server that does not answer (default 600)",
            )
        return one

    def files(one: argparse.ArgumentParser) -> None:
        one.add_argument("--csv", type=Path, help="write the table there")
        one.add_argument("--json", type=Path, help="write the table there, with all that is known")
        one.add_argument("--best", default="", metavar="SCORE", help="the best by this score alone")

    begin = command("run", run, "plan a sweep, or go on with it, and do it", True)
    begin.add_argument("graph", type=Path, help="workflow, as saved or as of Export (API)")
    begin.add_argument("--axis", action="append", required=True, metavar="NODE.INPUT=VALUES")
    begin.add_argument("--name", default="", help="of the sweep and its runs (default: the file's)")
    begin.add_argument("--mode", choices=(*MODES, SEARCH), default="product")
    begin.add_argument("--count", type=int, default=0, help="points, but of product and paired")
    begin.add_argument("--seed", type=int, default=0, help="of what is drawn")
    begin.add_argument("--goal", default="", metavar="SCORE", help="what a search is for")
    begin.add_argument("--dry-run", action="store_true", help="show the points, and queue nothing")
    files(begin)
    again = command("resume", resume, "do the points of a sweep that are not done", True)
    again.add_argument("name")
    files(again)
    shown = command("results", results, "show and write the table of a sweep", False)
    shown.add_argument("name")
    files(shown)
    command("list", listing, "list all sweeps", False)
    return parser
