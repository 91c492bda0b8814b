"""The findings of a report as the page lists them."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core import Finding, Report, View, shown
from lok_render_html.panel import Mark, Panel


@frozen
class Entry:
    """A finding and what the page says about it.

    Attributes:
        number: counts from 1 in the order of the report; the anchor is `#f<number>`.
        marks: one for each backend of the panel.
        reporters: the columns of the backends that report it.
        fails: whether it makes the run fail.
        folded: why it is shown on demand only: a lead beyond the cap, or set aside as known or suppressed.
    """

    number: int
    finding: Finding
    marks: tuple[Mark, ...]
    reporters: tuple[int, ...]
    fails: bool
    folded: Literal["", "lead", "aside"]

    @property
    def title(self) -> str:
        return self.finding.title if self.finding.title.strip() else "(no title)"

    @property
    def asked(self) -> int:
        """How many backends gave an answer about it, whether they report it or not."""
        return len(self.reporters) + self.marks.count("silent")

    @property
    def states(self) -> tuple[str, ...]:
        """What it can be filtered by beyond the facts: "open" is what nobody has set aside."""
        finding = self.finding
        states = {
            "open": finding.is_open,
            "fails the gate": self.fails,
            "lead": finding.is_lead,
            "known": finding.known,
            "suppressed": finding.suppressed is not None,
            "cut off": finding.incomplete,
        }
        return tuple(state for state, holds in states.items() if holds)


def entries(report: Report, panel: Panel, view: View) -> list[Entry]:
    """One for each finding, in the order of the report."""
    kept, _ = shown(finding for finding in report.findings if finding.is_open)
    at_first = {id(finding) for finding in kept}
    listed = []
    for number, finding in enumerate(report.findings, 1):
        marks = panel.marks(finding)
        reporters = [column for column, mark in enumerate(marks) if mark in ("reported", "lead", "cut")]
        fails = report.gate is not None and report.gate.fails_on(finding)
        folded: Literal["", "lead", "aside"] = ""
        if not view.all:
            folded = "aside" if not finding.is_open else "" if id(finding) in at_first else "lead"
        listed.append(Entry(number, finding, tuple(marks), tuple(reporters), fails, folded))
    return listed
