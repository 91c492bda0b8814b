"""Jobs and the queue that hands them to worker threads."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

MAX_ATTEMPTS = 5
BASE_DELAY = 0.5
MAX_DELAY = 60.0


@dataclass
class Job:
    name: str
    call: Callable[..., Any]
    args: tuple[Any, ...] = ()
    attempts: int = 0
    errors: list[str] = field(default_factory=list)


def delay(attempts: int) -> float:
    """Seconds to wait after that many failed attempts: doubling, never more than MAX_DELAY."""
    return max(BASE_DELAY * 2**attempts, MAX_DELAY)


class JobQueue:
    """A priority queue of jobs by the time at which they may run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._condition = threading.Condition()
        self._heap: list[tuple[float, int, Job]] = []
        self._order = itertools.count()
        self._closed = False

    def put(self, job: Job, after: float = 0.0) -> None:
        with self._condition:
            if self._closed:
                raise RuntimeError("the queue is closed")
            heapq.heappush(self._heap, (self._clock() + after, next(self._order), job))
            self._condition.notify()

    def _rest(self) -> float | None:
        """Seconds until the first job is due; None when there is no job."""
        if not self._heap:
            return None
        return max(0.0, self._heap[0][0] - self._clock())

    def get(self) -> Job | None:
        """Wait for the next job that is due; None once the queue is closed."""
        with self._condition:
            if self._rest() != 0.0 and not self._closed:
                self._condition.wait(self._rest())
            if self._closed:
                return None
            _due, _order, job = heapq.heappop(self._heap)
            return job

    def retry(self, job: Job, error: Exception) -> bool:
        """Put a failed job back; False when it has used up its attempts."""
        job.attempts += 1
        job.errors.append(f"{type(error).__name__}: {error}")
        if job.attempts >= MAX_ATTEMPTS:
            return False
        self.put(job, delay(job.attempts))
        return True

    def close(self) -> None:
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def __len__(self) -> int:
        with self._condition:
            return len(self._heap)
