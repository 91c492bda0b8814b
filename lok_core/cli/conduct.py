"""lok conduct."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import offer, run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Let one backend ask the others over several rounds, and sum up.")
@click.argument("task", required=False)
@run_options
@click.option(
    "--conductor",
    metavar="NAME",
    shell_complete=offer("backends"),
    help="The backend that conducts.  [default: one that calls tools, else the best generalist]",
)
@click.pass_context
def conduct(ctx: click.Context, /, task: str | None, conductor: str | None, **keywords: Any) -> int:
    """Lets one backend ask the others about TASK, over several rounds, and make one answer of theirs.

    Claude's API conducts where its key is set (ANTHROPIC_API_KEY), as it can call tools; any other backend
    that answers questions does it by JSON in plain text. -b names those that may be asked.

    TASK may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(task, 'lok conduct "Find the worst bugs, and check them"')
    return run_prompted(
        ctx, keywords, lambda lok, directory: lok.conduct(text, directory, conductor=conductor)
    )
