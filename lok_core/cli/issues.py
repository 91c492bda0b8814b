"""`--issues`: findings become issues at GitHub, once somebody has said yes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lok_core.cli.output import complain, say

if TYPE_CHECKING:
    from lok_core.lok import Draft, Lok, Plan, Repository, Tracker
    from lok_core.outcome import Report

F = TypeVar("F", bound=Callable[..., Any])

_ISSUES = click.option(
    "--issues", is_flag=True, help="Create GitHub issues of the findings shown, with gh; asks first."
)
_YES = click.option("-y", "--yes", is_flag=True, help="Create them without being asked.")


def issues_options(command: F) -> F:
    """Adds `--issues` and `-y`."""
    return _ISSUES(_YES(command))


async def create_issues(lok: Lok, report: Report, *, everything: bool, yes: bool) -> None:
    """Creates issues of what the report shows, and tells on standard error what was done, also if cancelled.

    Args:
        everything: whether the report was shown with all leads.
        yes: whether nobody needs to be asked.

    Raises:
        UsageError: gh cannot be used, or there is no repository.
    """
    from lok_core import lok as lok_face

    findings, unproven = lok_face.for_issues(report, everything=everything)
    if unproven:
        say(f"no issue for {_count(unproven, 'finding')} whose evidence was not found")
    if not findings:
        say("there is nothing to create issues of")
        return
    if not yes and not _on_terminal():
        complain("no issues were created, as there is no terminal to ask on", "-y creates them unasked")
        return
    drafts: Sequence[Draft] = ()
    async with lok_face.open_tracker(lok, report.directory) as tracker:
        try:
            plan = await tracker.plan(findings, report.lok_version)
            drafts = plan.drafts if await _agreed(plan, tracker.repository, yes) else ()
        finally:
            if not drafts:
                say("no issues were created")
        await _create(tracker, drafts)


async def _create(tracker: Tracker, drafts: Sequence[Draft]) -> None:
    import trio

    created = 0
    try:
        for draft in drafts:
            url = await tracker.create(draft)
            created += 1
            say(f"created {url}: {draft.title}")
    except* trio.Cancelled:
        say("the issue under way may be there as well; the next run recognises it")
        raise
    finally:
        if created < len(drafts):
            say(f"{created} of {_count(len(drafts), 'issue')} created")


async def _agreed(plan: Plan, repository: Repository, yes: bool) -> bool:
    """Whether the issues of the plan, which is told, are to be created."""
    for told, number in plan.there:
        say(f"issue #{number} is open already: {told}")
    if plan.partial:
        say("of the open issues only the newest 1000 were looked at")
    for draft in plan.drafts:
        say(f"  {draft.told}")
    if yes or not plan.drafts:
        return yes
    return await _confirmed(f"Create {_count(len(plan.drafts), 'issue')} in {repository}? [y/N] ")


def _on_terminal() -> bool:
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stderr))


async def _confirmed(question: str) -> bool:
    """Whether the answer is yes; no answer is none. Not read in a thread, which Ctrl-C could not end."""
    import termios

    import trio

    terminal = sys.stdin.fileno()
    termios.tcflush(terminal, termios.TCIFLUSH)  # what was typed while the backends worked is no answer
    print(question, end="", file=sys.stderr, flush=True)
    answer = b""
    try:
        await trio.lowlevel.wait_readable(terminal)
        with contextlib.suppress(OSError):  # the terminal is gone
            answer = os.read(terminal, 1000)
    finally:
        if not answer.endswith(b"\n"):
            say("")
    return answer.strip().lower() in (b"y", b"yes")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
