"""What an answer tells: the problems in any reviewer's text, with the places and words it gives."""

from __future__ import annotations

import itertools
import re

from attrs import frozen

from lok_core.findings import cues
from lok_core.findings.blocks import parse
from lok_core.findings.candidates import Context, is_unfilled, mood_of
from lok_core.findings.choose import MAX_FINDINGS, Chooser
from lok_core.findings.embedded import structured
from lok_core.findings.heads import label_of, read_head
from lok_core.findings.places import places
from lok_core.findings.reading import Problem, read
from lok_core.findings.repeats import is_new, without_repeats
from lok_core.findings.shapes import by_shape
from lok_core.findings.text import normalise

MAX_LINES = 10_000
"""Of prose; a review of that length has never been seen, a program that prints in a loop has."""

_VERDICT = 20_000
"""Characters at either end of an answer in which it may say that there is nothing."""

_PHRASES = 100  # that say so; the rest of them would say it no better
_LOOKED_FOR, _ENOUGH = 5_000, 1_000


@frozen
class Telling:
    """What an answer tells.

    Attributes:
        problems: in the order of the text, each once.
        clean: whether the text itself says that there is nothing to report.
        unparsed_locations: how many places the text names although no problem was recognised.
        cut: which bound cut what, in words for a user.
    """

    problems: tuple[Problem, ...] = ()
    clean: bool = False
    unparsed_locations: int = 0
    cut: tuple[str, ...] = ()


def told(text: str) -> Telling:
    """The problems told in an answer: JSON in any wrapping, or Markdown and plain text as models write it.

    Never raises; what is no review (a refusal, an error, an unfilled template) tells no problem. At most
    `MAX_FINDINGS` problems, of at most `text.MAX_CHARACTERS` characters and, but for JSON, `MAX_LINES` lines.
    """
    try:
        return _told(text)
    finally:
        read_head.cache_clear()
        label_of.cache_clear()
        places.cache_clear()
        mood_of.cache_clear()


def _told(text: str) -> Telling:
    normal = normalise(text)
    cut = list(normal.cut)
    data = structured(normal.lines)
    cut.extend(data.cut)
    problems = without_repeats(data.problems)
    if not data.whole:
        rest = data.rest
        if len(rest) > MAX_LINES:
            rest = rest[:MAX_LINES]
            cut.append(f"only the first {MAX_LINES:,} lines of the answer were read")
        prose = _from_markdown(rest)
        if len(prose) > len(problems):
            problems = prose
    if len(problems) >= MAX_FINDINGS:
        problems = problems[:MAX_FINDINGS]
        cut.append(f"only the first {MAX_FINDINGS:,} findings of the answer were kept")
    if problems:
        return Telling(tuple(problems), cut=tuple(cut))
    clean = data.clean or (
        _says_clean(normal.lines) and not cues.REFUSAL.search("\n".join(normal.lines)[:2000])
    )
    return Telling((), clean, 0 if clean else _named(normal.lines), tuple(cut))


def _named(lines: tuple[str, ...]) -> int:
    """How many places the first lines of a text name, up to a number that is enough to ask again."""
    count = 0
    for line in lines[:_LOOKED_FOR]:
        count += len(places(line))
        if count >= _ENOUGH:
            break
    return count


def _says_clean(lines: tuple[str, ...]) -> bool:
    """Whether the beginning or the end of a text says that there is nothing to report."""
    text = "\n".join(lines)
    return any(
        not cues.ONLY_PARTLY.search(_sentence(part, found.start(), found.end()))
        for part in (text[:_VERDICT], text[-_VERDICT:])
        for found in itertools.islice(cues.CLEAN.finditer(part), _PHRASES)
    )


def _sentence(text: str, start: int, end: int) -> str:
    """What stands around a phrase, up to the next full stop or line end."""
    before = re.split(r"[.!?。\n]\s", text[max(start - 300, 0) : start])[-1]
    return before + re.split(r"[.!?。](?:\s|$)|\n", text[start : end + 300])[0]


def _from_markdown(lines: tuple[str, ...]) -> list[Problem]:
    tree = parse(lines)
    opening = "\n".join(lines[:8])[:400]
    for relaxed in (False, True):
        chooser = Chooser(relaxed)
        chooser.walk(tree.children, Context())
        chosen = chooser.chosen
        if cues.EXPLAINS.search(opening) or (len(chosen) < 3 and cues.REFUSAL.search(opening)):
            chosen = [candidate for candidate in chosen if candidate.graded]
        found = [(problem, candidate) for candidate in chosen if (problem := read(candidate)) is not None]
        first = [problem for problem, candidate in found if not candidate.soft]
        found = [
            (problem, one) for problem, one in found if not one.soft or not first or is_new(problem, first)
        ]
        if found or _says_clean(lines):
            return without_repeats([problem for problem, _ in found], [one.group for _, one in found])
    if cues.EXPLAINS.search(opening) or cues.REFUSAL.search(opening) or any(map(is_unfilled, lines)):
        return []
    return without_repeats([problem for one in by_shape(tree.children) if (problem := read(one)) is not None])
