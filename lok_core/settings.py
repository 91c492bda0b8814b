"""What the configuration comes to; apart from `config`, so that who has no file does not pay for that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from lok_core.config_strict import Count, Seconds
from lok_core.models import Category

if TYPE_CHECKING:
    from lok_core.config_layers import Merged

BUILT_IN = "built-in"
"""The origin of what no layer says."""


NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
"""What a backend or a task may be called."""


@frozen
class PromptTable:
    """An entry of `prompts`; its category follows from its name and words where none is given.

    Attributes:
        when, unless: names of facts about the code base; one of them must hold, or none may.
    """

    name: str
    prompt: str
    category: Category | None = None
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@frozen
class TaskTable:
    """`[tasks.NAME]`: what is given replaces what the installed task of that name says.

    Attributes:
        backends: asked instead of those that the task would choose.
    """

    description: str | None = None
    backends: tuple[str, ...] | None = None
    prompts: tuple[PromptTable, ...] | None = None


@frozen
class BackendTable:
    """The keys of `[backends.NAME]` that every backend has; all others are its adapter's.

    Attributes:
        use: the adapter; by default the one called like the table.
        enabled: whether it may be asked.
        timeout: seconds for one request.
        stall_timeout: seconds without a sign of life after which a request is ended, where the program's
            stream shows any.
        strengths: instead of the adapter's own.
        concurrency: requests under way at once.
        secrets, pass_env: further environment variables (names, or prefixes ending in `_`) that it needs,
            with credentials in them and without.
    """

    use: str | None = None
    enabled: bool = True
    timeout: Seconds | None = None
    stall_timeout: Seconds | None = None
    strengths: tuple[Category, ...] | None = None
    concurrency: Count | None = None
    secrets: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()


@frozen
class BackendSettings:
    """One table of backends: its adapter, the keys that all have, and the adapter's own `Config`."""

    kind: str
    table: BackendTable
    config: Any


@frozen
class Settings:
    """The configuration that counts; without arguments, what holds where there is none.

    Attributes:
        parallel: whether requests are under way at once.
        timeout_s: seconds for one request; infinity for no limit.
        max_rounds, max_tokens: how often a conductor may speak, and how many tokens it may write; 0 for no
            limit.
        disable: distributions that are not loaded.
        backends: those that have a table and whose adapter is installed, by name.
        tasks: the tables, by name.
        notes: what a user should know about the configuration, one line each.
        untrusted: origins that count only in part, since nobody trusts them.
        merged: the tables behind it, and where each value is from.
    """

    parallel: bool = True
    timeout_s: float = 300.0
    max_rounds: int = 5
    max_tokens: int = 4096
    disable: tuple[str, ...] = ()
    backends: Mapping[str, BackendSettings] = field(factory=dict)
    tasks: Mapping[str, TaskTable] = field(factory=dict)
    notes: tuple[str, ...] = ()
    untrusted: frozenset[str] = frozenset()
    merged: Merged | None = None

    def says(self, *place: str) -> bool:
        """Whether any layer gives the value at that place."""
        return self.origin(*place) != BUILT_IN

    def origin(self, *place: str) -> str:
        """The layer that a value is from: a path, an option, or `BUILT_IN`."""
        if self.merged is None or self.merged.get(*place) is None:
            return BUILT_IN
        return self.merged.origin(place)
