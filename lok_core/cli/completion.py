"""What a shell offers when somebody presses Tab: click asks, this answers.

It is imported only then. What goes wrong on the way offers nothing: a message would land in the middle of the
line that is being typed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

import click
from click.shell_completion import (
    CompletionItem,
    FishComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
)

from lok_core import lok as lok_face
from lok_core.cli.output import load_plugins
from lok_core.cli.places import given, read_setup, state_dir
from lok_core.errors import ExitCode, UsageError
from lok_core.sanitize import clean_line

VARIABLE = "_LOK_COMPLETE"
_NEWEST = 20  # runs that are offered


@add_completion_class
class _Fish(FishComplete):
    """click's own script cuts a value off at its first comma, and so does it with what is said of it."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


def complete(program: click.Command, instruction: str) -> int:
    """Prints the script for a shell (`bash_source`), or what goes where the cursor is (`bash_complete`).

    Raises:
        UsageError: there is no completion for that shell.
    """
    shell, _, wanted = instruction.partition("_")
    if get_completion_class(shell) is None or wanted not in ("source", "complete"):
        raise UsageError(
            f"{VARIABLE}={instruction} asks for what there is not",
            f"{VARIABLE}=bash_source lok prints the script for bash; zsh and fish have one, too",
        )
    if wanted == "source":
        return shell_complete(program, {}, "lok", VARIABLE, instruction)
    try:
        # Not sys.stderr alone: a plugin may write to it by its number.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            os.dup2(nowhere.fileno(), 2)
            return shell_complete(program, {}, "lok", VARIABLE, instruction)
    except Exception:  # noqa: BLE001 - whatever is wrong, the command itself will tell
        return ExitCode.OK


def backends(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The backends; of names with commas in between, for the last one."""
    before, comma, _ = incomplete.rpartition(",")
    named = before.split(",")
    setup = read_setup(given(ctx, "config", ctx.params.get("config")))
    registry = load_plugins(setup.env, warn=False)
    panel = lok_face.make_panel(registry, setup.env, (), setup.settings(registry))
    found = [(info.name, info.profile.style) for info in panel.infos() if info.name not in named]
    return _offered(incomplete, ((f"{before}{comma}{name}", style) for name, style in found))


def formats(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The formats of reports."""
    registry = load_plugins(read_setup(given(ctx, "config", ctx.params.get("config"))).env, warn=False)
    offers = [offer for plugin in registry.plugins for offer in registry.offered_by(plugin)]
    names = sorted(name for interface, name in offers if interface.__name__ == "Renderer")
    return _offered(incomplete, ((name, "") for name in names))


def runs(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The newest runs, and `last`."""
    found = lok_face.past_runs(state_dir())[:_NEWEST]
    told = [(past.short, f"{past.command} in {past.directory}, {past.state}") for past in found]
    return _offered(incomplete, [("last", "the newest"), *told] if told else [])


def tasks(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The tasks, installed or of lok.toml."""
    from lok_core.cli import catalog

    return _offered(incomplete, sorted(catalog.tasks(given(ctx, "config", ctx.params.get("config"))).items()))


def recipes(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The recipes."""
    from lok_core.lok import recipes as known

    found = known.recipes(os.environ)
    return _offered(incomplete, ((one.name, one.path or f"{one.program} was not found") for one in found))


def severities(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """The severities, worst first."""
    from lok_core.models import SEVERITIES

    return _offered(incomplete, ((name, "") for name in SEVERITIES))


def directories(ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Tells the shell to offer directories."""
    return [CompletionItem(incomplete, type="dir")]


def _offered(incomplete: str, items: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    """Name and what it is; a plugin's words are shown in a terminal."""
    return [
        CompletionItem(name, help=clean_line(text) or None)
        for name, text in items
        if name.startswith(incomplete)
    ]
