"""A task: its prompts to those whom they suit, and findings out of the answers.

The only place where outcomes become findings, so that no task can leave a check out.
"""

from __future__ import annotations

import traceback

from attrs import evolve

from lok_core.errors import PLUGIN_FAULTS, LokError, NoBackendError
from lok_core.findings.extract import MAX_FINDINGS, from_answer
from lok_core.findings.rank import ranked
from lok_core.interfaces import Job, Task
from lok_core.modes.reporting import report
from lok_core.outcome import Answer, Finding, Report, TaskDetail


async def run_task(job: Job, task: Task) -> Report:
    """The report of the task, with what had been answered if it is interrupted."""
    broken = False
    with job.interruptible():
        try:
            await task.run(job)
        except PLUGIN_FAULTS as error:  # what was answered counts, whatever the task does
            if isinstance(error, LokError) and not job.outcomes:
                raise
            job.note(f"the task {task.name} broke off: {_told(error)}")
            broken = True
    if not job.outcomes and not broken:
        raise NoBackendError(
            f"no backend is there to {task.name}",
            "pip install lok-backend-static needs no key; `lok backends` shows what is there",
        )
    analysers = {info.name for info in job.backends() if not info.profile.is_llm}
    findings: list[Finding] = []
    for outcome in job.outcomes:
        if isinstance(outcome, Answer):
            found = from_answer(outcome, lead=outcome.backend in analysers)
            if len(found) == MAX_FINDINGS:
                job.note(f"{outcome.backend} reported too much: only its first {MAX_FINDINGS} findings count")
            findings += found
    prompts = tuple(prompt.name for prompt in task.prompts)
    made = report(task.name, job, TaskDetail(task.name, task.description, prompts), ranked(findings))
    return evolve(made, interrupted=made.interrupted or broken)


def _told(error: BaseException) -> str:
    """What was raised, and where."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({place.filename}:{place.lineno})"
