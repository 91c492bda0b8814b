"""How alike two tellings of a problem are, by their words alone.

Two models rarely share a word: "SQL injection in `find`" and "user input concatenated into the query" are one
problem. So the kinds of problem that they name count most; then come the words themselves (rapidfuzz, which
also serves other languages), the category, and the names of the code. The weights were set on the pairs in
tests/test_findings_merge.py; benchmarks/merging.py measures them on others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from attrs import frozen
from rapidfuzz import fuzz

from lok_core.findings.kinds import kinds_of
from lok_core.models import Category

SAME_LINE = 3.0
"""The likeness (see `likeness`) from which two tellings about one line are one problem."""
NEAR = 3.5
"""The same for lines near each other."""
NO_PLACE = 5.0
"""The same where nothing but the words tells."""
SAME_FILE = 4.0
"""The same where a file is named and not both say the line."""
SLACK = 1.5
"""How much less two tellings may have in common when a third one resembles both."""
KNOWN = 2.0
"""What is enough where the line of code is the same and of one telling nothing is left but its title."""

_NARROW: frozenset[Category] = frozenset({"injection", "secrets", "dead-code"})
_VAGUE: frozenset[Category] = frozenset({"general", "patterns", "architecture", "errors"})
_RELATED: frozenset[Category] = frozenset({"injection", "auth", "secrets", "security"})
_OF_A_NAME: frozenset[Category] = frozenset({"secrets", "dead-code"})
"""What is about a name: with another name it is another problem."""
_LONGEST = 2000
_WORD = re.compile(r"[nN]\+1|[A-Z]{2,}\d*(?![a-z])|[A-Z]?[^\W\d_A-Z]+\d*|[A-Z]|\d+")
_TICKED = re.compile(r"`+([^`\n]+)`+")
_CODE = re.compile(r"\b\w+(?:\.\w+)+|\b\w+(?:_\w+|\(\)|(?<=[a-z])[A-Z]\w*)")
_SENTENCE = re.compile(r"[.;!?:\n](?=\s|$)")
_ENDING = re.compile(r"(ations?|ating|ated|ates?|ings?|ions?|ied|ies|ised?|ized?|ers?|ors?|ed|es|ly|[sye])$")
_NAME = re.compile(r"[^\W\d]\w*")
_OF_LANGUAGES = """
except exception pass return none true false null nil self this def class import from if else for while in
is not and or with try raise catch throw new await async var let const function fn func int str bool string
void static public private open print get set len range read write
"""
_KEYWORDS = frozenset(_OF_LANGUAGES.split())
_SAY_LITTLE = """
a an the of in on at by to for from with without into via and or not no is are be it its this that may can
could might will should would must possible potential potentially probable possibly use used using uses
usage code issue problem bug error errors vulnerability risk which when if as due because missing lack lacks
function method call called calls value values detected found here has have does do than so all any each
line der die das den dem des ein eine und oder in im ist wird nicht
"""
_STOP = frozenset(_SAY_LITTLE.split())


@frozen(eq=False)  # made once for each text, and told apart by identity
class Telling:
    """What the words of one telling say; made by `telling`.

    Attributes:
        title: the words of the title, sorted.
        kinds, all_kinds: the kinds of problem that the title, and it or the explanation, speak of.
        stems, all_stems: their words without endings and without those that say little.
        names, all_names: the names of code in them.
        frame: the stems of the title without its names.
        said: what it was read from; an order among tellings.
    """

    title: str
    category: Category
    kinds: frozenset[str]
    all_kinds: frozenset[str]
    stems: frozenset[str]
    all_stems: frozenset[str]
    names: frozenset[str]
    all_names: frozenset[str]
    frame: frozenset[str]
    said: tuple[str, str, Category]


def telling(title: str, explanation: str, category: Category) -> Telling:
    """A telling, read for what `likeness` compares; of long texts the beginning."""
    said = title, explanation, category
    title, explanation = title[:_LONGEST], explanation[:_LONGEST]
    in_title, in_text = _words(title), [_words(sentence) for sentence in _SENTENCE.split(explanation)]
    names, kinds, stems = _names(title), kinds_of(in_title), _stems(in_title)
    return Telling(
        title=" ".join(sorted(in_title)),
        category=category,
        kinds=kinds,
        all_kinds=kinds.union(*map(kinds_of, in_text)),
        stems=stems,
        all_stems=stems.union(*map(_stems, in_text)),
        names=names,
        all_names=names | _names(explanation),
        frame=stems - _stems(word for name in names for word in _words(name)),
        said=said,
    )


def likeness(one: Telling, other: Telling) -> float:
    """How much speaks for two tellings being of one problem, in points; symmetric.

    To be compared with `SAME_LINE` and its fellows: how much is needed depends on what their places say.
    """
    kind = _by_kind(one, other)
    if kind < 0 or _of_other_names(one, other):
        return -5.0
    return kind + _by_words(one, other) + _by_category(one.category, other.category) + _by_names(one, other)


def nearly_identical(one: Telling, other: Telling) -> bool:
    """Whether two tellings differ in no more than a letter or the order of the words."""
    return one.all_names == other.all_names and fuzz.ratio(one.title, other.title) >= 95


def _of_other_names(one: Telling, other: Telling) -> bool:
    """The same sentence about something else: "unused import `os`", "unused import `sys`"."""
    return bool(one.names and other.names and one.names.isdisjoint(other.names)) and one.frame == other.frame


def _by_kind(one: Telling, other: Telling) -> float:
    if one.kinds & other.kinds:
        return 3.0
    crossed = bool(one.kinds & other.all_kinds) + bool(other.kinds & one.all_kinds)
    if one.kinds and other.kinds:
        return (-1.0, 0.0, 2.0)[crossed]  # two kinds, told apart even where the words resemble each other
    return 2.0 if crossed else 1.0 if one.all_kinds & other.all_kinds else 0.0


def _by_words(one: Telling, other: Telling) -> float:
    titles = max(fuzz.ratio(one.title, other.title, score_cutoff=50) / 50 - 1, 0.0)
    shared = one.all_stems & other.all_stems
    if not shared:
        return 3 * titles
    of_titles = len(one.stems & shared) / (len(one.stems) or 1) + len(other.stems & shared) / (
        len(other.stems) or 1
    )
    texts = len(shared) / max(min(len(one.all_stems), len(other.all_stems)), 5)
    return 3 * max(titles, of_titles / 2) + 2 * texts


def _by_category(one: Category, other: Category) -> float:
    if one == other:
        return 1.0 if one in _NARROW else 0.5
    if {one, other} <= _RELATED or one in _VAGUE or other in _VAGUE:
        return 0.0
    return -0.5


def _by_names(one: Telling, other: Telling) -> float:
    if one.names & other.names:
        return 1.5
    if one.all_names & other.all_names:
        return 1.0
    if not one.names or not other.names:
        return 0.0
    return -4.0 if one.category == other.category and one.category in _OF_A_NAME else -1.0


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _stems(words: Iterable[str]) -> frozenset[str]:
    return frozenset(map(_stem, words)) - {""}


@lru_cache(20_000)
def _stem(word: str) -> str:
    if word in _STOP:
        return ""
    return word if len(word) < 5 else _ENDING.sub("", word)


def _names(text: str) -> frozenset[str]:
    code = [*_TICKED.findall(text), *_CODE.findall(text)]
    return frozenset(name for part in code for name in _NAME.findall(part) if name.lower() not in _KEYWORDS)
