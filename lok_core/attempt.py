"""One request on its way to its backend."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

import trio
from attrs import Factory, define, evolve

from lok_core.budget import estimated
from lok_core.clock import LONGEST_S
from lok_core.errors import BackendError
from lok_core.events import Event, EventKind
from lok_core.interfaces import Backend, Run
from lok_core.models import FAILURE_KINDS, LIMITED, FailureKind, Request, Usage
from lok_core.outcome import Failure, Outcome

if TYPE_CHECKING:
    from lok_core.engine import Engine

_ALIVE_S = 1.0
"""Between two events that tell of a sign of life."""

T = TypeVar("T")


@define(eq=False)
class Attempt(Generic[T]):
    """One request on its way to its backend, and all that is known of it if it ends early.

    Attributes:
        number: counts the requests of the run from 1; 0 for what is no request of it.
        work: what to do with a `Run`.
        tokens: those of its prompt, estimated.
        said: what the backend said so far.
        capped_by: the cap that keeps it from being started.
        instead_of: the backend that was asked first and failed, and in whose place this one is asked.
        gave_up: why it is not asked again, where it could be.
        awaits: why it waits until `awaits_until` (on trio's clock) to be asked again.
        pause_s: the least time until it is asked again when a quota is used up.
        silence: ends it when it has shown no sign of life for `stall_s`.
    """

    engine: Engine
    request: Request
    backend: Backend
    number: int
    work: Callable[[Run], Awaitable[T]]
    tokens: int = Factory(lambda self: estimated(self.request.prompt), takes_self=True)
    count: int = 0
    started: float | None = None
    said: list[str] = Factory(list)
    capped_by: str = ""
    instead_of: str = ""
    gave_up: str = ""
    awaits: Failure | None = None
    awaits_until: float = 0.0
    pause_s: float = Factory(lambda self: self.engine.limits.backoff_s, takes_self=True)
    silence: trio.CancelScope | None = None
    is_estimated: bool = False
    _reserved: bool = False
    _alive_at: float = -math.inf

    @property
    def stall_s(self) -> float:
        """Seconds without a sign of life after which it is ended."""
        if not self.backend.profile.streams_progress:
            return math.inf
        return self.engine.limits.stalls_s.get(self.backend.name, math.inf)

    def alive(self) -> None:
        """Notes a sign of life."""
        now = trio.current_time()
        if self.silence is not None:
            self.silence.deadline = now + self.stall_s
        if self.backend.profile.streams_progress and now - self._alive_at >= _ALIVE_S:
            self._alive_at = now
            self.tell("alive")

    def reserve(self) -> str:
        """The cap that keeps it from being made; empty if it may be, and then it counts."""
        cap = self.engine.budget.reserve(self.tokens, self.backend.profile)
        self._reserved = not cap
        return cap

    def overdrawn(self) -> str:
        """The cap that others have used up while it was queued."""
        if not self._reserved:
            return ""
        cap = self.engine.budget.overdrawn(self.tokens, self.backend.profile)
        self._reserved = not cap
        return cap

    def spent(self, usage: Usage, said: str, *, free: bool = False) -> None:
        """Puts what it took in the place of what was reserved for it.

        Args:
            said: all that came back, for an estimate where it is not told.
            free: whether nothing was taken.
        """
        if not self._reserved or not self.backend.profile.is_llm:
            return
        self._reserved = False
        told = (usage.input_tokens, usage.output_tokens)
        took_in = self.tokens if told[0] is None else told[0]
        took_out = estimated(said) if told[1] is None else told[1]
        self.engine.budget.tokens += (0 if free else took_in + took_out) - self.tokens
        self.is_estimated = self.is_estimated or (None in told and not free)

    def capped(self, cap: str) -> Failure:
        """The failure of what a cap has ended, or kept from being started."""
        flag = cap.partition(" ")[0]
        hint = f"a higher {flag} lets it be asked"
        if self.count:
            self.engine.budget.stop(cap, "was ended")
            return self.failure("cancelled", f"ended by {cap} before it had answered", hint)
        self.engine.budget.stop(cap, "was not started")
        over = "is over" if flag == "--deadline" else "is reached"
        return self.failure("cancelled", f"not started: {cap} {over}", hint)

    def not_again(self, cap: str) -> bool:
        """Notes that a cap keeps it from another attempt; False."""
        self.engine.budget.stop(cap, "was not tried again")
        return self.gives_up(f"not tried again: {cap} is reached")

    def gives_up(self, why: str) -> bool:
        """Notes why it is not asked again; False."""
        self.gave_up = why
        return False

    def hint(self, failure: Failure) -> str:
        """What to do about the failure, and why it was not asked again."""
        return "; ".join(filter(None, (self.gave_up, failure.hint)))

    @property
    def duration_s(self) -> float:
        return 0.0 if self.started is None else trio.current_time() - self.started

    def tell(
        self, kind: EventKind, text: str = "", outcome: Outcome | None = None, wait_s: float = 0.0
    ) -> None:
        """Tells the listener of the run."""
        name, label = self.backend.name, self.request.label
        self.engine.listener(Event(kind, self.number, name, label, text, outcome, wait_s))

    def failure(
        self,
        kind: FailureKind,
        message: str,
        hint: str = "",
        detail: str = "",
        retry_after_s: float | None = None,
    ) -> Failure:
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
            retry_after_s=retry_after_s,
            instead_of=self.instead_of,
        )

    def ended(self, why: str) -> Failure:
        """The failure of what is cancelled."""
        if self.awaits is not None:
            left_s = max(0.0, self.awaits_until - trio.current_time())
            told = self.engine.told(evolve(self.awaits, retry_after_s=left_s))
            message = f"{why} while waiting for its quota: {told.message}"
            return evolve(told, kind="cancelled", message=message, duration_s=self.duration_s)
        when = "before it had answered" if self.count else "before it was started"
        return self.failure("cancelled", f"{why} {when}")

    def failed(self, error: BaseException) -> Failure:
        """The failure that an exception of the backend amounts to."""
        expected = _backend_error(error)
        if expected is not None and expected.kind in FAILURE_KINDS:
            wait_s = _seconds(expected.retry_after_s)
            if wait_s is None and expected.kind in LIMITED:
                from lok_core.quota import reset_after_s  # few need it

                wait_s = reset_after_s(expected.message, time.time())
            return self.failure(expected.kind, expected.message, expected.hint, retry_after_s=wait_s)
        return self.failure(
            "plugin",
            f"{type(self.backend).__module__} raised {type(error).__name__}: {error}",
            "this is a fault of the plugin; -v shows where",
            detail="".join(traceback.format_exception(error)),
        )


def _seconds(value: object) -> float | None:
    """A number of seconds of a plugin's, if it is one."""
    if isinstance(value, (int, float)) and 0 <= value <= LONGEST_S:
        return float(value)
    return None


def _backend_error(error: BaseException) -> BackendError | None:
    """The first expected failure in an exception; a nursery in a plugin wraps it into groups."""
    if isinstance(error, BackendError):
        return error
    if isinstance(error, BaseExceptionGroup):
        found = (_backend_error(inner) for inner in error.exceptions)
        return next((inner for inner in found if inner is not None), None)
    return None
