"""What the page and the terminal ask about sweeps over HTTP.

The page makes the plan here and queues each point itself, as an ordinary prompt.
"""

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web

from ..files import safe_name
from ..sweep import facts as of_runs
from ..sweep import kept as store
from ..sweep.axes import Asked, make_axes
from ..sweep.estimate import Estimate, estimate
from ..sweep.plan import Sweep, make_sweep
from ..sweep.points import make_points
from ..sweep.requests import AskedSweep
from ..sweep.results import pareto, table, to_csv
from . import folders
from .asking import answering
from .dataset_requests import sent
from .sweeps import BOOT, ServerReader, look, object_info, sweeps, watch

ROOT = "/atelier/sweeps"
SHOWN = 12  # names of points in a preview


def register(routes: web.RouteTableDef) -> None:
    for path, handler in (
        ("", listed), ("/server", server), ("/runs/{run}", about_run), ("/of/{name}", shown),
        ("/of/{name}/points/{point}", point), ("/of/{name}/table.csv", as_csv),
    ):  # fmt: skip
        routes.get(f"{ROOT}{path}")(answering(handler))
    for path, handler in (
        ("", make), ("/preview", preview), ("/of/{name}/resume", resume),
    ):  # fmt: skip
        routes.post(f"{ROOT}{path}")(answering(handler))


def _planned(body: AskedSweep) -> Sweep:
    return make_sweep(
        body.name,
        body.mode,
        body.asked,
        body.prompt,
        object_info({node["class_type"] for node in body.prompt.values()}),
        count=body.count,
        seed=body.seed,
        workflow=body.workflow,
        reader=ServerReader(),
    )


def _found(request: web.Request) -> store.Kept:
    return store.find(sweeps(), request.match_info["name"])


# ---------------------------------------------------------------- before it begins


async def preview(request: web.Request) -> web.Response:
    """Count, time and disk of what is asked; `wrong` by axis, and `error` of the whole."""
    body = await sent(request, AskedSweep)
    return web.json_response(await asyncio.to_thread(_preview, body))


def _preview(body: AskedSweep) -> dict[str, Any]:
    wrong = [_wrong(body, one) for one in body.asked]
    try:
        made = _planned(body)
    except ValueError as error:
        return {"wrong": wrong, "error": str(error)[:1000]}
    found = estimate(made, of_runs.costs(folders.runs()))
    names = [made.point_name(number) for number in range(min(SHOWN, len(made.points)))]
    return {"wrong": wrong, "error": "", "count": len(made.points), "names": names, **_told(found)}


def _told(found: Estimate) -> dict[str, Any]:
    return {"runs": found.runs, "seconds": found.seconds, "bytes": found.bytes}


def _wrong(body: AskedSweep, one: Asked) -> str:
    """What is wrong with one axis alone."""
    kinds = {node["class_type"] for node in body.prompt.values()}
    try:
        axes = make_axes([one], body.prompt, object_info(kinds), ServerReader(), body.workflow)
        if body.mode in ("product", "paired"):
            make_points(axes, body.mode, 0, 0)
    except ValueError as error:
        return str(error)[:1000]
    return ""


async def make(request: web.Request) -> web.Response:
    """Keep the plan; from then on its points can be had, queued and followed."""
    body = await sent(request, AskedSweep)

    def go() -> dict[str, Any]:
        kept = store.create(sweeps(), _planned(body))
        return {"name": kept.name, "points": list(range(1, len(kept.sweep().points) + 1))}

    made = await asyncio.to_thread(go)
    watch(store.find(sweeps(), made["name"]))
    return web.json_response(made)


# ---------------------------------------------------------------- while it goes on, and after


async def listed(_request: web.Request) -> web.Response:
    """All sweeps, the newest first, with how many points are in which state."""

    def go() -> list[dict[str, Any]]:
        found = []
        for kept in store.every(sweeps()):
            try:
                states = [one.state for one in kept.points(len(kept.sweep().points))]
            except ValueError as error:
                found.append({"name": kept.name, "error": str(error)[:500]})
                continue
            counts = {state: states.count(state) for state in store.STATES}
            found.append({"name": kept.name, "begun": kept.begun(), "points": counts})
        return found

    return web.json_response(await asyncio.to_thread(go))


async def shown(request: web.Request) -> web.Response:
    """The table as it is now. `?pareto=a&pareto=b` adds the points of that front."""
    kept = _found(request)
    wanted = request.query.getall("pareto", [])

    def go() -> dict[str, Any]:
        look(kept)
        found = table(kept)
        return found | ({"pareto": pareto(found["rows"], wanted)} if wanted else {})

    return web.json_response(await asyncio.to_thread(go))


async def as_csv(request: web.Request) -> web.Response:
    kept = _found(request)
    found = await asyncio.to_thread(table, kept)
    text = to_csv(found["rows"], found["axes"])
    name = f'attachment; filename="{kept.name}.csv"'.encode("ascii", "replace").decode()
    return web.Response(text=text, content_type="text/csv", headers={"Content-Disposition": name})


async def point(request: web.Request) -> web.Response:
    """Prompt and graph of a point, to be queued or opened."""
    kept = _found(request)
    sweep = await asyncio.to_thread(kept.sweep)
    text = request.match_info["point"]
    number = int(text) - 1 if text.isdecimal() and len(text) < 9 else -1
    if not 0 <= number < len(sweep.points):
        raise LookupError(f"{kept.name} has the points 1 to {len(sweep.points)}.")
    whole = replace(sweep, workflow=sweep.workflow or {"nodes": [], "links": [], "version": 0.4})
    return web.json_response(
        {
            "name": sweep.point_name(number),
            "prompt": sweep.prompt_of(number),
            "workflow": whole.workflow_of(number),
            "graph": sweep.workflow is not None,
        }
    )


async def resume(request: web.Request) -> web.Response:
    """The points that are to be queued: neither done nor in the queue."""
    kept = _found(request)

    def go() -> list[int]:
        points, _ = look(kept)
        open_ = (store.WAITING, store.FAILED, store.CANCELLED)
        return [number for number, one in enumerate(points, start=1) if one.state in open_]

    left = await asyncio.to_thread(go)
    watch(kept)
    return web.json_response({"name": kept.name, "points": left})


async def server(_request: web.Request) -> web.Response:
    """For the terminal: which start of the server this is, and what earlier runs cost."""
    costs = await asyncio.to_thread(of_runs.costs, folders.runs())
    return web.json_response({"boot": BOOT, "costs": costs})


async def about_run(request: web.Request) -> web.Response:
    name = safe_name(request.match_info["run"], "run name")
    return web.json_response(await asyncio.to_thread(of_runs.facts, folders.runs() / name))
