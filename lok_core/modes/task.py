"""A task: its prompts to those whom they suit, and findings out of the answers.

The only place where outcomes become findings, so that no task can leave a check out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

import trio
from attrs import evolve

from lok_core.errors import PLUGIN_FAULTS, LokError, NoBackendError, PluginError, UsageError
from lok_core.interfaces import Job, PromptTask, Task
from lok_core.job import TURN
from lok_core.models import Request
from lok_core.modes.reporting import report
from lok_core.outcome import Answer, Finding, Outcome, Report, Screening, TaskDetail
from lok_core.prompts.task import repair
from lok_core.schemas import schema
from lok_core.settings import Settings

if TYPE_CHECKING:
    from lok_core.facts import Informed
    from lok_core.findings.baseline import Baseline
    from lok_core.findings.extract import Extracted

T = TypeVar("T")

_JUDGE = "lok_core.findings.judge"


async def run_task(
    job: Job,
    task: Task,
    screening: Screening,
    baseline: Baseline | None = None,
    renames: Mapping[str, str] | None = None,
) -> Report:
    """The report of the task, with what had been answered if it is interrupted.

    Args:
        baseline: the findings that are known.
        renames: path now -> path at the time of the baseline.

    Raises:
        NoBackendError: nobody is there to be asked.
        UsageError: none of its prompts is for the code base.
    """
    fault: BaseException | None = None
    with job.interruptible():
        await _inform(job, task)
    async with trio.open_nursery() as nursery:
        # It takes longer than anything else that lok does itself; meanwhile the backends work.
        nursery.start_soon(in_thread, import_module, _JUDGE)
        with job.interruptible():
            try:
                await task.run(job)
            except PLUGIN_FAULTS as error:
                fault = error
    if isinstance(fault, LokError) and not job.outcomes:
        raise fault
    if fault is not None:  # what was answered counts, whatever the task does
        job.note(f"the task {task.name} broke off: {_told(fault)}")
    elif not job.outcomes:
        raise NoBackendError(
            f"no backend is there for the task {task.name!r}",
            "pip install lok-backend-static needs no key; `lok backends` shows what is there",
        )
    analysers = {info.name for info in job.backends() if not info.profile.is_llm}
    taken = await extracted(job.outcomes, analysers)
    if screening.repair:
        unread = [one.outcome for one in taken if _is_unread(one.outcome)]
        for outcome in unread:
            job.note(f"no finding could be read from {_whose(outcome)}; it is asked for once more as JSON")
        again = await extracted(await job.ask_all([_repairing(outcome) for outcome in unread]), analysers)
        read = {(one.outcome.backend, one.outcome.request.label) for one in again if _is_read(one.outcome)}
        taken = [_without_doubt(one, read) for one in taken] + again
    detail = TaskDetail(task.name, task.description, tuple(prompt.name for prompt in task.prompts))
    made = await concluded(job, detail, taken, screening, baseline, renames or {})
    return evolve(made, interrupted=made.interrupted or fault is not None)


async def _inform(job: Job, task: Task) -> None:
    """Fills into the prompts what lok knows of the code base, and leaves out those that are not for it."""
    prompts = task.prompts if isinstance(task, PromptTask) else ()
    depends = any(one.when or one.unless for one in prompts)
    if not depends and not any("{" in one.text for one in prompts):
        return
    needed = depends or _asks_a_model(job, task)

    def work() -> Informed:
        from lok_core.facts import informed

        return informed(prompts, job.directory if needed else None)

    found = await in_thread(work)
    if found.unknown:
        raise PluginError(
            f"the task {task.name!r} names what lok knows nothing of: {', '.join(found.unknown)}",
            "docs/task-packs.md lists the facts; this is a fault of the plugin",
        )
    if prompts and not found.prompts:
        raise UsageError(
            f"{task.name} has nothing to ask about {job.directory}: {_reasons(found.left_out)}",
            f"`lok task show {task.name}` shows its prompts",
        )
    if found.told:
        job.note(f"told the models: {found.told}")
    for name, why in found.left_out.items():
        job.note(f"{name} is left out, as {why}")
    task.prompts = found.prompts


def _reasons(left_out: Mapping[str, str]) -> str:
    """Why prompts are left out, each reason once."""
    return ", and ".join(dict.fromkeys(left_out.values()))


def _asks_a_model(job: Job, task: Task) -> bool:
    models = {info.name for info in job.backends() if info.profile.is_llm}
    try:
        return not isinstance(task, PromptTask) or any(one.backend in models for one in task.requests(job))
    except PLUGIN_FAULTS:  # told when it runs
        return True


async def concluded(
    job: Job,
    detail: TaskDetail,
    taken: Sequence[Extracted],
    screening: Screening,
    baseline: Baseline | None,
    renames: Mapping[str, str],
) -> Report:
    """The report of a task of which nothing more is asked.

    Args:
        taken: what was found in each outcome.
    """
    cut = [f"{_whose(one.outcome)} was too much: {what}" for one in taken for what in one.cut]
    found = [finding for one in taken for finding in one.findings]
    findings = await judge(job, found, screening, baseline, renames)
    return evolve(
        report(detail.name, job, detail, findings),
        outcomes=tuple(one.outcome for one in taken),
        degraded=tuple(cut),
        gate=screening.gate,
        baseline=str(screening.baseline or ""),
    )


def tell(job: Job, task: Task, settings: Settings, *, named: bool) -> None:
    """Notes what one would not expect of the task: whose words it asks with, and who is asked.

    Args:
        named: whether the user said whom to ask.
    """
    for origin in sorted(settings.untrusted):
        parts = ("description", "prompts", "backends")
        theirs = [part for part in parts if settings.origin("tasks", task.name, part) == origin]
        if theirs:
            job.note(f"{', '.join(theirs)} of {task.name} from {origin}, which is not trusted")
    if named or not isinstance(task, PromptTask):
        return
    table = settings.tasks.get(task.name)
    there = {info.name for info in job.backends() if info.available}
    missing = [name for name in (table and table.backends) or task.preferred[:1] if name not in there]
    models = {info.name for info in job.backends() if info.profile.is_llm}
    from difflib import get_close_matches

    with suppress(*PLUGIN_FAULTS):  # what it raises is told when it runs
        asked = [request.backend for request in task.requests(job)]
        instead = ", ".join(dict.fromkeys(name for name in asked if name in models))
        if missing and instead:
            close = [one for name in missing for one in get_close_matches(name, there, n=1)]
            meant = f" (did you mean {close[0]!r}?)" if close else ""
            job.note(f"{', '.join(missing)} is not there for {task.name}{meant}; asked instead: {instead}")


async def judge(
    job: Job,
    found: Iterable[Finding],
    screening: Screening,
    baseline: Baseline | None,
    renames: Mapping[str, str],
) -> list[Finding]:
    """What was reported about the job's directory, as a person can trust it; what is left out is noted."""

    def work() -> tuple[list[Finding], list[Finding]]:
        from lok_core.findings.judge import judged, screened
        from lok_core.findings.tree import Tree

        everything = judged(found, Tree(job.directory), baseline, renames)
        return everything, screened(everything, screening)

    everything, findings = await in_thread(work)
    if left_out := len(everything) - len(findings):
        told = "1 finding was" if left_out == 1 else f"{left_out} findings were"
        job.note(f"{told} left out, as --min-severity or --only-grounded asks")
    return findings


async def extracted(outcomes: Iterable[Outcome], analysers: Collection[str]) -> list[Extracted]:
    """What was found in each outcome; that of an analyser is a lead."""

    def work() -> list[Extracted]:
        from lok_core.findings.extract import Extracted, extract

        return [
            Extracted(outcome)
            if outcome.request.label == TURN  # what a model asks of others is no finding
            else extract(outcome, lead=outcome.backend in analysers)
            for outcome in outcomes
        ]

    return await in_thread(work)


def _is_unread(outcome: Outcome) -> bool:
    return isinstance(outcome, Answer) and outcome.unparsed_locations > 0


def _is_read(outcome: Outcome) -> bool:
    return isinstance(outcome, Answer) and not outcome.unparsed_locations


def _without_doubt(one: Extracted, read: Collection[tuple[str, str]]) -> Extracted:
    """An answer that could not be read is nothing to worry about once it was given again as JSON."""
    if not _is_unread(one.outcome) or (one.outcome.backend, one.outcome.request.label) not in read:
        return one
    assert isinstance(one.outcome, Answer)
    return evolve(one, outcome=evolve(one.outcome, unparsed_locations=0, findings=None))


def _repairing(outcome: Outcome) -> Request:
    assert isinstance(outcome, Answer)
    wanted = schema("lok.findings/1")
    prompt = repair(outcome.reply.text, wanted)
    return evolve(outcome.request, prompt=prompt, access="none", output_schema=wanted)


def _whose(outcome: Outcome) -> str:
    label = f" to {outcome.request.label}" if outcome.request.label else ""
    return f"the answer of {outcome.backend}{label}"


async def in_thread(work: Callable[..., T], *arguments: object) -> T:
    """The result of what takes long without waiting for anything, so that signals are heeded meanwhile."""
    return await trio.to_thread.run_sync(work, *arguments, abandon_on_cancel=True)


def _told(error: BaseException) -> str:
    """What was raised, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
