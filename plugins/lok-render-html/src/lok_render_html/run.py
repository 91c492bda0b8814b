"""What a reader should know about the run: what is missing from it, who took part, what was said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from lok_core import (
    Answer,
    Failure,
    Gate,
    GroundDetail,
    Outcome,
    Participant,
    Report,
    TaskDetail,
    Usage,
    changes,
    is_told,
)
from lok_render_html.entries import Entry
from lok_render_html.markup import Html, line, number, prose, tag, together


def verdict(report: Report) -> str:
    """The result in one line. Nothing found in part of the code is no clean bill."""
    if not seeks_findings(report):
        answered = sum(isinstance(outcome, Answer) for outcome in report.outcomes)
        return f"{answered} of {number(report.asked, 'request')} answered." if report.outcomes else ""
    if report.findings:
        return number(len(report.findings), "finding")
    answers = sum(isinstance(outcome, Answer) for outcome in report.outcomes)
    if not answers:
        return "Nothing was answered, so nothing can be said about this code."
    if report.unanswered:
        return "No findings in what was answered; some requests failed, so this is no clean bill."
    if report.interrupted:
        return "No findings in what was answered; not everything was asked, so this is no clean bill."
    return "No findings."


def seeks_findings(report: Report) -> bool:
    """Whether findings are what the run was for, and not the answers themselves."""
    return isinstance(report.detail, (TaskDetail, GroundDetail))


def set_aside(report: Report) -> str:
    """ "1 known, 2 suppressed"; empty if there are none."""
    known = sum(finding.known for finding in report.findings)
    suppressed = sum(finding.suppressed is not None for finding in report.findings)
    told = [f"{known:,} known"] * bool(known) + [f"{suppressed:,} suppressed"] * bool(suppressed)
    return ", ".join(told)


def caveats(report: Report) -> list[Html]:
    """Why this report is less than what was asked for; empty when it is not."""
    said = []
    if report.interrupted:
        said.append(Html("The run ended before everything was asked and answered."))
    if report.inconclusive:
        said.append(together([Html("No result: "), prose(report.inconclusive), Html(".")]))
    unread = sum(
        isinstance(outcome, Answer) and outcome.unparsed_locations > 0 for outcome in report.outcomes
    )
    if unread:
        link = tag("a", number(unread, "answer"), href="#answers")
        said.append(together([link, " named places in the code, but no finding was recognised there."]))
    said += [prose(reason) for reason in report.degraded if reason.strip()]
    if failed := report.unanswered:
        total = number(report.asked, "request")
        link = tag("a", f"{failed} of {total}", href="#failures")
        said.append(together([link, f" {'was' if failed == 1 else 'were'} not answered."]))
    return said


def gate(made: Gate, entries: Sequence[Entry], complete: bool) -> Html:
    """What makes the run fail, and whether it does."""
    wanted = [
        "critical findings" if made.severity == "critical" else f"findings that are {made.severity} or worse"
    ]
    if made.quorum > 1:
        wanted.append(f"reported by at least {made.quorum} backends")
    if made.only_grounded:
        wanted.append("with evidence found in the code")
    failing = sum(entry.fails for entry in entries)
    if failing:
        result = f"Gate failed by {number(failing, 'finding')}."
    elif complete:
        result = "Gate passed."
    else:
        result = "Gate undecided: nothing that was answered fails it, but not everything was answered."
    return tag("p", tag("b", result), f" It asks for {', '.join(wanted)}, neither known nor suppressed.")


def about(report: Report) -> Iterator[Html]:
    """The sections below the findings."""
    if failures := [outcome for outcome in report.outcomes if isinstance(outcome, Failure)]:
        items = [tag("li", *_failure(failure)) for failure in failures]
        yield tag("section", tag("h2", "Not answered"), tag("ul", *items, class_="plain"), id="failures")
    if notes := dict.fromkeys(_notes(report)):
        yield tag("section", tag("h2", "Notes"), tag("ul", *(tag("li", note) for note in notes)))
    if report.backends:
        rows = [_participant(report, participant) for participant in report.backends]
        heads = [tag("th", head, scope="col") for head in ("Backend", "Model", "Plugin")]
        counts = [tag("th", head, scope="col", class_="count") for head in ("Answered", "Failed", "Findings")]
        head = tag("tr", *heads, *counts)
        table = tag("table", tag("thead", head), tag("tbody", *rows))
        yield tag(
            "section",
            tag("h2", "Who took part", id="panel"),
            tag("div", table, class_="scroll", tabindex=0, role="region", aria_labelledby="panel"),
            *_usage(report.usage),
        )


def answers(report: Report, *, opened: bool, data: bool) -> list[Html]:
    """What the backends said word for word; `data` tells whether structured answers are told too."""
    said = []
    is_task = isinstance(report.detail, TaskDetail)
    for outcome in report.outcomes:
        if is_told(outcome) and not is_task:
            continue
        words = outcome.reply.text if isinstance(outcome, Answer) else outcome.partial
        if data and isinstance(outcome, Answer) and outcome.reply.data is not None:
            words += "\n\n" + json.dumps(outcome.reply.data, indent=2, ensure_ascii=False, default=str)
        if words.strip():
            summary = tag("summary", *_asked(outcome))
            said.append(tag("details", summary, tag("pre", words.strip("\r\n"), dir="auto"), open=opened))
    return [tag("section", tag("h2", "Answers word for word"), *said, id="answers")] if said else []


def _asked(outcome: Outcome) -> list[Html]:
    request = outcome.request
    label = [Html(" "), tag("span", line(request.label), class_="label")] if request.label else []
    cut = ", cut off" if isinstance(outcome, Failure) and outcome.partial.strip() else ""
    took = tag("span", f"{outcome.duration_s:,.1f} s{cut}", class_="hint")
    instead = [Html(" "), line(f"instead of {outcome.instead_of}")] if outcome.instead_of else []
    return [tag("b", line(outcome.backend)), *instead, *label, Html(" "), took]


def _failure(failure: Failure) -> Iterator[Html]:
    yield tag("p", *_asked(failure))
    yield tag("p", tag("code", failure.kind), " ", prose(failure.message), class_="prose")
    if failure.hint:
        yield tag("p", prose(failure.hint), class_="remark prose")
    if failure.detail.strip():
        yield tag("details", tag("summary", "Traceback"), tag("pre", failure.detail.strip("\r\n")))


def _notes(report: Report) -> Iterator[Html]:
    for note in filter(str.strip, report.notes):
        yield tag("span", prose(note), class_="prose")
    for outcome in report.outcomes:
        notes = outcome.reply.notes if isinstance(outcome, Answer) else ()
        for note in filter(str.strip, notes):
            yield tag("span", tag("b", line(outcome.backend)), ": ", prose(note), class_="prose")
    for leaked in report.leaked:
        by = f" by {leaked.label}" if leaked.label else ""
        command = tag("code", line(leaked.command))
        yield tag("span", line(f"A process left behind{by} was ended: "), command)
    for told in changes(report):
        yield tag("span", line(told))


def _participant(report: Report, participant: Participant) -> Html:
    own = [outcome for outcome in report.outcomes if outcome.backend == participant.name]
    answered = sum(isinstance(outcome, Answer) for outcome in own)
    found = sum(
        any(source.backend == participant.name for source in finding.sources) for finding in report.findings
    )
    plugin = f"{participant.distribution} {participant.version}"
    return tag(
        "tr",
        tag("th", line(participant.name), scope="row"),
        tag("td", line(participant.model) or "-"),
        tag("td", line(plugin)),
        *(tag("td", f"{count:,}", class_="count") for count in (answered, len(own) - answered, found)),
    )


def _usage(usage: Usage) -> Iterator[Html]:
    tokens = [
        f"{count:,} {what}"
        for count, what in (
            (usage.input_tokens, "input tokens"),
            (usage.cached_tokens, "of them cached"),
            (usage.output_tokens, "output tokens"),
        )
        if count is not None
    ]
    if tokens or usage.cost_usd is not None:
        cost = "cost not known" if usage.cost_usd is None else f"{usage.cost_usd:.2f} US dollars"
        yield tag("p", f"Used: {', '.join([*tokens, cost])}.", class_="remark")
