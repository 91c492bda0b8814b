"""lok backends recipes."""

from __future__ import annotations

import os

import click

from lok_core.cli.options import offer
from lok_core.cli.output import write_stdout


@click.command(short_help="List the recipes for programs without an adapter, or show one.")
@click.argument("name", required=False, metavar="[NAME]", shell_complete=offer("recipes"))
def recipes(name: str | None) -> None:
    """Lists the recipes for programs without an adapter: the program, where it is, and what was tested.

    With NAME, prints that recipe as a part of a lok.toml, to start a table of your own from. To use it as it
    is, one line is enough: use = "recipe:NAME" in a table of [backends].
    """
    from lok_core.lok import recipes as known  # not at the top: `--help` would pay for it

    if name is not None:
        write_stdout(known.recipe_text(name.removeprefix("recipe:")))
        return
    rows = [
        (
            one.name,
            one.program,
            one.path or "not found",
            f"tested with {', '.join(one.tested)}" if one.tested else "untested",
        )
        for one in known.recipes(os.environ)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        write_stdout("  ".join([*map(str.ljust, row[:3], widths), row[3]]) + "\n")
    write_stdout('\nin lok.toml, a line makes a backend: [backends.NAME] use = "recipe:NAME"\n')
