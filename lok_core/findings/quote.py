"""Quotes and source code in one form, so that one can be looked up in the other.

Models copy code with other white space, line numbers, quotation marks, comments of their own, parts left out
as `...`, and secrets masked. A quote therefore has several readings, the literal one first.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, pairwise, zip_longest
from typing import Literal, TypeAlias

from attrs import evolve, frozen

Form: TypeAlias = Literal["collapsed", "squeezed"]
"""`collapsed`: Unicode NFC, each run of white space one space. `squeezed`: NFKC, no white space but between
words, one kind of quotation mark, no invisible characters."""

MAX_QUOTE = 20_000
"""Characters of a quote that are read."""
PROVING = 8
"""The weight (see `weight`) from which a part of a line is evidence; below it only whole lines are."""

_ELIDED, _ELIDED_LINES = 8000, 60  # what may stand where a quote has a row that says `...`, or a mask
_ELIDED_WITHIN = 200  # characters that may stand where it says `...` within a row
_TRIES = 1000  # beginnings looked at for one quote
_TRIES_WITHIN = 50  # and for each of its further pieces
_CUT_SHORT = 60  # from this length a quote may end within a word

_KEYWORDS = """
and as async await begin break case class const continue def default do done elif else elsif end endif
esac export false False fi finally fn for from func function if impl import in int is let mut new nil
None not null or package pass private protected public pub return self static str string struct super
switch then this throw true True try type undefined var void while with yield
"""
_SAY_NOTHING = frozenset(_KEYWORDS.split())
_WORD = re.compile(r"\w+")
_BESIDE_SIGNS = re.compile(r" (?=[^\w\s])|(?<=[^\w\s]) ")
_ALIKE = str.maketrans(
    {
        **dict.fromkeys('"`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2032\u2033', "'"),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"),
        **dict.fromkeys("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"),
    }
)

_FENCE = re.compile(r"\s*(?:```|~~~)[\w+.:-]*\s*$")
_NUMBERED = re.compile(r"\s*[Ll]?\d{1,7}(?:\s*[:|\u2502\u2192]|\s*\t|\s{2})\s?(?P<code>.*)")
_HUNK = re.compile(r"@@ .*@@")
_COMMENTED = re.compile(r"(?P<code>.*?)\s(?:#|//|--|;|%|<!--|/\*|<-+|\u2190)[\s\u2190].*")
_COMMENT = re.compile(r"\s*(?:#|//|--|;|%|<!--|/?\*)\s")
_LEFT_OUT = re.compile(
    r"(\s*(?:(?:#|//|--|/\*)\s*)?(?:\[\s*)?(?:\.{3,}|\u2026)(?:\s*\])?(?:\s*\*/)?\s*"
    r"|\*{3,}(?:\(\d+ characters\))?|<(?:redacted|masked|secret)>|\[(?:redacted|masked)\]"
    r"|\u2022{3,}|\ufffd+)",
    re.IGNORECASE,
)


def collapse(text: str) -> str:
    """The text in the form `collapsed`."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def squeeze(text: str) -> str:
    """The text in the form `squeezed`."""
    text = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _BESIDE_SIGNS.sub("", " ".join(text.translate(_ALIKE).split()))


_FORMS: dict[Form, Callable[[str], str]] = {"collapsed": collapse, "squeezed": squeeze}


def weight(text: str) -> int:
    """How much a piece of code says: the letters and digits of its words that are no keywords; 0: nothing."""
    return sum(len(word.strip("_")) for word in _WORD.findall(text) if word not in _SAY_NOTHING)


@frozen(eq=False)
class Text:
    """The lines of a file as one string in one form, with the way back from its offsets to line numbers.

    Attributes:
        blob: the lines joined; blank ones have no part in it.
        offsets, numbers: of each line that is not blank, where it begins in the blob, and its number from 1.
    """

    form: Form
    blob: str
    offsets: array[int]
    numbers: array[int]

    def line_at(self, offset: int) -> int:
        """The number of the line at the offset."""
        return self.numbers[bisect_right(self.offsets, offset) - 1]

    def offset_of(self, line: int) -> int:
        """Where the first line with this number or a higher one begins."""
        index = bisect_left(self.numbers, line)
        return self.offsets[index] if index < len(self.offsets) else len(self.blob)

    def edge(self, offset: int) -> bool:
        """Whether a line begins at the offset, or the text ends there."""
        index = bisect_left(self.offsets, offset)
        return offset >= len(self.blob) or (index < len(self.offsets) and self.offsets[index] == offset)

    def whole(self, begin: int, end: int) -> bool:
        """Whether these are whole lines."""
        return self.edge(begin) and (self.edge(end) or (self.blob[end] == " " and self.edge(end + 1)))


def text_of(lines: Iterable[str], form: Form, first: int = 1) -> Text:
    """The lines, of which the first has that number, in a form to search in; linear in their length."""
    change = _FORMS[form]
    changed = [(number, part) for number, line in enumerate(lines, first) if (part := change(line))]
    parts = [part for _, part in changed]
    if form == "collapsed":
        gaps = [" "] * (len(parts) - 1)
    else:
        gaps = [" " if _wordlike(one[-1]) and _wordlike(two[0]) else "" for one, two in pairwise(parts)]
    blob = "".join(part + gap for part, gap in zip_longest(parts, gaps, fillvalue=""))
    widths = (len(part) + len(gap) for part, gap in zip(parts, gaps, strict=False))
    offsets = accumulate(widths, initial=0) if parts else ()
    return Text(form, blob, array("L", offsets), array("L", [number for number, _ in changed]))


@frozen
class Gap:
    """What may lie between two pieces of a quote: characters, line ends; and whether it may cut a word."""

    characters: int
    lines: int
    cuts: bool = False


_SKIPPED = Gap(1500, 1500)  # between two lines of a quote that leaves lines out without saying so


@frozen
class Reading:
    """One way to understand a quote.

    Attributes:
        pieces: what has to follow one another, in the form `form`; never empty.
        gaps: between the pieces.
        cut_before, cut_after: whether it may begin or end within a word, of which the rest is masked.
        weight: see `weight`, of all pieces.
        rows: how many lines the quote has.
        partial: whether rows of the quote, those that a diff removes, have no part in it.
    """

    form: Form
    pieces: tuple[str, ...]
    gaps: tuple[Gap, ...] = ()
    cut_before: bool = False
    cut_after: bool = False
    weight: int = 0
    rows: int = 1
    partial: bool = False


def readings(quote: str) -> list[Reading]:
    """What a quote may mean, the most literal first; empty for a quote without any text."""
    quote = quote[:MAX_QUOTE]
    rows = [row for row in re.split(r"\r\n|\r|\n", quote) if row.strip() and not _FENCE.match(row)]
    versions = [rows]
    for version in (_undecorated(rows), _unticked(rows)):
        if version and version not in versions:
            versions.append(version)
    versions += [_uncommented(version) for version in versions]
    code = sum(not _HUNK.match(row.lstrip()) for row in rows)
    texts = [("\n".join(version), len(version) < code) for version in versions]
    made: list[Reading] = []
    for form in _FORMS:
        made += (evolve(_reading(form, [text]), partial=partial) for text, partial in texts)
    for form in _FORMS:
        made += (
            evolve(_elided(form, text), partial=partial) for text, partial in texts if _LEFT_OUT.search(text)
        )
    return [reading for reading in dict.fromkeys(made) if reading.pieces]


def loose_readings(quote: str) -> list[Reading]:
    """The lines of a quote as pieces of their own: it may leave lines out without saying so."""
    made = []
    for form in _FORMS:
        rows = [row for row in re.split(r"\r\n|\r|\n", quote[:MAX_QUOTE]) if not _FENCE.match(row)]
        rows = _undecorated(rows) or rows
        for version in (rows, _uncommented(rows)):
            saying = [row for row in version if weight(row) and not _COMMENT.match(row)]
            if len(saying) > 1:
                made.append(_reading(form, saying, [_SKIPPED] * (len(saying) - 1)))
    return list(dict.fromkeys(made))


def forward(text: Text, reading: Reading, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Where the quote stands: begin and end in the blob, with the begin in `start:stop`, ascending."""
    first = reading.pieces[0]
    at = text.blob.find(first, start, stop - 1 + len(first))
    for _ in range(_TRIES):
        if at < 0:
            return
        end = _fits(text, reading, at)
        if end:
            yield at, end
        at = text.blob.find(first, at + 1, stop - 1 + len(first))


def backward(text: Text, reading: Reading, stop: int, start: int) -> Iterator[tuple[int, int]]:
    """The same, descending."""
    first = reading.pieces[0]
    at = stop
    for _ in range(_TRIES):
        at = text.blob.rfind(first, start, at - 1 + len(first)) if at > start else -1
        if at < 0:
            return
        end = _fits(text, reading, at)
        if end:
            yield at, end


def _fits(text: Text, reading: Reading, begin: int) -> int:
    """The end of the quote that begins here; 0 if it does not."""
    blob, end = text.blob, begin + len(reading.pieces[0])
    if not reading.cut_before and _splits_word(blob, begin):
        return 0
    for gap, piece in zip(reading.gaps, reading.pieces[1:], strict=True):
        at = _behind(text, gap, piece, end)
        if at < 0:
            return 0
        end = at + len(piece)
    # what a program cut at a number of characters ends anywhere
    cut = not reading.gaps and end - begin >= _CUT_SHORT and text.edge(begin)
    if not reading.cut_after and not cut and _splits_word(blob, end):
        return 0
    return end if reading.weight >= PROVING or text.whole(begin, end) else 0


def _behind(text: Text, gap: Gap, piece: str, end: int) -> int:
    """Where the piece begins that follows the gap that begins here; -1 if it does not."""
    if not gap.cuts and _splits_word(text.blob, end):
        return -1
    beyond = text.offset_of(text.line_at(end - 1) + gap.lines + 1)
    stop = min(end + gap.characters + 1, beyond) - 1 + len(piece)
    at = text.blob.find(piece, end, stop)
    for _ in range(_TRIES_WITHIN):
        if at < 0 or gap.cuts or not _splits_word(text.blob, at):
            return at
        at = text.blob.find(piece, at + 1, stop)
    return -1


def _splits_word(blob: str, offset: int) -> bool:
    return 0 < offset < len(blob) and _wordlike(blob[offset - 1]) and _wordlike(blob[offset])


def _wordlike(character: str) -> bool:
    return character.isalnum() or character == "_"


def _reading(form: Form, parts: Sequence[str], gaps: Sequence[Gap] = ()) -> Reading:
    pieces = tuple(filter(None, map(_FORMS[form], parts)))
    rows = sum(part.count("\n") + 1 for part in parts)
    return Reading(form, pieces, tuple(gaps), weight=sum(map(weight, pieces)), rows=rows)


def _elided(form: Form, text: str) -> Reading:
    """What is said, with gaps where the text says that something is masked or left out."""
    found = _LEFT_OUT.split(text)
    parts: list[str] = []
    gaps: list[Gap] = []
    left_out = ""
    for number, one in enumerate(found):
        if number % 2 or not _FORMS[form](one):
            left_out += one
            continue
        inner = one.strip()
        before, after = one.split(inner, 1) if inner else ("", "")
        gaps.append(_gap(left_out + before))
        parts.append(inner)
        left_out = after
    gaps.append(_gap(left_out))
    reading = _reading(form, parts, gaps[1:-1])
    return evolve(reading, cut_before=gaps[0].cuts, cut_after=gaps[-1].cuts)


def _gap(left_out: str) -> Gap:
    """What a mark means, given with the white space around it: masked, or rows or parts of one left out."""
    ends = left_out.count("\n")
    masks = bool(left_out.strip()) and "..." not in left_out and "\u2026" not in left_out
    lines = _ELIDED_LINES if ends > 1 else ends
    return Gap(_ELIDED if masks or ends > 1 else _ELIDED_WITHIN, lines, masks)


def _undecorated(rows: list[str]) -> list[str]:
    """The rows without the line numbers, or the signs of a diff or a citation, that each carries."""
    numbered = [_NUMBERED.match(row) for row in rows]
    if rows and all(numbered):
        return [found["code"] for found in numbered if found]
    bare = [row.lstrip() for row in rows]
    if rows and all(row[:1] == ">" for row in bare):
        return [row[1:] for row in bare]
    changed = [row for row in bare if not _HUNK.match(row)]
    if any(row[:1] in ("+", "-") for row in changed):
        gone = "-" if any(row[:1] == "+" for row in changed) else ""  # what a change removed is not there
        kept = [row for row in changed if row[:1] != gone]
        return [row[1:] if row[:1] in ("+", "-") else row for row in kept]
    return []


def _uncommented(rows: list[str]) -> list[str]:
    """The rows without comments after code, which the model may have added."""
    return [
        found["code"] if (found := _COMMENTED.match(row)) and _whole(found["code"]) else row for row in rows
    ]


def _whole(code: str) -> bool:
    return bool(code.strip()) and not any(code.count(mark) % 2 for mark in "\"'`")


def _unticked(rows: list[str]) -> list[str]:
    text = "\n".join(rows).strip()
    inner = text.strip("`")
    return inner.split("\n") if inner and inner != text and text[0] == text[-1] == "`" else []
