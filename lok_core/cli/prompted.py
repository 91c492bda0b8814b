"""What the commands have in common that ask something: the prompt, and how it gets to lok."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.places import given
from lok_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lok_core.lok import Lok
    from lok_core.outcome import Report


def read_prompt(argument: str | None, example: str) -> str:
    """The prompt that was given as an argument, or is read from standard input.

    Args:
        example: a command line that is right.

    Raises:
        UsageError: there is none.
    """
    way_out = f"{example}, or pipe it in"
    if argument is not None and argument != "-":
        # What is no UTF-8 came in as lone surrogates, which no program could be sent.
        text = os.fsencode(argument).decode("utf-8", errors="replace")
    elif sys.stdin is None or (argument is None and sys.stdin.isatty()):
        raise UsageError("no prompt was given", way_out)
    else:
        text = sys.stdin.buffer.read().decode("utf-8", errors="replace")
    if not text.strip():
        raise UsageError("the prompt is empty", way_out)
    return text


def run_prompted(
    ctx: click.Context, keywords: dict[str, Any], work: Callable[[Lok, Path], Awaitable[Report]]
) -> int:
    """Runs the work on the directory that was given, and returns the exit code.

    Args:
        keywords: the run options as click gives them, and no others.
    """
    # Not at the top: `--help` would pay for trio.
    from pathlib import Path

    from lok_core.cli.running import Options, run_report

    keywords["config"] = given(ctx, "config", keywords["config"])
    options = Options(**keywords)
    directory = Path(given(ctx, "directory", options.directory) or "")
    return run_report(options, lambda lok: work(lok, directory), streams=True)
