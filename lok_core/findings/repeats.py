"""A problem told twice in one answer (a list printed again, a table and its details) is one problem."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from attrs import evolve
from rapidfuzz.fuzz import token_set_ratio

from lok_core.findings.reading import Problem
from lok_core.outcome import Location

_MAX_COMPARED = 40
_MAX_SUMMED = 500


def without_repeats(problems: Sequence[Problem], groups: Sequence[int] = ()) -> list[Problem]:
    """The problems, each told once and with the fuller of its tellings, in the order of the first.

    Two problems are the same if they have the same words, or similar words and the same place. Compared are
    only those with the same file name and line, or with the same beginning: the time stays linear.

    Args:
        groups: for each problem a number of the list, table or sequence of headings it stands in.
    """
    kept: list[Problem] = []
    origin: list[int] = []
    buckets: dict[object, list[int]] = defaultdict(list)
    for number, problem in enumerate(problems):
        group = groups[number] if groups else 0
        near = {index for key in _keys(problem, sought=True) for index in buckets[key][:_MAX_COMPARED]}
        twin = next(
            (index for index in sorted(near) if _same(kept[index], problem, origin[index] != group)), None
        )
        if twin is None:
            for key in _keys(problem, sought=False):
                buckets[key].append(len(kept))
            kept.append(problem)
            origin.append(group)
        else:
            kept[twin] = _fuller(kept[twin], problem)
    return kept


def is_new(problem: Problem, known: Sequence[Problem]) -> bool:
    """Whether a problem of a summary is about a place that none of the `known` ones is about."""
    if not problem.locations:
        return False
    first = problem.locations[0]
    return not any(
        _same_file(first, place) and (first.line == place.line or first.line is None or place.line is None)
        for other in known[:_MAX_SUMMED]
        for place in other.locations
    )


def _keys(problem: Problem, sought: bool) -> list[object]:
    """The buckets a problem is put into, or those in which its like is `sought`: the whole title, the place,
    and the longest words, by which a telling without a place is found."""
    words = re.findall(r"\w+", problem.title.lower())
    keys: list[object] = ["".join(words)[:40]]
    long = [word for word in sorted(set(words), key=lambda word: (-len(word), word))[:2] if len(word) > 5]
    if problem.locations:
        first = problem.locations[0]
        keys.append((first.path.replace("\\", "/").rsplit("/", 1)[-1], first.line))
        keys.extend(("unplaced" if sought else "any", word) for word in long)
    else:
        keys.extend(("any", word) for word in long)
        if not sought:
            keys.extend(("unplaced", word) for word in long)
    return keys


def _same(one: Problem, other: Problem, apart: bool) -> bool:
    """Whether two tellings are of one problem; `apart`: they stand in different lists or tables."""
    title, twin = one.title.lower(), other.title.lower()
    equal = title == twin
    alike = equal or token_set_ratio(title, twin) >= 88
    if not one.locations or not other.locations:
        return alike and (
            equal or (not one.locations and len(title) > 20) or (not other.locations and len(title) > 20)
        )
    first, second = one.locations[0], other.locations[0]
    if not _same_file(first, second):
        return False
    if first.line == second.line:
        return equal or (first.line is not None and (alike or (apart and token_set_ratio(title, twin) >= 55)))
    return equal and (first.line is None or second.line is None)


def _same_file(one: Location, other: Location) -> bool:
    first, second = (place.path.replace("\\", "/").split("/") for place in (one, other))
    length = min(len(first), len(second))
    return first[-length:] == second[-length:]


def _fuller(one: Problem, other: Problem) -> Problem:
    """The telling with the longer explanation, completed by what only the other one has."""
    if len(other.explanation) > len(one.explanation):
        one, other = other, one
    locations = one.locations or other.locations
    if locations and locations[0].line is None and other.locations and other.locations[0].line is not None:
        locations = other.locations
    return evolve(
        one,
        severity=one.severity or other.severity,
        category=one.category or other.category,
        quote=one.quote or other.quote,
        locations=locations,
    )
