"""Runs requests: limits, deadlines, retries. Implements `Run` and `Job`.

The only place that opens a nursery over backends: whatever one of them does becomes a value, so that it
takes nothing from the others.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import trio
from attrs import Factory, define, evolve, field

from lok_core import delegation
from lok_core.environment import refuse_recursion
from lok_core.errors import PLUGIN_FAULTS, BackendError, NoBackendError
from lok_core.interfaces import Backend, Job, Rule, Run
from lok_core.models import (
    FAILURE_KINDS,
    BackendInfo,
    FailureKind,
    Finished,
    Message,
    Ranking,
    Reply,
    Request,
    Tool,
    Turn,
)
from lok_core.outcome import Answer, Event, EventKind, Failure, Outcome
from lok_core.panel import Limits, Panel
from lok_core.process import CAP_BYTES, Children
from lok_core.reply import checked

PASSING = ("rate_limit", "overloaded", "network")
"""Failures that may be over in a moment, and are worth another attempt."""

T = TypeVar("T")


@define(eq=False)
class Engine:
    """What all requests of a run share.

    Attributes:
        panel: the backends.
        rules: the delegation rules.
        children: where their processes are started.
        folder: the private folder of the run; it exists.
        listener: told of every event as it happens; must neither raise nor block.
    """

    panel: Panel
    rules: Sequence[Rule]
    children: Children
    folder: Path
    limits: Limits
    listener: Callable[[Event], None]
    _slots: dict[str, trio.CapacityLimiter] = Factory(dict)
    _everyone: trio.CapacityLimiter = field(init=False)
    _folders: Iterator[int] = field(init=False, factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        self._everyone = trio.CapacityLimiter(self.limits.jobs)

    async def perform(self, attempt: Attempt[T]) -> T | Failure:
        """The result of one request's work, or why there is none; only cancellation passes."""
        name = attempt.backend.name
        timeout_s = self.limits.timeouts_s.get(name, self.limits.timeout_s)
        places = self.limits.places.get(name, self.limits.per_backend)
        slot = self._slots.setdefault(name, trio.CapacityLimiter(places))
        try:
            refuse_recursion(self.panel.env)
        except BackendError as error:
            return attempt.failed(error)
        # The backend's own place first: nobody holds a common place while waiting for a backend.
        async with slot, self._everyone:
            attempt.tell("started")
            attempt.started = trio.current_time()
            try:
                with trio.move_on_after(timeout_s):
                    return await self._with_retries(attempt)
            except PLUGIN_FAULTS as error:  # raised while it was being cancelled
                return attempt.failed(error)
            return attempt.failure(
                "timeout",
                f"no answer within {timeout_s:g} s",
                "--timeout SECONDS gives it more time",
            )

    async def aclose(self) -> None:
        """Closes the backends; one that fails does not keep the others from it."""
        for name, backend in self.panel.backends.items():
            try:
                await backend.aclose()
            except PLUGIN_FAULTS as error:
                self.listener(Event("note", text=f"{name} did not close: {error!r}"))

    async def _with_retries(self, attempt: Attempt[T]) -> T | Failure:
        pause = self.limits.backoff_s
        while True:
            attempt.count += 1
            try:
                return await self._once(attempt)
            except PLUGIN_FAULTS as error:  # the boundary at which exceptions become values
                failure = attempt.failed(error)
                wait_s = getattr(error, "retry_after_s", None) or pause
            if (
                failure.kind not in PASSING
                or attempt.backend.profile.retries
                or attempt.count >= self.limits.attempts
                or trio.current_time() + wait_s >= trio.current_effective_deadline()
            ):
                return failure
            attempt.tell("retry", f"{failure.message}; trying again in {wait_s:g} s")
            await trio.sleep(wait_s)
            pause *= 2

    async def _once(self, attempt: Attempt[T]) -> T:
        folder = self.folder / str(next(self._folders))
        folder.mkdir(mode=0o700)
        attempt.said.clear()  # of an attempt before
        env = self.panel.environment(attempt.backend, attempt.request.directory)
        try:
            return await attempt.work(EngineRun(self, cast("Attempt[Any]", attempt), env, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@define(eq=False)
class Attempt(Generic[T]):
    """One request on its way to its backend, and all that is known of it if it ends early.

    Attributes:
        number: counts the requests of the run from 1; 0 for a turn of a conversation.
        work: what to do with a `Run`.
        said: what the backend said so far.
    """

    engine: Engine
    request: Request
    backend: Backend
    number: int
    work: Callable[[Run], Awaitable[T]]
    count: int = 0
    started: float | None = None
    said: list[str] = Factory(list)

    @property
    def duration_s(self) -> float:
        return 0.0 if self.started is None else trio.current_time() - self.started

    def tell(self, kind: EventKind, text: str = "", outcome: Outcome | None = None) -> None:
        """Tells the listener of the run."""
        self.engine.listener(Event(kind, self.number, self.backend.name, self.request.label, text, outcome))

    def failure(self, kind: FailureKind, message: str, hint: str = "", detail: str = "") -> Failure:
        """A failure that keeps what was said."""
        mask = self.engine.panel.mask
        return Failure(
            self.request,
            self.backend.name,
            kind,
            mask(message),
            hint=hint,
            partial=mask("".join(self.said)),
            duration_s=self.duration_s,
            attempts=self.count,
            detail=mask(detail),
        )

    def failed(self, error: BaseException) -> Failure:
        """The failure that an exception of the backend amounts to."""
        expected = _backend_error(error)
        if expected is not None and expected.kind in FAILURE_KINDS:
            return self.failure(expected.kind, expected.message, expected.hint)
        return self.failure(
            "plugin",
            f"{type(self.backend).__module__} raised {type(error).__name__}: {error}",
            "this is a fault of the plugin; -v shows where",
            detail="".join(traceback.format_exception(error)),
        )


@define(eq=False)
class EngineRun(Run):
    """A backend's door to the world for one attempt."""

    engine: Engine
    attempt: Attempt[Any]
    env: Mapping[str, str]
    folder: Path

    async def command(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        cap_bytes: int | None = None,
    ) -> Finished:
        return await self.engine.children.run(
            [str(word) for word in argv],
            # A CLI that leaves files behind (gemini's error logs hold the prompt) leaves them to lok.
            env={**self.env, "TMPDIR": str(self.folder), **(env or {})},
            cwd=cwd or self.folder,
            stdin=stdin,
            label=f"{self.attempt.backend.name} {self.attempt.request.label}".strip(),
            cap_bytes=CAP_BYTES if cap_bytes is None else cap_bytes,
            on_stdout=on_stdout,
        )

    def progress(self, activity: str) -> None:
        self.attempt.tell("progress", self.mask(activity))

    def text(self, chunk: str) -> None:
        if not isinstance(chunk, str):
            raise TypeError(f"text() takes text, not {type(chunk).__name__}")
        self.attempt.said.append(chunk)
        self.attempt.tell("text", self.mask(chunk))

    def mask(self, text: str) -> str:
        return self.engine.panel.mask(text)


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

    def recommend(self, request: Request) -> Ranking:
        return delegation.recommend(request, self.backends(), self.engine.rules)

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
        request = Request(messages[-1].text if messages else "", self.directory, backend=backend)

        async def turn(run: Run) -> Turn:
            return await instance.converse(messages, tools, run)

        attempt = Attempt(self.engine, request, instance, 0, turn)
        with self.interruptible():
            return await self.engine.perform(attempt)
        return attempt.failure("cancelled", self.interrupted)

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

    async def _ask(self, attempt: Attempt[Reply], together: _Together) -> None:
        try:
            result = await self.engine.perform(attempt)
        except (trio.Cancelled, BaseExceptionGroup) as error:  # a nursery may have made it a group
            why = self.interrupted or together.ended or "cancelled"
            when = "before it had answered" if attempt.count else "before it was started"
            self._record(attempt, attempt.failure("cancelled", f"{why} {when}"))
            raise _cancellation(error) from None
        name = attempt.backend.name
        if isinstance(result, Reply):
            self._record(attempt, Answer(attempt.request, name, result, attempt.duration_s, attempt.count))
            if self.first:
                together.end(f"ended by --first, as {name} answered,")
            return
        self._record(attempt, result)
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

    def _record(self, attempt: Attempt[Reply], outcome: Outcome) -> None:
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


def _cancellation(error: BaseException) -> BaseException:
    """What of it has to pass: what a plugin raises on being cancelled must not take the others along."""
    if isinstance(error, BaseExceptionGroup):
        cancelled, rest = error.split(trio.Cancelled)
        if cancelled is not None and (rest is None or isinstance(rest, ExceptionGroup)):
            return cancelled
    return error


def _backend_error(error: BaseException) -> BackendError | None:
    """The first expected failure in an exception; a nursery in a plugin wraps it into groups."""
    if isinstance(error, BackendError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = (_backend_error(inner) for inner in error.exceptions)
        return next((inner for inner in found if inner is not None), None)
    return None
