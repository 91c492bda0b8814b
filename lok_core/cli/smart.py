"""lok smart."""

from __future__ import annotations

from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.prompted import read_prompt, run_prompted


@click.command(short_help="Ask the backend that suits the question best.")
@click.argument("prompt", required=False)
@run_options
@click.option("--fallback", is_flag=True, help="Ask the next recommended backend when it fails.")
@click.pass_context
def smart(ctx: click.Context, /, prompt: str | None, fallback: bool, **keywords: Any) -> int:
    """Asks PROMPT of the backend that suits it best; `lok suggest` shows beforehand which, and why.

    PROMPT may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = read_prompt(prompt, 'lok smart "Find N+1 queries"')
    return run_prompted(ctx, keywords, lambda lok, directory: lok.smart(text, directory, fallback=fallback))
