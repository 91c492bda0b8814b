"""One finding out of several tellings of it.

What stands near and reads alike is merged, whoever told it under whichever prompt. The order of the input
has no say: findings are sorted, the likeliest pairs are joined first, and all is repeated until nothing more
fits. One joins others only if no two of their tellings speak against each other, so that a vague telling
cannot glue two problems that both resemble it. What one answer told twice are two problems unless it repeats
itself.

The time stays near-linear because a finding is compared with its neighbours only, by line, by kind of problem
and by title: the sorted-neighbourhood method of Hernández and Stolfo, "The merge/purge problem for large
databases" (SIGMOD 1995).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from attrs import evolve

from lok_core.findings.wording import (
    NEAR,
    NO_PLACE,
    SAME_FILE,
    SAME_LINE,
    SLACK,
    Telling,
    likeness,
    nearly_identical,
    telling,
)
from lok_core.models import SEVERITIES, Category, Grounding
from lok_core.outcome import Finding, Location, Source

BEST_GROUNDED: tuple[Grounding, ...] = (
    "exact",
    "moved",
    "elsewhere",
    "ambiguous",
    "unchecked",
    "quote-missing",
    "line-out-of-range",
    "file-missing",
    "unlocated",
)
"""Whose place is believed when several tell one problem."""
NEAR_LINES = 5
"""How many lines apart two places can be and still be about one problem."""
_NEIGHBOURS = 4
_FEW = 60  # findings of a file that are all compared with each other
_TELLINGS = 6  # of one group; comparing each with each has to end somewhere


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, each problem once, with all who told it; ordered by place.

    The place of a finding is its first location, as grounded. Title, explanation and category become those of
    the best telling, the place that of the best grounded one, the severity the highest that anyone gave, and
    places that differ become further locations. A source is kept once where its answer repeats itself.
    """
    read = _Reader()
    groups = [_Group(_combined([finding]), read) for finding in findings]
    while True:
        groups.sort(key=lambda group: group.key)
        joined = _joined(groups)
        if len(joined) == len(groups):
            return [group.finding for group in groups]
        groups = [group if group.size == 1 else _Group(_combined(group.members), read) for group in joined]


class _Reader:
    """Reads each telling once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str, Category], Telling] = {}

    def __call__(self, source: Source) -> Telling:
        key = source.title, source.explanation, source.category
        found = self._read.get(key)
        if found is None:
            found = self._read[key] = telling(*key)
        return found


class _Group:
    """Findings taken for one, with what comparing needs of them."""

    def __init__(self, finding: Finding, read: _Reader) -> None:
        self.finding = finding
        self.members = [finding]
        self.key = _finding_key(finding)
        self._anchor = _anchor_key(finding, self.key)
        self.place = finding.locations[0] if finding.locations else None
        self.lead = any(source.lead for source in finding.sources)
        self.unfit: set[_Group] = set()  # of those that sort behind it
        self.tellings = _chosen(read(source) for source in finding.sources)
        self.answers: dict[tuple[str, str], tuple[Telling, Location | None]] = {}
        for source in finding.sources:  # sorted, so that the same one stands for its answer each time
            self.answers.setdefault((source.backend, source.label), (read(source), source.place))

    @property
    def size(self) -> int:
        return len(self.members)

    def repeats(self, other: _Group) -> bool:
        """Whether both were found in lines of the same text, and each of these is wrong."""
        one, two = self.finding, other.finding
        found = bool(one.quote) and one.grounding in _FOUND and two.grounding in _FOUND
        return found and "".join(one.quote.split()) == "".join(two.quote.split())

    def absorb(self, other: _Group) -> None:
        self.members += other.members
        if other._anchor < self._anchor:
            self._anchor, self.finding, self.place = other._anchor, other.finding, other.place
        self.lead = self.lead or other.lead
        self.tellings = _chosen((*self.tellings, *other.tellings))
        self.answers |= other.answers


_FOUND: frozenset[Grounding] = frozenset({"exact", "moved", "elsewhere"})


def _chosen(tellings: Iterable[Telling]) -> list[Telling]:
    return sorted(set(tellings), key=lambda one: one.said)[:_TELLINGS]


def _joined(groups: Sequence[_Group]) -> list[_Group]:
    """The groups, sorted by key, after joining what fits, the best fitting first."""
    pairs = []
    for left, near in enumerate(_neighbours(groups)):
        one = groups[left]
        for right in near:
            other = groups[right]
            if other in one.unfit:
                continue
            fit = _fit(one, other)
            if fit is None:
                one.unfit.add(other)
            else:
                pairs.append((-fit, left, right))
    heads = list(range(len(groups)))  # of each: the index of the group it has become part of

    def head(index: int) -> int:
        while heads[index] != index:
            heads[index] = index = heads[heads[index]]
        return index

    for _, left, right in sorted(pairs):
        at, to = head(left), head(right)
        grown = (at, to) != (left, right) or groups[at].size + groups[to].size > 2
        if at == to or (grown and _fit(groups[at], groups[to]) is None):
            continue
        if groups[at].size < groups[to].size:
            at, to = to, at
        groups[at].absorb(groups[to])
        heads[to] = at
    return [group for index, group in enumerate(groups) if heads[index] == index]


def _neighbours(groups: Sequence[_Group]) -> list[set[int]]:
    """Of each group: the indices of those behind it that are worth comparing with it."""
    files: dict[str | None, list[int]] = defaultdict(list)
    for index, group in enumerate(groups):
        files[None if group.place is None else group.place.path].append(index)
    near: list[set[int]] = [set() for _ in groups]
    for members in files.values():
        if len(members) <= _FEW:
            for start, index in enumerate(members):
                near[index].update(members[start + 1 :])
            continue
        for order in _orders(groups, members):
            for step in range(1, _NEIGHBOURS + 1):
                for one, other in zip(order, islice(order, step, None), strict=False):
                    if one < other:
                        near[one].add(other)
                    else:
                        near[other].add(one)
    return near


def _orders(groups: Sequence[_Group], members: list[int]) -> Iterator[list[int]]:
    yield members  # by line
    yield sorted(members, key=lambda index: (groups[index].tellings[0].title, index))
    kinds: dict[str, list[int]] = defaultdict(list)
    for index in members:
        for kind in {kind for one in groups[index].tellings for kind in one.kinds}:
            kinds[kind].append(index)
    yield from kinds.values()


def _fit(one: _Group, other: _Group) -> float | None:
    """How well two groups fit together, for comparison with other pairs; None: they are two problems."""
    apart = _apart(one.place, other.place)
    if apart is None or (apart > 1 and (one.lead or other.lead or one.repeats(other))):
        return None
    for answer in one.answers.keys() & other.answers.keys():
        # An answer that tells two problems means two, unless it tells the same again.
        (told, place), (again, other_place) = one.answers[answer], other.answers[answer]
        moved = place is not None and other_place is not None and _apart(place, other_place) != 0
        if apart or moved or not nearly_identical(told, again):
            return None
    need = _need(one.place, other.place, apart)
    best, worst = -math.inf, math.inf
    for left in one.tellings:
        for right in other.tellings:
            points = likeness(left, right)
            if points < need - SLACK:
                return None
            best, worst = max(best, points), min(worst, points)
    return best + worst - apart if best >= need else None


def _apart(one: Location | None, other: Location | None) -> int | None:
    """The lines between two places; 0 where a line is not known; None if they are too far apart."""
    if one is None or other is None:
        return 0 if one is None and other is None else None
    if one.path != other.path:
        return None
    if one.line is None or other.line is None:
        return 0
    gap = max(one.line, other.line) - min(one.end_line or one.line, other.end_line or other.line)
    return max(gap, 0) if gap <= NEAR_LINES else None


def _need(one: Location | None, other: Location | None, apart: int) -> float:
    if one is None or other is None:
        return NO_PLACE
    if one.line is None or other.line is None:
        return SAME_FILE
    starts = abs(one.line - other.line)  # two functions may lie in each other and have little in common
    return SAME_LINE if apart <= 1 and starts <= NEAR_LINES else NEAR


def _combined(members: Sequence[Finding]) -> Finding:
    """One finding with what all of them say."""
    if len(members) == len(members[0].sources) == 1:
        return members[0]
    anchor = min(members, key=lambda one: _anchor_key(one, _finding_key(one)))
    told = min(members, key=_told_key)
    sources: dict[tuple[str, ...], Source] = {}
    for source in sorted((source for one in members for source in one.sources), key=_source_key):
        sources.setdefault((source.backend, source.label, source.title, source.explanation), source)
    return evolve(
        anchor,
        title=told.title,
        explanation=told.explanation,
        category=told.category,
        severity=min((one.severity for one in members), key=SEVERITIES.index),
        locations=anchor.locations if len(members) == 1 else _places(anchor, members),
        sources=tuple(sources.values()),
        incomplete=all(one.incomplete for one in members),
    )


def _places(anchor: Finding, members: Sequence[Finding]) -> tuple[Location, ...]:
    every = sorted({place for one in members for place in one.locations}, key=_location_key)
    different = {(place.path, place.line): place for place in (*reversed(every), *anchor.locations[:1])}
    first = anchor.locations[:1]
    return (*first, *(place for place in sorted(different.values(), key=_location_key) if place not in first))


def _anchor_key(finding: Finding, key: tuple[Any, ...]) -> tuple[Any, ...]:
    place = finding.locations[0] if finding.locations else None
    return (
        place is None,
        BEST_GROUNDED.index(finding.grounding),
        place is not None and (place.line is None, (place.end_line or place.line or 0) - (place.line or 0)),
        all(source.lead for source in finding.sources),
        key,
    )


def _told_key(finding: Finding) -> tuple[Any, ...]:
    return (
        all(source.lead for source in finding.sources),
        BEST_GROUNDED.index(finding.grounding),
        SEVERITIES.index(finding.severity),
        -len(finding.explanation),
        _finding_key(finding),
    )


def _finding_key(finding: Finding) -> tuple[Any, ...]:
    """Everything a finding holds, its place first, so that only equal findings share a key."""
    return (
        tuple(_location_key(place) for place in finding.locations),
        finding.sources[0].backend,
        finding.title,
        finding.explanation,
        finding.severity,
        finding.category,
        finding.quote,
        finding.grounding,
        finding.area,
        finding.fingerprint,
        finding.known,
        finding.suppressed or "",
        finding.suppressed is None,
        finding.incomplete,
        tuple(_source_key(source) for source in finding.sources),
    )


def _location_key(place: Location) -> tuple[str, int, int]:
    return (place.path, place.line or 0, place.end_line or 0)


def _source_key(source: Source) -> tuple[Any, ...]:
    return (
        source.lead,
        source.backend,
        source.label,
        source.title,
        source.explanation,
        SEVERITIES.index(source.severity),
        source.category,
        source.model or "",
        source.rule,
        () if source.place is None else _location_key(source.place),
        source.quote,
        source.incomplete,
    )
