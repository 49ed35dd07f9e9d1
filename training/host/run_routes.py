"""What the runs page and the training nodes ask over HTTP: the list of runs, their curves, samples
and graphs; and what is done with them. A name is one of a folder in runs, and leads nowhere else.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from ..files import legible, safe_name
from ..run import DEFAULTS, Run
from ..watching import about, trash
from ..watching.index import Index, row, told
from . import folders
from .asking import no, of_our_page
from .lora_of_run import lora_files
from .run_requests import Delete, Nothing, Restore
from .running import ask, running
from .watching import readers

ROOT = "/atelier/runs"
MOST_POINTS = 4000

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T")
Sent = TypeVar("Sent", bound=BaseModel)

_index = Index()


def register(routes: web.RouteTableDef) -> None:
    for path, handler in (
        ("", listed), ("/{name}/about", described), ("/{name}/series", series),
        ("/{name}/graph", graph),
    ):  # fmt: skip
        routes.get(f"{ROOT}{path}")(_answering(handler))
    for path, handler in (
        ("/{name}/about", say), ("/{name}/delete", delete), ("/{name}/sample", sample),
        ("/{name}/save", save),
    ):  # fmt: skip
        routes.post(f"{ROOT}{path}")(_answering(handler))
    routes.post("/atelier/trash/restore")(_answering(restore))
    routes.post("/atelier/trash/empty")(_answering(empty))


def _answering(handler: Handler) -> Handler:
    """403 for another origin, 400 for what cannot be meant, 404 for what is not there."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if not of_our_page(request):
            return no(403, "This is for ComfyUI's own page.")
        try:
            return await handler(request)
        except LookupError as error:
            return no(404, str(error.args[0] if error.args else error)[:1000])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = legible(".".join(map(str, first["loc"])))
            return no(400, f"{where}: {first['msg']}"[:500])
        except (ValueError, OSError) as error:
            return no(400, str(error)[:2000])

    return answer


def _run(request: web.Request) -> Run:
    """The run that the address names. `ValueError` for no name, `LookupError` for no run."""
    name = safe_name(request.match_info["name"], "run name")
    run = Run(folders.runs() / name)
    if not (run.folder / "config.json").is_file():
        raise LookupError(f"There is no run {legible(name)}. It may have been deleted.")
    return run


async def _apart(make: Callable[[], Any]) -> web.Response:
    """What `make` gives, from a thread, so that ComfyUI goes on answering."""
    text = await asyncio.to_thread(lambda: json.dumps(make(), separators=(",", ":")))
    return web.Response(text=text, content_type="application/json")


async def _sent(request: web.Request, kind: type[Sent]) -> Sent:
    return kind.model_validate_json(await request.read() or b"{}")


# ---------------------------------------------------------------- what is shown


async def listed(_request: web.Request) -> web.Response:
    """All runs and what is in the trash. `defaults`: settings that a row does not name."""
    going_on = {one["run"]: one["node"] for one in running()}
    return await _apart(
        lambda: {
            "runs": [
                one | {"node": going_on.get(one["name"], "")}
                for one in _index.rows(folders.runs(), set(going_on))
            ],
            "defaults": DEFAULTS,
            "trash": [asdict(one) for one in trash.listed(folders.runs())],
        }
    )


async def described(request: web.Request) -> web.Response:
    """A run in full: its settings, plan, samples, and the LoRA files that were written of it."""
    run = _run(request)
    going_on = any(one["run"] == run.name for one in running())

    def make() -> dict[str, Any]:
        asked = run.asked()
        return {
            **row(run),
            "running": going_on,
            "settings": asked["config"],
            "plan": run.plan(),
            "samples": _samples(run),
            "prompts": _prompts(asked["config"]),
            "loras": [path.name for path in lora_files(asked["key"])],
            "folder": str(run.folder),
        }

    return await _apart(make)


def _prompts(config: dict[str, Any]) -> list[str]:
    lines = str(config.get("sample_prompts", "")).splitlines()
    return [line.strip() for line in lines if line.strip()] if config.get("sample_every") else []


def _samples(run: Run) -> list[dict[str, Any]]:
    """The sample pictures by step, as ComfyUI's own /view has them."""
    steps: dict[int, list[dict[str, Any]]] = {}
    begun = run.begun()
    for path in sorted(folders.samples(run.name).glob("step-*-*.png")):
        _, step, number = path.stem.split("-", 2)
        changed = path.stat().st_mtime
        if step.isdecimal() and number.isdecimal() and changed >= begun:
            place = {"filename": path.name, "subfolder": folders.shown(path)["subfolder"]}
            picture = {"number": int(number), **place, "stamp": int(changed)}
            steps.setdefault(int(step), []).append(picture)
    return [
        {"step": step, "pictures": sorted(found, key=lambda one: one["number"])}
        for step, found in sorted(steps.items())
    ]


async def series(request: web.Request) -> web.Response:
    """`?after=` a cursor: the curves from there on; `?points=`: how many of each at most."""
    run = _run(request)
    text = request.query.get("points", "800")
    count = int(text) if text.isdecimal() and len(text) < 6 else 0
    if not 8 <= count <= MOST_POINTS:
        raise ValueError(f"points is a number from 8 to {MOST_POINTS}.")
    after = request.query.get("after", "")
    return await _apart(lambda: told(run, readers.of(run), after, count))


async def graph(request: web.Request) -> web.Response:
    """The graph that the run was queued with, for the canvas."""
    path = _run(request).graph()
    if not path:
        raise LookupError("The graph of this run is not known: it was made before it was kept.")
    data = await asyncio.to_thread(path.read_bytes)
    return web.Response(body=data, content_type="application/json")


# ---------------------------------------------------------------- what is done


async def sample(request: web.Request) -> web.Response:
    """Pictures after the present step."""
    name = _run(request).name
    if not ask(name, "sample"):
        raise LookupError("No such run goes on here at this moment.")
    return web.json_response({"run": name, "sampling": True})


async def save(request: web.Request) -> web.Response:
    """A checkpoint and a LoRA file after the present step."""
    name = _run(request).name
    if not ask(name, "save"):
        raise LookupError("No such run goes on here at this moment.")
    return web.json_response({"run": name, "saving": True})


async def say(request: web.Request) -> web.Response:
    """Title, tags, put away: what is sent, and no more. `before` is what undoes it."""
    run = _run(request)
    wanted = await _sent(request, about.Change)
    before, after = await asyncio.to_thread(about.change, run.folder, wanted)
    return web.json_response({"before": before.model_dump(), "after": after.model_dump()})


async def delete(request: web.Request) -> web.Response:
    """Into the trash. 409 for a run that goes on."""
    run = _run(request)
    wanted = await _sent(request, Delete)
    if any(one["run"] == run.name for one in running()):
        return no(409, f"{run.name} goes on at this moment: stop it first.")

    def make() -> dict[str, Any]:
        loras = lora_files(run.asked()["key"]) if wanted.loras else []
        return asdict(trash.delete(run, loras))

    return await _apart(make)


async def restore(request: web.Request) -> web.Response:
    wanted = await _sent(request, Restore)

    def make() -> dict[str, Any]:
        run, problems = trash.restore(folders.runs(), wanted.id)
        return {"run": run.name, "problems": problems}

    return await _apart(make)


async def empty(request: web.Request) -> web.Response:
    """Delete for good what is in the trash."""
    await _sent(request, Nothing)
    return await _apart(lambda: {"deleted": trash.empty(folders.runs())})
