"""The four hooks by which a plugin tells lok what it offers.

They take no arguments and return classes, so they stay the same however the interfaces grow. lok calls
them plugin by plugin; what one of them raises disables that plugin only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from lok_core.interfaces import Backend, Renderer, Rule, Task

hookspec = pluggy.HookspecMarker("lok")
hookimpl = pluggy.HookimplMarker("lok")


@hookspec
def lok_register_backends() -> Sequence[type[Backend]]:
    """Offers backends.

    Called when a command needs a backend. Returns subclasses of `lok_core.Backend`, none of them abstract;
    each gets an instance named by its `kind` unless lok.toml says otherwise. Two plugins that offer the same
    kind are an error which names both distributions.
    """
    raise NotImplementedError


@hookspec
def lok_register_tasks() -> Sequence[type[Task]]:
    """Offers tasks, which become commands.

    Called for `lok --help` and for a command that lok itself does not have. Returns subclasses of
    `lok_core.Task`, mostly of `lok_core.PromptTask`. A task cannot take the name of a built-in command.
    """
    raise NotImplementedError


@hookspec
def lok_register_rules() -> Sequence[type[Rule]]:
    """Offers delegation rules.

    Called when lok has to choose a backend. Returns subclasses of `lok_core.Rule`. The votes of all rules
    add up, so the order in which plugins load does not matter.
    """
    raise NotImplementedError


@hookspec
def lok_register_renderers() -> Sequence[type[Renderer]]:
    """Offers output formats.

    Called when a report is to be shown. Returns subclasses of `lok_core.Renderer`; `-f` takes their `name`.
    """
    raise NotImplementedError
