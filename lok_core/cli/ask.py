"""lok ask."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from lok_core.cli.options import run_options
from lok_core.cli.places import given
from lok_core.errors import UsageError


@click.command(short_help="Ask a question of several backends at once.")
@click.argument("prompt", required=False)
@run_options
@click.option("--first", is_flag=True, help="The first answer is enough; the other backends are ended.")
@click.option("--fallback", is_flag=True, help="Ask the next recommended backend when one fails.")
@click.pass_context
def ask(ctx: click.Context, /, prompt: str | None, **keywords: Any) -> int:
    """Asks PROMPT of every backend that is there, or of those that -b names, all at once.

    PROMPT may be `-`, or left out where standard input is a pipe: then it is read from there.
    """
    text = _prompt(prompt)
    # Not at the top: `--help` would pay for trio.
    from pathlib import Path

    from lok_core.cli.running import Options, run_report

    policy = {name: keywords.pop(name) for name in ("first", "fallback")}
    keywords["config"] = given(ctx, "config", keywords["config"])
    options = Options(**keywords)
    directory = Path(given(ctx, "directory", options.directory) or "")
    return run_report(options, lambda lok: lok.ask(text, directory, **policy), streams=True)


def _prompt(argument: str | None) -> str:
    if argument is not None and argument != "-":
        # What is no UTF-8 came in as lone surrogates, which no program could be sent.
        text = os.fsencode(argument).decode("utf-8", errors="replace")
    elif sys.stdin is None or (argument is None and sys.stdin.isatty()):
        raise UsageError("no prompt was given", 'lok ask "What does this do?", or pipe it in')
    else:
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if not text.strip():
        raise UsageError("the prompt is empty", 'lok ask "What does this do?", or pipe it in')
    return text
