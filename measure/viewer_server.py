"""What the page of grids costs the server, in a process of its own that counts memory.

`python -m atelier.measure.viewer_server BASE NAME`: the grid NAME lies in ComfyUI's folder BASE.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from ..demo import engine
from .report import Value
from .speed_memory import kib

FEW = 100


async def figures(name: str) -> dict[str, Value]:
    """Memory after the first hundred cells, and what all others, the file and votes add."""
    from aiohttp import web
    from aiohttp.test_utils import TestClient, TestServer

    from ..training.host import grid_routes

    routes = web.RouteTableDef()
    grid_routes.register(routes)
    app = web.Application()
    app.add_routes(routes)
    async with TestClient(TestServer(app)) as client:

        async def ask(path: str, **query: str) -> int:
            """How many bytes came; they are not kept."""
            answer = await client.get(grid_routes.ROOT + path, params={"name": name, **query})
            assert answer.status == 200, await answer.text()
            return sum([len(part) async for part in answer.content.iter_chunked(2**16)])

        async def see(keys: list[str]) -> None:
            for start in range(0, len(keys), 6):  # as many at once as a browser asks for
                group = keys[start : start + 6]
                await asyncio.gather(
                    *(
                        ask("/picture", key=key, size=size)
                        for key in group
                        for size in ("small", "large", "full")
                    )
                )

        told = await (await client.get(f"{grid_routes.ROOT}/one", params={"name": name})).json()
        keys = [cell["key"] for cell in told["cells"]]
        await see(keys[:FEW])
        few = kib("VmHWM")
        first = await _timed(see(keys[FEW:]))
        many = kib("VmHWM")
        again = await _timed(see(keys))
        size = await ask("/html")
        return {
            "cells": len(keys),
            "memory_mb_after_100": round(few / 1024, 1),
            "memory_mb_more_after_all": round((many - few) / 1024, 1),
            "memory_mb_more_after_the_file": round((kib("VmHWM") - many) / 1024, 1),
            "file_mb": round(size / 2**20, 1),
            "pictures_first_ms": round(1000 * first / (3 * (len(keys) - FEW)), 1),
            "pictures_again_ms": round(1000 * again / (3 * len(keys)), 1),
        }


async def _timed(work: Any) -> float:
    start = time.monotonic()
    await work
    return time.monotonic() - start


if __name__ == "__main__":
    engine.start(Path(sys.argv[1]))
    print(json.dumps(asyncio.run(figures(sys.argv[2]))))
