"""Values written out for names that tell they are secret: `password = "..."` in code and configuration."""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Iterator

from attrs import frozen

from lok_backend_static.files import words


@frozen
class Assignment:
    """A value that looks made to be secret and begins at `start`, and the name it is given to."""

    name: str
    value: bytes
    start: int


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


def is_placeholder(value: bytes) -> bool:
    """Whether the value only stands where a secret would: "changeme", "<your key>", "${TOKEN}", "xxxx"."""
    return _PLACEHOLDER.search(value) is not None or value.lower() in _TRIVIAL


_UNQUOTED = words(".env .ini .cfg .conf .properties .yml .yaml .envrc .sh .bash .tfvars")
_QUOTED = _UNQUOTED | words(
    ".config .toml .json .json5 .xml .tf .hcl .zsh .py .js .jsx .mjs .cjs .ts .tsx .mts .cts .go .java .kt "
    ".scala .c .h .cc .cpp .cs .rb .php .rs .swift .pl .lua .ex .exs .vue .svelte .gradle .groovy .ps1"
)
_KEY = (
    rb"(?:password|passwd|pwd|passphrase|secret|token|credential|"
    rb"(?:api|access|private|signing|encryption|secret|auth)[_\-]?key)"
    rb"(?:[_\-]?(?:value|string|key|default|prod|production))?"
)
_QUOTED_VALUE = re.compile(
    rb"(?P<name>" + _KEY + rb""")["'\]]{0,2}"""
    rb"""(?:\s{0,3}:\s{0,3}[&'\w<>\[\] ]{1,30})?\s{0,5}(?::=|=>|=(?!=)|:(?!:))\s{0,5}"""
    rb"""[rbu@]{0,2}(?P<quote>["'`])(?P<value>[^"'`\n\\]{6,200})(?P=quote)"""
)
_DEFINED = re.compile(
    rb"""define\s{0,2}\(\s{0,2}["'](?P<name>[a-z0-9_]{0,40}?""" + _KEY + rb""")["']\s{0,2},\s{0,3}"""
    rb"""["'](?P<value>[^"'\n\\]{6,200})["']"""
)
_LINE_VALUE = re.compile(
    rb"(?m)^[ \t]{0,40}(?:export |- )?(?P<name>[a-z0-9_.\-]{0,40}?" + _KEY + rb")[ \t]{0,5}[:=][ \t]{0,5}"
    rb"""(?P<value>[^\s"'#;]{6,200})[ \t]{0,20}\r?$"""
)
_KEYS = tuple(
    word + dash + b"key"
    for word in (b"api", b"access", b"private", b"signing", b"encryption", b"auth")
    for dash in (b"_", b"-", b"")
)
# Asking for each is much faster than one pattern of all of them, which is tried at every letter.
_MENTIONS = (b"passw", b"pwd", b"passphrase", b"secret", b"token", b"credential", *_KEYS)
_BEFORE = re.compile(rb"[\w.\-]*$")


def assignments(file: str, content: bytes) -> Iterator[Assignment]:
    """The values in a file of code or configuration; `file` is its name."""
    base = file.rpartition("/")[2].lower()
    suffix = os.path.splitext(base)[1]
    if base.startswith(".env"):
        if base.endswith((".example", ".sample", ".template", ".dist")):
            return
        suffix = ".env"
    if suffix not in _QUOTED and not base.startswith("dockerfile"):
        return
    lower = content.lower()
    if not any(word in lower for word in _MENTIONS):
        return
    for pattern in (_QUOTED_VALUE, _DEFINED, *([_LINE_VALUE] if suffix in _UNQUOTED else [])):
        for match in pattern.finditer(lower):
            start = match.start("name")
            # Looked for backwards: a pattern that begins with any letter is tried at every letter.
            before = _BEFORE.search(content[max(0, start - 40) : start])
            name = (before[0] if before else b"") + content[start : match.end("name")]
            value = content[match.start("value") : match.end("value")]
            if _is_credential(name.lower(), value):
                yield Assignment(name.decode(errors="replace"), value, match.start("value"))


_SIGNING = re.compile(
    rb"secret[_\-]?key|(jwt|session|app|cookie|client|signing|hmac|shared)[_\-.]?secret|signing[_\-]?key"
)


def _is_credential(name: bytes, value: bytes) -> bool:
    """Whether a value given to a telling name looks made to be secret, not like a word, a name or a path."""
    if is_placeholder(value) or not value.isascii():
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
