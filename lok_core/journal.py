"""What was asked and answered in a run, on disk as it happens: readable after any kill.

One append-only file of JSON lines a run, in `runs/` of the state folder. Each line is an object that says in
`kind` what it is:

    run         the first one, with what it takes to ask all of it again
    earlier     a request and its answer that an earlier run got, in whose place this one goes on
    request     what is asked, whole, and its number
    outcome     what came of the request of that number
    note        what a reader should know
    report      the report, in the form of its schema
    end         that nothing more follows, and how many were asked and answered

Others are left out by who reads them, and so is a last line that is not whole. Secrets are masked in all but
prompts: to go on, the same question has to be asked.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import Factory, asdict, define, evolve, field

from lok_core.models import Message, Request, Tool, Turn
from lok_core.outcome import Answer, Outcome, Report
from lok_core.sanitize import masked

SCHEMA = "lok.journal/1"
FOLDER = "runs"
"""The folder with the journals, in the state folder."""
UNFINISHED = ".new"
"""What the name of a journal ends in until all is in it that it begins with."""

_SAME = ("backend", "prompt", "label", "access", "model", "category")
"""What two requests have in common that are the same one, besides the model that is asked."""
_UNTOLD = ("untold",)  # stands for the model where a journal does not name it
_ASKED_MODEL = "asked_model"
"""In a journal: the request's own model, or else the one that the backend was configured with."""


def short(run: str) -> str:
    """The part of a run's id by which users call it: what was drawn at random."""
    return run.rpartition(".")[2]


@define(eq=False)
class Journal:
    """The journal of the run under way; made when something is asked.

    What cannot be written must not take the run along: it is told once, and the run goes on without.

    Attributes:
        path: the file; it must not exist yet.
        header: what the first line holds.
        mask: takes the secrets out of a text.
        warn: told why there is no journal, or no longer one.
        recalled: what an earlier run was answered; it is written first, so that this file is enough to go on.
        models: by backend, the model that its configuration names.
    """

    path: Path
    header: Mapping[str, Any]
    mask: Callable[[str], str]
    warn: Callable[[str], None]
    recalled: Recalled | None = None
    models: Mapping[str, str] = field(factory=dict, kw_only=True)
    _notes: list[str] = Factory(list)
    _requests: int = 0
    _answers: int = 0
    _file: int | None = None
    _given_up: bool = False

    @property
    def is_kept(self) -> bool:
        """Whether the file holds all that has happened so far, and something has."""
        return self._requests > 0 and not self._given_up

    @property
    def answers(self) -> int:
        """How many requests have an answer."""
        return self._answers

    @property
    def unanswered(self) -> int:
        """How many have none so far."""
        return self._requests - self._answers

    def request(self, number: int, request: Request) -> None:
        """Notes what is about to be asked."""
        if self._file is None and not self._requests:
            self._open()
        self._requests += 1
        parts = {name: getattr(request, name) for name in _SAME}
        asked = {**parts, _ASKED_MODEL: _asked_model(request, self.models)}
        self._write("request", number=number, request={**asked, "directory": str(request.directory)})

    def outcome(
        self, number: int, outcome: Outcome, *, recalled: bool = False, turn: Mapping[str, Any] | None = None
    ) -> None:
        """Writes what came of a request; it is on disk when this returns.

        Args:
            recalled: whether an earlier run got it.
            turn: what `turn_of` makes of a turn of a conversation.
        """
        if self._file is None:
            return
        plain = _plain(masked(outcome, self.mask))
        label = plain.pop("request", {}).get("label")
        more = {**({"recalled": True} if recalled else {}), **(turn or {})}
        self._answers += isinstance(outcome, Answer)
        self._write("outcome", sync=True, number=number, label=label, outcome=plain, **more)

    def note(self, text: str) -> None:
        """Writes what a reader should know; it waits for the first request."""
        if self._requests:
            self._write("note", text=self.mask(text))
        else:
            self._notes.append(text)

    def finish(self, report: Report) -> None:
        """Writes the report; nothing follows."""
        if self._file is None:
            return
        self._write("report", report=_plain(masked(report, self.mask)))
        counts = {"requests": self._requests, "answers": self._answers}
        self._write("end", sync=True, interrupted=report.interrupted, **counts)

    def close(self) -> None:
        """Who looks at it from now on sees that the run is over."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> None:
        # Under another name until it is enough to go on: one that was killed before that is no run.
        new = self.path.with_name(self.path.name + UNFINISHED)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.path.lexists(self.path):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            self._file = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            self._give_up(error)
            return
        with suppress(OSError):  # a file system without locks: then nobody can tell whether this run goes on
            fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write("run", schema=SCHEMA, **self.header)
        for earlier in self.recalled.answers if self.recalled else ():
            self._write("earlier", **earlier)
        for text in self._notes:
            self._write("note", text=self.mask(text))
        try:
            if self._file is not None:
                os.fsync(self._file)
                os.rename(new, self.path)
        except OSError as error:
            self._give_up(error)
        if self._file is None:
            with suppress(OSError):
                new.unlink()

    def _write(self, kind: str, *, sync: bool = False, **values: Any) -> None:
        if self._file is None:
            return
        try:
            # Escaped to ASCII: no lone surrogate keeps a line from being written.
            rest = memoryview((json.dumps({"kind": kind, **values}) + "\n").encode())
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if sync:
                os.fsync(self._file)
        except (OSError, ValueError, TypeError, RecursionError) as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        self.close()
        self._given_up = True
        why = getattr(error, "strerror", None) or error
        self.warn(f"the journal {self.path} cannot be written ({why}); nothing of this run can be resumed")


@define(eq=False)
class Recalled:
    """What an earlier run was answered, for one that goes on in its place.

    Attributes:
        run: the id of the earlier run.
        answers: as the journal has them: `request`, `outcome`, and for a turn of a conversation what
            `turn_of` says. Of several to the same request the first one asked comes first.
        taken: how many of them were taken.
        models: by backend, the model that its configuration names now.
    """

    run: str
    answers: Sequence[Mapping[str, Any]]
    taken: int = 0
    models: Mapping[str, str] = Factory(dict)
    _waiting: dict[tuple[object, ...], deque[Mapping[str, Any]]] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        for answer in self.answers:
            request = answer["request"]
            if "turn" in answer:
                key: tuple[object, ...] = (answer["outcome"].get("backend"), answer.get("conversation"))
            else:
                key = tuple(request.get(name) for name in _SAME)
            with suppress(TypeError):  # damaged: what cannot be hashed is no answer to anything
                self._waiting.setdefault((*key, request.get(_ASKED_MODEL, _UNTOLD)), deque()).append(answer)

    def take(self, request: Request) -> Answer | None:
        """The answer to just that request, once; None if there is none."""
        found = self._next(request, *(getattr(request, name) for name in _SAME))
        return None if found is None else self._taken(request, found)

    def take_turn(
        self, request: Request, messages: Sequence[Message], tools: Sequence[Tool]
    ) -> tuple[Turn, Answer] | None:
        """The turn that came next in just that conversation, once, and its answer on record."""
        from lok_core.report_json import read

        found = self._next(request, request.backend, _conversation(messages, tools))
        if found is None:
            return None
        with suppress(ValueError):
            turn = read(found["turn"], Turn)
            if (answer := self._taken(request, found)) is not None:
                return turn, answer
        return None

    def _taken(self, request: Request, found: Mapping[str, Any]) -> Answer | None:
        from lok_core.report_json import read

        try:
            answer = read({**found["outcome"], "request": found["request"]}, Answer)
        except ValueError:  # another lok's; then it is asked again
            return None
        self.taken += 1
        return evolve(answer, request=request)

    def _next(self, request: Request, *key: object) -> Mapping[str, Any] | None:
        for model in (_asked_model(request, self.models), _UNTOLD):
            if waiting := self._waiting.get((*key, model)):
                return waiting.popleft()
        return None


def _asked_model(request: Request, models: Mapping[str, str]) -> str | None:
    return request.model or models.get(request.backend or "")


def turn_of(turn: Turn, messages: Sequence[Message], tools: Sequence[Tool]) -> dict[str, Any]:
    """What a journal keeps of a turn besides its answer: what it follows, as a digest, and the turn."""
    return {"conversation": _conversation(messages, tools), "turn": asdict(turn)}


def _plain(value: Outcome | Report) -> dict[str, Any]:
    """What `report_json` makes of it and can read; but that imports cattrs, which takes long."""
    plain = asdict(
        value,
        filter=lambda attribute, _: attribute.name != "output_schema",
        value_serializer=lambda _, __, one: str(one) if isinstance(one, Path) else one,
    )
    outcomes = (
        zip(plain["outcomes"], value.outcomes, strict=True) if isinstance(value, Report) else [(plain, value)]
    )
    for told, outcome in outcomes:
        told["outcome"] = "answer" if isinstance(outcome, Answer) else "failure"
    return plain


def _conversation(messages: Sequence[Message], tools: Sequence[Tool]) -> str:
    import hashlib  # only a conductor needs it

    said = json.dumps([[asdict(one) for one in messages], [asdict(one) for one in tools]], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()
