# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""Blocks that belong together, and what a block is to those around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from attrs import evolve

from lok_core.findings.blocks import Block
from lok_core.findings.candidates import Candidate, is_field_list
from lok_core.findings.heads import LINE_LEAD, Head, label_of, read_head
from lok_core.findings.parts import Part, parts_of, places_of, roles, section_role
from lok_core.findings.places import places


def titled(block: Block) -> Head:
    """The head of an item or paragraph; where its first line is but a place, the next one gives the title."""
    head = read_head(block.first)
    if not re.search(r"\w", head.title) and len(block.lines) > 1:
        below = read_head("\n".join(block.lines[1:]))
        head = evolve(head, title=below.title, severity=head.severity or below.severity)
    return head


def evident(candidate: Candidate) -> bool:
    """Whether a candidate has a place with a line or a severity, for a second look."""
    return (
        candidate.head.severity is not None
        or any(place.line or place.explicit for place in places(candidate.text))
        or any(part.role in ("location", "file", "line", "severity") for part in candidate.parts)
    )


def afterword(section: Block) -> list[Block]:
    """The paragraphs behind the last one of several bold titles that speak of other files."""
    rest: list[Block] = []
    for block in reversed(section.children[1:]):
        if block.kind != "para" or label_of(block.first) or not places(block.text):
            break
        rest.insert(0, block)
    known = {
        place.path
        for block in section.children[: len(section.children) - len(rest)]
        for place in places(block.text)
    }
    return (
        rest
        if known and all(place.path not in known for block in rest for place in places(block.text))
        else []
    )


def before_sections(section: Block) -> list[Block]:
    blocks = []
    for block in section.children:
        if block.kind == "section" and section_role(block) is None:
            break
        blocks.append(block)
    return blocks


def says_something(head: Head, parts: Sequence[Part]) -> bool:
    """Whether anything is told at all; a template with empty fields tells nothing."""
    if re.search(r"\w", head.title) and not parts:
        return True
    told = [part for part in parts if part.role not in ("id", "status") and re.search(r"\w", part.text)]
    return bool(told) or (bool(head.title) and not (parts and head.generic))


def label_before(blocks: Sequence[Block], item: Block) -> str:
    """The role of a label ("Details:") that a list stands below, so that it is its value; else ""."""
    before: Block | None = None
    for block in blocks:
        if block is item:
            break
        before = block
    if before is None or before.kind != "para":
        return ""
    label = label_of(before.lines[-1])
    if label is None or label.role is None or (label.value and label.role not in ("location", "file")):
        return ""
    return label.role


def is_container(item: Block, head: Head, parts: Sequence[Part]) -> bool:
    nested = [child for child in item.children if child.kind in ("item", "table")]
    if not nested or (
        len(roles(parts)) >= 2 and is_field_list([child for child in nested if child.kind == "item"])
    ):
        return False
    if head.place_only:
        return not is_field_list([child for child in nested if child.kind == "item"])
    announces = (
        item.lines[-1].rstrip().endswith((":", "：", "."))
        and not head.severity
        and not head.places
        and len(nested) > 1
    )
    if (
        announces
        and sum(bool((inner := read_head(child.first)).severity or inner.lead) for child in nested) > 1
    ):
        return True
    return head.generic and not head.places


def runs(blocks: Sequence[Block]) -> Iterator[list[Block]]:
    """Neighbours that belong together: items with what follows each; tables; paragraphs and fences."""
    run: list[Block] = []
    for block in blocks:
        if block.kind in ("section", "table", "rule"):
            if run:
                yield run
            run = []
            if block.kind == "table":
                yield [block]
        elif not run or run[0].kind == block.kind or (run[0].kind == "item" and follows(run, block)):
            if block.kind == "item" and run and run[0].mark != block.mark and run[0].kind == "item":
                yield run
                run = []
            run.append(block)
        elif run[0].kind == "item" or block.kind == "item":
            yield run
            run = [block]
        else:
            run.append(block)
    if run:
        yield run


def is_record(run: Sequence[Block]) -> bool:
    """Whether labelled paragraphs tell one problem together: what, where, and a line or a severity."""
    told = [block for block in run if block.kind == "para"]
    if len(told) < 2 or not is_field_list(told):
        return False
    parts = parts_of(run)
    known = roles(parts)
    exact = known & {"line", "severity"} or any(place.line for place in places_of(parts, "location", "file"))
    return bool(known & {"location", "file"} and known & {"problem", "title"} and exact)


def follows(run: Sequence[Block], block: Block) -> bool:
    """Whether a block after an item belongs to the item."""
    if block.kind == "fence":
        return True
    label = label_of(block.first)
    if label is not None and label.role is not None:
        return bool(label.value) or run[0].mark == "1" or label.role not in ("fix", "problem")
    return (
        run[0].mark == "1"
        and block.kind == "para"
        and not read_head(block.first).lead
        and not block.first.endswith(":")
    )


def with_rest(run: Sequence[Block]) -> Iterator[tuple[Block, list[Block]]]:
    item: Block | None = None
    rest: list[Block] = []
    for block in run:
        if block.kind == "item":
            if item is not None:
                yield item, rest
            item, rest = block, []
        else:
            rest.append(block)
    if item is not None:
        yield item, rest


def split_lines(run: Sequence[Block]) -> Iterator[Block]:
    """Paragraphs whose lines each begin like a problem, line by line."""
    for block in run:
        if block.kind == "para" and len(block.lines) > 1:
            heads = [read_head(line) for line in block.lines[:200]]
            if sum(
                head.lead
                or LINE_LEAD.match(line) is not None
                or (head.severity is not None and bool(head.places))
                for head, line in zip(heads, block.lines[:200], strict=True)
            ) * 2 > len(heads):
                for line in block.lines:
                    yield Block("para", [line])
                continue
        yield block
