"""lok task show."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.options import directory_option, offer, text_or_json
from lok_core.cli.output import hidden, load_plugins, say, write_stdout
from lok_core.cli.places import given, one_directory, read_setup

if TYPE_CHECKING:
    from lok_core.lok.questions import Questions


@click.group(short_help="Show what a task would ask.")
def task() -> None:
    """Shows what tasks are made of."""


@task.command(short_help="Show the prompts of a task.")
@click.argument("name", shell_complete=offer("tasks"))
@click.argument(
    "target", required=False, type=click.Path(), metavar="[DIR]", shell_complete=offer("directories")
)
@directory_option("The directory to work on.")
@click.option(
    "-c", "--config", "file", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."
)
@text_or_json
@click.pass_context
def show(
    ctx: click.Context, /, name: str, target: str | None, directory: str | None, file: str | None, form: str
) -> None:
    """Shows the prompts of the task NAME as they would be sent about DIR, which is the working directory by
    default. Nobody is asked."""
    # Not at the top: `--help` would pay for it.
    from lok_core.lok.questions import questions

    where = one_directory(f"lok task show {name}", target, directory, given(ctx, "directory"))
    setup = read_setup(given(ctx, "config", file))
    registry = load_plugins(setup.env)
    settings = setup.settings(registry)
    for note in settings.notes:
        say(f"note: {note}")
    found = questions(registry, settings, name, where)
    if form == "json":
        write_stdout(hidden(json.dumps(_told(found), indent=2, ensure_ascii=False)) + "\n")
        return
    from lok_core.sanitize import clean

    write_stdout(clean(hidden("\n".join(_lines(found)))) + "\n")


def _told(found: Questions) -> dict[str, Any]:
    from attrs import asdict

    return {
        "schema": "lok.task/1",
        **asdict(found, value_serializer=lambda _, __, one: str(one) if isinstance(one, Path) else one),
    }


def _lines(found: Questions) -> Iterator[str]:
    yield f"{found.name}: {found.description}"
    yield f"from {_marked(found.origin, found)}"
    for part, origin in found.changed.items():
        yield f"its {part} from {_marked(origin, found)}"
    if found.backends:
        yield f"asks {', '.join(found.backends)}"
    elif found.preferred:
        yield f"prefers {', '.join(found.preferred)}"
    if found.facts:
        yield f"tells of {found.directory}: {found.facts}"
    if not found.prompts and not found.left_out:
        yield "asks in its own way, and has no prompts to show"
    for prompt in found.prompts:
        yield ""
        yield f"[{prompt.name}] {prompt.category}"
        yield prompt.text.strip("\n")
    for name, why in found.left_out.items():
        yield ""
        yield f"[{name}] left out, as {why}"


def _marked(origin: str, found: Questions) -> str:
    return f"{origin} (not trusted)" if origin in found.untrusted else origin
