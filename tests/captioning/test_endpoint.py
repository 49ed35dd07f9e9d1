"""A chat server on this machine, and every way in which it can fail."""

import base64
import io
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from atelier.training.captioning import endpoint as module
from atelier.training.captioning.addresses import address_of, listed_in
from atelier.training.captioning.captioner import CannotCaption, Said
from atelier.training.captioning.endpoint import ServerSettings, endpoint
from atelier.training.captioning.settings import SentenceSettings

FILE = Path("endpoints.txt")
RED = Image.new("RGB", (400, 200), (220, 20, 20))


def chat(text, reason="stop"):
    message = {"role": "assistant", "content": text}
    return json.dumps({"choices": [{"message": message, "finish_reason": reason}]}).encode()


class Chat(ThreadingHTTPServer):
    """Answers what it is told to, in turn; the last answer again and again."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.asked, self.free = [(200, chat("a red field"))], [], threading.Event()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        number = min(len(self.server.asked), len(self.server.answers)) - 1
        status, body, *rest = self.server.answers[number]
        if status == "slow":
            self.server.free.wait(20)
            return
        if status == "drip":
            self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
            while not self.server.free.wait(0.05):
                self.wfile.write(b" ")
            return
        self.send_response(status)
        for name, value in (rest[0] if rest else {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):  # noqa: A002
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(module, "PAUSE", 0.01)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # which nobody may ask
    found = Chat()
    threading.Thread(target=found.serve_forever, args=(0.02,), daemon=True).start()
    yield found
    found.free.set()
    found.shutdown()
    found.server_close()


def ask(url, picture=RED, check=lambda: None, timeout=5.0, retries=0, model="llava", **settings):
    to = ServerSettings(address_of(url, {}, FILE), model, timeout, retries)
    with endpoint(to, SentenceSettings(**settings), check).open() as say:
        return say(picture)


def test_the_picture_and_the_question_are_sent_as_servers_want_them(server):
    said = ask(f"{server.url}/v1", max_tokens=40, temperature=0.5, seed=7, picture_size=100)
    assert said == Said("a red field")
    ((path, headers, body),) = server.asked
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert {name: body[name] for name in ("model", "max_tokens", "temperature", "seed")} == {
        "model": "llava",
        "max_tokens": 40,
        "temperature": 0.5,
        "seed": 7,
    }
    (message,) = body["messages"]
    text, image = message["content"]
    assert text["text"].startswith("Describe this picture")
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    shown = Image.open(io.BytesIO(base64.b64decode(data)))
    assert shown.size == (100, 50)
    assert shown.getpixel((50, 25)) == pytest.approx((220, 20, 20), abs=4)


def test_the_prompt_is_the_users(server):
    ask(server.url, prompt=" What colour? ")
    assert server.asked[0][2]["messages"][0]["content"][0]["text"] == "What colour?"


def test_no_model_is_named_where_none_is_given(server):
    ask(server.url, model="")
    assert "model" not in server.asked[0][2]


def test_a_caption_that_was_cut_off_is_known(server):
    server.answers = [(200, chat("a red", "length"))]
    assert ask(server.url) == Said("a red", cut=True)


def test_an_answer_in_parts_is_put_together(server):
    parts = [{"type": "text", "text": "a red"}, {"type": "text", "text": " field"}]
    server.answers = [(200, chat(parts))]
    assert ask(server.url).text == "a red field"


def test_what_no_file_may_hold_is_left_out(server):
    server.answers = [(200, chat("a\x00red \ud800 \x1b[1m field"))]
    assert ask(server.url).text == "a red ? [1m field"


def test_a_server_that_is_gone_is_told_with_its_address(server):
    url = server.url
    server.shutdown()
    server.server_close()
    with pytest.raises(CannotCaption, match=rf"{url}/v1/chat/completions: it cannot be reached"):
        ask(url)


@pytest.mark.parametrize("status", [500, 503, 429, 408])
def test_a_server_that_is_busy_is_asked_again(server, status):
    server.answers = [(status, b"busy"), (status, b"busy"), (200, chat("a red field"))]
    assert ask(server.url, retries=2).text == "a red field"
    assert len(server.asked) == 3


def test_a_server_that_stays_broken_ends_the_work(server):
    server.answers = [(500, b'{"error": {"message": "out of memory"}}')]
    with pytest.raises(CannotCaption, match=r"HTTP 500 \(out of memory\)\. It was tried 3 times"):
        ask(server.url, retries=2)
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ((404, b'{"error": "model not found"}'), r"HTTP 404 \(model not found\)"),
        ((401, b""), r"HTTP 401 \(and nothing else\)"),
        ((200, b"<html>hello</html>"), "is not that of a chat: <html>hello"),
        ((200, b"\xff\xfe\x00"), "is not that of a chat"),
        ((200, b'{"choices": []}'), "is not that of a chat"),
        ((200, b'{"choices": [{"message": {"content": 7}}]}'), "is not that of a chat"),
        ((200, b"[" * 100_000), "is not that of a chat"),
        ((200, chat("x " * 10_000)), "20000 characters, which is no caption"),
        ((200, b" " * (module.MOST_ANSWER + 1)), "more than 4194304 bytes"),
        ((307, b"", {"Location": "http://example.com/x"}), "sends on to http://example.com/x"),
    ],
)
def test_an_answer_that_is_none_is_not_asked_for_again(server, answer, named):
    server.answers = [answer]
    with pytest.raises(CannotCaption, match=named):
        ask(server.url, retries=3)
    assert len(server.asked) == 1


@pytest.mark.parametrize("how", ["slow", "drip"])
def test_a_server_that_is_too_slow_is_left(server, monkeypatch, how):
    close = module._close

    def close_and_see_it_end(connection):
        close(connection)
        time.sleep(0.2)  # the connection's own error is there before anyone looks

    monkeypatch.setattr(module, "_close", close_and_see_it_end)
    server.answers = [(how, b"")]
    begun = time.monotonic()
    with pytest.raises(CannotCaption, match=r"no answer within 0\.3 seconds\. It was tried 2"):
        ask(server.url, timeout=0.3, retries=1)
    assert time.monotonic() - begun < 15  # the server itself takes 20 for each


class Cancelled(BaseException):
    pass


def test_a_cancel_does_not_wait_for_the_server(server):
    server.answers = [("slow", b"")]
    begun = time.monotonic()

    def check():
        if server.asked:
            raise Cancelled

    with pytest.raises(Cancelled):
        ask(server.url, check=check, timeout=60)
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434/v1/chat/completions"),
        (" http://localhost:8080/v1/ ", "http://localhost:8080/v1/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
        ("https://127.3.2.1/v1/chat/completions", "https://127.3.2.1:443/v1/chat/completions"),
        ("http://LOCALHOST/openai/v1", "http://localhost:80/openai/v1/chat/completions"),
    ],
)
def test_addresses_on_this_machine_are_completed(text, full):
    assert str(address_of(text, {}, FILE)) == full


@pytest.mark.parametrize(
    "text",
    [
        "http://192.168.1.5:8000/v1",
        "http://example.com/v1",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://0.0.0.0:8000",
        "http://[::ffff:10.0.0.1]/v1",
        "http://2130706433.example/v1",
        "http://host.docker.internal:11434",
    ],
)
def test_other_machines_are_refused_until_their_user_lists_them(text):
    with pytest.raises(ValueError, match=r"not on this machine.*endpoints\.txt"):
        address_of(text, {}, FILE)
    found = address_of(text, {text: "secret"}, FILE)
    assert found.key == "secret"


def test_what_is_listed_is_that_port_and_no_other():
    listed = {"http://10.0.0.1:8000": ""}
    assert address_of("http://10.0.0.1:8000/v1", listed, FILE).port == 8000
    for other in ("http://10.0.0.1:8001/v1", "https://10.0.0.1:8000/v1", "http://10.0.0.2:8000"):
        with pytest.raises(ValueError, match="not on this machine"):
            address_of(other, listed, FILE)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1:11434",
        "ftp://127.0.0.1/x",
        "http://",
        "http://127.0.0.1:0/v1",
        "http://127.0.0.1:99999/v1",
        "http://127.0.0.1:x/v1",
        "http://user:word@127.0.0.1/v1",
        "http://example.com@127.0.0.1/v1",
        "http://127.0.0.1/v1?to=http://example.com",
        "http://127.0.0.1/v1#x",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\r\nHost: example.com",
        "http://[::1/v1",
        "file:///etc/passwd",
        "http://ｌocalhost/v1",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match="is no address of a server"):
        address_of(text, {}, FILE)


def test_no_address_means_that_nothing_is_sent():
    with pytest.raises(ValueError, match="No address is given"):
        address_of("  ", {}, FILE)


def test_the_users_list_is_a_line_for_each_with_its_key(tmp_path, server):
    file = tmp_path / "endpoints.txt"
    assert listed_in(file) == {}
    file.write_text(f"# mine\n\n{server.url} sesame\nhttp://10.0.0.1:8000\n", encoding="utf-8")
    listed = listed_in(file)
    assert listed == {server.url: "sesame", "http://10.0.0.1:8000": ""}
    to = ServerSettings(address_of(server.url, listed, file), "", 5, 0)
    with endpoint(to, SentenceSettings(), lambda: None).open() as say:
        say(RED)
    assert server.asked[0][1]["Authorization"] == "Bearer sesame"


def test_the_key_is_no_part_of_what_is_told(server):
    to = ServerSettings(address_of(server.url, {server.url: "sesame"}, FILE), "", 5, 0)
    captioner = endpoint(to, SentenceSettings(), lambda: None)
    server.answers = [(500, b"no")]
    with pytest.raises(CannotCaption) as error, captioner.open() as say:
        say(RED)
    assert "sesame" not in f"{error.value} {captioner.name}"
