"""What the page asks of us over HTTP: which runs go on, that one should stop and keep, what a LoRA
file says of itself. The pages' own are in the other *_routes.py."""

import asyncio

from aiohttp import web
from server import PromptServer

from ..files import safe_name
from ..stack.names import listed
from . import dataset_routes, grid_routes, report_routes, run_routes, sweep_routes
from .asking import no, of_our_page
from .lora_choice import lora_names
from .lora_info import lora_info
from .running import ask_to_stop, running

MOST = 16  # runs in an answer


def register() -> None:
    """Add our routes to ComfyUI's, which has them under /api too. Nothing where no server is."""
    server = getattr(PromptServer, "instance", None)
    if server:
        server.routes.get("/atelier/running")(going_on)
        server.routes.post("/atelier/runs/{name}/stop")(stop)
        server.routes.get("/atelier/lora")(about_lora)
        dataset_routes.register(server.routes)
        grid_routes.register(server.routes)
        report_routes.register(server.routes)
        run_routes.register(server.routes)
        sweep_routes.register(server.routes)


async def going_on(_request: web.Request) -> web.Response:
    return web.json_response(running()[:MOST])


async def stop(request: web.Request) -> web.Response:
    """Let the run end after its step. 403 for another origin, 400 and 404 for other names."""
    if not of_our_page(request):
        return no(403, "This is for ComfyUI's own page.")
    try:
        name = safe_name(request.match_info["name"], "run name")
    except ValueError as error:
        return no(400, str(error)[:500])
    if not ask_to_stop(name):
        return no(404, "No such run goes on here at this moment.")
    return web.json_response({"run": name, "stopping": True})


async def about_lora(request: web.Request) -> web.Response:
    """`?name=`, one of the list: its picture, trigger words and settings. See `lora_info`.

    403 for another origin, 404 for a name that is not in the list, 422 for a file of no use.
    """
    if not of_our_page(request):
        return no(403, "This is for ComfyUI's own page.")
    try:
        name = listed(request.query.get("name", ""), lora_names())
    except ValueError as error:
        return no(404, str(error)[:500])
    try:
        return web.json_response(await asyncio.to_thread(lora_info, name))
    except (OSError, ValueError) as error:
        return no(422, str(error)[:500])
