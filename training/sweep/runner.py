"""A sweep from a terminal: points go to whichever server is free, until none is left.

A server that goes away gives its point back; when it answers again it takes part again.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import aiohttp

from .axes import spec_of
from .client import Client, PromptFailed, connect
from .estimate import duration
from .history import Ended, ended
from .kept import CANCELLED, DONE, FAILED, LOST, QUEUED, Kept
from .plan import Sweep
from .values import typed

POLL = 1.0  # seconds between looks at a server
Say = Callable[[str], None]


class Gone(Exception):
    """A server does not answer, or has forgotten what it was given: it was started anew."""


class Runner:
    """One sweep on its way. `run` ends when no point is left, or no server."""

    def __init__(self, kept: Kept, say: Say, give_up: float = 600) -> None:
        self.kept, self.say, self.give_up = kept, say, give_up
        self.sweep: Sweep = kept.sweep()
        self.points = kept.points(len(self.sweep.points))
        left = [n for n, point in enumerate(self.points) if point.state != DONE]
        self.waiting = deque(left)
        self.under_way: set[int] = set()
        self.changed = asyncio.Condition()
        self.began = time.monotonic()
        self.times: list[float] = []
        self.servers = 0
        self.pruned: set[int] = set()  # points whose run was ended early, as a search may

    async def run(self, addresses: Sequence[str]) -> None:
        """Do the points that are not done. Every outcome is in the journal as soon as it is known.

        Raises `ValueError` where no server can do them.
        """
        results = await asyncio.gather(*map(self._serve, dict.fromkeys(addresses)))
        told = [one for one in results if one]
        if told and len(told) == len(results):
            raise ValueError("\n".join(told))

    async def _serve(self, address: str) -> str:
        """Work with one server; return why not, if it cannot be used at all."""
        async with connect(address) as client:
            try:
                info = await self._ready(client)
            except aiohttp.ClientResponseError as error:
                return f"{address} has no Atelier that knows sweeps ({error.status})."
            if info is None:
                return f"{address} does not answer."
            if refused := refusal(self.sweep, info):
                self.say(f"{address} is not used: {refused}")
                return f"{address} cannot run this sweep: {refused}"
            self.servers += 1
            try:
                await self._work(client)
            finally:
                self.servers -= 1
        return ""

    async def _ready(self, client: Client) -> Any:
        """What the server's nodes are, when it answers; None if it never does."""
        while True:
            try:
                await self.get(client, "/atelier/sweeps/server")
                return await self.get(client, "/object_info")
            except Gone as error:
                if not await self._comes_back(client, str(error)):
                    return None

    async def _work(self, client: Client) -> None:
        while (number := await self._next()) is not None:
            try:
                await self._do(client, number)
            except Gone as error:
                self._note(number, LOST, server=client.address)
                if self.points[number].state == FAILED:
                    await self._leave(number)
                else:
                    await self._leave(number, again=True)
                if not await self._comes_back(client, str(error)):
                    self.say(f"{client.address} is given up.")
                    return
            except BaseException:
                await self._leave(number, again=True)
                raise
            else:
                await self._leave(number)

    # ------------------------------------------------------------ who does what

    async def _next(self) -> int | None:
        """The next point; waits while others are at theirs, for one may come back."""
        async with self.changed:
            await self.changed.wait_for(
                lambda: self.waiting or self.can_ask() or not self.under_way
            )
            if not self.waiting and not self.can_ask():
                return None
            if not self.waiting:
                self.waiting.append(self.ask())
            number = self.waiting.popleft()
            self.under_way.add(number)
            return number

    async def _leave(self, number: int, again: bool = False) -> None:
        async with self.changed:
            self.under_way.discard(number)
            if again:
                self.waiting.appendleft(number)
            self.changed.notify_all()

    # What a search does besides; a sweep has all its points from the start.

    def can_ask(self) -> bool:
        return False

    def ask(self) -> int:
        raise NotImplementedError

    async def during(self, client: Client, number: int) -> None:
        """Called now and then while a point is on its way."""

    def after(self, number: int) -> None:
        """Called when a point has ended, whichever way."""

    # ------------------------------------------------------------ one point

    async def _do(self, client: Client, number: int) -> None:
        """Queue a point, or find it again where it was queued before, and wait for its end."""
        name, began = self.sweep.point_name(number), time.monotonic()
        prompt_id = await self._queued(client, number)
        if not prompt_id:
            try:
                prompt_id = await self._queue(client, number)
            except PromptFailed as error:
                self._note(number, FAILED, error=str(error))
                self.after(number)
                self._tell(number, f"{name}: refused. {error}")
                return
            self._tell(number, f"{name}: queued on {client.address}", False)
        end = await self._end(client, prompt_id, number)
        told = {"prompt_id": prompt_id, "server": client.address, **end.told()}
        if number in self.pruned:
            told["ended_early"] = True
        if end.runs:
            try:
                told["facts"] = await self.get(client, f"/atelier/sweeps/runs/{end.runs[-1]}")
            except aiohttp.ClientResponseError as error:
                self.say(f"{end.runs[-1]}: no facts of this run ({error.status}).")
        self._note(number, end.state, **told)
        self.after(number)
        if end.state == DONE:
            self.times.append(time.monotonic() - began)
        self._tell(number, f"{name}: {end.state}{f'. {end.error}' if end.error else ''}")

    async def _queue(self, client: Client, number: int) -> str:
        boot = (await self.get(client, "/atelier/sweeps/server"))["boot"]
        prompt, graph = self.sweep.prompt_of(number), self.sweep.workflow_of(number)
        prompt_id = await answered(client.queue(prompt, graph))
        self._note(number, QUEUED, prompt_id=prompt_id, server=client.address, boot=boot)
        return prompt_id

    async def _queued(self, client: Client, number: int) -> str:
        """The id under which this server has the point already, or none."""
        told = self.points[number].told
        prompt_id = str(told.get("prompt_id", ""))
        if told.get("state") not in (QUEUED, LOST) or told.get("server") != client.address:
            return ""
        entry, there = await self._look(client, prompt_id)
        return prompt_id if entry or there else ""

    async def _end(self, client: Client, prompt_id: str, number: int) -> Ended:
        while True:
            entry, there = await self._look(client, prompt_id)
            if entry:
                return ended(entry)
            if not there:
                boot = (await self.get(client, "/atelier/sweeps/server"))["boot"]
                if boot != self.points[number].told.get("boot"):
                    raise Gone("It was started anew and has forgotten what it was given.")
                return Ended(CANCELLED, "It was taken out of the queue.")
            await self.during(client, number)
            await asyncio.sleep(POLL)

    async def _look(self, client: Client, prompt_id: str) -> tuple[Any, bool]:
        """The prompt's entry in the history, and whether it is still in the queue."""

        async def entry() -> Any:
            return (await self.get(client, f"/history/{prompt_id}")).get(prompt_id)

        if found := await entry():
            return found, False
        queue = await self.get(client, "/queue")
        if any(item[1] == prompt_id for part in queue.values() for item in part):
            return None, True
        return await entry(), False  # it may have ended between the two

    # ------------------------------------------------------------ a server

    async def get(self, client: Client, path: str) -> Any:
        return await answered(client.get(path))

    async def _comes_back(self, client: Client, why: str) -> bool:
        """Wait until a server answers again; False after `give_up` seconds, or when all is done."""
        self.say(f"{client.address} does not answer ({why}). Waiting for it.")
        deadline = time.monotonic() + self.give_up
        while time.monotonic() < deadline:
            if not self.waiting and not self.under_way:
                return False
            await asyncio.sleep(POLL)
            try:
                await self.get(client, "/atelier/sweeps/server")
            except (Gone, aiohttp.ClientResponseError):
                continue
            self.say(f"{client.address} answers again.")
            return True
        return False

    # ------------------------------------------------------------ what is told

    def _note(self, number: int, state: str, **told: Any) -> None:
        point = self.points[number]
        if state == LOST and "prompt_id" in point.told:
            told = {key: point.told[key] for key in ("prompt_id", "boot")} | told
        self.kept.note(number, state, **told)
        point.take({"state": state, **told})

    def _tell(self, number: int, text: str, over: bool = True) -> None:
        total = max(self.sweep.count, len(self.points))
        ended = sum(one.state in (DONE, FAILED, CANCELLED) for one in self.points)
        left = total - sum(one.state == DONE for one in self.points)
        more = ""
        if over and self.times and left:
            usual = median(self.times)  # the first also loads the base and fills the caches
            more = f" About {duration(usual * left / max(1, self.servers))} left."
        head = f"[{ended}/{total}]" if over else f"[{number + 1}]"
        self.say(f"{head} {text}.{more}".replace("..", "."))


async def answered(asking: Any) -> Any:
    """An answer. Raises `Gone` where there is none, `aiohttp.ClientResponseError` for 4xx."""
    try:
        return await asking
    except aiohttp.ClientResponseError as error:
        if error.status >= 500:
            raise Gone(f"{error.status}") from error
        raise
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
        raise Gone(str(error) or type(error).__name__) from error


def refusal(sweep: Sweep, object_info: Mapping[str, Any]) -> str:
    """Why a server cannot do the points: a node or a choice that it does not have; else nothing."""
    missing = {node["class_type"] for node in sweep.prompt.values()} - object_info.keys()
    if missing:
        return f"it has no node {', '.join(sorted(missing))}"
    for place, axis in enumerate(sweep.axes):
        try:
            spec = spec_of(object_info, sweep.prompt[axis.node]["class_type"], axis.input)
            for value in dict.fromkeys(point[place] for point in sweep.points):
                typed(value, spec)
        except ValueError as error:
            return f"{axis.label}: {error}"
    return ""
