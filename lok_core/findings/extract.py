"""Findings out of a reply."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from lok_core.findings.rank import area_of_path
from lok_core.models import AREAS, CATEGORIES, SEVERITIES
from lok_core.outcome import Answer, Finding, Location, Source

MAX_FINDINGS = 10_000
"""Of one reply; what is beyond is left out."""

_DRIVE_OR_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")


def from_answer(answer: Answer, *, lead: bool) -> list[Finding]:
    """The findings of a structured reply (schema `lok.findings/1`), in its order; none if it has no data.

    Neither of the programs that accept a schema checks what the model returns against it, so each item is
    read for what it is worth: without a title it is no finding, every other property may be missing.

    Args:
        lead: whether an analyser answered, whose findings are leads.
    """
    items = (answer.reply.data or {}).get("findings")
    if not isinstance(items, list):
        return []
    found = [_finding(item, answer, lead) for item in items[:MAX_FINDINGS] if isinstance(item, Mapping)]
    return [finding for finding in found if finding is not None]


def _finding(item: Mapping[str, Any], answer: Answer, lead: bool) -> Finding | None:
    title = _text(item, "title")
    if not title:
        return None
    severity = _text(item, "severity").lower()
    category = _text(item, "category").lower()
    source = Source(
        backend=answer.backend,
        label=answer.request.label,
        title=title,
        explanation=_text(item, "explanation"),
        severity=severity if severity in SEVERITIES else "medium",
        category=category if category in CATEGORIES else answer.request.category,
        model=answer.reply.model,
        rule=_text(item, "rule"),
        lead=lead,
    )
    location = _location(item, answer.request.directory, lead)
    area = _text(item, "area")
    return Finding(
        title=source.title,
        explanation=source.explanation,
        severity=source.severity,
        category=source.category,
        locations=() if location is None else (location,),
        sources=(source,),
        quote=_text(item, "quote"),
        area=area if area in AREAS else area_of_path("" if location is None else location.path),
    )


def _location(item: Mapping[str, Any], directory: Path, lead: bool) -> Location | None:
    path = _text(item, "file")
    if not lead:  # a model writes paths as it pleases; an analyser's are names, which may hold anything
        path = path.replace("\\", "/").removeprefix(f"{directory.as_posix()}/").removeprefix("./")
    outside = path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path
    if not path or outside or (not lead and _DRIVE_OR_SCHEME.match(path)):
        return None
    line, end_line = _line(item, "line"), _line(item, "end_line")
    return Location(path, line, end_line if line is not None and (end_line or 0) > line else None)


def _text(item: Mapping[str, Any], key: str) -> str:
    value = item.get(key)
    return value.strip() if isinstance(value, str) else ""


def _line(item: Mapping[str, Any], key: str) -> int | None:
    value = item.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31 else None
