"""The report of a command that is only planned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import evolve

from lok_core.details.plan import PlanDetail, PlannedRequest
from lok_core.job import EngineJob
from lok_core.outcome import Failure, Report
from lok_core.results import question


def planned(
    report: Report, job: EngineJob, method: str, asked: Mapping[str, Any], models: Mapping[str, str]
) -> Report:
    """What would have been asked, in the place of a report in which nothing was answered.

    Args:
        method: of `Lok`, and what it was called with.
        models: by backend, the model that its configuration names.
    """
    assert job.planned is not None
    requests = tuple(
        _request(number, outcome, job, models)
        for number, outcome in enumerate(job.outcomes, 1)
        if isinstance(outcome, Failure)  # else an earlier run has the answer
    )
    detail = PlanDetail(question(report), requests)
    if detail.sendable:
        detail = evolve(detail, later=tuple(_later(method, asked, detail, job)))
    return Report(
        report.command,
        report.directory,
        outcomes=(),
        detail=detail,
        notes=report.notes,
        interrupted=report.interrupted,
    )


def _request(number: int, failure: Failure, job: EngineJob, models: Mapping[str, str]) -> PlannedRequest:
    assert job.planned is not None
    request, argv = job.planned.get(number, (failure.request, ()))
    made = PlannedRequest(
        request,
        failure.backend,
        request.model or models.get(failure.backend),
        len(request.prompt),
        len(request.prompt.encode(errors="replace")),
        argv,
    )
    if number in job.planned:
        return made
    return evolve(made, problem=failure.kind, message=failure.message, hint=failure.hint)


def _later(method: str, asked: Mapping[str, Any], detail: PlanDetail, job: EngineJob) -> Iterator[str]:
    """What depends on answers."""
    count = len(detail.sendable)
    models = [one for one in detail.sendable if job.engine.panel.get(one.backend).profile.is_llm]
    if asked.get("fallback") and models:
        yield "a request that fails is sent to the next recommended backend"
    if method == "run_task" and asked["screening"].repair and models:
        yield "an answer that names places, and of which no finding can be read, is asked for again as JSON"
    if method == "team" and asked["debate"]:
        yield "each answer is read by another backend and then revised by its author"
    if method == "team" and count > 1:
        yield "one of the backends sums up"
    if method == "debate" and asked["rounds"] > 1:
        yield f"up to {asked['rounds'] - 1} more rounds, in which each reads the others, until all agree"
    if method == "spawn" and not asked["agents"]:
        yield "the agents of that plan are asked all at once, and one of the backends sums up"
    elif method == "spawn" and count > 1:
        yield "one of the backends sums up"
    if method == "spawn" and asked["write"]:
        yield "each agent gets a copy of the repository, which is made then, as its directory"
    if method == "conduct":
        yield "what the conductor asks the others, round by round, and what it is told of their answers"
