"""Failures that a program tells in words: which kind each is, and what to say of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from lok_core.models import FailureKind

_ERROR = re.compile(r"error|fail", re.IGNORECASE)
_TELLING = re.compile(r"error|message|detail|reason|status|code", re.IGNORECASE)


@frozen
class KnownFailure:
    """What a message of a failed run means.

    Attributes:
        match: a regular expression, searched for in the message whatever the case.
        kind: what it means.
        meaning: the same in words, with placeholders in braces for `recognised`.
        hint: what to do about it.
    """

    match: str
    kind: FailureKind
    meaning: str
    hint: str = ""


def recognised(
    known: Sequence[KnownFailure], message: str, told: str, **words: object
) -> tuple[FailureKind, str, str]:
    """Kind, message and hint of the first that matches, else `protocol`; as `Reading.failure` wants it.

    Args:
        message: all that the program said.
        told: what of it a person is shown.
        words: for the placeholders.
    """
    told = told or "no reason given"
    for failure in known:
        if re.search(failure.match, message, re.IGNORECASE):
            return failure.kind, f"{failure.meaning.format(**words)}: {told}", failure.hint
    return "protocol", told, ""


def texts_in(value: Any, key: str = "") -> Iterator[str]:
    """The texts of an object that may tell of a failure, and its codes."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts_in(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            yield from texts_in(inner, key)
    elif isinstance(value, str) or (value and not isinstance(value, bool) and _TELLING.search(key)):
        yield f"{value}" if isinstance(value, str) else f"{key}: {value}"


def wording_of(told: Sequence[str]) -> str:
    """What of an object's texts says most: one in words, rather than an identifier or a code."""
    prose = (text for text in told if " " in text and not re.fullmatch(r"\w+: \S+", text))
    return next(prose, next(iter(told), "it tells of a failure"))


def speaks_of_failure(item: Mapping[str, Any]) -> bool:
    """Whether an object speaks of a failure: it may as well be the prompt once more."""
    return any(
        _ERROR.search(key) or (key in ("type", "subtype", "status") and _ERROR.search(str(value)))
        for key, value in item.items()
    )
