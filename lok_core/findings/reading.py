# ruff: noqa: RUF001 - full-width forms, dashes and signs are meant
"""A chosen candidate read as a problem: which of its parts is title, place, severity and evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from attrs import frozen

from lok_core.findings.candidates import Candidate
from lok_core.findings.heads import LINE_LEAD, bare, category_in, read_head, role_of, severity_in
from lok_core.findings.linenumbers import lines_in
from lok_core.findings.parts import Part, is_placeholder, places_of
from lok_core.findings.places import Place, places
from lok_core.models import Category, Severity
from lok_core.outcome import Location

MAX_TITLE = 200
MAX_EXPLANATION = 8_000
MAX_LOCATIONS = 50
_EXAMPLE = re.compile(r"(?:^|/)path/to/|^(?:your|some)[_-]?(?:file|path)", re.IGNORECASE)
_BOLD_LEAD = re.compile(r"[^\w*]{0,6}(?:\[[^\]]{1,30}\]\s?)?(\*\*|__)((?:(?!\1).){3,200})\1")
_SPOKEN = re.compile(
    r"(?:^|[.;:]\s{1,2}|[—–-]\s)(?:also\s)?(critical|high|medium|low)(?=[.,]|\s*$)|"
    r"\b(?:call|consider|rate)s? (?:that|this|it) (?:a |as )?(critical|high|medium|low)\b",
    re.IGNORECASE,
)
_BADGES = re.compile(r"(?:[_*`]{1,2}[^_*`\n]{2,40}[_*`]{1,2}\s*\|?\s*){1,4}")
_CODE_LINE = re.compile(r"^\s*`([^`\n]{8,300})`\s*$")


@frozen
class Problem:
    """A problem as told.

    Attributes:
        title: what is wrong, in one line.
        explanation: all else that was said about it.
        severity, category: None if the text gives none.
        locations: paths as written, without quotes and markup; the first is the problem's place.
        quote: the code cited as evidence, or empty.
    """

    title: str
    explanation: str
    severity: Severity | None = None
    category: Category | None = None
    locations: tuple[Location, ...] = ()
    quote: str = ""


def read(candidate: Candidate) -> Problem | None:
    """The problem that a candidate tells, or None if it is an unfilled template."""
    title = _title(candidate)
    if not title:
        return None
    return Problem(
        title=title,
        explanation=_explanation(candidate),
        severity=_severity(candidate),
        category=_category(candidate) or candidate.context.category,
        locations=_locations(candidate),
        quote=_quote(candidate.parts),
    )


def _of(parts: Iterable[Part], *roles: str) -> list[Part]:
    return [part for part in parts if part.role in roles and part.text.strip()]


def _title(candidate: Candidate) -> str:
    given = _of(candidate.parts, "title")
    if given and not is_placeholder(given[0].text):
        return _short(read_head(given[0].text).title or given[0].text)
    own = candidate.head.title
    if candidate.kind in ("item", "para") and (bold := _BOLD_LEAD.match(candidate.text)):
        lead = read_head(bold.group(2))
        if not lead.generic and len(lead.title) > 3 and not role_of(bold.group(2)):
            return _short(lead.title)
    if (
        own
        and re.search(r"\w", own)
        and not (candidate.parts and candidate.head.generic and candidate.kind != "row")
    ):
        worded = _of(candidate.parts, "problem", "body") if candidate.kind in ("item", "para") else []
        labelled = (
            candidate.kind in ("item", "para")
            and worded
            and own.lower().startswith(("severity", "file", "location"))
        )
        if not labelled:
            return _short(_unlabelled(own, candidate))
    for part in _of(candidate.parts, "problem", "body", "impact", "other", "fix"):
        text = bare(part.text)
        if (_BADGES.fullmatch(part.text.strip()) and "|" in text) or (
            len(text) < 40 and severity_in(text) and read_head(text).generic
        ):
            continue
        if re.search(r"\w{2}", text) and not is_placeholder(text):
            return _short(read_head(text).title or text)
    return _short(own) if re.search(r"\w", own) else ""


def _unlabelled(title: str, candidate: Candidate) -> str:
    """A title without the label it was given by ("Issue: ...")."""
    for part in candidate.parts[:1]:
        if part.role in ("problem", "title") and part.key and title.lower().startswith(part.key.lower()):
            return title[len(part.key) :].lstrip("*_: ：") or title
    return title


def _short(text: str) -> str:
    text = " ".join(text.split())
    first = re.match(r"(.{12,}?[.!?。！？])(?:\s|$|(?<=[。！？]))", text)
    if first and len(first.group(1)) <= MAX_TITLE:
        text = first.group(1).rstrip(".。")
    return bare(text if len(text) <= MAX_TITLE else text[: MAX_TITLE - 1].rstrip() + "…")


def _severity(candidate: Candidate) -> Severity | None:
    for part in _of(candidate.parts, "severity"):
        if severity := severity_in(part.text):
            return severity
    if candidate.head.severity:
        return candidate.head.severity
    if candidate.kind in ("item", "para"):
        if severity := read_head(candidate.text).severity:
            return severity
        if spoken := _SPOKEN.search(candidate.text):
            return severity_in(spoken[1] or spoken[2])
    for part in _of(candidate.parts, "body")[:2]:
        if _BADGES.fullmatch(part.text.strip()) and (severity := severity_in(part.text.split("|")[-1])):
            return severity
        if len(part.text) < 40 and read_head(part.text).generic and (severity := severity_in(part.text)):
            return severity
    for part in _of(candidate.parts, "impact"):
        if len(part.text) < 20 and read_head(part.text).generic and (severity := severity_in(part.text)):
            return severity
    for part in _of(candidate.parts, "category"):
        if re.match(r"\W*(?:critical|high|medium|low|nit)", part.text, re.IGNORECASE):
            return severity_in(part.text)
    return candidate.context.severity


def _category(candidate: Candidate) -> Category | None:
    for part in _of(candidate.parts, "category"):
        if category := category_in(part.text):
            return category
    return candidate.head.category


def _explanation(candidate: Candidate) -> str:
    lines = []
    if candidate.kind in ("item", "para") and candidate.text.strip() != candidate.head.title:
        lines.append(candidate.text.strip())
    for part in candidate.parts:
        if (
            part.role in ("severity", "file", "line", "location", "id", "title", "cited")
            or not part.text.strip()
        ):
            continue
        if lines and part.text.strip() in lines[0]:
            continue
        lines.append(
            f"{part.key}: {part.text.strip()}"
            if part.key and part.role not in ("fence", "body")
            else part.text.strip()
        )
    return "\n".join(lines)[:MAX_EXPLANATION]


def _quote(parts: Sequence[Part]) -> str:
    for index, part in enumerate(parts):
        if part.role == "quote":
            if part.text.strip(" `"):
                return part.text.strip().strip("`")
            following = parts[index + 1 : index + 2]
            if following and following[0].role in ("fence", "quote"):
                return following[0].text.strip("\n")
    for part in parts:
        if part.role == "fence" and part.key.lower() not in ("diff", "suggestion", "patch"):
            return part.text.strip("\n")
    for part in parts:
        if (
            part.role in ("body", "problem")
            and (line := _CODE_LINE.match(part.text))
            and not places(part.text)
        ):
            return line.group(1)
    return ""


def _locations(candidate: Candidate) -> tuple[Location, ...]:
    """Field before heading before body before what the headings above say; the text of a fix comes last."""
    parts = candidate.parts
    named = places_of(parts, "location", "file")
    elsewhere = any(
        re.search(r"\w", part.text) and not is_placeholder(part.text)
        for part in _of(parts, "location", "file")
    )
    if not named:
        named = [place for part in _of(parts, "line") for place in places(part.text)]
    head = list(candidate.head.places)
    told = places(candidate.text) if candidate.kind in ("item", "para") else ()
    body = places_of(parts, "body", "problem", "impact", "title", "quote", "other", "also", "category")
    cited = places_of(parts, "cited")
    ranges = [found for part in _of(parts, "line") for found in lines_in(part.text, bare=True)]
    given = [*named, *head, *(() if named else told), *cited, *body]
    if elsewhere and not named and not head:
        given = []
    given = [place for place in given if not _EXAMPLE.search(place.path)]
    if not given and candidate.context.path:
        return _inherited(candidate, ranges)
    if not given and not elsewhere:
        given = [place for place in places_of(parts, "fix") if place.line or place.explicit][:1]
    if not given:
        return ()
    first = given[0]
    if (
        first.line is None
        and candidate.context.path
        and not named
        and _same(first.path, candidate.context.path)
        and not head
    ):
        return _inherited(candidate, ranges)
    if first.line is None and not first.explicit and not named and candidate.context.path:
        return _inherited(candidate, ranges)
    found = [_location(first)]
    if first.line is None:
        if not ranges:
            ranges = [
                item
                for text in (
                    *(part.text for part in _of(parts, "location", "file")),
                    candidate.head.title if not named else "",
                    candidate.text[:60] if LINE_LEAD.match(re.sub(r"^[\W_]+", "", candidate.text)) else "",
                )
                for item in lines_in(text)
            ]
        if ranges:
            found = [Location(first.path, line, end) for line, end in ranges]
        else:
            same = [
                place
                for place in (*head, *cited, *told, *body)
                if place.line and _same(place.path, first.path)
            ]
            if same:
                found = [Location(first.path, same[0].line, same[0].end_line)]
    for place in [*given[1:], *(told if named else [])]:
        location = _location(place)
        known = any(
            _same(other.path, location.path) and (other.line == location.line or location.line is None)
            for other in found
        )
        if not known:
            found.append(location)
    return tuple(found[:MAX_LOCATIONS])


def _inherited(candidate: Candidate, ranges: list[tuple[int, int | None]]) -> tuple[Location, ...]:
    """The file of the heading above, with lines named by the candidate itself."""
    context = candidate.context
    if not ranges:
        ranges = lines_in(candidate.text[:300], bare=True)
    if not ranges:
        ranges = [
            item
            for part in _of(candidate.parts, "location", "problem", "body")
            for item in lines_in(part.text[:500])
        ][:3]
    if not ranges:
        return (Location(context.path, context.line, context.end_line),)
    return tuple(Location(context.path, line, end) for line, end in ranges)


def _location(place: Place) -> Location:
    return Location(place.path, place.line, place.end_line)


def _same(one: str, other: str) -> bool:
    """Whether one path is the end of the other."""
    first, second = (path.replace("\\", "/").split("/") for path in (one, other))
    length = min(len(first), len(second))
    return first[-length:] == second[-length:]
