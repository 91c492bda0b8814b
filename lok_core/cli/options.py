"""The options that every command with backends has."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _backends(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    names = [name.strip() for value in values for name in value.split(",")]
    if any(not name for name in names):
        raise click.BadParameter("names are separated by single commas: -b codex,gemini")
    return tuple(dict.fromkeys(names))


def _timeout(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not 0 <= value < math.inf:
        raise click.BadParameter("it is a number of seconds; 0 means no limit")
    return math.inf if value == 0 else value


_OPTIONS = (
    click.option(
        "-b",
        "--backend",
        "backends",
        multiple=True,
        metavar="NAME[,NAME]",
        callback=_backends,
        help="Ask these backends and no others; `all`: each that is asked by default.",
    ),
    click.option(
        "-d", "--dir", "directory", type=click.Path(), metavar="DIR", help="The directory to work on."
    ),
    click.option(
        "-m",
        "--model",
        "models",
        multiple=True,
        metavar="[NAME=]MODEL",
        help="The model that a backend asks; its NAME may be left out where only one is asked.",
    ),
    click.option("-c", "--config", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."),
    click.option(
        "--timeout",
        "timeout_s",
        type=float,
        metavar="SECONDS",
        callback=_timeout,
        help="How long one request may take; 0 for no limit.  [default: 300]",
    ),
    click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Requests at once.  [default: 16]"),
    click.option(
        "-f", "--format", default="text", metavar="NAME", help="text, json or a plugin's.  [default: text]"
    ),
    click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Write the report there."),
    click.option("--all", "all", is_flag=True, help="Show every lead, not only the first five of a prompt."),
    click.option("--answers", is_flag=True, help="Show also what the backends said word for word."),
    click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on standard error."),
    click.option("-v", "--verbose", is_flag=True, help="More progress, and tracebacks of failing plugins."),
)


def run_options(command: F) -> F:
    """Adds the options; the command gets them as keywords, the attributes of `running.Options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command
