"""A ComfyUI server, over HTTP and its web socket, from any process."""

import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from .workflow import Prompt, Workflow, to_prompt

Watch = Callable[[str, dict[str, Any]], None]
ANSWER = aiohttp.ClientTimeout(total=120, sock_connect=10)
"""Seconds for an answer: a server that loads a model may be slow. Set for each request, and not by
`asyncio.wait_for`, which swallows a cancellation that comes with the answer (Python before 3.12).
"""


class PromptFailed(RuntimeError):
    """A prompt was refused, failed or was cancelled; the text says which node and why."""


class Client:
    """One server and our session with it. Use `connect`."""

    def __init__(self, http: aiohttp.ClientSession, address: str) -> None:
        self.http = http
        self.address = address.rstrip("/")
        self.id = uuid.uuid4().hex

    async def get(self, path: str) -> Any:
        async with self.http.get(f"{self.address}{path}", timeout=ANSWER) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def post(self, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        async with self.http.post(f"{self.address}{path}", json=body, timeout=ANSWER) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def prompt_of(self, workflow: Workflow) -> Prompt:
        """The prompt for a workflow as the page saves it."""
        return to_prompt(workflow, await self.get("/object_info"))

    async def queue(self, prompt: Prompt, workflow: Workflow | None = None) -> str:
        """Put a prompt into the queue; return its id. Raises `PromptFailed` if it is refused."""
        extra = {"extra_pnginfo": {"workflow": workflow}} if workflow else {}
        body = {
            "prompt": prompt,
            "prompt_id": str(uuid.uuid4()),
            "client_id": self.id,
            "extra_data": extra,
        }
        status, answer = await self.post("/prompt", body)
        if status != 200:
            raise PromptFailed(_refusal(answer))
        return answer["prompt_id"]

    async def run(
        self, prompt: Prompt, workflow: Workflow | None = None, watch: Watch | None = None
    ) -> dict[str, Any]:
        """Queue a prompt and wait for its end; return the history's `outputs` by node.

        `watch` is told every event of the socket: its type and data, text lines as `text`.
        """
        try:
            return await self._run(prompt, workflow, watch)
        except aiohttp.ClientError as error:
            raise PromptFailed(f"The server at {self.address} is gone ({error}).") from error

    async def _run(
        self, prompt: Prompt, workflow: Workflow | None, watch: Watch | None
    ) -> dict[str, Any]:
        url = f"{self.address.replace('http', 'ws', 1)}/ws?clientId={self.id}"
        async with self.http.ws_connect(url, max_msg_size=0) as socket:
            number = await self.queue(prompt, workflow)
            async for message in socket:
                kind, data = _event(message)
                if watch:
                    watch(kind, data)
                # sent when the history is written; `execution_success` comes before it is
                if kind == "executing" and data == {"node": None, "prompt_id": number}:
                    break
        return _outputs((await self.get(f"/history/{number}")).get(number))

    async def interrupt(self) -> None:
        """Cancel what runs now."""
        await self.post("/interrupt", {})


def _event(message: Any) -> tuple[str, dict[str, Any]]:
    if message.type == aiohttp.WSMsgType.TEXT:
        event = json.loads(message.data)
        return event["type"], event.get("data") or {}
    if message.type == aiohttp.WSMsgType.BINARY and message.data[:4] == b"\x00\x00\x00\x03":
        length = int.from_bytes(message.data[4:8], "big")
        node, text = message.data[8 : 8 + length], message.data[8 + length :]
        return "text", {"node": node.decode(), "text": text.decode()}
    return "preview", {}


def _refusal(answer: Any) -> str:
    if not isinstance(answer, dict):
        return f"The server refused the prompt: {answer}"
    reasons = [answer.get("error", {}).get("message", "")]
    for node, found in answer.get("node_errors", {}).items():
        reasons += [
            f"node {node} ({found['class_type']}): {e['message']}: {e['details']}"
            for e in found["errors"]
        ]
    return "; ".join(reasons)


def _outputs(entry: dict[str, Any] | None) -> dict[str, Any]:
    if not entry:
        raise PromptFailed("The server forgot the prompt: was it restarted?")
    status = entry.get("status") or {}
    for kind, data in status.get("messages", []):
        if kind == "execution_error":
            raise PromptFailed(
                f"{data['node_type']} (node {data['node_id']}): {data['exception_message'].strip()}"
            )
        if kind == "execution_interrupted":
            raise PromptFailed("The prompt was cancelled.")
    return entry["outputs"]


@asynccontextmanager
async def connect(address: str) -> AsyncIterator[Client]:
    """A session with the server at `address` (`http://127.0.0.1:8188`)."""
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
    async with aiohttp.ClientSession(timeout=timeout) as http:
        yield Client(http, address)
