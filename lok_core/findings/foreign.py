"""Findings in what another tool or a person wrote: a report of lok, SARIF, other JSON, a review in prose."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from lok_core.errors import UsageError
from lok_core.findings.extract import Extracted, extract
from lok_core.findings.own import answers_of, of_report
from lok_core.findings.sarif import is_sarif, read_sarif
from lok_core.findings.untyped import at, line, objects, text
from lok_core.models import Reply, Request
from lok_core.outcome import Answer, Finding

_REPORT = "lok.report/1"
_LIKE_JSON = re.compile(r"[{\[]\s*[\"{\[\]}]")
_HEAD = 2000  # characters that tell what a broken file was meant to be
_KINDS = {
    "SARIF": re.compile(r'sarif.*"runs"|"runs".*sarif|"artifactLocation"', re.IGNORECASE | re.DOTALL),
    "a report of lok": re.compile(r'\A\{\s*"command":.*?"directory":.*?"outcomes":', re.DOTALL),
}


@frozen
class Foreign:
    """What was read.

    Attributes:
        findings: unchecked, in the order of the text.
        notes: what was left out, for a user.
        doubts: why findings may be missing.
    """

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def foreign(written: str, name: str) -> Foreign:
    """The findings that a text tells, whatever its format.

    Args:
        name: what the text is known by; the backend of findings that do not name theirs.

    Raises:
        UsageError: it is a report of lok or SARIF, but broken, or of a version that is not known.
    """
    written = written.removeprefix("\ufeff").strip()
    data, broken = _json(written, name)
    if is_sarif(data):
        version = text(data, "version")
        if version and not version.startswith("2"):
            hint = "have it written as SARIF 2.1.0"
            raise UsageError(f"{name} is SARIF {version}, which lok does not read", hint)
        found, notes, doubts = read_sarif(data, name)
        return Foreign(tuple(found), tuple(notes), tuple(doubts))
    if text(data, "schema").startswith("lok.report/"):
        return _of_report(data, name)
    request = Request(prompt="", directory=Path())  # nobody is going to be asked
    reply = Reply(written, data=data if _is_findings(data) else None)
    taken = extract(Answer(request, name, reply, 0.0), lead=False)
    clean, unread = _nothing_in(taken, name, data)
    return Foreign(tuple(map(_lead_if_ruled, taken.findings)), clean, (*broken, *unread))


def _json(written: str, name: str) -> tuple[Any, tuple[str, ...]]:
    """The value that the text is, None if it is no JSON, and what is wrong with it as such."""
    if not _LIKE_JSON.match(written):
        return None, ()
    try:
        return json.loads(written, strict=False), ()
    except RecursionError:
        return None, ()
    except ValueError as error:
        what = next((kind for kind, known in _KINDS.items() if known.search(written[:_HEAD])), "")
        if what:
            raise UsageError(
                f"{name} looks like {what}, but is not valid JSON: {error}",
                "it may have been cut off: have it written anew",
            ) from None
        if str(error).startswith("Extra data"):  # an object a line, or prose after it
            return None, ()
        return None, (f"{name} is not valid JSON ({error}); what could be read of it may not be all",)


def _of_report(data: Any, name: str) -> Foreign:
    if text(data, "schema") != _REPORT:
        raise UsageError(
            f"{name} is a report of the schema {text(data, 'schema')}, which this lok does not know",
            "read it with the lok that wrote it",
        )
    found = of_report(data, name)
    notes: list[str] = []
    doubts: list[str] = []
    if text(data, "detail", "mode") == "ask":
        for answer in answers_of(data):
            taken = extract(answer, lead=False)
            found.extend(taken.findings)
            clean, unread = _nothing_in(taken, f"the answer of {answer.backend}")
            notes.extend(clean)
            doubts.extend(unread)
    asked = sum(not text(outcome, "instead_of") for outcome in objects(data, "outcomes"))
    if failed := asked - sum(text(outcome, "outcome") == "answer" for outcome in objects(data, "outcomes")):
        doubts.append(f"{failed} requests of the run that {name} tells of were not answered")
    lost = sum(bool(line(outcome, "unparsed_locations")) for outcome in objects(data, "outcomes"))
    if lost and text(data, "detail", "mode") != "ask":
        doubts.append(f"{lost} answers of the run that {name} tells of could not be read")
    stand_ins = tuple(
        f"{text(outcome, 'backend')} answered in the place of {text(outcome, 'instead_of')} ("
        for outcome in objects(data, "outcomes")
        if text(outcome, "instead_of")
    )
    degraded = at(data, "degraded") if isinstance(at(data, "degraded"), list) else []
    gaps = [one for one in degraded if isinstance(one, str) and not one.startswith(stand_ins)]
    if gaps:
        doubts.append(f"findings may be missing in {name} itself: {gaps[0]}")
    if at(data, "interrupted") is True:
        doubts.append(f"the run that {name} tells of was interrupted")
    return Foreign(tuple(found), tuple(dict.fromkeys(notes)), tuple(dict.fromkeys(doubts)))


def _is_findings(data: Any) -> bool:
    """Whether it is of the schema `lok.findings/1`, as far as it matters."""
    items = at(data, "findings")
    return isinstance(items, list) and all(at(item, "title") and "file" in item for item in items)


def _lead_if_ruled(finding: Finding) -> Finding:
    """Only what an analyser reports names a rule."""
    sources = tuple(evolve(source, lead=bool(source.rule)) for source in finding.sources)
    return evolve(finding, sources=sources)


def _nothing_in(taken: Extracted, name: str, data: Any = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A note if the text itself says that there is nothing, and why findings may be missing."""
    cut = tuple(f"{name} was too much: {cut}" for cut in taken.cut)
    if taken.findings or not isinstance(taken.outcome, Answer):
        return (), cut
    if taken.outcome.clean and not _holds_objects(data):
        return (f"{name} says itself that there is nothing to report",), cut
    places = taken.outcome.unparsed_locations
    though = f", though {places} place{'s are' if places > 1 else ' is'} named" if places else ""
    unread = (
        f"no finding was recognised in {name}{though}; what lok reads for sure is SARIF, JSON of the schema "
        "lok.findings/1, or a list with `path:line` and the problem in each item"
    )
    return (), (*cut, unread)


def _holds_objects(data: Any) -> bool:
    """Whether something is listed in JSON of unknown make, so that an empty list in it is no clean bill."""
    lists = data.values() if isinstance(data, Mapping) else [data]
    return any(objects(one) for one in lists)
