"""lok as one face for programs; the command line stands on this and on nothing below it.

::

    async with open_lok(env=os.environ, state_dir=Path("~/.local/state/lok").expanduser()) as lok:
        report = await lok.run_task("hunt", Path("."))

It installs no signal handlers, reads no environment of its own and prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lok_core.errors import PLUGIN_FAULTS, PluginError
from lok_core.interfaces import Renderer, Task
from lok_core.lok.opened import Lok as Lok
from lok_core.lok.opened import installed as installed
from lok_core.lok.opened import open_lok as open_lok
from lok_core.registry import DISABLE as DISABLE
from lok_core.registry import Registry as Registry
from lok_core.results import is_told as is_told
from lok_core.sanitize import clean_line
from lok_core.settings import Settings as Settings
from lok_core.setup import Setup as Setup
from lok_core.setup import configs as configs
from lok_core.setup import made
from lok_core.setup import make_limits as make_limits
from lok_core.setup import make_panel as make_panel
from lok_core.setup import make_task as make_task
from lok_core.setup import read_trust as read_trust

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lok_core.issues import Draft as Draft
    from lok_core.issues import Plan as Plan
    from lok_core.issues import Repository as Repository
    from lok_core.issues import Tracker as Tracker
    from lok_core.outcome import Finding, Report, View
    from lok_core.panel import Panel as Panel


def troubles(registry: Registry) -> list[str]:
    """One line for each plugin that is left out, with the way to silence it."""
    broken = [
        f"plugin {broken.plugin.distribution} is disabled: {broken.reason} (`lok plugins -v` shows more; "
        f"{DISABLE}={broken.plugin.distribution} silences this)"
        for broken in registry.broken
    ]
    return broken + registry.duplicates()


def tasks_of(registry: Registry) -> dict[str, str]:
    """The tasks: name and description. A name that two plugins claim is there as well, so that running it
    tells what is wrong."""
    known = registry.all(Task)  # type: ignore[type-abstract]
    return {
        name: clean_line(known[name].description) if name in known else "offered by two plugins"
        for name in registry.names(Task)
    }


def renderer(registry: Registry, name: str) -> Renderer:
    """The renderer of that name.

    Raises:
        UnknownNameError: there is no such format.
    """
    return made(registry, Renderer, name)  # type: ignore[type-abstract]


def show(registry: Registry, name: str, report: Report, view: View) -> str:
    """The report in the format of that name.

    Raises:
        PluginError: the renderer broke.
    """
    try:
        return "".join(renderer(registry, name).render(report, view))
    except PLUGIN_FAULTS as error:
        owner = registry.owner(Renderer, name)
        raise PluginError(
            f"the format {name!r} of {owner and owner.distribution} failed: {type(error).__name__}: {error}",
            "shown as text instead",
        ) from error


def gating(report: Report) -> list[Finding]:
    """The findings that make the run fail; none without a gate."""
    from lok_core.findings import judge

    return judge.gating(report)


def undecided(report: Report) -> str:
    """Why nobody can say that the gate holds; empty if it does."""
    from lok_core.findings import judge

    return judge.undecided(report)


def for_issues(report: Report, *, everything: bool) -> tuple[list[Finding], int]:
    """The findings that may become issues, and how many do not since what they cite does not exist.

    Args:
        everything: whether the report was shown with all leads.
    """
    from lok_core.issues import candidates

    return candidates(report, everything=everything)


def open_tracker(lok: Lok, directory: Path) -> AbstractAsyncContextManager[Tracker]:
    """The issues of the directory's repository at GitHub; works also when lok has been left.

    Raises:
        UsageError: there is no such repository.
    """
    from lok_core import issues

    return issues.open_tracker(directory, lok.engine.panel.env, lok.engine.panel.mask)
