"""Values out of JSON that anybody may have written: what is not as expected is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def at(value: Any, *keys: str | int) -> Any:
    """What these keys of objects, and indexes of arrays, lead to; None if they lead nowhere."""
    for key in keys:
        if isinstance(key, str):
            value = value.get(key) if isinstance(value, Mapping) else None
        else:
            value = value[key] if isinstance(value, list) and 0 <= key < len(value) else None
    return value


def text(value: Any, *keys: str | int) -> str:
    """The string there, without white space around it; empty if there is none."""
    found = at(value, *keys)
    return found.strip() if isinstance(found, str) else ""


def objects(value: Any, *keys: str | int) -> list[Mapping[str, Any]]:
    """The objects of the array there."""
    found = at(value, *keys)
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def index(value: Any, *keys: str | int) -> int:
    """The index there; -1, as in SARIF, if there is none."""
    found = at(value, *keys)
    return found if isinstance(found, int) and not isinstance(found, bool) else -1


def line(value: Any, *keys: str | int) -> int | None:
    """The line number there, from 1."""
    found = index(value, *keys)
    return found if 0 < found < 2**31 else None
