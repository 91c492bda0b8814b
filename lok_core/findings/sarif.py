"""Findings out of SARIF, the format of static analysers.

What the properties mean: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
`security-severity` is GitHub's: a number as CVSS counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from lok_core.findings.heads import category_in
from lok_core.findings.own import of_run
from lok_core.findings.rank import area_of_path
from lok_core.findings.reading import MAX_EXPLANATION, MAX_LOCATIONS, MAX_TITLE
from lok_core.findings.untyped import at, index, line, objects, text
from lok_core.models import Category, Severity
from lok_core.outcome import Finding, Location, Source

MAX_RESULTS = 25_000
"""Of a run that are read: as many as GitHub accepts."""

_LEVELS: Mapping[str, Severity] = {"error": "high", "warning": "medium", "note": "low", "none": "info"}
_SCORES: tuple[tuple[float, Severity], ...] = (
    (9.0, "critical"),
    (7.0, "high"),
    (4.0, "medium"),
    (0.1, "low"),
)
_RANKS: tuple[tuple[float, Severity], ...] = ((90, "critical"), (70, "high"), (40, "medium"), (10, "low"))
_WEAKNESSES: Mapping[Category, str] = {  # numbers of cwe.mitre.org; all others are `security`
    "injection": "20 22 23 36 73 74 77 78 79 80 88 89 90 91 93 94 95 98 113 116 117 564 643 917 943 1336",
    "auth": "284 285 287 288 290 306 307 352 384 425 613 639 640 862 863",
    "secrets": "256 257 259 260 312 313 321 522 532 538 540 547 615 798",
    "errors": "252 369 390 391 396 476 481 682 703 754 755 772 775",
    "dead-code": "561 563 570 571",
}
_CATEGORY_OF = {number: category for category, row in _WEAKNESSES.items() for number in row.split()}
_CWE = re.compile(r"\bcwe[-_/: ]{0,2}0*(\d{1,4})\b", re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:")
_FILE = re.compile(r"file:(?://(?:localhost)?(?=/)|//(?=[A-Za-z]:))?", re.IGNORECASE)
_LINK = re.compile(r"(?<!\\)\[((?:[^\[\]\\]|\\.)*)\]\([^()\s]*\)")
_ESCAPED = re.compile(r"\\([\[\]\\])")
_SENTENCE = re.compile(r"(.{12,}?[.!?])\s")
_NO_PROBLEM = ("pass", "notApplicable")


def is_sarif(data: Any) -> bool:
    """Whether a value is a log, of whatever version."""
    told = f"{text(data, '$schema')} {text(data, 'version')}"
    known = "sarif" in told.lower() or re.search(r"(^| )[12]\.\d", told) is not None
    return isinstance(at(data, "runs"), list) and (known or at(data, "runs", 0, "tool") is not None)


def read_sarif(log: Any, name: str) -> tuple[list[Finding], list[str], list[str]]:
    """The findings of all runs, what was left out, and why some may be missing.

    Results that the log marks as suppressed, or as gone since its baseline, are left out.

    Args:
        name: the backend of a run that does not name its tool.
    """
    found: list[Finding] = []
    notes: list[str] = []
    doubts: list[str] = []
    for data in objects(log, "runs"):
        run = _Run(data)
        tool = text(data, "tool", "driver", "name")
        if tool == "lok":
            places = [run.places(result) for result in objects(data, "results")]
            found.extend(of_run(data, places, name))
        else:
            results = objects(data, "results")
            kept = [result for result in results if _counts(result)]
            found.extend(_finding(run, result, tool or name) for result in kept[:MAX_RESULTS])
            if dropped := sum(_is_set_aside(result) for result in results):
                notes.append(
                    f"{dropped} results are left out that {tool or name} marks as suppressed or gone"
                )
            if len(kept) > MAX_RESULTS:
                doubts.append(f"only the first {MAX_RESULTS:,} of {len(kept):,} results were read")
        if any(at(one, "executionSuccessful") is False for one in objects(data, "invocations")):
            doubts.append(f"{tool or name} says that its run was not a success")
    return found, notes, doubts


@frozen
class _Run:
    """A run, with what its results refer to."""

    data: Mapping[str, Any]
    _bases: tuple[str, ...] = field(init=False)  # absolute, longest first

    @_bases.default
    def _absolute_bases(self) -> tuple[str, ...]:
        named = at(self.data, "originalUriBaseIds")
        uris = [text(base, "uri") for base in named.values()] if isinstance(named, Mapping) else []
        uris += [text(one, "workingDirectory", "uri") for one in objects(self.data, "invocations")]
        paths = {f"{_path(uri).rstrip('/')}/" for uri in uris if _is_absolute(uri)}
        return tuple(sorted(paths - {"/"}, key=len, reverse=True))

    def rule(self, result: Mapping[str, Any]) -> Mapping[str, Any]:
        """The descriptor of the rule that a result is of; empty if there is none."""
        component = index(result, "rule", "toolComponent", "index")
        tool = at(self.data, "tool", *(("extensions", component) if component >= 0 else ("driver",)))
        number = max(index(result, "ruleIndex"), index(result, "rule", "index"))
        found = at(tool, "rules", number)
        name = _rule_id(result)
        if isinstance(found, Mapping) and (not name or _names(text(found, "id"), name)):
            return found
        return next((one for one in objects(tool, "rules") if name and _names(text(one, "id"), name)), {})

    def message(self, result: Mapping[str, Any], rule: Mapping[str, Any]) -> str:
        message = at(result, "message")
        said = text(message, "text") or text(message, "markdown")
        if not said and (key := text(message, "id")):
            strings = at(rule, "messageStrings", key) or at(
                self.data, "tool", "driver", "globalMessageStrings", key
            )
            said = text(strings, "text") or text(strings, "markdown")
        arguments = at(message, "arguments")
        for number, argument in enumerate(arguments if isinstance(arguments, list) else ()):
            said = said.replace(f"{{{number}}}", str(argument))
        return _ESCAPED.sub(r"\1", _LINK.sub(r"\1", said))

    def places(self, result: Mapping[str, Any]) -> tuple[Location, ...]:
        """Where it is, then what is related to it."""
        found = dict.fromkeys(
            place
            for one in (*objects(result, "locations"), *objects(result, "relatedLocations"))
            if (place := self._place(at(one, "physicalLocation"))) is not None
        )
        return tuple(found)

    def _place(self, physical: Any) -> Location | None:
        path = self._path(at(physical, "artifactLocation"))
        if not path:
            return None
        region = at(physical, "region")
        first, last = line(region, "startLine"), line(region, "endLine")
        if first is None or last is None:
            return Location(path, first)
        if at(region, "endColumn") == 1:  # it ends before the first character of that line
            last -= 1
        return Location(path, first, last if last > first else None)

    def _path(self, artifact: Any) -> str:
        uri = text(artifact, "uri")
        if not uri:
            artifact = at(self.data, "artifacts", index(artifact, "index"), "location")
            uri = text(artifact, "uri")
        base = text(artifact, "uriBaseId")
        for _ in range(8):  # an absolute base is where the tool ran; what counts is the path below it
            above = at(self.data, "originalUriBaseIds", base)
            prefix = text(above, "uri")
            if not uri or not prefix or _is_absolute(uri) or _is_absolute(prefix):
                break
            uri, base = f"{prefix.rstrip('/')}/{uri}", text(above, "uriBaseId")
        path = _path(uri)
        return next((path.removeprefix(one) for one in self._bases if path.startswith(one)), path)


def _rule_id(result: Mapping[str, Any]) -> str:
    return text(result, "ruleId") or text(result, "rule", "id")


def _names(rule: str, wanted: str) -> bool:
    """Whether a rule is the one that is wanted, or that of which it is a part ("CA1000/1")."""
    return bool(rule) and (rule == wanted or wanted.startswith(f"{rule}/"))


def _is_absolute(uri: str) -> bool:
    return uri.startswith("/") or _SCHEME.match(uri) is not None


def _path(uri: str) -> str:
    """The path that a URI names; empty if it is none of a file. Many tools write paths as they are."""
    named = _FILE.match(uri)
    if named is not None:
        uri = uri[named.end() :]
    elif _SCHEME.match(uri):
        return ""
    path = unquote_to_bytes(uri).decode("utf-8", errors="surrogateescape")
    return path[1:] if re.match(r"/[A-Za-z]:/", path) else path


def _finding(run: _Run, result: Mapping[str, Any], tool: str) -> Finding:
    rule = run.rule(result)
    title, explanation = _told(run.message(result, rule), rule)
    places = run.places(result)[:MAX_LOCATIONS]
    source = Source(
        backend=tool,
        label="",
        title=title or _rule_id(result) or "(nothing was said)",
        explanation=explanation[:MAX_EXPLANATION],
        severity=_severity(result, rule),
        category=_category(result, rule),
        rule=_rule_id(result),
        lead=bool(_rule_id(result)),
        place=places[0] if places else None,
        quote=_snippet(result),
    )
    return Finding(
        title=source.title,
        explanation=source.explanation,
        severity=source.severity,
        category=source.category,
        locations=places,
        sources=(source,),
        quote=source.quote,
        area=area_of_path(places[0].path if places else ""),
    )


def _told(message: str, rule: Mapping[str, Any]) -> tuple[str, str]:
    """Title and explanation: a message of several lines is no title, nor is more than its first sentence."""
    about = " ".join(text(rule, "shortDescription", "text").split())
    if text(rule, "id") in about or "{" in about:  # made from the rule's name, or a form to be filled in
        about = ""
    if about and len(about) <= MAX_TITLE and (not message or "\n" in message):
        return about, message
    first, _, rest = message.partition("\n")
    sentence = _SENTENCE.match(first)
    if sentence is not None:
        first, rest = sentence[1], f"{first[sentence.end() :]}\n{rest}"
    title = " ".join(first.split())
    if len(title) > MAX_TITLE:
        title, rest = title[: MAX_TITLE - 1].rstrip() + "…", message
    added = "" if about.rstrip(".").casefold() in message.casefold() else about
    return title, "\n".join(part for part in (rest.strip(), added) if part)


def _snippet(result: Mapping[str, Any]) -> str:
    found = at(result, "locations", 0, "physicalLocation", "region", "snippet", "text")
    return found.strip("\r\n") if isinstance(found, str) else ""


def _severity(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Severity:
    for about in (result, rule):
        score = _number(at(about, "properties", "security-severity"))
        if score is not None and score >= 0:
            return _of_scale(score, _SCORES)
    configured = text(rule, "defaultConfiguration", "level")
    kind = text(result, "kind")
    level = text(result, "level") or ("none" if kind == "informational" else configured)
    rank = _number(at(result, "rank"))
    if level not in _LEVELS and rank is not None and rank >= 0:
        return _of_scale(rank, _RANKS)
    return _LEVELS.get(level, "medium")


def _of_scale(value: float, scale: tuple[tuple[float, Severity], ...]) -> Severity:
    return next((severity for least, severity in scale if value >= least), "info")


def _number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except (ValueError, OverflowError):
        return None


def _category(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Category:
    """What the rule's name says, else the weakness it is about, else its tags."""
    named = category_in(f"{_rule_id(result)} {text(rule, 'name')}".replace(".", " "))
    if named is not None and named != "security":
        return named
    words = list(_words(result, rule))
    weaknesses = [number for word in words for number in _CWE.findall(word)]
    if weaknesses:
        return next((_CATEGORY_OF[one] for one in weaknesses if one in _CATEGORY_OF), "security")
    tagged = [category for word in words if (category := category_in(word)) is not None]
    special = next((category for category in tagged if category != "security"), None)
    return special or named or (tagged[0] if tagged else "general")


def _words(result: Mapping[str, Any], rule: Mapping[str, Any]) -> Iterator[str]:
    for about in (rule, result):
        for key in ("tags", "cwe", "category"):
            value = at(about, "properties", key)
            for word in value if isinstance(value, list) else [value]:
                if isinstance(word, str):
                    yield word
    for relation in objects(rule, "relationships"):
        if "cwe" in text(relation, "target", "toolComponent", "name").lower():
            yield f"CWE-{text(relation, 'target', 'id').upper().removeprefix('CWE-')}"
    for taxon in objects(result, "taxa"):
        if text(taxon, "toolComponent", "name").upper() == "CWE":
            yield f"CWE-{text(taxon, 'id').upper().removeprefix('CWE-')}"


def _counts(result: Mapping[str, Any]) -> bool:
    return text(result, "kind") not in _NO_PROBLEM and not _is_set_aside(result)


def _is_set_aside(result: Mapping[str, Any]) -> bool:
    accepted = [text(one, "status") in ("", "accepted") for one in objects(result, "suppressions")]
    return any(accepted) or text(result, "baselineState") == "absent"
