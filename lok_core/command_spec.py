"""What a command line is called with and how its output is read, as data.

`CommandSpec` says all of it, so that a table of lok.toml can; see `command.py` for what runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from lok_core.models import FAILURE_KINDS, Access, FailureKind
from lok_core.pick import Pick as Pick

_USAGE = ("input", "output", "cached", "cost")
_FLAGS = '(("--flag", "value"),), a tuple for each flag'

Flag = tuple[str, ...]
"""A flag and its values, as separate arguments; placeholders are filled in."""


@frozen
class ErrorPattern:
    """What a failure looks like, tried only once it is known to be one: an answer may speak of a 401, too.

    Attributes:
        match: a regular expression, searched for in the output.
        kind: what it means.
        stream: where it is searched.
        exit: the exit code that goes with it; None for any.
        hint: what to do about it.
    """

    match: str
    kind: FailureKind
    stream: Literal["stdout", "stderr", "both"] = "both"
    exit: int | None = None
    hint: str = ""

    def __attrs_post_init__(self) -> None:
        if self.kind not in FAILURE_KINDS:
            raise ValueError(f"ErrorPattern: {self.kind!r} is no kind; there are {', '.join(FAILURE_KINDS)}")


COMMON_ERRORS = (
    # Quota before rate limit: providers send both with status 429, and only one of them passes by itself.
    ErrorPattern(
        r"insufficient_quota|exceeded your current quota|exhausted your .{0,20}(quota|capacity)"
        r"|Quota exceeded|[Uu]sage limit|hit your .{0,20}limit|([Hh]our|[Ww]eekly|[Ss]ession) limit reached",
        "quota",
    ),
    ErrorPattern(
        r"\b401\b|\b403\b|Incorrect API key|[Ii]nvalid API key|auth_error|AuthenticationError"
        r"|[Aa]uthentication (failed|error)"
        r"|[Nn]ot logged in",
        "auth",
    ),
    ErrorPattern(r"\b429\b|[Rr]ate.?limit|RateLimitError", "rate_limit"),
    ErrorPattern(r"\b529\b|\b503\b|[Oo]verloaded|high demand", "overloaded"),
    ErrorPattern(
        r"[Cc]onnection (error|refused|reset)|ECONNRE|ENOTFOUND|Could not connect|[Uu]nable to connect|"
        r"fetch failed|connection attempts failed|socket connection was closed|APIConnectionError|"
        r"stream disconnected|\b50[0-4]\b",
        "network",
    ),
    ErrorPattern(r"[Tt]imed out|deadline exceeded", "timeout"),
    ErrorPattern(r"\b404\b|does not exist|NotFoundError|[Mm]odel .{0,80}not found|\b400\b", "invalid"),
    ErrorPattern(r"content.?(filter|moderation)|safety (policy|settings|filter)|refus(ed|al)", "refused"),
)


@frozen
class CommandSpec:
    """A program and how lok talks with it.

    Placeholders: `{prompt}` (as `prompt` makes it), `{prompt_file}` (the same as a file), `{model}`,
    `{out_file}` (a path to write to), `{work_dir}` (the request's directory), `{folder}` (the private one),
    `{timeout_s}` (whole seconds until lok's own deadline, a week at most). They stand in arguments, `files`,
    `env` and `usage_file`; in `files` and `env` also `{env:NAME}`, a variable. In an argument, `{prompt}` is
    all of it, or all after `--flag=`.

    Attributes:
        command: the program's name or path.
        args: its first arguments; a user's `args` take their place.
        flags: what lok adds, each unless it is there already; a flag with `{model}` only if there is a model.
        access: flags for each level of access; the highest level up to the one that is asked for counts. They
            replace what the user gave of the same name. Empty: the program has no tools that need holding.
        forbidden: flags that are taken out of the user's, since they would grant more than was asked for:
            `--flag`, `--flag=` with one value, `--flag...` with all values up to the next flag, and
            `--flag START` with one value that begins so.
        needs_trust: whether the program is started in trusted directories only, since nothing keeps it from
            following the configuration that lies there.
        stdin: how the prompt arrives: through a pipe, as a file, or not at all.
        stdout: where it writes to. A file is for a program that ends before a pipe has taken all it wrote,
            and so loses the end of a long answer.
        prompt: the template of what arrives.
        escapes: what stands in the place of texts in the prompt that the program would replace, so that it
            reads them as they were.
        files: files written into the private folder beforehand, by their path in it.
        env: variables to set; one with `{model}` only if there is a model.
        home: whether the program sees the user's home or a private one, `home` in the private folder.
        format: of standard output; `json` may be an array, whose elements count like lines.
        answer, session, model, data: where these are; for text the answer is all of it.
        regex: for text: the answer is its first group (or all it matches), and there is none without a match.
        skip_lines: for text: lines left out at its beginning.
        usage: where the tokens are: `input`, `output`, `cached`, `cost`.
        usage_file: a JSON file, with placeholders, that holds the usage instead of standard output.
        usage_regex: finds the usage in what both streams say, by groups named like the keys of `usage`.
        ok_exit: exit codes that allow success.
        fail_when: conditions like `Pick.where`, each for one object of the output. A failure that an answer
            follows was got over.
        truncated_when: the same for answers that were cut off.
        errors: what failures look like, first match first; `COMMON_ERRORS` come after them. Where the exit
            code allows success, they count if there is no answer; plain text of one or two lines is taken
            for a failure if one of them begins with a pattern of `errors`, as an answer may speak of it.
        example: what the program prints when it answers, for the contract's cases: `{answer}` stands for the
            answer, in the JSON formats for what is between the quotes of a JSON string. For plain text empty.
        install: the command that installs the program.
        known_good: versions it was tested with, or their beginnings ("1.2" is also 1.2.3).
    """

    command: str
    args: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    access: Mapping[Access, tuple[Flag, ...]] = field(factory=dict)
    forbidden: tuple[str, ...] = ()
    needs_trust: bool = False
    stdin: Literal["pipe", "file", "null"] = "pipe"
    stdout: Literal["pipe", "file"] = "pipe"
    prompt: str = "{prompt}"
    escapes: Mapping[str, str] = field(factory=dict)
    files: Mapping[str, str] = field(factory=dict)
    env: Mapping[str, str] = field(factory=dict)
    home: Literal["user", "private"] = "user"
    format: Literal["text", "json", "jsonl"] = "text"
    answer: Pick | None = None
    session: Pick | None = None
    model: Pick | None = None
    data: Pick | None = None
    regex: str = ""
    skip_lines: int = 0
    usage: Mapping[str, Pick] = field(factory=dict)
    usage_file: str = ""
    usage_regex: str = ""
    ok_exit: tuple[int, ...] = (0,)
    fail_when: tuple[Mapping[str, Any], ...] = ()
    truncated_when: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[ErrorPattern, ...] = ()
    example: str = ""
    install: str = ""
    known_good: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        """Raises ValueError for what Python takes and is a slip: a text is a sequence, too, of characters."""
        for name in ("args", "forbidden", "known_good"):
            _check_texts(name, getattr(self, name), '("one", "other")')
        for name, flags in (
            ("flags", self.flags),
            *((f"access[{one!r}]", self.access[one]) for one in self.access),
        ):
            if isinstance(flags, str):
                raise ValueError(f"{name} is {flags!r}; write {_FLAGS}")
            for flag in flags:
                _check_texts(f"a flag of {name}", flag, _FLAGS)
        if unknown := sorted(set(self.usage) - set(_USAGE)):
            raise ValueError(f"usage has the key {unknown[0]!r}; there are {', '.join(_USAGE)}")


def _check_texts(name: str, texts: object, right: str) -> None:
    if not isinstance(texts, (tuple, list)) or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"{name} is {texts!r}; write {right}")


@frozen
class CommandConfig:
    """The table in lok.toml of a backend that is a command line.

    Attributes:
        command: the program instead of the adapter's.
        args: its first arguments instead of the adapter's.
        extra_args: arguments after all others.
        model: the model, unless a request names one.
        env: variables to set.
        skip_lines: lines left out at the beginning of text output.
    """

    command: str | None = None
    args: tuple[str, ...] | None = None
    extra_args: tuple[str, ...] = ()
    model: str | None = None
    env: Mapping[str, str] = field(factory=dict)
    skip_lines: int = 0
