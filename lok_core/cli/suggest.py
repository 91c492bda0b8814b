"""lok suggest."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Show which backend suits a task, and why.")
@click.argument("task", required=False)
@run_options
@click.pass_context
def suggest(ctx: click.Context, /, task: str | None, **keywords: Any) -> int:
    """Shows what TASK is about, which backends suit it, best first, and why. None is asked.

    Also backends are ranked that are not there; the list says which. -b ranks those and no others.

    TASK may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(task, 'lok suggest "Find N+1 queries"')
    return run_prompted(ctx, keywords, lambda lok, directory: lok.suggest(text, directory))
