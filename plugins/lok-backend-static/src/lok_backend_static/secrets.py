"""Looks for credentials in the text of a file: known forms of tokens, and values given to telling names."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from attrs import frozen

from lok_backend_static.files import words
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
    literals: tuple[bytes, ...]
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
            literals=tuple(literal.encode() for literal in entry["literals"]),
            regex=re.compile(entry["regex"].encode()),
            advice=entry["advice"],
        )
        for name, entry in table.items()
    )


@cache
def _any_literal() -> re.Pattern[bytes]:
    literals = {literal for pattern in patterns() for literal in pattern.literals}
    return re.compile(b"|".join(re.escape(literal) for literal in sorted(literals)))


def find_secrets(name: str, content: bytes, area: Area) -> list[Secret]:
    """The credentials in a file, in the order of their lines; one for each value and line.

    Args:
        name: of the file; tells configuration and code from prose.
        content: the whole of it.
        area: values of telling names are not looked for in tests, where they are made up.
    """
    found = [*_known(content)]
    if area != "tests":
        found += _assigned(name, content)
    secrets: dict[tuple[int, bytes], Secret] = {}
    for match, group, rule, title, severity, advice in found:
        line, value_line = _line(content, match.start()), _line(content, match.start(group))
        value = match[group]
        # The forms come first and tell more than a telling name.
        if not any(value_line == other and (value in known or known in value) for other, known in secrets):
            secrets[value_line, value] = Secret(
                rule=rule,
                line=line if b"\n" in value else value_line,
                value=value.decode(errors="replace"),
                value_line=value_line,
                title=title,
                explanation=f"{advice} {ADVICE}",
                severity=severity,
            )
    return sorted(secrets.values(), key=lambda secret: secret.line)


def _line(content: bytes, position: int) -> int:
    return content.count(b"\n", 0, position) + 1


_Found = tuple[re.Match[bytes], int | str, str, str, Severity, str]
# the match, the group of the value, the rule, its title, severity and advice


def _known(content: bytes) -> Iterator[_Found]:
    # One pass tells that most files hold nothing; only then are the patterns gone through one by one.
    present = set(_any_literal().findall(content))
    if not present:
        return
    for pattern in patterns():
        # A literal may hide behind a longer or an overlapping one in `present`.
        if present.isdisjoint(pattern.literals) and not any(word in content for word in pattern.literals):
            continue
        for match in pattern.regex.finditer(content):
            group = "value" if match.groupdict().get("value") is not None else 0
            if _is_real(match, match[group]):
                rule = f"secret:{pattern.name}"
                yield match, group, rule, pattern.title, pattern.severity, pattern.advice


_PLACEHOLDER = re.compile(
    rb"example|change[-_ ]?(me|it|this)|your[-_ ]?|placeholder|dummy|redacted|removed|fake|sample|foobar|"
    rb"x{4}|\*{3}|\.{3}|^<|>$|\$\{|\$\(|\{\{|^\{[\w.]*\}$|^%\w|%\(|^\$\w+$|1234567890|abcdefgh|"
    rb"fixme|todo|replace[-_ ]|insert[-_ ]|getenv|environ|process\.env|eyJzdWIiOiIxMjM0NTY3ODkwIi",
    re.IGNORECASE,
)
_TRIVIAL = frozenset(
    b"pass password passwd pwd pw secret user username guest root admin test testing token key none null "
    b"true false undefined postgres mysql redis rabbitmq mongo secretpassword mypassword".split()
)

_NO_HOST = re.compile(rb"(.*\.)?(example(\.(com|org|net))?|test|invalid)|host(name)?", re.IGNORECASE)


def _is_real(match: re.Match[bytes], value: bytes) -> bool:
    """Whether the value of a known form is no placeholder."""
    if _PLACEHOLDER.search(value) or len(set(value)) < min(6, len(value) - 2):
        return False
    named = match.groupdict()
    if named.get("host") is None:
        return True
    # In an address the value has no form of its own.
    if _NO_HOST.fullmatch(named["host"]) or value.lower() in _TRIVIAL or value == named["user"]:
        return False
    return not value.startswith((b"$", b"%", b"{", b"["))


# --- values given to telling names

_UNQUOTED = words(".env .ini .cfg .conf .properties .yml .yaml .envrc .sh .bash .tfvars")
_QUOTED = _UNQUOTED | words(
    ".config .toml .json .json5 .xml .tf .hcl .zsh .py .js .jsx .mjs .cjs .ts .tsx .mts .cts .go .java .kt "
    ".scala .c .h .cc .cpp .cs .rb .php .rs .swift .pl .lua .ex .exs .vue .svelte .gradle .groovy .ps1"
)
_NAME = (
    rb"(?P<name>[A-Za-z0-9_.\-]{0,40}?(?:passwo?r?d|passwd|pwd|passphrase|secret|token|"
    rb"api[_\-]?key|access[_\-]?key|private[_\-]?key|signing[_\-]?key|encryption[_\-]?key|secret[_\-]?key|"
    rb"auth[_\-]?key|credential)(?:[_\-]?(?:value|string|key|default|prod|production))?)"
)
_MENTIONED = re.compile(rb"passw|pwd|secret|token|key|credential|passphrase", re.IGNORECASE)
_QUOTED_VALUE = re.compile(
    rb"(?i)(?<![A-Za-z0-9_])" + _NAME + rb"""["'\]]{0,2}"""
    rb"""(?:\s{0,3}:\s{0,3}[&'\w<>\[\] ]{1,30})?\s{0,5}(?::=|=>|=(?!=)|:(?!:))\s{0,5}"""
    rb"""(?:[rbu@]{0,2})(?P<quote>["'`])(?P<value>[^"'`\n\\]{6,200})(?P=quote)"""
)
_DEFINED = re.compile(
    rb"""(?i)define\s{0,2}\(\s{0,2}["']""" + _NAME + rb"""["']\s{0,2},\s{0,3}"""
    rb"""["'](?P<value>[^"'\n\\]{6,200})["']"""
)
_LINE_VALUE = re.compile(
    rb"(?im)^[ \t]{0,40}(?:export |- )?" + _NAME + rb"[ \t]{0,5}[:=][ \t]{0,5}"
    rb"""(?P<value>[^\s"'#;]{6,200})[ \t]{0,20}\r?$"""
)


def _assigned(name: str, content: bytes) -> Iterator[_Found]:
    base = name.rpartition("/")[2].lower()
    suffix = os.path.splitext(base)[1]
    if base.startswith(".env"):
        if base.endswith((".example", ".sample", ".template", ".dist")):
            return
        suffix = ".env"
    elif base.startswith(".") and not suffix:
        suffix = base
    if suffix not in _QUOTED and not base.startswith("dockerfile"):
        return
    if not _MENTIONED.search(content):
        return
    matches = [*_QUOTED_VALUE.finditer(content), *_DEFINED.finditer(content)]
    if suffix in _UNQUOTED:
        matches += _LINE_VALUE.finditer(content)
    for match in matches:
        if _is_credential(match["name"].lower(), match["value"]):
            yield (
                match,
                "value",
                "secret:assigned-value",
                f"A credential is written out as the value of {match['name'].decode(errors='replace')}",
                "medium",
                "Whoever can read the code can use it; change it.",
            )


_SIGNING = re.compile(
    rb"secret[_\-]?key|(jwt|session|app|cookie|client|signing|hmac|shared)[_\-.]?secret|signing[_\-]?key"
)


def _is_credential(name: bytes, value: bytes) -> bool:
    """Whether a value given to a telling name looks made to be secret, not like a word, a name or a path."""
    if _PLACEHOLDER.search(value) or value.lower() in _TRIVIAL or not value.isascii():
        return False
    if re.match(rb"[/.~]|https?://|[a-z]+://|[{<(\[$%@!&*]", value) or b" " in value:
        return False
    digits = any(byte in b"0123456789" for byte in value)
    letters = sum(65 <= byte <= 90 or 97 <= byte <= 122 for byte in value)
    if re.search(rb"passw|pwd|passphrase", name):
        symbols = re.search(rb"[^\w.:/\-]", value) is not None
        return letters >= 2 and (digits or symbols) and not re.fullmatch(rb"[\w.\[\]()]+\([\w.,]*\)", value)
    if _SIGNING.search(name):
        return len(value) >= 8 and (digits or value.count(b"-") >= 2) and not _is_name(value)
    return len(value) >= 16 and digits and letters >= 4 and _entropy(value) >= 3.0 and not _is_name(value)


def _is_name(value: bytes) -> bool:
    """Whether it reads as an identifier, a dotted path, or a header: X-Api-Key-2, auth.v1.token."""
    return re.fullmatch(rb"[A-Za-z]+\d?(?:[_.:/][A-Za-z]*\d?)*|[A-Z]+(?:[_\-][A-Z0-9]+)*", value) is not None


def _entropy(value: bytes) -> float:
    """Bits a character, from how often each occurs in the value."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())
