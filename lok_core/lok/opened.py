"""An open lok: backends with their processes, and one method for everything that can be asked of them."""

from __future__ import annotations

import random
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from lok_core.errors import UsageError
from lok_core.folders import absolute, existing
from lok_core.lok.listening import Listening
from lok_core.outcome import Screening
from lok_core.registry import DISABLE, Registry
from lok_core.settings import Settings
from lok_core.setup import make_task

if TYPE_CHECKING:
    from lok_core.engine import Engine
    from lok_core.findings.baseline import Baseline
    from lok_core.job import EngineJob
    from lok_core.journal import Journal, Recalled
    from lok_core.models import Health
    from lok_core.outcome import Report
    from lok_core.worktrees import Checkout


def troubles(registry: Registry) -> list[str]:
    """One line for each plugin that is left out, with the way to silence it."""
    broken = [
        f"plugin {broken.plugin.distribution} is disabled: {broken.reason} (`lok plugins -v` shows more; "
        f"{DISABLE}={broken.plugin.distribution} silences this)"
        for broken in registry.broken
    ]
    return broken + registry.duplicates()


@define(eq=False)
class Lok:
    """An open lok: backends with their processes. Made by `open_lok`.

    Its methods are the commands: any number of them, one after the other.

    Attributes:
        run: the id of the first run; those that follow have a number after it.
        plan: whether a command only tells what it would ask: its report has a `PlanDetail`.
        invocation: what the journal keeps of how lok was called, as JSON.
        journal: of the command under way, or of the last one.
        report: of the last one; None while it has none.
        recalled: what an earlier run was answered, in whose place this one goes on.
        runs: how many commands have asked somebody.
        is_busy: whether a command is under way.
    """

    registry: Registry
    engine: Engine
    run: str
    state_dir: Path
    settings: Settings = Factory(Settings)
    plan: bool = False
    invocation: Mapping[str, Any] = Factory(dict)
    listening: Listening = Factory(lambda: Listening(lambda event: None))
    journal: Journal | None = None
    report: Report | None = None
    recalled: Recalled | None = None
    runs: int = 0
    is_busy: bool = False
    _job: EngineJob | None = None
    _interrupted: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """One line for each plugin that is left out, with what can be done about it."""
        return tuple(troubles(self.registry))

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

        _check(prompt)
        job = self._opened(directory, first=first, fallback=fallback)
        return await self._reported(
            job, ask(job, prompt), "ask", prompt=prompt, first=first, fallback=fallback
        )

    async def suggest(self, task: str, directory: Path) -> Report:
        """Which backends suit the task, best first, and why. None is asked.

        Raises:
            UsageError: the task is empty, or the directory is none.
        """
        from lok_core.modes.smart import suggest

        _check(task)
        job = self._opened(directory)
        return await self._reported(job, suggest(job, task), reads=False)

    async def smart(self, prompt: str, directory: Path, *, fallback: bool = False) -> Report:
        """The answer of the backend that suits the prompt best.

        Args:
            fallback: whether the next one is asked when it fails.

        Raises:
            UsageError: the prompt is empty, or the directory is none.
            NoBackendError: there is nobody to ask.
        """
        from lok_core.modes.smart import smart

        _check(prompt)
        job = self._opened(directory, fallback=fallback)
        return await self._reported(job, smart(job, prompt), "smart", prompt=prompt, fallback=fallback)

    async def team(self, task: str, directory: Path, *, debate: bool = False) -> Report:
        """Every part of the task by the backend that suits it best, at once, and a summary of it all.

        Args:
            debate: whether each answer is read by another backend and then revised by its author.

        Raises:
            UsageError: the task is empty, or the directory is none.
            NoBackendError: there is nobody to ask.
        """
        from lok_core.modes.team import team

        _check(task)
        job = self._opened(directory)
        return await self._reported(job, team(job, task, debate=debate), "team", task=task, debate=debate)

    async def debate(
        self, topic: str, directory: Path, *, rounds: int = 3, seed: int | None = None
    ) -> Report:
        """What the backends come to who discuss the topic: their agreement, or where they differ.

        Args:
            rounds: how many there are at the most, the blind one included.
            seed: decides in which order each one reads the others; one is drawn if it is not given.

        Raises:
            UsageError: the topic is empty, or the directory is none.
            NoBackendError: fewer than two can take part.
        """
        from lok_core.modes.debate import debate

        _check(topic)
        job = self._opened(directory)
        seed = random.randrange(10**6) if seed is None else seed
        mode = debate(job, topic, rounds=rounds, seed=seed)
        return await self._reported(job, mode, "debate", topic=topic, rounds=rounds, seed=seed)

    async def spawn(
        self, task: str, directory: Path, *, agents: Sequence[str] = (), write: bool = False
    ) -> Report:
        """What several agents made of the parts of a task, all at once.

        Args:
            agents: `name:description` or `name@backend:description`, one each; without any, a backend plans.
            write: whether each works on a copy of the repository, on a branch of its own.

        Raises:
            UsageError: the task is empty, an agent is malformed, or the directory is none, no repository
                that could be copied, or not trusted (the last two for `write` only).
            UnknownNameError: an agent's backend is not there.
            NoBackendError: there is nobody to ask, or nobody who can write.
        """
        from lok_core.modes.spawn import read_agents, spawn

        _check(task)
        job = self._opened(directory)
        made = partial(self._copied, job.directory) if write else None
        mode = spawn(job, task, read_agents(agents), made)
        return await self._reported(
            job, mode, "spawn", reads=not write, task=task, agents=tuple(agents), write=write
        )

    async def _copied(self, directory: Path) -> Checkout | None:
        """The checkout of which agents get copies; for a plan it is only looked whether there can be one."""
        from lok_core.worktrees import leftovers, open_checkout

        panel, children, copies = self.engine.panel, self.engine.children, self.state_dir / "worktrees"
        if not panel.trusts(directory):
            raise UsageError(
                f"{directory} is not trusted, and --write lets backends change copies of it",
                f"lok trust {directory}",
            )
        if self.plan:
            await leftovers(children, directory, panel.env, copies)
            return None
        panel.trust(copies / self.run)  # it holds copies of what is trusted
        return await open_checkout(children, directory, panel.env, copies / self.run)

    async def spawned(self, directory: Path) -> Report:
        """The branches and worktrees that `spawn` has left for the directory's repository.

        Raises:
            UsageError: the directory is none, or no repository.
        """
        from lok_core.modes.spawn import spawned

        job = self._opened(directory)
        children, env = self.engine.children, self.engine.panel.env
        return await self._reported(
            job, spawned(job, children, env, self.state_dir / "worktrees"), reads=False
        )

    async def conduct(self, task: str, directory: Path, *, conductor: str | None = None) -> Report:
        """What a backend makes of the task that may ask all others, over several rounds.

        Args:
            conductor: the configured name; by default one that can call tools, else the best generalist.

        Raises:
            UsageError: the task is empty, or the directory is none.
            UnknownNameError: there is no such conductor.
            NoBackendError: nobody can conduct, or nobody is left to be asked.
        """
        from lok_core.modes.conduct import conduct

        _check(task)
        job = self._opened(directory)
        bounds = (self.settings.max_rounds, self.settings.max_tokens)
        mode = conduct(job, task, conductor, *bounds)
        return await self._reported(job, mode, "conduct", task=task, conductor=conductor)

    async def run_task(
        self, name: str, directory: Path, screening: Screening | None = None, *, fallback: bool = False
    ) -> Report:
        """The report of the task of that name on the directory.

        Args:
            screening: what becomes of its findings; without it all are reported, and none is a failure.
            fallback: whether a prompt goes on to the next recommended backend when one fails.

        Raises:
            UnknownNameError: there is no such task.
            UsageError: the directory is none, or the baseline cannot be used.
        """
        from lok_core.modes.task import run_task, tell

        task = make_task(self.registry, name, self.settings)
        screening = screening or Screening()
        job = self._opened(directory, chosen=self._named_by(name), fallback=fallback)
        known = await self.known(screening, job.directory)
        tell(job, task, self.settings, named=bool(self.engine.panel.named))
        mode = run_task(job, task, screening, *known)
        return await self._reported(job, mode, "run_task", name=name, screening=screening, fallback=fallback)

    async def resume(self, run: str) -> Report:
        """The report of an earlier run's command, in which nothing is asked that was answered then.

        Args:
            run: its id, the beginning of it, or "last".

        Raises:
            UsageError: there is no such run, it goes on, it cannot be asked again, or its directory is gone.
            LokError: as of the method for that command.
        """
        from lok_core.lok.resumed import resume
        from lok_core.runs import find

        return await resume(self, find(self.state_dir, run))

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
        known = await self.known(screening, job.directory)
        return await self._reported(job, ground(job, text, name, screening, *known), reads=False)

    async def updated_baseline(self, report: Report, screening: Screening) -> str:
        """What the baseline's file should hold after the report."""
        from lok_core import known

        assert screening.baseline is not None
        baseline = known.read_baseline(screening.baseline, [report.directory], missing_is_empty=True)
        changed = await known.updated(
            baseline,
            report,
            self.engine.children,
            self.engine.panel.env,
            add=screening.update_baseline,
            prune=screening.prune,
        )
        return changed.text()

    async def known(self, screening: Screening, directory: Path) -> tuple[Baseline | None, Mapping[str, str]]:
        """The findings that are known, and how files are called now that had another name then."""
        if screening.baseline is None:
            return None, {}
        if not isinstance(screening.baseline, Path):
            raise UsageError(f"baseline is {screening.baseline!r}", "it is a pathlib.Path, or None")
        absolute(screening.baseline, "baseline")
        from lok_core.known import read_baseline, renamed_since

        missing_is_empty = screening.update_baseline
        baseline = read_baseline(screening.baseline, [directory], missing_is_empty=missing_is_empty)
        children, env = self.engine.children, self.engine.panel.env
        return baseline, await renamed_since(baseline, children, directory, env)

    def interrupt(self, reason: str) -> None:
        """Ends what is under way; the command then returns its report with what had been answered.

        Commands that come after it ask nobody.

        Args:
            reason: for the reader of the report: "ended by Ctrl-C".
        """
        self._interrupted = reason
        if self._job is not None:
            self._job.interrupt(reason)

    def _opened(
        self, directory: Path, chosen: tuple[str, ...] = (), first: bool = False, fallback: bool = False
    ) -> EngineJob:
        from lok_core.job import EngineJob

        if self.is_busy:
            raise UsageError("another command is under way", "await it first, or open another lok")
        self.engine.begin()
        named = self.engine.panel.named
        job = EngineJob(self.engine, existing(directory), named or chosen, first=first, fallback=fallback)
        job.planned = {} if self.plan else None
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

    async def _reported(
        self,
        job: EngineJob,
        mode: Coroutine[Any, Any, Report],
        method: str = "",
        *,
        reads: bool = True,
        **asked: Any,
    ) -> Report:
        """The mode's report with what only the whole run knows.

        Args:
            method: the one that was called; empty if nobody is asked.
            asked: what it was called with, the directory excepted.
            reads: whether its backends may read the directory, and must not change it.
        """
        from lok_core.lok.reported import reported

        with closing(mode):  # what is cancelled before it starts would else be warned of
            return await reported(self, job, mode, method, asked, reads=reads)

    async def check(self) -> dict[str, Health]:
        """What each backend says of its own readiness, by name, sorted. No model is asked.

        All at once, each within the time that a request has; what goes wrong with one becomes its health.
        """
        from lok_core.lok.health import check

        return await check(self.engine)


def _check(prompt: str) -> None:
    if not prompt.strip():
        raise UsageError("the prompt is empty", "give it as an argument, or `-` to read it from a pipe")
