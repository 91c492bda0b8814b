"""Which candidates are the problems: decided for groups of one shape, from the outside to the inside."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from attrs import define, evolve, field

from lok_core.findings import cues
from lok_core.findings.blocks import Block
from lok_core.findings.candidates import (
    Candidate,
    Context,
    context_of,
    is_field_list,
    is_nothing,
    is_unfilled,
    item_score,
    mood_of,
    own_parts,
    records,
    section_score,
)
from lok_core.findings.groups import (
    afterword,
    before_sections,
    evident,
    is_container,
    is_record,
    label_before,
    runs,
    says_something,
    split_lines,
    titled,
    with_rest,
)
from lok_core.findings.heads import Head, label_of, read_head
from lok_core.findings.linenumbers import lines_in
from lok_core.findings.parts import parts_of, places_of, roles, section_role
from lok_core.findings.places import places
from lok_core.findings.tables import table_candidates

MAX_FINDINGS = 5_000
"""Of one text; no review has as many, and each costs time."""


@define
class Chooser:
    """Walks a tree and keeps the candidates that are problems.

    Attributes:
        relaxed: whether a place alone suffices and sections that repeat others are read; for a second
            look at a text in which nothing was found although it names places.
        chosen: in the order of the text.
    """

    relaxed: bool = False
    chosen: list[Candidate] = field(factory=list)
    _groups: int = 0

    def walk(self, blocks: Sequence[Block], context: Context) -> None:
        """Chooses among the children of a section or item."""
        if context.mood in ("praise", "skip") or (context.mood == "soft" and not self.relaxed):
            after = next((number for number, block in enumerate(blocks) if block.kind == "rule"), None)
            if context.mood == "soft":
                inner = Chooser(self.relaxed)
                inner._groups = self._groups + 1
                inner.walk(blocks[:after], evolve(context, mood=""))
                self._groups = inner._groups
                self.chosen.extend(
                    evolve(one, soft=True)
                    for one in inner.chosen
                    if (one.score >= 3.0 and evident(one)) or any(place.line for place in places(one.text))
                )
            if after is None:
                return
            blocks, context = blocks[after + 1 :], Context()
        flat = [block for block in blocks if block.kind not in ("section", "rule")]
        if len(flat) >= 2 and (chunks := records(flat)):
            self._records(chunks, context)
        else:
            for run in runs(blocks):
                if len(self.chosen) >= MAX_FINDINGS:
                    return
                if run[0].kind == "item":
                    if label_before(blocks, run[0]) not in ("fix", "also", "quote", "confidence", "status"):
                        self._items(run, context)
                elif run[0].kind == "table":
                    self._add(table_candidates(run[0], context), context)
                elif run[0].kind != "section":
                    self._paragraphs(run, context)
        self._sections([block for block in blocks if block.kind == "section"], context)

    def _add(self, candidates: Sequence[Candidate], context: Context) -> None:
        self._groups += 1
        for candidate in candidates[: MAX_FINDINGS - len(self.chosen)]:
            candidate.group = self._groups
            self.chosen.append(candidate)

    def _records(self, chunks: Sequence[Sequence[Block]], context: Context) -> None:
        found = []
        for chunk in chunks:
            parts = parts_of(chunk)
            if any(
                part.text.strip() for part in parts if part.role in ("title", "problem", "body", "impact")
            ):
                found.append(Candidate("record", read_head(""), "", context, parts, 3.0))
        self._add(found, context)

    def _sections(self, sections: Sequence[Block], context: Context) -> None:
        if len(sections) == 1 and context == Context() and _is_ticket(sections[0]):
            parts = parts_of(sections[0].children)
            ticket = Candidate(
                "section", read_head(sections[0].first), sections[0].first, context, parts, 3.0
            )
            self._add([ticket], context)
            return
        if (
            len(sections) == 1
            and context == Context()
            and any(block.kind == "section" for block in sections[0].children)
        ):
            only = context_of(sections[0], read_head(sections[0].first), context)
            context = Context(severity=only.severity, path=only.path)
            self.walk(sections[0].children, context)  # else the title of a document colours nothing
            return
        self._groups += 1
        group = self._groups
        heads = [read_head(section.first) for section in sections]
        by_file = sum(head.place_only for head in heads) >= 2
        tops = [section for section in sections if section.level == 1]
        title = tops[0] if len(tops) == 1 else None  # of the document: it colours nothing
        candidates: list[Candidate | None] = []
        for number, (section, head) in enumerate(zip(sections, heads, strict=True)):
            if section.mark != "summary" and head.place_only and (single := re.search(r"\((\d{1,6})\)\W*$", section.first)) and not head.places[0].line:  # fmt: skip  # noqa: E501
                heads[number] = evolve(
                    head, title="", places=(evolve(head.places[0], line=int(single.group(1))),)
                )
            candidates.append(None if section is title else self._section(section, heads[number], context))
        bar = self._bar(candidates)
        for section, head, candidate in zip(sections, heads, candidates, strict=True):
            if len(self.chosen) >= MAX_FINDINGS:
                return
            if is_unfilled(section.first):
                continue
            inner = context if section is title and not head.places else context_of(section, head, context)
            if by_file and head.places and not inner.mood:
                inner = evolve(inner, mood="problem")
            if candidate is not None and (
                _passing(candidate) or (bar is not None and candidate.score >= bar)
            ):
                candidate.group = group
                self.chosen.append(candidate)
                if (
                    section is sections[-1]
                    and len(sections) > 1
                    and section.level > 6
                    and (rest := afterword(section))
                ):
                    candidate.parts = parts_of(section.children[: -len(rest)])
                    self._paragraphs(rest, context)
            else:
                self.walk(section.children, inner)

    @staticmethod
    def _bar(candidates: Sequence[Candidate | None]) -> float | None:
        """The score that suffices in a group of headings of which enough are problems, None if not."""
        likely = [candidate for candidate in candidates if candidate is not None]
        sure = sum(_passing(candidate) for candidate in likely)
        located = sum(
            any(place.line for place in places_of(candidate.parts, "body", "other", "location"))
            for candidate in likely
        )
        return 1.0 if sure >= 2 or (len(likely) >= 2 and located * 2 > len(candidates)) else None

    def _section(self, section: Block, head: Head, context: Context) -> Candidate | None:
        """The section as one problem, or None if it is a container or something else."""
        mood = mood_of(section.first)
        fields = roles(parts_of(before_sections(section)))
        if len(fields) >= 2 and fields & {"location", "file", "line", "severity"} and mood != "praise":
            mood = ""
        if mood in ("praise", "skip", "soft") or (is_nothing(section.first, head) and not head.severity):
            return None
        if head.place_only and not head.places[0].line:
            return None  # a file: what stands below it are the findings
        parts = parts_of(section.children)
        score = section_score(section, head, parts, context)
        strong = self._holds_findings(section, head, context)
        direct = Counter(
            part.role for part in parts_of(before_sections(section)) if part.role in ("title", "severity")
        )
        strong += 2 * any(count > 1 for count in direct.values())
        if strong and (len(fields) < 2 or strong > 1 or head.generic):
            return None
        if score < 1.0 or not says_something(head, parts):
            return None
        return Candidate("section", head, section.first, context, parts, score)

    def _holds_findings(self, section: Block, head: Head, context: Context) -> int:
        """How many parts of a section look like problems of their own."""
        inner = context_of(section, head, context)
        count = 0
        for run in runs(section.children):
            if run[0].kind == "item":
                items = [block for block in run if block.kind == "item"]
                if label_before(section.children, run[0]) not in ("", "problem") or is_field_list(items):
                    continue
                count += sum(
                    self._stands_alone(item, not (head.number or head.id or head.severity)) for item in items
                )
            elif run[0].kind == "table":
                count += len(table_candidates(run[0], evolve(inner, mood="")))
            elif run[0].kind == "para" and not head.places:
                count += sum(
                    block.kind == "para"
                    and read_head(block.first).severity is not None
                    and bool(read_head(block.first).places)
                    for block in run
                )
        if len([b for b in section.children if b.kind not in ("section", "rule")]) >= 4 and records(
            [b for b in section.children if b.kind not in ("section", "rule")]
        ):
            count += 2
        for child in section.children:
            if child.kind == "section" and section_role(child) is None:
                below = read_head(child.first)
                mood = mood_of(child.first)
                if mood in ("praise", "skip", "soft"):
                    continue
                listed = any(block.kind != "para" and block.kind != "fence" for block in child.children)
                count += 2 * (listed and (below.place_only or (mood == "problem" and below.generic)))
                likely = section_score(child, below, parts_of(child.children), evolve(inner, mood="")) >= 3
                count += max(likely, self._holds_findings(child, below, inner))
        return count

    def _stands_alone(self, item: Block, loose: bool) -> bool:
        """Whether an item could be a problem of its own; `loose`: the heading above may be a category."""
        head = read_head(item.first)
        if is_nothing(item.text, head):
            return False
        if len(roles(own_parts(item))) >= 2:
            return True
        label = label_of(item.first)
        if label is not None and label.role is not None:
            return label.role == "problem" and bool(head.places)
        if head.severity and not head.generic:
            return True
        if loose and any(place.line for place in head.places) and len(head.words) > 2:
            return True
        return bool(head.id) or (head.lead and len(head.words) > 2 and bool(head.places[0].line))

    def _items(self, run: Sequence[Block], context: Context) -> None:
        items = [block for block in run if block.kind == "item"]
        if len(items) > 1 and is_field_list(items):
            parts = parts_of(run)
            if len(roles(parts)) >= 3 and any(
                part.role in ("problem", "title", "impact") and part.text for part in parts
            ):
                self._add([Candidate("record", read_head(""), "", context, parts, 3.0)], context)
            return
        found: list[Candidate] = []
        for item, rest in with_rest(run):
            if len(found) >= MAX_FINDINGS:
                break
            head = titled(item)
            text = item.text
            parts = [*own_parts(item), *parts_of(rest)]
            if is_container(item, head, parts):
                self._add_likely(found, context)
                found = []
                inner = context_of(item, head, context)
                self.walk(
                    item.children, evolve(inner, mood=inner.mood or "problem") if head.place_only else inner
                )
                continue
            if is_nothing(text, head) or not says_something(head, parts):
                continue
            whole = read_head(text) if len(item.lines) > 1 else head
            score = item_score(text, evolve(whole, severity=head.severity, lead=head.lead), parts, context)
            found.append(Candidate("item", head, text, context, parts, score))
        self._add_likely(found, context)

    def _add_likely(self, found: Sequence[Candidate], context: Context) -> None:
        """Keeps the members of a list that are problems by themselves, or because most of the others are."""
        likely = sum(candidate.score >= 1.5 for candidate in found)
        sure = sum(candidate.score >= 2.0 for candidate in found)
        lined = sum(any(place.line for place in candidate.head.places) for candidate in found)
        alike = len(found) >= 2 and ((sure >= 1 and likely * 2 > len(found)) or lined * 3 >= len(found) * 2)
        self._add(
            [
                candidate
                for candidate in found
                if self._passes(candidate) or (alike and candidate.score >= 0.5)
            ],
            context,
        )

    def _passes(self, candidate: Candidate) -> bool:
        if candidate.context.mood == "problem":
            return candidate.score >= 1.0
        return candidate.score >= 2.0 or (self.relaxed and candidate.score >= 1.0 and evident(candidate))

    def _paragraphs(self, run: Sequence[Block], context: Context) -> None:
        if is_record(run):
            self._add([Candidate("record", read_head(""), "", context, parts_of(run), 3.0)], context)
            return
        found: list[Candidate] = []
        lined = [
            any(place.line for place in places(block.text[:600])) for block in run if block.kind == "para"
        ]
        alike = sum(lined) >= 3
        for block in split_lines(run):
            if block.kind == "para":
                head = titled(block)
                label = label_of(block.first)
                parts = own_parts(block)
                whole = read_head(block.text) if len(block.lines) > 1 else head
                score = item_score(
                    block.text,
                    evolve(whole, severity=head.severity, lead=head.lead),
                    parts,
                    evolve(context, mood=""),
                )
                told = len(whole.words) > (1 if whole.severity or whole.lead else 2) and not is_nothing(
                    block.text, head
                )
                if head.generic and not head.lead and not parts:
                    told = False
                if label is not None and label.role in ("fix", "quote", "impact", "also") and found:
                    told = False
                if cues.CLEAN.search(block.text[:2000]):
                    told = False
                candidate = Candidate("para", head, block.text, context, parts, score)
                if told and (
                    score >= 2.0
                    or (
                        (score >= 1.5 and (alike or context.category is not None))
                        or (self.relaxed and evident(candidate))
                    )
                ):
                    found.append(candidate)
                    continue
            if found:
                found[-1].parts.extend(parts_of([block]))
        self._add(found, context)


def _is_ticket(section: Block) -> bool:
    """Whether a document is about one problem: fields with a place, and headings for its parts alone."""
    below = [child for child in section.children if child.kind == "section"]
    known = roles(parts_of(before_sections(section)))
    told = {section_role(child) for child in below}
    return bool(known & {"file", "location"}) and None not in told and bool(told & {"problem", "impact"})


def _passing(candidate: Candidate) -> bool:
    """Whether a section is a problem by itself, not only because its neighbours are."""
    head = candidate.head
    marked = (
        (candidate.context.path and lines_in(candidate.text[:30]))
        or head.number
        or head.id
        or head.severity
        or head.places
        or candidate.context.mood == "problem"
    )
    return candidate.score >= (2.0 if marked else 3.0)
