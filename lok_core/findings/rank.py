"""The order of findings: what a person should look at first."""

from __future__ import annotations

import re
from collections.abc import Iterable

from lok_core.models import AREAS, SEVERITIES, Area
from lok_core.outcome import Finding

_AREAS: tuple[tuple[Area, re.Pattern[str]], ...] = (
    (
        "vendored",
        re.compile(
            r"(^|/)(vendor|vendors|vendored|_vendor|third[_-]?party|extern|externals|node_modules|site-packages)/"
        ),
    ),
    (
        "generated",
        re.compile(
            r"(_pb2(_grpc)?\.pyi?|\.pb\.go|[.-](min|bundle)\.[cm]?js|\.generated\.\w+|_generated\.\w+)$"
        ),
    ),
    (
        "tests",
        re.compile(
            r"(^|/)(tests?|__tests__|testing|specs?|fixtures|testdata|e2e)/"
            r"|(^|/)(test_[^/]*|tests|conftest)\.py$"
            r"|(_test\.(py|go|rb|c)|_spec\.rb|Tests?\.(java|php)|\.(test|spec)\.[cm]?[jt]sx?)$"
        ),
    ),
)


def area_of_path(path: str) -> Area:
    """The part of a code base that a relative path belongs to, by its name alone."""
    for area, pattern in _AREAS:
        if pattern.search(path):
            return area
    return "source"


def ranked(findings: Iterable[Finding]) -> list[Finding]:
    """Worst first; tests, vendored and generated code last; then what more backends report, then by place."""
    return sorted(findings, key=_rank)


def _rank(finding: Finding) -> tuple[object, ...]:
    place = finding.locations[0] if finding.locations else None
    return (
        AREAS.index(finding.area),
        SEVERITIES.index(finding.severity),
        -len({source.backend for source in finding.sources}),
        "" if place is None else place.path,
        0 if place is None else place.line or 0,
        finding.title,
    )
