"""Runs requests: limits, deadlines, retries. Implements `Run`.

The only place that opens a nursery over backends: whatever one of them does becomes a value, so that it
takes nothing from the others.
"""

from __future__ import annotations

import shutil
import traceback
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import trio
from attrs import Factory, define, field

from lok_core.environment import refuse_recursion
from lok_core.errors import PLUGIN_FAULTS, BackendError
from lok_core.interfaces import Backend, Rule, Run
from lok_core.models import FAILURE_KINDS, FailureKind, Finished, Request
from lok_core.outcome import Event, EventKind, Failure, Outcome
from lok_core.panel import Limits, Panel
from lok_core.process import CAP_BYTES, Children

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
        number: counts the requests of the run from 1; 0 for what is no request of it.
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


def _backend_error(error: BaseException) -> BackendError | None:
    """The first expected failure in an exception; a nursery in a plugin wraps it into groups."""
    if isinstance(error, BackendError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = (_backend_error(inner) for inner in error.exceptions)
        return next((inner for inner in found if inner is not None), None)
    return None
