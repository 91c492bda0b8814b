"""Runs of the past: told again, and gone on with in another run."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature
from typing import TYPE_CHECKING, Any

from attrs import evolve

from lok_core.errors import UsageError
from lok_core.events import Event
from lok_core.folders import is_path
from lok_core.lok.reported import models_of
from lok_core.outcome import Answer, AskDetail, Failure, Outcome, Report, Screening, TaskDetail
from lok_core.results import SUMMARY
from lok_core.sanitize import masked

if TYPE_CHECKING:
    from lok_core.lok.opened import Lok
    from lok_core.runs import Past

_TYPES: dict[str, Any] = {
    **dict.fromkeys(("prompt", "task", "topic", "name"), str),
    **dict.fromkeys(("first", "fallback", "debate", "write"), bool),
    "rounds": int,
    "seed": int | None,
    "conductor": str | None,
    "agents": list,
}
METHODS = ("ask", "smart", "team", "debate", "spawn", "conduct", "run_task")
"""Those of `Lok` that ask; each has a journal."""


async def resume(lok: Lok, past: Past) -> Report:
    """The report of the same command on the same directory, in which nothing is asked that was answered.

    Raises:
        UsageError: it goes on, it cannot be asked again, or its directory is gone.
    """
    arguments = dict(past.arguments)
    method = getattr(lok, past.method)
    try:
        signature(method).bind(directory=past.directory, **arguments)
    except TypeError as error:
        raise unreadable(past) from error
    if (wanted := check_resumable(past)) is not None:
        arguments["screening"] = wanted
    lok.recalled = evolve(past.recalled(), models=models_of(lok.engine.panel))
    try:
        report: Report = await method(directory=past.directory, **arguments)
    finally:
        lok.recalled = None
    return report


def check_resumable(past: Past) -> Screening | None:
    """What was to become of the findings of a run that can go on in another one; None where it has none.

    Raises:
        UsageError: why it cannot.
    """
    if past.running:
        raise UsageError(f"the run {past.short} still goes on", "wait for it, or end it with Ctrl-C there")
    if not past.is_resumable:
        raise UsageError(
            f"the run {past.short} let agents write, and what they did cannot be asked for again",
            f"`lok spawn --list -d {past.directory}` shows their branches; `lok show {past.short}` the rest",
        )
    if past.method not in METHODS:
        raise UsageError(
            f"the run {past.short} cannot go on: this lok knows no {past.method!r}",
            f"`lok show {past.short}` shows what was answered",
        )
    if not _are_sound(past):
        raise unreadable(past)
    if not past.directory.is_dir():
        raise UsageError(
            f"the directory of the run {past.short} is gone: {past.directory}",
            f"put it back where it was; `lok show {past.short}` shows what was answered",
        )
    return screening(past) if past.method == "run_task" else None


def screening(past: Past) -> Screening:
    """What was to become of the findings of a task.

    Raises:
        UsageError: that cannot be read.
    """
    from lok_core.report_json import read

    try:
        wanted = read(past.arguments.get("screening") or {}, Screening)
    except ValueError as error:
        raise unreadable(past) from error
    if wanted.baseline is None:
        is_sound = not (wanted.update_baseline or wanted.prune)
    else:
        is_sound = is_path(str(wanted.baseline))
    if not is_sound:
        raise unreadable(past)
    return wanted


def _is_about_something(past: Past) -> bool:
    return past.directory.is_absolute() and is_path(str(past.directory))


def _are_sound(past: Past) -> bool:
    """Whether the directory can be one, and the arguments are of the types that they should be."""
    return _is_about_something(past) and all(
        isinstance(value, _TYPES.get(name, object)) for name, value in past.arguments.items()
    )


async def told(lok: Lok, past: Past) -> Report:
    """The report of a run of the past, without the secrets of now; nobody is asked.

    One that was killed has none: it is made of what had been answered.

    Raises:
        UsageError: it cannot be read.
    """
    from lok_core.report_json import read

    panel = lok.engine.panel
    panel.secrets |= past.secrets(panel.env)
    if not _is_about_something(past):
        raise unreadable(past)
    try:
        if past.report is not None:
            report = read(past.report, Report)
            _tell(lok, report.notes)
        else:
            outcomes = [_outcome(past, number) for number in sorted(past.requests)]
            report = await _broken_off(lok, past, tuple(outcomes))
    except ValueError as error:
        raise unreadable(past) from error
    return masked(report, panel.mask)


def _outcome(past: Past, number: int) -> Outcome:
    from lok_core.report_json import read

    line, request = past.outcomes.get(number), dict(past.requests[number])
    if line is None:
        why = "it has not answered yet" if past.running else "lok was ended before it had answered"
        told = {"backend": request.get("backend"), "kind": "cancelled", "message": why}
        return read({"request": request, **told}, Failure)
    request["label"] = line.get("label", request.get("label"))
    value = {**line["outcome"], "request": request}
    return read(value, Answer) if value.get("outcome") == "answer" else read(value, Failure)


async def _broken_off(lok: Lok, past: Past, outcomes: tuple[Outcome, ...]) -> Report:
    """The report that the run itself could not make."""
    from lok_core.job import EngineJob
    from lok_core.modes.reporting import participants, report
    from lok_core.modes.task import concluded, extracted

    engine = lok.engine
    if past.running:
        why = f"the run {past.short} still goes on; this is what was answered so far"
    else:
        why = f"the run {past.short} was ended before it could write its report"
        if past.is_resumable:
            why += f"; `lok resume {past.short}` goes on with it"
    notes = [why, *past.notes]
    _tell(lok, notes)
    job = EngineJob(engine, past.directory, recorded=list(outcomes), remarks=notes, interrupted=why)
    if past.method == "run_task":
        detail = TaskDetail(past.command, str(past.header.get("description", "")), past.names("prompts"))
        taken = await extracted(outcomes, past.names("analysers"))
        wanted = screening(past)
        made = await concluded(job, detail, taken, wanted, *await lok.known(wanted, past.directory))
    else:
        made = report(past.command, job, AskDetail(past.question))
        made = evolve(made, outcomes=tuple(_not_told(outcome) for outcome in outcomes))
    return evolve(
        made,
        backends=participants(made, engine.panel, lok.registry),
        started_at=past.started_at.isoformat(timespec="seconds"),
        run=past.run,
        lok_version=str(past.header.get("lok_version", "")),
    )


def _tell(lok: Lok, notes: Iterable[str]) -> None:
    for note in notes:
        lok.engine.listener(Event("note", text=note))


def _not_told(outcome: Outcome) -> Outcome:
    """An answer that would be shown in a section, were there one."""
    if outcome.request.label != SUMMARY:
        return outcome
    return evolve(outcome, request=evolve(outcome.request, label=f"the {SUMMARY}"))


def unreadable(past: Past) -> UsageError:
    """The error that says so."""
    version = past.header.get("lok_version", "")
    return UsageError(
        f"the run {past.short} cannot be read; lok {version} wrote it", f"its journal is {past.path}"
    )
