# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""Everything in a text that might be the telling of a problem, each with what speaks for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from attrs import define, evolve, field, frozen

from lok_core.findings import cues
from lok_core.findings.blocks import Block
from lok_core.findings.heads import (
    LINE_LEAD,
    Head,
    category_in,
    is_generic,
    label_of,
    read_head,
    role_of,
    severity_in,
)
from lok_core.findings.linenumbers import lines_in
from lok_core.findings.parts import (
    Part,
    fields_of,
    is_placeholder,
    is_trace,
    parts_of,
    places_of,
    roles,
    section_role,
)
from lok_core.findings.places import CACHED, places
from lok_core.models import Category, Severity


@frozen
class Context:
    """What the headings above say.

    Attributes:
        mood: "problem", "praise", "skip", "soft" or "" (see cues.SECTIONS).
        path: the file they name.
    """

    mood: str = ""
    severity: Severity | None = None
    category: Category | None = None
    path: str = ""
    line: int | None = None
    end_line: int | None = None


@define(eq=False)
class Candidate:
    """A block, or a row of a table, with all that follows it up to the next one of its kind.

    Attributes:
        score: how much speaks for its being a problem; see the functions that make it.
        group: the same number for all members of a list, table or sequence of headings.
        soft: whether it stands in a section that repeats what others told, such as a summary.
    """

    kind: str
    head: Head
    text: str
    context: Context
    parts: list[Part] = field(factory=list)
    score: float = 0.0
    group: int = 0
    soft: bool = False

    @property
    def graded(self) -> bool:
        """Whether a severity, an id or a section for problems says that it is meant as a problem."""
        told = self.head.severity or self.head.id or self.context.severity or self.context.mood == "problem"
        return bool(told) or any(part.role in ("severity", "problem", "impact", "fix") for part in self.parts)


_FINDING_ROLES = {
    "location",
    "file",
    "line",
    "severity",
    "problem",
    "impact",
    "fix",
    "quote",
    "title",
    "category",
    "confidence",
}
_OK_TAIL = re.compile(r"(?:[—–:-]\s*(?:ok|pass(?:ed)?|good|clean|none|no issues?)|✅|✔️?)\s*$", re.IGNORECASE)


_DOCUMENT = frozenset(
    [
        "review",
        "report",
        "audit",
        "analysis",
        "bericht",
        "prüfbericht",
        "rapport",
        "informe",
        "relatório",
        "revisión",
        "revisione",
    ]
)
_DEMANDS = frozenset({"must", "should", "needs", "before", "blocking", "required"})
_CHANGES = frozenset({"fix", "fixes", "change", "changes", "address", "merge", "merging"})
_TOLD = frozenset(
    [
        "finding",
        "findings",
        "issue",
        "issues",
        "problem",
        "problems",
        "comment",
        "comments",
        "bugs",
        "befunde",
        "probleme",
        "hallazgos",
    ]
)


@lru_cache(maxsize=CACHED)
def mood_of(text: str) -> str:
    """What a heading announces, "" if it is the title of something particular."""
    head = read_head(text)
    if _OK_TAIL.search(text):
        return "praise"
    if head.good and not re.match(r"\W*(?:none|no )", head.title, re.IGNORECASE):
        return "praise"
    words = head.words
    ends = [word.rpartition("-")[2] for word in words]  # "Reparatur-Reihenfolge" is a Reihenfolge
    kinds = {cues.SECTION_OF[word] for word in (*words, *ends) if word in cues.SECTION_OF}
    demanded = _DEMANDS & set(words) and kinds <= {"skip", "problem"} and len(words) <= 6
    if demanded and (kinds or _CHANGES & set(words)):
        return "problem"
    for word in words:
        if not word.isascii() and ord(word[0]) > 0x2E80:
            kinds |= {
                kind
                for key, kind in cues.SECTION_OF.items()
                if not key.isascii() and key in word and len(word) <= 10
            }
    particular = (head.id or head.severity or head.number) and not head.generic and len(words) > 4
    if set(words) & _DOCUMENT and not set(words) & _TOLD:
        kinds.discard("problem")
    foreign = sum(not is_generic(word) for word in words)
    if particular or foreign > 3:
        return ""
    if foreign > 1 and "praise" not in kinds:
        kinds -= {"skip", "soft"}
    for kind in ("praise", "skip", "soft", "problem"):
        if kind in kinds:
            if (
                kind == "soft"
                and "problem" in kinds
                and not kinds & {"praise", "skip"}
                and words[:1] != ["summary"]
            ):
                continue
            return kind
    return "problem" if head.generic and (head.severity or _first(text)) else ""


def _first(text: str) -> Severity | None:
    """The severity that a heading names; everyday words count only if it says nothing else."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    if set(words) & cues.AMBIGUOUS and any(
        word not in cues.AMBIGUOUS
        and cues.SECTION_OF.get(word) != "problem"
        and word not in ("priority", "severity")
        for word in words
    ):
        words = [word for word in words if word not in cues.AMBIGUOUS]
        text = " ".join(words)
    return severity_in(re.sub(r"[*_#]", "", text))


def context_of(block: Block, head: Head, outer: Context) -> Context:
    """The context within a section or an item that holds others."""
    mood = mood_of(block.first)
    inner = outer
    if mood and not (mood == "problem" and outer.mood in ("praise", "skip")):
        inner = evolve(inner, mood=mood)
    severity = (_first(block.first) if head.generic else None) or head.severity
    if severity and mood not in ("praise", "skip", "soft"):
        inner = evolve(inner, severity=severity)
    if category := category_in(head.title):
        inner = evolve(inner, category=category)
    if head.places:
        first = head.places[0]
        inner = evolve(inner, path=first.path, line=first.line, end_line=first.end_line)
    return inner


def section_score(block: Block, head: Head, parts: Sequence[Part], context: Context) -> float:
    """What speaks for a heading's being one problem and not the heading of several."""
    if any(child.kind == "section" and child.level <= 6 for child in block.children):
        own = [
            child
            for child in block.children
            if child.kind != "section" or child.level > 6 or section_role(child)
        ]
        known = roles(parts_of(own)) & _FINDING_ROLES
    else:
        known = roles(parts) & _FINDING_ROLES
    score = min(len(known), 3) * 1.0
    if (
        known
        and known <= {"file", "category"}
        and not any(place.line for place in places_of(parts, "file", "body"))
    ):
        score -= 2  # the description of a component
    if head.id:
        score += 2
    if head.number:
        score += 1
    if head.severity and not head.generic:
        score += 2
    if head.places:
        score += 2 if not head.place_only or head.places[0].line else 1
    if any(
        part.role in ("body", "location", "file", "problem", "cited", "other") and places(part.text)
        for part in parts[:30]
    ):
        score += 1
    if known & {"location", "file"}:
        score += 1
    if context.mood == "problem":
        score += 1
    if context.path and LINE_LEAD.match(re.sub(r"^[\W_]+", "", block.first)):
        score += 2
    if head.generic and head.words and not head.place_only and len(known) < 3:
        score -= 2
    return score


def item_score(text: str, head: Head, parts: Sequence[Part], context: Context) -> float:
    """What speaks for an item's or paragraph's being one problem."""
    known = roles(parts) & _FINDING_ROLES
    score = 2.0 if len(known) >= 2 else 1.0 if known else 0.0
    if head.severity and not head.generic:
        score += 2
    if head.id:
        score += 2
    if head.lead and len(head.words) > 1:
        score += 2 if head.places[0].line or _separated(text) else 1
    elif head.places:
        score += 1 + (0.5 if head.places[0].line else 0)
    elif context.path and lines_in(text[:120], bare=True):
        score += 2
    if _BOLD_LEAD.match(text):
        score += 0.5
    if head.number:
        score += 0.5
    if context.mood == "problem":
        score += 1
    return score


_BOLD_LEAD = re.compile(r"\s*(?:\[[^\]]{1,30}\]\s*)?\*\*[^*]{3,}\*\*")
_SEPARATED = re.compile(r"[\W_]*[^\s`*]{1,200}[`*\])]{0,4}\s?(?:[:：—–]|-\s)")


def _separated(text: str) -> bool:
    return _SEPARATED.match(text) is not None


_UNFILLED = re.compile(
    r"^\W{0,6}\[(?:severity|title|category|file|issue|bug|name|id|n|x)(?:[\s/|,-]\w{1,20}){0,5}\]|"
    r"^\W*(?:title of (?:the )?(?:finding|issue)|short title)\W*$",
    re.IGNORECASE,
)


def is_nothing(text: str, head: Head) -> bool:
    """Whether a text tells no problem: praise, a placeholder, a question, a log line."""
    short = len(text) < 300 and head.severity is None
    if short and (cues.GOOD_WORDS.search(text) or text.rstrip().endswith(("?", "？"))):
        return True
    return head.good or is_placeholder(text) or is_unfilled(text) or is_trace(text)


def is_unfilled(text: str) -> bool:
    """Whether a text is the title of a template ("[SEVERITY] Title")."""
    return _UNFILLED.search(text[:200]) is not None


def records(blocks: Sequence[Block]) -> list[list[Block]]:
    """Splits a flat sequence of labelled lines into records: a new one begins where the first key returns.

    Returns an empty list if it is no such sequence.
    """
    keys: list[tuple[int, str]] = []
    for index, block in enumerate(blocks):
        if block.kind in ("para", "item") and (label := label_of(block.first)) and label.role:
            keys.append((index, label.key.lower()))
    if len(keys) < 4:
        return []
    often = Counter(key for _, key in keys)
    first = next(
        (
            key
            for _, key in keys
            if often[key] > 1
            and role_of(key) in ("file", "location", "title", "severity", "id", "problem", "line")
        ),
        None,
    )
    starts = [index for index, key in keys if key == first]
    if len(starts) < 2 or len({key for _, key in keys}) < 2:
        return []
    chunks = [
        list(blocks[start:stop]) for start, stop in zip(starts, [*starts[1:], len(blocks)], strict=True)
    ]
    rich = sum(len(roles(parts_of(chunk[:8])) & _FINDING_ROLES) >= 2 for chunk in chunks)
    return chunks if rich * 2 > len(chunks) else []


def is_field_list(items: Sequence[Block]) -> bool:
    """Whether a list's items are the fields of one thing: labelled, with keys that differ."""
    labels = [label_of(item.first) for item in items]
    keys = [label.key.lower() for label in labels if label is not None]
    known = sum(label is not None and label.role is not None for label in labels)
    return (
        len(keys) * 3 >= len(items) * 2
        and len(set(keys)) == len(keys)
        and known >= 2
        and not any(read_head(item.first).good for item in items)
    )


def own_parts(block: Block) -> list[Part]:
    """The parts of an item or paragraph itself and of what is nested in it."""
    inline = fields_of(block.text)
    return [*inline, *parts_of(block.children)]
