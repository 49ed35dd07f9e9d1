"""What the dataset page asks over HTTP. Folders as Load Dataset allows them, names as listed.

A request names a folder and the path of a picture in it. The folder goes through `resolve_folder`
each time; the path must be one of those that were listed there, and lead nowhere else.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web
from pydantic import ValidationError

from ..browse import facts, journal
from ..browse.contents import Contents
from ..browse.looking import Looking
from ..browse.shelf import Shelf, Shelves
from ..browse.thumbnails import SIZES, Thumbnails
from ..curation.checks import fit
from ..curation.curate import usual_step
from ..curation.settings import CurationSettings
from ..data.buckets import bucket_sizes, nearest_bucket
from ..data.dataset import Record
from ..data.pictures import PictureError
from ..files import legible
from ..influence.findings import marks
from .asking import no, of_our_page
from .dataset_requests import Caption, Captions, Decided, OfFolder, sent
from .folders import cache, records, resolve_folder
from .token_counts import count_one

ROOT = "/atelier/dataset"
_AGE = {"Cache-Control": "private, max-age=604800, immutable"}

Handler = Callable[[web.Request], Awaitable[web.Response]]
T = TypeVar("T")

_decoders = ThreadPoolExecutor(2, "atelier-thumbnails")  # two large pictures in memory at most
_contents = Contents()
_shelves = Shelves(lambda: cache() / "listing")
_findings = facts.Findings(lambda: cache() / "looks", _contents)
_looking = Looking(lambda: cache() / "looks", _contents)


def register(routes: web.RouteTableDef) -> None:
    for path, handler in (
        ("", listed), ("/facts", told), ("/tokens", tokens), ("/crop", crop),
        ("/thumbnail", thumbnail), ("/mask", mask), ("/look", looked),
    ):  # fmt: skip
        routes.get(f"{ROOT}{path}")(_answering(handler))
    for path, handler in (
        ("/caption", save), ("/captions", save_all), ("/decisions", decide),
        ("/look", look), ("/look/stop", stop_looking),
    ):  # fmt: skip
        routes.post(f"{ROOT}{path}")(_answering(handler))


def _answering(handler: Handler) -> Handler:
    """403 for another origin, 400 for what cannot be meant, 404 for what is not there."""

    async def answer(request: web.Request) -> web.Response:
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


async def _apart(work: Callable[..., T], *arguments: Any) -> T:
    """In a thread, so that ComfyUI goes on answering."""
    return await asyncio.to_thread(work, *arguments)


def _shelf(folder: str) -> Shelf:
    return _shelves.of(resolve_folder(folder))


async def _asked(request: web.Request) -> Shelf:
    return await _apart(_shelf, request.query.get("folder", ""))


def _json(make: Callable[[], Any]) -> str:
    return json.dumps(make(), separators=(",", ":"))


async def _made(make: Callable[[], Any]) -> web.Response:
    return web.Response(text=await _apart(_json, make), content_type="application/json")


# ---------------------------------------------------------------- what is shown


async def listed(request: web.Request) -> web.Response:
    """Every picture, after bulk changes that were cut off are finished."""

    def make() -> dict[str, Any]:
        folder = resolve_folder(request.query.get("folder", ""))
        shelf = _shelves.of(folder, anew=True)
        finished = journal.finish(_journals(), shelf)
        if finished.saved:
            shelf = _shelves.of(folder, anew=True)
        return {
            "folder": str(shelf.folder),
            "name": shelf.folder.name,
            "pictures": [
                [
                    one.name, one.caption, one.hash, one.width, one.height, int(one.mask),
                    one.stamp, one.problem, one.refused,
                ]
                for one in shelf.entries.values()
            ],
            "finished": len(finished.saved),
            "refused": [asdict(one) | _theirs(one) for one in finished.refused],
        }  # fmt: skip

    return await _made(make)


async def tokens(request: web.Request) -> web.Response:
    shelf = await _asked(request)
    return await _made(lambda: {n: count_one(one.caption) for n, one in shelf.entries.items()})


async def told(request: web.Request) -> web.Response:
    """Decisions, and what is known from looks that were taken before."""
    shelf = await _asked(request)

    def make() -> dict[str, Any]:
        known = facts.told(records() / "curation", shelf, _contents)
        found = _findings.of(shelf)
        return {
            "decided": known.decided,
            "reasons": facts.marked(facts.joined(known, found), marks(records()), shelf, _contents),
            "alike": found.alike,
            "clusters": known.clusters,
            "looked": found.looked,
            "resolution": found.resolution,
            **_progress(shelf),
        }

    return await _made(make)


def _progress(shelf: Shelf) -> dict[str, Any]:
    """How far the looking is, if it goes on, and why it ended, if by an error."""
    work = _looking.told(shelf.folder)
    going_on = {"done": work.done, "total": work.total} if work else None
    return {"looking": going_on, "error": _looking.failed(shelf.folder)}


async def looked(request: web.Request) -> web.Response:
    return web.json_response(_progress(await _asked(request)))


async def crop(request: web.Request) -> web.Response:
    """Where the middle view of a training at `resolution` cuts a picture, as shares of it."""
    shelf = await _asked(request)
    entry = shelf.find(request.query.get("name", ""))
    text = request.query.get("resolution", "1024")
    resolution = int(text) if text.isdecimal() and len(text) < 6 else 0
    if not 64 <= resolution <= 8192 or entry.problem:
        raise ValueError(entry.problem or "resolution is a number from 64 to 8192.")
    sizes = bucket_sizes(resolution, usual_step(resolution))
    record = Record(entry.path, "", entry.width, entry.height)
    fitted = fit(record, nearest_bucket(entry.width, entry.height, sizes))
    width, height = fitted.size
    scale = min(entry.width / width, entry.height / height)
    wide, tall = width * scale / entry.width, height * scale / entry.height
    return web.json_response(
        {
            "bucket": [width, height],
            "box": [(1 - wide) / 2, (1 - tall) / 2, wide, tall],
            "enlarged": fitted.enlarged,
            "cut_off": fitted.cut_off,
        }
    )


async def thumbnail(request: web.Request) -> web.Response:
    shelf = await _asked(request)
    size = SIZES[-1] if request.query.get("size") == "large" else SIZES[0]
    name = request.query.get("name", "")
    return await _picture(lambda: _thumbnails().of(shelf.picture(name), size))


async def mask(request: web.Request) -> web.Response:
    shelf = await _asked(request)
    return await _picture(partial(_thumbnails().mask, shelf, request.query.get("name", "")))


async def _picture(make: Callable[[], bytes | None]) -> web.Response:
    try:
        data = await asyncio.get_running_loop().run_in_executor(_decoders, make)
    except PictureError as error:
        return no(422, str(error))
    if data is None:
        return no(404, "This picture has no mask.")
    return web.Response(body=data, content_type="image/webp", headers=_AGE)


def _thumbnails() -> Thumbnails:
    return Thumbnails(cache() / "thumbnails", _contents)


# ---------------------------------------------------------------- what is changed


async def save(request: web.Request) -> web.Response:
    """One caption. 409, with what the file holds now, where it was changed by somebody else."""
    body = await sent(request, Caption)
    shelf = await _apart(_shelf, body.folder)
    shelf.find(body.name)
    change = journal.Change(body.name, body.expected, body.text)
    outcome = await _apart(journal.save, shelf, [change])
    for one in outcome.refused:
        changed = one.hash is not None and one.hash != body.expected
        more = _theirs(one) if changed else {}
        return no(409 if changed else 400, one.error[:1000], **more)
    tokens = await _apart(count_one, body.text)
    return web.json_response({"hash": outcome.saved[body.name], "tokens": tokens})


async def save_all(request: web.Request) -> web.Response:
    """Many captions, through a journal; each that was changed by somebody else is left."""
    body = await sent(request, Captions)
    shelf = await _apart(_shelf, body.folder)

    def make() -> dict[str, Any]:
        outcome = journal.save_all(_journals(), shelf, body.changes)
        texts = {change.name: change.text for change in body.changes}
        return {
            "saved": {n: [own, count_one(texts[n])] for n, own in outcome.saved.items()},
            "refused": [asdict(one) | _theirs(one) for one in outcome.refused],
        }

    return await _made(make)


def _theirs(one: journal.Refused) -> dict[str, Any]:
    return {"theirs": one.theirs, "hash": one.hash, "tokens": count_one(one.theirs)}


def _journals() -> Path:
    return records() / "captions"


async def decide(request: web.Request) -> web.Response:
    body = await sent(request, Decided)
    shelf = await _apart(_shelf, body.folder)

    def make() -> dict[str, Any]:
        before, after = facts.decide(records() / "curation", shelf, _contents, body.decisions)
        return {"before": before, "decided": after}

    return await _made(make)


async def look(request: web.Request) -> web.Response:
    body = await sent(request, OfFolder)
    shelf = await _apart(_shelf, body.folder)
    work = await _apart(_looking.start, shelf, CurationSettings().resolution)
    return web.json_response({"done": work.done, "total": work.total})


async def stop_looking(request: web.Request) -> web.Response:
    body = await sent(request, OfFolder)
    _looking.stop((await _apart(_shelf, body.folder)).folder)
    return web.json_response({"stopping": True})
