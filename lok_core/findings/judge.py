"""From what was reported to what a person can trust: grounded, merged, recognised, ranked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from attrs import evolve

from lok_core.findings.baseline import Baseline
from lok_core.findings.fingerprint import fingerprint, under
from lok_core.findings.ground import ground
from lok_core.findings.merge import merged
from lok_core.findings.rank import ranked
from lok_core.findings.suppress import suppression
from lok_core.findings.tree import Tree
from lok_core.models import SEVERITIES
from lok_core.outcome import Answer, Finding, Report, Screening


def judged(
    findings: Iterable[Finding], tree: Tree, baseline: Baseline | None, renames: Mapping[str, str]
) -> list[Finding]:
    """The findings with their evidence checked, each problem once, known and suppressed ones marked, ranked.

    Args:
        renames: new path -> path at the time of the baseline.
    """
    checked = [
        evolve(finding, fingerprint=fingerprint(finding, tree), suppressed=suppression(finding, tree))
        for finding in merged(ground(finding, tree) for finding in findings)
    ]
    if baseline is not None:
        checked = baseline.marked(checked, _former(checked, tree, baseline, renames))
    return ranked(checked)


def _former(
    findings: Iterable[Finding], tree: Tree, baseline: Baseline, renames: Mapping[str, str]
) -> dict[str, set[str]]:
    """The fingerprints that findings had when their files were called otherwise.

    What git does not tell, a line tells that was in a file which is gone, and is now in exactly one other.
    """
    gone = {entry.path for entry in baseline.entries if entry.path and tree.file(entry.path) is None}
    entries = {entry.fingerprint for entry in baseline.entries if entry.path in gone}
    before: dict[str, set[str]] = defaultdict(set)
    moved: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for finding in findings:
        path = finding.locations[0].path if finding.locations else ""
        before[finding.fingerprint].update(under(finding, tree, [renames[path]] if path in renames else []))
        for former in under(finding, tree, gone if path else ()):
            if former in entries:
                moved[former].add((path, finding.fingerprint))
    for former, places in moved.items():
        if len({path for path, _ in places}) == 1:
            for _, own in places:
                before[own].add(former)
    return before


def screened(findings: Iterable[Finding], screening: Screening) -> list[Finding]:
    """Those that the user wants to hear of."""
    least = SEVERITIES.index(screening.min_severity)
    return [
        finding
        for finding in findings
        if SEVERITIES.index(finding.severity) <= least and (finding.grounded or not screening.only_grounded)
    ]


def gating(report: Report) -> list[Finding]:
    """The findings that make the run fail; none without a gate."""
    gate = report.gate
    return [] if gate is None else [finding for finding in report.findings if gate.fails_on(finding)]


def undecided(report: Report) -> str:
    """Why nobody can say that the gate holds, though no finding gates; empty if it holds."""
    if report.unanswered:
        return f"{report.unanswered} of {report.asked} requests failed"
    if report.interrupted:
        return "the run ended before everything was asked and answered"
    unread = sum(isinstance(one, Answer) and one.is_unread for one in report.outcomes)
    if unread:
        return f"{unread} of {len(report.outcomes)} answers could not be read"
    if report.gaps:
        return report.gaps[0]
    told = {outcome.backend for outcome in report.outcomes}
    if report.outcomes and report.gate is not None and len(told) < report.gate.quorum:
        return f"{report.gate.quorum} backends have to agree, and {len(told)} answered"
    return ""
