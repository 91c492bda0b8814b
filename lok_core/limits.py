"""The limits of a run, from the options of the command line and the settings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from attrs import evolve

from lok_core.errors import UsageError
from lok_core.settings import Settings

if TYPE_CHECKING:
    from lok_core.panel import Limits


def make_limits(
    timeout_s: float | None = None,
    jobs: int | None = None,
    settings: Settings | None = None,
    *,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    deadline_s: float | None = None,
    quota_wait_s: float | None = None,
) -> Limits:
    """The limits of a run.

    Args:
        timeout_s: seconds for every request, whatever the settings say; infinity for no limit.
        jobs: requests at once, whatever the settings say.
        max_calls, max_tokens, deadline_s: for the whole run; None for no limit.
        quota_wait_s: how long the run may wait for quotas in all; None for not at all.

    Raises:
        UsageError: one of them cannot be a limit.
    """
    from lok_core.panel import Limits

    for name, count in {"jobs": jobs, "max_calls": max_calls, "max_tokens": max_tokens}.items():
        if count is not None and not (isinstance(count, int) and count >= 1):
            raise UsageError(f"{name} is {count!r}", "it is a whole number from 1 on, or None")
    times = {"timeout_s": timeout_s, "deadline_s": deadline_s, "quota_wait_s": quota_wait_s}
    for name, time_s in times.items():
        if time_s is not None and not (isinstance(time_s, (int, float)) and time_s > 0):
            raise UsageError(f"{name} is {time_s!r}", "it is a number of seconds above 0, or None")
    settings = settings or Settings()
    tables = {name: one.table for name, one in settings.backends.items()}
    limits = Limits(
        timeout_s=settings.timeout_s if timeout_s is None else timeout_s,
        timeouts_s={
            name: one.timeout or math.inf
            for name, one in tables.items()
            if one.timeout is not None and timeout_s is None
        },
        places={name: one.concurrency for name, one in tables.items() if one.concurrency is not None},
        stalls_s={name: one.stall_timeout for name, one in tables.items() if one.stall_timeout},
        max_calls=max_calls,
        max_tokens=max_tokens,
        deadline_s=math.inf if deadline_s is None else deadline_s,
        quota_wait_s=quota_wait_s or 0.0,
    )
    if jobs is None and settings.parallel:
        return limits
    return evolve(limits, jobs=jobs or 1)
