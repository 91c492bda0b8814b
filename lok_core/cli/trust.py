"""lok trust."""

from __future__ import annotations

import os

import click

from lok_core.cli.options import offer
from lok_core.cli.output import say, write_stdout
from lok_core.cli.places import given
from lok_core.errors import UsageError


@click.command(short_help="Trust the lok.toml and the content of a directory.")
@click.argument(
    "target", required=False, type=click.Path(), metavar="[DIR]", shell_complete=offer("directories")
)
@click.option("--list", "listing", is_flag=True, help="Show what is trusted.")
@click.option("--revoke", is_flag=True, help="Take it back, for DIR and what lies below.")
@click.pass_context
def trust(ctx: click.Context, target: str | None, listing: bool, revoke: bool) -> None:
    """Trusts DIR, the working directory by default, and what lies below.

    Every lok.toml in there then counts in full, as it is now: it may name programs to run. And backends that
    work on the directory get your whole environment, but for the secrets of other backends.
    """
    # Not at the top: `--help` would pay for it.
    from pathlib import Path

    from lok_core.cli.places import state_dir
    from lok_core.lok import read_trust
    from lok_core.sanitize import clean_line

    if listing and (revoke or target is not None):
        raise UsageError("--list shows everything that is trusted", "leave out the rest")
    trusted = read_trust(state_dir())
    if listing:
        rows = [f"{path}{os.sep}" for path in trusted.directories]
        for path in sorted(trusted.files):
            rows.append(f"{path} (changed since, so no longer)" if trusted.changed(path) else path)
        write_stdout("".join(f"{clean_line(row)}\n" for row in rows) or "nothing is trusted\n")
        return
    directory = Path(os.path.abspath(given(ctx, "directory", target) or ""))
    if revoke:
        gone = trusted.revoke(directory)
        above = trusted.covering(directory)
        if above:
            raise UsageError(f"{directory} is trusted since {above} is", f"lok trust --revoke {above}")
        if not gone:
            raise UsageError(f"{directory} is not trusted", "`lok trust --list` shows what is")
        write_stdout("".join(f"no longer trusted: {clean_line(path)}\n" for path in gone))
        return
    if not directory.is_dir():
        raise UsageError(f"{directory} is not a directory", "name the directory that holds the lok.toml")
    files, left_out = trusted.add_directory(directory)
    for file in left_out:
        where = f"{file} is a link that leads out, to {os.path.realpath(file)}"
        say(f"note: {clean_line(where)}, and is not trusted")
    write_stdout("".join(f"trusted: {clean_line(str(path))}\n" for path in (directory, *files)))
