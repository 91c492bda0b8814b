"""A server on a real socket that answers as a test says, and a run that starts nothing."""

import json
import socket

import pytest
import trio
from lok_backend_openai import OpenAI, OpenAIConfig

from lok_core import Run


class KeptRun(Run):
    """Keeps what the backend tells; starts nothing."""

    def __init__(self):
        self.env = {}
        self.said = ""
        self.signs = 0

    async def command(self, argv, **options):
        raise AssertionError(f"{argv} was started")

    def progress(self, activity):
        pass

    def alive(self):
        self.signs += 1

    def text(self, chunk):
        self.said += chunk

    def mask(self, text):
        return text


class Server:
    """Speaks HTTP/1.1, a connection for each request.

    Attributes:
        replies: what it sends to one request after the other: bytes, or a list of them; None for silence.
        always: what it sends where these are at their end.
        requests: what was asked: method, path, headers (names in lower case) and body.
    """

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.replies = []
        self.always = b""
        self.requests = []
        self.asked = trio.Event()
        self.hung_up = trio.Event()

    async def listen(self):
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(self.socket))
        await trio.serve_listeners(self.serve, [listener])

    async def serve(self, stream):
        async with stream:
            data = b""
            while b"\r\n\r\n" not in data:
                data += await stream.receive_some()
            head, _, body = data.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            while len(body) < int(headers.get("content-length", 0)):
                body += await stream.receive_some()
            method, path, _ = first.split()
            self.requests.append((method, path, headers, json.loads(body) if body else None))
            self.asked.set()
            reply = self.replies.pop(0) if self.replies else self.always
            try:
                for piece in [reply] if isinstance(reply, bytes) else reply or ():
                    await stream.send_all(piece)
                if reply is None:
                    await stream.receive_some()
            except trio.BrokenResourceError:
                pass
            self.hung_up.set()

    @property
    def bodies(self):
        """Those of the requests for an answer."""
        return [body for method, _, _, body in self.requests if method == "POST"]


@pytest.fixture
def bound():
    """A server with an address, that nobody serves yet."""
    made = Server()
    with made.socket:
        yield made


@pytest.fixture
async def server(bound, nursery):
    nursery.start_soon(bound.listen)
    return bound


@pytest.fixture
def run():
    return KeptRun()


@pytest.fixture
def backend(server):
    return OpenAI("local", OpenAIConfig(base_url=server.url, model="m-1"))
