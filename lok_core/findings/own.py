"""What lok itself wrote, read back: reports as JSON, and its runs in SARIF.

A finding comes back with its sources and the evidence they gave. What was found out about it (grounding,
fingerprint, whether it is known or suppressed) does not: that is found out anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve

from lok_core.findings.rank import area_of_path
from lok_core.findings.untyped import at, line, objects, text
from lok_core.models import AREAS, CATEGORIES, SEVERITIES, Category, Reply, Request, Severity
from lok_core.outcome import Answer, Finding, Location, Source

_PLACE = re.compile(r"(?P<path>.+?)(?::(?P<line>\d{1,9})(?:-(?P<end>\d{1,9}))?)?", re.DOTALL)
_SEE_ALSO = re.compile(r"\[([^\[\]]*)\]\((\d{1,3})\)")


def of_report(report: Mapping[str, Any], name: str) -> list[Finding]:
    """The findings of a report `lok.report/1`.

    Args:
        name: the backend of findings that do not name theirs.
    """
    found = []
    for item in objects(report, "findings"):
        locations = [place for one in objects(item, "locations") if (place := _location(one)) is not None]
        bare = Finding(
            title=text(item, "title"),
            explanation=text(item, "explanation"),
            severity=_severity(item),
            category=_category(text(item, "category")),
            locations=tuple(locations),
            sources=(),
            quote=_code(item),
        )
        sources = [
            evolve(
                _source(one, name, text(one, "label"), _location(at(one, "place"))),
                title=text(one, "title") or bare.title,
            )
            for one in objects(item, "sources")
        ]
        found.append(_finished(bare, sources, item, name))
    return [finding for finding in found if finding.title]


def answers_of(report: Mapping[str, Any]) -> list[Answer]:
    """What backends answered to `lok ask`: reviews of which nobody took the findings yet."""
    answers = []
    for item in objects(report, "outcomes"):
        reply = Reply(text(item, "reply", "text"), model=text(item, "reply", "model") or None)
        if text(item, "outcome") == "answer" and reply.text:
            request = Request(prompt="", directory=Path())  # nobody is going to be asked
            answers.append(Answer(request, text(item, "backend"), reply, 0.0))
    return answers


def of_run(run: Mapping[str, Any], places: Iterable[tuple[Location, ...]], name: str) -> list[Finding]:
    """The findings of a run of lok in SARIF.

    Args:
        places: of each result.
        name: the backend of findings that do not name theirs.
    """
    placed = zip(objects(run, "results"), places, strict=True)
    found = [_of_result(result, text(result, "ruleId"), locations, name) for result, locations in placed]
    for told in objects(run, "invocations", 0, "toolExecutionNotifications"):
        if text(told, "descriptor", "id") == "no-place":
            found.append(_of_result(told, text(told, "associatedRule", "id"), (), name))
    return [finding for finding in found if finding.title]


def _of_result(result: Mapping[str, Any], category: str, places: tuple[Location, ...], name: str) -> Finding:
    about = at(result, "properties")
    title, _, rest = text(result, "message", "text").partition("\n\n")
    explanation, _, facts = rest.rpartition("\n\n")  # who reports it, and what the evidence is worth
    bare = Finding(
        title=title,
        explanation=explanation,
        severity=_severity(about),
        category=_category(category),
        locations=_with_lines(places, facts),
        sources=(),
        quote=_code(about),
    )
    sources = []
    for one in objects(about, "sources"):  # what is empty there is the same as in the finding
        source = _source(one, name, text(one, "prompt"), _read_place(text(one, "place")))
        sources.append(
            evolve(
                source,
                title=source.title or title,
                explanation=source.explanation or explanation,
                quote=source.quote or bare.quote,
            )
        )
    return _finished(bare, sources, about, name)


def _with_lines(places: tuple[Location, ...], facts: str) -> tuple[Location, ...]:
    """The places without the line 1 that lok gives to a whole file; the facts tell which those are."""
    named = {int(number): place for place, number in _SEE_ALSO.findall(facts)}
    whole = {number for number, place in named.items() if not place.endswith(":1")}
    if "No line was given." in facts:
        whole.add(0)
    return tuple(
        Location(place.path) if number in whole and (place.line, place.end_line) == (1, None) else place
        for number, place in enumerate(places)
    )


def _finished(bare: Finding, sources: list[Source], item: Any, name: str) -> Finding:
    """With its sources, its area, and the cited place, which grounding drops where it may not be shown."""
    if not sources:
        sources = [Source(name, "", bare.title, bare.explanation, bare.severity, bare.category)]
    locations, cited = bare.locations, sources[0].place
    if text(item, "grounding") == "file-missing" and cited is not None and cited not in locations:
        locations = (cited, *locations)
    area = next((known for known in AREAS if known == text(item, "area")), None)
    return evolve(
        bare,
        sources=tuple(sources),
        locations=locations,
        area=area or area_of_path(locations[0].path if locations else ""),
        incomplete=at(item, "incomplete") is True,
    )


def _source(told: Mapping[str, Any], name: str, label: str, place: Location | None) -> Source:
    return Source(
        backend=text(told, "backend") or name,
        label=label,
        title=text(told, "title"),
        explanation=text(told, "explanation"),
        severity=_severity(told),
        category=_category(text(told, "category")),
        model=text(told, "model") or None,
        rule=text(told, "rule"),
        lead=at(told, "lead") is True,
        place=place,
        quote=_code(told),
        incomplete=at(told, "incomplete") is True,
    )


def _severity(item: Any) -> Severity:
    return next((known for known in SEVERITIES if known == text(item, "severity")), "medium")


def _category(word: str) -> Category:
    return next((known for known in CATEGORIES if known == word), "general")


def _code(item: Any) -> str:
    """A quote, with the white space that is part of it."""
    quote = at(item, "quote")
    return quote if isinstance(quote, str) else ""


def _location(value: Any) -> Location | None:
    path = at(value, "path")
    if not isinstance(path, str) or not path:
        return None
    return Location(path, line(value, "line"), line(value, "end_line"))


def _read_place(told: str) -> Location | None:
    found = _PLACE.fullmatch(told)
    if found is None:
        return None
    first, end = (int(found[key]) if found[key] else None for key in ("line", "end"))
    return Location(found["path"], first, end)
