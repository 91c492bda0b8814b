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
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import Factory, define, evolve

from lok_core.environment import NPM_FOLDER
from lok_core.errors import PLUGIN_FAULTS, PluginError, UsageError
from lok_core.interfaces import PromptTask, Renderer, Rule, Task
from lok_core.registry import DISABLE as DISABLE
from lok_core.registry import Registry as Registry
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
    from lok_core.engine import Engine, EngineJob
    from lok_core.models import Health
    from lok_core.outcome import Event, Report, View
    from lok_core.panel import Limits
    from lok_core.panel import Panel as Panel

T = TypeVar("T")

_YOUNG_S = 60


def installed(env: Mapping[str, str]) -> Registry:
    """What the installed plugins offer, without those that the environment disables."""
    names = env.get(DISABLE, "").replace(",", " ").split()
    return Registry.installed(disabled=frozenset(names))


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
            f"the format {name!r} of {owner} failed: {type(error).__name__}: {error}", "shown as text instead"
        ) from error


@define(eq=False)
class Lok:
    """An open lok: backends with their processes, one command at a time. Made by `open_lok`."""

    registry: Registry
    engine: Engine
    run: str
    settings: Settings = Factory(Settings)
    _job: EngineJob | None = None
    _interrupted: str = ""

    async def ask(
        self, prompt: str, directory: Path, *, first: bool = False, fallback: bool = False
    ) -> Report:
        """Every eligible backend's answer to the prompt, about the directory.

        Args:
            first: whether the first answer is enough; the other requests are then ended as `cancelled`.
            fallback: whether the next recommended backend is asked when one fails.

        Raises:
            UsageError: the prompt is empty, or the directory is none.
            NoBackendError: there is nobody to ask.
        """
        from lok_core.modes.ask import ask

        if not prompt.strip():
            raise UsageError("the prompt is empty", "give it as an argument, or `-` to read it from a pipe")
        job = self._opened(directory, first=first, fallback=fallback)
        return await self._reported(job, ask(job, prompt))

    async def run_task(self, name: str, directory: Path) -> Report:
        """The report of the task of that name on the directory.

        Raises:
            UnknownNameError: there is no such task.
            UsageError: the directory is none.
        """
        from lok_core.modes.task import run_task

        task = make_task(self.registry, name, self.settings)
        job = self._opened(directory, chosen=self._named_by(name))
        self._tell(job, task)
        return await self._reported(job, run_task(job, task))

    def interrupt(self, reason: str) -> None:
        """Ends what is under way; the command then returns its report with what had been answered."""
        self._interrupted = reason
        if self._job is not None:
            self._job.interrupt(reason)

    def _opened(
        self, directory: Path, chosen: tuple[str, ...] = (), first: bool = False, fallback: bool = False
    ) -> EngineJob:
        from lok_core.engine import EngineJob

        named = self.engine.panel.named
        job = EngineJob(self.engine, _existing(directory), named or chosen, first=first, fallback=fallback)
        self._job = job
        if self._interrupted:
            job.interrupt(self._interrupted)
        return job

    def _named_by(self, task: str) -> tuple[str, ...]:
        """Those of the backends in the task's table that are there."""
        table = self.settings.tasks.get(task)
        wanted = (table and table.backends) or ()
        there = {info.name for info in self.engine.panel.infos() if info.available}
        return tuple(dict.fromkeys(name for name in wanted if name in there))

    def _tell(self, job: EngineJob, task: Task) -> None:
        """Notes what one would not expect of the task: whose words it asks with, and who is asked."""
        for origin in sorted(self.settings.untrusted):
            parts = ("description", "prompts", "backends")
            theirs = [part for part in parts if self.settings.origin("tasks", task.name, part) == origin]
            if theirs:
                job.note(f"{', '.join(theirs)} of {task.name} from {origin}, which is not trusted")
        if self.engine.panel.named or not isinstance(task, PromptTask):
            return
        table = self.settings.tasks.get(task.name)
        there = {info.name for info in job.backends() if info.available}
        missing = [name for name in (table and table.backends) or task.preferred[:1] if name not in there]
        models = {info.name for info in job.backends() if info.profile.is_llm}
        from difflib import get_close_matches

        with suppress(*PLUGIN_FAULTS):  # what it raises is told when it runs
            asked = [request.backend for request in task.requests(job)]
            instead = ", ".join(dict.fromkeys(name for name in asked if name in models))
            if missing and instead:
                close = [one for name in missing for one in get_close_matches(name, there, n=1)]
                meant = f" (did you mean {close[0]!r}?)" if close else ""
                job.note(
                    f"{', '.join(missing)} is not there for {task.name}{meant}; asked instead: {instead}"
                )

    async def _reported(self, job: EngineJob, mode: Awaitable[Report]) -> Report:
        from datetime import UTC, datetime

        import trio

        from lok_core import __version__

        started_at, started = datetime.now(UTC), trio.current_time()
        report = await mode
        await self.engine.children.sweep()
        return evolve(
            report,
            leaked=tuple(self.engine.children.leaked),
            started_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(trio.current_time() - started, 3),
            run=self.run,
            lok_version=__version__,
        )

    async def check(self) -> dict[str, Health]:
        """What each backend says of its own readiness, by name, sorted. No model is asked.

        All at once, each within the time that a request has; what goes wrong with one becomes its health.
        """
        import trio

        from lok_core.engine import Attempt
        from lok_core.models import Health, Request
        from lok_core.outcome import Failure

        healths: dict[str, Health] = {}

        async def examine(name: str, number: int) -> None:
            backend = self.engine.panel.get(name)
            nothing = Request("check", Path(os.path.sep), backend=name)
            found = await self.engine.perform(Attempt(self.engine, nothing, backend, number, backend.check))
            if isinstance(found, Failure):
                message, hint = found.message, "" if found.kind == "timeout" else found.hint
                found = Health(ready=False, message=message, hint=hint)
            healths[name] = evolve(found, message=self.engine.panel.mask(found.message))

        names = sorted(self.engine.panel.backends)
        async with trio.open_nursery() as nursery:
            for number, name in enumerate(names, 1):
                nursery.start_soon(examine, name, number)
        return {name: healths[name] for name in names}


@asynccontextmanager
async def open_lok(
    *,
    env: Mapping[str, str],
    state_dir: Path,
    backends: Sequence[str] = (),
    limits: Limits | None = None,
    listener: Callable[[Event], None] = lambda event: None,
    registry: Registry | None = None,
    settings: Settings | None = None,
    trusted: Collection[str] = (),
) -> AsyncIterator[Lok]:
    """A lok with its backends; when it is left, none of their processes is.

    Args:
        env: the environment, `os.environ` as a rule; decides which backends are available.
        state_dir: where the private folders of the run go; made if missing.
        backends: the backends to ask, and no others.
        listener: told of every event as it happens; must neither raise nor block.
        registry: the plugins, if they are known already.
        settings: the configuration; without it, what holds where there is none.
        trusted: the directories whose content is trusted, as real paths.

    Raises:
        UnknownNameError: a named backend is not there.
        UsageError: the state folder cannot be used.
    """
    from lok_core.engine import Engine
    from lok_core.process import open_children

    registry = installed(env) if registry is None else registry
    settings = settings or Settings()
    env = {NPM_FOLDER: str(state_dir / "npm"), **env}
    panel = make_panel(registry, env, backends, settings, trusted)
    rules = []
    for rule in registry.all(Rule).values():  # type: ignore[type-abstract]
        with suppress(*PLUGIN_FAULTS):  # a rule that cannot be made has no opinion
            rules.append(rule())
    async with open_children() as children:
        with _private_folder(state_dir, children.mark) as folder:
            limits = limits or make_limits(settings=settings)
            engine = Engine(panel, rules, children, folder, limits, listener)
            try:
                yield Lok(registry, engine, children.mark, settings)
            finally:
                await engine.aclose()


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
