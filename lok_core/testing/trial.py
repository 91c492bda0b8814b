"""A backend held against all cases, without pytest."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import evolve, frozen

from lok_core.errors import PLUGIN_FAULTS
from lok_core.interfaces import Backend
from lok_core.testing.bench import opened
from lok_core.testing.case import Case, Subject, again, subject_of
from lok_core.testing.cases import BACKEND

if TYPE_CHECKING:
    from collections.abc import Iterator


@frozen
class Result:
    """What came of a case.

    Attributes:
        why: what has to be mended, or why it was left out.
    """

    case: Case
    state: Literal["ok", "failed", "left out"]
    why: str = ""


async def results(backend: Backend) -> AsyncIterator[Result]:
    """What comes of each case, in their order. No real program is started: a fake takes its place."""
    subject = subject_of(backend, asks=False)
    for case in BACKEND:
        yield await _result(case, subject)


async def _result(case: Case, subject: Subject) -> Result:
    if lack := case.left_out(subject):
        return Result(case, "left out", lack)
    try:
        fresh = evolve(subject, backend=again(subject.backend))
        with _private_folder() as folder:
            async with opened(folder / "bench", fresh) as bench:
                await case.check(bench)
    except PLUGIN_FAULTS as error:
        return Result(case, "failed", _why(error))
    return Result(case, "ok")


def _why(error: BaseException) -> str:
    """What has to be mended; a nursery on the way wraps it into groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, AssertionError) and str(error):
        return str(error).partition("\n")[0]
    return f"it raises {type(error).__name__}: {error}"


@contextmanager
def _private_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lok-contract-") as folder:
        yield Path(folder).resolve()
