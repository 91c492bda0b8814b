"""Text from outside made safe to show: no control characters, no secrets.

What a model or a file says may hold escape sequences that rewrite the terminal, invisible characters that
turn text around, or a key that must not land in a log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

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
    """The text with each of the secret values replaced; values below `MIN_SECRET_LENGTH` are left alone."""
    # Longest first, so that a secret which contains another one is not left with its tail showing.
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= MIN_SECRET_LENGTH and secret in text:
            text = text.replace(secret, mask_value(secret))
    return text


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
