"""A server that answers as ComfyUI does, and trains nothing."""

import asyncio
import uuid
from contextlib import asynccontextmanager

from aiohttp import web

from atelier.demo.server import free_port

from .test_sweep_plan import INFO

NODES = {
    kind: one | {"input_order": {"required": list(one["input"]["required"])}}
    for kind, one in INFO.items()
}


class Server:
    """`takes` prompts and ends each at the `ends`-th look at it; `dies` after so many."""

    def __init__(self, port=0, ends=1, dies=0, fails=""):
        self.port, self.ends, self.dies, self.fails = port or free_port(), ends, dies, fails
        self.nodes, self.boot = NODES, uuid.uuid4().hex
        self.taken, self.looks, self.history = [], {}, {}
        self.address = f"http://127.0.0.1:{self.port}"
        self.dead = asyncio.Event()

    async def prompt(self, request):
        body = await request.json()
        self.taken.append(body["prompt"]["2"]["inputs"])
        if self.dies and len(self.taken) == self.dies:
            self.dead.set()
        prompt_id = body["prompt_id"]
        item = [len(self.taken), prompt_id, body["prompt"], body["extra_data"], []]
        self.looks[prompt_id] = [0, item]
        return web.json_response({"prompt_id": prompt_id})

    async def ask(self, request):
        prompt_id = request.match_info["id"]
        look = self.looks.get(prompt_id)
        if look and not self.dead.is_set():
            look[0] += 1
            if look[0] >= self.ends:
                del self.looks[prompt_id]
                self.history[prompt_id] = self.entry(look[1])
        return web.json_response({k: v for k, v in self.history.items() if k == prompt_id})

    def entry(self, item):
        name = item[2]["2"]["inputs"]["name"]
        error = {"node_type": "T", "node_id": "2", "exception_message": self.fails}
        messages = [["execution_error", error]] if self.fails else []
        outputs = {"2": {"atelier_run": [name]}}
        return {"prompt": item, "outputs": outputs, "status": {"messages": messages}}

    async def queue(self, _request):
        pending = [item for _, item in self.looks.values()]
        return web.json_response({"queue_running": [], "queue_pending": pending})

    async def about(self, _request):
        return web.json_response({"boot": self.boot, "costs": []})

    async def run(self, request):
        rate = next(t["rate"] for t in self.taken if t["name"] == request.match_info["run"])
        return web.json_response({"seconds": 1.0, "scores": {"loss": {"value": rate}}})

    async def info(self, _request):
        return web.json_response(self.nodes)

    def routes(self, app):
        app.router.add_get("/object_info", self.info)
        app.router.add_post("/prompt", self.prompt)
        app.router.add_get("/history/{id}", self.ask)
        app.router.add_get("/queue", self.queue)
        app.router.add_get("/atelier/sweeps/server", self.about)
        app.router.add_get("/atelier/sweeps/runs/{run}", self.run)

    @asynccontextmanager
    async def running(self):
        app = web.Application()
        self.routes(app)
        serving = web.AppRunner(app, shutdown_timeout=0.1)
        await serving.setup()
        try:
            await web.TCPSite(serving, "127.0.0.1", self.port).start()
            yield self
        finally:
            await serving.cleanup()

    @asynccontextmanager
    async def until_dead(self):
        """Serve in the background, and no more once it is dead."""

        there = asyncio.Event()

        async def go():
            async with self.running():
                there.set()
                await self.dead.wait()

        task = asyncio.create_task(go())
        await there.wait()
        yield self
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
