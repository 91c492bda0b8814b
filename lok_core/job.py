"""What was asked in a run, and what came of it. Implements `Job`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import trio
from attrs import Factory, define, evolve, field

from lok_core import delegation
from lok_core.engine import Attempt, Engine
from lok_core.errors import NoBackendError
from lok_core.interfaces import Job, Run
from lok_core.models import BackendInfo, Message, Ranking, Reply, Request, Tool, ToolCall, Turn
from lok_core.outcome import Answer, Event, Failure, Outcome
from lok_core.reply import checked
from lok_core.results import SUMMARY

TURN = "conductor"
"""The label of a turn of a conversation that calls tools."""

_MAX_TOLD = 64
"""Calls of one turn that a reader sees; its data hold all of them."""

T = TypeVar("T")


@define(eq=False)
class EngineJob(Job):
    """What a task or mode asks through, and the record of everything it asked.

    Attributes:
        first: whether of what is asked at once one answer is enough, which ends the other requests.
        fallback: whether a request that fails is sent to the next recommended backend; the failure stays on
            record.
    """

    engine: Engine
    directory: Path
    chosen: tuple[str, ...] = ()
    first: bool = field(default=False, kw_only=True)
    fallback: bool = field(default=False, kw_only=True)
    interrupted: str = ""
    _remarks: list[str] = Factory(list)
    _recorded: list[Outcome | None] = Factory(list)
    _asked: list[Attempt[Reply]] = Factory(list)
    _scopes: set[trio.CancelScope] = Factory(set)

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return tuple(outcome for outcome in self._recorded if outcome is not None)

    @property
    def remarks(self) -> tuple[str, ...]:
        return tuple(self._remarks)

    def interrupt(self, reason: str) -> None:
        """Ends what is under way and starts nothing more; what is asked from now on is `cancelled`."""
        self.interrupted = self.interrupted or reason
        for scope in self._scopes:
            scope.cancel()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        with trio.CancelScope() as scope:
            self._scopes.add(scope)
            if self.interrupted:
                scope.cancel()
            try:
                yield
            finally:
                self._scopes.discard(scope)

    def backends(self) -> tuple[BackendInfo, ...]:
        return self.engine.panel.infos(self.chosen)

    def recommend(self, request: Request, *, available_only: bool = True) -> Ranking:
        infos = self.backends()
        if not available_only:
            infos = tuple(evolve(info, eligible=self._is_wanted(info)) for info in infos)
        return delegation.recommend(request, infos, self.engine.rules)

    def _is_wanted(self, info: BackendInfo) -> bool:
        """Whether it may be asked once it is there."""
        wanted = info.name in self.chosen if self.chosen else info.profile.asked_by_default
        return wanted and info.profile.answers_questions

    def note(self, text: str) -> None:
        if text not in self._remarks:
            self._remarks.append(text)
            self.engine.listener(Event("note", text=text))

    async def ask(self, request: Request) -> Outcome:
        return (await self.ask_all([request]))[0]

    async def ask_all(self, requests: Sequence[Request]) -> list[Outcome]:
        first = len(self._recorded)
        attempts = [self._attempt(request, first + place) for place, request in enumerate(requests, 1)]
        self._recorded += [None] * len(attempts)
        self._asked += attempts
        for attempt in attempts:
            attempt.tell("queued")
        with self.interruptible():
            async with trio.open_nursery() as nursery:
                together = _Together(nursery.cancel_scope)
                for attempt in attempts:
                    nursery.start_soon(self._ask, attempt, together)
        return [cast("Outcome", self._recorded[attempt.number - 1]) for attempt in attempts]

    async def converse(
        self, backend: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> Turn | Failure:
        instance = self.engine.panel.get(backend)
        newest = messages[-1].text if messages else ""
        request = Request(newest, self.directory, backend=backend, access="read", label=TURN)
        speaks = instance.profile.converses or not instance.profile.answers_questions

        async def turn(run: Run) -> Turn:
            if speaks:
                said = await instance.converse(messages, tools, run)
            else:
                from lok_core import text_tools  # few need it

                said = await text_tools.converse(instance, request, messages, tools, run, self.note)
            return _sound(said, backend, run.mask)

        attempt = Attempt(self.engine, request, instance, len(self._recorded) + 1, turn)
        self._recorded.append(None)
        attempt.tell("queued")
        with self.interruptible():
            result = await self._performed(attempt, lambda: self.interrupted)
            if isinstance(result, Turn):
                # One without calls is what the conversation came to.
                request = request if result.calls else evolve(request, label=SUMMARY)
                reply = Reply(_told(result), _calls(result), result.usage, model=result.model)
                self._record(attempt, Answer(request, backend, reply, attempt.duration_s, attempt.count))
            return result
        return cast("Failure", self._recorded[attempt.number - 1])

    def _attempt(self, request: Request, number: int) -> Attempt[Reply]:
        if not request.prompt.strip():
            raise ValueError("a request needs a prompt")
        if request.backend is None:
            order = self.recommend(request).order
            if not order:
                raise NoBackendError("no backend is there to answer", "`lok backends` shows what is missing")
            request = evolve(request, backend=order[0])
        backend = self.engine.panel.get(request.backend or "")

        async def query(run: Run) -> Reply:
            return checked(await backend.query(request, run), backend.name, run.mask)

        return Attempt(self.engine, request, backend, number, query)

    async def _performed(self, attempt: Attempt[T], ended: Callable[[], str]) -> T | Failure:
        """What came of it; a failure is recorded.

        Args:
            ended: why it is cancelled, once it is.
        """
        try:
            result = await self.engine.perform(attempt)
        except (trio.Cancelled, BaseExceptionGroup) as error:  # a nursery may have made it a group
            when = "before it had answered" if attempt.count else "before it was started"
            self._record(attempt, attempt.failure("cancelled", f"{ended() or 'cancelled'} {when}"))
            raise _cancellation(error) from None
        if isinstance(result, Failure):
            self._record(attempt, result)
        return result

    async def _ask(self, attempt: Attempt[Reply], together: _Together) -> None:
        result = await self._performed(attempt, lambda: self.interrupted or together.ended)
        name = attempt.backend.name
        if isinstance(result, Reply):
            self._record(attempt, Answer(attempt.request, name, result, attempt.duration_s, attempt.count))
            if self.first:
                together.end(f"ended by --first, as {name} answered,")
            return
        spare = self._spare(attempt.request) if self.fallback else None
        if spare is not None:
            self.note(f"{name} failed ({result.kind}); {spare} is asked instead")
            second = self._attempt(evolve(attempt.request, backend=spare), len(self._recorded) + 1)
            self._recorded.append(None)
            self._asked.append(second)
            second.tell("queued")
            await self._ask(second, together)

    def _spare(self, request: Request) -> str | None:
        """The best of the backends that were not asked yet, whomever the user named."""
        asked = {other.backend.name for other in self._asked}
        willing = [
            evolve(info, eligible=True)
            for info in self.backends()
            if info.available
            and info.profile.asked_by_default
            and info.profile.answers_questions
            and info.name not in asked
        ]
        return next(iter(delegation.recommend(request, willing, self.engine.rules).order), None)

    def _record(self, attempt: Attempt[Any], outcome: Outcome) -> None:
        self._recorded[attempt.number - 1] = outcome
        attempt.tell("finished", outcome=outcome)


@define(eq=False)
class _Together:
    """Requests that are under way at once, and why they were ended early."""

    scope: trio.CancelScope
    ended: str = ""

    def end(self, why: str) -> None:
        self.ended = self.ended or why
        self.scope.cancel()


def _sound(turn: Turn, name: str, mask: Callable[[str], str]) -> Turn:
    """The turn without secrets, if it is one; else it raises what makes it its author's fault."""
    if not isinstance(turn, Turn):
        raise TypeError(f"converse returned {type(turn).__name__} instead of a Turn")
    reply = checked(Reply(turn.text, _calls(turn), turn.usage, model=turn.model), name, mask)
    calls = () if reply.data is None else tuple(ToolCall(**call) for call in reply.data["calls"])
    return Turn(reply.text, calls, reply.usage, reply.model)


def _calls(turn: Turn) -> Mapping[str, Any] | None:
    told = [{"id": call.id, "name": call.name, "arguments": dict(call.arguments)} for call in turn.calls]
    return {"calls": told} if told else None


def _told(turn: Turn) -> str:
    """The turn for a reader: its words, and a line for each call."""
    lines = [
        " ".join(": ".join([f"- {call.name}", *map(str, call.arguments.values())]).split())
        for call in turn.calls[:_MAX_TOLD]
    ]
    if (more := len(turn.calls) - _MAX_TOLD) > 0:
        lines.append(f"- and {more:,} more")
    return "\n\n".join(part for part in (turn.text.strip(), "\n".join(lines)) if part)


def _cancellation(error: BaseException) -> BaseException:
    """What of it has to pass: what a plugin raises on being cancelled must not take the others along."""
    if isinstance(error, BaseExceptionGroup):
        cancelled, rest = error.split(trio.Cancelled)
        if cancelled is not None and (rest is None or isinstance(rest, ExceptionGroup)):
            return cancelled
    return error
