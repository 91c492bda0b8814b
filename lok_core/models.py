"""What lok and its plugins exchange: frozen values, without behaviour that touches the world.

The closed lists of words come first. What comes out of a run is in `outcome`: every plugin needs this module
at import and lok has to import every plugin to list its commands, so it holds no more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from attrs import frozen

Category = Literal[
    "errors",
    "performance",
    "dead-code",
    "injection",
    "auth",
    "secrets",
    "security",
    "patterns",
    "architecture",
    "general",
]
"""What a request or a finding is about. `security` holds every weakness that has no category of its own."""

FailureKind = Literal[
    "unavailable",
    "auth",
    "rate_limit",
    "quota",
    "overloaded",
    "network",
    "timeout",
    "stalled",
    "refused",
    "empty",
    "truncated",
    "too_large",
    "invalid",
    "protocol",
    "crashed",
    "cancelled",
    "plugin",
]
"""Why there is no answer.

`invalid`: unknown model, HTTP 400, a flag the program does not know. `cancelled`: ended or never started on
request, and the message says whose. `plugin`: the adapter itself raised; the fault is its author's.
"""

Severity = Literal["critical", "high", "medium", "low", "info"]
Access = Literal["none", "read", "write"]
"""What a backend may do with the directory of a request."""

Grounding = Literal[
    "unchecked",
    "exact",
    "moved",
    "elsewhere",
    "quote-missing",
    "line-out-of-range",
    "file-missing",
    "ambiguous",
    "unlocated",
]
"""Whether the evidence of a finding exists: `moved` was re-anchored at the line where its quote stands."""

Area = Literal["source", "tests", "vendored", "generated"]
"""What part of a code base a path belongs to; all but `source` are ranked last."""

CATEGORIES: tuple[Category, ...] = get_args(Category)
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)
LIMITED: tuple[FailureKind, ...] = ("rate_limit", "quota")  # until a moment that may be known
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # worst first
AREAS: tuple[Area, ...] = get_args(Area)  # as ranked


@frozen
class Profile:
    """What a backend is good at, needs and can do. Adapters state it; lok relies on it.

    Attributes:
        strengths: categories it is recommended for, best first.
        style: one line that tells a reader how it works, for `lok backends`.
        aliases: names by which the model behind it calls itself, its maker's and its product's; in a debate
            the others read a letter instead.
        secrets: names, or prefixes ending in `_`, of environment variables that hold its credentials. They
            are withheld from every backend that does not declare them.
        env: further environment variables (names, or prefixes ending in `_`) it needs.
        is_llm: whether a language model answers. Others (analysers) get one request per category.
        answers_questions: whether it can be asked anything; false for an analyser.
        asked_by_default: whether it is asked without being named.
        access: the levels of access it can enforce.
        output_schema: whether it can be held to a JSON schema.
        streams_progress: whether its stream shows signs of life before the answer is complete.
        converses: whether `Backend.converse` is implemented.
        retries: whether it retries passing failures by itself, so that lok does not.
        heeds: what its program follows of a directory that is not trusted, since nothing keeps it from that;
            told by `lok doctor`.
    """

    strengths: tuple[Category, ...] = ()
    style: str = ""
    aliases: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    is_llm: bool = True
    answers_questions: bool = True
    asked_by_default: bool = True
    access: tuple[Access, ...] = ("none",)
    output_schema: bool = False
    streams_progress: bool = False
    converses: bool = False
    retries: bool = False
    heeds: tuple[str, ...] = ()


@frozen
class Prompt:
    """One question of a task.

    Attributes:
        name: what it is known by; groups and names its answers.
        text: `{facts}` and its kin (docs/task-packs.md) are replaced by what lok detects about the code base.
        category: what it is about; decides who is asked.
        when: names of facts; it is asked only where one of them holds. Empty: it is asked anywhere.
        unless: names of facts; it is left out where one of them holds.
    """

    name: str
    text: str
    category: Category = "general"
    when: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


@frozen
class Request:
    """One prompt for one backend.

    Attributes:
        prompt: the whole text, any length; never empty.
        directory: the absolute working directory it is about.
        backend: a configured name; None lets delegation choose.
        model: None for the backend's default.
        access: what the backend may do with `directory`.
        label: the name of the prompt within a task ("n+1"); groups and names its outcome.
        category: what it is about; decides delegation.
        output_schema: a JSON schema that the reply's `data` should satisfy.
    """

    prompt: str
    directory: Path
    backend: str | None = None
    model: str | None = None
    access: Access = "none"
    label: str = ""
    category: Category = "general"
    output_schema: Mapping[str, Any] | None = None


@frozen
class Usage:
    """What a reply cost. None means that the backend does not say: unknown, never zero.

    Tokens are counts; `cost_usd` is in US dollars as the backend itself reports it.
    """

    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None


@frozen
class Reply:
    """What a backend gives back.

    Attributes:
        text: the answer as prose; may be empty only when `data` is there.
        data: the structured answer; where findings were asked for, an object of the schema `lok.findings/1`.
        session: the backend's own id of the conversation, to look it up there.
        model: the model that really answered, if the backend says so.
        notes: what a reader must know to judge the reply ("auth cannot be judged without a model").
    """

    text: str = ""
    data: Mapping[str, Any] | None = None
    usage: Usage = Usage()
    session: str | None = None
    model: str | None = None
    notes: tuple[str, ...] = ()


@frozen
class Finished:
    """How a child process ended.

    Attributes:
        returncode: the exit code; negative: the number of the signal that ended it.
        stdout, stderr: what it wrote, up to the cap: its beginning and its end.
        stdout_dropped, stderr_dropped: bytes cut out between the two.
        orphaned_pipe: whether someone still held its output open after it had exited.
        duration_s: seconds from start to exit.
    """

    returncode: int
    stdout: bytes
    stderr: bytes
    stdout_dropped: int = 0
    stderr_dropped: int = 0
    orphaned_pipe: bool = False
    duration_s: float = 0.0


@frozen
class Health:
    """What `Backend.check` found without asking the model anything.

    Attributes:
        ready: whether a request could be answered, as far as can be told.
        program: the path of the program, or the endpoint.
        known_good: whether this version was tested with lok; None where there are no versions.
        logged_in: None if it cannot be told.
        hint: the one command that mends what is missing.
    """

    ready: bool
    message: str = ""
    program: str | None = None
    version: str | None = None
    known_good: bool | None = None
    logged_in: bool | None = None
    hint: str = ""


@frozen
class BackendInfo:
    """A configured backend as tasks, modes and rules see it.

    Attributes:
        name: the configured name; `kind` is the adapter's.
        available: whether its program or key is there.
        eligible: whether it may be asked questions in this run.
    """

    name: str
    kind: str
    profile: Profile
    available: bool
    eligible: bool


@frozen
class Vote:
    """A delegation rule's opinion: `weight` adds up over rules, negative advises against."""

    backend: str
    weight: float
    reason: str


@frozen
class Ranking:
    """Backends in the order recommended, with the votes that led to it."""

    order: tuple[str, ...]
    votes: tuple[Vote, ...] = ()


@frozen
class Tool:
    """A function that a conversing model may call; `parameters` is a JSON schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@frozen
class ToolCall:
    """A model's wish to call a tool; `id` ties the result to it."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@frozen
class Message:
    """One message of a conversation; with role `tool` the result of the call `call_id`."""

    role: Literal["user", "assistant", "tool"]
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    call_id: str = ""
    failed: bool = False


@frozen
class Turn:
    """What a conversing model said: text, or calls that want results, or both.

    Attributes:
        in_text: whether lok has read it from plain text, as the model called no tools by itself.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    usage: Usage = Usage()
    model: str | None = None
    in_text: bool = False
