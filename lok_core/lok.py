"""lok as one face for programs; the command line stands on this and on nothing below it.

::

    async with open_lok(env=os.environ, state_dir=Path("~/.local/state/lok").expanduser()) as lok:
        report = await lok.run_task("hunt", Path("."))

It installs no signal handlers, reads no environment of its own and prints nothing.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import define, evolve

from lok_core.errors import PLUGIN_FAULTS, PluginError, UsageError
from lok_core.interfaces import Backend, Renderer, Rule, Task
from lok_core.registry import DISABLE as DISABLE
from lok_core.registry import Registry as Registry
from lok_core.sanitize import clean_line

if TYPE_CHECKING:
    from lok_core.engine import Engine, EngineJob, Limits
    from lok_core.outcome import Event, Report, View
    from lok_core.panel import Panel

T = TypeVar("T")

_YOUNG_S = 60


def installed(env: Mapping[str, str]) -> Registry:
    """What the installed plugins offer, without those that the environment disables."""
    names = env.get(DISABLE, "").replace(",", " ").split()
    return Registry.installed(disabled=frozenset(names))


def make_panel(registry: Registry, env: Mapping[str, str], named: Sequence[str] = ()) -> Panel:
    """The backends at hand, one instance of each kind.

    Args:
        named: the backends to ask, and no others; empty for those asked by default, "all" for each of these
            that is available, where otherwise one would be chosen.

    Raises:
        UnknownNameError: a named backend is not there.
        PluginError: a named backend is offered by two plugins.
    """
    from lok_core.panel import Panel

    if "all" in named:
        everyone = make_panel(registry, env).infos()
        named = [info.name for info in everyone if info.available and info.profile.asked_by_default]
    for name in named:
        registry.get(Backend, name)  # type: ignore[type-abstract]
    backends: dict[str, Backend] = {}
    problems: dict[str, str] = {}
    for kind, offered in registry.all(Backend).items():  # type: ignore[type-abstract]
        try:
            backends[kind] = offered(kind, offered.Config())
        except PLUGIN_FAULTS as error:
            problems[kind] = f"{offered.__name__}() raised {type(error).__name__}: {error}"
    for name in named:
        if name in problems:
            raise UsageError(f"the backend {name!r} is broken: {problems[name]}")
    return Panel(backends, env, tuple(dict.fromkeys(named)), problems)


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


def make_limits(timeout_s: float | None = None, jobs: int | None = None) -> Limits:
    """The limits of a run, with lok's own where None is given."""
    from lok_core.engine import Limits

    given = {"timeout_s": timeout_s, "jobs": jobs}
    return Limits(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def renderer(registry: Registry, name: str) -> Renderer:
    """The renderer of that name.

    Raises:
        UnknownNameError: there is no such format.
    """
    return _made(registry, Renderer, name)  # type: ignore[type-abstract]


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
            f"the format {name!r} of {owner} failed: {type(error).__name__}: {error}", "shown as text instead"
        ) from error


@define(eq=False)
class Lok:
    """An open lok: backends with their processes, one command at a time. Made by `open_lok`."""

    registry: Registry
    engine: Engine
    run: str
    _job: EngineJob | None = None
    _interrupted: str = ""

    async def ask(self, prompt: str, directory: Path) -> Report:
        """Every eligible backend's answer to the prompt, about the directory.

        Raises:
            UsageError: the prompt is empty, or the directory is none.
            NoBackendError: there is nobody to ask.
        """
        from lok_core.modes.ask import ask

        if not prompt.strip():
            raise UsageError("the prompt is empty", "give it as an argument, or `-` to read it from a pipe")
        return await self._reported(directory, lambda job: ask(job, prompt))

    async def run_task(self, name: str, directory: Path) -> Report:
        """The report of the task of that name on the directory.

        Raises:
            UnknownNameError: there is no such task.
            UsageError: the directory is none.
        """
        from lok_core.modes.task import run_task

        task = _made(self.registry, Task, name)  # type: ignore[type-abstract]
        return await self._reported(directory, lambda job: run_task(job, task))

    def interrupt(self, reason: str) -> None:
        """Ends what is under way; the command then returns its report with what had been answered."""
        self._interrupted = reason
        if self._job is not None:
            self._job.interrupt(reason)

    async def _reported(self, directory: Path, mode: Callable[[EngineJob], Awaitable[Report]]) -> Report:
        from datetime import UTC, datetime

        import trio

        from lok_core import __version__
        from lok_core.engine import EngineJob

        job = EngineJob(self.engine, _existing(directory), self.engine.panel.named)
        self._job = job
        if self._interrupted:
            job.interrupt(self._interrupted)
        started_at, started = datetime.now(UTC), trio.current_time()
        report = await mode(job)
        await self.engine.children.sweep()
        return evolve(
            report,
            leaked=tuple(self.engine.children.leaked),
            started_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(trio.current_time() - started, 3),
            run=self.run,
            lok_version=__version__,
        )


@asynccontextmanager
async def open_lok(
    *,
    env: Mapping[str, str],
    state_dir: Path,
    backends: Sequence[str] = (),
    limits: Limits | None = None,
    listener: Callable[[Event], None] = lambda event: None,
    registry: Registry | None = None,
) -> AsyncIterator[Lok]:
    """A lok with its backends; when it is left, none of their processes is.

    Args:
        env: the environment, `os.environ` as a rule; decides which backends are available.
        state_dir: where the private folders of the run go; made if missing.
        backends: the backends to ask, and no others.
        listener: told of every event as it happens; must neither raise nor block.
        registry: the plugins, if they are known already.

    Raises:
        UnknownNameError: a named backend is not there.
        UsageError: the state folder cannot be used.
    """
    from lok_core.engine import Engine, Limits
    from lok_core.process import open_children

    registry = installed(env) if registry is None else registry
    panel = make_panel(registry, env, backends)
    rules = []
    for rule in registry.all(Rule).values():  # type: ignore[type-abstract]
        with suppress(*PLUGIN_FAULTS):  # a rule that cannot be made has no opinion
            rules.append(rule())
    async with open_children() as children:
        with _private_folder(state_dir, children.mark) as folder:
            engine = Engine(panel, rules, children, folder, limits or Limits(), listener)
            try:
                yield Lok(registry, engine, children.mark)
            finally:
                await engine.aclose()


def _made(registry: Registry, interface: type[T], name: str) -> T:
    offered = registry.get(interface, name)
    try:
        return offered()
    except PLUGIN_FAULTS as error:
        raise PluginError(
            f"the {interface.__name__.lower()} {name!r} of {registry.owner(interface, name)} cannot be made: "
            f"{type(error).__name__}: {error}",
            "this is a fault of the plugin",
        ) from error


def _existing(directory: Path) -> Path:
    # Not resolved: paths are reported as the user knows them.
    try:
        absolute = Path(os.path.abspath(directory))
    except FileNotFoundError:
        raise UsageError("the working directory is gone", "change into one that exists") from None
    if absolute.is_dir():
        return absolute
    if absolute.exists():
        raise UsageError(f"{directory} is not a directory", "name the directory that holds the code")
    raise UsageError(f"there is no directory {directory}", "check the spelling, or leave it out for this one")


@contextmanager
def _private_folder(state_dir: Path, mark: str) -> Iterator[Path]:
    """A folder of this run; those of runs that were killed are removed on the way.

    A lock tells whether a run still goes on, since its process id says nothing in another container.
    """
    running = state_dir / "running"
    folder = running / mark
    try:
        running.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_left(running)
        folder.mkdir(mode=0o700)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(
            f"the state folder {state_dir} cannot be used: {error.strerror}",
            "make it writable, or set XDG_STATE_HOME to a folder that is",
        ) from error
    try:
        with suppress(OSError):  # a file system without locks: then nothing is removed there
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_left(running: Path) -> None:
    for other in running.iterdir():
        with suppress(OSError):
            if time.time() - other.stat().st_mtime < _YOUNG_S:
                continue  # perhaps just made, and not locked yet
            lock = os.open(other, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                os.close(lock)
