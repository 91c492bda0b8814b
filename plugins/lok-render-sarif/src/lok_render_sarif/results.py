"""Findings as SARIF results."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lok_core import Finding, Grounding, Location, Severity, Source, clean, clean_line
from lok_render_sarif.places import physical
from lok_render_sarif.rules import INDEX

TEXT_LENGTH = 10_000
"""Characters of one text. GitHub takes 10 MB for a log, compressed."""
PLACES = 100
"""Locations of one result that GitHub shows."""
CUT = " [cut off]"

LEVELS: Mapping[Severity, str] = {
    "critical": "error",
    "high": "error",
    "medium": "warning",
    "low": "note",
    "info": "note",
}
_EVIDENCE: Mapping[Grounding, str] = {
    "unchecked": "The evidence was not checked",
    "exact": "The evidence was found",
    "moved": "The evidence was found at another line than reported",
    "elsewhere": "The evidence was found in another file than reported",
    "quote-missing": "The evidence was not found: the quoted code is not there",
    "line-out-of-range": "The evidence was not found: there is no such line",
    "file-missing": "The evidence was not found: there is no such file",
    "ambiguous": "The evidence is unclear: the quoted code is in several places",
    "unlocated": "No place was given",
}
_LINK = re.compile(r"\](?=\()")


def text(said: str) -> str:
    """What was said, cleaned, within bounds, and without links, which SARIF allows in plain text."""
    return _LINK.sub("] ", cut(clean(said).strip()))


def cut(said: str) -> str:
    return said if len(said) <= TEXT_LENGTH else said[:TEXT_LENGTH] + CUT


def is_cut(finding: Finding) -> bool:
    """Whether its result cannot hold everything it has."""
    told = [text for each in finding.sources for text in (each.title, each.explanation, each.quote)]
    longest = max(map(len, (finding.title, finding.explanation, finding.quote, *told)))
    return longest > TEXT_LENGTH or len(finding.locations) > PLACES + 1


class Results:
    """Makes results of findings, one after the other: those that share a fingerprint are numbered.

    Args:
        baseline: the file that says which findings are known; empty without one.
    """

    def __init__(self, baseline: str) -> None:
        self._baseline = baseline
        self._seen: Counter[str] = Counter()

    def result(self, finding: Finding) -> dict[str, Any] | None:
        """None for a finding without a place, which no result can hold."""
        places = [place for place in dict.fromkeys(finding.locations) if physical(place)][: PLACES + 1]
        if not places:
            return None
        made: dict[str, Any] = {
            "ruleId": finding.category,
            "ruleIndex": INDEX[finding.category],
            "level": LEVELS[finding.severity],
            "message": {"text": message(finding, places)},
            "locations": [{"physicalLocation": physical(places[0], _snippet(finding, places[0]))}],
            "suppressions": self._suppressions(finding),
            "properties": properties(finding),
        }
        if len(places) > 1:
            made["relatedLocations"] = [
                {"id": number, "physicalLocation": physical(place)}
                for number, place in enumerate(places[1:], start=1)
            ]
        if finding.fingerprint:
            self._seen[finding.fingerprint] += 1
            again = self._seen[finding.fingerprint]
            numbered = finding.fingerprint if again == 1 else f"{finding.fingerprint}:{again}"
            made["partialFingerprints"] = {"lok/v1": clean_line(numbered)}
        if self._baseline:
            made["baselineState"] = "unchanged" if finding.known else "new"
        return made

    def _suppressions(self, finding: Finding) -> list[dict[str, Any]]:
        """Never absent: SARIF wants them for all results of a run or for none, empty where there are none."""
        made = []
        if finding.suppressed is not None:
            made.append(_suppression("inSource", text(finding.suppressed)))
        if finding.known:
            name = posixpath.basename(self._baseline)  # the path would tell about the machine
            made.append(_suppression("external", text(f"known from the baseline {name}".strip())))
        return made


def _suppression(kind: str, why: str) -> dict[str, Any]:
    return {"kind": kind, "status": "accepted", **({"justification": why} if why else {})}


def message(finding: Finding, places: list[Location]) -> str:
    """Title, explanation, who says so and what their evidence is worth: services show no properties."""
    who = ", ".join(dict.fromkeys(text(source.backend) for source in finding.sources))
    facts = [f"Reported by {who}.", f"{_EVIDENCE[finding.grounding]}."]
    if places and places[0].line is None:
        facts.append("No line was given.")
    if finding.incomplete:
        facts.append("The answer was cut off.")
    if len(places) > 1:
        links = [f"[{_linked(place)}]({number})" for number, place in enumerate(places[1:], start=1)]
        facts.append(f"See also {', '.join(links)}.")
    title = text(finding.title) or f"A problem of the category {finding.category}"
    return "\n\n".join(part for part in (title, text(finding.explanation), " ".join(facts)) if part)


def properties(finding: Finding) -> dict[str, Any]:
    """What SARIF has no place for."""
    return {
        "severity": finding.severity,
        "grounding": finding.grounding,
        "agreement": finding.agreement,
        "backends": list(dict.fromkeys(text(source.backend) for source in finding.sources)),
        "area": finding.area,
        "incomplete": finding.incomplete,
        "quote": cut(clean(finding.quote)),
        "sources": [_source(source, finding) for source in finding.sources],
    }


def _source(source: Source, finding: Finding) -> dict[str, Any]:
    told = {
        "backend": source.backend,
        "model": source.model or "",
        "prompt": source.label,
        "rule": source.rule,
        "severity": source.severity,
        "category": source.category,
        "title": source.title if source.title != finding.title else "",
        "explanation": source.explanation if source.explanation != finding.explanation else "",
        "quote": source.quote if source.quote != finding.quote else "",
        "place": _place(source.place) if source.place else "",
    }
    kept: dict[str, Any] = {key: cut(clean(value)) for key, value in told.items() if value}
    return {**kept, "lead": source.lead, "incomplete": source.incomplete}


def _snippet(finding: Finding, place: Location) -> str:
    """The quote where it is known to be the code of all the lines."""
    if not finding.grounded or place.line is None:
        return ""
    lines = (place.end_line or place.line) - place.line + 1
    quote = clean(finding.quote).strip("\n")
    return cut(quote) if len(quote.split("\n")) == lines else ""


def _place(place: Location) -> str:
    end = f"-{place.end_line}" if place.end_line else ""
    return place.path + (f":{place.line}{end}" if place.line else "")


def _linked(place: Location) -> str:
    return re.sub(r"[\[\]\\]", "_", cut(clean_line(_place(place))))
