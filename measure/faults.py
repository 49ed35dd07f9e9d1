"""Is anything lost, is anything left changed? Trainings are broken in every way we know of.

Each fault is put into a small training of the demo base in a process of its own; then the files
are looked at, and the run is gone on with: it has to end, to the last bit, as a run that nothing
happened to. Needs Linux; the full disk and the read-only folder need root too.
"""

import os
import tempfile
from pathlib import Path

from ..demo import engine
from .outcome import Outcome
from .report import Report, Value

KILLS = 60


def measure(quick: bool) -> Report:
    if not hasattr(os, "fork"):
        raise SystemExit("measure faults needs a system that can fork: Linux or macOS.")
    # Not the user's own: full disks and killed servers are for folders that nobody misses.
    with tempfile.TemporaryDirectory(prefix="atelier-faults-", ignore_cleanup_errors=True) as name:
        from ..tests.conftest import make_base

        base = Path(name) / "base"
        base.mkdir()
        make_base(base)
        engine.start(base)
        return _measured(Path(name), quick)


def strangers() -> Outcome:
    """What tests/hostile tries, counted."""
    from ..tests.hostile.counted import bad_inputs

    found = bad_inputs()
    told = f"{found.refused} refused by name, {found.accepted_rightly} read rightly"
    told += "".join(f"; {failure}" for failure in found.failures[:5])
    lost = found.lost + len(found.failures)
    return Outcome("bad inputs", 0, lost, found.changed, told=told, bad_inputs=found.tried)


def _measured(place: Path, quick: bool) -> Report:
    from .faults_disk import disks
    from .faults_ground import Ground
    from .faults_kill import kills
    from .faults_process import processes
    from .faults_server import killed_server

    ground = Ground(place)
    outcomes = [kills(ground, 8 if quick else KILLS), *disks(ground), *processes(ground)]
    if not quick:
        outcomes += [killed_server(ground), strangers()]
    rows: list[dict[str, Value]] = [
        {
            "what": one.what,
            "times": one.faults or one.bad_inputs or 1,
            "lost": one.lost,
            "changed": one.changed,
            "what was said": one.told,
        }
        for one in outcomes
    ]
    figures: dict[str, Value] = {
        "kills": sum(one.kills for one in outcomes),
        "faults": sum(one.faults for one in outcomes),
        "bad_inputs": sum(one.bad_inputs for one in outcomes),
        "lost": sum(one.lost for one in outcomes),
        "changed": sum(one.changed for one in outcomes),
    }
    return Report(figures, rows, __doc__ or "")
