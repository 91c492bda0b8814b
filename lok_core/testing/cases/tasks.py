"""The cases for tasks, which are run with scripted backends."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from attrs import frozen

from lok_core.engine import Engine
from lok_core.errors import BackendError, LokError
from lok_core.interfaces import Backend, Task
from lok_core.job import EngineJob
from lok_core.models import CATEGORIES, Profile, Prompt, Request
from lok_core.outcome import Outcome
from lok_core.panel import Limits, Panel
from lok_core.process import open_children
from lok_core.testing.case import Case, case_of
from lok_core.testing.scripted import ScriptedBackend, Step

CASES: list[Case] = []

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LINE = 80  # characters, for a line of the help
_READING = Profile(access=("none", "read"))


@frozen
class _Ran:
    """What came of running a task."""

    outcomes: tuple[Outcome, ...]
    requests: tuple[Request, ...]


@contextmanager
def _folders() -> Iterator[tuple[Path, Path]]:
    """A directory to work on, and one for what lok has to remember."""
    with tempfile.TemporaryDirectory(prefix="lok-contract-") as folder:
        directory, state = Path(folder, "work"), Path(folder, "state")
        directory.mkdir()
        state.mkdir()
        (directory / "app.py").write_text("def half(total):\n    return total / 2\n")
        yield directory, state


@asynccontextmanager
async def _job(backends: Sequence[Backend], chosen: tuple[str, ...] = ()) -> AsyncIterator[EngineJob]:
    panel = Panel({backend.name: backend for backend in backends}, {}, chosen)
    with _folders() as (directory, state):
        async with open_children() as children:
            engine = Engine(panel, [], children, state, Limits(attempts=1), lambda event: None)
            yield EngineJob(engine, directory, chosen)


async def _run(task: Task, *backends: ScriptedBackend, chosen: tuple[str, ...] = ()) -> _Ran:
    async with _job(backends, chosen) as job:
        try:
            await task.run(job)
        except Exception as error:
            raise AssertionError(
                f"run() raises {type(error).__name__}: {error}; job.ask gives a Failure and does not raise"
            ) from error
        return _Ran(job.outcomes, tuple(one for backend in backends for one in backend.requests))


def _scripted(name: str = "one", *steps: Step) -> ScriptedBackend:
    return ScriptedBackend(name, steps or (Step("there is nothing"),), profile=_READING)


@case_of(CASES, "Its name is a slug: `lok <name>` runs it.")
async def name_is_a_slug(task: Task) -> None:
    assert isinstance(task.name, str), f"name is {task.name!r}; it must be a text"
    assert _SLUG.fullmatch(task.name), f"name is {task.name!r}; it must be a name such as 'my-task'"


@case_of(CASES, "Its description is one line, for the help.")
async def description_is_one_line(task: Task) -> None:
    text = task.description
    assert isinstance(text, str), f"description is {text!r}; it must be a text"
    assert text.strip(), "description is empty"
    assert "\n" not in text, "description has several lines"
    assert len(text) <= _LINE, f"description has {len(text)} characters; {_LINE} are the most"


@case_of(CASES, "Each prompt has a name of its own, a text, and a category that lok knows.")
async def prompts_are_sound(task: Task) -> None:
    prompts = tuple(task.prompts)
    for prompt in prompts:
        assert isinstance(prompt, Prompt), f"{prompt!r} is no Prompt"
        assert prompt.name.strip(), f"a prompt has no name: {prompt.text[:60]!r}"
        assert prompt.text.strip(), f"the prompt {prompt.name!r} is empty"
        assert prompt.category in CATEGORIES, (
            f"the prompt {prompt.name!r} is about {prompt.category!r}; there are {', '.join(CATEGORIES)}"
        )
    names = [prompt.name for prompt in prompts]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"two prompts have the name {', '.join(twice)}"


@case_of(CASES, "It asks the backend that is at hand.")
async def asks_somebody(task: Task) -> None:
    ran = await _run(task, _scripted())
    assert ran.requests, "with one backend at hand, nobody is asked"
    assert ran.outcomes, "what was asked is not recorded; ask through the job"


@case_of(CASES, "It asks about the directory of the job, and never for more than reading it.")
async def asks_about_the_directory(task: Task) -> None:
    backend = _scripted()
    async with _job([backend]) as job:
        await task.run(job)
        for request in backend.requests:
            assert request.directory == job.directory, (
                f"it asks about {request.directory}; what a run is about is job.directory"
            )
            assert request.access != "write", "it asks for access 'write'; a task reads"


@case_of(CASES, "Of the backends that the user names, it asks these and no others.")
async def asks_whom_the_user_names(task: Task) -> None:
    one, two = _scripted("one"), _scripted("two")
    await _run(task, one, two, chosen=("two",))
    assert two.requests, "the user named 'two', and it is not asked"
    assert not one.requests, "the user named 'two', and 'one' is asked as well; see job.chosen"


@case_of(CASES, "A request that fails does not keep the others from being asked.")
async def one_failure_keeps_the_others(task: Task) -> None:
    sound = await _run(task, _scripted())
    failing = Step(error=BackendError("overloaded", "not now"))
    ran = await _run(task, _scripted("one", failing, Step("there is nothing")))
    assert len(ran.outcomes) >= len(sound.outcomes), (
        f"of {len(sound.outcomes)} requests {len(ran.outcomes)} are asked when the first one fails"
    )


@case_of(CASES, "Where every request fails, it ends without an error of its own.")
async def all_may_fail(task: Task) -> None:
    ran = await _run(task, _scripted("one", Step(error=BackendError("auth", "not logged in"))))
    assert ran.outcomes, "nothing is recorded when every request fails; ask through the job"


@case_of(CASES, "With no backend at hand, it ends without an error of its own.")
async def nobody_is_there(task: Task) -> None:
    async with _job([]) as job:
        try:
            await task.run(job)
        except LokError:
            pass
        except Exception as error:
            raise AssertionError(
                f"with no backend at hand, run() raises {type(error).__name__}: {error}"
            ) from error


@case_of(CASES, "Run again, it asks the same.")
async def asks_the_same_again(task: Task) -> None:
    first, second = [await _run(task, _scripted()) for _ in range(2)]
    asked = [[(one.prompt, one.label) for one in ran.requests] for ran in (first, second)]
    assert asked[0] == asked[1], (
        f"the second run asks {len(asked[1])} times, the first one {len(asked[0])} times, or else; keep what "
        "belongs to one run out of `self`"
    )


@case_of(CASES, "It writes nothing into the directory.")
async def directory_stays_as_it_was(task: Task) -> None:
    async with _job([_scripted()]) as job:
        before = sorted((str(path), path.stat().st_mtime_ns) for path in job.directory.rglob("*"))
        await task.run(job)
        after = sorted((str(path), path.stat().st_mtime_ns) for path in job.directory.rglob("*"))
    assert after == before, "it changes files of the directory; a task reads, and tells by job.note"
