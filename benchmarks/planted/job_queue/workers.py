"""Worker threads, their statistics and the results of finished jobs."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any

from .jobs import Job, JobQueue

log = logging.getLogger(__name__)


class Results:
    """Results by the name of their job, bounded in number."""

    def __init__(self, keep: int = 1000) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, Any] = {}
        self._keep = keep

    def put(self, name: str, value: Any) -> None:
        self._lock.acquire()
        if name in self._values:
            raise KeyError(f"a result of {name} exists already")
        self._values[name] = value
        while len(self._values) > self._keep:
            del self._values[next(iter(self._values))]
        self._lock.release()

    def get(self, name: str) -> Any:
        with self._lock:
            return self._values[name]


class Pool:
    def __init__(self, queue: JobQueue, size: int) -> None:
        self._queue = queue
        self._threads = [threading.Thread(target=self._work, name=f"worker-{n}", daemon=True) for n in range(size)]
        self._done = 0
        self._lock = threading.Lock()
        self.results = Results()
        self.failures: Counter[str] = Counter()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Let running jobs finish; False when one did not in time."""
        self._queue.close()
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    @property
    def done(self) -> int:
        return self._done

    def _run(self, job: Job) -> None:
        try:
            value = job.call(*job.args)
        except Exception as error:
            with self._lock:
                self.failures[job.name] += 1
            if not self._queue.retry(job, error):
                log.error("%s gave up after %d attempts", job.name, job.attempts)
            return
        self._done += 1
        self.results.put(job.name, value)

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            self._run(job)


def run_all(jobs: list[Job], size: int = 4) -> dict[str, Any]:
    """Run independent jobs and return their results by name."""
    queue = JobQueue()
    pool = Pool(queue, size)
    for job in jobs:
        queue.put(job)
    pool.start()
    while len(queue):
        threading.Event().wait(0.05)
    pool.stop()
    return {job.name: pool.results.get(job.name) for job in jobs}
