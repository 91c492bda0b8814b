"""Texts of users and backends inside of a prompt: cut where they are too long, and between fences.

A text that a backend wrote goes to another one between fences that are longer than any in it, so that it
cannot pass for the words of lok.
"""

from __future__ import annotations

import re
from collections.abc import Collection

MAX_CHARACTERS = 60_000
"""Of one text in a prompt."""
MAX_TOGETHER = 400_000
"""Of all texts of backends in a prompt."""


def capped(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text up to so many characters; where it was longer, it says so at its end."""
    if len(text) <= limit:
        return text
    return f"{text[:limit]}\n[cut off here: {len(text) - limit:,} more characters]"


def share(lengths: Collection[int]) -> int:
    """How many characters each of several texts may take in a prompt; short ones leave the rest to others."""
    left = MAX_TOGETHER
    for place, length in enumerate(sorted(lengths)):
        fair = left // (len(lengths) - place)
        if length > fair:
            return min(fair, MAX_CHARACTERS)
        left -= min(length, MAX_CHARACTERS)
    return MAX_CHARACTERS


def fenced(text: str) -> str:
    """The text between fences that are longer than any in it."""
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 0)
    return f"{fence}\n{text.rstrip()}\n{fence}"


def quoted(text: str, limit: int = MAX_CHARACTERS) -> str:
    """The text, cut where it is too long, between fences."""
    return fenced(capped(text, limit))
