"""Tabs that listen to a server, in a process of their own: `… live_tabs ADDRESS`.

Each line on the standard input is how many there are from now on; the answer is the number of
tellings that they have heard in all.
"""

import asyncio
import sys

import aiohttp


class Tabs:
    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self.http = http
        self.address = address
        self.heard = 0
        self.open: list[asyncio.Task[None]] = []

    async def be(self, count: int) -> None:
        while len(self.open) > count:
            self.open.pop().cancel()
        while len(self.open) < count:
            ready = asyncio.Event()
            self.open.append(asyncio.create_task(self._listen(ready)))
            await ready.wait()

    async def _listen(self, ready: asyncio.Event) -> None:
        async with self.http.ws_connect(f"{self.address}/ws") as socket:
            ready.set()
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    self.heard += message.json()["type"] == "atelier.run"


async def main(address: str) -> None:
    async with aiohttp.ClientSession() as http:
        tabs = Tabs(http, address)
        while line := await asyncio.to_thread(sys.stdin.readline):
            await tabs.be(int(line))
            print(tabs.heard, flush=True)
        await tabs.be(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
