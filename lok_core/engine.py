"""Runs requests: limits, deadlines, retries. Implements `Run` and `Job`.

The only place that opens a nursery over backends: whatever one of them does becomes a value, so that it
takes nothing from the others.
"""

from __future__ import annotations

import json
import shutil
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import trio
from attrs import Factory, astuple, define, evolve, field, frozen

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
    Usage,
)
from lok_core.outcome import Answer, Event, EventKind, Failure, Outcome
from lok_core.panel import Panel
from lok_core.process import CAP_BYTES, Children

PASSING = ("rate_limit", "overloaded", "network")
"""Failures that may be over in a moment, and are worth another attempt."""

T = TypeVar("T")


@frozen
class Limits:
    """How much at once, and for how long.

    Attributes:
        jobs: requests under way at once, over all backends.
        per_backend: requests under way at once on one backend.
        timeout_s: seconds for one request, retries included; infinity for none.
        attempts: how often a request is sent at the most.
        backoff_s: seconds before the second attempt; doubles with each further one.
    """

    jobs: int = 16
    per_backend: int = 4
    timeout_s: float = 300.0
    attempts: int = 3
    backoff_s: float = 1.0


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

    def __attrs_post_init__(self) -> None:
        self._everyone = trio.CapacityLimiter(self.limits.jobs)

    async def perform(self, attempt: Attempt[T]) -> T | Failure:
        """The result of one request's work, or why there is none; only cancellation passes."""
        name = attempt.backend.name
        slot = self._slots.setdefault(name, trio.CapacityLimiter(self.limits.per_backend))
        try:
            refuse_recursion(self.panel.env)
        except BackendError as error:
            return attempt.failed(error)
        # The backend's own place first: nobody holds a common place while waiting for a backend.
        async with slot, self._everyone:
            attempt.tell("started")
            attempt.started = trio.current_time()
            try:
                with trio.move_on_after(self.limits.timeout_s):
                    return await self._with_retries(attempt)
            except PLUGIN_FAULTS as error:  # raised while it was being cancelled
                return attempt.failed(error)
            return attempt.failure(
                "timeout",
                f"no answer within {self.limits.timeout_s:g} s",
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
        folder = self.folder / f"{attempt.number}-{attempt.count}"
        folder.mkdir(mode=0o700)
        attempt.said.clear()  # of an attempt before
        env = self.panel.environment(attempt.backend)
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
    """What a task or mode asks through, and the record of everything it asked."""

    engine: Engine
    directory: Path
    chosen: tuple[str, ...] = ()
    interrupted: str = ""
    _remarks: list[str] = Factory(list)
    _recorded: list[Outcome | None] = Factory(list)
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
        return self.engine.panel.infos()

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
        for attempt in attempts:
            attempt.tell("queued")
        with self.interruptible():
            async with trio.open_nursery() as nursery:
                for attempt in attempts:
                    nursery.start_soon(self._ask, attempt)
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
            return _checked(await backend.query(request, run), backend, run)

        return Attempt(self.engine, request, backend, number, query)

    async def _ask(self, attempt: Attempt[Reply]) -> None:
        try:
            result = await self.engine.perform(attempt)
        except (trio.Cancelled, BaseExceptionGroup) as error:  # a nursery may have made it a group
            when = "before it had answered" if attempt.count else "before it was started"
            self._record(attempt, attempt.failure("cancelled", f"{self.interrupted or 'cancelled'} {when}"))
            raise _cancellation(error) from None
        if isinstance(result, Reply):
            self._record(
                attempt,
                Answer(attempt.request, attempt.backend.name, result, attempt.duration_s, attempt.count),
            )
        else:
            self._record(attempt, result)

    def _record(self, attempt: Attempt[Reply], outcome: Outcome) -> None:
        self._recorded[attempt.number - 1] = outcome
        attempt.tell("finished", outcome=outcome)


def _cancellation(error: BaseException) -> BaseException:
    """What of it has to pass: what a plugin raises on being cancelled must not take the others along."""
    if isinstance(error, BaseExceptionGroup):
        cancelled, rest = error.split(trio.Cancelled)
        if cancelled is not None and (rest is None or isinstance(rest, ExceptionGroup)):
            return cancelled
    return error


def _checked(reply: Any, backend: Backend, run: Run) -> Reply:
    """The reply, if it is one that every renderer can show and every program read."""
    if not isinstance(reply, Reply):
        raise TypeError(f"query returned {type(reply).__name__} instead of a Reply")
    usage = reply.usage
    sound = {
        "text": isinstance(reply.text, str),
        "data": reply.data is None or isinstance(reply.data, Mapping),
        "session": reply.session is None or isinstance(reply.session, str),
        "model": reply.model is None or isinstance(reply.model, str),
        "notes": isinstance(reply.notes, tuple) and all(isinstance(note, str) for note in reply.notes),
        "usage": isinstance(usage, Usage),
    }
    for name, fits in sound.items():
        if not fits:
            raise TypeError(f"the reply's {name} is of the wrong type: {getattr(reply, name)!r:.100}")
    # Raises on what is no JSON: NaN, other keys than text, numbers of thousands of digits.
    json.dumps([reply.data, *astuple(usage)], allow_nan=False)
    if not reply.text.strip() and reply.data is None:
        raise BackendError("empty", f"{backend.name} ended well but said nothing")
    return evolve(reply, text=run.mask(reply.text), data=_masked(reply.data, run.mask))


def _masked(data: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(data, str):
        return mask(data)
    if isinstance(data, Mapping):
        return {key: _masked(value, mask) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [_masked(value, mask) for value in data]
    return data


def _backend_error(error: BaseException) -> BackendError | None:
    """The first expected failure in an exception; a nursery in a plugin wraps it into groups."""
    if isinstance(error, BackendError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = (_backend_error(inner) for inner in error.exceptions)
        return next((inner for inner in found if inner is not None), None)
    return None
