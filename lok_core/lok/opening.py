"""Opening a lok: what is configured and installed becomes backends that can be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from lok_core.errors import PLUGIN_FAULTS, LokError, UsageError
from lok_core.events import Event
from lok_core.folders import absolute, existing, private_folder
from lok_core.interfaces import Backend, Rule
from lok_core.limits import make_limits
from lok_core.lok.listening import Listening
from lok_core.lok.opened import Lok
from lok_core.models import Profile
from lok_core.registry import DISABLE, Registry
from lok_core.sanitize import mask, masked
from lok_core.setup import Setup, make_panel

if TYPE_CHECKING:
    from types import TracebackType

P = ParamSpec("P")
T = TypeVar("T")


def installed(env: Mapping[str, str]) -> Registry:
    """What the installed plugins offer, without those that the environment disables."""
    names = env.get(DISABLE, "").replace(",", " ").split()
    return Registry.installed(disabled=frozenset(names))


def declared_secrets(registry: Registry, env: Mapping[str, str]) -> set[str]:
    """The values in the environment that an installed backend declares to be secret."""
    from lok_core.environment import secret_values

    kinds = registry.all(Backend)  # type: ignore[type-abstract]
    return secret_values(env, [kind.profile for kind in kinds.values() if isinstance(kind.profile, Profile)])


class _Opening(AbstractAsyncContextManager[Lok]):
    """What `open_lok` gives back: to be entered once."""

    def __init__(self, opening: AbstractAsyncContextManager[Lok]) -> None:
        self.opening = opening
        self.is_entered = False

    async def __aenter__(self) -> Lok:
        if self.is_entered:
            raise UsageError("this opening has been used already", "call open_lok once more")
        self.is_entered = True
        return await self.opening.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        return await self.opening.__aexit__(kind, error, traceback)


def _once(make: Callable[P, AsyncIterator[Lok]]) -> Callable[P, AbstractAsyncContextManager[Lok]]:
    """As `asynccontextmanager`, whose own error says nothing when one is entered twice."""
    opening = asynccontextmanager(make)

    @wraps(make)
    def opened(*args: P.args, **given: P.kwargs) -> AbstractAsyncContextManager[Lok]:
        return _Opening(opening(*args, **given))

    return opened


@_once
async def open_lok(
    directory: Path,
    *,
    env: Mapping[str, str],
    state_dir: Path,
    config_dir: Path | None = None,
    config: Path | None = None,
    backends: Sequence[str] = (),
    models: Sequence[str] = (),
    timeout_s: float | None = None,
    jobs: int | None = None,
    deadline_s: float | None = None,
    max_calls: int | None = None,
    max_tokens: int | None = None,
    quota_wait_s: float | None = None,
    plan: bool = False,
    listener: Callable[[Event], None] = lambda event: None,
    plugins: Callable[[Mapping[str, str]], Registry] = installed,
    invocation: Mapping[str, Any] | None = None,
) -> AsyncIterator[Lok]:
    """A lok with its backends, as the command line has it; when it is left, none of their processes is.

    To be entered in a trio loop. Nothing is read but what is given: no variable of the environment, no home
    folder and, where the paths are absolute, no working directory.

    Args:
        directory: where it stands: the lok.toml in it, or in the nearest folder above that has one, counts as
            far as the user trusts it. What a command is about is its own argument, and no lok.toml there.
        env: the environment, `os.environ` as a rule; decides which backends are available.
        state_dir: where lok keeps what it has to remember: trust, runs, private folders; made if missing.
        config_dir: the folder that may hold the user's own lok.toml; None for no such file.
        config: another lok.toml, which counts most.
        backends: the backends to ask, and no others; "all" for each that is asked by default.
        models: "NAME=MODEL", or the model alone where one backend is asked.
        timeout_s: seconds for one request, whatever the configuration says; infinity for no limit.
        jobs: requests at once, whatever the configuration says.
        deadline_s, max_calls, max_tokens: what one command may take; None for no limit.
        quota_wait_s: seconds that one command may wait for quotas; None for not at all.
        plan: whether commands only tell what they would ask.
        listener: told of every event as it happens; must not block. One that raises is told nothing more, and
            the report says so.
        plugins: finds them, given the environment with what the configuration disables.
        invocation: what the journals of its runs are to keep of how lok was called, as JSON.

    Raises:
        ConfigError: a lok.toml is wrong.
        UnknownNameError: a named backend is not there.
        UsageError: a named backend or a model cannot be used, a limit is none, there is no such directory, or
            the state folder cannot be used; also where what is opened is entered a second time.
        PluginError: a named backend is offered by two plugins.
    """
    from lok_core.engine import Engine
    from lok_core.process import open_children

    state_dir = absolute(state_dir, "state_dir")
    config_dir = None if config_dir is None else absolute(config_dir, "config_dir")
    if config is not None:
        absolute(config, "config")  # which is named as it was given
    setup = Setup.read(env, state_dir, existing(directory), config_dir, config)
    registry = plugins(setup.env)
    listening = Listening(listener)

    def hidden(text: str) -> str:  # as few need it, and the panel knows the secrets once it is there
        return mask(text, setup.secrets() | declared_secrets(registry, env))

    try:
        settings = setup.settings(registry, models, backends)
        for note in settings.notes:  # they may be why the next line fails
            listening.tell(masked(Event("note", text=note), hidden))
        panel = make_panel(registry, setup.env, backends, settings, setup.trusted)
    except LokError as error:
        error.hide(hidden)
        raise

    def tell(event: Event) -> None:
        if event.kind == "note" or not lok.plan:
            listening.tell(masked(event, panel.mask))

    rules = []
    for rule in registry.all(Rule).values():  # type: ignore[type-abstract]
        with suppress(*PLUGIN_FAULTS):  # a rule that cannot be made has no opinion
            rules.append(rule())
    caps = {"max_calls": max_calls, "max_tokens": max_tokens}
    limits = make_limits(timeout_s, jobs, settings, **caps, deadline_s=deadline_s, quota_wait_s=quota_wait_s)
    async with open_children() as children:
        with private_folder(state_dir, children.mark) as folder:
            engine = Engine(panel, rules, children, folder, limits, tell)
            lok = Lok(registry, engine, children.mark, state_dir, settings, plan, invocation or {}, listening)
            try:
                yield lok
            finally:
                await engine.aclose()


def run(opened: AbstractAsyncContextManager[Lok], work: Callable[[Lok], Awaitable[T]]) -> T:
    """What the work comes to, for a program without a loop: `run(open_lok(...), lambda lok: lok.ask(...))`.

    Starts a trio loop of its own in this thread, which may be any. While that turns in the main thread, trio
    takes the place of Python's own handler for Ctrl-C, so that KeyboardInterrupt comes out of here once the
    backends have been ended; a handler of the program's stays as it is.

    Raises:
        UsageError: a trio loop turns in this thread.
        LokError: as of `open_lok` and of the work.
    """
    import trio

    if trio.lowlevel.in_trio_run():
        hint = "async with open_lok(...) as lok"
        raise UsageError("lok_core.run starts a trio loop, and one turns already", hint)

    async def main() -> T:
        async with opened as lok:
            return await work(lok)

    try:
        return trio.run(main)
    except BaseExceptionGroup as group:  # the nurseries on the way wrap it
        if group.subgroup(KeyboardInterrupt) is None:
            raise
        raise KeyboardInterrupt from None
