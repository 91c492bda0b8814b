"""Earlier runs, as their journals tell of them: found, read, listed and removed."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import MAXYEAR, UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from attrs import frozen

from lok_core.environment import secret_values
from lok_core.errors import UsageError
from lok_core.journal import FOLDER, SCHEMA, UNFINISHED, Recalled, short
from lok_core.models import Profile

LAST = "last"
"""Stands for the run that was started last."""

State = Literal["done", "interrupted", "killed", "running"]
"""`interrupted`: it has a report of what had been answered. `killed`: it could not write any."""

_SUFFIX = ".jsonl"
_END_BYTES = 4096  # more than the last line of a run that came to its end
_YOUNG_S = 60.0
_SHOWN = 5
_PAIR = ("request", "outcome")
_FAMILY = SCHEMA.partition("/")[0] + "/"
_EPOCH = datetime.fromtimestamp(86_400, UTC)  # a day later, so that any zone can tell it


@frozen
class Past:
    """A run as its journal has it.

    Attributes:
        path: the journal.
        header: the first line.
        requests: what was asked, by number.
        outcomes: the lines of those that have an outcome, by number.
        earlier: the answers that another run had got before this one went on in its place.
        report: None if there is none.
        requested, answered: how many were asked and answered.
        running: whether it still goes on.
    """

    path: Path
    header: Mapping[str, Any]
    requests: Mapping[int, Mapping[str, Any]]
    outcomes: Mapping[int, Mapping[str, Any]]
    notes: tuple[str, ...]
    earlier: tuple[Mapping[str, Any], ...]
    report: Mapping[str, Any] | None
    requested: int
    answered: int
    running: bool

    @property
    def run(self) -> str:
        """Its id."""
        return self.path.name.removesuffix(_SUFFIX)

    @property
    def short(self) -> str:
        """What users call it."""
        return short(self.run)

    @property
    def started_at(self) -> datetime:
        """UTC; long ago if it is not known."""
        return _started(self.header)

    @property
    def state(self) -> State:
        if self.running:
            return "running"
        if self.report is None:
            return "killed"
        return "interrupted" if self.report.get("interrupted") else "done"

    @property
    def method(self) -> str:
        """The method of `Lok` that was called."""
        return str(self.header.get("method", ""))

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What it was called with, the directory excepted."""
        return _mapping(self.header.get("arguments"))

    @property
    def directory(self) -> Path:
        """What the run was about."""
        return Path(str(self.header.get("directory", "")))

    @property
    def command(self) -> str:
        """The command line's own word."""
        return str(self.header.get("command", ""))

    @property
    def question(self) -> str:
        """The prompt, or the task in the user's own words; empty for tasks by name."""
        texts = (self.arguments.get(name) for name in ("prompt", "task", "topic"))
        return next((text for text in texts if isinstance(text, str)), "")

    def secrets(self, env: Mapping[str, str]) -> set[str]:
        """Values that must not be shown, though prompts may hold them; as far as the environment has them."""
        return secret_values(env, [Profile(secrets=self.names("secrets"))])

    def names(self, key: str) -> tuple[str, ...]:
        """What the header has under that key, a list of names; empty if it has none."""
        value = self.header.get(key)
        return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()

    @property
    def invocation(self) -> Mapping[str, Any]:
        """How lok was called."""
        return _mapping(self.header.get("invocation"))

    @property
    def continues(self) -> str:
        """The id of the run in whose place it goes on; empty if there is none."""
        return str(self.header.get("continues") or "")

    @property
    def is_resumable(self) -> bool:
        """Whether it can be asked for again; agents that write have left their work on branches."""
        return not self.arguments.get("write")

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is left to be asked."""
        if self.report is None or self.report.get("interrupted"):
            return False
        failed = [line for line in self.outcomes.values() if line["outcome"].get("outcome") != "answer"]
        enough = self.arguments.get("first") and self.answered > 0
        return not failed or bool(enough)

    def recalled(self) -> Recalled:
        """All that it was answered, for a run that goes on in its place."""
        own = [
            {name: line[name] for name in ("outcome", "conversation", "turn") if name in line}
            | {"request": self.requests[number]}
            for number, line in sorted(self.outcomes.items())
            if line["outcome"].get("outcome") == "answer" and not line.get("recalled")
        ]
        return Recalled(self.run, [*self.earlier, *own])


def find(state_dir: Path, name: str) -> Past:
    """The run of that name.

    Args:
        name: the id, the beginning of it or of its short form, or `last`.

    Raises:
        UsageError: there is none, or there are several, or it cannot be read.
    """
    runs = {path.name.removesuffix(_SUFFIX): path for path in _journals(state_dir)}
    if name == LAST:
        headers = {run: header for run, path in runs.items() if (header := _header(path))}
        found = [max(headers, key=lambda run: _started(headers[run]))] if headers else []
    else:
        found = [run for run in runs if name and name in (run, short(run))] or [
            run for run in runs if name and (run.startswith(name) or short(run).startswith(name))
        ]
    if not found:
        there = "`lok runs` lists them" if runs else "none has been kept yet"
        raise UsageError(f"there is no run {name!r}" if name != LAST else "there is no run", there)
    if len(found) > 1:
        called = [short(run) for run in found]
        shown = sorted(one if called.count(one) == 1 else run for one, run in zip(called, found, strict=True))
        raise UsageError(
            f"{name!r} may be {len(found)} runs", f"name one of them: {', '.join(shown[:_SHOWN])}"
        )
    past = read(runs[found[0]])
    if past is None:
        raise UsageError(f"{runs[found[0]]} is no journal that this lok can read")
    return past


def list_runs(state_dir: Path) -> list[Past]:
    """Every run that can be read, newest first, without what was asked and answered where it has ended."""
    runs = []
    for path in _journals(state_dir):
        with suppress(UsageError):
            if (past := _read_ends(path) or read(path)) is not None:
                runs.append(past)
    return sorted(runs, key=lambda past: past.started_at, reverse=True)


def of_others(state_dir: Path) -> list[str]:
    """The short ids of runs whose journals another lok has written, in a form that this one cannot read."""
    return sorted(
        short(path.name.removesuffix(_SUFFIX))
        for path in _journals(state_dir)
        if (schema := _first(path).get("schema")) != SCHEMA and str(schema).startswith(_FAMILY)
    )


def continued(state_dir: Path, past: Past) -> str:
    """The short id of the newest run that goes on in its place, or in that of one that does; else empty."""
    headers = {path: header for path in _journals(state_dir) if (header := _header(path))}
    after: dict[str, str] = {}
    for path in sorted(headers, key=lambda path: _started(headers[path])):
        after[str(headers[path].get("continues") or "")] = path.name.removesuffix(_SUFFIX)
    last = past.run
    for _ in after:  # no more often: a damaged one might go on in its own place
        last = after.get(last, last)
    return short(last) if last != past.run else ""


def prune(state_dir: Path, older_than_s: float) -> int:
    """Removes the journals of runs that ended that many seconds ago, and returns how many."""
    removed = 0
    for path in _journals(state_dir, (_SUFFIX, _SUFFIX + UNFINISHED)):
        with suppress(OSError):
            state = path.stat()
            # An empty one may be of a run that has just made it and not locked it yet.
            least = older_than_s if state.st_size else max(older_than_s, _YOUNG_S)
            if time.time() - state.st_mtime >= least and not _is_held(path):
                path.unlink()
                removed += 1
    return removed


def read(path: Path) -> Past | None:
    """The run of that journal, as far as it can be read; None if it is none.

    Raises:
        UsageError: the file cannot be opened.
    """
    running = _is_held(path)  # before it is read: what ends meanwhile is taken for running
    header: Mapping[str, Any] | None = None
    requests: dict[int, Mapping[str, Any]] = {}
    outcomes: dict[int, Mapping[str, Any]] = {}
    notes: list[str] = []
    earlier: list[Mapping[str, Any]] = []
    report: Mapping[str, Any] | None = None
    try:
        with _opened(path) as file:
            for line in _lines(file):
                kind, number = line.get("kind"), line.get("number")
                if header is None:
                    if kind != "run" or line.get("schema") != SCHEMA:
                        return None
                    header = line
                elif kind == "request" and isinstance(number, int):
                    requests[number] = _mapping(line.get("request"))
                elif kind == "outcome" and isinstance(number, int) and number in requests:
                    if isinstance(line.get("outcome"), Mapping):
                        outcomes[number] = line
                elif kind == "note":
                    notes.append(str(line.get("text")))
                elif kind == "earlier" and all(isinstance(line.get(one), dict) for one in _PAIR):
                    earlier.append({name: value for name, value in line.items() if name != "kind"})
                elif kind == "report" and isinstance(line.get("report"), Mapping):
                    report = line["report"]
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    if header is None:
        return None
    answered = sum(line["outcome"].get("outcome") == "answer" for line in outcomes.values())
    return Past(
        path,
        header,
        requests,
        outcomes,
        tuple(notes),
        tuple(earlier),
        report,
        len(requests),
        answered,
        running,
    )


def _read_ends(path: Path) -> Past | None:
    """The run of a journal that has its last line; the report says no more than how it ended."""
    with suppress(OSError), _opened(path) as file:
        first = next(_lines([file.readline()]), {})
        file.seek(max(0, file.seek(0, os.SEEK_END) - _END_BYTES))
        *_, last = [{}, *_lines([file.read().rstrip(b"\n").rpartition(b"\n")[2]])]
        if first.get("schema") == SCHEMA and last.get("kind") == "end":
            report = {"interrupted": last.get("interrupted")}
            asked, answered = last.get("requests"), last.get("answers")
            if first.get("kind") == "run" and isinstance(asked, int) and isinstance(answered, int):
                return Past(path, first, {}, {}, (), (), report, asked, answered, running=False)
    return None


def _lines(lines: Iterable[bytes]) -> Iterator[Mapping[str, Any]]:
    """The objects on the lines; what is none is left out, such as one that was cut off."""
    for line in lines:
        with suppress(ValueError, RecursionError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value


def _journals(state_dir: Path, suffixes: tuple[str, ...] = (_SUFFIX,)) -> Sequence[Path]:
    folder = state_dir / FOLDER
    try:
        with os.scandir(folder) as entries:
            return [
                folder / entry.name
                for entry in entries
                if entry.name.endswith(suffixes) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UsageError(f"{folder} cannot be read: {error.strerror}") from error


def _opened(path: Path) -> BinaryIO:
    """The file to read, if it is a plain one: a FIFO would wait for somebody, a link may lead anywhere."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no plain file")
    return open(descriptor, "rb")


def _first(path: Path) -> Mapping[str, Any]:
    with suppress(OSError), _opened(path) as file:
        return next(_lines([file.readline()]), {})
    return {}


def _header(path: Path) -> Mapping[str, Any] | None:
    """The first line of a journal; None if it is none that this lok can read."""
    first = _first(path)
    return first if first.get("kind") == "run" and first.get("schema") == SCHEMA else None


def _started(header: Mapping[str, Any]) -> datetime:
    with suppress(ValueError, OverflowError, OSError):
        when = datetime.fromisoformat(str(header.get("started_at"))).astimezone(UTC)
        if _EPOCH.year <= when.year < MAXYEAR:  # so that any zone can tell it
            return when
    return _EPOCH


def _is_held(path: Path) -> bool:
    """Whether the lok that writes it is alive."""
    with suppress(OSError), _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
