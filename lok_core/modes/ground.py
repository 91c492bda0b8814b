"""Ground: findings from anywhere, checked against a directory. Asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import evolve

from lok_core.interfaces import Job
from lok_core.modes.reporting import report
from lok_core.modes.task import in_thread, judge
from lok_core.outcome import GroundDetail, Report, Screening

if TYPE_CHECKING:
    from lok_core.findings.baseline import Baseline


async def ground(
    job: Job,
    text: str,
    name: str,
    screening: Screening,
    baseline: Baseline | None,
    renames: Mapping[str, str],
) -> Report:
    """The report of the findings that the text tells.

    Args:
        name: what the text is known by; the source of findings that do not name theirs.
        baseline: the findings that are known.
        renames: path now -> path at the time of the baseline.
    """
    from lok_core.findings.foreign import foreign

    reading = await in_thread(foreign, text, name)
    for note in reading.notes:
        job.note(note)
    findings = await judge(job, reading.findings, screening, baseline, renames)
    made = report("ground", job, GroundDetail(name), findings)
    return evolve(made, gate=screening.gate, baseline=str(screening.baseline or ""), degraded=reading.doubts)
