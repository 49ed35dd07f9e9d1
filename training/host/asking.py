"""Who asks over HTTP, and how they are told no."""

from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import ValidationError

from ..files import legible

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def of_our_page(request: web.Request) -> bool:
    """Whether a browser says that its page is ours, or no browser says anything."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return not origin or urlsplit(origin).netloc.lower() == request.host.lower()


def no(status: int, reason: str, **more: object) -> web.Response:
    return web.json_response({"error": reason, **more}, status=status)


def answering(handler: Handler) -> Handler:
    """403 for another origin, 400 for what cannot be meant, 404 for what is not there."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if not of_our_page(request):
            return no(403, "This is for ComfyUI's own page.")
        try:
            return await handler(request)
        except LookupError as error:
            return no(404, str(error)[:1000])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = legible(".".join(map(str, first["loc"])))
            return no(400, f"The request is not what the page sends: {where}: {first['msg']}"[:500])
        except (ValueError, OSError) as error:
            return no(400, str(error)[:2000])

    return answer
