"""lok team."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Give each part of a task to the backend that suits it best, and sum up.")
@click.argument("task", required=False)
@run_options
@click.option("--debate", is_flag=True, help="Another backend reads each answer, and its author revises it.")
@click.pass_context
def team(ctx: click.Context, /, task: str | None, debate: bool, **keywords: Any) -> int:
    """Gives each kind of work in TASK to the backend that suits it best, all at once, and sums up.

    A TASK that names no kind of work, such as a review, is split into errors, performance, security and
    architecture.

    TASK may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(task, 'lok team "Review the error handling and the performance"')
    return run_prompted(ctx, keywords, lambda lok, directory: lok.team(text, directory, debate=debate))
