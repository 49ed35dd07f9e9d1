"""Captions from a chat server on the user's own machine: Ollama, llama.cpp, vLLM and others.

The format is that of OpenAI's `chat/completions`. No proxy is used and no redirection followed:
what is sent goes to that one address.
"""

import base64
import http.client
import io
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from PIL import Image

from ..data.readers.text import MOST_CAPTION
from ..files import digest, legible
from .addresses import Address
from .captioner import ASK, CannotCaption, Captioner, Said, Say, shown, tidy
from .settings import SentenceSettings

MOST_ANSWER = 4 * 2**20  # bytes
PAUSE = 1.0  # seconds before the first new attempt; twice as long before each further one
_POLL = 0.1  # seconds between looks at whether the user pressed cancel
_GRACE = 5.0  # seconds by which the connection outlasts the clock that decides


@dataclass(frozen=True)
class ServerSettings:
    """`timeout` is in seconds, for one caption; `retries` are further attempts."""

    address: Address
    model: str
    timeout: float
    retries: int


class _Failed(Exception):
    """One attempt failed; `again`: another may not."""

    def __init__(self, reason: str, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def endpoint(
    server: ServerSettings, settings: SentenceSettings, check: Callable[[], None]
) -> Captioner:
    """The captioner that a server is. `check` raises when the user presses cancel."""
    name = f"{server.model or 'the model'} at {server.address}"
    key = digest("endpoint", str(server.address), server.model, settings.model_dump_json())

    def say(picture: Image.Image) -> Said:
        body = json.dumps(_request(picture, server.model, settings)).encode()
        for attempt in range(server.retries + 1):
            if attempt:
                _wait(PAUSE * 2 ** (attempt - 1), check)
            try:
                return _said(_answer(server, body, check))
            except _Failed as error:
                if not error.again or attempt == server.retries:
                    raise CannotCaption(
                        f"{server.address}: {error}{_tried(attempt)} Check that the server runs "
                        "and that its model can see pictures."
                    ) from error
        raise AssertionError("there is at least one attempt")

    @contextmanager
    def opened() -> Iterator[Say]:
        yield say

    return Captioner(name, key, False, opened)


def _tried(attempt: int) -> str:
    return f" It was tried {attempt + 1} times." if attempt else ""


def _request(picture: Image.Image, model: str, settings: SentenceSettings) -> dict[str, Any]:
    file = io.BytesIO()
    shown(picture, settings.picture_size).save(file, "JPEG", quality=92)
    url = f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}"
    content = [
        {"type": "text", "text": settings.prompt.strip() or ASK},
        {"type": "image_url", "image_url": {"url": url}},
    ]
    named = {"model": model} if model else {}
    return named | {
        "messages": [{"role": "user", "content": content}],
        "max_tokens": settings.max_tokens,
        "temperature": settings.temperature,
        "seed": settings.seed,
        "stream": False,
    }


def _wait(seconds: float, check: Callable[[], None]) -> None:
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        check()
        time.sleep(min(_POLL, left))


def _answer(server: ServerSettings, body: bytes, check: Callable[[], None]) -> bytes:
    """What the server says, within the time. The connection is closed whatever happens, so that
    the server can stop too.
    """
    connection = _connection(server)
    got: list[bytes | _Failed] = []
    asking = threading.Thread(target=lambda: got.append(_exchange(connection, server, body)))
    asking.daemon = True  # one that hangs does not keep ComfyUI from ending
    asking.start()
    end = time.monotonic() + server.timeout
    try:
        while asking.is_alive() and time.monotonic() < end:
            check()
            asking.join(_POLL)
        late = asking.is_alive()  # closing ends it with an error of its own
    finally:
        _close(connection)
    if late:
        raise _Failed(f"it gave no answer within {server.timeout:g} seconds.", True)
    if isinstance(got[0], _Failed):
        raise got[0]
    return got[0]


def _connection(server: ServerSettings) -> http.client.HTTPConnection:
    place, patience = (server.address.host, server.address.port), server.timeout + _GRACE
    if server.address.scheme == "https":
        secure = ssl.create_default_context()
        return http.client.HTTPSConnection(*place, timeout=patience, context=secure)
    return http.client.HTTPConnection(*place, timeout=patience)


def _close(connection: http.client.HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # wakes the thread that reads
            sock.shutdown(2)
    connection.close()


def _exchange(
    connection: http.client.HTTPConnection, server: ServerSettings, body: bytes
) -> bytes | _Failed:
    """One request, and the body of its answer, or what went wrong."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if server.address.key:
        headers["Authorization"] = f"Bearer {server.address.key}"
    try:
        connection.request("POST", server.address.path, body, headers)
        answer = connection.getresponse()
        data = answer.read(MOST_ANSWER + 1)
    except (OSError, UnicodeError, http.client.HTTPException) as error:
        return _Failed(f"it cannot be reached ({_reason(error)}).", True)
    if len(data) > MOST_ANSWER:
        return _Failed(f"it answers with more than {MOST_ANSWER} bytes, which is no chat.", False)
    if 300 <= answer.status < 400:
        return _Failed(
            f"it sends on to {legible(answer.getheader('Location'))} (HTTP {answer.status}), which "
            "is not followed: write the address that it means.",
            False,
        )
    if answer.status != 200:
        again = answer.status >= 500 or answer.status in (408, 429)
        return _Failed(f"it answers HTTP {answer.status} ({_told(data)}).", again)
    return data


def _reason(error: Exception) -> str:
    return legible(getattr(error, "strerror", None) or error or type(error).__name__)


def _told(data: bytes) -> str:
    """What an answer says of what went wrong."""
    text = data.decode(errors="replace").strip()
    with suppress(ValueError, LookupError, TypeError, RecursionError):  # else as it is
        found = json.loads(text)["error"]
        text = str(found["message"] if isinstance(found, dict) else found)
    return legible(text[:300]) or "and nothing else"


def _said(data: bytes) -> Said:
    try:
        choice = json.loads(data)["choices"][0]
        content = choice["message"]["content"]
        if isinstance(content, list):
            content = "".join(part["text"] for part in content if part.get("type") == "text")
        if not isinstance(content, str):
            raise TypeError("the content is no text")
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _Failed(
            f"its answer is not that of a chat: {legible(data[:200].decode(errors='replace'))}",
            False,
        ) from error
    if len(content) > MOST_CAPTION // 4:  # bytes of a character, at most
        raise _Failed(f"its answer has {len(content)} characters, which is no caption.", False)
    return Said(tidy(content), choice.get("finish_reason") == "length")
