"""What a case of a contract is, and what is held against it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import evolve, frozen

from lok_core.command_spec import CommandSpec
from lok_core.interfaces import Backend

_HEAD_LINE = "a line that is left out\n"


@frozen
class Subject:
    """A backend that is held against the contract.

    Attributes:
        backend: the instance.
        program: the name of the program that it starts; empty if there is none, or lok cannot know it.
        says: what that program prints when its answer is the text; None if that is not known.
        asks: whether it may be asked though nothing stands in for what it asks.
    """

    backend: Backend
    program: str = ""
    says: Callable[[str], str] | None = None
    asks: bool = True

    @property
    def spec(self) -> CommandSpec | None:
        """The spec of a backend that is a command line."""
        spec = getattr(self.backend, "spec", None)
        return spec if isinstance(spec, CommandSpec) else None

    @property
    def form(self) -> str:
        """What its program's output is: `text`, `json` or `jsonl`."""
        if self.spec is not None:
            return self.spec.format
        said = self.says("x") if self.says is not None else ""
        try:
            json.loads(said)
        except ValueError:
            return "jsonl" if said.startswith("{") else "text"
        return "json"


def subject_of(backend: Backend, *, asks: bool = True) -> Subject:
    """The backend with what its spec says of its program.

    A program that the configuration names by its path is looked up by its name instead, so that a fake one
    takes its place.
    """
    spec = getattr(backend, "spec", None)
    if not isinstance(spec, CommandSpec):
        return Subject(backend, asks=asks)
    command = getattr(backend.config, "command", None) or spec.command
    program = os.path.basename(command)
    if program == "npx":
        words = backend.config.args or ()
        package = next((word for word in words if not word.startswith("-")), spec.command)
        own = os.path.basename(spec.command)
        program = package.rpartition("/")[2].partition("@")[0] if own == "npx" else own
    elif command != program:
        backend = again(backend, command=program)
    return Subject(backend, program, spoken(spec, getattr(backend.config, "skip_lines", 0)), asks)


def again(backend: Backend, name: str = "", **changes: Any) -> Backend:
    """A fresh instance, with changes to its configuration."""
    config = evolve(backend.config, **changes) if changes else backend.config
    made = type(backend)(name or backend.name, config)
    made.profile = backend.profile
    return made


def spoken(spec: CommandSpec, skip_lines: int = 0) -> Callable[[str], str] | None:
    """How a program with that spec says an answer, by the example that the spec gives."""
    if spec.format == "text":
        example = spec.example or _HEAD_LINE * (skip_lines or spec.skip_lines) + "{answer}"
        return lambda answer: example.replace("{answer}", answer)
    if not spec.example:
        return None
    example = spec.example if spec.example.endswith("\n") else f"{spec.example}\n"
    return lambda answer: example.replace("{answer}", json.dumps(answer, ensure_ascii=False)[1:-1])


@frozen
class Need:
    """What a case needs of a backend.

    Attributes:
        words: which programs or backends have it, for the table of cases.
        lacks: why it is not there; empty if it is.
    """

    words: str
    lacks: Callable[[Subject], str]


def _holds(words: str, lack: str, holds: Callable[[Subject], bool]) -> Need:
    return Need(words, lambda subject: "" if holds(subject) else lack)


def _speaks(subject: Subject) -> str:
    if not subject.program:
        return "it runs no program that a fake one could stand in for"
    if subject.says is None:
        return "`example` in its spec does not say how its program answers"
    return ""


PROGRAM = Need("programs", lambda subject: "" if subject.program else _speaks(subject))
SPEAKS = Need("programs", _speaks)
ANSWERS = Need("", lambda subject: "" if subject.asks and not subject.program else _speaks(subject))
SECRETS = _holds(
    "with `secrets`",
    "its profile names no `secrets`",
    lambda subject: bool(subject.backend.profile.secrets),
)
NONE = _holds(
    "with access `none`",
    "its profile does not have access `none`",
    lambda subject: "none" in subject.backend.profile.access,
)
READ = _holds(
    "with access `read`",
    "its profile does not have access `read`",
    lambda subject: "read" in subject.backend.profile.access,
)
SCHEMA = _holds(
    "with `output_schema`",
    "its profile does not have `output_schema`",
    lambda subject: subject.backend.profile.output_schema,
)
CONVERSES = _holds(
    "with `converses`",
    "its profile does not have `converses`",
    lambda subject: subject.backend.profile.converses,
)
STREAMS = _holds(
    "with `streams_progress`, or of plain text",
    "its profile does not have `streams_progress`",
    lambda subject: (
        subject.backend.profile.streams_progress or (subject.spec is not None and subject.form == "text")
    ),
)
JSON = _holds("of JSON", "its program prints plain text", lambda subject: subject.form != "text")
JSONL = _holds(
    "of JSON by lines", "its program does not print JSON by lines", lambda subject: subject.form == "jsonl"
)
MODEL = _holds(
    "with `{model}` in the spec",
    "its spec has no `{model}`",
    lambda subject: (
        subject.spec is not None and any("{model}" in word for flag in subject.spec.flags for word in flag)
    ),
)


@frozen
class Case:
    """One thing that a contract promises.

    Attributes:
        name: a slug.
        promise: one sentence.
        check: raises AssertionError, with what a plugin's author has to mend; for backends and tasks a
            coroutine function.
        needs: what a backend must have for it to apply.
    """

    name: str
    promise: str
    check: Callable[[Any], Any]
    needs: tuple[Need, ...] = ()

    @property
    def holds_for(self) -> str:
        """The backends to which it applies, in words."""
        words = [need.words for need in self.needs if need.words]
        return " ".join(words if "programs" in words else ["all", *words])

    def left_out(self, subject: Subject) -> str:
        """Why it does not apply; empty if it does."""
        return next((lack for need in self.needs if (lack := need.lacks(subject))), "")

    def __str__(self) -> str:
        return self.name


Check = TypeVar("Check", bound=Callable[..., Any])


def case_of(cases: list[Case], promise: str, *needs: Need) -> Callable[[Check], Check]:
    """Makes a case of a function and adds it; the function's name is the case's."""

    def made(check: Check) -> Check:
        cases.append(Case(check.__name__.replace("_", "-"), promise, check, needs))
        return check

    return made
