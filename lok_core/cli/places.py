"""Where lok stands, asked of the system: its folders, the working directory, the configuration."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from lok_core.cli.output import hide
from lok_core.errors import UsageError
from lok_core.files import may_hold

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from lok_core.lok import Lok, Setup


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
    setup = Setup.read(os.environ, state_dir(), cwd(), config_dir(), given)
    hide(setup.secrets())
    return setup


def open_here(config: str | None = None, **more: Any) -> AbstractAsyncContextManager[Lok]:
    """What `open_lok` makes of where the user stands.

    Args:
        config: a file that the user named.
        more: further arguments of `open_lok`.
    """
    from pathlib import Path

    from lok_core.cli.output import load_plugins
    from lok_core.lok import open_lok

    return open_lok(
        cwd(),
        env=os.environ,
        state_dir=state_dir(),
        config_dir=config_dir(),
        config=None if config is None else Path(config),
        plugins=load_plugins,
        **more,
    )


def is_configured() -> bool:
    """Whether there is any file of configuration; costs next to nothing."""
    here = cwd()
    return config_dir() is not None or any(
        os.path.isfile(above / "lok.toml") for above in (here, *here.parents)
    )


def state_dir() -> Path:
    """Where lok keeps what it has to remember."""
    from platformdirs import user_state_path

    return user_state_path("lok")


def config_dir() -> Path | None:
    """The folder with the user's own lok.toml, if there is one."""
    from pathlib import Path

    from platformdirs import user_config_path

    # The second is where it would be on Linux; those who carry their dotfiles about have it everywhere.
    folders = (user_config_path("lok"), Path(os.path.expanduser("~/.config/lok")))
    return next((folder for folder in folders if may_hold(folder, "lok.toml")), None)


def cwd() -> Path:
    """The working directory.

    Raises:
        UsageError: it is gone.
    """
    from pathlib import Path

    try:
        return Path.cwd()
    except OSError as error:
        raise UsageError(
            f"there is no working directory: {error.strerror}", "cd to one that exists"
        ) from error
