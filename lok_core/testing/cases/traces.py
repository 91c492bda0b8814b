"""Cases about what a request leaves behind, and who could see what it must not show."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from lok_core.outcome import Failure
from lok_core.testing.bench import Bench
from lok_core.testing.case import ANSWERS, NONE, SECRETS, SPEAKS, Case, case_of
from lok_core.testing.cases.processes import interrupted

CASES: list[Case] = []

_OWN_MASK = 0o057
_OUTSIDE = "LOK_CONTRACT_OUTSIDE"


def _content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
    }


def _state(folder: Path) -> dict[str, tuple[bytes, int, int]]:
    """Contents, modes and times; a file that came and went has left its trace in the time of its folder."""
    stats = {path: path.lstat() for path in (folder, *folder.rglob("*"))}
    return {
        str(path.relative_to(folder)): (
            path.read_bytes() if path.is_file() else b"",
            stat.st_mode,
            stat.st_mtime_ns,
        )
        for path, stat in stats.items()
    }


async def _all_ends(bench: Bench, look: Callable[[str], None]) -> None:
    """Requests that are answered, that fail, and that are ended; after each a look, with words for which."""
    bench.answering()
    for access in bench.backend.profile.access:
        await bench.ask(access=access, trusted=True)
        look(f"a request with access {access!r}")
    if bench.subject.program:
        bench.fake(stderr="it broke\n", code=3)
        await bench.ask()
        look("a request that failed")
        await interrupted(bench, "ready(); hang()")
        look("a request that was cancelled")


@case_of(CASES, "It changes nothing in the directory that a request is about.", ANSWERS)
async def directory_stays_as_it_was(bench: Bench) -> None:
    before = _state(bench.directory)

    def look(what: str) -> None:
        changed = sorted({name for name, _ in before.items() ^ _state(bench.directory).items()})
        assert not changed, (
            f"{what} changed {', '.join(changed)} in request.directory; its own files go to run.folder"
        )

    await _all_ends(bench, look)


@case_of(CASES, "Nothing of it is left after a request: no private folder, nothing in HOME.", ANSWERS)
async def nothing_is_left(bench: Bench) -> None:
    before = _content(bench.home)

    def look(what: str) -> None:
        left = sorted({name for name, _ in before.items() ^ _content(bench.home).items()})
        assert not left, f"{what} left {', '.join(left)} in HOME; its own files go to run.folder"

    real = os.environ.get("HOME")
    os.environ["HOME"] = str(bench.home)  # for a backend that does not look into run.env
    try:
        bench.another("fresh")
        await _all_ends(bench, look)
    finally:
        if real is None:
            del os.environ["HOME"]
        else:
            os.environ["HOME"] = real
    kept = sorted(_content(bench.state))
    assert not kept, f"it keeps {', '.join(kept)} of the private folder from being removed"


@case_of(CASES, "It changes nothing of lok itself: no variable, no working directory, no mask.", ANSWERS)
async def lok_stays_as_it_was(bench: Bench) -> None:
    bench.answering()
    variables, place, mask = dict(os.environ), Path.cwd(), _mask()
    # Other ones than those that an earlier request may have left.
    os.environ.clear()
    os.environ["PATH"] = bench.env["PATH"]
    os.chdir(bench.folder)
    os.umask(_OWN_MASK)
    try:
        await bench.ask()
        changed = sorted({"PATH": bench.env["PATH"]}.items() ^ os.environ.items())
        assert not changed, f"it changed {changed[0][0]} in os.environ; give run.command an `env`"
        assert Path.cwd() == bench.folder, "it changed the working directory of lok; give run.command a `cwd`"
        assert _mask() == _OWN_MASK, "it changed the mask for new files of lok"
    finally:
        os.environ.clear()
        os.environ.update(variables)
        os.chdir(place)
        os.umask(mask)


def _mask() -> int:
    """Of new files; it can only be told by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


@case_of(CASES, "The program sees the variables of the run, and not those that lok was started with.", SPEAKS)
async def program_sees_the_runs_variables(bench: Bench) -> None:
    program = bench.answering()
    assert program is not None
    os.environ[_OUTSIDE] = "1"
    try:
        outcome = await bench.ask()
    finally:
        del os.environ[_OUTSIDE]
    assert program.calls, f"the program was not started: {_why(outcome)}"
    assert not any(_OUTSIDE in call["env"] for call in program.calls), (
        "the program gets the variables of os.environ, which may hold the keys of others; leave `env` of "
        "run.command to what it adds"
    )


@case_of(CASES, "With access `none` the program works outside the directory.", SPEAKS, NONE)
async def access_none_stays_outside(bench: Bench) -> None:
    program = bench.answering()
    assert program is not None
    outcome = await bench.ask(access="none")
    assert program.calls, f"the program was not started: {outcome}"
    for call in program.calls:
        place = Path(call["cwd"])
        assert not place.is_relative_to(bench.directory), (
            "with access 'none' the program works in request.directory, whose files are not to be seen; "
            "without `cwd`, run.command starts it in run.folder"
        )
        # As `--add-dir DIRECTORY` or `--dir=DIRECTORY`; a setting that forbids something may name it.
        told = [word.rpartition("=")[2] for word in call["argv"]]
        assert str(bench.directory) not in told, (
            "with access 'none' the program is told of request.directory, whose files are not to be seen"
        )


@case_of(CASES, "No key stands in the arguments, which every user of the machine can see.", SPEAKS, SECRETS)
async def no_key_in_the_arguments(bench: Bench) -> None:
    program = bench.answering()
    assert program is not None
    for access in bench.backend.profile.access:
        outcome = await bench.ask(access=access, trusted=True)
        assert program.calls, f"the program was not started: {_why(outcome)}"
    words = " ".join(word for call in program.calls for word in call["argv"])
    shown = sorted(name for name, key in bench.keys.items() if key in words)
    assert not shown, f"the value of {', '.join(shown)} is an argument of the program; leave it in run.env"


def _why(outcome: object) -> str:
    return outcome.message if isinstance(outcome, Failure) else "it was answered without it"
