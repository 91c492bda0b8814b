"""JSON in what programs print, and paths and conditions into it: data, so that a table of lok.toml can say
where an answer is."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from attrs import field, frozen

from lok_core.models import Usage

_MOST = 10**15  # tokens, or dollars
_MAX_FAILED = 100  # places that look like JSON and are none

_STEP = re.compile(r"\[([^\[\]=]+)=([^\[\]]*)\]|([^.\[\]]+)")
_PATH = re.compile(rf"(?:{_STEP.pattern})(?:\.?(?:\[[^\[\]=]+=[^\[\]]*\])|\.[^.\[\]]+)*")
_TESTS = {"exists", "empty", "not"}


@frozen
class Pick:
    """Where a value is in the JSON that a program prints.

    Attributes:
        path: keys joined by dots; a number indexes a list (-1 is its last), `[type=text]` keeps those of its
            elements and joins what follows into one text, `*` takes every value of an object or list.
        where: the objects that count: path to the value it must have, or to a list of such values, or to a
            test: `{exists = true}`, `{empty = true}` (so is what is not there), `{not = VALUE or list}`.
        pick: of several values, the last, or all joined, or added up.
    """

    path: str
    where: Mapping[str, Any] = field(factory=dict)
    pick: Literal["last", "join", "sum"] = "last"


def picked(pick: Pick, objects: Iterable[Mapping[str, Any]], before: Any = None) -> Any:
    """The value; None if no object has it. `null` is not there; numbers only are added up.

    Args:
        before: what the objects before these gave.
    """
    value = before
    for item in objects:
        if condition_holds(pick.where, item):
            for found in _values(_steps(pick.path), item):
                value = _combined(pick.pick, value, found)
    return value


def condition_holds(where: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """Whether all that `where` says of the object is so."""
    return all(_holds(wanted, _values(_steps(path), item)) for path, wanted in where.items())


def check_path(path: str) -> None:
    """Raises ValueError if that is no path."""
    if not _PATH.fullmatch(path):
        raise ValueError(
            f"{path!r} is no path; write keys.joined.by.dots, list[key=text].key or object.*.key"
        )


def check_condition(where: Mapping[str, Any]) -> None:
    """Raises ValueError if that is no condition."""
    for path, wanted in where.items():
        check_path(path)
        if isinstance(wanted, Mapping) and not (wanted and set(wanted) <= _TESTS):
            raise ValueError(f"{path!r} is tested by {dict(wanted)!r}; the tests are exists, empty and not")


def as_text(value: Any) -> str:
    """A picked value as text: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def documents(text: str) -> Iterator[Mapping[str, Any] | str]:
    """The objects in a text, those in its arrays too, and the lines between them."""
    position = failed = 0
    for found in re.finditer(r"(?m)^[ \t\ufeff]*[\[{]", text):
        begin = found.end() - 1
        if begin < position or failed > _MAX_FAILED:
            continue
        try:
            value, end = json.JSONDecoder().raw_decode(text, begin)
        except (ValueError, RecursionError):
            failed += 1
            continue
        items = [
            item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping)
        ]
        if items:
            yield from _lines(text[position:begin])
            yield from items
            position = end
    yield from _lines(text[position:])


def _steps(path: str) -> list[tuple[str, str, str]]:
    return _STEP.findall(path)


def _values(steps: Sequence[tuple[str, str, str]], value: Any) -> list[Any]:
    if value is None:
        return []
    if not steps:
        return [value]
    (key, text, name), rest = steps[0], steps[1:]
    if key:
        if not isinstance(value, list):
            return []
        kept = (item for item in value if isinstance(item, Mapping) and item.get(key) == text)
        return ["".join(as_text(found) for item in kept for found in _values(rest, item))]
    if name == "*":
        inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
        return [found for item in inner for found in _values(rest, item)]
    if isinstance(value, Mapping):
        return _values(rest, value.get(name))
    if isinstance(value, list) and re.fullmatch(r"-?\d{1,9}", name) and -len(value) <= int(name) < len(value):
        return _values(rest, value[int(name)])
    return []


def _combined(how: str, before: Any, found: Any) -> Any:
    if how == "join":
        return found if before is None else as_text(before) + as_text(found)
    if how == "sum":
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            return before
        return found if before is None else before + found
    return found


def _holds(wanted: Any, found: Sequence[Any]) -> bool:
    if not isinstance(wanted, Mapping):
        return _among(wanted, found)
    empty = not any(map(_is_filled, found))
    return (
        wanted.get("exists", bool(found)) is bool(found)
        and wanted.get("empty", empty) is empty
        and not ("not" in wanted and _among(wanted["not"], found))
    )


def _is_filled(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    return bool(value) if isinstance(value, (list, Mapping)) else True


def _among(wanted: Any, found: Sequence[Any]) -> bool:
    # JSON tells true from 1, Python does not.
    options = wanted if isinstance(wanted, (list, tuple)) else (wanted,)
    return any(
        value == option and isinstance(value, bool) is isinstance(option, bool)
        for value in found
        for option in options
    )


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def usage_of(values: Mapping[str, Any]) -> Usage:
    """The usage whose numbers were picked; what is no count is unknown."""

    def number(name: str) -> float | None:
        value = values.get(name)
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return None
        return value if 0 <= value < _MOST else None

    def count(name: str) -> int | None:
        value = number(name)
        return None if value is None else int(value)

    return Usage(count("input"), count("output"), count("cached"), number("cost"))


def number_in(text: str | None) -> float | None:
    """A number as programs print it; None for one that is rounded ("75k"): unknown rather than wrong."""
    try:
        return float((text or "").strip().lstrip("$").replace(",", ""))
    except ValueError:
        return None
