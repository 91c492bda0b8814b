"""Turns what the analysers reported into leads: one a place and weakness, quoted, masked and ranked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from attrs import evolve, frozen

from lok_backend_static.files import File, area_of, read
from lok_backend_static.secrets import Secret
from lok_core import AREAS, SEVERITIES, Area, Category, Severity, mask_value

MAX_QUOTE = 200
"""Characters of a source line that are shown."""
_LITERAL = re.compile(r"""(?<=["'`])[^"'`]{4,}(?=["'`])""")
HARDCODED = "hardcoded-secret"
SYNTAX = "syntax-error"
_TEMPLATE = re.compile(rb"\{%[-+ ]|\{\{[ -]?cookiecutter")
"""What becomes Python only once it is filled in need not parse before."""


@frozen
class Lead:
    """A place that a rule points at.

    Attributes:
        weakness: its class; of several leads of one class on a line, one is kept.
        tests: whether it means anything in tests.
        any_newline: whether its lines count a lone carriage return as the end of one.
        quote, area: known once the file was read.
    """

    file: File
    line: int
    end_line: int
    rule: str
    weakness: str
    title: str
    explanation: str
    severity: Severity
    category: Category
    tests: bool = True
    any_newline: bool = False
    quote: str = ""
    area: Area = "source"

    def as_finding(self) -> dict[str, Any]:
        """As the schema `lok.findings/1` has it."""
        return {
            "title": self.title,
            "explanation": self.explanation,
            "severity": self.severity,
            "category": self.category,
            "file": self.file.name,
            "line": self.line,
            "end_line": self.end_line if self.end_line > self.line else None,
            "quote": self.quote,
            "rule": self.rule,
            "area": self.area,
        }


def from_secret(file: File, secret: Secret) -> Lead:
    """The lead that a credential is."""
    return Lead(
        file=file,
        line=secret.line,
        end_line=secret.line,
        rule=secret.rule,
        weakness=HARDCODED,
        title=secret.title,
        explanation=secret.explanation,
        severity=secret.severity,
        category="secrets",
    )


def finished(leads: Iterable[Lead], secrets: Mapping[str, Sequence[Secret]]) -> list[Lead]:
    """The leads as they are shown, worst first; tests, vendored and generated code last.

    Args:
        leads: as reported.
        secrets: what was found, by the name of the file; masked in whatever is quoted.
    """
    by_file: dict[str, list[Lead]] = {}
    for lead in leads:
        by_file.setdefault(lead.file.name, []).append(lead)
    shown: list[Lead] = []
    for name, group in by_file.items():
        content = read(group[0].file.path)
        if content is None:
            continue  # gone, or changed beyond reading, since it was analysed
        shown += _in_file(group, content, area_of(name, content), secrets.get(name, ()))
    return sorted(shown, key=_rank)


def _in_file(leads: list[Lead], content: bytes, area: Area, secrets: Sequence[Secret]) -> list[Lead]:
    lines = content.removesuffix(b"\n").split(b"\n")
    line_of = _line_numbers(content)
    values: dict[int, list[str]] = {}
    for secret in secrets:
        for line, part in enumerate(secret.value.split("\n"), secret.value_line):
            values.setdefault(line, []).append(part.strip())
    kept: dict[tuple[int, str], Lead] = {}
    for lead in leads:
        if (area == "tests" and not lead.tests) or (lead.weakness == SYNTAX and _TEMPLATE.search(content)):
            continue
        line, end_line = lead.line, lead.end_line
        if lead.any_newline:
            line, end_line = line_of(line), line_of(end_line)
        line = min(line, len(lines))
        # The beginning is enough for a quote; a file may be one line with a thousand leads.
        quote = lines[line - 1][: 20 * MAX_QUOTE].decode(errors="replace").strip()
        if lead.category == "dead-code" and "noqa" in quote:
            continue  # kept on purpose; a weakness is not excused so, or an attacker would
        here = values.get(line, [])
        if lead.weakness == HARDCODED and not here:
            here = _LITERAL.findall(quote)  # a rule saw a secret where the scan saw none
        shown = evolve(
            lead,
            line=line,
            end_line=min(end_line, len(lines)),
            title=_masked(lead.title, here),
            quote=_masked(quote, here)[:MAX_QUOTE],
            area=area,
        )
        other = kept.get((line, lead.weakness))
        if other is None or _worth(shown) < _worth(other):
            kept[line, lead.weakness] = shown
    return list(kept.values())


def _line_numbers(content: bytes) -> Callable[[int], int]:
    """Translates line numbers that count lone carriage returns into those that editors and grep show."""
    if content.count(b"\r") == content.count(b"\r\n"):
        return lambda row: row
    ends = (found.group() for found in re.finditer(rb"\r\n?|\n", content))
    table = [1, *accumulate((end.endswith(b"\n") for end in ends), initial=1)][1:]
    return lambda row: table[min(row, len(table)) - 1]


def _masked(text: str, values: Iterable[str]) -> str:
    for value in sorted(filter(None, values), key=len, reverse=True):
        text = text.replace(value, mask_value(value))
    return text


def _worth(lead: Lead) -> tuple[int, str]:
    return SEVERITIES.index(lead.severity), lead.rule


def _rank(lead: Lead) -> tuple[int, int, str, int, str]:
    return AREAS.index(lead.area), SEVERITIES.index(lead.severity), lead.file.name, lead.line, lead.rule
