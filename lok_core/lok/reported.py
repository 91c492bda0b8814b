"""A command from its first request to its report: journal, watch, what only the whole run knows."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trio
from attrs import asdict, evolve

from lok_core import __version__
from lok_core.job import EngineJob
from lok_core.journal import FOLDER, Journal, short
from lok_core.modes.reporting import participants, shortcomings
from lok_core.outcome import Change, Failure, Report, Screening
from lok_core.sanitize import masked
from lok_core.setup import make_task
from lok_core.watch import Watch

if TYPE_CHECKING:
    from lok_core.lok.opened import Lok
    from lok_core.panel import Panel


async def reported(
    lok: Lok, job: EngineJob, mode: Awaitable[Report], method: str, asked: Mapping[str, Any], *, reads: bool
) -> Report:
    """The mode's report with what only the whole run knows.

    Args:
        method: of `Lok`, and what it was called with, the directory excepted; empty if nobody is asked.
        reads: whether its backends may read the directory, and must not change it.
    """
    started_at, started = datetime.now(UTC), trio.current_time()
    changed: tuple[Change, ...] = ()
    asks, is_plan = bool(method), job.planned is not None
    lok.report = None
    lok.journal, run = None, "" if is_plan else lok.run
    if asks and not is_plan:
        lok.runs += 1
        run = lok.run if lok.runs == 1 else f"{lok.run}-{lok.runs}"
        lok.journal = job.journal = _journal(lok, run, job, method, asked, started_at)
    job.recalled = lok.recalled
    watch = Watch(job.directory, (lok.state_dir,))
    lok.is_busy = True
    try:
        if reads and not is_plan:
            with job.interruptible():
                await watch.begin()
        report = await mode
        await lok.engine.children.sweep()
        with nullcontext() if job.interrupted else job.interruptible():
            changed = await watch.changes(lok.engine.activities)
        for note in watch.notes:
            job.note(note)
        took_part = participants(report, lok.engine.panel, lok.registry)
        if asks and is_plan:
            from lok_core.lok.planned import planned

            report = planned(report, job, method, asked, models_of(lok.engine.panel))
        report = evolve(
            report,
            backends=took_part,
            leaked=tuple(lok.engine.children.leaked),
            changed=changed,
            degraded=shortcomings(report, lok.engine.budget),
            notes=(*watch.notes, *_taken_over(lok, job), *report.notes, *filter(None, [lok.listening.fault])),
            started_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(trio.current_time() - started, 3),
            run=run,
            lok_version=__version__,
        )
        lok.report = masked(report, lok.engine.panel.mask)
        if job.journal is not None:
            job.journal.finish(lok.report)
        return lok.report
    finally:
        lok.is_busy = False
        watch.end()
        if job.journal is not None:
            job.journal.close()


def left(lok: Lok) -> str:
    """The id of the last run if something of it is left to ask, and can be; else empty."""
    run, journal, report = kept(lok), lok.journal, lok.report
    if not run or journal is None or journal.header["arguments"].get("write"):
        return ""
    if journal.header["arguments"].get("first") and journal.answers:
        return ""
    if report is None or report.interrupted:
        # Those that ask in several rounds may have had no time to ask all.
        in_one_round = journal.header["method"] in ("ask", "smart")
        return "" if in_one_round and not journal.unanswered else run
    return run if ended_early(report) else ""


def kept(lok: Lok) -> str:
    """The id of the last run if there is a journal of it; else empty."""
    return lok.journal.path.stem if lok.journal is not None and lok.journal.is_kept else ""


def ended_early(report: Report) -> bool:
    """Whether a signal or a cap kept something from being answered."""
    return report.interrupted or any(
        isinstance(one, Failure) and one.kind == "cancelled" for one in report.outcomes
    )


def _journal(
    lok: Lok, run: str, job: EngineJob, method: str, asked: Mapping[str, Any], started_at: datetime
) -> Journal:
    panel = lok.engine.panel
    header: dict[str, Any] = {
        "run": run,
        "continues": "" if lok.recalled is None else lok.recalled.run,
        "command": method,
        "method": method,
        "arguments": {name: _plain(value) for name, value in asked.items()},
        "directory": str(job.directory),
        "backends": panel.named,
        "analysers": [name for name, one in panel.backends.items() if not one.profile.is_llm],
        "secrets": sorted({name for one in panel.profiles for name in one.secrets}),
        "invocation": dict(lok.invocation),
        "started_at": started_at.isoformat(),
        "lok_version": __version__,
    }
    if method == "run_task":
        task = make_task(lok.registry, asked["name"], lok.settings)
        prompts = [prompt.name for prompt in task.prompts]
        header |= {"command": task.name, "description": task.description, "prompts": prompts}
    path = lok.state_dir / FOLDER / f"{run}.jsonl"
    notes = list(job.remarks)
    models = models_of(panel)
    return Journal(path, header, panel.mask, job.note, lok.recalled, notes=notes, models=models)


def models_of(panel: Panel) -> dict[str, str]:
    """By backend, the model that its configuration names, if it names one."""
    configs = {name: getattr(one, "config", None) for name, one in panel.backends.items()}
    named = {name: getattr(config, "model", None) for name, config in configs.items()}
    return {name: str(model) for name, model in named.items() if model}


def _plain(value: Any) -> Any:
    """An argument as JSON."""
    if not isinstance(value, Screening):
        return value
    return asdict(value, value_serializer=lambda _, __, one: str(one) if isinstance(one, Path) else one)


def _taken_over(lok: Lok, job: EngineJob) -> tuple[str, ...]:
    if lok.recalled is None:
        return ()
    there, taken = len(lok.recalled.answers), lok.recalled.taken
    count = f"{taken} answers were" if taken != 1 else "1 answer was"
    rest = f" (of {there}; the others are to what was not asked again)" if taken < there else ""
    note = f"{count} taken over from {short(lok.recalled.run)}{rest}"
    job.note(note)
    return (note,)
