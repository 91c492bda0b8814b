"""What all modes put into a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core.budget import Budget
from lok_core.interfaces import Backend, Job
from lok_core.models import Usage
from lok_core.outcome import Answer, Detail, Failure, Finding, Outcome, Participant, Report
from lok_core.panel import Panel
from lok_core.registry import Registry


def report(command: str, job: Job, detail: Detail, findings: Iterable[Finding] = ()) -> Report:
    """The report of everything the job recorded; what only the whole run knows is added by `lok.py`."""
    return Report(
        command=command,
        directory=job.directory,
        outcomes=job.outcomes,
        detail=detail,
        findings=tuple(findings),
        usage=total(job.outcomes),
        notes=job.remarks,
        interrupted=bool(job.interrupted),
    )


def participants(report: Report, panel: Panel, registry: Registry) -> tuple[Participant, ...]:
    """Who took part, by name: which plugin it is from, and which model answered."""
    took_part = []
    for name in sorted({outcome.backend for outcome in report.outcomes}):
        kind = panel.backends[name].kind if name in panel.backends else ""  # gone since a run long ago
        owner = registry.owner(Backend, kind)
        answers = [one for one in report.outcomes if isinstance(one, Answer) and one.backend == name]
        models = [one.reply.model for one in answers if one.reply.model]
        took_part.append(
            Participant(
                name,
                kind,
                "" if owner is None else owner.distribution,
                "" if owner is None else owner.version,
                models[0] if models else "",
            )
        )
    return tuple(took_part)


def shortcomings(report: Report, budget: Budget) -> tuple[str, ...]:
    """What of the run is less than was asked for: what its caps did, who of several did not answer, and in
    whose place others did."""
    told = list(budget.told())
    counted = [one for one in report.outcomes if isinstance(one, Answer) or one.kind != "cancelled"]
    names = dict.fromkeys(outcome.backend for outcome in counted)
    kinds = {one.backend: one.kind for one in counted if isinstance(one, Failure)}
    answered = {one.backend for one in counted if isinstance(one, Answer)}
    failed = [f"{name} failed ({kinds[name]})" for name in names if name not in answered]
    if failed and answered and report.unanswered:
        told.append(f"{len(answered)} of {len(names)} backends answered: {', '.join(failed)}")
    return (*told, *report.stand_ins, *report.degraded)


def total(outcomes: Sequence[Outcome]) -> Usage:
    """The sums over all answers; a sum that misses one part is unknown, not smaller."""
    usages = [outcome.reply.usage for outcome in outcomes if isinstance(outcome, Answer)]

    def sum_of(values: list[int | None] | list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    def count(values: list[int | None]) -> int | None:
        summed = sum_of(values)
        return None if summed is None else int(summed)

    return Usage(
        count([usage.input_tokens for usage in usages]),
        count([usage.output_tokens for usage in usages]),
        count([usage.cached_tokens for usage in usages]),
        sum_of([usage.cost_usd for usage in usages]),
    )
