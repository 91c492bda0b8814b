"""`use = "command"`: a backend that is nothing but a table in lok.toml."""

from __future__ import annotations

import difflib
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

from attrs import field, fields_dict, frozen

from lok_core.command import PLACEHOLDERS, CommandBackend
from lok_core.command_spec import CommandConfig, CommandSpec, ErrorPattern, Flag
from lok_core.models import Access, Profile
from lok_core.pick import Pick, check_condition, check_path

_HEEDS = "all configuration and instructions that its program looks for there"


@frozen(kw_only=True)
class CommandTable(CommandConfig):
    """The table with `use = "command"`: a program without an adapter, with the fields of `CommandSpec`.

    Attributes:
        model_pick: `CommandSpec.model`; `model` is the one to ask for.
        secrets: variables that hold its keys, beyond those that `files` and `env` name with `{env:NAME}`.
        style: one line that tells a reader how it works.
        retries: whether the program tries again by itself, so that lok does not.
        heeds: what of a directory that is not trusted the program cannot be kept from following; None where
            nobody has looked.
    """

    command: str
    flags: tuple[Flag, ...] = ()
    access: Mapping[Access, tuple[Flag, ...]] = field(factory=dict)
    forbidden: tuple[str, ...] = ()
    needs_trust: bool = False
    stdin: Literal["pipe", "file", "null"] = "pipe"
    stdout: Literal["pipe", "file"] = "pipe"
    prompt: str = "{prompt}"
    escapes: Mapping[str, str] = field(factory=dict)
    files: Mapping[str, str] = field(factory=dict)
    home: Literal["user", "private"] = "user"
    format: Literal["text", "json", "jsonl"] = "text"
    answer: Pick | None = None
    session: Pick | None = None
    model_pick: Pick | None = None
    data: Pick | None = None
    regex: str = ""
    usage: Mapping[Literal["input", "output", "cached", "cost"], Pick] = field(factory=dict)
    usage_file: str = ""
    usage_regex: str = ""
    ok_exit: tuple[int, ...] = (0,)
    fail_when: tuple[Mapping[str, Any], ...] = ()
    truncated_when: tuple[Mapping[str, Any], ...] = ()
    errors: tuple[ErrorPattern, ...] = ()
    example: str = ""
    install: str = ""
    known_good: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    style: str = ""
    retries: bool = False
    heeds: tuple[str, ...] | None = None

    def __attrs_post_init__(self) -> None:
        """Raises an ExceptionGroup of ValueErrors for everything that could only fail later."""
        problems = list(self._problems())
        if problems:
            raise ExceptionGroup("the table describes no program", [ValueError(text) for text in problems])

    def _problems(self) -> Iterator[str]:
        picks = [one for one in (self.answer, self.session, self.model_pick, self.data) if one is not None]
        picks += self.usage.values()
        conditions = [*(pick.where for pick in picks), *self.fail_when, *self.truncated_when]
        regexes = [self.regex, self.usage_regex, *(pattern.match for pattern in self.errors)]
        checks = [
            *(partial(check_path, pick.path) for pick in picks),
            *(partial(check_condition, condition) for condition in conditions),
            *(partial(_check_regex, regex) for regex in regexes),
        ]
        for check in checks:
            try:
                check()
            except ValueError as error:
                yield str(error)
        for name in self.files:
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or not path.parts:
                yield f"files: {name!r} does not lie in the private folder"
        if not any([self.answer, self.data, self.format == "text"]):
            yield f"answer is missing: where is it in the {self.format}?"
        words = [word for flag in (*self.flags, *itertools.chain(*self.access.values())) for word in flag]
        templates = [*(self.args or ()), *words, *self.extra_args, *self.files.values(), *self.env.values()]
        for name in re.findall(r"\{(\w+)\}", "".join([*templates, self.prompt, self.usage_file])):
            meant = difflib.get_close_matches(name, PLACEHOLDERS, n=1, cutoff=0.75)
            if meant and meant != [name]:
                yield f"{{{name}}} is no placeholder; did you mean {{{meant[0]}}}?"
        if "{prompt}" not in self.prompt:
            yield "prompt has no {prompt} in it"

    def spec(self) -> CommandSpec:
        """What the table says, as a spec."""
        own = {
            name: getattr(self, name)
            for name in fields_dict(CommandTable)
            if name in fields_dict(CommandSpec)
        }
        return CommandSpec(**{**own, "args": self.args or (), "model": self.model_pick, "env": {}})

    def profile(self) -> Profile:
        """What is known of the program."""
        named = {
            name
            for template in (*self.files.values(), *self.env.values())
            for name in re.findall(r"\{env:(\w+)\}", template)
        }
        return Profile(
            style=self.style,
            secrets=tuple(sorted({*self.secrets, *named})),
            access=tuple(self.access) or ("none",),
            streams_progress=self.format == "jsonl",
            retries=self.retries,
            heeds=self._heeded(),
        )

    def _heeded(self) -> tuple[str, ...]:
        if self.heeds is not None:
            return self.heeds
        # One that is held to the prompt alone is never there.
        return () if self.needs_trust or set(self.access) == {"none"} else (_HEEDS,)


def _check_regex(regex: str) -> None:
    try:
        re.compile(regex)
    except re.error as error:
        raise ValueError(f"{regex!r} is no regular expression: {error}") from None


class TableBackend(CommandBackend):
    """A program without an adapter, described by its table in lok.toml."""

    kind = "command"
    Config: ClassVar[type] = CommandTable
    needs_config = True

    def __init__(self, name: str, config: CommandTable) -> None:
        super().__init__(name, config)
        self.spec = config.spec()
        self.profile = config.profile()
