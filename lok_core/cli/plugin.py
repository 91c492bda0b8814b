"""lok plugin new."""

from __future__ import annotations

import os

import click

from lok_core.cli.options import directory_option
from lok_core.cli.output import hidden, load_plugins, write_stdout
from lok_core.cli.places import given
from lok_core.errors import UsageError

_USES = {
    "backend": 'lok ask -b {name} "hi"',
    "task": "lok {name}",
    "rule": 'lok suggest "..."',
    "renderer": 'lok suggest "..." -f {name}',  # asks nobody, and so needs no other plugin
}


@click.group(short_help="Write a new plugin that you can start from.")
def plugin() -> None:
    """Writes plugins that you can start from."""


@plugin.command(short_help="Write a complete distribution: pyproject.toml, a module, README, tests.")
@click.argument("what", type=click.Choice(list(_USES)))
@click.argument("name")
@directory_option("Where the new folder is made; the working directory by default.")
@click.pass_context
def new(ctx: click.Context, what: str, name: str, directory: str | None) -> None:
    """Writes the complete distribution of a plugin, with tests that pass, into a new folder.

    The folder is called lok-backend-NAME, lok-task-NAME, lok-rule-NAME or lok-render-NAME.
    """
    # Not at the top: `--help` would pay for it.
    import shlex
    from pathlib import Path

    from lok_core.cli.app import shadowed
    from lok_core.testing import new_plugin

    if what == "task" and shadowed([name]):
        raise UsageError(f"`lok {name}` is a command already", f"choose another name, such as my-{name}")
    new_plugin.check_name(what, name, load_plugins(os.environ))
    folder = new_plugin.write(what, name, Path(given(ctx, "directory", directory) or ""))
    write_stdout(
        f"wrote {hidden(str(folder))}; go on with\n\n"
        f"    cd {hidden(shlex.quote(str(folder)))}\n"
        '    pip install -e ".[test]"\n'
        "    pytest\n\n"
        f"and then `{_USES[what].format(name=name)}`\n"
    )
