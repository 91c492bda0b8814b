"""A provider of models on 127.0.0.1 that speaks like OpenAI, Google and Anthropic, and fails on demand.

`provider_answers` tells what it answers and how a test chooses that.
"""

import json
import select
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from .provider_answers import DRIP_INTERVAL, MODES, Scripted, answer, marked
from .provider_chat import Chat
from .provider_errors import ERRORS, error, headers
from .provider_formats import Answer, Anthropic, Asked, Format, Frames, Gemini, OpenAI, encode

_SECRET_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
_BEARER = "Bearer "
_BROKEN_OFF = ("stall", "mute", "midclose", "reset")
_RESET = struct.pack("ii", 1, 0)  # of SO_LINGER: closing drops what is not sent, and says so by a RST


@dataclass
class Record:
    """One request and what became of it.

    Attributes:
        api: openai (its responses), chat (its older completions), gemini or anthropic.
        kind: `answer`, or what the programs ask beside it: `count` (of tokens), `models`, `probe` (HEAD),
            `websocket`, and `route` (gemini without a model asks which one to take).
        prompt: the user's newest message as the model sees it, without what the programs put around it.
        headers: names in lower case; of a key only its last four characters.
        mode: the mode that was played.
        done: whether the answer was sent completely.
        hung_up: whether the client closed the connection before that.
    """

    api: str
    kind: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    prompt: str = ""
    stream: bool = False
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    mode: str = "ok"
    done: bool = False
    hung_up: bool = False


Script = Callable[[Record], Scripted | str | None]


class FakeProvider:
    """`with FakeProvider() as provider:` serves at `provider.url` until the end of the block.

    Args:
        lifetime: seconds after which it stops whatever happens, so that no client waits for ever.
    """

    def __init__(self, *, lifetime: float = 300.0) -> None:
        self.lifetime = lifetime
        self.models: tuple[str, ...] = ()  # that it lists; it answers as any
        self.peak = 0  # the most answers that were under way at once
        self._active = 0
        self._records: list[Record] = []
        self._script: Script = lambda record: None
        self._limited: set[tuple[str, str, str]] = set()
        self._faults: list[BaseException] = []
        self._changed = threading.Condition()
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._timer = threading.Timer(self.lifetime, self._server.stop)
        self._timer.daemon = True
        self._timer.start()
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        self._timer.cancel()
        self._server.stop()
        self._server.server_close()
        if self._faults and kind is None:
            raise self._faults[0]

    @property
    def requests(self) -> list[Record]:
        """The requests for an answer so far."""
        return [record for record in self.all_requests if record.kind == "answer"]

    @property
    def all_requests(self) -> list[Record]:
        with self._changed:
            return list(self._records)

    def script(self, replies: Script | Iterable[Scripted | str]) -> None:
        """Prescribes the answers: one after the other, or by a function.

        The function is called in the request's own thread and may block. A string is the text. Where the
        script says nothing (None, or its end), the markers count.
        """
        if callable(replies):
            self._script = replies
            return
        queue = iter(list(replies))
        self._script = lambda record: next(queue, None)

    def wait_for(
        self, wanted: Callable[[Record], bool], *, count: int = 1, within: float = 30.0
    ) -> list[Record]:
        """Blocks until at least `count` requests are as wanted, and gives them.

        Raises:
            AssertionError: after `within` seconds; it says what had been asked.
        """

        def found() -> list[Record]:
            return [record for record in self._records if wanted(record)]

        with self._changed:
            if not self._changed.wait_for(lambda: len(found()) >= count, within):
                there = [(r.api, r.mode, r.prompt[:80], r.done, r.hung_up) for r in self._records]
                raise AssertionError(f"not {count} such request(s) within {within} s; there are: {there}")
            return found()

    def note(self, record: Record) -> None:
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def change(self, record: Record, **values: object) -> None:
        with self._changed:
            for name, value in values.items():
                setattr(record, name, value)
            self._changed.notify_all()

    def fault(self, error: BaseException) -> None:
        with self._changed:
            self._faults.append(error)

    @contextmanager
    def answering(self) -> Iterator[None]:
        with self._changed:
            self._active += 1
            self.peak = max(self.peak, self._active)
        try:
            yield
        finally:
            with self._changed:
                self._active -= 1

    def prescribed(self, record: Record, asked: Asked) -> Scripted:
        """What the script, or else the markers, say."""
        if (reply := self._script(record)) is not None:
            return Scripted(text=reply) if isinstance(reply, str) else reply
        said = marked(asked.said)
        if record.model.startswith("no-such"):
            return replace(said, mode="404")
        if said.mode == "429-once":
            with self._changed:
                known = (record.api, record.model, record.prompt)
                said = replace(said, mode="ok" if known in self._limited else "429")
                self._limited.add(known)
        return said


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, provider: FakeProvider) -> None:
        self.provider = provider
        self.stopping = False
        self._open: set[socket.socket] = set()
        self._closed = threading.Condition()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._closed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, len(_RESET)) == _RESET:
            self.close_request(request)  # the inherited one would send a FIN first
        else:
            super().shutdown_request(request)
        with self._closed:
            self._open.discard(request)
            self._closed.notify_all()

    def stop(self) -> None:
        """Ends everything that is under way."""
        self.stopping = True
        self.shutdown()
        with self._closed:
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._closed.wait_for(lambda: not self._open, 10)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keeps what is no hang-up, for the end of the block to raise."""
        error = sys.exception()
        if error and not isinstance(error, OSError):
            self.provider.fault(error)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._note(Anthropic.api, "probe")
        self._send(200, {})

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._note(OpenAI.api, "websocket")
            self._send(426, {"error": {"message": "Upgrade Required"}})
        elif self._route() == "/v1/models":
            self._note(OpenAI.api, "models")
            listed = [{"id": name, "object": "model"} for name in self.server.provider.models]
            self._send(200, {"object": "list", "data": listed, "models": []})
        else:
            self._send(404, {"error": {"message": "not found"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        route = self._route()
        if route == "/v1/responses":
            self._ask(OpenAI(), body)
        elif route == "/v1/chat/completions":
            self._ask(Chat(), body)
        elif route == "/v1/messages":
            self._ask(Anthropic(), body)
        elif route == "/v1/messages/count_tokens":
            self._note(Anthropic.api, "count", body)
            self._send(200, {"input_tokens": 1234})
        elif route.endswith(":countTokens"):
            self._note(Gemini.api, "count", body)
            self._send(200, {"totalTokens": 1234})
        elif route.endswith((":generateContent", ":streamGenerateContent")):
            self._ask(Gemini(), body)
        else:
            self._send(404, {"error": {"message": "not found"}})

    def _route(self) -> str:
        return self.path.partition("?")[0]

    def _note(
        self, api: str, kind: str, body: dict[str, Any] | None = None, asked: Asked | None = None
    ) -> Record:
        headers = {name.lower(): value for name, value in self.headers.items()}
        for name in _SECRET_HEADERS:
            if name in headers:
                headers[name] = "***" + headers[name].removeprefix(_BEARER)[-4:]
        record = Record(api=api, kind=kind, path=self._route(), headers=headers, body=body or {})
        if asked:
            record.model, record.prompt, record.stream = asked.model, asked.prompt, asked.stream
            record.tools, record.results, record.schema = asked.tools, asked.results, asked.schema
        self.server.provider.note(record)
        return record

    def _ask(self, form: Format, body: dict[str, Any]) -> None:
        asked = form.read(self.path, body)
        if asked.schema and "complexity_score" in asked.schema.get("properties", {}):
            self._note(form.api, "route", body, asked)
            rated = Answer([encode({"complexity_reasoning": "", "complexity_score": 1})])
            self._send(200, form.whole(rated, asked.model))
            return
        record = self._note(form.api, "answer", body, asked)
        provider = self.server.provider
        try:
            with provider.answering():
                said = provider.prescribed(record, asked)
                provider.change(record, mode=said.mode)
                self._play(record, form, asked, said)
        except OSError:
            self.close_connection = True
            provider.change(record, done=False, hung_up=not self.server.stopping)

    def _play(self, record: Record, form: Format, asked: Asked, said: Scripted) -> None:
        """Answers; raises an OSError where the client hangs up before the end."""
        mode = said.mode
        if mode == "hang":
            self._wait_for_hang_up()
        elif mode in ERRORS:
            key = next((self.headers[name] for name in _SECRET_HEADERS if name in self.headers), "")
            status, body = error(form.api, mode, model=asked.model, key=key.removeprefix(_BEARER))
            self._done(record)
            self._send(status, body, **headers(mode, time.time()))
        elif mode == "html":
            self._done(record)
            self._send(200, "<!doctype html><html><body><h1>Sign in to this network</h1></body></html>")
        elif mode not in MODES:
            self._send(400, {"error": {"message": f"the fake provider has no mode {mode!r}"}})
        elif asked.stream:
            self._stream(record, form.frames(answer(form, asked, said), asked.model))
        elif mode in _BROKEN_OFF:
            self._head(200, "application/json", {"Content-Length": "1000"})
            self._break_off(mode)
        else:
            self._done(record)
            self._send(200, form.whole(answer(form, asked, said), asked.model))

    def _stream(self, record: Record, frames: Frames) -> None:
        self._head(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        if record.mode != "stall":
            self._chunk(frames.head)
            for number, delta in enumerate(frames.deltas):
                if record.mode == "drip" and number:
                    self._pause(DRIP_INTERVAL)
                self._chunk(delta)
        if record.mode in _BROKEN_OFF:
            self._break_off(record.mode)
        else:
            self._done(record)
            self._chunk(frames.tail, last=True)

    def _done(self, record: Record) -> None:
        """To be called before the last bytes, so that whoever has them finds the record done."""
        self.server.provider.change(record, done=True)

    def _break_off(self, mode: str) -> None:
        self.close_connection = True
        if mode == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif mode != "midclose":
            self._wait_for_hang_up()

    def _wait_for_hang_up(self) -> None:
        self.close_connection = True
        self._pause(self.server.provider.lifetime)

    def _pause(self, seconds: float) -> None:
        """Waits; raises a ConnectionError as soon as the client has hung up."""
        readable = select.select([self.connection], [], [], seconds)[0]
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def _chunk(self, text: str, *, last: bool = False) -> None:
        data = _bytes(text)
        chunk = b"%x\r\n%b\r\n" % (len(data), data) if data else b""
        self.wfile.write(chunk + (b"0\r\n\r\n" if last else b""))

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _send(self, status: int, body: Mapping[str, Any] | str, **headers: str) -> None:
        data = _bytes(body if isinstance(body, str) else encode(body))
        content_type = "text/html" if isinstance(body, str) else "application/json"
        self._head(status, content_type, {"Content-Length": str(len(data)), **headers})
        if self.command != "HEAD":
            self.wfile.write(data)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
