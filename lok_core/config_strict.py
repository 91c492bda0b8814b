"""Tables made into values, strictly: nothing is converted, and every mistake is told with its place."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, NewType, cast, get_args, get_origin

from attrs import fields_dict, has

if TYPE_CHECKING:
    from cattrs import Converter

Place = tuple[str | int, ...]
Seconds = NewType("Seconds", float)
"""In a table: 0 means none, which settings hold as infinity."""
Count = NewType("Count", int)
"""In a table: at least 1."""
Amount = NewType("Amount", int)
"""In a table: at least 0."""

_KINDS = {
    # what a value is called in a message
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "a list",
    dict: "a table",
}


def structured(
    cls: type, table: Any, place: Place, problems: list[tuple[Place, str]], also: Sequence[str] = ()
) -> Any:
    """The table as an instance; None, with what is wrong added to the problems, if it cannot be one."""
    from cattrs import BaseValidationError

    try:
        return _converter().structure(table, cls)
    except BaseValidationError as error:
        problems += _told(error, place, also)
    except TypeError as error:  # no table at all
        problems.append((place, str(error)))
    return None


def _told(error: Any, place: Place, also: Sequence[str]) -> Iterator[tuple[Place, str]]:
    """Place and text of each mistake in a tree of cattrs' errors."""
    from cattrs import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError

    if isinstance(error, ClassValidationError):
        of_keys, others = error.group_exceptions()
        for inner, key in of_keys:
            yield from _told(inner, (*place, key.name), ())
        for inner in others:
            yield from _told(inner, place, also)
    elif isinstance(error, IterableValidationError):
        for inner, entry in error.group_exceptions()[0]:
            yield from _told(inner, (*place, entry.index), ())
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [*fields_dict(error.cl), *also]
        for extra in sorted(error.extra_fields):
            yield (*place, extra), f"no such key{near(extra, known)}"
    elif isinstance(error, ExceptionGroup):  # several things that a class finds wrong with itself
        for inner in error.exceptions:
            yield from _told(inner, place, ())
    elif isinstance(error, KeyError):
        yield place, "it is missing"
    else:
        yield place, str(error)


@cache
def _converter() -> Converter:
    from cattrs import Converter

    converter = Converter(forbid_extra_keys=True)
    for kind in (bool, int, float, str):
        converter.register_structure_hook(kind, _primitive)
    converter.register_structure_hook(
        cast("Any", Seconds), lambda value, _: _at_least(0, _primitive(value, float))
    )
    converter.register_structure_hook(
        cast("Any", Amount), lambda value, _: _at_least(0, _primitive(value, int))
    )
    converter.register_structure_hook(
        cast("Any", Count), lambda value, _: _at_least(1, _primitive(value, int))
    )
    converter.register_structure_hook_func(_is_literal, _one_of)
    converter.register_structure_hook_factory(_is_list, _list_hook)
    converter.register_structure_hook_factory(_is_mapping, _mapping_hook)
    converter.register_structure_hook_factory(has, _table_hook)
    return converter


# cattrs converts what it gets ("false" to True, "ab" to ["a", "b"]); a configuration means what it says.


def _primitive(value: Any, kind: Any) -> Any:
    if kind is float and type(value) in (int, float):
        if not math.isfinite(value):
            raise ValueError(f"expected a finite number, not {value}")
        return float(value)
    if type(value) is kind:
        return value
    raise TypeError(expected(kind, value))


def _at_least(least: int, value: Any) -> Any:
    if value < least:
        raise ValueError(f"expected at least {least}, not {shown(value)}")
    return value


def _is_literal(kind: Any) -> bool:
    origin: Any = get_origin(kind)
    return origin is Literal


def _one_of(value: Any, kind: Any) -> Any:
    known = get_args(kind)
    if not any(type(value) is type(one) and value == one for one in known):
        names = [str(one) for one in known]
        raise ValueError(f"{shown(value)} is none of its values{near(str(value), names)}")
    return value


def _is_list(kind: Any) -> bool:
    mixed = get_args(kind)[1:] not in ((), (...,))  # tuple[str, int]
    return not mixed and (get_origin(kind) or kind) in (list, tuple, set, frozenset, Sequence)


def _list_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    from cattrs.cols import list_structure_factory

    origin = get_origin(kind) or kind
    make = list if origin is Sequence else origin
    structure = list_structure_factory(kind, converter)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, list):
            raise TypeError(expected(list, value))
        return make(structure(value, kind))

    return hook


def _is_mapping(kind: Any) -> bool:
    return (get_origin(kind) or kind) in (dict, Mapping)


def _mapping_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    from cattrs.cols import mapping_structure_factory

    return _of_table(mapping_structure_factory(kind, converter), kind)


def _table_hook(kind: Any, converter: Any) -> Callable[[Any, Any], Any]:
    from cattrs.gen import make_dict_structure_fn

    return _of_table(make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True), kind)


def _of_table(structure: Callable[..., Any], kind: Any) -> Callable[[Any, Any], Any]:
    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, Mapping):
            raise TypeError(expected(dict, value))
        return structure(value, kind)

    return hook


def expected(kind: Any, value: Any) -> str:
    return f"expected {_KINDS[kind]}, not {shown(value)}"


def shown(value: Any) -> str:
    """A value as it stands in the file, as far as it is needed to find it there."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, Mapping)):
        return _KINDS[list if isinstance(value, list) else dict]
    text = f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def near(name: str, known: Collection[str]) -> str:
    """The end of a message about a name that is none: what was meant, or what there is."""
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; there are {', '.join(sorted(known))}" if known else ""
