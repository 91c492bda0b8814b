"""How findings are told to people, whatever the format: places, who reported them, what their evidence is
worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from lok_core.models import SEVERITIES, Grounding
from lok_core.outcome import Answer, Finding, GroundDetail, Location, Outcome, Report, TaskDetail
from lok_core.sanitize import clean_line

EVIDENCE: dict[Grounding, str] = {
    "unchecked": "evidence not checked",
    "exact": "evidence found",
    "moved": "evidence found at another line",
    "elsewhere": "evidence found in another file",
    "quote-missing": "evidence not found: the quoted code is not there",
    "line-out-of-range": "evidence not found: there is no such line",
    "file-missing": "evidence not found: there is no such file",
    "ambiguous": "evidence unclear: the quoted code is in several places",
    "unlocated": "no place given",
}
"""What checking the evidence of a finding found."""

LEADS_SHOWN = 5
"""Leads of one prompt that are shown without `--all`; more bury what matters."""
CHANGES_SHOWN = 20
RULE_SHOWN = 2
"""Leads of one rule among these."""


def has_findings(report: Report) -> bool:
    """Whether findings are what the run was for, and not the answers themselves."""
    return isinstance(report.detail, (TaskDetail, GroundDetail))


def place(location: Location) -> str:
    """`path:line` or `path:line-end`, as far as it is known, on one line."""
    start, end = lines(location)
    told = "" if start is None else f":{start}" if end is None or end == start else f":{start}-{end}"
    return clean_line(location.path) + told


def lines(location: Location) -> tuple[int | None, int | None]:
    """First and last line, without what cannot be: a line below 1, an end before the start."""
    if location.line is None or location.line < 1:
        return None, None
    if location.end_line is None or location.end_line < location.line:
        return location.line, None
    return location.line, location.end_line


def backends(finding: Finding) -> list[str]:
    """The distinct backends that report it, in the order of its sources."""
    return list(dict.fromkeys(clean_line(source.backend) for source in finding.sources))


def open_findings(report: Report) -> list[Finding]:
    """Those that somebody should look at: neither known nor suppressed."""
    return [finding for finding in report.findings if finding.is_open]


def shown(findings: Iterable[Finding]) -> tuple[list[Finding], Counter[str]]:
    """The findings that are shown by default, and how many leads of each prompt are not.

    What a language model reports is always shown; of the leads, `LEADS_SHOWN` of each prompt: the first, but
    at most two of one rule as long as there are others, since one noisy rule would hide all of them.
    """
    ranked = list(findings)
    leads: dict[str, list[int]] = {}
    for place, finding in enumerate(ranked):
        if finding.is_lead:
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


def counted(findings: Iterable[Finding]) -> str:
    """ "1 critical, 2 low", worst first."""
    counts = Counter(finding.severity for finding in findings)
    return ", ".join(f"{counts[severity]} {severity}" for severity in SEVERITIES if counts[severity])


def set_aside(report: Report) -> str:
    """ "2 known, 1 suppressed"; empty if there are none. What is both counts as suppressed."""
    suppressed = sum(finding.suppressed is not None for finding in report.findings)
    known = sum(finding.known and finding.suppressed is None for finding in report.findings)
    told = [f"{known} known"] * bool(known) + [f"{suppressed} suppressed"] * bool(suppressed)
    return ", ".join(told)


def doubt(report: Report) -> str:
    """Why finding nothing, or no more, is no clean bill; empty if everything was answered."""
    asked = not isinstance(report.detail, GroundDetail)
    if asked and not any(isinstance(outcome, Answer) for outcome in report.outcomes):
        return "Nothing was answered, so nothing can be said about this code."
    if report.interrupted:
        return "The run ended before everything was asked and answered, so this is no clean bill."
    if report.unanswered:
        return "Some requests failed, so this is no clean bill."
    if any(isinstance(outcome, Answer) and outcome.is_unread for outcome in report.outcomes):
        return "Some answers could not be read, so this is no clean bill."
    if report.gaps:
        return "Findings may be missing, so this is no clean bill."
    return ""


def unread(report: Report) -> list[str]:
    """Which answers name places although no finding was recognised in them, one line each."""
    return [
        f"{outcome.backend}{f' [{outcome.request.label}]' if outcome.request.label else ''} names "
        f"{number(outcome.unparsed_locations, 'place')}, but no finding could be read from its answer"
        for outcome in report.outcomes
        if isinstance(outcome, Answer) and outcome.unparsed_locations
    ]


def changes(report: Report) -> list[str]:
    """Which files were changed during the run, one line each; machine formats hold those left out here."""
    told = [change.told for change in report.changed[:CHANGES_SHOWN]]
    if (more := len(report.changed) - CHANGES_SHOWN) > 0:
        told.append(f"and {number(more, 'more file')} changed during the run")
    return told


def who(outcome: Outcome) -> str:
    """Whose answer or failure it is: "codex", or "codex instead of gemini"."""
    return f"{outcome.backend} instead of {outcome.instead_of}" if outcome.instead_of else outcome.backend


def number(count: int, noun: str) -> str:
    """ "1 finding", "2 findings"."""
    return f"{count} {noun}{'' if count == 1 else 's'}"
