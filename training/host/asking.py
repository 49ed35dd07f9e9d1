"""Who asks over HTTP, and how they are told no."""

from urllib.parse import urlsplit

from aiohttp import web


def of_our_page(request: web.Request) -> bool:
    """Whether a browser says that its page is ours, or no browser says anything."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return not origin or urlsplit(origin).netloc.lower() == request.host.lower()


def no(status: int, reason: str, **more: object) -> web.Response:
    return web.json_response({"error": reason, **more}, status=status)
