"""Who was asked what, and who saw what: the mark of each backend for each finding."""

from __future__ import annotations

from typing import Literal, TypeAlias

from attrs import frozen

from lok_core import Answer, Finding, Report

Mark: TypeAlias = Literal["reported", "lead", "cut", "silent", "failed", "unasked"]

SIGNS: dict[Mark, tuple[str, str]] = {
    "reported": ("●", "reported it"),
    "lead": ("○", "reported it as a lead, a pattern that nobody has judged"),
    "cut": ("◐", "reported it in an answer that was cut off"),
    "silent": ("–", "did not report it"),  # noqa: RUF001
    "failed": ("!", "gave no answer"),
    "unasked": ("", "was not asked about this"),
}
"""How each mark is drawn, and what it says."""


@frozen
class Panel:
    """The backends of a report, and what each of them was asked.

    Attributes:
        names: every backend that took part, failed or is named by a finding; their order is that of columns.
        asked: the label and the category of each request, by backend, and whether it was answered.
    """

    names: tuple[str, ...]
    asked: dict[str, set[tuple[str, str, bool]]]

    @classmethod
    def of(cls, report: Report) -> Panel:
        names = [participant.name for participant in report.backends]
        names += [outcome.backend for outcome in report.outcomes]
        names += [source.backend for finding in report.findings for source in finding.sources]
        asked: dict[str, set[tuple[str, str, bool]]] = {}
        for outcome in report.outcomes:
            request = outcome.request
            one = (request.label, request.category, isinstance(outcome, Answer))
            asked.setdefault(outcome.backend, set()).add(one)
        return cls(tuple(dict.fromkeys(name for name in names if name)), asked)

    def marks(self, finding: Finding) -> list[Mark]:
        """One for each of `names`."""
        labels = {source.label for source in finding.sources}
        topics = {
            topic for requests in self.asked.values() for label, topic, _ in requests if label in labels
        }
        return [self._mark(name, finding, labels, topics) for name in self.names]

    def _mark(self, name: str, finding: Finding, labels: set[str], topics: set[str]) -> Mark:
        own = [source for source in finding.sources if source.backend == name]
        if own:
            if all(source.lead for source in own):
                return "lead"
            return "cut" if all(source.incomplete for source in own) else "reported"
        if not self.asked:  # findings of another tool: no request to go by
            return "silent"
        requests = self.asked.get(name, ())
        answers = [answered for label, _, answered in requests if label in labels]
        # An analyser is asked once for a category, under the label of its first prompt.
        answers = answers or [answered for _, topic, answered in requests if topic in topics]
        if not answers:
            return "unasked"
        return "silent" if any(answers) else "failed"
