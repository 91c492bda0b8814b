"""Where a text points to: one grammar of file names, one table of the forms in which lines are given.

Pure and linear: every quantifier is bounded or possessive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from attrs import frozen

from lok_core.findings.filenames import filenames
from lok_core.findings.linenumbers import AFTER, BEFORE, CLOSE, FAR, line_range, more_lines

CACHED = 32_768
"""A text is looked at several times, by the choice among its groups; emptied after each answer."""
MAX_TEXT = 20_000
MAX_PLACES = 1000
"""Of one text; a paragraph of more is no telling of a problem."""


@frozen
class Place:
    """A file, and lines if given, named at `start` to `stop` of a text; `path` as written.

    `explicit` is false for a mere file name without folder and line, which often is mentioned in passing.
    """

    path: str
    line: int | None
    end_line: int | None
    start: int
    stop: int
    explicit: bool


@lru_cache(maxsize=CACHED)
def places(text: str) -> tuple[Place, ...]:
    """All places named in a text, in its order; several line ranges of one file are several places."""
    if "." not in text and "/" not in text and "file" not in text and "\\" not in text:
        return ()
    text = text[:MAX_TEXT]
    tokens = list(islice(filenames(text), MAX_PLACES))
    found: list[Place] = []
    for index, (path, start, stop) in enumerate(tokens):
        limit = tokens[index + 1][1] if index + 1 < len(tokens) else len(text)
        floor = tokens[index - 1][2] if index else 0
        found.extend(_with_lines(text, path, start, stop, floor, limit))
        if len(found) >= MAX_PLACES:
            break
    return tuple(found)


def _with_lines(text: str, path: str, start: int, stop: int, floor: int, limit: int) -> Iterator[Place]:
    folder = "/" in path or "\\" in path
    closed = CLOSE.match(text, stop)
    ends = (stop,) if closed is None or closed.end() == stop else (stop, closed.end())
    limit = min(limit, stop + 200)
    for form in AFTER:
        for end in ends:
            match = form.match(text, end, limit)
            first = line_range(match.group(1), match.group(2)) if match else None
            if match and first:
                more, stop_at = more_lines(text, match.end(), limit)
                for line, end_line in [first, *more]:
                    yield Place(path, line, end_line, start, stop_at, True)
                return
    if match := BEFORE.search(text[max(floor, start - 60) : start]):
        first = line_range(match.group(1) or match.group(3), match.group(2) or match.group(4))
        if first:
            yield Place(path, first[0], first[1], start - len(match.group()), stop, True)
            return
    near = re.split(r"[;|]|\.\s|。", text[stop : min(limit, stop + 90)])[0]
    if (match := FAR.search(near)) and (first := line_range(match.group(1), match.group(2))):
        yield Place(path, first[0], first[1], start, stop, True)
        return
    yield Place(path, None, None, start, stop, folder)
