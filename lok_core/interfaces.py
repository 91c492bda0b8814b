"""What plugins implement, and what they are given to do it with.

A plugin offers subclasses of `Backend`, `Task`, `Rule` and `Renderer`. A backend's door to the world is its
`Run`; a task's is its `Job`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from lok_core.errors import BackendError
from lok_core.models import Profile, Prompt

if TYPE_CHECKING:
    # Not at run time: every plugin imports this module, and listing the commands imports every plugin.
    from contextlib import AbstractContextManager
    from pathlib import Path

    from lok_core.models import (
        BackendInfo,
        Finished,
        Health,
        Message,
        Ranking,
        Reply,
        Request,
        Tool,
        Turn,
        Vote,
    )
    from lok_core.outcome import Failure, Outcome, Report, View


class Run(ABC):
    """A backend's only door to the world, made anew for each request.

    Attributes:
        env: the environment that its processes get: scrubbed of what belongs to other backends.
        folder: a private folder (0700) for its files, outside the request's directory, gone afterwards.
        trusted: whether the user trusts what lies in the request's directory; otherwise a backend keeps its
            program from following it.
    """

    env: Mapping[str, str]
    folder: Path
    trusted: bool = False

    @abstractmethod
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
        """How the program ended; exit codes are the caller's to judge.

        Args:
            argv: the program, looked up on the PATH of `env`, and its arguments. No shell.
            stdin: all it gets to read; then its standard input is closed.
            cwd: the private folder by default. Pass the request's directory only for a program that reads
                nothing it should not from there.
            env: variables to set beyond `self.env`.
            on_stdout: called with each chunk as it arrives, however large the whole.
            cap_bytes: how much of each stream is kept.

        Raises:
            BackendError: `unavailable` when there is no such program, `too_large` for too long an argument.
        """

    @abstractmethod
    def progress(self, activity: str) -> None:
        """Shows what the backend is doing ("reading app/models.py"); also a sign of life."""

    def alive(self) -> None:  # noqa: B027 - a run of which nobody waits for signs of life
        """Tells that the backend is at work, where there is nothing to show."""

    @abstractmethod
    def text(self, chunk: str) -> None:
        """Adds to what was said so far, so that a deadline does not lose it."""

    @abstractmethod
    def mask(self, text: str) -> str:
        """The text with the values of all known secrets replaced."""


@frozen
class NoConfig:
    """The configuration of a backend that has nothing to configure."""


class Backend(ABC):
    """Something that answers a prompt.

    One instance serves all requests to one configured name during a run, concurrently.

    Attributes:
        kind: the slug that `use = "..."` names; also the default name.
        Config: an attrs class; the backend's table in lok.toml is structured into it.
        known_defaults: what a table of lok.toml may say of it though nobody trusts the file: values that
            others' configurations repeat and that change nothing.
        profile: what it can do. `__init__` may replace it where that depends on the configuration.
        needs_config: whether it exists only where a table of lok.toml makes one.
    """

    kind: ClassVar[str]
    Config: ClassVar[type] = NoConfig
    known_defaults: ClassVar[Mapping[str, Any]] = {}
    profile: Profile = Profile()
    needs_config: ClassVar[bool] = False

    def __init__(self, name: str, config: Any) -> None:
        self.name = name
        self.config = config

    def available(self, env: Mapping[str, str]) -> bool:
        """Whether its program or key is there. Cheap, synchronous, starts nothing."""
        return True

    async def check(self, run: Run) -> Health:
        """What can be told about its readiness without a model call."""
        from lok_core.models import Health

        ready = self.available(run.env)
        return Health(ready=ready, message="" if ready else f"{self.name} is not installed")

    @abstractmethod
    async def query(self, request: Request, run: Run) -> Reply:
        """The answer. May be cancelled at any await.

        Raises:
            BackendError: whatever can be expected to go wrong. An error is never returned as text.
        """

    def planned(self, request: Request, run: Run) -> Sequence[str]:
        """The command line that `query` would start, for `--plan`; starts nothing, asks nobody.

        `{prompt}` may stand for the prompt. What is written to `run.folder` is removed. Empty for those that
        start no program, or cannot tell beforehand.

        Raises:
            BackendError: what would keep `query` from starting it.
        """
        return ()

    async def converse(self, messages: Sequence[Message], tools: Sequence[Tool], run: Run) -> Turn:
        """The model's next turn, tool calls included; for backends whose profile says `converses`.

        Raises:
            BackendError: as `query`.
            NotImplementedError: the model turns out to call no tools; lok then asks it in plain text.
        """
        raise BackendError("invalid", f"{self.name} cannot call tools")

    async def aclose(self) -> None:  # noqa: B027 - most have nothing to release
        """Releases what the instance holds; called once, after its last request."""


class Job(ABC):
    """What tasks and modes work with. Asking never raises because a backend failed.

    Attributes:
        directory: the absolute directory the run is about.
        chosen: the backends named by the user, in that order; empty if none were.
        interrupted: why nothing more is asked ("ended by Ctrl-C"); empty while asking goes on.
    """

    directory: Path
    chosen: tuple[str, ...]
    interrupted: str

    @property
    @abstractmethod
    def outcomes(self) -> tuple[Outcome, ...]:
        """What was recorded so far, in the order asked."""

    @property
    @abstractmethod
    def remarks(self) -> tuple[str, ...]:
        """What was noted so far."""

    @abstractmethod
    def interruptible(self) -> AbstractContextManager[None]:
        """What is done inside ends at once when the run is interrupted, as asking does by itself."""

    @abstractmethod
    async def ask(self, request: Request) -> Outcome:
        """The outcome, recorded for the report. Without a backend in the request, delegation chooses."""

    @abstractmethod
    async def ask_all(self, requests: Sequence[Request]) -> list[Outcome]:
        """The outcomes in the order of the requests, all of them under way at once."""

    @abstractmethod
    async def converse(
        self, backend: str, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> Turn | Failure:
        """The next turn of a conversation, recorded as an outcome and under the same limits as any request.

        A backend that calls no tools by itself is asked in plain text.
        """

    @abstractmethod
    def backends(self) -> tuple[BackendInfo, ...]:
        """Every configured backend, available or not, sorted by name."""

    @abstractmethod
    def recommend(self, request: Request, *, available_only: bool = True) -> Ranking:
        """Which eligible backends suit the request, best first. Asks nobody.

        Args:
            available_only: whether those are left out whose program or key is not there.
        """

    @abstractmethod
    def note(self, text: str) -> None:
        """Tells the reader of the report something about how it came to be."""


class Task(ABC):
    """What a user runs by name: `lok <name>`.

    Attributes:
        name: the command; a slug.
        description: one line for the help and the head of the report.
        prompts: the questions it asks, if they are known beforehand.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    prompts: tuple[Prompt, ...] = ()

    @abstractmethod
    async def run(self, job: Job) -> None:
        """Asks. The job records the outcomes; findings are taken from them afterwards."""


class PromptTask(Task):
    """A task that is data: prompts, and who is asked by preference.

    Each prompt goes to one language model (the first available of `preferred`, else the recommended one) and
    its category once to each analyser; where the user names backends, to each of those instead.
    """

    preferred: tuple[str, ...] = ()

    async def run(self, job: Job) -> None:
        requests = self.requests(job)
        models = {info.name: info for info in job.backends() if info.profile.is_llm}
        if not job.chosen and not any(request.backend in models for request in requests):
            blind = [name for name, info in models.items() if info.eligible]
            why = (
                f": {', '.join(blind)} cannot read the directory; a plugin tells that it can in its "
                'Profile.access, a table of lok.toml with `use = "command"` by `access = { read = [...] }`'
            )
            job.note(f"no language model was asked{why if blind else '; `lok doctor` says what is missing'}")
        await job.ask_all(requests)

    def requests(self, job: Job) -> list[Request]:
        """Everything that would be asked of the backends at hand. Asks nobody."""
        from lok_core.models import Request
        from lok_core.schemas import schema

        infos = {info.name: info for info in job.backends()}
        analysers = [
            info.name
            for info in infos.values()
            if not info.profile.is_llm
            and (info.name in job.chosen if job.chosen else info.available and info.profile.asked_by_default)
        ]
        about = [
            Request(
                prompt.text,
                job.directory,
                access="read",
                label=prompt.name,
                category=prompt.category,
                output_schema=schema("lok.findings/1"),
            )
            for prompt in self.prompts
        ]
        asked = [
            evolve(request, backend=name) for request in about for name in self._models(request, job, infos)
        ]
        seen: set[str] = set()
        for request in about:
            if request.category not in seen:
                asked += [evolve(request, backend=name) for name in analysers]
            seen.add(request.category)
        return asked

    def _models(self, request: Request, job: Job, infos: Mapping[str, BackendInfo]) -> Iterable[str]:
        if job.chosen:
            return [name for name in job.chosen if infos[name].profile.is_llm]
        # One that cannot read the directory has nothing to say about it.
        able = [
            name for name, info in infos.items() if info.eligible and request.access in info.profile.access
        ]
        order = (*self.preferred, *job.recommend(request).order)
        return [name for name in order if name in able][:1]


class Rule(ABC):
    """Has an opinion on who should answer. Pure: same arguments, same votes."""

    name: ClassVar[str]

    @abstractmethod
    def votes(self, request: Request, backends: Sequence[BackendInfo]) -> Iterable[Vote]:
        """Votes for (or against) some of the backends; they add up over all rules."""


class Renderer(ABC):
    """Turns a report into text. Pure: prints nothing, opens nothing.

    Attributes:
        name: what `-f` names.
        suffix: the file name ending of its format, with the dot.
    """

    name: ClassVar[str]
    suffix: ClassVar[str]

    @abstractmethod
    def render(self, report: Report, view: View) -> Iterable[str]:
        """The report in pieces; together they end with a newline."""

    def block(self, outcome: Outcome, view: View) -> str:
        """One outcome as it arrives; empty for formats that are printed only once complete."""
        return ""
