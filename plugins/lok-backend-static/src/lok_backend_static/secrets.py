"""Looks for credentials in the text of a file: tokens of known forms, and values of telling names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from itertools import chain, islice

from attrs import frozen

from lok_backend_static.assigned import assignments, is_placeholder
from lok_core import Area, Severity

ADVICE = "Read it from the environment or a secret store. What was committed stays in the history."


@frozen
class Secret:
    """A credential in a file.

    Attributes:
        rule: the id of its pattern, "secret:github-token".
        line: where it begins, counted from 1.
        value: the credential itself, never to be shown; it can be several lines long.
        value_line: where the value begins.
    """

    rule: str
    line: int
    value: str
    value_line: int
    title: str
    explanation: str
    severity: Severity


@frozen
class Pattern:
    """A known form of credential; the fields are those of secret-patterns.toml."""

    name: str
    title: str
    severity: Severity
    hints: tuple[str, ...]
    regex: re.Pattern[bytes]
    advice: str


@cache
def patterns() -> tuple[Pattern, ...]:
    """The known forms."""
    table = tomllib.loads(files("lok_backend_static").joinpath("secret-patterns.toml").read_text())
    return tuple(
        Pattern(
            name=name,
            title=entry["title"],
            severity=entry["severity"],
            hints=tuple(entry["hints"]),
            regex=re.compile(entry["regex"].encode()),
            advice=entry["advice"],
        )
        for name, entry in table.items()
    )


@cache
def _hints() -> dict[str, re.Pattern[bytes]]:
    return {hint: re.compile(hint.encode()) for pattern in patterns() for hint in pattern.hints}


MAX_PER_FILE = 100
"""A file with more is a list of made-up ones, or has been told often enough."""


@frozen
class _Found:
    start: int
    value_start: int
    value: bytes
    rule: str
    title: str
    severity: Severity
    advice: str


def find_secrets(name: str, content: bytes, area: Area) -> list[Secret]:
    """The credentials in a file, in the order of their lines; one for each value and line.

    Args:
        name: of the file; tells configuration and code from prose.
        content: the whole of it.
        area: values of telling names are not looked for in tests, where they are made up.
    """
    assigned = _assigned(name, content) if area != "tests" else iter(())
    found = chain(islice(_known(content), MAX_PER_FILE), islice(assigned, MAX_PER_FILE))
    secrets: dict[tuple[int, bytes], Secret] = {}
    for one in found:
        line, value_line = _line(content, one.start), _line(content, one.value_start)
        # The forms come first and tell more than a telling name.
        told = (known for number, known in secrets if number == value_line)
        if not any(one.value in known or known in one.value for known in told):
            secrets[value_line, one.value] = Secret(
                rule=one.rule,
                line=line if b"\n" in one.value else value_line,
                value=one.value.decode(errors="replace"),
                value_line=value_line,
                title=one.title,
                explanation=f"{one.advice} {ADVICE}",
                severity=one.severity,
            )
    return sorted(secrets.values(), key=lambda secret: secret.line)


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


def _assigned(name: str, content: bytes) -> Iterator[_Found]:
    for assignment in assignments(name, content):
        yield _Found(
            start=assignment.start,
            value_start=assignment.start,
            value=assignment.value,
            rule="secret:assigned-value",
            title=f"A credential is written out as the value of {assignment.name}",
            severity="medium",
            advice="Whoever can read the code can use it; change it.",
        )


def _known(content: bytes) -> Iterator[_Found]:
    lower = content.lower()
    present = {hint for hint, regex in _hints().items() if regex.search(lower)}
    if not present:
        return
    for pattern in patterns():
        if present.isdisjoint(pattern.hints):
            continue
        for match in pattern.regex.finditer(content):
            group = "value" if match.groupdict().get("value") is not None else 0
            if _is_real(match, match[group]):
                yield _Found(
                    start=match.start(),
                    value_start=match.start(group),
                    value=match[group],
                    rule=f"secret:{pattern.name}",
                    title=pattern.title,
                    severity=pattern.severity,
                    advice=pattern.advice,
                )


_NO_HOST = re.compile(rb"(.*\.)?(example(\.(com|org|net))?|test|invalid)|host(name)?", re.IGNORECASE)


def _is_real(match: re.Match[bytes], value: bytes) -> bool:
    """Whether the value of a known form is no placeholder."""
    if is_placeholder(value) or len(set(value)) < min(6, len(value) - 2):
        return False
    named = match.groupdict()
    if named.get("host") is None:
        return True
    # In an address the value has no form of its own.
    if _NO_HOST.fullmatch(named["host"]) or value == named["user"]:
        return False
    return not value.startswith((b"$", b"%", b"{", b"["))
