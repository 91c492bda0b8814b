"""The log: one run of lok."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from lok_core import (
    Answer,
    Failure,
    Finding,
    GroundDetail,
    Participant,
    Report,
    View,
    __version__,
    changes,
    clean_line,
)
from lok_render_sarif.places import ROOT
from lok_render_sarif.results import LEVELS, Results, is_cut, message, properties, text
from lok_render_sarif.rules import INDEX, rules

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
RESULTS = 25_000
"""Results of one run that GitHub accepts; it shows the first 5,000."""
SHOWN = 5_000
NOTIFICATIONS = 1_000
EXTENSIONS = 100
"""Extensions of a tool that GitHub accepts."""

_VERSION = re.compile(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_KINDS = {
    "not-answered": "A request was not answered, so findings may be missing.",
    "no-place": "A finding names no place in the code that a result could point to.",
    "run-incomplete": "The log does not hold, or the run did not find out, everything.",
    "run-remark": "What to know about how the report came to be.",
}


def render(report: Report, view: View) -> Iterable[str]:
    """The log in one piece."""
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(report)]}
    # Escaped to ASCII: no terminal control gets through to those who look at the file.
    yield json.dumps(log, indent=2) + "\n"


def _run(report: Report) -> dict[str, Any]:
    results, placeless = [], []
    make = Results(report.baseline)
    for finding in report.findings:
        result = make.result(finding)
        if result is None:
            placeless.append(finding)
        else:
            results.append(result)
    notifications = [
        *_trouble(report),
        *map(_placeless, placeless),
        *_limits(report.findings, len(results)),
        *_notes(report),
    ]
    if len(notifications) > NOTIFICATIONS:
        left = len(notifications) - NOTIFICATIONS
        notifications = notifications[:NOTIFICATIONS]
        notifications.append(
            _notification("run-incomplete", "warning", f"{left} more notifications are left out.")
        )
    command = re.sub(r"[^\w.-]", "_", report.command)
    return {
        "tool": _tool(report),
        "automationDetails": {"id": f"lok/{command}/"},
        "originalUriBaseIds": {ROOT: {"description": {"text": "The directory that the report is about."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [{**_invocation(report), "toolExecutionNotifications": notifications}],
        "results": results[:RESULTS],
    }


def _tool(report: Report) -> dict[str, Any]:
    driver = {
        "name": "lok",
        "fullName": "lok: findings of language models and analysers",
        **_versions(report.lok_version or __version__),
        "rules": rules(),
        "notifications": [_descriptor(kind, said) for kind, said in _KINDS.items()],
    }
    extensions = [_extension(backend) for backend in report.backends[:EXTENSIONS]]
    return {"driver": driver, **({"extensions": extensions} if extensions else {})}


def _descriptor(kind: str, said: str) -> dict[str, Any]:
    name = "".join(word.capitalize() for word in kind.split("-"))
    told = {"text": said}
    return {"id": kind, "name": name, "shortDescription": told, "fullDescription": told, "help": told}


def _extension(backend: Participant) -> dict[str, Any]:
    about = {"kind": backend.kind, "distribution": backend.distribution, "model": backend.model}
    return {
        "name": text(backend.name),
        **_versions(backend.version),
        "properties": {key: text(value) for key, value in about.items() if value},
    }


def _versions(version: str) -> dict[str, str]:
    said = {"version": text(version)} if text(version) else {}
    return {**said, "semanticVersion": version} if _VERSION.fullmatch(version) else said


def _invocation(report: Report) -> dict[str, Any]:
    answered = sum(isinstance(outcome, Answer) for outcome in report.outcomes)
    asked = not isinstance(report.detail, GroundDetail)
    complete = (answered or not asked) and not report.unanswered
    complete = bool(complete) and not report.interrupted and not report.gaps
    said = f"{answered} of {report.asked} requests were answered." if asked else "Nobody was asked."
    if report.interrupted:
        said += " The run ended before everything was asked and answered."
    return {"executionSuccessful": complete, "exitCodeDescription": said, **_times(report)}


def _times(report: Report) -> dict[str, str]:
    try:
        said = datetime.fromisoformat(report.started_at)
        start = said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)
        end = start + timedelta(seconds=report.duration_s)
    except (ValueError, OverflowError):
        return {}
    return {
        key: moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        for key, moment in (("startTimeUtc", start), ("endTimeUtc", end))
    }


def _notification(kind: str, level: str, said: str, **rest: Any) -> dict[str, Any]:
    number = list(_KINDS).index(kind)
    return {
        "descriptor": {"id": kind, "index": number},
        "level": level,
        "message": {"text": said or "(nothing was said)"},
        **rest,
    }


def _placeless(finding: Finding) -> dict[str, Any]:
    places = [text(clean_line(place.path)) for place in finding.locations if place.path]
    said = message(finding, [])
    if places:
        said += f" No file of the directory is named by: {', '.join(places)}."
    return _notification(
        "no-place",
        LEVELS[finding.severity],
        said,
        associatedRule={"id": finding.category, "index": INDEX[finding.category]},
        properties=properties(finding),
    )


def _trouble(report: Report) -> Iterator[dict[str, Any]]:
    for outcome in report.outcomes:
        if isinstance(outcome, Failure):
            label = f" [{outcome.request.label}]" if outcome.request.label else ""
            hint = f" ({outcome.hint})" if outcome.hint else ""
            yield _notification(
                "not-answered",
                "warning" if outcome.kind == "cancelled" else "error",
                text(f"{outcome.backend}{label}: {outcome.kind}: {outcome.message}{hint}"),
                properties={"kind": outcome.kind, "backend": text(outcome.backend)},
            )
        elif outcome.unparsed_locations:
            said = f"{outcome.backend} [{outcome.request.label}] names {outcome.unparsed_locations} places, "
            said += "but no finding could be read from its answer."
            yield _notification("run-incomplete", "warning", text(said))
    if report.interrupted:
        yield _notification(
            "run-incomplete", "warning", "The run ended before everything was asked and answered."
        )
    for why in report.degraded:
        kind = "run-incomplete" if why in report.gaps else "run-remark"
        yield _notification(kind, "warning", text(why))
    for leaked in report.leaked:
        yield _notification(
            "run-remark", "warning", text(f"Left behind by {leaked.label}, and ended: {leaked.command}")
        )
    for told in changes(report):
        yield _notification("run-remark", "note", text(clean_line(told)))


def _limits(findings: Iterable[Finding], results: int) -> Iterator[dict[str, Any]]:
    if results > RESULTS:
        said = f"{results} findings have a place; this log holds the first {RESULTS}, worst first."
        yield _notification("run-incomplete", "warning", said)
    elif results > SHOWN:
        said = f"Services may show {SHOWN} of these {results} results."
        yield _notification("run-remark", "note", said)
    if any(map(is_cut, findings)):
        said = "Long texts, or many places, of some findings are cut; lok's own JSON holds all of them."
        yield _notification("run-incomplete", "note", said)


def _notes(report: Report) -> Iterator[dict[str, Any]]:
    notes = [
        note for outcome in report.outcomes if isinstance(outcome, Answer) for note in outcome.reply.notes
    ]
    for note in dict.fromkeys([*report.notes, *notes]):
        yield _notification("run-remark", "note", text(note))
