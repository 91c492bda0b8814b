"""JSON values read as problems, whatever the keys are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from lok_core.findings.heads import category_in, severity_in
from lok_core.findings.linenumbers import lines_in
from lok_core.findings.places import places
from lok_core.findings.reading import MAX_EXPLANATION, MAX_LOCATIONS, Problem
from lok_core.models import CATEGORIES
from lok_core.outcome import Location

_TITLE = (
    "title",
    "name",
    "headline",
    "issue",
    "problem",
    "finding",
    "bug",
    "summary",
    "message",
    "short_description",
    "what",
)
_TEXT = (
    "explanation", "description", "body", "details", "detail", "message", "comment", "impact", "reason",
    "rationale", "why", "analysis", "summary", "text", "content", "recommendation", "suggestion", "fix",
    "suggested_fix", "remediation",
)  # fmt: skip
_FILE = (
    "file", "path", "filename", "file_path", "filepath", "file_name",
    "uri", "source_file", "source", "module", "relative_path", "abs_path", "absolute_file_path",
)  # fmt: skip
_PLACE = (
    "location", "locations", "code_location", "position", "place", "where",
    "physicallocation", "artifactlocation", "region", "affected_files", "files", "file_line", "range",
)  # fmt: skip
_LINE = (
    "line", "line_start", "start_line", "startline", "line_number", "linenumber",
    "lineno", "start", "begin", "from", "first_line", "linestart",
)  # fmt: skip
_END = ("end_line", "line_end", "endline", "end", "to", "last_line", "lineend", "end_line_number")
_LINES = ("lines", "line_range", "linerange", "line_numbers", "line_span", "range")
_SEVERITY = (
    "severity",
    "level",
    "priority",
    "risk",
    "severity_level",
    "importance",
    "criticality",
    "impact_level",
    "rating",
)
_CATEGORY = ("category", "type", "kind", "class", "tag", "check_type")
_QUOTE = (
    "quote", "snippet", "code", "evidence", "code_snippet", "excerpt",
    "problematic_code", "current_code", "codesnippet", "existing_code",
)  # fmt: skip
_ALIKE = (
    (re.compile(r"title|headline"), "title"),
    (re.compile(r"^(?!.*(?:title|count|total)).*(?:description|explanation|detail)"), "description"),
    (re.compile(r"^(?!.*(?:type|count|total|reviewed)).*(?:file|path)"), "file"),
    (re.compile(r"^(?!.*(?:count|total|end|of_code)).*line"), "lines"),
    (re.compile(r"severity|priority"), "severity"),
    (re.compile(r"snippet|quote|code$"), "quote"),
)
_PASSED_OVER = re.compile(
    r"praise|strength|positive|good|resolved|fixed|reviewed|scope|reference|action|next|metric|score|stat|question|passed|"
    r"test_rec|unit_tests|step|plan|also|related|changed|commands|rules?$|tool|example|recommendations$",
    re.IGNORECASE,
)
_FINDING_LISTS = re.compile(
    r"finding|issue|problem|bug|vulnerab|comment|result|message|violation|defect|error|warning|concern",
    re.IGNORECASE,
)


@frozen
class _Outer:
    """What the objects around a finding say."""

    path: str = ""
    severity: str = ""


def problems_of(value: Any) -> tuple[list[Problem], bool]:
    """The problems of a value, and whether it holds an empty list where findings would be."""
    lists: list[tuple[list[Problem], bool, str]] = []
    empty = False
    for key, items, outer in _lists(value, "", _Outer(), 0):
        if not items:
            empty = empty or bool(_FINDING_LISTS.search(key))
            continue
        objects = [item for item in items if isinstance(item, Mapping)]
        telling = [
            problem
            for item in objects
            if (problem := _problem(item, outer, bool(_FINDING_LISTS.search(key)))) is not None
        ]
        if telling and len(telling) * 2 >= len(items):
            lists.append((telling, any(problem.locations for problem in telling), key))
    located = [telling for telling, has_place, key in lists if has_place or _FINDING_LISTS.search(key)]
    chosen = located or [telling for telling, _, _ in lists]
    return [problem for telling in chosen for problem in telling], empty and not lists


def _lists(value: Any, key: str, outer: _Outer, depth: int) -> Iterator[tuple[str, list[Any], _Outer]]:
    """Every list that may hold findings, with its key and what stands around it."""
    if depth > 12:
        return
    if isinstance(value, list):
        nested = [
            item
            for item in value
            if (
                isinstance(item, Mapping)
                and any(
                    isinstance(child, list)
                    and any(isinstance(one, Mapping) for one in child)
                    and _FINDING_LISTS.search(str(name))
                    for name, child in item.items()
                )
            )
            or isinstance(item, list)
        ]
        if nested:
            for item in nested:
                yield from _lists(item, key, outer, depth + 1)
        else:
            yield key, value, outer
        return
    if not isinstance(value, Mapping):
        return
    path = _text(_usual(value), _FILE) or outer.path
    if (
        depth == 0
        and _problem(value, outer, False) is not None
        and not any(
            isinstance(child, list | dict) and _FINDING_LISTS.search(str(name))
            for name, child in value.items()
        )
    ):
        yield key, [value], outer
        return
    for name, child in list(value.items())[:2000]:
        name = str(name)
        if _PASSED_OVER.search(name) or not isinstance(child, list | dict):
            continue
        inner = _Outer(path, outer.severity)
        if len(name) < 30 and severity_in(name.replace("_", " ")):
            inner = _Outer(path, name.replace("_", " "))
        elif "." in name and (spots := places(name)):
            inner = _Outer(spots[0].path, outer.severity)
            name = "findings"
        yield from _lists(child, name, inner, depth + 1)


def _usual(item: Mapping[Any, Any]) -> dict[str, Any]:
    """The object with its keys in snake case; an unknown key that contains a usual one stands for it too."""
    usual: dict[str, Any] = {}
    for key, value in list(item.items())[:80]:
        usual[re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(key)).lower().replace("-", "_").replace(" ", "_")] = (
            value
        )
    for pattern, name in _ALIKE:
        if name not in usual:
            found = next(
                (key for key in usual if pattern.search(key) and isinstance(usual[key], str | int)), None
            )
            if found is not None:
                usual[name] = usual[found]
    return usual


def _problem(item: Mapping[Any, Any], outer: _Outer, listed: bool) -> Problem | None:
    """An object read as a problem: it has words, and a place, a severity or a list of findings around it."""
    item = _usual(item)
    if isinstance(item.get("extra"), Mapping):  # semgrep
        item = {**item["extra"], **item}
    if str(item.get("kind", "")).lower() in ("pass", "notapplicable") or str(item.get("status", "")).lower() in ("fixed", "resolved", "pass", "passed"):  # fmt: skip  # noqa: E501
        return None
    title = _text(item, _TITLE)
    texts = [text for key in _TEXT if (text := _text(item, (key,)))]
    if not title and not texts:
        return None
    severity = severity_in(_text(item, _SEVERITY)) or severity_in(outer.severity)
    locations = _locations(item, outer)
    if not (severity or locations or (listed and title and len(item) > 1)):
        return None
    named = _text(item, _CATEGORY).lower()
    category = next((name for name in CATEGORIES if name == named), None) or category_in(named)
    first = title or texts[0]
    line = " ".join(first.split())
    short = line if len(line) <= 200 else re.split(r"(?<=[.!?])\s", line)[0][:200]
    explanation = "\n".join(dict.fromkeys(text for text in texts if text != title or title != short))
    return Problem(short, explanation[:MAX_EXPLANATION], severity, category, locations, _text(item, _QUOTE))


def _text(item: Mapping[Any, Any], keys: Sequence[str]) -> str:
    for key in keys:
        value = item.get(key)
        if isinstance(value, Mapping):
            value = value.get("text") or value.get("value") or value.get("markdown")
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, int) and not isinstance(value, bool) and key == "priority":
            return f"p{value}" if value < 5 else ""
    return ""


def _locations(item: Mapping[Any, Any], outer: _Outer) -> tuple[Location, ...]:
    found: list[Location] = []
    path = _text(item, _FILE)
    spots = places(path) if path and len(path) < 500 else []
    line, end = _lines(item)
    if path and line is None and spots and spots[0].line:
        found.extend(Location(spot.path, spot.line, spot.end_line) for spot in spots)
    elif (
        path
        and "\n" not in path
        and (spots or "/" in path or not path.count(" "))
        and not path.startswith("http")
    ):
        found.append(Location(path, line, end))
    for key in _PLACE:
        if len(found) < MAX_LOCATIONS:
            found.extend(_nested(item.get(key), path or outer.path, 0))
    if not found and line is not None and outer.path:
        found.append(Location(outer.path, line, end))
    if found and found[0].line is None and line is not None:
        found[0] = Location(found[0].path, line, end)
    if not found and outer.path:
        found.append(Location(outer.path))
    unique = [
        place
        for place in dict.fromkeys(found)
        if place.line or not any(other.path == place.path and other.line for other in found)
    ]
    return tuple(unique[:MAX_LOCATIONS])


def _nested(value: Any, path: str, depth: int) -> list[Location]:
    """The places in the value of a key like `location`: text, an object, or a list of either."""
    if depth > 5:
        return []
    if isinstance(value, str):
        spots = places(value[:2000])
        if spots:
            return [Location(spot.path, spot.line, spot.end_line) for spot in spots]
        ranges = lines_in(value, bare=True) if path else []
        return [Location(path, line, end) for line, end in ranges[:5]]
    if isinstance(value, list):
        return [place for child in value[:MAX_LOCATIONS] for place in _nested(child, path, depth + 1)]
    if not isinstance(value, Mapping):
        return []
    item = {str(key).lower(): child for key, child in value.items()}
    own = _text(item, _FILE)
    for key in ("physicallocation", "artifactlocation"):
        child = item.get(key)
        if isinstance(child, Mapping):
            item = {**item, **{str(name).lower(): inner for name, inner in child.items()}}
            own = own or _text(item, _FILE)
    line, end = _lines(item)
    path = own or path
    if path and (line is not None or own):
        return [Location(path, line, end)]
    return [place for key in _PLACE if key in item for place in _nested(item[key], path, depth + 1)]


def _lines(item: Mapping[Any, Any]) -> tuple[int | None, int | None]:
    """First and last line of an object with any of the usual keys; a range may be text, list or object."""
    line, end = _number(item, _LINE), _number(item, _END)
    if line is None:
        for key in (*_LINES, *_LINE, "region"):
            value = item.get(key)
            if isinstance(value, str) and (ranges := lines_in(value, bare=True)):
                return ranges[0]
            if isinstance(value, list) and value and isinstance(value[0], int):
                value = {"start": value[0], "end": value[1] if len(value) == 2 else None}
            if isinstance(value, Mapping):
                lowered = {str(name).lower(): child for name, child in value.items()}
                line, end = _number(lowered, _LINE), _number(lowered, _END)
                if line is None and isinstance(lowered.get("start"), Mapping):
                    line, end = _number(lowered["start"], _LINE), _number(lowered.get("end") or {}, _LINE)
                if line is not None:
                    break
    if line is not None and end is None and isinstance(item.get("end"), Mapping):
        end = _number(item["end"], _LINE)
    return line, end if line is not None and end is not None and end > line else None


def _number(item: Any, keys: Sequence[str]) -> int | None:
    for key in keys:
        value = item.get(key) if isinstance(item, Mapping) else None
        if isinstance(value, str) and value.strip().isdigit() and len(value) < 9:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10_000_000:
            return value
    return None
