"""Runs requests: limits, deadlines, retries, waiting for quotas. Implements `Run`.

The only place that opens a nursery over backends: whatever one of them does becomes a value, so that it
takes nothing from the others.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

import trio
from attrs import Factory, define, evolve, field

from lok_core.attempt import Attempt
from lok_core.budget import Budget
from lok_core.clock import at_clock, lasting
from lok_core.environment import refuse_recursion
from lok_core.errors import PLUGIN_FAULTS, BackendError
from lok_core.events import Event
from lok_core.interfaces import Rule, Run
from lok_core.models import LIMITED, Finished, Usage
from lok_core.outcome import Failure
from lok_core.panel import Limits, Panel
from lok_core.process import CAP_BYTES, Children

PASSING = ("rate_limit", "overloaded", "network")
"""Failures that may be over in a moment, and are worth another attempt."""

_FREE = ("unavailable", "auth", "overloaded", "network", "invalid", "too_large", *LIMITED)
"""Failures of which no model has read anything."""

_LONGEST_RETRY_S = 60.0
"""Until another attempt while the request holds its place: what is limited by the minute is over by then. For
more there is `--wait-for-quota`, which holds none."""

_MAX_ACTIVITIES = 10_000

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
        activities: by backend, what its tool events said; the first of very many.
        budget: what all of it may take.
    """

    panel: Panel
    rules: Sequence[Rule]
    children: Children
    folder: Path
    limits: Limits
    listener: Callable[[Event], None]
    activities: dict[str, set[str]] = Factory(dict)
    budget: Budget = field(init=False)
    _slots: dict[str, trio.CapacityLimiter] = Factory(dict)
    _everyone: trio.CapacityLimiter = field(init=False)
    _folders: Iterator[int] = field(init=False, factory=lambda: count(1))

    def __attrs_post_init__(self) -> None:
        self._everyone = trio.CapacityLimiter(min(self.limits.jobs, self.children.at_once))
        self.begin()

    def begin(self) -> None:
        """Begins to count anew what a command takes, and what it is told of its backends."""
        self.budget = Budget(self.limits)
        self.activities.clear()
        self.children.leaked.clear()

    async def perform(self, attempt: Attempt[T]) -> T | Failure:
        """The result of one request's work, or why there is none; only cancellation passes."""
        try:
            refuse_recursion(self.panel.env)
        except BackendError as error:
            return attempt.failed(error)
        if attempt.capped_by:
            return attempt.capped(attempt.capped_by)
        with trio.CancelScope(deadline=self.budget.deadline):
            while True:
                result = await self._placed(attempt)
                if not isinstance(result, Failure):
                    return result
                if not await self._may_ask_again(attempt, result):
                    return evolve(self.told(result), hint=attempt.hint(result))
        return attempt.capped(self.budget.deadline_cap)

    async def _placed(self, attempt: Attempt[T]) -> T | Failure:
        """What comes of it once there is a place for it, within the time of one request."""
        name = attempt.backend.name
        timeout_s = self.limits.timeouts_s.get(name, self.limits.timeout_s)
        places = self.limits.places.get(name, self.limits.per_backend)
        slot = self._slots.setdefault(name, trio.CapacityLimiter(places))
        # The backend's own place first: nobody holds a common place while waiting for a backend. With one
        # for all, no backend can be out of places, and nobody gets it out of turn.
        first, second = (slot, self._everyone) if self._everyone.total_tokens > 1 else (self._everyone, slot)
        async with first, second:
            if cap := attempt.overdrawn():
                return attempt.capped(cap)
            attempt.tell("started")
            if attempt.started is None:
                attempt.started = trio.current_time()
            try:
                with trio.move_on_after(timeout_s):
                    return await self._with_retries(attempt)
            except PLUGIN_FAULTS as error:  # raised while it was being cancelled
                return attempt.failed(error)
            attempt.spent(Usage(), "".join(attempt.said))
            return attempt.failure(
                "timeout",
                f"no answer within {timeout_s:g} s",
                "--timeout SECONDS gives it more time",
            )

    async def _may_ask_again(self, attempt: Attempt[T], failure: Failure) -> bool:
        """Waits until it may, if that is known and allowed; holds no place meanwhile."""
        if failure.kind not in LIMITED or not self.limits.quota_wait_s or attempt.gave_up:
            return False
        wait_s = failure.retry_after_s
        allowed = f"--wait-for-quota {lasting(self.limits.quota_wait_s)}"
        if wait_s is None:
            return attempt.gives_up(f"it does not say when, so {allowed} does not wait")
        wait_s = max(wait_s, attempt.pause_s)  # it may say 0, again and again
        if trio.current_time() + wait_s >= self.budget.deadline:
            return attempt.gives_up(f"that is after {self.budget.deadline_cap}")
        if not self.budget.wait(wait_s):
            left_s = self.budget.quota_left_s
            part = "" if left_s == self.limits.quota_wait_s else f"the {lasting(left_s)} that are left of "
            return attempt.gives_up(f"that is more than {part}{allowed}{'' if part else ' allows'}")
        if cap := attempt.reserve():
            return attempt.not_again(cap)
        attempt.pause_s *= 2
        attempt.tell("retry", f"{self.told(failure).message}; waiting until then", wait_s=wait_s)
        attempt.awaits, attempt.awaits_until = failure, trio.current_time() + wait_s
        await trio.sleep(wait_s)
        attempt.awaits = None
        return True

    def told(self, failure: Failure) -> Failure:
        """With the time at which it may be asked again, by the clock of who reads it."""
        if failure.retry_after_s is None:
            return failure
        when = at_clock(failure.retry_after_s, time.time())
        return evolve(failure, message=f"{failure.message.rstrip('.')}; may be asked again {when}")

    async def aclose(self) -> None:
        """Closes the backends; one that fails does not keep the others from it."""
        for name, backend in self.panel.backends.items():
            try:
                await backend.aclose()
            except PLUGIN_FAULTS as error:
                self.listener(Event("note", text=f"{name} did not close: {error!r}"))

    async def _with_retries(self, attempt: Attempt[T]) -> T | Failure:
        pause = self.limits.backoff_s
        left = self.limits.attempts
        while True:
            attempt.count += 1
            left -= 1
            try:
                return await self._once(attempt)
            except PLUGIN_FAULTS as error:  # the boundary at which exceptions become values
                failure = attempt.failed(error)
            attempt.spent(Usage(), "".join(attempt.said), free=failure.kind in _FREE)
            wait_s = max(failure.retry_after_s or 0.0, pause)
            if (
                failure.kind not in PASSING
                or attempt.backend.profile.retries
                or not left
                or wait_s > _LONGEST_RETRY_S
                or trio.current_time() + wait_s >= trio.current_effective_deadline()
            ):
                return failure
            if cap := attempt.reserve():
                attempt.not_again(cap)
                return failure
            attempt.tell("retry", f"{failure.message}; trying again in {lasting(wait_s)}", wait_s=wait_s)
            await trio.sleep(wait_s)
            pause *= 2

    async def _once(self, attempt: Attempt[T]) -> T:
        folder = self.folder / str(next(self._folders))
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise BackendError("crashed", f"no private folder can be made: {error.strerror}") from error
        attempt.said.clear()  # of an attempt before
        env = self.panel.environment(attempt.backend, attempt.request.directory)
        trusted = self.panel.trusts(attempt.request.directory)
        try:
            with trio.CancelScope() as attempt.silence:
                attempt.alive()
                run = EngineRun(self, cast("Attempt[Any]", attempt), env, folder, trusted)
                return await attempt.work(run)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        raise BackendError(
            "stalled",
            f"no sign of life for {lasting(attempt.stall_s)}",
            f"ask again, or raise stall_timeout in [backends.{attempt.backend.name}] of lok.toml",
        )


@define(eq=False)
class EngineRun(Run):
    """A backend's door to the world for one attempt."""

    engine: Engine
    attempt: Attempt[Any]
    env: Mapping[str, str]
    folder: Path
    trusted: bool

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
            on_stdout=self._heard(on_stdout),
            on_stderr=self._heard(None),
        )

    def _heard(self, callback: Callable[[bytes], None] | None) -> Callable[[bytes], None]:
        def heard(chunk: bytes) -> None:
            self.attempt.alive()
            if callback is not None:
                callback(chunk)

        return heard

    def alive(self) -> None:
        self.attempt.alive()

    def progress(self, activity: str) -> None:
        self.attempt.alive()
        activity = self.mask(activity)
        activities = self.engine.activities.setdefault(self.attempt.backend.name, set())
        if len(activities) < _MAX_ACTIVITIES:
            activities.add(activity)
        self.attempt.tell("progress", activity)

    def text(self, chunk: str) -> None:
        if not isinstance(chunk, str):
            raise TypeError(f"text() takes text, not {type(chunk).__name__}")
        self.attempt.alive()
        self.attempt.said.append(chunk)
        self.attempt.tell("text", self.mask(chunk))

    def mask(self, text: str) -> str:
        return self.engine.panel.mask(text)
