"""lok as one face for programs; the command line stands on this and on nothing below it.

::

    state = Path("~/.local/state/lok").expanduser()
    async with open_lok(Path("."), env=os.environ, state_dir=state) as lok:
        report = await lok.run_task("hunt", Path("."))

It installs no signal handlers, reads no environment of its own and prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from lok_core.errors import PLUGIN_FAULTS, PluginError, UsageError
from lok_core.interfaces import Renderer, Task
from lok_core.limits import make_limits as make_limits
from lok_core.lok.opened import Lok as Lok
from lok_core.lok.opened import troubles as troubles
from lok_core.lok.opening import declared_secrets as declared_secrets
from lok_core.lok.opening import installed as installed
from lok_core.lok.opening import open_lok as open_lok
from lok_core.lok.opening import run as run
from lok_core.registry import DISABLE as DISABLE
from lok_core.registry import Registry as Registry
from lok_core.results import is_told as is_told
from lok_core.sanitize import clean_line
from lok_core.settings import Settings as Settings
from lok_core.setup import Setup as Setup
from lok_core.setup import configs as configs
from lok_core.setup import made
from lok_core.setup import make_panel as make_panel
from lok_core.setup import make_task as make_task
from lok_core.setup import read_trust as read_trust

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lok_core.details.plan import PlanDetail
    from lok_core.issues import Draft as Draft
    from lok_core.issues import Plan as Plan
    from lok_core.issues import Repository as Repository
    from lok_core.issues import Tracker as Tracker
    from lok_core.outcome import Finding, Report, Screening, View
    from lok_core.panel import Panel as Panel
    from lok_core.runs import Past as Past

T = TypeVar("T")


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


def plan_in(report: Report) -> PlanDetail | None:
    """The plan that it holds; None if it is about what was done."""
    if getattr(report.detail, "mode", "") != "plan":
        return None
    from lok_core.details.plan import PlanDetail

    return report.detail if isinstance(report.detail, PlanDetail) else None


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


def past_runs(state_dir: Path) -> list[Past]:
    """Every run that has a journal, newest first; of one that has ended, no more than a list shows."""
    from lok_core.runs import list_runs

    return list_runs(state_dir)


def past_run(state_dir: Path, name: str) -> Past:
    """The run of that name: its id, the beginning of it or of its short form, or `last`.

    Raises:
        UsageError: there is none, or there are several, or it cannot be read.
    """
    from lok_core.runs import find

    return find(state_dir, name)


def runs_of_others(state_dir: Path) -> list[str]:
    """The short ids of runs whose journals another lok has written, in a form that this one cannot read."""
    from lok_core.runs import of_others

    return of_others(state_dir)


def continued(state_dir: Path, past: Past) -> str:
    """The short id of the newest run that goes on in its place; empty if none does."""
    from lok_core.runs import continued

    return continued(state_dir, past)


def unreadable(past: Past) -> UsageError:
    """The error that says that its journal cannot be read."""
    from lok_core.lok.resumed import unreadable

    return unreadable(past)


def structured(value: object, cls: type[T]) -> T:
    """The value of that class, made with attrs, that a JSON value stands for.

    Raises:
        ValueError: it stands for none.
    """
    from lok_core.report_json import read

    return read(value, cls)


def is_path(text: str) -> bool:
    """Whether there can be such a path."""
    from lok_core.folders import is_path

    return is_path(text)


def prune(state_dir: Path, older_than_s: float) -> int:
    """Removes the journals of runs that ended that many seconds ago, and returns how many."""
    from lok_core.runs import prune

    return prune(state_dir, older_than_s)


def left(lok: Lok) -> str:
    """The id of the last run if something of it is left to ask that `resume` would ask; else empty."""
    from lok_core.journal import short
    from lok_core.lok.reported import left

    return short(left(lok))


def kept(lok: Lok) -> str:
    """The id of the last run if there is a journal of it; else empty."""
    from lok_core.journal import short
    from lok_core.lok.reported import kept

    return short(kept(lok))


def ended_early(report: Report) -> bool:
    """Whether a signal or a cap kept something from being answered."""
    from lok_core.lok.reported import ended_early

    return ended_early(report)


def check_resumable(past: Past) -> Screening | None:
    """What was to become of the findings of the run; None where it has none.

    Raises:
        UsageError: the run goes on, or cannot be asked again, or its directory is gone.
    """
    from lok_core.lok.resumed import check_resumable

    return check_resumable(past)


async def resume(lok: Lok, past: Past) -> Report:
    """The report of the run's command, in which nothing is asked that was answered then.

    Raises:
        UsageError: the run goes on, or cannot be asked again, or its directory is gone.
        LokError: as of the method for that command.
    """
    from lok_core.lok.resumed import resume

    return await resume(lok, past)


async def told(lok: Lok, past: Past) -> Report:
    """The report of the run; of one that was killed, what had been answered. Nobody is asked.

    Raises:
        UsageError: it cannot be read.
    """
    from lok_core.lok.resumed import told

    return await told(lok, past)
