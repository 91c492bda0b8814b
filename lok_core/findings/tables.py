# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""The rows of a table as candidates: what each column holds, by its heading or by what stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lok_core.findings import cues
from lok_core.findings.blocks import Block
from lok_core.findings.candidates import Candidate, Context
from lok_core.findings.heads import read_head, role_of, severity_in
from lok_core.findings.linenumbers import lines_in
from lok_core.findings.parts import Part, is_placeholder
from lok_core.findings.places import places


def table_candidates(block: Block, context: Context) -> list[Candidate]:
    """The rows of a table whose columns say what a problem is; none if it lists something else."""
    if len(block.rows) < 2:
        return []
    header, rows = block.rows[0], block.rows[1:]
    width = max(len(header), max(len(row) for row in rows[:50]))
    columns = [_column(header, rows, index) for index in range(width)]
    if not set(columns) & {"problem", "title", "impact", "text"} or columns.count("count") > 1:
        return []
    named = sum(any(places(cell) for cell in row) for row in rows[:50])
    if (
        not set(columns) & {"severity", "location", "file", "line"}
        and context.mood != "problem"
        and named * 2 < len(rows[:50])
    ):
        return []
    found = []
    for row in rows:
        parts = [Part(role, cell, header[index] if index < len(header) else "") for index, (role, cell) in enumerate(zip(columns, row, strict=False)) if cell]  # fmt: skip  # noqa: E501
        candidate = _row(parts, context)
        if candidate is not None:
            found.append(candidate)
    return found


def _row(parts: list[Part], context: Context) -> Candidate | None:
    told = [part for part in parts if part.role in ("title", "problem", "text")] or [
        part for part in parts if part.role == "impact"
    ]
    told = [part for part in told if re.search(r"\w", part.text) and not is_placeholder(part.text)]
    status = [part for part in parts if part.role == "status"]
    if (
        not told
        or any(cues.STATUS_GOOD.match(part.text) for part in status)
        or cues.STATUS_GOOD.match(told[0].text)
    ):
        return None
    if any(part.role == "severity" and cues.STATUS_GOOD.match(part.text) for part in parts):
        return None
    head = read_head(told[0].text)
    if head.good:
        return None
    score = (
        1.0
        + len({part.role for part in parts} & {"severity", "location", "file", "line"})
        + (context.mood == "problem")
    )
    parts = [Part("problem", part.text, part.key) if part.role == "text" else part for part in parts]
    return Candidate("row", head, told[0].text, context, parts, score)


_LINES = re.compile(r"^\W*[Ll]?\d{1,6}(?:\s?[-–]\s?[Ll]?\d{1,6})?\W*$|^(?:n/?a|-|—)?$", re.IGNORECASE)
_COUNT = re.compile(r"^\W*\d{1,4}\W*$")


def _column(header: Sequence[str], rows: Sequence[Sequence[str]], index: int) -> str:
    """The role of a column, by its heading, else by what stands in it."""
    name = header[index] if index < len(header) else ""
    role = role_of(name) or (role_of(re.split(r"[\s/(&]", name.strip())[0]) if name.strip() else None)
    cells = [row[index] for row in rows[:50] if index < len(row) and row[index]]
    if not cells:
        return role or "other"
    located = sum(bool(places(cell)) for cell in cells)
    if role in ("quote", "category", "id") and located * 2 >= len(cells):
        return "location"
    if (
        role in ("problem", "title", "impact")
        and located == len(cells)
        and all(
            len(re.sub(r"[\W\d]", "", cell)) < 3 + sum(len(spot.path) for spot in places(cell))
            for cell in cells
        )
    ):
        return "location"
    if role in ("location", "file", "severity", "problem", "title", "line", "status", "fix", "quote", "impact", "category", "confidence", "also"):  # fmt: skip  # noqa: E501
        if role in ("problem", "title") and all(_COUNT.match(cell) for cell in cells):
            return "count"
        if (
            role == "location"
            and not located
            and all(_COUNT.match(cell) or lines_in(cell, bare=True) for cell in cells)
        ):
            return "line"
        return role
    if not name and index and _beside_files(rows, index) and all(_LINES.match(cell) for cell in cells):
        return "line"
    if all(_COUNT.match(cell) for cell in cells):
        return "id" if index == 0 else "line" if role == "line" else "count"
    if located * 2 >= len(cells) and sum(map(len, cells)) < 90 * len(cells):
        return "location"
    if all(len(cell) < 25 and severity_in(cell) for cell in cells):
        return "severity"
    if role:
        return role
    return "text" if sum(map(len, cells)) >= 12 * len(cells) and not name else "other" if name else "text" if any(" " in cell for cell in cells) else "other"  # fmt: skip  # noqa: E501


def _beside_files(rows: Sequence[Sequence[str]], index: int) -> bool:
    """Whether the column on the left holds file names."""
    left = [row[index - 1] for row in rows[:50] if index <= len(row) and row[index - 1]]
    return bool(left) and sum(bool(places(cell)) for cell in left) * 2 >= len(left)
