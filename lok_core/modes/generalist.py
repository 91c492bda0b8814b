"""The best generalist: who plans, and who makes one answer of several."""

from __future__ import annotations

from lok_core.interfaces import Job
from lok_core.models import Access, Request
from lok_core.outcome import Answer, Outcome
from lok_core.results import SUMMARY

GENERAL = "Sum up."
"""Speaks of nothing in particular: who knows most about one part is not the one to weigh all of them."""


def only_failed(job: Job) -> set[str]:
    """Those who have only failed so far, such as for want of a log-in; they would fail again."""
    answered = {one.backend for one in job.outcomes if isinstance(one, Answer)}
    return {one.backend for one in job.outcomes} - answered


async def sum_up(job: Job, prompt: str) -> Outcome | None:
    """What the best generalist says to the prompt, from what stands in it; None if nobody may be asked."""
    failed = only_failed(job)
    order = job.recommend(Request(GENERAL, job.directory)).order
    if not order:  # agents may be named that are not asked by default
        return None
    best = min(order, key=lambda name: name in failed)
    (profile,) = [info.profile for info in job.backends() if info.name == best]
    access: Access = "none" if "none" in profile.access else "read"  # some programs always read
    return await job.ask(Request(prompt, job.directory, best, access=access, label=SUMMARY))
