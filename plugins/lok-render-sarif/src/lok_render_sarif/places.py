"""Places in the code as SARIF says them."""

from __future__ import annotations

import posixpath
from typing import Any
from urllib.parse import quote

from lok_core import Location

ROOT = "SRCROOT"
"""The name of the directory that the report is about, which no log says where it is."""
LARGEST_LINE = 2**31 - 1
"""Readers keep line numbers in 32 bits."""


def uri(path: str) -> str | None:
    """A relative reference, percent-encoded; None for what names no file below the directory."""
    normal = posixpath.normpath(path)
    if not path or normal in (".", "..") or normal.startswith(("/", "../")):
        return None
    try:
        return quote(normal.encode("utf-8", errors="surrogateescape"), safe="/")
    except UnicodeEncodeError:  # no file name: surrogates that stand for no byte
        return None


def region(location: Location) -> dict[str, Any]:
    """Its lines. GitHub wants a first line for each result, so a whole file begins at 1."""
    start, end = location.line, location.end_line
    if start is None or not 1 <= start <= LARGEST_LINE:
        return {"startLine": 1}
    if end is None or not start < end <= LARGEST_LINE:
        return {"startLine": start}
    return {"startLine": start, "endLine": end}


def physical(location: Location, snippet: str = "") -> dict[str, Any] | None:
    """A `physicalLocation`; None for what names no file below the directory."""
    reference = uri(location.path)
    if reference is None:
        return None
    lines = region(location)
    if snippet:
        lines["snippet"] = {"text": snippet}
    return {"artifactLocation": {"uri": reference, "uriBaseId": ROOT}, "region": lines}
