"""Text from outside made safe to show: no control characters, no secrets.

What a model or a file says may hold escape sequences that rewrite the terminal, invisible characters that
turn text around, or a key that must not land in a log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

# C0 but newline and tab, DEL, C1, the bidirectional controls (CVE-2021-42574), line and paragraph separators
# (which end a line for some readers and not for others), lone surrogates, which no encoding can write, the
# byte order mark and the tag characters.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]"  # CSI: colours, cursor
    r"|[\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)"  # OSC, DCS, SOS, PM, APC: title, clipboard, links
    r"|[ -/]{0,8}[0-~])"
)

_BREAKABLE = r"(?:\r?\n[ \t]*)?"
_BREAK = re.compile(r"\r?\n[ \t]*")

T = TypeVar("T")

_ANSI_C = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\E", "'": "\\'", "\\": "\\\\"}

ORDINARY_WORDS = frozenset(
    [
        *("category", "description", "end_line", "explanation", "findings", "severity", "subtasks"),
        *("architecture", "critical", "dead-code", "injection", "patterns", "performance", "security"),
    ]
)
"""Never masked, though a variable for a key may hold one: answers could no longer be read."""

MIN_SECRET_LENGTH = 8
"""Shorter values are not masked: they would blot out ordinary words."""


def clean(text: str) -> str:
    """The text without terminal escapes; other control characters become a visible `\\xNN` form."""
    if _UNSAFE.search(text) is None:
        return text
    text = _ESCAPES.sub("", text.replace("\r\n", "\n"))
    return _UNSAFE.sub(lambda found: _visible(found.group()), text)


def clean_line(text: str) -> str:
    """Like `clean`, on a single line: newlines and tabs become visible as well."""
    return clean(text).replace("\n", "\\n").replace("\t", " ")


def mask_value(value: str) -> str:
    """A secret cut down to what still tells which one it is: its first characters and its length."""
    shown = 4 if len(value) >= 2 * MIN_SECRET_LENGTH else 0
    return f"{value[:shown]}***({len(value)} characters)"


def mask(text: str, secrets: Iterable[str]) -> str:
    """The text with each of the secret values replaced; values below `MIN_SECRET_LENGTH` are left alone.

    So are the forms that programs make of them when they write them as data, also broken into lines. If a
    secret is to be seen only once terminal escapes are gone, the text comes without these.
    """
    forms = _forms(frozenset(secrets))
    text = _hidden(text, forms)
    if _UNSAFE.search(text):
        plain = clean(text)
        hidden = _hidden(plain, forms)
        return text if hidden == plain else hidden
    return text


def _hidden(text: str, forms: Iterable[tuple[str, str]]) -> str:
    for form, shown in forms:
        if form in text:
            text = text.replace(form, shown)
    flat = _BREAK.sub("", text) if "\n" in text else ""
    for form, shown in forms if flat else ():
        if form in flat:
            text = re.sub(_BREAKABLE.join(map(re.escape, form)), shown.replace("\\", r"\\"), text)
    return text


def masked(value: T, hide: Callable[[str], str]) -> T:
    """The value with every text in it masked, however deep: in attrs classes, tuples, lists and mappings.

    What is one word of a closed list (a category, a kind) stays, and so does a `Path`, which is the user's.

    Args:
        hide: masks one text.
    """
    result: T = _masked(value, hide, words=True)
    return result


def _masked(value: Any, hide: Callable[[str], str], *, words: bool) -> Any:
    """The same object where nothing in it is hidden, since most reports hold no secret.

    Args:
        words: whether a text may be any; otherwise it is one of a closed list.
    """
    if isinstance(value, str):
        return hide(value) if words else value
    if isinstance(value, (tuple, list)):
        items = [_masked(item, hide, words=words) for item in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return (tuple(items) if isinstance(value, tuple) else items) if changed else value
    if isinstance(value, Mapping):
        pairs = {_masked(key, hide, words=True): _masked(one, hide, words=True) for key, one in value.items()}
        changed = any(key not in value or value[key] is not one for key, one in pairs.items())
        return pairs if changed else value
    fields = getattr(type(value), "__attrs_attrs__", ())
    changes = {}
    for field in fields:
        old = getattr(value, field.name)
        # The annotation: that of a closed list is a name or a Literal.
        new = _masked(old, hide, words="str" in str(field.type))
        if new is not old:
            changes[field.alias] = new
    if not changes:
        return value
    from attrs import evolve

    return evolve(value, **changes)


@lru_cache(maxsize=8)
def _forms(secrets: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Every form in which a secret may stand in a text, and what to show in its place.

    Longest first, so that a secret which contains another one is not left with its tail showing.
    """
    found: dict[str, str] = {}
    for secret in sorted(secrets, key=lambda one: (-len(one), one)):
        if len(secret) >= MIN_SECRET_LENGTH and secret.strip() not in ORDINARY_WORDS:
            whole = (secret, secret.strip()) if secret.strip() != secret else (secret,)
            written = (form for one in whole for form in (one, *_written(one)))
            for form in (*written, *_lines(secret)):
                if len(form) >= MIN_SECRET_LENGTH:
                    found.setdefault(form, mask_value(secret))
    return tuple(sorted(found.items(), key=lambda pair: (-len(pair[0]), pair[0])))


def _written(secret: str) -> Iterator[str]:
    """What programs make of a secret when they write it as data."""
    import base64
    import html
    import json
    import shlex
    from urllib.parse import quote, quote_plus

    for ascii_only in (True, False):
        text = json.dumps(secret, ensure_ascii=ascii_only)[1:-1]
        yield text
        yield text.replace("/", "\\/")  # PHP
        yield re.sub("[&<>\u2028\u2029]", lambda found: f"\\u{ord(found[0]):04x}", text)  # Go
    yield repr(secret)[1:-1]
    yield repr(f"'\"{secret}")[4:-1]
    yield shlex.quote(secret).strip("'")
    yield re.sub(r"""[ '"\\|&;()<>!{}*[\]?^$`,]""", r"\\\g<0>", secret)  # printf %q
    yield "".join(_ANSI_C.get(one, one) for one in secret)  # $'...', what it makes of control characters
    data = secret.encode(errors="surrogateescape")
    yield repr(data)[2:-1]
    yield repr(b"'\"" + data)[5:-1]
    for safe in ("", "/", "!'()*", ";,/?:@&=+$!'()*#"):  # the last two: JavaScript
        for address in (quote(data, safe=safe), quote_plus(data, safe=safe)):
            yield address
            yield re.sub("%[0-9A-F]{2}", lambda found: found[0].lower(), address)
    for quotes in (True, False):
        yield html.escape(secret, quote=quotes)
    yield clean(secret)
    yield clean_line(secret)
    # In what is encoded along with other text (`user:key`), it may begin at any of three places of a group.
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            code = encode(b"\0" * before + data).decode().rstrip("=")
            known = code[-(-before * 4 // 3) : None if (before + len(data)) % 3 == 0 else -1]
            yield known


def _lines(secret: str) -> Iterator[str]:
    """Each line of a secret of several, but those that only say what it is (`-----BEGIN ...`)."""
    lines = [line.strip() for line in secret.strip().splitlines()]
    return (line for line in lines if len(lines) > 1 and not line.startswith("-----"))


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
