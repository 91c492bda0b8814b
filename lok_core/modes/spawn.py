"""Spawn: a task in parts, each done by an agent of its own, all at once; on copies, where they may write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import trio
from attrs import define, evolve, field

from lok_core.details.spawn import Agent, Branch, SpawnDetail, SpawnedDetail
from lok_core.errors import NoBackendError, UnknownNameError, UsageError
from lok_core.interfaces import Job
from lok_core.models import Access, Request
from lok_core.modes.generalist import GENERAL, sum_up
from lok_core.modes.plan import plan
from lok_core.modes.plan import read_agents as read_agents
from lok_core.modes.reporting import report
from lok_core.modes.smart import choice, suggested
from lok_core.outcome import Answer, Outcome, Report
from lok_core.prompts import spawn as prompts
from lok_core.prompts.quoting import MAX_CHARACTERS
from lok_core.reply import spoken

if TYPE_CHECKING:
    from lok_core.process import Children
    from lok_core.worktrees import Checkout, Worktree

AS_LEFT_S = 10.0
"""Seconds to look at what is there if that was not enough."""
FINISH_S = 600.0
"""Seconds that git gets to bring one agent's work onto its branch; after that it stays where it is."""

_GIST = 500  # characters of an answer in the list that takes the place of a summary


async def spawn(
    job: Job,
    task: str,
    named: tuple[Agent, ...],
    open_checkout: Callable[[], Awaitable[Checkout | None]] | None = None,
) -> Report:
    """The report of agents that worked on the parts of a task, all at once.

    Args:
        named: the agents; without any, the best generalist plans them.
        open_checkout: makes the copies of the repository in which the agents may write; None if they may
            only read. It gives nothing where this is a plan.

    Raises:
        NoBackendError: there is nobody to ask, or nobody who can write.
        UnknownNameError: an agent's backend is not there.
        UsageError: an agent's backend cannot do what it is named for.
    """
    write = open_checkout is not None
    access: Access = "write" if write else "read"
    _check(job, named, access)
    detail = SpawnDetail(task, write=write)
    checkout = None
    if open_checkout is not None:  # before anything is paid for: there may be nothing to copy
        with job.interruptible():
            checkout = await open_checkout()
        if job.interrupted:
            return report("spawn", job, detail)
    if checkout is not None:
        detail = evolve(detail, root=str(checkout.root), base=checkout.base, dirty=checkout.dirty)
    agents = named
    if not agents:
        planner = _suited(job, GENERAL, "read")
        agents, problem = await plan(job, task, planner, write=write)
        if not agents:
            told = report("spawn", job, detail)
            return told if job.interrupted else evolve(told, inconclusive=problem)
        detail = evolve(detail, planner=planner)
    agents = tuple(
        agent if agent.backend else evolve(agent, backend=_suited(job, agent.description, access))
        for agent in agents
    )
    for agent in agents:
        if len(agent.description) > MAX_CHARACTERS:
            job.note(
                f"of the part of {agent.name} only the first {MAX_CHARACTERS:,} characters are asked for"
            )
    party = _Party(job, task, agents, access, checkout)
    await party.work()
    detail = evolve(
        detail,
        agents=tuple(_judged(agent, party.outcomes.get(agent.name)) for agent in agents),
        branches=tuple(party.branches[agent.name] for agent in agents if agent.name in party.branches),
    )
    if checkout is not None:
        known = [branch for branch in detail.branches if branch.commit]
        with trio.move_on_after(FINISH_S, shield=True) as limit:
            detail = evolve(detail, conflicts=await checkout.conflicts(known))
        if limit.cancelled_caught:
            job.note(f"which branches conflict is not known: git took longer than {FINISH_S:g} s")
        if job.interrupted:
            job.note("`lok spawn --list` shows all that the interrupted run has left")
        for note in checkout.notes:
            job.note(note)
    return await _concluded(job, detail, party.outcomes)


async def spawned(job: Job, children: Children, env: Mapping[str, str], folder: Path) -> Report:
    """The report of what `spawn` has left of the directory's repository.

    Args:
        folder: where the worktrees are.

    Raises:
        UsageError: the directory is in no repository.
    """
    from lok_core.worktrees import leftovers

    found = await leftovers(children, job.directory, env, folder)
    return report("spawn", job, SpawnedDetail(found))


@define(eq=False)
class _Party:
    """The agents of a run at their work.

    Attributes:
        outcomes, branches: what came of it, by the agent's name.
    """

    job: Job
    task: str
    agents: tuple[Agent, ...]
    access: Access
    checkout: Checkout | None
    outcomes: dict[str, Outcome] = field(factory=dict)
    branches: dict[str, Branch] = field(factory=dict)

    async def work(self) -> None:
        """Ends when all have ended; the work of each is brought onto its branch at once."""
        worktrees: dict[str, Worktree] = {}
        if self.checkout is not None:
            with self.job.interruptible():
                for agent in self.agents:
                    worktrees[agent.name] = await self.checkout.add(agent.name)
        async with trio.open_nursery() as nursery:
            for agent in self.agents:
                worktree = worktrees.get(agent.name)
                if worktree is not None or self.checkout is None:
                    # start() instead of start_soon(), so that the report has them in this order.
                    await nursery.start(self._one, agent, worktree)

    async def _one(self, agent: Agent, worktree: Worktree | None, task_status: trio.TaskStatus[None]) -> None:
        request = self._request(agent, worktree)
        task_status.started()
        try:
            self.outcomes[agent.name] = await self.job.ask(request)
        finally:
            if worktree is not None:
                self.branches[agent.name] = await self._finish(agent, worktree)

    def _request(self, agent: Agent, worktree: Worktree | None) -> Request:
        from lok_core.topics import category_of  # it takes long to import

        others = {other.name: other.description for other in self.agents if other is not agent}
        copied = self.job.directory if self.access == "write" else None
        return Request(
            prompts.work(self.task, agent.name, agent.description, others, copied),
            self.job.directory if worktree is None else worktree.directory,
            backend=agent.backend,
            access=self.access,
            label=agent.name,
            category=category_of("", agent.description),
        )

    async def _finish(self, agent: Agent, worktree: Worktree) -> Branch:
        assert self.checkout is not None
        problem = f"git took longer than {FINISH_S:g} s"
        message = f"{agent.name}: {prompts.first_line(agent.description, 60)}"
        # Whatever ends the agent, its work is not lost; and git cannot hang for ever.
        with trio.move_on_after(FINISH_S, shield=True):
            try:
                return await self.checkout.finish(worktree, message)
            except OSError as error:
                problem = str(error)
        with trio.move_on_after(AS_LEFT_S, shield=True):
            return await self.checkout.as_left(worktree, problem)
        problem += ", so that what is on the branch is not known"
        return Branch(agent.name, worktree.branch, "", directory=str(worktree.directory), problem=problem)


async def _concluded(job: Job, detail: SpawnDetail, outcomes: Mapping[str, Outcome]) -> Report:
    answered = any(isinstance(outcome, Answer) for outcome in outcomes.values())
    if answered and len(detail.agents) > 1 and not job.interrupted:
        detail = await _summed_up(job, detail, outcomes)
    told = report("spawn", job, detail)
    if answered or job.interrupted:
        return told
    return evolve(told, inconclusive="none of the agents has finished its part")


async def _summed_up(job: Job, detail: SpawnDetail, outcomes: Mapping[str, Outcome]) -> SpawnDetail:
    """With a summary by the best generalist, else with the beginning of what each agent said."""
    said = {
        name: spoken(outcome.reply) if isinstance(outcome, Answer) else outcome.partial
        for name, outcome in outcomes.items()
    }
    diffstats = {branch.agent: branch.diffstat for branch in detail.branches}
    parts = [
        (
            f"{agent.name} ({agent.backend}, {'done' if agent.ok else 'not done'})",
            agent.description,
            said.get(agent.name, ""),
            diffstats.get(agent.name, ""),
        )
        for agent in detail.agents
    ]
    outcome = await sum_up(job, prompts.summary(detail.task, parts))
    if isinstance(outcome, Answer):
        return evolve(detail, summary=spoken(outcome.reply), summary_by=outcome.backend)
    gists = [
        f"{agent.name}: {prompts.first_line(said.get(agent.name, '') or agent.problem, _GIST)}"
        for agent in detail.agents
    ]
    return evolve(detail, summary="\n".join(gists))


def _judged(agent: Agent, outcome: Outcome | None) -> Agent:
    if isinstance(outcome, Answer):
        return evolve(agent, ok=True)
    why = f"{outcome.kind}: {outcome.message}" if outcome else "the run was ended before it was started"
    return evolve(agent, problem=why)


def _check(job: Job, named: Sequence[Agent], access: Access) -> None:
    """Raises what `spawn` does, before anybody is asked and anything is copied."""
    infos = {info.name: info for info in job.backends()}
    for agent in named:
        if not agent.backend:
            continue
        if agent.backend not in infos:
            raise UnknownNameError("backend", agent.backend, infos)
        profile = infos[agent.backend].profile
        if not profile.answers_questions:
            raise UsageError(
                f"--agent {agent.name}: {agent.backend} analyses directories and answers no questions",
                "name a language model",
            )
        if not infos[agent.backend].available:
            raise NoBackendError(
                f"--agent {agent.name}: {agent.backend} is not available", "`lok doctor` says what is missing"
            )
        if access == "write" and access not in profile.access:
            raise UsageError(
                f"--agent {agent.name}: {agent.backend} cannot be allowed to write files",
                "name another backend, or leave --write out",
            )
    if not named or not all(agent.backend for agent in named):
        _suited(job, GENERAL, access)


def _suited(job: Job, about: str, access: Access) -> str:
    """The backend that suits the text best and has that access; to read, another one if none has it.

    Raises:
        NoBackendError: there is none.
    """
    suggestion = suggested(job, Request(about, job.directory, access=access))
    able = {info.name for info in job.backends() if access in info.profile.access}
    if access == "write" and suggestion.choice:
        if suggestion.choice in able:
            return suggestion.choice
        raise NoBackendError(
            "no backend is there that can be allowed to write files",
            '`lok doctor` says how to get one; a `use = "command"` backend needs `write` in its `access`',
        )
    return choice(job, suggestion)
