# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""Markdown, as language models write it, to a tree of sections, items, paragraphs, fences and tables.

A strict Markdown parser reads much of what models write as something else: two blanks before a nested bullet
end a numbered list, four make code, a table without a header row is a paragraph, `---` below a record makes
a heading of it, a fence at the margin ends a list, `•` is no bullet. This reader goes by indentation and
markers alone, line by line, and knows no inline markup. What it costs grows with the length of the text only.
"""

from __future__ import annotations

import csv
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal

from attrs import define, field

from lok_core.findings.heads import label_of
from lok_core.findings.lines import (
    ATTRIBUTE,
    BADGES,
    BOLD_AND_PLACE,
    BOLD_GAP,
    BOLD_LINE,
    BOX,
    BOXES,
    DIFF,
    DIFF_LINE,
    FENCE,
    HEADING,
    ITEM,
    LEAF,
    LEAF_OPEN,
    LINE_BELOW,
    PROSE_INFO,
    QUOTED,
    RECORD,
    RULE,
    SEPARATOR,
    SUMMARY,
    TAG,
    TITLED,
    cells,
    is_file,
    is_header,
    is_place,
    is_plain_title,
    looks_like_review,
    starts_anew,
)
from lok_core.findings.places import places
from lok_core.findings.text import plain, unwrapped

Kind = Literal["section", "item", "para", "fence", "table", "rule"]

MAX_PARAGRAPH = 400
"""Lines; what is beyond is left out."""
_MAX_DEPTH = 40
_PSEUDO = 40  # the level of headings that are no Markdown headings: below all that are
_MAX_DETAILS = 8
_DETAILS = 7  # the level of the first <summary>


@define(eq=False)
class Block:
    """A node of the tree.

    Attributes:
        lines: heading, item and paragraph: what it says, links resolved; fence: the code; table: nothing.
        level: of a section 1 to 6, or `_PSEUDO` and above for bold and plain lines that act as headings.
        indent: the column of an item's marker.
        mark: the kind of an item's marker ("-", "1", "a"); of a fence its info string.
        number: of a numbered item.
        rows: of a table, the header first; an empty header where there was none.
    """

    kind: Kind
    lines: list[str] = field(factory=list)
    level: int = 0
    indent: int = 0
    mark: str = ""
    number: int = 0
    rows: list[list[str]] = field(factory=list)
    children: list[Block] = field(factory=list)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def first(self) -> str:
        return self.lines[0] if self.lines else ""


def parse(lines: Sequence[str]) -> Block:
    """The tree of a text; its root is a section of level 0 without a heading."""
    reader = _Reader(lines)
    reader.read()
    return reader.root


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.root = Block("section")
        self.sections = [self.root]
        self.items: list[Block] = []
        self.open: Block | None = None  # the paragraph or item that a plain line continues
        self.pseudo: list[str] = []  # kinds of pseudo headings in order of appearance
        self.depth = 0  # of open <details>
        self.fences = [
            number for number, line in enumerate(lines) if line.lstrip(" >").startswith(("```", "~~~"))
        ]

    def read(self) -> None:
        number, blank = 0, True
        while number < len(self.lines):
            line = self.lines[number]
            if quoted := QUOTED.match(line):
                line = " " * 0 + line[quoted.end() :]
            indent = len(line) - len(line.lstrip(" "))
            line = line.strip()
            if not line:
                self.open = None if not self.items else self.open
                blank = True
                number += 1
                continue
            if fence := FENCE.match(line):
                number = self.fence(number, indent, fence)
                blank = False
                continue
            if DIFF.match(line):
                number = self.diff(number)
                continue
            number = self.line(number, line, indent, blank)
            blank = False

    def line(self, number: int, line: str, indent: int, blank: bool) -> int:
        """Reads the line; returns the number of the next one to read."""
        if line.startswith("<"):
            line = self.tag(line, indent)
            if not line:
                return number + 1
        elif "</" in line or "<br" in line:
            line = BOLD_GAP.sub("**", plain(TAG.sub(" ", line)).strip())
        if heading := HEADING.match(line):
            self.heading(len(heading.group(1)), heading.group(2))
        elif RULE.match(line):
            self.rule(number, line, blank)
        elif (rows := self.table_at(number, line)) is not None:
            return self.table(number, indent, rows)
        elif (item := ITEM.match(line)) and not (line[0] in "–—" and self.open is not None):
            self.item(line, indent, item)
        elif (kind := self.pseudo_kind(number, line, indent, blank)) is not None:
            self.heading(_PSEUDO + self.pseudo.index(kind), line)
        else:
            self.prose(line, indent, blank)
        return number + 1

    def tag(self, line: str, indent: int) -> str:
        """What is left of a line that begins with a tag; record tags become rules and labelled lines."""
        if summary := SUMMARY.search(line):
            self.depth = min(self.depth + 1, _MAX_DETAILS)
            self.heading(_DETAILS + self.depth, TAG.sub("", summary.group(1)).strip() or "details", "summary")
            return TAG.sub("", line[summary.end() :]).strip()
        if record := RECORD.match(line):
            self.add(Block("rule"))
            self.items.clear()
            for key, value in ATTRIBUTE.findall(record.group(2)):
                self.prose(f"{key}: {value}", indent, blank=False)
            return ""
        for _ in re.findall(r"</details\b", line, re.IGNORECASE):
            self.depth = max(0, self.depth - 1)
            while self.sections[-1].level > _DETAILS + self.depth:
                self.sections.pop()
            self.items.clear()
            self.open = None
        stripped = TAG.sub("", line).strip()
        if stripped != line:
            return stripped
        if leaf := LEAF.match(line):
            if label_of(f"{leaf.group(1).replace('_', ' ')}: x") or leaf.group(2):
                self.prose(f"{leaf.group(1).replace('_', ' ')}: {leaf.group(2)}", indent, blank=True)
            return ""
        return "" if LEAF_OPEN.match(line) else line

    def add(self, block: Block) -> None:
        parent = self.items[-1] if self.items else self.sections[-1]
        parent.children.append(block)
        self.open = None

    def heading(self, level: int, title: str, mark: str = "") -> None:
        while self.sections[-1].level >= level:
            self.sections.pop()
        self.items.clear()
        if level <= 6:
            self.depth = 0
        section = Block("section", [plain(title)], level=level, mark=mark)
        self.add(section)
        self.sections.append(section)

    def rule(self, number: int, line: str, blank: bool) -> None:
        last = self.sections[-1].children[-1] if self.sections[-1].children else None
        title = last.first if last and last.kind == "para" and len(last.lines) == 1 else ""
        under = (
            line[0] in "=═━─-"
            and not blank
            and title
            and not self.items
            and len(title) <= 100
            and not label_of(title)
        )
        boxed = under and last is not None and self.sections[-1].children[-2:-1] and self.sections[-1].children[-2].kind == "rule"  # fmt: skip  # noqa: E501
        if under and (
            line[0] in "=═━"
            or boxed
            or (line[0] in "-─" and 3 < len(line) <= len(title) * 1.5 + 3 and title[-1:] not in ".,;")
        ):
            self.sections[-1].children.pop()
            self.heading(1 if boxed or line[0] in "=═━" else 2, title)
            return
        self.items.clear()
        self.add(Block("rule"))

    def fence(self, number: int, indent: int, opening: re.Match[str]) -> int:
        """Reads a fence; one without an end stands for nothing unless it is short and last."""
        mark = opening.group(1)
        for candidate in self.fences[bisect_right(self.fences, number) :][:400]:
            closing = FENCE.match(self.lines[candidate].lstrip(" >").rstrip())
            if closing and closing.group(1)[0] == mark[0] and len(closing.group(1)) >= len(mark):
                end, follow = candidate, candidate if closing.group(2).strip() else candidate + 1
                break
        else:
            end = follow = len(self.lines)
            if end - number > 60:
                return number + 1
        code = list(self.lines[number + 1 : end])
        info = opening.group(2).strip()
        if info.lower() in ("markdown", "md") or (
            info.lower() in (*PROSE_INFO, "csv") and looks_like_review(code)
        ):
            for child in parse(unwrapped(code)).children:
                self.add_tree(child)
            return follow
        while self.items and self.items[-1].indent >= indent:
            self.items.pop()
        self.add(
            Block("fence", [line[indent:] if line[:indent].isspace() else line for line in code], mark=info)
        )
        return follow

    def diff(self, number: int) -> int:
        """Reads a diff without a fence around it."""
        start = number
        while number < len(self.lines) and DIFF_LINE.match(QUOTED.sub("", self.lines[number], count=1)):
            number += 1
        self.add(Block("fence", list(self.lines[start:number]), mark="diff"))
        return max(number, start + 1)

    def add_tree(self, block: Block) -> None:
        if block.kind == "section":
            self.heading(block.level, block.first)
            for child in block.children:
                self.add_tree(child)
        else:
            self.items.clear()
            self.add(block)

    def table_at(self, number: int, line: str) -> str | None:
        """ "pipes" or "header" if a table begins at the line."""
        if line[0] in "|│┃║┌╔+" and line.translate(BOXES).count("|") >= 2:
            return "pipes"
        if (
            line.count(",") >= 2
            and len(line) < 200
            and is_header(line.split(","))
            and len(line.split(",")) >= 3
        ):
            return "commas"
        if "|" in line and number + 1 < len(self.lines):
            below = self.lines[number + 1].strip()
            if "|" in below and "-" in below and SEPARATOR.match(below):
                return "header"
        return None

    def table(self, number: int, indent: int, form: str) -> int:
        rows: list[list[str]] = []
        separated = False
        while form == "commas" and number < len(self.lines) and self.lines[number].count(",") >= 2:
            rows.append([cell.strip() for cell in next(csv.reader([self.lines[number].strip()]))])
            separated = True
            number += 1
        while form != "commas" and number < len(self.lines):
            line = self.lines[number].strip().lstrip("> ").translate(BOXES)
            if "|" not in line or (form == "pipes" and line[0] not in "|├╠└┌╔+"):
                if line[:1] and line[0] in "├╠└┌╔╚+":
                    separated = separated or bool(rows)
                    number += 1
                    continue
                break
            if "-" in line and SEPARATOR.match(line):
                separated = separated or len(rows) == 1
            else:
                rows.append(cells(line))
            number += 1
        while self.items and self.items[-1].indent >= indent:
            self.items.pop()
        if rows and not separated and not is_header(rows[0]):
            rows.insert(0, [])
        self.add(Block("table", rows=rows))
        return number

    def item(self, line: str, indent: int, found: re.Match[str]) -> None:
        mark = next(kind for kind, value in found.groupdict().items() if value)
        value = found.group(mark)
        number = (
            int(value)
            if mark in ("dot", "paren", "square")
            else ord(value) - ord("①") + 1
            if mark == "circled"
            else 0
        )
        kind = "-" if mark in ("bullet", "tight", "dotted") else "a" if mark == "letter" else "1"
        while self.items and (
            self.items[-1].indent >= indent
            or (self.items[-1].mark == kind and self.items[-1].indent + 1 >= indent)
        ):
            self.items.pop()
        text = line[found.end() :]
        if box := BOX.match(text):
            text = text[box.end() :]
        block = Block("item", [plain(text)], indent=indent, mark=kind, number=number)
        if len(self.items) < _MAX_DEPTH:
            self.add(block)
            self.items.append(block)
        else:
            self.add(Block("para", block.lines))
        self.open = block

    def pseudo_kind(self, number: int, line: str, indent: int, blank: bool) -> str | None:
        """ "bold" or "plain" if the line stands for a heading."""
        if not blank and self.open is not None and self.open.kind == "para":
            return None
        if self.items and (not blank or indent > self.items[0].indent):
            return None
        siblings = (self.items[-1] if self.items else self.sections[-1]).children
        if siblings and siblings[-1].kind == "para" and BADGES.fullmatch(siblings[-1].text):
            return None  # the title of what the badges grade
        following = self.lines[number + 1].strip() if number + 1 < len(self.lines) else ""
        if len(line) < 200 and LINE_BELOW.match(following) and is_file(line):
            return self.pseudo_of("file")
        titled = (
            siblings
            and siblings[-1].kind == "para"
            and len(siblings[-1].text) < 160
            and TITLED.match(siblings[-1].text)
        )
        if (
            blank
            and not titled
            and (not following or following.startswith("**"))
            and len(line) < 250
            and line[:1] not in "-*+#|("
            and not self.items
            and is_place(line)
        ):
            return self.pseudo_of("place")
        below = next((other for other in self.lines[number + 1 : number + 3] if other.strip()), "").strip()
        placed = BOLD_AND_PLACE.match(line)
        if (BOLD_LINE.match(line) and len(line) <= 160) or (placed and places(placed["place"])):
            role = label_of(line)
            if role and (role.value or role.role not in (None, "problem")):
                return None
            kind = "bold"
        elif is_plain_title(line, below):
            kind = "plain"
        else:
            return None
        return self.pseudo_of(kind)

    def pseudo_of(self, kind: str) -> str:
        if kind not in self.pseudo:
            self.pseudo.append(kind)
        return kind

    def prose(self, line: str, indent: int, blank: bool) -> None:
        text = plain(line)
        fresh = blank or self.open is None or starts_anew(line)
        if not fresh and self.open is not None and (self.open.kind != "item" or not self.open.children):
            if len(self.open.lines) < MAX_PARAGRAPH:
                self.open.lines.append(text)
            return
        if blank or starts_anew(line):
            while self.items and self.items[-1].indent >= indent:
                self.items.pop()
        block = Block("para", [text], indent=indent)
        self.add(block)
        self.open = block
