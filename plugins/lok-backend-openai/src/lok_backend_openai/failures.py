"""What an endpoint's errors mean and what to do about them.

The words are those of OpenAI, OpenRouter, vLLM, llama.cpp, LM Studio and Ollama; only they tell apart what
comes with one status.
"""

from __future__ import annotations

import errno
import json
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from lok_backend_openai.address import Address, is_here
from lok_core import BackendError, FailureKind

_MOST = 500  # characters of a server's words
_STATUSES: dict[int, FailureKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    408: "timeout",
    413: "too_large",
    429: "rate_limit",
    504: "timeout",
}
_CODES = {
    # An error in the middle of a stream comes with status 200 and tells by its code what it would have had.
    "invalid_api_key": 401,
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
}
_WORDS: tuple[tuple[str, FailureKind, range], ...] = (
    # what it says, what that means, and with which statuses
    (r"quota|billing|credit|usage limit|spending", "quota", range(429, 430)),
    (
        r"context.{0,20}(length|size|window|limit)|context the overflows|prompt is too long"
        r"|too many (input )?tokens|maximum.{0,20}tokens",
        "too_large",
        range(400, 600),
    ),
    (r"content.?(filter|management policy)|moderation|flagged", "refused", range(400, 500)),
    (
        r"more system memory|out of memory|insufficient.{0,20}(memory|resources)",
        "unavailable",
        range(500, 600),
    ),
)
NO_MODEL = re.compile(
    r"model.{0,200}(not (be )?found|does ?n[o']t exist|not a valid|unknown)|(no|invalid|unknown) model",
    re.IGNORECASE | re.DOTALL,
)
_HINTS: dict[FailureKind, str] = {
    "quota": "wait until the limit is reset, add credit, or ask another backend with -b",
    "rate_limit": "try again in a minute, or ask less at once with --jobs 1",
    "overloaded": "try again in a moment, or ask another backend with -b",
    "refused": "put the prompt differently, or ask another backend with -b",
    "timeout": "try again, or give it more time with --timeout SECONDS",
    "too_large": "shorten the prompt, or give the model more context where it is served",
    "unavailable": "choose a smaller model, or ask another backend with -b",
    "invalid": "check the model's name and the keys of `body`",
    "empty": "ask again, or ask another model",
    "protocol": "see whether base_url is right (it ends in /v1 as a rule), or a proxy answers in its place",
}
_SERVERS = {
    11434: "start Ollama: ollama serve",
    1234: "start LM Studio's server: lms server start",
    8000: "start the server: vllm serve MODEL",
    8080: "start the server: llama-server -m MODEL.gguf",
}


class Refused(Exception):
    """The endpoint answered with an error.

    Attributes:
        status: of HTTP, or what it would be.
        text: the server's words.
        known_as: its code and type, which are no words for a person.
    """

    def __init__(
        self, status: int, text: str, known_as: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(text)
        self.status = status
        self.text = " ".join(text.split())[:_MOST] or f"HTTP status {status}"
        self.known_as = known_as
        self.retry_after_s = retry_after_s

    @property
    def kind(self) -> FailureKind:
        """What it means."""
        said = f"{self.known_as} {self.text}"
        for words, kind, statuses in _WORDS:
            if self.status in statuses and re.search(words, said, re.IGNORECASE):
                return kind
        return _STATUSES.get(self.status, "overloaded" if self.status >= 500 else "invalid")

    def failure(self, address: Address, url: str, *, key_sent: bool) -> BackendError:
        """The same for whoever asked."""
        kind = self.kind
        if kind != "auth":
            return BackendError(kind, f"{url} says: {self.text}", hint_for(kind), self.retry_after_s)
        if key_sent:
            return BackendError(
                kind, f"the key was not accepted: {self.text}", f"check {address.key_names[0]}"
            )
        return BackendError(
            kind,
            f"{url} wants a key: {self.text}",
            f'key_env = "..." in [backends.{address.name}] of lok.toml names the variable that holds it',
        )


def refused(body: Any, status: int, headers: Mapping[str, str]) -> Refused:
    """The error of a response, whatever its body is.

    Args:
        body: the JSON, or the text where it is none.
    """
    error = _unwrapped(body)
    if isinstance(error, Mapping):
        error = _unwrapped(error.get("error", error.get("detail", error)))
    told = error if isinstance(error, Mapping) else {"message": error}
    text = told.get("message") or told.get("msg") or told.get("error") or ""
    codes = [told.get("code"), told.get("type")]
    if status < 400:
        numbers = [code for code in codes if isinstance(code, int) and 400 <= code < 600]
        known = [_CODES[code] for code in codes if isinstance(code, str) and code in _CODES]
        status = next(iter([*numbers, *known]), 500)
    page = isinstance(text, str) and text.lstrip().startswith("<")
    said = "" if page else text if isinstance(text, str) else json.dumps(text)
    known_as = " ".join(str(code) for code in codes if code)
    return Refused(status, said, known_as, _retry_after_s(headers))


def _unwrapped(error: Any) -> Any:
    """The first of several; Gemini wraps an error into a list, FastAPI lists all that is wrong."""
    return error[0] if isinstance(error, list) and error and isinstance(error[0], Mapping) else error


def hint_for(kind: FailureKind) -> str:
    """What to do about a failure of that kind."""
    return _HINTS.get(kind, "")


def no_connection(error: BaseException, url: str) -> BackendError:
    """The failure of what could not be reached."""
    parts = urlsplit(url)
    reason = _root(error)
    refusing = getattr(reason, "errno", None) == errno.ECONNREFUSED
    if refusing and is_here(parts):
        start = _SERVERS.get(parts.port or 80, "start the server, or see to base_url")
        return BackendError("unavailable", f"nobody listens at {url}", start)
    why = "nobody listens there" if refusing else reason
    hint = "check base_url, the connection and the proxy"
    if "CERTIFICATE" in str(reason):
        hint = "SSL_CERT_FILE names the certificates of those that you trust"
    return BackendError("network", f"no connection to {url}: {why}", hint)


def _root(error: BaseException) -> BaseException:
    """The first cause: what wraps it says less."""
    while True:
        below = error.__cause__ or error.__context__
        if isinstance(below, BaseExceptionGroup):
            below = below.exceptions[0]
        if below is None:
            return error
        error = below


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until it may be asked again, if the headers say so."""
    with suppress(ValueError):
        return float(headers.get("retry-after-ms", "")) / 1000
    given = headers.get("retry-after", "")
    with suppress(ValueError):
        return float(given)
    if given:
        from email.utils import parsedate_to_datetime

        with suppress(ValueError):
            return max(0.0, parsedate_to_datetime(given).timestamp() - time.time())
    return None
