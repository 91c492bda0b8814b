"""What was asked in a run, and what came of it. Implements `Job`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

import trio
from attrs import Factory, define, evolve, field

from lok_core import delegation
from lok_core.attempt import Attempt
from lok_core.budget import estimated
from lok_core.engine import Engine
from lok_core.errors import BackendError, NoBackendError
from lok_core.events import Event
from lok_core.interfaces import Job, Run
from lok_core.journal import Journal, Recalled, turn_of
from lok_core.models import BackendInfo, Message, Ranking, Reply, Request, Tool, ToolCall, Turn
from lok_core.outcome import Answer, Failure, Outcome
from lok_core.reply import checked
from lok_core.results import SUMMARY

TURN = "conductor"
"""The label of a turn of a conversation that calls tools."""

_MAX_TOLD = 64
"""Calls of one turn that a reader sees; its data hold all of them."""

Said = TypeVar("Said", Reply, Turn)


@define(eq=False)
class EngineJob(Job):
    """What a task or mode asks through, and the record of everything it asked.

    Attributes:
        first: whether of what is asked at once one answer is enough, which ends the other requests.
        fallback: whether a request that fails is sent to the next recommended backend; the failure stays on
            record.
        journal: told of every outcome.
        recalled: the answers of an earlier run, which are not asked for again.
        planned: where this is a plan, what would be asked, and its command line, by the request's number;
            then nothing is sent, and each request ends as `cancelled`. None as a rule.
    """

    engine: Engine
    directory: Path
    chosen: tuple[str, ...] = ()
    first: bool = field(default=False, kw_only=True)
    fallback: bool = field(default=False, kw_only=True)
    journal: Journal | None = field(default=None, kw_only=True)
    recalled: Recalled | None = field(default=None, kw_only=True)
    planned: dict[int, tuple[Request, tuple[str, ...]]] | None = field(default=None, kw_only=True)
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
            if self.journal is not None:
                self.journal.note(text)
            self.engine.listener(Event("note", text=text))

    async def ask(self, request: Request) -> Outcome:
        return (await self.ask_all([request]))[0]

    async def ask_all(self, requests: Sequence[Request]) -> list[Outcome]:
        first = len(self._recorded)
        attempts = [self._attempt(request, first + place) for place, request in enumerate(requests, 1)]
        self._recorded += [None] * len(attempts)
        self._asked += attempts
        known = [self._recalled(attempt) for attempt in attempts]
        with self.interruptible():
            async with trio.open_nursery() as nursery:
                together = _Together(nursery.cancel_scope)
                for attempt, answer in zip(attempts, known, strict=True):
                    nursery.start_soon(self._ask, attempt, answer, together)
                    # Tasks that are started at once begin in any order; whose turn it is goes by that asked.
                    await trio.lowlevel.cancel_shielded_checkpoint()
        return [cast("Outcome", self._recorded[attempt.number - 1]) for attempt in attempts]

    async def converse(
        self, backend: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> Turn | Failure:
        instance = self.engine.panel.get(backend)
        newest = messages[-1].text if messages else ""
        request = Request(newest, self.directory, backend=backend, access="read", label=TURN)
        budget, number = self.engine.budget, len(self._recorded) + 1
        speaks = instance.profile.converses or not instance.profile.answers_questions

        async def turn(run: Run) -> Turn:
            if self.planned is not None and speaks:
                self._plan(number, request, (), run)
            if self.planned is not None:
                from lok_core.prompts.conduct import conversation  # few need it

                asked = evolve(request, prompt=conversation(messages, tools))
                self._plan(number, asked, instance.planned(asked, run), run)
            if speaks:
                try:
                    return _sound(await instance.converse(messages, tools, run), backend, run.mask)
                except NotImplementedError:
                    self.note(f"{backend} calls no tools after all; it asks by JSON in plain text")
            from lok_core import text_tools  # few need it

            again = partial(budget.again, instance.profile)
            said = await text_tools.converse(instance, request, messages, tools, run, self.note, again)
            return _sound(said, backend, run.mask)

        tokens = sum(estimated(message.text) for message in messages)
        attempt = Attempt(self.engine, request, instance, number, turn, tokens)
        self._recorded.append(None)
        self._queued(attempt)
        known = None if self.recalled is None else self.recalled.take_turn(request, messages, tools)
        if known is None:
            attempt.capped_by = attempt.reserve()
        with self.interruptible():
            result = known[0] if known else await self._performed(attempt, lambda: self.interrupted)
            if isinstance(result, Turn):
                # One without calls is what the conversation came to.
                request = request if result.calls else evolve(request, label=SUMMARY)
                reply = Reply(_told(result), _calls(result), result.usage, model=result.model)
                answer = Answer(request, backend, reply, attempt.duration_s, attempt.count)
                answer = evolve(known[1], request=request) if known else answer
                self._record(attempt, answer, recalled=bool(known), turn=turn_of(result, messages, tools))
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
            if self.planned is not None:
                self._plan(number, request, backend.planned(request, run), run)
            return checked(await backend.query(request, run), backend.name, run.mask)

        return Attempt(self.engine, request, backend, number, query)

    def _plan(self, number: int, request: Request, argv: Sequence[str], run: Run) -> NoReturn:
        """Takes down what would be asked, and how, instead of asking it."""
        assert self.planned is not None
        # The folder is gone when somebody reads it.
        told = tuple(str(word).replace(str(run.folder), "{folder}") for word in argv)
        self.planned[number] = (request, told)
        raise BackendError("cancelled", "not sent, as this is a plan")

    async def _performed(self, attempt: Attempt[Said], ended: Callable[[], str]) -> Said | Failure:
        """What came of it; a failure is recorded.

        Args:
            ended: why it is cancelled, once it is.
        """
        name, limits = attempt.backend.name, self.engine.limits
        if name in limits.stalls_s and not attempt.backend.profile.streams_progress:
            self.note(
                f"stall_timeout of {name} has no effect, as it says nothing before its answer is complete"
            )
        try:
            result = await self.engine.perform(attempt)
        except (trio.Cancelled, BaseExceptionGroup) as error:  # a nursery may have made it a group
            self._record(attempt, attempt.ended(ended() or "cancelled"))
            raise _cancellation(error) from None
        if isinstance(result, Failure):
            self._record(attempt, result)
        else:
            attempt.spent(result.usage, result.text)
        if attempt.is_estimated and limits.max_tokens is not None and self.planned is None:
            self.note(f"{name} does not tell all its tokens; for --max-tokens they are estimated")
        return result

    async def _ask(self, attempt: Attempt[Reply], answer: Answer | None, together: _Together) -> None:
        name = attempt.backend.name
        recalled = answer is not None
        if answer is None:
            result = await self._performed(attempt, lambda: self.interrupted or together.ended)
            if isinstance(result, Reply):
                answer = Answer(
                    attempt.request,
                    name,
                    result,
                    attempt.duration_s,
                    attempt.count,
                    instead_of=attempt.instead_of,
                )
        if answer is not None:
            self._record(attempt, answer, recalled=recalled)
            if self.first:
                together.end(f"ended by --first, as {name} answered,")
            return
        assert isinstance(result, Failure)
        wanted = self.fallback and result.kind != "cancelled" and attempt.backend.profile.is_llm
        spare = self._spare(attempt.request) if wanted else None
        if spare is not None:
            self.note(f"{name} failed ({result.kind}); {spare} is asked instead")
            second = self._attempt(evolve(attempt.request, backend=spare), len(self._recorded) + 1)
            second.instead_of = attempt.instead_of or name
            self._recorded.append(None)
            self._asked.append(second)
            await self._ask(second, self._recalled(second), together)

    def _spare(self, request: Request) -> str | None:
        """The best of the backends that were not asked the same yet, whomever the user named."""
        this = evolve(request, backend=None)
        asked = {one.backend.name for one in self._asked if evolve(one.request, backend=None) == this}
        willing = [
            evolve(info, eligible=True)
            for info in self.backends()
            if info.available
            and info.profile.asked_by_default
            and info.profile.answers_questions
            # What findings are asked for nobody can tell without the directory.
            and (request.output_schema is None or request.access in info.profile.access)
            and info.name not in asked
        ]
        return next(iter(delegation.recommend(request, willing, self.engine.rules).order), None)

    def _recalled(self, attempt: Attempt[Reply]) -> Answer | None:
        """Puts it into the queue; what an earlier run was answered costs nothing."""
        self._queued(attempt)
        answer = None if self.recalled is None else self.recalled.take(attempt.request)
        if answer is None:
            attempt.capped_by = attempt.reserve()
        return answer

    def _queued(self, attempt: Attempt[Any]) -> None:
        if self.journal is not None:
            self.journal.request(attempt.number, attempt.request)
        attempt.tell("queued")

    def _record(
        self,
        attempt: Attempt[Any],
        outcome: Outcome,
        *,
        recalled: bool = False,
        turn: Mapping[str, Any] | None = None,
    ) -> None:
        self._recorded[attempt.number - 1] = outcome
        if self.journal is not None:
            self.journal.outcome(attempt.number, outcome, recalled=recalled, turn=turn)
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
    return Turn(reply.text, calls, reply.usage, reply.model, turn.in_text)


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
