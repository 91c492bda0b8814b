"""lok backends (and where its subcommands are), lok plugins."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from lok_core.cli.output import hidden, hide, load_plugins, say, write_stdout
from lok_core.cli.places import given, read_setup

if TYPE_CHECKING:
    from lok_core.models import BackendInfo


_CONFIG = click.option(
    "-c", "--config", "file", type=click.Path(), metavar="FILE", help="A lok.toml that counts most."
)


_SUBCOMMANDS = {
    # subcommand of `lok backends`: (module below lok_core.cli, help)
    "recipes": ("recipes", "List the recipes for programs without an adapter, or show one."),
    "test": ("contracts", "Check a backend against the contract that all of them keep."),
}


class _Subcommands(click.Group):
    """Imported when they are used, so that a plain `lok backends` pays for none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_SUBCOMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _SUBCOMMANDS:
            return None
        module = importlib.import_module(f"lok_core.cli.{_SUBCOMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _SUBCOMMANDS.items()])


@click.group(
    cls=_Subcommands,
    invoke_without_command=True,
    short_help="List the backends and whether they are ready.",
)
@_CONFIG
@click.pass_context
def backends(ctx: click.Context, file: str | None) -> None:
    """Lists the backends that are installed and configured, and whether each can be asked."""
    if ctx.invoked_subcommand is not None:
        return
    from lok_core import lok as lok_face  # not at the top: `--help` would pay for it

    setup = read_setup(given(ctx, "config", file))
    registry = load_plugins(setup.env)
    settings = setup.settings(registry)
    for note in settings.notes:
        say(f"note: {note}")
    panel = lok_face.make_panel(registry, setup.env, (), settings)
    hide(panel.secrets)
    infos = panel.infos()
    rows = [(info.name, _state(info), info.profile.style) for info in infos]
    rows = [row for row in rows if row[0] not in panel.problems]
    rows += [(name, "broken", problem) for name, problem in panel.problems.items()]
    write_stdout(
        _table(rows) or 'no backend is installed; pip install "lok-core[standard]" adds the first one\n'
    )


@click.command(short_help="List the installed plugins, and what is wrong with broken ones.")
@_CONFIG
@click.option(
    "-v",
    "--verbose",
    is_flag=True,
    help="Tracebacks of broken plugins, and what of lok they use that goes away.",
)
@click.pass_context
def plugins(ctx: click.Context, file: str | None, verbose: bool) -> None:
    """Lists every installed plugin: its distribution and version, what it offers, and why it is broken."""
    from lok_core import lok as lok_face  # not at the top: `--help` would pay for it
    from lok_core.cli.app import shadowed
    from lok_core.sanitize import clean

    registry = load_plugins(read_setup(given(ctx, "config", file)).env, warn=False)
    rows = []
    for plugin in registry.plugins:
        offers = [f"{interface.__name__.lower()} {name}" for interface, name in registry.offered_by(plugin)]
        rows.append((plugin.distribution, plugin.version, ", ".join(offers) or "nothing"))
    for plugin in registry.disabled:
        rows.append((plugin.distribution, plugin.version, f"disabled by {lok_face.DISABLE}"))
    for broken in registry.broken:
        rows.append((broken.plugin.distribution, broken.plugin.version, f"BROKEN: {broken.reason}"))
    write_stdout(_table(rows) or "no plugin is installed\n")
    if len(registry.plugins) <= 1 and not registry.broken:
        write_stdout('\nonly lok itself is here; pip install "lok-core[standard]" adds tasks and a backend\n')
    for plugin in registry.plugins:
        for interface, name in registry.offered_by(plugin):
            if interface.__name__ == "Task" and shadowed([name]):
                told = f"the task {name!r} of {plugin.distribution} is left out, as `lok {name}` is a command"
                write_stdout(f"\nwarning: {hidden(told)}\n")
    for line in registry.duplicates():
        write_stdout(f"\nwarning: {hidden(line)}\n")
    if verbose:
        for broken in registry.broken:
            write_stdout(f"\n{broken.plugin.label}\n{clean(hidden(broken.traceback))}")
        for label, lines in registry.deprecated.items():
            write_stdout(clean(hidden("".join(f"\n{label} is out of date: {line}\n" for line in lines))))


def _state(info: BackendInfo) -> str:
    if not info.available:
        return "missing"
    return "ready" if info.profile.asked_by_default else "by name"


def _table(rows: list[tuple[str, str, str]]) -> str:
    from lok_core.sanitize import clean_line

    shown = [[clean_line(hidden(cell)) for cell in row] for row in rows]
    first = max((len(row[0]) for row in shown), default=0)
    second = max((len(row[1]) for row in shown), default=0)
    return "".join(f"{a:{first}}  {b:{second}}  {c}\n" for a, b, c in shown)
