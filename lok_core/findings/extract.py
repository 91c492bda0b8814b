"""Findings out of what a backend said: structured where it can be, read from its text otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve, frozen

from lok_core.findings.rank import area_of_path
from lok_core.findings.reading import Problem
from lok_core.findings.told import told
from lok_core.models import AREAS, CATEGORIES, SEVERITIES
from lok_core.outcome import Answer, Failure, Finding, Location, Outcome, Source

MAX_FINDINGS = 10_000
"""Of one structured reply; an analyser of a large tree has many."""
_LEAD = 120  # characters of number, severity and place that stand beside a title


@frozen
class Extracted:
    """What was taken from one outcome.

    Attributes:
        outcome: the outcome; an answer now tells what was found in it.
        findings: each with its one source, unchecked, in the order of the answer.
        cut: which bound cut what, in words for a user.
    """

    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    cut: tuple[str, ...] = ()


def extract(outcome: Outcome, *, lead: bool) -> Extracted:
    """The findings of an answer, or of what had been said before a failure.

    Neither of the programs that accept a schema checks what the model returns against it, so each item of a
    structured reply is read for what it is worth: without a title it is no finding, every other property may
    be missing. A structured reply of another shape is read like a text.

    Args:
        lead: whether an analyser answered, whose findings are leads.
    """
    if isinstance(outcome, Failure):
        partial = told(outcome.partial)
        found = tuple(_of_problem(problem, outcome, incomplete=True) for problem in partial.problems)
        return Extracted(outcome, found, partial.cut)
    data = outcome.reply.data
    items = None if data is None else data.get("findings")
    if isinstance(items, list) and not (items and all(not _text(item, "title") for item in items)):
        found = tuple(_of_items(items[:MAX_FINDINGS], outcome, lead))
        cut = () if len(items) <= MAX_FINDINGS else (f"only the first {MAX_FINDINGS:,} findings were kept",)
        return Extracted(evolve(outcome, findings=len(found), clean=not items), found, cut)
    if lead:
        return Extracted(outcome)
    telling = told(outcome.reply.text if data is None else json.dumps(data, ensure_ascii=False))
    found = tuple(_of_problem(problem, outcome) for problem in telling.problems)
    answer = evolve(
        outcome, findings=len(found), clean=telling.clean, unparsed_locations=telling.unparsed_locations
    )
    return Extracted(answer, found, telling.cut)


def _of_problem(problem: Problem, outcome: Outcome, *, incomplete: bool = False) -> Finding:
    source = Source(
        backend=outcome.backend,
        label=outcome.request.label,
        title=problem.title,
        explanation=_beyond(problem),
        severity=problem.severity or "medium",
        category=problem.category or outcome.request.category,
        model=outcome.reply.model if isinstance(outcome, Answer) else None,
        place=next(iter(problem.locations), None),
        quote=problem.quote,
        incomplete=incomplete,
    )
    return _finding(source, problem.locations)


def _beyond(problem: Problem) -> str:
    """What the explanation says beyond title, place and quote, which are told anyway."""
    first, _, rest = problem.explanation.partition("\n")
    if problem.title in first and len(first) - len(problem.title) <= _LEAD:
        first = ""
    quoted = {line.strip() for line in problem.quote.splitlines()}
    lines = [line for line in (first, *rest.split("\n")) if line.strip() not in quoted]
    return "\n".join(lines).strip()


def _of_items(items: list[Any], answer: Answer, lead: bool) -> Iterator[Finding]:
    for item in items:
        title = _text(item, "title")
        if not title:
            continue
        severity, category = _text(item, "severity").lower(), _text(item, "category").lower()
        place = _location(item, lead)
        source = Source(
            backend=answer.backend,
            label=answer.request.label,
            title=title,
            explanation=_text(item, "explanation"),
            severity=severity if severity in SEVERITIES else "medium",
            category=category if category in CATEGORIES else answer.request.category,
            model=answer.reply.model,
            rule=_text(item, "rule"),
            lead=lead,
            place=place,
            quote=_text(item, "quote"),
        )
        finding = _finding(source, () if place is None else (place,))
        area = _text(item, "area")
        yield evolve(finding, area=area) if area in AREAS else finding


def _finding(source: Source, locations: tuple[Location, ...]) -> Finding:
    return Finding(
        title=source.title,
        explanation=source.explanation,
        severity=source.severity,
        category=source.category,
        locations=locations,
        sources=(source,),
        quote=source.quote,
        area=area_of_path(locations[0].path if locations else ""),
        incomplete=source.incomplete,
    )


def _location(item: Mapping[str, Any], lead: bool) -> Location | None:
    path = _text(item, "file")
    if not lead:  # a model writes paths as it pleases; an analyser's are names, which may hold anything
        path = path.replace("\\", "/")
    if not path:
        return None
    line, end_line = _line(item, "line"), _line(item, "end_line")
    return Location(path, line, end_line if line is not None and (end_line or 0) > line else None)


def _text(item: Any, key: str) -> str:
    value = item.get(key) if isinstance(item, Mapping) else None
    return value.strip() if isinstance(value, str) else ""


def _line(item: Mapping[str, Any], key: str) -> int | None:
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
