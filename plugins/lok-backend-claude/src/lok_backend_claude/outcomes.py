"""What Anthropic's errors mean and what to do about them, the same for the program and the API."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from lok_core import FailureKind

_STATUSES: dict[int, FailureKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    408: "timeout",
    413: "too_large",
    429: "rate_limit",
    504: "timeout",
}
# A limit that is reached for today or this month, or an empty account, comes with status 429 or 400 like what
# passes in a minute or is merely wrong; only the words tell.
_QUOTA = re.compile(r"usage limit|limit reached|hit your .{0,20}limit|credit balance|quota", re.IGNORECASE)
_TOO_LARGE = re.compile(r"prompt is too long|context (window|limit)", re.IGNORECASE)

HINTS: dict[FailureKind, str] = {
    "quota": "wait until the limit is reset, add credit at Anthropic, or ask another backend with -b",
    "rate_limit": "try again in a minute, or ask less at once with --jobs 1",
    "overloaded": "try again in a moment, or ask another backend with -b",
    "network": "check the connection, HTTPS_PROXY and ANTHROPIC_BASE_URL",
    "protocol": "see whether a proxy answers in Anthropic's place (HTTPS_PROXY, ANTHROPIC_BASE_URL)",
    "refused": "put the prompt differently, or ask another backend with -b",
    "timeout": "try again, or give it more time with --timeout SECONDS",
    "too_large": "shorten the prompt",
    "invalid": "check the model's name and the arguments",
    "empty": "ask again, or ask another model",
}


class Trouble(NamedTuple):
    """A failure as `BackendError` wants it."""

    kind: FailureKind
    message: str
    hint: str


def kind_of_status(status: int, text: str) -> FailureKind:
    """What an HTTP status with that message means."""
    if status in (400, 429) and _QUOTA.search(text):
        return "quota"
    if status == 400 and _TOO_LARGE.search(text):
        return "too_large"
    return _STATUSES.get(status, "overloaded" if status >= 500 else "invalid")


def unknown_model(model: str, name: str) -> Trouble:
    """The model does not exist, or not for this account."""
    return Trouble(
        "invalid",
        f"there is no model {model!r}, or not for this account",
        f"-m {name}=sonnet, or opus, haiku or a full name such as claude-sonnet-5",
    )


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one: streams change from version to version."""
    return value if isinstance(value, dict) else {}


def count(value: Any) -> int | None:
    """The value if it is a number of tokens."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None
