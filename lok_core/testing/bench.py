"""Where a backend is held against the contract: the real engine, and a fake in the place of its program."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import trio
from attrs import Factory, define, field

from lok_core import guard
from lok_core.attempt import Attempt
from lok_core.engine import Engine
from lok_core.events import Event
from lok_core.interfaces import Backend
from lok_core.job import EngineJob
from lok_core.models import Access, Health, Request
from lok_core.outcome import Answer, Failure, Outcome
from lok_core.panel import Limits, Panel
from lok_core.process import open_children
from lok_core.testing.case import Subject, again
from lok_core.testing.fake_cli import FakeCli

PATIENCE_S = 20.0
"""For one request; what takes longer hangs."""

_LEVELS: tuple[Access, ...] = ("none", "read", "write")
_SYSTEM = "/usr/bin:/bin"

T = TypeVar("T")


@define(eq=False)
class Bench:
    """One backend in an engine of its own, with a HOME and a directory that requests are about.

    Attributes:
        folder: a private one; all of it lies in there.
        subject: the backend, and what is known of its program.
        patience_s: for one request, in seconds.
        env: of lok; each variable with a secret of the backend holds a fake one.
        events: what the run told.
    """

    folder: Path
    subject: Subject
    patience_s: float = PATIENCE_S
    env: dict[str, str] = field(init=False)
    events: list[Event] = Factory(list)
    _programs: list[FakeCli] = Factory(list)

    def __attrs_post_init__(self) -> None:
        for made in (self.home, self.directory, self.state, self.bin):
            made.mkdir(parents=True)
        (self.directory / "app.py").write_text("def half(total):\n    return total / 2\n")
        self.env = {
            "PATH": f"{self.bin}:{_SYSTEM}",
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            **{self._variable(name): key for name, key in self.keys.items()},
        }

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def directory(self) -> Path:
        """What requests are about."""
        return self.folder / "work"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def bin(self) -> Path:
        """The first folder on PATH."""
        return self.folder / "bin"

    @property
    def backend(self) -> Backend:
        return self.subject.backend

    @property
    def keys(self) -> dict[str, str]:
        """A fake secret for each name that the profile declares, prefixes included."""
        names = self.backend.profile.secrets
        return {name: f"sk-fake-{number}Zq7Rw2Lk9Xv4" for number, name in enumerate(names)}

    def missing(self) -> dict[str, str]:
        """An environment without the program."""
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        return {**self.env, "PATH": str(empty)}

    def fake(self, **how: Any) -> FakeCli:
        """Puts a fake program where the backend looks for its own; see `FakeCli.make`."""
        made = FakeCli.make(self.bin, self.subject.program, **how)
        self._programs.append(made)
        return made

    def says(self, answer: str) -> str:
        """What the program prints when that is its answer."""
        assert self.subject.says is not None, "the case lacks SPEAKS among its needs"
        return self.subject.says(answer)

    def answering(self, answer: str = "because", **how: Any) -> FakeCli | None:
        """A fake program that gives that answer; None for a backend without a program."""
        return self.fake(stdout=self.says(answer), **how) if self.subject.program else None

    def begun(self, answer: str) -> str:
        """The output up to where it tells the answer, and nothing of what follows."""
        said = self.says(answer)
        if self.subject.form != "jsonl":
            return said
        lines = said.splitlines(keepends=True)
        last = next(number for number, line in enumerate(lines, 1) if answer in line)
        return "".join(lines[:last])

    def level(self, *wanted: Access) -> Access:
        """The first wanted level of access that the backend can be held to; by default the lowest."""
        return next(level for level in (*wanted, *_LEVELS) if level in self.backend.profile.access)

    @asynccontextmanager
    async def job(
        self, env: dict[str, str] | None = None, *, trusted: bool = False
    ) -> AsyncIterator[EngineJob]:
        """A run that asks the backend, in a directory that is trusted or not."""
        panel = Panel({self.backend.name: self.backend}, env or self.env)
        if trusted:
            panel.trust(self.directory)
        limits = Limits(attempts=1, timeout_s=self.patience_s)
        async with open_children() as children:
            engine = Engine(panel, [], children, self.state, limits, self.events.append)
            with self._rescue():
                yield EngineJob(engine, self.directory)

    def request(self, prompt: str = "why?", access: Access | None = None, **more: Any) -> Request:
        return Request(
            prompt, self.directory, backend=self.backend.name, access=access or self.level(), **more
        )

    async def ask(
        self, prompt: str = "why?", access: Access | None = None, *, trusted: bool = False, **more: Any
    ) -> Outcome:
        """The outcome of one request in a run of its own."""
        async with self.job(trusted=trusted) as job:
            return await job.ask(self.request(prompt, access, **more))

    async def answer(self, prompt: str = "why?", access: Access | None = None, **more: Any) -> str:
        """The text of the answer; without one, the case fails."""
        return text_of(await self.ask(prompt, access, **more))

    async def failure(self, prompt: str = "why?", env: dict[str, str] | None = None) -> Failure:
        """The failure; with an answer, the case fails."""
        async with self.job(env) as job:
            outcome = await job.ask(self.request(prompt))
        assert isinstance(outcome, Failure), f"it gave an answer: {outcome.reply.text[:200]!r}"
        return outcome

    async def check(self, env: dict[str, str] | None = None) -> Health | Failure:
        """What the backend's `check` found."""
        async with self.job(env) as job:
            attempt = Attempt(job.engine, self.request("check"), self.backend, 0, self.backend.check)
            return await job.engine.perform(attempt)

    def another(self, name: str) -> Backend:
        """A second instance with the same configuration."""
        return again(self.backend, name)

    def living(self) -> list[int]:
        """The processes of fake programs that are still there."""
        return [pid for program in self._programs for pid in program.pids if not guard.is_zombie(pid)]

    def close(self) -> None:
        """Ends what a wrong backend has left."""
        for pid in self.living():
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    @contextmanager
    def _rescue(self) -> Iterator[None]:
        """Ends the programs of a backend that cannot be ended, so that the case fails and does not hang."""
        timer = threading.Timer(1.5 * self.patience_s, self.close)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    @staticmethod
    def _variable(name: str) -> str:
        return f"{name}KEY" if name.endswith("_") else name


@asynccontextmanager
async def opened(folder: Path, subject: Subject, patience_s: float = PATIENCE_S) -> AsyncIterator[Bench]:
    """A bench for one case; what a wrong backend has left is ended afterwards."""
    bench = Bench(folder, subject, patience_s)
    try:
        yield bench
    finally:
        bench.close()


def text_of(outcome: Outcome) -> str:
    """The text of an answer; without one, the case fails."""
    assert isinstance(outcome, Answer), told(outcome)
    return outcome.reply.text


def told(failure: Failure) -> str:
    """A failure in the place of an answer."""
    where = f"\n{failure.detail}" if failure.detail else ""
    return f"it gave no answer but the failure {failure.kind}: {failure.message}{where}"


async def until(happened: Any, patience_s: float) -> bool:
    """Whether it happened in time."""
    with trio.move_on_after(patience_s):
        while not happened():  # noqa: ASYNC110 - another process, which knows no events
            await trio.sleep(0.005)
    return bool(happened())
