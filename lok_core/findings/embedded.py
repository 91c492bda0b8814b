"""JSON in an answer: bare, in a fence, amid prose, a value a line, slightly broken."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen
from json_repair import repair_json

from lok_core.findings.objects import problems_of
from lok_core.findings.reading import Problem

MAX_REPAIRED = 100_000
_MAX_ATTEMPTS = 40
_MAX_DEPTH = 60
_MAX_OBJECTS = 50_000

_WRAPPERS = ("result", "response", "text", "content", "output", "message", "answer", "review", "body", "data")


@frozen
class Structured:
    """What the JSON of an answer tells.

    Attributes:
        rest: the lines that are no JSON.
        whole: whether there was nothing else but short prose.
        clean: whether it holds an empty list of findings.
    """

    problems: tuple[Problem, ...]
    rest: tuple[str, ...]
    whole: bool = False
    clean: bool = False
    cut: tuple[str, ...] = ()


def structured(lines: Sequence[str], again: bool = True) -> Structured:
    """Reads the findings out of the JSON of an answer; none if it holds none.

    Args:
        again: whether a long string in a JSON object may itself be such an answer (a wrapper of a CLI).
    """
    text = "\n".join(lines)
    if "{" not in text and "[" not in text:
        return Structured((), tuple(lines))
    values, rest, cut = _values(text)
    found: list[Problem] = []
    clean = False
    for value in values:
        problems, empty = problems_of(value)
        found.extend(problems)
        clean = clean or empty
    if found:
        return Structured(tuple(found), tuple(rest.split("\n")), len(rest.strip()) < 1500, cut=cut)
    if again and len(values) == 1 and isinstance(values[0], Mapping):
        for key in _WRAPPERS:
            inner = values[0].get(key)
            if isinstance(inner, str) and len(inner) > 20:
                nested = structured(inner.split("\n"), again=False)
                return nested if nested.problems else Structured((), tuple(inner.split("\n")), cut=nested.cut)
    return Structured((), tuple(rest.split("\n")) if clean else tuple(lines), clean, clean, cut)


def _values(text: str) -> tuple[list[Any], str, tuple[str, ...]]:
    """All JSON values of a text, the text without them, and what was cut."""
    stripped = text.strip()
    if (value := _load(stripped)) is not None:
        return [value], "", ()
    lines = [line for line in stripped.split("\n") if line.strip()]
    if len(lines) > 1 and sum(
        line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines
    ) * 2 > len(lines):
        values = [
            value
            for line in lines[:_MAX_OBJECTS]
            if line.lstrip()[0] == "{" and (value := _load(line.strip())) is not None
        ]
        if values:
            return [values], "", ()
    values, rest, broken = _decoded(text)
    if values and not broken:
        return values, rest, ()
    mended, left, cut = _repaired(stripped)
    if values and _size(values) >= _size(mended):
        return values, rest, ()
    return mended, left, cut


def _size(values: list[Any]) -> int:
    return sum(len(problems_of(value)[0]) for value in values)


def _decoded(text: str) -> tuple[list[Any], str, bool]:
    """The values that begin a line, by a strict decoder, the text without them, and whether one is broken."""
    decoder = json.JSONDecoder(strict=False)
    values: list[Any] = []
    kept: list[str] = []
    position = last = 0
    broken = False
    for attempt, match in enumerate(re.finditer(r"(?m)^\s{0,40}([{\[])(?=\s*[\"{\[\]}])", text)):
        if attempt >= _MAX_ATTEMPTS:
            break
        if match.start(1) < position:
            continue
        try:
            value, position = decoder.raw_decode(text, match.start(1))
        except (ValueError, RecursionError):
            broken = True
            continue
        values.append(value)
        kept.append(text[last : match.start(1)])
        last = position
    kept.append(text[last:])
    return values, "".join(kept), broken


def _repaired(text: str) -> tuple[list[Any], str, tuple[str, ...]]:
    """What a tolerant reader makes of a text, or of its fence, that begins like JSON."""
    opening = re.search(r"(?m)^\s{0,8}(?:```\w{0,10}\s*\n\s*)?([{\[])\s*(?:\n\s*)?[\"'{\w]", text)
    if not opening or not re.search(
        r"[\"']?\b(?:title|file|path|severity|line|message|description|issue|findings)[\"']?\s*:", text
    ):
        return [], text, ()
    if "```" not in opening.group() and opening.start(1) > 2000:
        return [], text, ()
    body = text[opening.start(1) :]
    if "```" in opening.group() and (end := body.find("\n```")) > 0:
        body = body[:end]
    if len(body) > MAX_REPAIRED:
        return [], text, (f"broken JSON of more than {MAX_REPAIRED:,} characters was not read",)
    if _depth(body) > _MAX_DEPTH:
        return [], text, ("broken JSON that is nested too deeply was not read",)
    try:
        value = repair_json(body, return_objects=True, skip_json_loads=True)
    except (ValueError, RecursionError, IndexError, TypeError, KeyError):
        return [], text, ()
    if not isinstance(value, dict | list) or not value:
        return [], text, ()
    return [value], text[: opening.start(1)] + text[opening.start(1) + len(body) :], ()


def _depth(text: str) -> int:
    depth = deepest = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match.group() in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _load(text: str) -> Any:
    if text[:1] not in ("{", "["):
        return None
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None
