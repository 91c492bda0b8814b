"""Suggest and smart: which backend suits a text, and its answer."""

from __future__ import annotations

from attrs import evolve

from lok_core.details.smart import SmartDetail, SuggestDetail, Suggestion
from lok_core.errors import NoBackendError
from lok_core.interfaces import Job
from lok_core.models import Request
from lok_core.modes.reporting import report
from lok_core.outcome import Report
from lok_core.topics import topics_of


async def suggest(job: Job, task: str) -> Report:
    """Which backends suit the task, those that are not there included. Asks nobody."""
    suggestion = suggested(job, Request(task, job.directory, access="read"))
    return report("suggest", job, SuggestDetail(task, suggestion))


async def smart(job: Job, prompt: str) -> Report:
    """The answer of the backend that suits the prompt best.

    Raises:
        NoBackendError: there is nobody to ask.
    """
    request = Request(prompt, job.directory, access="read")
    suggestion = suggested(job, request)
    chosen = choice(job, suggestion)
    await job.ask(evolve(request, backend=chosen))
    return report("smart", job, SmartDetail(prompt, suggestion))


def suggested(job: Job, request: Request) -> Suggestion:
    """What the delegation rules say of the request."""
    infos = {info.name: info for info in job.backends()}
    ranking = job.recommend(request, available_only=False)
    there = [name for name in ranking.order if infos[name].available]
    able = [name for name in there if request.access in infos[name].profile.access]
    return Suggestion(
        topics=topics_of(request),
        order=ranking.order,
        votes=ranking.votes,
        unavailable=tuple(name for name in ranking.order if not infos[name].available),
        choice=next(iter(able or there), ""),
    )


def choice(job: Job, suggestion: Suggestion) -> str:
    """Who is to be asked; a note says so where somebody else would suit better.

    Raises:
        NoBackendError: there is nobody to ask.
    """
    if not suggestion.choice:
        raise NoBackendError(*_nobody(job, suggestion))
    infos = {info.name: info for info in job.backends()}
    weights = weights_of(suggestion)
    # Those with as many votes stand before it by their names only.
    better = [name for name in suggestion.order if weights[name] > weights[suggestion.choice]]
    about = ", ".join(topic.category for topic in suggestion.topics)
    for why, names in (
        ("not available", [name for name in better if not infos[name].available]),
        ("cannot read files", [name for name in better if infos[name].available]),
    ):
        if names:
            listed = ", ".join(names)
            job.note(f"{why}, though better for {about}: {listed}; asked instead: {suggestion.choice}")
    if "read" not in infos[suggestion.choice].profile.access:
        job.note(f"{suggestion.choice} cannot read files; it sees the prompt and nothing else")
    return suggestion.choice


def weights_of(suggestion: Suggestion) -> dict[str, float]:
    """The votes of each backend, added up."""
    return {
        name: sum(vote.weight for vote in suggestion.votes if vote.backend == name)
        for name in suggestion.order
    }


def _nobody(job: Job, suggestion: Suggestion) -> tuple[str, str]:
    if suggestion.order:
        names = ", ".join(suggestion.unavailable)
        return "no backend is there to answer", f"`lok doctor` says how to get one of these: {names}"
    if job.chosen:
        return f"{', '.join(job.chosen)} answers no questions", "name another one with -b, or none"
    return (
        "no backend that answers questions is installed",
        "install the adapter of a command-line tool you have, such as "
        "pip install lok-backend-codex, lok-backend-gemini or lok-backend-claude",
    )
