"""What comes out of a run: answers, failures, findings, and the report that holds them all.

The only things that a renderer sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from attrs import frozen

from lok_core.models import (
    SEVERITIES,
    Area,
    Category,
    FailureKind,
    Grounding,
    Reply,
    Request,
    Severity,
    Usage,
)


@frozen
class Answer:
    """A request that was answered, by which backend, and how many seconds after its start.

    Attributes:
        findings: how many findings were taken from it; None where none are looked for.
        clean: whether it says itself that there is nothing to report.
        unparsed_locations: how many places it names although no finding was recognised in it.
        instead_of: the backend that was asked first and failed, and in whose place this one was asked.
    """

    request: Request
    backend: str
    reply: Reply
    duration_s: float
    attempts: int = 1
    findings: int | None = None
    clean: bool = False
    unparsed_locations: int = 0
    instead_of: str = ""

    @property
    def is_unread(self) -> bool:
        """Whether nothing was taken from it though it does not say that there is nothing: a refusal, say."""
        return self.findings == 0 and not self.clean


@frozen
class Failure:
    """A request that was not answered, why, and what had been said until then.

    Attributes:
        partial: the text that had arrived; never lost, never taken for an answer.
        detail: the traceback of a failing plugin; empty otherwise.
        retry_after_s: in how many seconds it may be asked again, if the program or its provider said so.
        instead_of: the backend that was asked first and failed, and in whose place this one was asked.
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
    retry_after_s: float | None = None
    instead_of: str = ""


Outcome: TypeAlias = Answer | Failure


GROUNDED: tuple[Grounding, ...] = ("exact", "moved", "elsewhere")
"""The results of grounding that mean that the evidence exists."""


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
        place: where it put the problem, before anything was checked; None if it did not say.
        quote: the code it quoted as its evidence.
        incomplete: whether its answer was cut off.
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
    place: Location | None = None
    quote: str = ""
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

    @property
    def agreement(self) -> int:
        """How many distinct backends report it."""
        return len({source.backend for source in self.sources})

    @property
    def is_lead(self) -> bool:
        """Whether only analysers report it."""
        return all(source.lead for source in self.sources)

    @property
    def is_open(self) -> bool:
        """Whether nobody has set it aside: neither the baseline nor a comment in the code."""
        return not self.known and self.suppressed is None

    @property
    def grounded(self) -> bool:
        """Whether its evidence was found in the code."""
        return self.grounding in GROUNDED


@frozen
class Gate:
    """What makes a run fail (exit code 1): a finding that meets all of it, neither known nor suppressed.

    Attributes:
        severity: findings as bad as this, or worse.
        quorum: reported by as many distinct backends.
        only_grounded: whose evidence was found in the code.
    """

    severity: Severity
    quorum: int = 1
    only_grounded: bool = False

    def fails_on(self, finding: Finding) -> bool:
        """Whether the finding makes the run fail."""
        return (
            SEVERITIES.index(finding.severity) <= SEVERITIES.index(self.severity)
            and finding.agreement >= self.quorum
            and (finding.grounded or not self.only_grounded)
            and finding.is_open
        )


@frozen
class Screening:
    """What becomes of the findings of a run.

    Attributes:
        gate: what makes the run fail.
        min_severity: findings less severe than this are left out.
        only_grounded: whether findings are left out whose evidence was not found in the code.
        baseline: the file with the findings that are known; it need not exist where it is updated.
        update_baseline: whether what it does not know is added to it afterwards.
        prune: whether entries are taken from it whose line is gone.
        repair: whether a language model is asked once more where its answer names places and no finding
            could be read from it.
    """

    gate: Gate | None = None
    min_severity: Severity = "info"
    only_grounded: bool = False
    baseline: Path | None = None
    update_baseline: bool = False
    prune: bool = False
    repair: bool = True


@frozen
class Participant:
    """A backend that took part in a run.

    Attributes:
        name: the configured name; `kind` is the adapter's.
        distribution, version: of the plugin that offers it.
        model: the model that answered; empty if it is not known, or if there is none.
    """

    name: str
    kind: str
    distribution: str
    version: str
    model: str = ""


@frozen
class Detail:
    """What only one mode knows of its run; `mode`, which every one has, tells them apart.

    Those of the modes in which several backends work together are in `lok_core.details`.
    """


@frozen
class AskDetail(Detail):
    """Report.detail of `lok ask`."""

    prompt: str
    mode: Literal["ask"] = "ask"


@frozen
class TaskDetail(Detail):
    """Report.detail of a task: its name, its description, the names of its prompts."""

    name: str
    description: str
    prompts: tuple[str, ...] = ()
    mode: Literal["task"] = "task"


@frozen
class GroundDetail(Detail):
    """Report.detail of `lok ground`: what the findings were read from."""

    file: str
    mode: Literal["ground"] = "ground"


@frozen
class Leaked:
    """A process that outlived its backend and was ended by lok. `label` names the request it came from."""

    pid: int
    command: str
    label: str = ""


@frozen
class Change:
    """A file of the directory that was added, changed or removed during a run that should only read.

    Attributes:
        path: relative to the report's directory, with forward slashes.
        backend: the only one whose own tool events name the file; empty if it is not known who did it.
    """

    path: str
    kind: Literal["added", "changed", "removed"]
    backend: str = ""

    @property
    def told(self) -> str:
        """What happened, on one line unless the path has more; who did it is left open, as nobody saw it."""
        by = f" (by you, or by {self.backend}, whose tool events name it)" if self.backend else ""
        return f"{self.kind} during the run: {self.path}{by}"


@frozen
class Report:
    """Everything a run produced; schema `lok.report/1`, additive until 1.0.

    Attributes:
        command: the command line's own word ("hunt", "ask").
        directory: the absolute directory the run was about.
        outcomes: one per request, in the order asked.
        findings: ranked, worst first, merged over backends and prompts.
        backends: who took part, by name.
        gate: what makes the run fail; None if nothing does.
        baseline: the file that says which findings are known; empty without one.
        usage: totals over all answers; a total is None when any part of it is unknown.
        detail: what only this mode knows, told apart by its `mode`.
        notes: what a reader should know about how the report came to be.
        degraded: what makes it less than what was asked for: caps that were reached, backends of several that
            did not answer, findings that could not all be taken in, who answered in whose place.
        leaked: processes that outlived their backends and were ended.
        changed: files that were changed in the directory while the backends were allowed to read only,
            whoever did it.
        inconclusive: why there is no result though something was answered; empty as a rule.
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
    backends: tuple[Participant, ...] = ()
    gate: Gate | None = None
    baseline: str = ""
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    leaked: tuple[Leaked, ...] = ()
    changed: tuple[Change, ...] = ()
    inconclusive: str = ""
    interrupted: bool = False
    started_at: str = ""
    duration_s: float = 0.0
    run: str = ""
    lok_version: str = ""
    schema: Literal["lok.report/1"] = "lok.report/1"

    @property
    def asked(self) -> int:
        """How many requests there were; one that went on to another backend is still one."""
        return sum(not outcome.instead_of for outcome in self.outcomes)

    @property
    def unanswered(self) -> int:
        """How many of these nobody has answered."""
        return self.asked - sum(isinstance(outcome, Answer) for outcome in self.outcomes)

    @property
    def stand_ins(self) -> tuple[str, ...]:
        """Who answered in whose place: "c answered in the place of a (a: quota, b: auth)"."""
        failed: dict[tuple[str, str, str], list[str]] = {}
        told = []
        for one in self.outcomes:
            first = one.instead_of or one.backend
            chain = failed.setdefault((first, one.request.label, one.request.prompt), [])
            if isinstance(one, Failure):
                chain.append(f"{one.backend}: {one.kind}")
            elif one.instead_of:
                told.append(f"{one.backend} answered in the place of {first} ({', '.join(chain)})")
        return tuple(dict.fromkeys(told))

    @property
    def gaps(self) -> tuple[str, ...]:
        """Those sentences of `degraded` that mean that something is missing: not who stood in for whom."""
        stand_ins = self.stand_ins
        return tuple(why for why in self.degraded if why not in stand_ins)


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
