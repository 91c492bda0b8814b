"""The report for a person at a terminal."""

from __future__ import annotations

import re
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from lok_core import telling
from lok_core.interfaces import Renderer
from lok_core.models import Severity
from lok_core.outcome import (
    Answer,
    Failure,
    Finding,
    GroundDetail,
    Outcome,
    Report,
    TaskDetail,
    View,
)
from lok_core.results import is_told, sections
from lok_core.sanitize import clean, clean_line

if TYPE_CHECKING:
    from lok_core.results.section import Section

_QUOTE_LINES = 6
_RULE = "=" * 50
_HEAD = re.compile(r"^(?=(===|---) .* \1$)", re.MULTILINE)
_BOLD, _DIM = "1", "2"
_COLORS: dict[Severity, str] = {
    "critical": "1;31",
    "high": "31",
    "medium": "33",
    "low": "36",
    "info": "2",
}


class TextRenderer(Renderer):
    """Findings worst first, then what was not answered and what to know about the run."""

    name = "text"
    suffix = ".txt"

    def render(self, report: Report, view: View) -> Iterable[str]:
        if isinstance(report.detail, TaskDetail):
            yield from _task(report, report.detail, view)
        elif isinstance(report.detail, GroundDetail):
            yield from _grounded(report, report.detail, view)
        else:
            for outcome in report.outcomes:
                if not is_told(outcome):
                    yield self.block(outcome, view)
            for section in sections(report):
                yield _section(section, view)
        yield from _closing(report, view)

    def block(self, outcome: Outcome, view: View) -> str:
        label = f" [{clean_line(outcome.request.label)}]" if outcome.request.label else ""
        return _block(f"{_who(outcome)}{label}", outcome, view)


def _block(title: str, outcome: Outcome, view: View) -> str:
    head = _styled(f"=== {title} ===", _BOLD, view)
    if isinstance(outcome, Answer):
        return f"{head}\n{_words(outcome.reply.text)}\n\n"
    said = f"\n{_words(outcome.partial)}\n[cut off here]" if outcome.partial.strip() else ""
    return f"{head}{said}\n{_failure(outcome)}\n\n"


def _who(outcome: Outcome) -> str:
    return clean_line(telling.who(outcome)).upper()


def _words(text: str) -> str:
    """What a backend said; none of its lines can be taken for a head of lok's own."""
    return _HEAD.sub(" ", clean(text).strip())


def _section(section: Section, view: View) -> str:
    told = [_styled(f"--- {clean_line(section.title)} ---", _BOLD, view)]
    told += ["\n".join(_wrapped(line, view, "  ", hanging="    ")) for line in section.lines]
    if section.text.strip():
        told.append(_words(section.text))
    if section.code.strip():
        told += [f"    {line}".rstrip() for line in clean(section.code).strip("\n").split("\n")]
    return "\n".join(told) + "\n\n"


def _task(report: Report, task: TaskDetail, view: View) -> Iterator[str]:
    yield f"Task: {clean_line(task.name)}\n{clean_line(task.description)}\n{_RULE}\n\n"
    yield from _findings(report, view)
    yield from _answers(report, view)


def _grounded(report: Report, detail: GroundDetail, view: View) -> Iterator[str]:
    counts = Counter(finding.grounding for finding in telling.open_findings(report))
    told = [f"  {count} {telling.EVIDENCE[kind]}\n" for kind, count in counts.most_common()]
    where = clean_line(str(report.directory))
    yield f"Ground: {clean_line(detail.file)}\nChecked against {where}\n{''.join(told)}{_RULE}\n\n"
    yield from _findings(report, view)


def _findings(report: Report, view: View) -> Iterator[str]:
    if view.all:
        kept, hidden = list(report.findings), Counter[str]()
    elif isinstance(report.detail, GroundDetail):  # no cap: whoever grounds leads wants to see which hold
        kept, hidden = telling.open_findings(report), Counter[str]()
    else:
        kept, hidden = telling.shown(telling.open_findings(report))
    for finding in kept:
        yield _finding(finding, view, evidence=isinstance(report.detail, GroundDetail))
    if not kept:
        yield f"No findings. {telling.doubt(report)}".rstrip() + "\n\n"
    if hidden:
        rest = ", ".join(f"{clean_line(label)} {count}" for label, count in hidden.items())
        leads = telling.number(sum(hidden.values()), "more lead")
        yield f"{leads} not shown ({rest}); --all shows all.\n\n"
    aside = telling.set_aside(report)
    if aside and not view.all:
        yield f"Not shown: {aside}; --all shows all.\n\n"
    for line in telling.unread(report):
        yield f"{clean_line(line)}; it stands below.\n\n"


def _answers(report: Report, view: View) -> Iterator[str]:
    """What the backends said in prose; free text of which no finding was taken is never held back."""
    label = None
    for outcome in report.outcomes:
        if isinstance(outcome, Failure) and not (outcome.partial.strip() or view.answers):
            continue
        if isinstance(outcome, Answer) and (outcome.findings or outcome.clean) and not view.answers:
            continue
        if isinstance(outcome, Answer) and not outcome.reply.text.strip():
            continue  # an analyser has no words
        if outcome.request.label != label:
            label = outcome.request.label
            yield _styled(f"[{clean_line(label)}]", _BOLD, view) + "\n"
        yield _block(_who(outcome), outcome, view)


def _finding(finding: Finding, view: View, *, evidence: bool) -> str:
    """The finding; with `evidence`, what holds is told as well as what does not."""
    place = _place(finding)
    severity = _styled(finding.severity.upper(), _COLORS[finding.severity], view)
    aside = f"  ({finding.area})" if finding.area != "source" else ""
    lines = [f"{severity}  {_styled(place, _BOLD, view)}{aside}", *_wrapped(finding.title, view)]
    lines += _wrapped(finding.explanation, view)
    if finding.quote.strip():
        lines += [_styled(f"    > {clean_line(line)}", _DIM, view) for line in _quoted(finding.quote)]
    if evidence and finding.grounding in ("exact", "unchecked"):
        lines.append(f"    = {telling.EVIDENCE[finding.grounding]}")
    lines += [_styled(f"    ! {doubt}", _COLORS["medium"], view) for doubt in _doubts(finding)]
    for location in finding.locations[1:]:
        lines.append(_styled(f"    see also {telling.place(location)}", _DIM, view))
    lines.append(_styled(f"    {_sources(finding)}", _DIM, view))
    return "\n".join(lines) + "\n\n"


def _place(finding: Finding) -> str:
    if finding.locations:
        return telling.place(finding.locations[0])
    told = next((source.place for source in finding.sources if source.place), None)
    return "(no place given)" if told is None else f"{telling.place(told)} (not a file of this directory)"


def _quoted(quote: str) -> list[str]:
    lines = [line.rstrip() for line in textwrap.dedent(quote.expandtabs(4)).strip("\n").split("\n")]
    return [*lines[:_QUOTE_LINES], "..."] if len(lines) > _QUOTE_LINES else lines


def _doubts(finding: Finding) -> list[str]:
    """Why one should look twice, or not at all."""
    told = []
    if finding.grounding == "moved":
        places = [(source.backend, source.place) for source in finding.sources if source.place]
        said = [f"{backend} said {place.line}" for backend, place in places if place.line]
        told.append(f"{telling.EVIDENCE['moved']} ({clean_line(', '.join(said))})")
    elif finding.grounding not in ("exact", "unlocated", "unchecked"):
        told.append(telling.EVIDENCE[finding.grounding])
    if finding.suppressed is not None:
        told.append(f"suppressed in the code: {clean_line(finding.suppressed)}")
    if finding.known:
        told.append("known, as the baseline has it")
    if finding.incomplete:
        told.append("from an answer that was cut off")
    return told


def _sources(finding: Finding) -> str:
    """Who reports it, as what, and how bad each says it is where they differ."""
    differ = len({source.severity for source in finding.sources}) > 1
    told = []
    for source in finding.sources:
        about = [source.label or source.category, *([source.rule] if source.rule else [])]
        about += [source.severity] if differ else []
        told.append(f"{source.backend} ({', '.join(about)}){' lead' if source.lead else ''}")
    agree = f"{finding.agreement} agree: " if finding.agreement > 1 else ""
    return clean_line(agree + ", ".join(dict.fromkeys(told)))


def _closing(report: Report, view: View) -> Iterator[str]:
    failures = [outcome for outcome in report.outcomes if isinstance(outcome, Failure)]
    if failures and isinstance(report.detail, TaskDetail):
        yield "Not answered:\n"
        for failure in failures:
            label = f" [{clean_line(failure.request.label)}]" if failure.request.label else ""
            yield f"  {clean_line(telling.who(failure))}{label}: {_failure(failure)}\n"
        yield "\n"
    notes = dict.fromkeys(report.degraded)
    notes |= {note: None for outcome in report.outcomes for note in _reply_notes(outcome)}
    if notes:
        yield "To know:\n"
        for note in notes:
            yield "\n".join(_wrapped(note, view, "  ")) + "\n"
    if report.inconclusive:
        yield f"No result: {clean_line(report.inconclusive)}.\n"
    if report.interrupted:
        yield "Incomplete: the run ended before everything was asked and answered.\n"
    for leaked in report.leaked:
        yield f"Left behind by {clean_line(leaked.label)}, and ended: {clean_line(leaked.command)}\n"
    for line in telling.changes(report):
        yield f"{clean_line(line)}\n"


def _reply_notes(outcome: Outcome) -> tuple[str, ...]:
    return outcome.reply.notes if isinstance(outcome, Answer) else ()


def _failure(failure: Failure) -> str:
    hint = f" ({clean_line(failure.hint)})" if failure.hint else ""
    return f"{failure.kind}: {clean_line(failure.message)}{hint}"


def _wrapped(text: str, view: View, indent: str = "    ", hanging: str = "") -> list[str]:
    width = max(40, min(view.width, 100))
    return [
        line
        for paragraph in clean(text).splitlines()
        for line in textwrap.wrap(
            paragraph,
            width,
            initial_indent=indent,
            subsequent_indent=hanging or indent,
            break_on_hyphens=False,  # paths and branches can be copied
            break_long_words=not hanging,
        )
    ]


def _styled(text: str, code: str, view: View) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if view.color else text
