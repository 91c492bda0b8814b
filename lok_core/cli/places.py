"""Where lok stands, asked of the system: its folders, the working directory, the configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from lok_core.cli.output import hide
from lok_core.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from lok_core.lok import Setup


def given(ctx: click.Context, name: str, here: str | None = None) -> str | None:
    """The value of an option that may stand before the command as well."""
    before: str | None = ctx.find_root().params.get(name)
    return before if here is None else here


def one_directory(command: str, target: str | None, option: str | None, before: str | None) -> Path:
    """The directory that was named by an argument, by an option, or by one before the command; else this one.

    Raises:
        UsageError: two were named, or one without a name.
    """
    from pathlib import Path

    named = [one for one in (target, option, before) if one is not None]
    if "" in named:
        raise UsageError("the directory has no name", f"{command} . is this one")
    if len(set(named)) > 1:
        raise UsageError("two directories were given", f"{command} {named[0]} is enough")
    return Path(*named[:1])


def read_setup(config: str | None = None) -> Setup:
    """The configuration as it is written.

    Args:
        config: a file that the user named.

    Raises:
        ConfigError: a file of it cannot be read.
    """
    from pathlib import Path

    from lok_core.lok import Setup

    given = None if config is None else Path(config)
    setup = Setup.read(os.environ, state_dir(), _cwd(), _user_files(), given)
    hide(setup.secrets())
    return setup


def is_configured() -> bool:
    """Whether there is any file of configuration; costs next to nothing."""
    cwd = _cwd()
    files = [*_user_files(), *(above / "lok.toml" for above in (cwd, *cwd.parents))]
    return any(os.path.isfile(file) for file in files)


def state_dir() -> Path:
    """Where lok keeps what it has to remember."""
    from platformdirs import user_state_path

    return user_state_path("lok")


def _user_files() -> tuple[Path, ...]:
    from pathlib import Path

    from platformdirs import user_config_path

    # The second is where it would be on Linux; those who carry their dotfiles about have it everywhere.
    return (user_config_path("lok") / "lok.toml", Path(os.path.expanduser("~/.config/lok/lok.toml")))


def _cwd() -> Path:
    from pathlib import Path

    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            f"there is no working directory: {error.strerror}", "cd to one that exists"
        ) from error
