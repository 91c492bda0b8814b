"""An answer as it arrives."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from attrs import Factory, define

from lok_backend_openai.failures import hint_for, refused
from lok_core import BackendError, Run, ToolCall, Usage

_LONGEST = 16 * 2**20
"""Bytes of one event, and characters of an answer; as lok keeps of what a program prints."""
_MOST_TOKENS = 10**9
"""More than one answer can take; likewise the dollars."""
_MOST_USD = 10_000.0
_N = TypeVar("_N", int, float)
_THOUGHTS = re.compile(r"\A\s*<(think|thinking)>.*?</\1>\s*", re.DOTALL)


@define
class _Call:
    id: str
    name: str
    index: Any
    arguments: list[str] = Factory(list)


@define
class Said:
    """What the model has said so far.

    Attributes:
        finish: why it stopped, as the server calls that; empty until it does.
        ended: whether the server has said that this was all.
        seen: whether anything came that is part of an answer.
    """

    run: Run
    id: str | None = None
    model: str | None = None
    usage: Usage = Factory(Usage)
    finish: str = ""
    ended: bool = False
    seen: bool = False
    refusal: str = ""
    _texts: list[str] = Factory(list)
    _calls: list[_Call] = Factory(list)
    _size: int = 0

    @property
    def text(self) -> str:
        """The answer, without the thoughts that some servers leave at its head."""
        return _THOUGHTS.sub("", "".join(self._texts))

    @property
    def data(self) -> Mapping[str, Any] | None:
        """The answer as a JSON object, if it is one."""
        return _object(self.text) or None

    def calls(self, turn: int) -> tuple[ToolCall, ...]:
        """The tools that it wants to be called.

        Args:
            turn: tells the ids of this turn from those of others, where the server gives none.
        """
        return tuple(
            ToolCall(call.id or f"call-{turn}-{place}", call.name, _arguments(call.arguments))
            for place, call in enumerate(self._calls, 1)
        )

    def take(self, chunk: Any) -> None:
        """Adds a part of the answer.

        Raises:
            Refused: it is an error.
            BackendError: there is too much of it.
        """
        # Gemini wraps an error into a list.
        chunk = next(iter(_items(chunk)), {}) if isinstance(chunk, list) else mapping(chunk)
        self.seen = self.seen or "choices" in chunk
        self.id = _text(chunk.get("id")) or self.id
        self.model = _text(chunk.get("model")) or self.model
        if usage := mapping(chunk.get("usage")):
            self.usage = _usage(usage)
        wrong = chunk if chunk.get("error") or chunk.get("object") == "error" else None
        # Where `body` asks for several answers, the first one is it.
        first = [one for one in _items(chunk.get("choices")) if one.get("index") in (0, None)]
        for choice in first[:1]:
            part = mapping(choice.get("delta")) or mapping(choice.get("message"))
            if text := _content(part.get("content")):
                self._grow(text)
                self._texts.append(text)
                self.run.text(text)
            self.refusal += _text(part.get("refusal"))
            for call in _items(part.get("tool_calls")):
                self._take_call(call)
            self.finish = _text(choice.get("finish_reason")) or self.finish
            wrong = wrong or (choice if choice.get("error") else None)
        if wrong is not None:
            raise refused(wrong, 200, {})

    def _take_call(self, part: Mapping[str, Any]) -> None:
        # Some servers give every call the index 0, some give none, some no id: a new call is what has another
        # index, or another id, or a name where arguments have begun.
        asked = mapping(part.get("function"))
        name, arguments, index = _text(asked.get("name")), asked.get("arguments"), part.get("index")
        given = _text(part.get("id"))
        last = next((call for call in reversed(self._calls) if call.index == index), None)
        if (
            last is None
            or (given and last.id and given != last.id)
            or (name and not given and last.arguments)
        ):
            last = _Call(given, "", index)
            self._calls.append(last)
        last.name = last.name or name
        last.id = last.id or given
        written = arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""
        self._grow(f"{given}{name}{written}")
        if written:
            last.arguments.append(written)

    def _grow(self, text: str) -> None:
        self._size += len(text)
        if self._size > _LONGEST:
            raise BackendError(
                "truncated", f"the answer is longer than {_LONGEST // 2**20} MiB", "ask for less"
            )


@define
class Events:
    """The lines of a stream of events, put together from chunks and given to what they say.

    Own lines rather than a library's: the content type need not be right, no line may end but at a line feed,
    and what is sent to keep a connection alive is a sign of life.
    """

    said: Said
    _pending: list[bytes] = Factory(list)
    _size: int = 0
    _event: bytes = b""
    _is_document: bool | None = (
        None  # JSON over many lines, of a server that does not stream; None: not known
    )

    def take(self, chunk: bytes) -> bool:
        """Whether that was all.

        Raises:
            Refused: it is an error.
            BackendError: it cannot be read, or there is too much of it.
        """
        self.said.run.alive()
        for place, line in enumerate(chunk.split(b"\n")):
            if place:
                self._end_line()
            self._pending.append(line)
            self._size += len(line)
        if self._size > _LONGEST:
            raise BackendError(
                "protocol", f"an event of more than {_LONGEST // 2**20} MiB", hint_for("protocol")
            )
        return self.said.ended

    def end(self) -> None:
        """Takes what has come so far for complete."""
        line = b"".join(self._pending).removeprefix(codecs.BOM_UTF8)
        self._pending, self._size = [], 0
        if self.said.ended or line.startswith(b":"):
            return
        name, _, value = line.partition(b":")
        value = value.strip()
        if not line.strip():
            self._event = b""
        elif line.lstrip().startswith(b"{"):  # a whole answer, or an error, of who does not stream
            self.said.take(parsed(line))
            self.said.ended = self.said.seen
        elif name == b"event":
            self._event = value
        elif name == b"data" and value == b"[DONE]":
            self.said.ended = True
        elif value and (name == b"error" or (name == b"data" and self._event == b"error")):
            raise refused(json_or_text(value), 200, {})  # `error:` is how llama.cpp says it
        elif value and name == b"data":
            self.said.take(parsed(value))

    def _end_line(self) -> None:
        if self._is_document is None and (
            begun := b"".join(self._pending).removeprefix(codecs.BOM_UTF8).strip()
        ):
            self._is_document = begun.startswith(b"{") and isinstance(json_or_text(begun), str)
        if self._is_document:
            self._pending.append(b"\n")
        else:
            self.end()


def json_or_text(data: bytes) -> Any:
    """The JSON, or the text where it is none."""
    with suppress(ValueError, RecursionError):
        return json.loads(data)
    return data.decode("utf-8", "replace")


def parsed(data: bytes) -> Any:
    """The JSON.

    Raises:
        BackendError: `protocol`; it is none.
    """
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BackendError(
            "protocol", f"what came is no JSON: {text!r:.100}", hint_for("protocol")
        ) from error


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def _items(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _content(value: Any) -> str:
    """The text of a content, which may come in parts."""
    return "".join(_text(part.get("text")) for part in _items(value)) or _text(value)


def _arguments(written: Sequence[str]) -> dict[str, Any]:
    """What the model gives to a tool; nothing where it cannot be read, so that it is told what is missing."""
    return _object("".join(written))


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text is, if it is one. Python would read numbers as well that JSON lacks."""
    with suppress(ValueError, RecursionError):
        found = mapping(json.loads(text))
        json.dumps(found, allow_nan=False)
        return found
    return {}


def _usage(usage: Mapping[str, Any]) -> Usage:
    cost = _number(usage.get("cost"), _MOST_USD)  # of OpenRouter
    return Usage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_tokens=_count(mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        cost_usd=None if cost is None else float(cost),
    )


def _count(value: Any) -> int | None:
    return _number(value, _MOST_TOKENS) if isinstance(value, int) else None


def _number(value: Any, most: _N) -> _N | None:
    """The value if it is a number that can be meant: not negative, not NaN, not beyond all bounds."""
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most
    return value if right else None
