"""What comes out of a run: answers, failures, findings, and the report that holds them all.

The only things that a renderer sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from attrs import frozen

from lok_core.models import Area, Category, FailureKind, Grounding, Reply, Request, Severity, Usage


@frozen
class Answer:
    """A request that was answered, by which backend, and how many seconds after its start."""

    request: Request
    backend: str
    reply: Reply
    duration_s: float
    attempts: int = 1


@frozen
class Failure:
    """A request that was not answered, why, and what had been said until then.

    Attributes:
        partial: the text that had arrived; never lost, never taken for an answer.
        detail: the traceback of a failing plugin; empty otherwise.
    """

    request: Request
    backend: str
    kind: FailureKind
    message: str
    hint: str = ""
    partial: str = ""
    duration_s: float = 0.0
    attempts: int = 0
    detail: str = ""


Outcome: TypeAlias = Answer | Failure


@frozen
class Location:
    """A place in the code. `path` is relative to the report's directory with forward slashes; lines count
    from 1, `end_line` is inclusive. None: not said."""

    path: str
    line: int | None = None
    end_line: int | None = None


@frozen
class Source:
    """One backend's own telling of a finding, kept word for word when findings are merged.

    Attributes:
        backend: the configured name.
        label: the prompt it answered.
        model: the model, if known.
        rule: the analyser's own rule id ("S608"); empty for a language model.
        lead: whether an analyser reported it. A lead points at a pattern; nobody has judged it yet.
    """

    backend: str
    label: str
    title: str
    explanation: str
    severity: Severity
    category: Category
    model: str | None = None
    rule: str = ""
    lead: bool = False
    incomplete: bool = False


@frozen
class Finding:
    """One reported problem.

    Attributes:
        title: what is wrong, in one line.
        explanation: why it matters and what to do.
        severity: the highest that a source gave.
        locations: the first is the finding's place, the others are further evidence.
        quote: the source line as reported, or as read when grounded; secrets masked.
        sources: who reported it, each in its own words; never empty.
        grounding: what checking the evidence found.
        area: the part of the code base of the first location.
        fingerprint: identifies the finding from run to run; empty until computed.
        known: whether the baseline holds it.
        suppressed: the reason given in the code for not wanting to see it, or None.
        incomplete: whether every source was an answer that was cut off.
    """

    title: str
    explanation: str
    severity: Severity
    category: Category
    locations: tuple[Location, ...]
    sources: tuple[Source, ...]
    quote: str = ""
    grounding: Grounding = "unchecked"
    area: Area = "source"
    fingerprint: str = ""
    known: bool = False
    suppressed: str | None = None
    incomplete: bool = False


@frozen
class AskDetail:
    """Report.detail of `lok ask`."""

    prompt: str
    mode: Literal["ask"] = "ask"


@frozen
class TaskDetail:
    """Report.detail of a task: its name, its description, the names of its prompts."""

    name: str
    description: str
    prompts: tuple[str, ...] = ()
    mode: Literal["task"] = "task"


Detail: TypeAlias = AskDetail | TaskDetail


@frozen
class Leaked:
    """A process that outlived its backend and was ended by lok. `label` names the request it came from."""

    pid: int
    command: str
    label: str = ""


@frozen
class Report:
    """Everything a run produced; schema `lok.report/1`, additive until 1.0.

    Attributes:
        command: the command line's own word ("hunt", "ask").
        directory: the absolute directory the run was about.
        outcomes: one per request, in the order asked.
        findings: ranked, worst first, merged over backends and prompts.
        usage: totals over all answers; a total is None when any part of it is unknown.
        detail: what only this mode knows, told apart by its `mode`.
        notes: what a reader should know about how the report came to be.
        degraded: why the panel is not what was asked for; empty when it is.
        leaked: processes that outlived their backends and were ended.
        interrupted: whether the run was ended before everything was asked and answered.
        started_at: UTC, ISO 8601.
        duration_s: seconds of the whole run.
        run: the id of the run.
    """

    command: str
    directory: Path
    outcomes: tuple[Outcome, ...]
    detail: Detail
    findings: tuple[Finding, ...] = ()
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    leaked: tuple[Leaked, ...] = ()
    interrupted: bool = False
    started_at: str = ""
    duration_s: float = 0.0
    run: str = ""
    lok_version: str = ""
    schema: Literal["lok.report/1"] = "lok.report/1"


EventKind = Literal["queued", "started", "progress", "text", "retry", "finished", "note"]


@frozen
class Event:
    """Something that happened during a run, told as it happens.

    Attributes:
        number: counts the requests of a run from 1; 0 for what concerns the whole run.
        text: the activity, the chunk that was said, why a retry, or the note.
        outcome: with `finished`.
    """

    kind: EventKind
    number: int = 0
    backend: str = ""
    label: str = ""
    text: str = ""
    outcome: Outcome | None = None


@frozen
class View:
    """How a person wants to see a report.

    Attributes:
        all: every finding, not only the first five leads of each prompt.
        answers: also what the backends said word for word.
        width: columns of the terminal.
        color: whether terminal colours are understood.
    """

    all: bool = False
    answers: bool = False
    width: int = 80
    color: bool = False
