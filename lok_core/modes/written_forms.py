"""The lines of an answer without their decoration: Markdown, tables and JSON brought to one form."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_LEADING = re.compile(r"^(?:\s|[-*+•\u2013\u2014](?=\s)|#|\d{1,3}[.)](?=\s))+")
_FENCE = re.compile(r"^\s*(?P<mark>`{3,}|~{3,})[^`]*$")
_QUOTED = re.compile(r"^<<<\w{4,40}$")  # the marks around positions in the prompt, for programs that echo it
_QUOTED_END = re.compile(r"^\w{4,40}>>>$")
_RULE = re.compile(r"^[\s|:=_*-]*$")
_INLINE = re.compile(
    r"(?<=[\s;,|.])(?=[*_`]{0,3}(?:CONFIDENCE|CHANGED|NEW EVIDENCE|POSITION)[*_`]{0,3} ?[:\uff1a])"
)
_BEGINS = re.compile(r"^[\s#*_`-]{0,20}VERDICT\b", re.IGNORECASE)
_INTRODUCES = re.compile(
    r"\b(?:hypothetical(?:ly)?|would\s(?:have\s)?look|if\si\s(?:(?:had|were|was|did|could|should)\s)?"
    r"(?:to\s)?(?:agreed?|convinced|persuaded))\b"
    r"|\b(?:examples?|e\.g\.|template|wrote|writes|said|says|would|previous(?:ly)?"
    r"|earlier|before|last|former(?:ly)?|old|round|if)\b.{0,80}(?::|\.\.\.|…)\W{0,4}$",
    re.IGNORECASE,
)
_VERDICT_KEYS = ("verdict", "verdicts", "stances")
_KEYS = {
    "confidence": "CONFIDENCE",
    "changed": "CHANGED",
    "new evidence": "NEW EVIDENCE",
    "newevidence": "NEW EVIDENCE",
    "evidence": "NEW EVIDENCE",
    "position": "POSITION",
}
_LETTER_KEYS = ("letter", "participant", "to", "towards", "of", "on", "about", "name")
_STANCE_KEYS = ("verdict", "stance", "opinion")


def lines_of(text: str) -> Iterator[str]:
    """The lines, stripped of list marks, headings and pipes; a rule counts as an empty line.

    What is quoted is left out: it is somebody else's, or an example. So is a fenced block, but for one that
    ends the text where no verdict stands outside of it. Tables become `KEY: value` lines, and so does JSON
    that ends the text.
    """
    text = re.split(r"</think(?:ing)?>", text)[-1]
    outside, last = _unfenced([" ".join(line.split()) for line in text.split("\n")])
    if last is not None and not any(_BEGINS.match(line) for line in outside):
        outside += ["", *last]
    kept, end = _json_at_the_end(outside)
    rows: list[list[str]] = []
    for line in kept:
        if line.startswith("|"):
            rows.append([re.sub(r"[*_`]", "", cell).strip() for cell in line.strip("|").split("|")])
            continue
        yield from _table(rows)
        rows = []
        if not line.startswith(">"):
            parts = _INLINE.split(line) if _BEGINS.match(line) else [line]
            yield from (_plain(part) for part in parts)
    yield from _table(rows)
    yield from end


def introduces_another(line: str) -> bool:
    """Whether what follows the line is said to be an example, or of another time or participant."""
    return _INTRODUCES.search(line[-300:]) is not None


def _unfenced(lines: list[str]) -> tuple[list[str], list[str] | None]:
    """The lines outside of fences, and those of the fence that ends the text, if they are no example."""
    outside: list[str] = []
    inside: list[str] = []
    mark, is_last, is_example = "", False, False
    for line in lines:
        if mark:
            fence = _FENCE.match(line)
            is_end = _QUOTED_END.match(line) if mark == "<<<" else fence and fence["mark"].startswith(mark)
            if is_end:
                is_last, mark = mark != "<<<", ""
            else:
                inside.append(line)
        elif (fence := _FENCE.match(line)) or _QUOTED.match(line):
            mark, inside = fence["mark"] if fence else "<<<", []
            is_example = introduces_another(next((one for one in reversed(outside) if one), ""))
        else:
            outside.append(line)
            is_last = is_last and not line
    if mark:
        is_last = mark != "<<<"
    return outside, inside if is_last and not is_example else None


def _plain(line: str) -> str:
    if _RULE.match(line):
        return ""
    return _LEADING.sub("", line).strip().rstrip(";|").rstrip()


def _table(rows: list[list[str]]) -> Iterator[str]:
    """A table with a row for each participant; its head must tell which column is the verdict."""
    filled = [row for row in rows if not all(_RULE.match(cell) for cell in row)]
    if not filled:
        return
    head = [cell.casefold() for cell in filled[0]]
    columns = [place for place, cell in enumerate(head) if any(key in cell for key in _STANCE_KEYS)]
    if len(columns) != 1 or head[columns[0]] not in _STANCE_KEYS or columns == [0]:
        yield from (" ".join(row) for row in filled)
        return
    yield "VERDICT"
    for row in filled[1:]:
        said = row[columns[0]] if len(row) > columns[0] else ""
        rest = [cell for place, cell in enumerate(row) if place not in (0, columns[0]) and cell]
        yield f"{row[0]}: {' - '.join([said, *rest])}"


def _json_at_the_end(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines, and those that an object stands for with which they end."""
    begins = [place for place, line in enumerate(lines) if line.startswith("{")]
    for start in dict.fromkeys([*begins[:1], *begins[-1:]]):
        try:
            value = json.loads("\n".join(lines[start:]))
            if isinstance(value, Mapping) and (written := list(_written(value))):
                return lines[:start], written
        except (ValueError, RecursionError):
            continue
    return lines, []


def _written(value: Mapping[str, Any]) -> Iterator[str]:
    fields = {re.sub(r"[\s_-]+", " ", key).strip().casefold(): said for key, said in value.items()}
    for key in _VERDICT_KEYS:
        if key in fields:
            yield from _verdict(fields[key])
    for key, word in _KEYS.items():
        if key in fields and not isinstance(fields[key], Mapping):
            yield f"{word}: {_scalar(fields[key])}"


def _verdict(said: Any) -> Iterator[str]:
    if not isinstance(said, Mapping | list):
        yield f"VERDICT: {_scalar(said)}"
        return
    yield "VERDICT"
    told: Iterable[tuple[Any, Any]] = (
        said.items() if isinstance(said, Mapping) else ((None, one) for one in said)
    )
    for letter, one in told:
        if isinstance(one, Mapping):
            named = {str(key).casefold(): _scalar(value) for key, value in one.items()}
            letter = letter or next((named[key] for key in _LETTER_KEYS if key in named), None)
            stances = {named[key] for key in _STANCE_KEYS if key in named}
            one = stances.pop() if len(stances) == 1 else "?"
        yield f"{_scalar(letter)}: {_scalar(one)}" if letter else _scalar(one)


def _scalar(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_scalar(one) for one in value)
    return " ".join(str(value).split())
