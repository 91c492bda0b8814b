"""The report as Markdown for a comment on a pull request, as GitHub and its like show it.

What models say is shown as plain words and as code, never as markup. Escaping alone does not do that:
mentions, references and bare addresses are looked for in the text after Markdown has been read, and bots
read the source itself ("@name do this", a line that starts with "/command"). So a zero-width space breaks
what they look for, and no line starts with a command from outside.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lok_core import telling
from lok_core.outcome import Answer, AskDetail, Failure, Finding, Gate, Outcome, Report, Source, View
from lok_core.results import is_told, question, sections
from lok_core.sanitize import clean, clean_line

if TYPE_CHECKING:
    from lok_core.results.section import Section

COMMENT_LENGTH = 65_536
"""Characters that GitHub accepts in a comment."""
ASIDE_LENGTH = 12_000
"""Characters kept free for what is told about the run after the findings."""
TITLE_LENGTH, TEXT_LENGTH, QUOTE_LENGTH, ANSWER_LENGTH = 200, 3_000, 1_000, 20_000
"""Characters of one text, before it is escaped."""
SOURCES_SHOWN = 10
ALL = sys.maxsize

_SPACE = "\u200b"  # zero width
_TRIGGERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile("@"), f"{_SPACE}@{_SPACE}"),  # mentions; mail, which some readers find in half of it
    (re.compile(r"([:#!](?=\S))"), rf"\1{_SPACE}"),  # schemes, emoji, references
    (re.compile(r"/(?=/)"), f"/{_SPACE}"),
    (re.compile(r"(gh-)(?=\d)", re.IGNORECASE), rf"\1{_SPACE}"),
    (re.compile(r"(www)(?=\.)", re.IGNORECASE), rf"\1{_SPACE}"),
    (re.compile(r"[0-9a-f]{6}(?=[0-9a-f])", re.IGNORECASE), rf"\g<0>{_SPACE}"),  # commits
)
_PUNCTUATION = re.compile(r"[\\`*_\[\]<>#|~&$!]|^[-+=/:]")
_LIST_NUMBER = re.compile(r"^(\d+)(?=[.)])")
_MENTION = re.compile(r"@(?=[^\s@])")  # not the hunk headers of a diff
_BACKTICKS = re.compile("`+")


def render(report: Report, view: View) -> Iterable[str]:
    """A summary, the findings worst first with their details folded, and what was not answered.

    It fits into a comment; what does not fit is counted. Where several backends worked together it is the
    whole transcript, what they came to first.
    """
    if not (telling.has_findings(report) or isinstance(report.detail, AskDetail)):
        yield from _transcript(report)
        return
    asking = isinstance(report.detail, AskDetail)
    head = _head(report)
    aside = fitting(_aside(report), ASIDE_LENGTH, "remarks")
    room = COMMENT_LENGTH - len(head) - len(aside)
    yield head
    if not asking:
        findings = telling.open_findings(report)
        kept, hidden = (findings, {}) if view.all else telling.shown(findings)
        more = _hidden(hidden)
        told = fitting([_finding(finding) for finding in kept], room - len(more), "findings") + more
        room -= len(told)
        yield told
    if asking or view.answers:
        yield fitting([_outcome(outcome) for outcome in report.outcomes], room, "answers")
    yield aside


def _transcript(report: Report) -> Iterator[str]:
    yield _head(report)
    yield f"{code_block(question(report), ALL)}\n"
    yield from map(_section, sections(report))
    for outcome in report.outcomes:
        if not is_told(outcome):
            yield _outcome(outcome, ALL)
    yield from _aside(report)


def _section(section: Section) -> str:
    parts = [f"### {plain(section.title)}\n"]
    parts += [f"- {plain(line, ALL)}" for line in section.lines]
    if section.lines:
        parts.append("")
    if section.text.strip():
        parts.append(code_block(section.text, ALL))
    if section.code.strip():
        parts.append(code_block(section.code, ALL))
    return "\n".join(parts) + "\n"


def fitting(blocks: Sequence[str], room: int, noun: str) -> str:
    """As many of the blocks as fit, and how many do not."""
    kept: list[str] = []
    note = "**{} more {} do not fit here.**\n\n"
    room -= len(note.format(len(blocks), noun))
    for block in blocks:
        room -= len(block)
        if room < 0:
            return "".join(kept) + note.format(len(blocks) - len(kept), noun)
        kept.append(block)
    return "".join(kept)


def _head(report: Report) -> str:
    if not telling.has_findings(report):
        title = f"## lok {plain(report.command)}\n\n"
    else:
        findings = telling.open_findings(report)
        kinds = telling.counted(findings)
        told = telling.number(len(findings), "finding") if findings else "no findings"
        title = f"## lok {plain(report.command)}: {told}{f' ({kinds})' if kinds else ''}\n\n"
    answered = sum(isinstance(outcome, Answer) for outcome in report.outcomes)
    facts = []
    if report.outcomes:
        facts.append(f"{answered} of {telling.number(report.asked, 'request')} answered")
    aside = telling.set_aside(report)
    if aside:
        facts.append(f"not shown: {aside}")
    if report.interrupted:
        facts.append("the run ended early")
    if report.gate:
        facts.append(_gate(report.gate))
    doubt = telling.doubt(report) if telling.has_findings(report) else ""
    if report.inconclusive:
        doubt = f"No result: {plain(report.inconclusive)}."
    told = f"{'; '.join(facts)}.\n\n" if facts else ""
    return title + told + (f"**{doubt}**\n\n" if doubt else "")


def _gate(gate: Gate) -> str:
    told = f"the run fails on findings of severity {gate.severity} or worse"
    if gate.quorum > 1:
        told += f" that {gate.quorum} backends report"
    if gate.only_grounded:
        told += ", if their evidence is found"
    return told


def _hidden(hidden: dict[str, int]) -> str:
    if not hidden:
        return ""
    rest = ", ".join(f"{plain(label)} {count}" for label, count in list(hidden.items())[:20])
    return f"{telling.number(sum(hidden.values()), 'more lead')} not shown ({rest}).\n\n"


def _finding(finding: Finding) -> str:
    place = telling.place(finding.locations[0]) if finding.locations else ""
    names = telling.backends(finding)
    who = f"{len(names)} backends" if len(names) > 1 else _html(names[0])
    facts = [who, telling.EVIDENCE[finding.grounding]]
    if finding.area != "source":
        facts.append(finding.area)
    if finding.incomplete:
        facts.append("answer cut off")
    mark = "" if finding.grounded or finding.grounding == "unchecked" else "\u26a0 "  # a warning sign
    summary = f"<b>{finding.severity.upper()}</b> " + (f"<code>{_html_code(place)}</code> " if place else "")
    summary += f"{_html(finding.title) or finding.category} <i>({mark}{', '.join(facts)})</i>"
    parts = [f"<details>\n<summary>{summary}</summary>\n", prose(finding.explanation)]
    if finding.quote.strip():
        parts.append(code_block(finding.quote, QUOTE_LENGTH))
    further = [code_span(telling.place(location)) for location in finding.locations[1 : SOURCES_SHOWN + 1]]
    if further:
        parts.append(f"See also {', '.join(further)}.\n")
    parts += [source_line(source) for source in finding.sources[:SOURCES_SHOWN]]
    if len(finding.sources) > SOURCES_SHOWN:
        parts.append(f"- and {len(finding.sources) - SOURCES_SHOWN} more")
    return "\n".join(filter(None, [*parts, "\n</details>\n\n"]))


def source_line(source: Source) -> str:
    about = [source.label or source.category, source.model or "", source.rule, "lead" if source.lead else ""]
    told = ", ".join(plain(text) for text in about if text.strip())
    return f"- {plain(source.backend)} ({told}): {source.severity}, {plain(source.title)}"


def _outcome(outcome: Outcome, length: int = ANSWER_LENGTH) -> str:
    label = f" ({plain(outcome.request.label)})" if outcome.request.label.strip() else ""
    head = f"### {plain(telling.who(outcome))}{label}\n\n"
    if isinstance(outcome, Answer):
        return head + code_block(outcome.reply.text, length) + "\n"
    said = code_block(outcome.partial, length) + "\n" if outcome.partial.strip() else ""
    return f"{head}{said}Not answered: {_failure(outcome)}\n\n"


def _aside(report: Report) -> list[str]:
    """What to know about the run, one line each under a heading."""
    failures = [outcome for outcome in report.outcomes if isinstance(outcome, Failure)]
    failed = []
    for failure in failures if telling.has_findings(report) else ():
        label = f" ({plain(failure.request.label)})" if failure.request.label.strip() else ""
        failed.append(f"- {plain(telling.who(failure))}{label}: {_failure(failure)}\n")
    notes = [
        note for outcome in report.outcomes if isinstance(outcome, Answer) for note in outcome.reply.notes
    ]
    known = [
        f"- {plain(note, TEXT_LENGTH)}\n"
        for note in dict.fromkeys([*telling.unread(report), *report.degraded, *report.notes, *notes])
    ]
    known += [
        f"- Left behind by {plain(leaked.label)}, and ended: {code_span(clean_line(leaked.command))}\n"
        for leaked in report.leaked
    ]
    known += [f"- {plain(line)}\n" for line in telling.changes(report)]
    return [*_headed("Not answered", failed), *_headed("To know", known)]


def _headed(title: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"### {title}\n\n{lines[0]}"
        yield from lines[1:]
        yield "\n"


def _failure(failure: Failure) -> str:
    hint = f" ({plain(failure.hint)})" if failure.hint.strip() else ""
    return f"{failure.kind}: {plain(failure.message)}{hint}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]} [cut off]"


def untriggered(text: str) -> str:
    for pattern, replacement in _TRIGGERS:
        text = pattern.sub(replacement, text)
    return text


def plain(text: str, length: int = TITLE_LENGTH) -> str:
    """Words on one line that Markdown takes for words."""
    line = untriggered(_cut(clean_line(text.strip()), length))
    return _LIST_NUMBER.sub(r"\1\\", _PUNCTUATION.sub(r"\\\g<0>", line))


def prose(text: str) -> str:
    """Paragraphs of words, each line ended; empty if there are none."""
    lines = [plain(line, TEXT_LENGTH) for line in _cut(clean(text).strip(), TEXT_LENGTH).split("\n")]
    told = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"{told}\n" if told else ""


def _html(text: str) -> str:
    """Words on one line inside of an HTML block, where Markdown is not read."""
    return html.escape(untriggered(_cut(clean_line(text.strip()), TITLE_LENGTH)))


def _html_code(text: str) -> str:
    return html.escape(_unmentioned(_cut(text, TITLE_LENGTH)))


def _unmentioned(code: str) -> str:
    """Code is shown as it is, but for what bots look for in the source of a comment."""
    return _MENTION.sub(f"@{_SPACE}", code)


def code_span(line: str) -> str:
    """A code span; the backticks around it are more than any row of them in it."""
    code = _unmentioned(_cut(line, TITLE_LENGTH))
    fence = "`" * (max(map(len, _BACKTICKS.findall(code)), default=0) + 1)
    pad = " " if "`" in code or code != code.strip() else ""
    return f"{fence}{pad}{code}{pad}{fence}" if code.strip() else ""


def code_block(text: str, length: int) -> str:
    """A quoted block of code: a fence alone would let lines begin with what was said."""
    lines = _unmentioned(_cut(clean(text).strip("\n"), length)).split("\n")
    fence = "`" * max(3, max((len(run) for line in lines for run in _BACKTICKS.findall(line)), default=0) + 1)
    quoted = "".join(f"> {line}\n" for line in [fence, *lines, fence])
    return (
        quoted if length == ALL or len(quoted) <= 2 * length or length < 20 else code_block(text, length // 2)
    )
