"""What the page of grids asks over HTTP. Grids, cells and pictures are named as they were told.

A grid is a folder of `output/atelier/grids`; a cell is one of its manifest, and its picture lies
with those of all grids. Nothing else is read, and only votes are written.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import quote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from ..browse.contents import Contents
from ..browse.shelf import inside
from ..browse.thumbnails import SIZES, Thumbnails
from ..data.pictures import PictureError
from ..evaluation import gallery_html, votes
from ..evaluation.galleries import Galleries, folder_of, listed
from ..evaluation.gallery import Gallery, told
from .asking import answering, no
from .folders import cache, cells, grids

ROOT = "/atelier/grids"
_AGE = {"Cache-Control": "private, max-age=604800", "X-Content-Type-Options": "nosniff"}
T = TypeVar("T")

_decoders = ThreadPoolExecutor(2, "atelier-grid-pictures")  # two large pictures in memory at most
_contents = Contents()
_galleries = Galleries()


class NewVote(BaseModel):
    """A vote as the page sends it; when, is known here."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(max_length=1000)
    left: str = Field(max_length=64)
    right: str = Field(max_length=64)
    winner: Literal["left", "right", "tie"]
    voter: str = Field(max_length=80)
    blind: bool


class OldVote(NewVote):
    """A vote that is taken back, with the time that its answer told."""

    time: str = Field(max_length=64)


def register(routes: web.RouteTableDef) -> None:
    for path, handler in (
        ("", names), ("/one", one), ("/picture", picture), ("/pair", pair), ("/votes", voted),
        ("/html", page),
    ):  # fmt: skip
        routes.get(f"{ROOT}{path}")(answering(handler))
    routes.post(f"{ROOT}/votes")(answering(vote))
    routes.post(f"{ROOT}/votes/undo")(answering(undo))
    routes.post(f"{ROOT}/votes/import")(answering(take))


async def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """In a thread, so that ComfyUI goes on answering."""
    return await asyncio.to_thread(work, *arguments)


def _gallery(name: str) -> Gallery:
    return _galleries.of(folder_of(grids(), name))


async def _asked(request: web.Request) -> Gallery:
    return await _apart(_gallery, request.query.get("name", ""))


async def _made(make: Callable[[], Any]) -> web.Response:
    text = await _apart(lambda: json.dumps(make(), separators=(",", ":"), allow_nan=False))
    return web.Response(text=text, content_type="application/json")


# ---------------------------------------------------------------- what is shown


async def names(_request: web.Request) -> web.Response:
    return await _made(lambda: {"grids": listed(grids())})


async def one(request: web.Request) -> web.Response:
    """The grid with its scores, and which of its cells have no picture (any more)."""
    gallery = await _asked(request)

    def make() -> dict[str, Any]:
        missing = [tile.key for tile in gallery.tiles if not (cells() / tile.file).is_file()]
        return told(gallery) | {"missing": missing, "votes": len(votes.read(gallery.folder))}

    return await _made(make)


def _file(gallery: Gallery, key: str) -> Path:
    """A cell's picture. `LookupError` where it is none of this grid, or was deleted."""
    file = inside(cells(), cells() / gallery.tile(key).file)
    if not file.is_file():
        raise LookupError("This picture was deleted. Queue the grid again to make it anew.")
    return file


async def picture(request: web.Request) -> web.StreamResponse:
    """`size` is small, large, or full: the file itself."""
    gallery = await _asked(request)
    file = await _apart(_file, gallery, request.query.get("key", ""))
    size = request.query.get("size", "small")
    if size == "full":
        return web.FileResponse(file, headers={**_AGE, "Content-Type": "image/png"})
    return await _small(lambda: _thumbnail(file, size))


async def pair(request: web.Request) -> web.Response:
    """A training picture that a score names."""
    gallery = await _asked(request)
    wanted = request.query.get("picture", "")
    return await _small(lambda: _thumbnail(inside(gallery.folder, gallery.pair(wanted)), "large"))


def _thumbnail(file: Path, size: str) -> bytes:
    small = Thumbnails(cache() / "thumbnails", _contents)
    return small.of(file, SIZES[-1] if size == "large" else SIZES[0])


async def _small(make: Callable[[], bytes]) -> web.Response:
    try:
        data = await asyncio.get_running_loop().run_in_executor(_decoders, make)
    except PictureError as error:
        return no(422, str(error))
    return web.Response(body=data, content_type="image/webp", headers=_AGE)


async def page(request: web.Request) -> web.StreamResponse:
    """The grid as one HTML file, to be given to others, without training pictures.

    Sent while it is made, so that no more than one picture is in memory.
    """
    gallery = await _asked(request)
    pieces = gallery_html.pages(
        gallery,
        lambda key, size: _or_none(lambda: _thumbnail(_file(gallery, key), size)),
    )
    name = quote(f"{gallery.folder.name}.html")
    answer = web.StreamResponse(
        headers={
            "Content-Type": "text/html; charset=utf-8",
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
            "X-Content-Type-Options": "nosniff",
        }
    )
    loop = asyncio.get_running_loop()
    piece = await loop.run_in_executor(_decoders, next, pieces, None)
    await answer.prepare(request)
    try:
        while piece is not None:
            await answer.write(piece)
            piece = await loop.run_in_executor(_decoders, next, pieces, None)
        await answer.write_eof()
    except (OSError, ValueError):  # half a file must not look whole
        if request.transport:
            request.transport.abort()
    return answer


def _or_none(make: Callable[[], bytes]) -> bytes | None:
    try:
        return make()
    except (LookupError, PictureError, OSError):
        return None


# ---------------------------------------------------------------- votes


def _told_votes(gallery: Gallery) -> dict[str, Any]:
    found = votes.read(gallery.folder)
    result = votes.of_columns(found, gallery.column_of, len(gallery.columns))
    return {
        "votes": [one.model_dump() for one in found],
        "held": result.held,
        "columns": [vars(one) for one in result.strengths],
    }


async def voted(request: web.Request) -> web.Response:
    gallery = await _asked(request)
    return await _made(lambda: _told_votes(gallery))


async def vote(request: web.Request) -> web.Response:
    sent = NewVote.model_validate_json(await request.read())
    gallery = await _apart(_gallery, sent.name)
    for key in (sent.left, sent.right):
        gallery.tile(key)
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    new = votes.Vote(**sent.model_dump(exclude={"name"}), time=now)
    return await _made(lambda: {"added": votes.append(gallery.folder, [new]), "time": now})


async def undo(request: web.Request) -> web.Response:
    """Take back a vote that the page has just sent."""
    sent = OldVote.model_validate_json(await request.read())
    gallery = await _apart(_gallery, sent.name)
    old = votes.Vote(**sent.model_dump(exclude={"name"}))
    return await _made(lambda: {"removed": int(votes.withdraw(gallery.folder, old))})


async def take(request: web.Request) -> web.Response:
    """The votes in a file that a voter sent back; those on other grids are left out."""
    gallery = await _asked(request)
    data = await request.read()

    def make() -> dict[str, Any]:
        found = votes.sent_back(data)
        known = gallery.column_of
        own = [one for one in found if one.left in known and one.right in known]
        added = votes.append(gallery.folder, own)
        return {"added": added, "known": len(own) - added, "foreign": len(found) - len(own)}

    return await _made(make)
