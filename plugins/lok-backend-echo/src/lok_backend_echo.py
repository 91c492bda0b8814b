"""The smallest backend: it gives the prompt back. Start your own from it."""

from __future__ import annotations

from lok_core import Backend, CommandBackend, CommandSpec, Profile, hookimpl

__version__ = "0.1.0"


class Echo(CommandBackend):
    """Answers with the prompt; asked only by name."""

    kind = "echo"
    profile = Profile(style="gives the prompt back", asked_by_default=False)
    spec = CommandSpec(command="cat")


@hookimpl
def lok_register_backends() -> list[type[Backend]]:
    return [Echo]
