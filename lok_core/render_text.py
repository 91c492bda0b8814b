"""The report for a person at a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator

from lok_core.interfaces import Renderer
from lok_core.models import Severity
from lok_core.outcome import Answer, AskDetail, Failure, Finding, Outcome, Report, TaskDetail, View
from lok_core.sanitize import clean, clean_line

LEADS_SHOWN = 5
"""Leads of one prompt that are shown without `--all`; more bury what matters."""
RULE_SHOWN = 2
"""Leads of one rule among these."""

_RULE = "=" * 50
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
        else:
            for outcome in report.outcomes:
                yield self.block(outcome, view)
        yield from _closing(report, view)

    def block(self, outcome: Outcome, view: View) -> str:
        head = _styled(f"=== {clean_line(outcome.backend).upper()} ===", _BOLD, view)
        if isinstance(outcome, Answer):
            return f"{head}\n{clean(outcome.reply.text).strip()}\n\n"
        said = f"\n{clean(outcome.partial).strip()}\n[cut off here]" if outcome.partial.strip() else ""
        return f"{head}{said}\n{_failure(outcome)}\n\n"


def shown(findings: Iterable[Finding]) -> tuple[list[Finding], Counter[str]]:
    """The findings that are shown by default, and how many leads of each prompt are not.

    What a language model reports is always shown; of the leads, `LEADS_SHOWN` of each prompt: the first, but
    at most two of one rule as long as there are others, since one noisy rule would hide all of them.
    """
    ranked = list(findings)
    leads: dict[str, list[int]] = {}
    for place, finding in enumerate(ranked):
        if all(source.lead for source in finding.sources):
            leads.setdefault(finding.sources[0].label, []).append(place)
    dropped: set[int] = set()
    hidden: Counter[str] = Counter()
    for label, places in leads.items():
        seen: Counter[str] = Counter()
        repeated = []
        for place in places:
            rule = ranked[place].sources[0].rule
            seen[rule] += 1
            if rule and seen[rule] > RULE_SHOWN:
                repeated.append(place)
        varied = [place for place in places if place not in repeated]
        left_out = [*varied, *repeated][LEADS_SHOWN:]
        dropped.update(left_out)
        if left_out:
            hidden[label] = len(left_out)
    return [finding for place, finding in enumerate(ranked) if place not in dropped], hidden


def _task(report: Report, task: TaskDetail, view: View) -> Iterator[str]:
    yield f"Task: {clean_line(task.name)}\n{clean_line(task.description)}\n{_RULE}\n\n"
    kept, hidden = (report.findings, Counter[str]()) if view.all else shown(report.findings)
    for finding in kept:
        yield _finding(finding, view)
    if not report.findings:
        yield _nothing(report)
    if hidden:
        rest = ", ".join(f"{clean_line(label)} {count}" for label, count in hidden.items())
        leads = _count(sum(hidden.values()), "more lead")
        yield f"{leads} not shown ({rest}); --all shows all.\n\n"
    yield from _answers(report, view)


def _answers(report: Report, view: View) -> Iterator[str]:
    """What the backends said in prose; free text of which no finding was taken is never held back."""
    label = None
    for outcome in report.outcomes:
        if isinstance(outcome, Failure) and not (outcome.partial.strip() or view.answers):
            continue
        if isinstance(outcome, Answer) and outcome.reply.data is not None and not view.answers:
            continue
        if isinstance(outcome, Answer) and not outcome.reply.text.strip():
            continue  # an analyser has no words
        if outcome.request.label != label:
            label = outcome.request.label
            yield _styled(f"[{clean_line(label)}]", _BOLD, view) + "\n"
        yield TextRenderer().block(outcome, view)


def _finding(finding: Finding, view: View) -> str:
    place = _place(finding)
    severity = _styled(finding.severity.upper(), _COLORS[finding.severity], view)
    aside = f"  ({finding.area})" if finding.area != "source" else ""
    lines = [f"{severity}  {_styled(place, _BOLD, view)}{aside}", *_wrapped(finding.title, view)]
    lines += _wrapped(finding.explanation, view)
    if finding.quote.strip():
        lines.append(_styled(f"    > {clean_line(finding.quote.strip())}", _DIM, view))
    lines.append(_styled(f"    {_sources(finding)}", _DIM, view))
    return "\n".join(lines) + "\n\n"


def _place(finding: Finding) -> str:
    if not finding.locations:
        return "(no place given)"
    location = finding.locations[0]
    end = f"-{location.end_line}" if location.end_line else ""
    return clean_line(location.path) + (f":{location.line}{end}" if location.line else "")


def _sources(finding: Finding) -> str:
    told = []
    for source in finding.sources:
        about = [source.label or source.category, *([source.rule] if source.rule else [])]
        told.append(f"{source.backend} ({', '.join(about)}){' lead' if source.lead else ''}")
    return clean_line(", ".join(dict.fromkeys(told)))


def _nothing(report: Report) -> str:
    if not any(isinstance(outcome, Answer) for outcome in report.outcomes):
        return "Nothing was answered, so nothing can be said about this code.\n\n"
    if any(isinstance(outcome, Failure) for outcome in report.outcomes):
        return "No findings in what was answered; some requests failed, so this is no clean bill.\n\n"
    if report.interrupted:
        return "No findings in what was answered; not everything was asked, so this is no clean bill.\n\n"
    if any(isinstance(outcome, Answer) and outcome.reply.data is None for outcome in report.outcomes):
        return "No findings were given as such; what was said in words stands below.\n\n"
    return "No findings.\n\n"


def _closing(report: Report, view: View) -> Iterator[str]:
    failures = [outcome for outcome in report.outcomes if isinstance(outcome, Failure)]
    if failures and not isinstance(report.detail, AskDetail):
        yield "Not answered:\n"
        for failure in failures:
            label = f" [{clean_line(failure.request.label)}]" if failure.request.label else ""
            yield f"  {clean_line(failure.backend)}{label}: {_failure(failure)}\n"
        yield "\n"
    notes = {note: None for outcome in report.outcomes for note in _reply_notes(outcome)}
    if notes:
        yield "To know:\n"
        for note in notes:
            yield "\n".join(_wrapped(note, view, "  ")) + "\n"
    if report.interrupted:
        yield "Incomplete: the run ended before everything was asked and answered.\n"
    for leaked in report.leaked:
        yield f"Left behind by {clean_line(leaked.label)}, and ended: {clean_line(leaked.command)}\n"


def _reply_notes(outcome: Outcome) -> tuple[str, ...]:
    return outcome.reply.notes if isinstance(outcome, Answer) else ()


def _failure(failure: Failure) -> str:
    hint = f" ({clean_line(failure.hint)})" if failure.hint else ""
    return f"{failure.kind}: {clean_line(failure.message)}{hint}"


def _wrapped(text: str, view: View, indent: str = "    ") -> list[str]:
    width = max(40, min(view.width, 100))
    return [
        line
        for paragraph in clean(text).splitlines()
        for line in textwrap.wrap(paragraph, width, initial_indent=indent, subsequent_indent=indent)
    ]


def _styled(text: str, code: str, view: View) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if view.color else text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
