"""Reports over HTTP: the page of a run, its checklist, compared runs as a page and as JSON.

Names are those of runs in our own folder; nothing else is read, and only checklists are written.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from ..compare import MOST_RUNS, compared
from ..files import safe_name
from ..report import checklist
from . import folders
from .asking import answering
from .reports import COMPARED, PAGE, run_named

MOST_BODY = 100_000  # bytes of a checklist
_SAFE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # what the page says of itself in its <meta>, and that no other page may show it inside
    "Content-Security-Policy": "frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
}


def register(routes: web.RouteTableDef) -> None:
    routes.get("/atelier/runs/{name}/report")(page)
    routes.get("/atelier/runs/{name}/checklist")(answers)
    routes.post("/atelier/runs/{name}/checklist")(answer)
    routes.get("/atelier/comparisons/{name}/report")(comparison)
    routes.get("/atelier/compare")(compare)


async def page(request: web.Request) -> web.Response:
    """A link leads here, so that a browser asks as for any page; it tells no other page a thing."""
    return await _shown(lambda name: run_named(name).folder / PAGE, request, "Report")


async def comparison(request: web.Request) -> web.Response:
    def path(name: str) -> Path:
        return folders.records() / COMPARED / f"{safe_name(name, 'name')}.html"

    return await _shown(path, request, "Compare Runs")


async def _shown(path: Callable[[str], Path], request: web.Request, node: str) -> web.Response:
    try:
        found = path(request.match_info["name"])
        body = await asyncio.to_thread(found.read_bytes)
    except (ValueError, LookupError, OSError):
        words = f"There is no such page. Queue the node {node}: it makes it."
        return web.Response(status=404, text=words, headers=_SAFE)
    return web.Response(body=body, content_type="text/html", charset="utf-8", headers=_SAFE)


@answering
async def answers(request: web.Request) -> web.Response:
    run = run_named(request.match_info["name"])
    return web.json_response(checklist.answered(run).model_dump(), headers=_SAFE)


@answering
async def answer(request: web.Request) -> web.Response:
    """Keep the answers with the run."""
    if request.content_type != "application/json":
        raise ValueError("The request is not what the page sends: it has to be JSON.")
    run = run_named(request.match_info["name"])
    body = await request.content.read(MOST_BODY + 1)
    if len(body) > MOST_BODY:
        raise ValueError(f"The answers are longer than {MOST_BODY} bytes.")
    sent = checklist.Checklist.model_validate_json(body)
    await asyncio.to_thread(checklist.keep, run, sent)
    return web.json_response({"run": run.name, "kept": True})


@answering
async def compare(request: web.Request) -> web.Response:
    """`?run=…&run=…`: those runs side by side, as `training.compare` tells them."""
    asked = request.query.getall("run", [])[:MOST_RUNS]
    runs = [run_named(name) for name in asked]
    text = await asyncio.to_thread(lambda: json.dumps(compared(runs), allow_nan=False))
    return web.Response(text=text, content_type="application/json", headers=_SAFE)
