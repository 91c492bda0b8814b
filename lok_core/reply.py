"""What a backend gives back, looked at before it goes on: one malformed value must not spoil the report."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from attrs import asdict, evolve

from lok_core.errors import BackendError
from lok_core.models import Reply, Usage

_MOST = 10**15  # of tokens, or of dollars; a number beyond is none, and arithmetic with it may fail


def checked(reply: Any, name: str, mask: Callable[[str], str]) -> Reply:
    """The reply without secrets, if it is one that every renderer can show and every program read.

    Args:
        name: of the backend that gave it.

    Raises:
        TypeError, ValueError: its author's fault.
        BackendError: `empty`.
    """
    if not isinstance(reply, Reply):
        raise TypeError(f"query returned {type(reply).__name__} instead of a Reply")
    usage = reply.usage
    sound = {
        "text": isinstance(reply.text, str),
        "data": reply.data is None or isinstance(reply.data, Mapping),
        "session": reply.session is None or isinstance(reply.session, str),
        "model": reply.model is None or isinstance(reply.model, str),
        "notes": isinstance(reply.notes, tuple) and all(isinstance(note, str) for note in reply.notes),
        "usage": isinstance(usage, Usage),
    }
    for part, fits in sound.items():
        if not fits:
            raise TypeError(f"the reply's {part} is of the wrong type: {getattr(reply, part)!r:.100}")
    for part, value in asdict(usage).items():
        if value is not None and not _is_amount(value):
            raise ValueError(f"Reply.usage.{part} is no number from 0 on: {_shown(value)}")
    # Raises on what is no JSON: NaN, other keys than text, numbers of thousands of digits.
    json.dumps(reply.data, allow_nan=False)
    if not is_visible(reply.text) and reply.data is None:
        raise BackendError("empty", f"{name} ended well but said nothing")
    return evolve(reply, text=mask(reply.text), data=_masked(reply.data, mask))


def spoken(reply: Reply) -> str:
    """What a reply says, for a prompt or a reader: its text, or its data as JSON where it has no text."""
    if is_visible(reply.text) or reply.data is None:
        return reply.text
    return json.dumps(reply.data, ensure_ascii=False)


def is_visible(text: str) -> bool:
    """Whether a text holds anything that a reader could see."""
    return any(not c.isspace() and unicodedata.category(c) not in ("Cc", "Cf") for c in text)


def _is_amount(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _MOST


def _shown(value: Any) -> str:
    """A number of thousands of digits cannot be made a text."""
    return f"more than {_MOST:.0e}" if isinstance(value, int) and abs(value) >= _MOST else f"{value!r:.100}"


def _masked(data: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {key: _masked(value, mask) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_masked(value, mask) for value in data]
    return data
