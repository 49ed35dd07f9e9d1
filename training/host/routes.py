"""What the page asks of us over HTTP: which runs go on, and that one should stop and keep."""

from aiohttp import web
from server import PromptServer

from ..files import safe_name
from . import dataset_routes
from .asking import no, of_our_page
from .running import ask_to_stop, running

MOST = 16  # runs in an answer


def register() -> None:
    """Add our routes to ComfyUI's, which has them under /api too. Nothing where no server is."""
    server = getattr(PromptServer, "instance", None)
    if server:
        server.routes.get("/atelier/running")(going_on)
        server.routes.post("/atelier/runs/{name}/stop")(stop)
        dataset_routes.register(server.routes)


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
