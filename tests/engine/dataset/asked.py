"""The dataset page's routes, asked as the page asks, over HTTP but in this process."""

import asyncio
import json

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from atelier.training.host import dataset_routes

ROOT = dataset_routes.ROOT
FIELDS = (
    "name", "caption", "hash", "width", "height", "mask", "stamp", "problem", "refused",
)  # fmt: skip


def ask(*wanted, headers=None):
    """Answers to requests: status, body as JSON or bytes. `(path, {query})` or `(path, body)`."""

    async def go():
        routes = web.RouteTableDef()
        dataset_routes.register(routes)
        app = web.Application(client_max_size=2**26)
        app.add_routes(routes)
        found = []
        async with TestClient(TestServer(app)) as client:
            for kind, path, given in wanted:
                more = {"params": given} if kind == "GET" else {"data": json.dumps(given)}
                answer = await client.request(kind, ROOT + path, headers=headers, **more)
                data = await answer.read()
                text = answer.content_type == "application/json"
                found.append((answer.status, json.loads(data) if text else data))
        return found

    return asyncio.run(go())


def get(path, **query):
    return ask(("GET", path, query))[0]


def post(path, **body):
    return ask(("POST", path, body))[0]


def opened(folder="cats"):
    status, answer = get("", folder=folder)
    assert status == 200, answer
    return {row[0]: dict(zip(FIELDS, row, strict=True)) for row in answer["pictures"]}
