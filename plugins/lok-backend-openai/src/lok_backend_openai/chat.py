"""One request to an endpoint. Imported only to ask."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import trio

from lok_backend_openai.address import Address, proxy
from lok_backend_openai.failures import NO_MODEL, Refused, hint_for, no_connection, refused
from lok_backend_openai.stream import Events, Said, json_or_text, mapping, parsed
from lok_core import BackendError, Message, Run, Tool

if TYPE_CHECKING:
    import httpx2

_CONNECT_S = 10.0
_SILENCE_S = 600.0  # a server may first have to load its model; lok's own deadline is shorter as a rule
_BODY_BYTES = 16 * 2**20
_SHOWN = 8  # models that a hint names
_OPTIONAL = {
    # what an endpoint need not understand, and how it says that it does not
    "stream_options": r"stream_options",
    "response_format": r"response_format|json_schema|structured output|grammar",
    "tools": r"\btool",
}


class Chat:
    """A connection to an endpoint.

    Attributes:
        lacks: keys of a request that the endpoint has turned out not to understand, for all who ask it.
    """

    def __init__(self, address: Address, run: Run, client: httpx2.AsyncClient, lacks: set[str]) -> None:
        self.address = address
        self.run = run
        self.lacks = lacks
        self.url = address.url(run.env)
        self._client = client

    async def ask(self, body: Mapping[str, Any]) -> Said:
        """The complete answer, its text told as it comes.

        Raises:
            NotImplementedError: tools are offered, and the model, or its server, knows none.
            BackendError: there is no answer, or not all of it.
        """
        body = {**body, "stream": True, "stream_options": {"include_usage": True}}
        while True:
            if "tools" in body and "tools" in self.lacks:
                raise NotImplementedError("the model calls no tools")
            sent = {key: value for key, value in body.items() if key not in self.lacks}
            try:
                return await self._answer(sent)
            except Refused as error:
                lacking = _not_understood(error, sent)
                if lacking is None:
                    raise await self._failure(error, str(body.get("model"))) from error
                self.lacks.add(lacking)

    async def models(self) -> list[str]:
        """The names of the models that the endpoint offers.

        Raises:
            Refused: it does not tell.
            BackendError: it cannot be reached, or answers something else.
        """
        with self._troubles():
            async with self._client.stream("GET", f"{self.url}/models") as response:
                found = await _body(response)
        told = found if isinstance(found, list) else mapping(found).get("data")
        if not isinstance(told, list):
            raise BackendError("protocol", f"{self.url} does not list its models", hint_for("protocol"))
        return [name for one in told if isinstance(name := mapping(one).get("id"), str)]

    async def only_model(self) -> str:
        """The model where there is no choice.

        Raises:
            BackendError: `invalid`; there is a choice, or nothing to choose from.
        """
        try:
            return self.only_of(await self.models())
        except Refused as error:
            raise await self._failure(error, "") from error

    def only_of(self, names: Sequence[str]) -> str:
        """The only one of these models that answers.

        Raises:
            BackendError: `invalid`; there is not exactly one.
        """
        able = [name for name in names if "embed" not in name.lower()]
        if len(able) == 1:
            return able[0]
        how_many = f"{self.url} has {len(able)}" if able else f"{self.url} has none"
        raise BackendError("invalid", f"no model is named, and {how_many}", self._choose(able))

    def unknown(self, model: str, names: Sequence[str], why: str = "") -> BackendError:
        """The failure of a model that the endpoint does not have."""
        told = f": {why}" if why else f" at {self.url}"
        return BackendError("invalid", f"there is no model {model!r}{told}", self._choose(names))

    async def _answer(self, body: Mapping[str, Any]) -> Said:
        said = Said(self.run)
        with self._troubles():
            async with self._client.stream("POST", f"{self.url}/chat/completions", json=body) as response:
                if not response.is_success:
                    await _body(response)
                events = Events(said)  # whatever the content type is: some call a stream JSON
                await _each(response, events.take)
                events.end()
        if not said.seen:  # a page of HTML counts as a stream without events
            raise BackendError("protocol", f"{self.url} sent no answer", hint_for("protocol"))
        if said.finish == "content_filter" or said.refusal:
            why = said.refusal or "its content filter has stopped it"
            raise BackendError("refused", f"the model refused to answer: {why}", hint_for("refused"))
        if said.finish == "error":
            raise BackendError(
                "overloaded", f"{self.url} ended the answer with an error", hint_for("overloaded")
            )
        if said.finish == "length":
            tokens = said.usage.output_tokens
            raise BackendError(
                "truncated",
                f"the answer was cut off{f' after {tokens} tokens' if tokens else ''}",
                f"ask for less, or raise max_tokens in `body` of [backends.{self.address.name}], "
                "or the context where the model is served",
            )
        if not (said.finish or said.ended):
            raise BackendError("network", f"{self.url} hung up before the answer was complete")
        if not said.text.strip() and not said.calls(0):
            raise BackendError("empty", "it ended well but said nothing", hint_for("empty"))
        return said

    async def _failure(self, error: Refused, model: str) -> BackendError:
        failure = error.failure(self.address, self.url, key_sent="authorization" in self._client.headers)
        if error.status != 404 and not NO_MODEL.search(error.text):
            return failure
        try:
            names = await self.models()
        except (Refused, BackendError):
            return (
                failure
                if error.status != 404
                else BackendError(
                    "invalid",
                    f"there is no API at {self.url}: {error.text}",
                    "base_url ends in /v1 as a rule",
                )
            )
        if model in names:
            return failure
        return self.unknown(model, names, error.text)

    def _choose(self, names: Sequence[str]) -> str:
        if not names:
            return "load a model into the server first"
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f"-m {self.address.name}=MODEL, one of {', '.join(names[:_SHOWN])}{more}"

    @contextmanager
    def _troubles(self) -> Iterator[None]:
        """Turns those of the connection into failures."""
        http = importlib.import_module("httpx2")
        try:
            yield
        except http.ConnectTimeout as error:
            raise BackendError("network", f"no connection to {self.url} within {_CONNECT_S:g} s") from error
        except http.TimeoutException as error:
            raise BackendError(
                "stalled", f"{self.url} has stopped sending", "ask again, or ask another model"
            ) from error
        except http.RequestError as error:
            raise no_connection(error, self.url) from error
        except (http.InvalidURL, UnicodeError) as error:
            raise BackendError(
                "invalid", f"{self.url} cannot be looked up: {error}", "correct base_url, or the proxy"
            ) from error


@asynccontextmanager
async def opened(address: Address, run: Run, lacks: set[str]) -> AsyncIterator[Chat]:
    """A connection for one request.

    Raises:
        BackendError: the key is not there, or may not be sent; the proxy or the certificates cannot be used.
    """
    url, key = address.url(run.env), address.key(run.env)
    # 0.2 s, while other backends' programs may be at work.
    http = await trio.to_thread.run_sync(importlib.import_module, "httpx2", abandon_on_cancel=True)
    try:
        way = http.Proxy(given) if (given := proxy(url, run.env)) else None
    except (ValueError, http.InvalidURL):
        raise BackendError(
            "invalid",
            "the proxy cannot be used: its address is none such as http://HOST:PORT",
            "see HTTPS_PROXY, HTTP_PROXY, ALL_PROXY; a password has %2F for /, %40 for @, %3A for :",
        ) from None  # the error shows parts of the password
    try:
        client = http.AsyncClient(
            headers={"authorization": f"Bearer {key}"} if key else {},
            timeout=http.Timeout(_SILENCE_S, connect=_CONNECT_S),
            proxy=way,
            verify=_certificates(url, run.env),
            trust_env=False,  # what counts is the environment that lok hands in
        )
    except ImportError as error:
        raise BackendError(
            "invalid",
            "the proxy cannot be used: one for SOCKS needs another library",
            'pip install "httpx2[socks]"',
        ) from error
    except (ValueError, OSError) as error:
        raise BackendError(
            "invalid", f"the certificates cannot be used: {error}", "see SSL_CERT_FILE, SSL_CERT_DIR"
        ) from error
    async with client:
        yield Chat(address, run, client, lacks)


def conversation(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as the endpoint wants them."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        turn: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.role == "tool":
            turn["tool_call_id"] = message.call_id
            turn["content"] = f"error: {message.text}" if message.failed else message.text
        if message.calls:
            turn["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
                }
                for call in message.calls
            ]
        turns.append(turn)
    return turns


def offered(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """The tools as the endpoint wants them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": dict(tool.parameters),
            },
        }
        for tool in tools
    ]


def structured(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The format of an answer by that schema."""
    plain = {name: value for name, value in schema.items() if name != "$schema"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": plain}}


def _not_understood(error: Refused, sent: Mapping[str, Any]) -> str | None:
    """The key of the request without which it may be understood."""
    if error.kind not in ("invalid", "overloaded"):
        return None
    for key, words in _OPTIONAL.items():
        if key in sent and re.search(words, error.text, re.IGNORECASE):
            return key
    # Many do not say what it is that they do not understand.
    return "response_format" if error.status in (400, 422) and "response_format" in sent else None


async def _each(response: httpx2.Response, take: Callable[[bytes], bool]) -> None:
    """Hands over each chunk, until one was enough or raises.

    The loop is left by cancelling what it waits for: httpx2 does not close its generators within generators,
    which would leave them to the garbage collector.
    """
    problem: Exception | None = None
    with trio.CancelScope() as scope:
        async for chunk in response.aiter_bytes():
            if scope.cancel_called:
                continue
            try:
                enough = take(chunk)
            except (Refused, BackendError) as error:
                problem, enough = error, True
            if enough:
                scope.cancel()
    if problem is not None:
        raise problem


async def _body(response: httpx2.Response) -> Any:
    """The JSON of a response.

    Raises:
        Refused: it is an error.
        BackendError: `protocol`; it is no JSON.
    """
    data = bytearray()

    def take(chunk: bytes) -> bool:
        data.extend(chunk)
        return len(data) > _BODY_BYTES

    await _each(response, take)
    if response.is_success:
        return parsed(bytes(data))
    if response.has_redirect_location:
        to = response.headers["location"]
        raise BackendError("protocol", f"{response.url} has moved to {to}", "correct base_url")
    if response.status_code < 400:
        raise BackendError(
            "protocol",
            f"{response.url} answered with HTTP status {response.status_code}",
            hint_for("protocol"),
        )
    raise refused(json_or_text(bytes(data)), response.status_code, response.headers)


def _certificates(url: str, env: Mapping[str, str]) -> Any:
    """Those to trust, as httpx2 wants to be told: its own choice, unless the environment names some."""
    if not url.startswith("https:"):
        return False  # there is nothing to verify, and reading them takes a while
    file, folder = env.get("SSL_CERT_FILE"), env.get("SSL_CERT_DIR")
    if not file and not folder:
        return True
    import ssl

    return ssl.create_default_context(cafile=file or None, capath=folder or None)
