# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""What belongs to a block: its labelled parts, so that a finding can be read out of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from lok_core.findings.blocks import Block
from lok_core.findings.heads import before_fields, fields_in, label_of, role_of
from lok_core.findings.places import Place, places

_TRACE = re.compile(
    r"\s*(?:File \"[^\"\n]{1,300}\", line \d+|at [\w.$<>\s]{1,80}\(?[^()\n]{1,300}:\d+(?::\d+)?\)?\s*$|"
    r"Traceback \(most|\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\[\d\d:\d\d:\d\d|npm ERR!|E\s{3}\S|"
    r"\S{1,200}:\d+: (?:in \w+\s*$|(?:\w+\.)*\w*(?:Error|Exception)\b)|FAILED \S|"
    r"[●⏺•]?\s?(?:Read|Search|Bash|Grep|Glob|Edit|Write|Update|Task|List|LS|Fetch)\([^\n]{0,300}\)\s*$|⎿|"
    r"\d\d:\d\d:\d\d\s|goroutine \d+|panicked at)"
)
_CITATION = re.compile(
    r"^(?:(\d{1,7}):(\d{1,7}):(\S{1,300})|(?:[\w+-]{1,20}[\s:])?\s?(\S{1,300}\.\w{1,10}.{0,40}))$"
)
_PLACEHOLDER = re.compile(
    r"^\W*(?:<[^<>]{0,200}>|\[[^\[\]]{0,200}\]|\{[^{}]{0,200}\}|\.{3}|…|tbd|todo|n/?a|none|-+|_+)?\W*$",
    re.IGNORECASE,
)


_ASIDE = re.compile(r"[*_]{0,2}[(（\[][^()\[\]]{1,300}[)）\]][*_]{0,2}")
_SECTIONS = {
    "issues",
    "problems",
    "bugs",
    "findings",
    "comments",
    "remarks",
    "risks",
    "recommendations",
    "suggestions",
    "tests",
}
_SHORT_ROLES = {"severity", "file", "line", "category", "confidence", "id", "status", "location"}
"""Roles whose value is one line: what stands below it says something else."""


@frozen
class Part:
    """A piece of a finding: its role (of cues.LABELS, "body", "other" or "fence") and its text."""

    role: str
    text: str
    key: str = ""


def is_trace(line: str) -> bool:
    """Whether a line belongs to a log or a stack trace."""
    return _TRACE.match(line.split("\n", 1)[0]) is not None


def is_placeholder(text: str) -> bool:
    return len(text) < 400 and (_PLACEHOLDER.match(text) or _ASIDE.fullmatch(text.strip())) is not None


def parts_of(blocks: Iterable[Block], budget: int = 400) -> list[Part]:
    """The labelled parts of blocks, in order. A label without a value gives its role to what follows it."""
    found: list[Part] = []
    waiting: str | None = None
    for block in blocks:
        if len(found) >= budget:
            break
        if block.kind == "para" and is_placeholder(block.text):
            continue
        if block.kind in ("para", "item"):
            own = fields_of(block.text)
            nested = parts_of(block.children, budget - len(found)) if block.children else []
            if own:
                lead = before_fields(block.text).strip()
                if lead and re.search(r"\w", lead):
                    found.append(Part(waiting or "body", lead))
                found.extend(own)
                last = own[-1]
                waiting = last.role if (block.kind == "para" and (not last.text or last.role in ("location", "file"))) else (waiting if block.kind == "item" else None)  # fmt: skip  # noqa: E501
                inherit = last.role
            else:
                role = waiting or "body"
                found.append(Part(role, block.text))
                inherit = role
                if block.kind == "para" and waiting in ("location", "file", "line"):
                    waiting = None
            found.extend(Part(inherit, part.text) if part.role == "body" else part for part in nested)
        elif block.kind == "fence":
            cited = citation(block)
            if cited and waiting != "fix":
                found.append(Part("cited", cited))
            found.append(Part("fix" if waiting == "fix" else "fence", block.text, block.mark))
        elif block.kind == "table" and (pairs := _pairs(block)):
            found.extend(pairs)
        elif block.kind == "table":
            found.extend(Part(waiting or "body", " | ".join(row)) for row in block.rows[:40] if row)
        elif block.kind == "section":
            named = section_role(block)
            inner = parts_of(block.children, budget - len(found))
            if named:
                found.append(Part(named, "", block.first))
                found.extend(Part(named, part.text, part.key) if part.role in ("body", "fence") and (named == "fix" or part.role == "body") else part for part in inner)  # fmt: skip  # noqa: E501
            else:
                found.append(Part("other", block.first))
                found.extend(Part("other", part.text) if part.role == "body" else part for part in inner)
            waiting = None
        else:
            waiting = None
    return found


def section_role(block: Block) -> str | None:
    """The role of a heading that is a field label ("#### Impact")."""
    title = re.sub(r"[*_`]|^[^\w]+", "", block.first).strip()
    role = role_of(title)
    if re.sub(r"\s*(?:[(（:：].*)?$", "", title.lower()) in _SECTIONS:
        return None
    if role is None and (found := label_of(title)):
        role = role_of(found.key) if not found.value or len(found.key) > 3 else None
    return role


def fields_of(text: str) -> list[Part]:
    """The labelled parts of a paragraph or item; empty if it neither begins with a label nor holds two."""
    lines = text.split("\n")
    if len(lines) > 1 and sum(label_of(line) is not None for line in lines) == len(lines):
        parts: list[Part] = []
        for line in lines:
            inline = fields_in(line)
            label = label_of(line)
            if len(inline) > 1 and label is not None and label.role is not None:
                parts.extend(Part(item.role or "other", item.value, item.key) for item in inline)
            elif label is not None and label.role is None and parts and not parts[-1].text:
                parts[-1] = Part(parts[-1].role, line, parts[-1].key)  # the value of the label above
            elif label is not None:
                parts.append(Part(label.role or "other", label.value, label.key))
        return parts
    first = label_of(text)
    if first is not None and first.role in _SHORT_ROLES and len(lines) > 1:
        head = fields_of(lines[0])
        rest = "\n".join(lines[1:])
        return [*head, *(fields_of(rest) or [Part("body", rest)])]
    inline = fields_in(text)
    known = first is not None and first.role is not None
    if known and (len(inline) < 2) and first is not None:
        return [Part(first.role or "other", first.value, first.key)]
    if (known and inline) or len({item.role for item in inline}) >= 2:
        parts = [Part(item.role or "other", item.value, item.key) for item in inline]
        if (
            known
            and first is not None
            and inline[0].key.lower() != first.key.lower()
            and text.find(inline[0].key) > 0
        ):
            parts.insert(
                0, Part(first.role or "other", first.value.split(inline[0].key)[0].strip("*_ "), first.key)
            )
        return parts
    return []


def _pairs(table: Block) -> list[Part]:
    """The rows of a table of two columns whose first one holds labels."""
    rows = [row for row in table.rows if len(row) == 2]
    named = [Part(role_of(row[0]) or "other", row[1], row[0].strip("*` ")) for row in rows]
    known = [part for part in named if part.role != "other"]
    return (
        named
        if len(rows) == len([row for row in table.rows if row])
        and len(known) >= 2
        and len(known) * 2 >= len(rows)
        else []
    )


def citation(fence: Block) -> str:
    """The place that a fence is opened with (`12:20:path`, `python src/a.py:3`), or an empty text."""
    found = _CITATION.match(fence.mark)
    if not found:
        return ""
    if found.group(3):
        return f"{found.group(3)}:{found.group(1)}-{found.group(2)}"
    return found.group(4) or ""


def roles(parts: Sequence[Part]) -> set[str]:
    return {part.role for part in parts} - {"body", "other", "fence", "cited", "id", "status"}


def places_of(parts: Iterable[Part], *wanted: str) -> list[Place]:
    """The places named in the parts of some roles; lines of logs and stack traces name none."""
    found: list[Place] = []
    for part in parts:
        if part.role in wanted:
            text = part.text
            if "\n" in text:
                text = "\n".join(line for line in text.split("\n") if not is_trace(line))
            elif is_trace(text):
                continue
            found.extend(places(text))
            if len(found) > 60:
                break
    return found
