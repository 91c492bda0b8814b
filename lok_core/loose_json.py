"""JSON in what models write: amid prose, in fences, broken."""

from __future__ import annotations

import json
import re
from typing import Any

_MAX_DEPTH = 60
_MAX_MENDED = 100_000  # characters
_MAX_FAILED = 1_000  # places that look like JSON and are none
_MAX_WASTED = 1_000_000  # characters that are decoded at such places, all together
_CLOSES = {"{": "}", "[": "]"}
_TOKEN = re.compile(
    r"""\s*(?P<token>"[^"\\]*(?:\\.[^"\\]*)*"|'[^'\\]*(?:\\.[^'\\]*)*'|[{}\[\],:]|-?\w[\w.+-]*)""", re.DOTALL
)
_LITERAL = re.compile(r"-?\d{1,99}(?:\.\d{1,99})?(?:[eE][+-]?\d{1,9})?|true|false|null")
_PYTHONS = {"True": "true", "False": "false", "None": "null"}


def values(text: str, begins: str) -> tuple[list[Any], str]:
    """The well-formed values in a text, and the text without them.

    Args:
        begins: a regular expression of how those begin that count.
    """
    decoder = json.JSONDecoder(strict=False)
    found: list[Any] = []
    kept: list[str] = []
    end = failed = wasted = 0
    for match in re.finditer(begins, text):
        if match.start() < end:
            continue
        if failed == _MAX_FAILED or wasted > _MAX_WASTED:
            break
        try:
            value, after = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError) as error:
            failed += 1
            wasted += getattr(error, "pos", len(text)) - match.start()
            continue
        found.append(value)
        kept.append(text[end : match.start()])
        end = after
    return found, "".join([*kept, text[end:]])


def repaired(text: str) -> Any:
    """The value that a text begins with, mended; None if there is none."""
    return mended(text)[0]


def mended(text: str) -> tuple[Any, int]:
    """The value that a text begins with, and where it ends; None if it cannot be told what is meant.

    Forgiven are commas too many, the other kind of quotes or none around a key, and brackets that are never
    closed. It takes linear time, unlike readers that also guess where a string was to end.
    """
    if len(text) > _MAX_MENDED:
        return None, 0
    parts: list[str] = []
    opened: list[str] = []
    at = 0
    while (found := _TOKEN.match(text, at)) is not None and (opened or not parts):
        token = found["token"]
        if token in _CLOSES:
            opened.append(_CLOSES[token])
            if len(opened) > _MAX_DEPTH:
                return None, 0
        elif token in ("}", "]"):
            if not opened or opened.pop() != token:
                return None, 0
            if parts[-1] == ",":
                parts.pop()
        elif token not in (",", ":"):
            token = _literal(token)
        parts.append(token)
        at = found.end()
    if opened and parts[-1] == ",":
        parts.pop()
    try:
        return json.JSONDecoder(strict=False).decode("".join([*parts, *reversed(opened)])), at
    except ValueError:
        return None, 0


def _literal(token: str) -> str:
    """A string or a bare word as JSON has it."""
    if token.startswith("'"):
        inner = token[1:-1].replace("\\'", "'")
        return f'"{escaped(inner)}"'
    if token.startswith('"') or _LITERAL.fullmatch(token):
        return token
    return _PYTHONS.get(token) or json.dumps(token)


def escaped(text: str) -> str:
    """The inner part of a string with its quotes escaped that are not."""
    return re.sub(r'(\\.)|"', lambda found: found[1] or '\\"', text, flags=re.DOTALL)
