"""Writes docs/reference/commands.md from the program itself: `uv run python docs/commands.py`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path

import click

from lok_core.cli.app import lok
from lok_core.cli.options import run_options

PAGE = Path(__file__).parent / "reference/commands.md"
ANY_TASK = ("audit", "hunt")
"""The task packs of this repository; all tasks take the same options, so one section tells them."""

HEAD = """# Commands and options

<!-- Made by docs/commands.py from what `--help` prints. -->

`lok COMMAND --help` prints the same. Each installed [task](../configuration.md#tasks) is a command, too.
[The README](../../README.md#commands) has the short of it, [exit codes](exit-codes.md) what comes back."""

RUN_OPTIONS = "## Options of every run"
LINK = "[options of every run](#options-of-every-run)"
_SAME = [(name,) for name in ANY_TASK[1:]]
_MANY = 4  # of them, from which on they are named and not told again


@click.command()
@run_options
def every_run() -> None:
    """Stands for the commands that ask somebody."""


def walked(
    command: click.Command = lok, path: tuple[str, ...] = ("lok",)
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command of the program with the words that call it, `lok` itself first."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command, info_name=path[-1])
        for name in sorted(command.list_commands(ctx)):
            inner = command.get_command(ctx, name)
            assert inner is not None
            yield from walked(inner, (*path, name))


def page() -> str:
    """The whole page."""
    shared = [_row(one) for one in every_run.params]
    parts = [HEAD, RUN_OPTIONS, _table(shared)]
    for path, command in walked():
        if path[1:] in _SAME:
            continue
        ctx = click.Context(command)
        arguments = [one.make_metavar(ctx) for one in command.params if isinstance(one, click.Argument)]
        words = ["TASK" if word in ANY_TASK else word for word in path]
        parts += [f"## {' '.join([*words, *arguments])}", _told(command, path)]
        rows = [_row(one) for one in command.params if isinstance(one, click.Option)]
        known = [row for row in shared if row in rows]
        if known == shared:
            parts.append(f"Takes the {LINK} and these:" if len(rows) > len(known) else f"Takes the {LINK}.")
        elif len(known) >= _MANY:
            names = ", ".join(f"`{row.split('`')[1].split(',')[0].split()[0]}`" for row in known)
            parts.append(f"Of the {LINK} it takes {names}.")
        else:
            known = []
        if own := [row for row in rows if row not in known]:
            parts.append(_table(own))
    return "\n\n".join(parts) + "\n"


def _told(command: click.Command, path: tuple[str, ...]) -> str:
    if path[-1] in ANY_TASK:
        return "`lok hunt`, `lok audit` and every other task. DIR is the working directory by default."
    paragraphs = inspect.cleandoc(command.help or "").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs)


def _row(option: click.Parameter) -> str:
    """The line of a table."""
    assert isinstance(option, click.Option)
    names = (
        ", ".join(option.opts)
        if not option.secondary_opts
        else "/".join((*option.opts, *option.secondary_opts))
    )
    if isinstance(option.type, click.Choice):
        value = " " + "|".join(option.type.choices)
    else:
        value = "" if option.is_flag else f" {option.make_metavar(click.Context(lok))}"
    cells = (f"`{names}{value}`", " ".join((option.help or "").split()))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _table(rows: list[str]) -> str:
    return "\n".join(["| option | meaning |", "|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
