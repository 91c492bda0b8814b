"""The report as workflow commands: annotations in the files of a pull request on GitHub.

The syntax is GitHub's: `::error file=F,line=N,endLine=N,title=T::MESSAGE`, one a line. The runner decodes
%25, %0D and %0A in a message, and %3A and %2C as well in a property. It looks for the older form `##[name]`
anywhere in a line, and Azure's for `##vso[`. It shows ten annotations of each kind for a step, and cuts
messages at 4,096 characters (learnt from the documentation of workflow commands and the runner's source).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from lok_core import telling
from lok_core.models import Severity
from lok_core.outcome import Answer, Failure, Finding, Report, View
from lok_core.results import sections
from lok_core.sanitize import clean, clean_line

Command = Literal["error", "warning", "notice"]

COMMANDS: Mapping[Severity, Command] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "notice",
    "info": "notice",
}
MESSAGE_LENGTH = 4_096
TITLE_LENGTH = 255
EXPLANATION_LENGTH = 3_000  # so that what comes after it is not cut off

_OLD_COMMAND = re.compile(r"##(?=\[|vso\[)", re.IGNORECASE)


def render(report: Report, view: View) -> Iterable[str]:
    """An annotation for each finding that is neither known nor suppressed, worst first, and each failure."""
    findings = telling.open_findings(report)
    yield from map(_finding, findings)
    for outcome in report.outcomes:
        if isinstance(outcome, Failure):
            yield _failure(outcome)
    for section in sections(report):
        told = "\n".join(filter(None, [*section.lines, section.text.strip(), section.code.strip("\n")]))
        yield command("notice", told, title=section.title)
    for text in _remarks(report):
        yield command("warning", text, title="lok")
    for text in report.notes:
        yield command("notice", text, title="lok")
    yield _summary(report, findings)


def command(
    name: Command,
    message: str,
    *,
    title: str,
    file: str = "",
    line: int | None = None,
    end: int | None = None,
) -> str:
    """One workflow command, on one line whatever the texts hold."""
    given = {"file": file, "line": line, "endLine": end, "title": _cut(clean_line(title), TITLE_LENGTH)}
    about = ",".join(f"{key}={_property(str(value))}" for key, value in given.items() if value)
    return f"::{name} {about}::{_data(_cut(clean(message).strip(), MESSAGE_LENGTH))}\n"


def _finding(finding: Finding) -> str:
    told_by = f"Reported by {', '.join(telling.backends(finding))}; {telling.EVIDENCE[finding.grounding]}."
    paragraphs = [_cut(clean(finding.explanation).strip(), EXPLANATION_LENGTH), told_by]
    further = [telling.place(location) for location in finding.locations[1:]]
    if further:
        paragraphs.append(f"See also {', '.join(further)}.")
    if finding.incomplete:
        paragraphs.append("The answer was cut off.")
    place = finding.locations[0] if finding.locations and finding.locations[0].path else None
    start, end = (None, None) if place is None else telling.lines(place)
    return command(
        COMMANDS[finding.severity] if place else "notice",
        "\n\n".join(filter(None, paragraphs)),
        title=f"{finding.severity}: {finding.title.strip() or finding.category}",
        file=clean_line(place.path) if place else "",
        line=start,
        end=end,
    )


def _failure(failure: Failure) -> str:
    label = f" [{failure.request.label}]" if failure.request.label else ""
    hint = f" ({failure.hint})" if failure.hint else ""
    return command(
        "warning",
        f"{failure.kind}: {failure.message}{hint}",
        title=f"not answered by {telling.who(failure)}{label}",
    )


def _remarks(report: Report) -> Iterable[str]:
    yield from telling.unread(report)
    yield from report.degraded
    if report.inconclusive:
        yield f"no result: {report.inconclusive}"
    if report.interrupted:
        yield telling.doubt(report)
    for leaked in report.leaked:
        yield f"Left behind by {leaked.label}, and ended: {leaked.command}"
    yield from telling.changes(report)


def _summary(report: Report, findings: list[Finding]) -> str:
    """A plain line in the log, without a word from outside: older commands are found anywhere in a line."""
    told = telling.number(len(findings), "finding") if telling.has_findings(report) else "done"
    kinds = telling.counted(findings)
    aside = telling.set_aside(report)
    answered = sum(isinstance(outcome, Answer) for outcome in report.outcomes)
    of = f"{answered} of {telling.number(report.asked, 'request')} answered"
    doubt = telling.doubt(report) if telling.has_findings(report) else ""
    return (
        f"lok: {told}{f' ({kinds})' if kinds else ''}{f', {aside}' if aside else ''}; {of}."
        + (f" {doubt}" if doubt else "")
        + "\n"
    )


def _data(text: str) -> str:
    text = _OLD_COMMAND.sub("# #", text)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 10]} [cut off]"
