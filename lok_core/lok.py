"""lok as one face for programs; the command line stands on this and on nothing below it.

::

    async with open_lok(env=os.environ, state_dir=Path("~/.local/state/lok").expanduser()) as lok:
        report = await lok.run_task("hunt", Path("."))

It installs no signal handlers, reads no environment of its own and prints nothing.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attrs import Factory, define, evolve

from lok_core.environment import NPM_FOLDER
from lok_core.errors import PLUGIN_FAULTS, PluginError, UsageError
from lok_core.folders import existing, private_folder
from lok_core.interfaces import Backend, PromptTask, Renderer, Rule, Task
from lok_core.outcome import Participant, Screening
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
    from contextlib import AbstractAsyncContextManager

    from lok_core.engine import Engine, EngineJob
    from lok_core.findings.baseline import Baseline
    from lok_core.issues import Draft as Draft
    from lok_core.issues import Plan as Plan
    from lok_core.issues import Repository as Repository
    from lok_core.issues import Tracker as Tracker
    from lok_core.models import Health
    from lok_core.outcome import Event, Finding, Report, View
    from lok_core.panel import Limits
    from lok_core.panel import Panel as Panel

T = TypeVar("T")


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

    async def run_task(self, name: str, directory: Path, screening: Screening | None = None) -> Report:
        """The report of the task of that name on the directory.

        Args:
            screening: what becomes of its findings; without it all are reported, and none is a failure.

        Raises:
            UnknownNameError: there is no such task.
            UsageError: the directory is none, or the baseline cannot be used.
        """
        from lok_core.modes.task import run_task

        task = make_task(self.registry, name, self.settings)
        screening = screening or Screening()
        job = self._opened(directory, chosen=self._named_by(name))
        known = await self._known(screening, job.directory)
        self._tell(job, task)
        return await self._reported(job, run_task(job, task, screening, *known))

    async def ground(self, text: str, name: str, directory: Path, screening: Screening) -> Report:
        """The findings in what another tool or a person wrote, checked against the directory.

        Args:
            text: a report of lok, SARIF, JSON with findings in it, or a review in Markdown.
            name: what it is known by.

        Raises:
            UsageError: the directory is none, or the baseline cannot be used.
        """
        from lok_core.modes.ground import ground

        job = self._opened(directory)
        known = await self._known(screening, job.directory)
        return await self._reported(job, ground(job, text, name, screening, *known))

    async def updated_baseline(self, report: Report, screening: Screening) -> str:
        """What the baseline's file should hold after the report."""
        from lok_core import known

        assert screening.baseline is not None
        baseline = known.read_baseline(screening.baseline, missing_is_empty=True)
        changed = await known.updated(
            baseline,
            report,
            self.engine.children,
            self.engine.panel.env,
            add=screening.update_baseline,
            prune=screening.prune,
        )
        return changed.text()

    async def _known(
        self, screening: Screening, directory: Path
    ) -> tuple[Baseline | None, Mapping[str, str]]:
        if screening.baseline is None:
            return None, {}
        from lok_core.known import read_baseline, renamed_since

        baseline = read_baseline(screening.baseline, missing_is_empty=screening.update_baseline)
        children, env = self.engine.children, self.engine.panel.env
        return baseline, await renamed_since(baseline, children, directory, env)

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
        job = EngineJob(self.engine, existing(directory), named or chosen, first=first, fallback=fallback)
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
            backends=self._participants(report),
            leaked=tuple(self.engine.children.leaked),
            started_at=started_at.isoformat(timespec="seconds"),
            duration_s=round(trio.current_time() - started, 3),
            run=self.run,
            lok_version=__version__,
        )

    def _participants(self, report: Report) -> tuple[Participant, ...]:
        from lok_core.outcome import Answer

        took_part = []
        for name in sorted({outcome.backend for outcome in report.outcomes}):
            kind = self.engine.panel.get(name).kind
            owner = self.registry.owner(Backend, kind)
            answers = [one for one in report.outcomes if isinstance(one, Answer) and one.backend == name]
            models = [one.reply.model for one in answers if one.reply.model]
            took_part.append(
                Participant(
                    name,
                    kind,
                    "" if owner is None else owner.distribution,
                    "" if owner is None else owner.version,
                    models[0] if models else "",
                )
            )
        return tuple(took_part)

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
        with private_folder(state_dir, children.mark) as folder:
            limits = limits or make_limits(settings=settings)
            engine = Engine(panel, rules, children, folder, limits, listener)
            try:
                yield Lok(registry, engine, children.mark, settings)
            finally:
                await engine.aclose()
