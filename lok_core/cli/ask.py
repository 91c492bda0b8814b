"""lok ask."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Ask a question of several backends at once.")
@click.argument("prompt", required=False)
@run_options
@click.option("--first", is_flag=True, help="The first answer is enough; the other backends are ended.")
@click.option("--fallback", is_flag=True, help="Ask the next recommended backend when one fails.")
@click.pass_context
def ask(ctx: click.Context, /, prompt: str | None, first: bool, fallback: bool, **keywords: Any) -> int:
    """Asks PROMPT of every backend that is there, or of those that -b names, all at once.

    PROMPT may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(prompt, 'lok ask "What does this do?"')
    return run_prompted(
        ctx, keywords, lambda lok, directory: lok.ask(text, directory, first=first, fallback=fallback)
    )
