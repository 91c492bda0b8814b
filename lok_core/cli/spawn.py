"""lok spawn."""

from __future__ import annotations

import os
from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Split a task among several agents, all at once.")
@click.argument("task", required=False)
@run_options
@click.option(
    "--agent",
    "agents",
    multiple=True,
    metavar="NAME[@BACKEND]:TEXT",
    help="An agent and its part of the task, instead of a plan; once for each.",
)
@click.option("--write", is_flag=True, help="Each agent changes files, in a copy, on a branch of its own.")
@click.option("--list", "listing", is_flag=True, help="Show the branches and copies that are left, and stop.")
@click.pass_context
def spawn(
    ctx: click.Context,
    /,
    task: str | None,
    agents: tuple[str, ...],
    write: bool,
    listing: bool,
    **keywords: Any,
) -> int:
    """Splits TASK into 2 to 4 parts, gives each to the backend that suits it best, all at once, and sums up.

    TASK may be `-`, or left out where standard input is a pipe: then it is read from there.

    The agents read and change nothing. With --write each works in a copy of the repository as it is now, what
    is not committed included, and its work ends up on the branch lok/RUN/NAME. lok merges nothing and touches
    neither your files nor your index; it shows the commands that do.
    """
    if listing:
        if task is not None or agents or write:
            raise click.UsageError("--list takes no TASK, no --agent and no --write")
        return run_prompted(ctx, keywords, lambda lok, directory: lok.spawned(directory))
    text = read_prompt(task, 'lok spawn "Review the error handling"')
    # What is no UTF-8 came in as lone surrogates, which no program could be sent.
    named = [os.fsencode(agent).decode("utf-8", errors="replace") for agent in agents]
    return run_prompted(
        ctx, keywords, lambda lok, directory: lok.spawn(text, directory, agents=named, write=write)
    )
