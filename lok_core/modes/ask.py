"""Ask: one prompt to several backends at once."""

from __future__ import annotations

from lok_core.errors import NoBackendError
from lok_core.interfaces import Job
from lok_core.models import Request
from lok_core.modes.reporting import report
from lok_core.outcome import AskDetail, Report


async def ask(job: Job, prompt: str) -> Report:
    """Every eligible backend's answer; the named ones', available or not, where some are named.

    Raises:
        NoBackendError: there is nobody to ask.
    """
    infos = {info.name: info for info in job.backends()}
    names = [name for name in job.chosen if infos[name].profile.answers_questions] or [
        info.name for info in infos.values() if info.eligible
    ]
    if not names:
        raise NoBackendError(*_nobody(job))
    await job.ask_all([Request(prompt, job.directory, backend=name, access="read") for name in names])
    return report("ask", job, AskDetail(prompt))


def _nobody(job: Job) -> tuple[str, str]:
    deaf = [info.name for info in job.backends() if not info.profile.answers_questions]
    if job.chosen:
        return (
            f"{', '.join(job.chosen)} analyses directories and answers no questions",
            "lok hunt and lok audit use it",
        )
    missing = [
        info.name
        for info in job.backends()
        if info.profile.answers_questions and info.profile.asked_by_default and not info.available
    ]
    if missing:
        return (
            "no backend is there to answer",
            f"`lok doctor` says how to get one of these: {', '.join(missing)}",
        )
    return (
        f"no backend that answers questions is installed{f' ({deaf[0]} does not)' if deaf else ''}",
        "install the adapter of a command-line tool you have, such as "
        "pip install lok-backend-codex, lok-backend-gemini or lok-backend-claude",
    )
