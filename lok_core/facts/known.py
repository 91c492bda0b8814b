"""The closed list of what lok knows of code bases: `known.toml`, as values."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from attrs import frozen

from lok_core.config_layers import parsed
from lok_core.files import read_regular
from lok_core.models import Category

_MAX_BYTES = 1_000_000
STRICT = "-strict"
"""What the name of a tool ends in, as a condition, that is in use with strict settings."""


@frozen
class Language:
    """A programming language. `endings` are those of its files."""

    told: str
    endings: tuple[str, ...]


@frozen
class Framework:
    """A framework or library. `packages` mean it: (ecosystem, name)."""

    told: str
    packages: frozenset[tuple[str, str]]


@frozen
class Line:
    """A line of code. `files` is a pattern for its path, in which `*` matches slashes as well."""

    files: str
    line: re.Pattern[str]


@frozen
class Reported:
    """What a tool reports by itself. `trait` is what its settings must say; empty for nothing."""

    category: Category
    what: str
    trait: str = ""


@frozen
class Tool:
    """A type checker, linter or analyser; `known.toml` says what the attributes mean."""

    told: str
    program: str
    languages: tuple[str, ...]
    files: tuple[str, ...]
    tables: tuple[tuple[str, str], ...]
    packages: frozenset[tuple[str, str]]
    actions: tuple[str, ...]
    hooks: tuple[str, ...]
    lines: tuple[Line, ...]
    unless: Line | None
    reports: tuple[Reported, ...]


@frozen
class Known:
    """Everything lok knows, by name."""

    languages: Mapping[str, Language]
    frameworks: Mapping[str, Framework]
    tools: Mapping[str, Tool]

    @property
    def names(self) -> frozenset[str]:
        """What a condition may name."""
        strict = {
            f"{name}{STRICT}"
            for name, tool in self.tools.items()
            if any(one.trait == "strict" for one in tool.reports)
        }
        return frozenset({*self.languages, *self.frameworks, *self.tools, *strict})


@cache
def known() -> Known:
    """The list, read once in a process."""
    from pathlib import Path

    file = Path(os.path.dirname(__file__), "known.toml")
    tables = parsed(read_regular(file, _MAX_BYTES), "known.toml")
    return Known(
        {name: Language(one["told"], tuple(one["endings"])) for name, one in tables["languages"].items()},
        {name: Framework(one["told"], _packages(one)) for name, one in tables["frameworks"].items()},
        {name: _tool(name, one) for name, one in tables["tools"].items()},
    )


def _packages(table: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    return frozenset(
        (ecosystem, name.casefold())
        for ecosystem, names in table.items()
        if isinstance(names, list)
        for name in names
    )


def _tool(name: str, table: Mapping[str, Any]) -> Tool:
    return Tool(
        told=table["told"],
        program=table.get("program", name),
        languages=tuple(table.get("languages", ())),
        files=tuple(table.get("files", ())),
        tables=tuple(
            (file, name) for file, _, name in (one.partition(":") for one in table.get("tables", ()))
        ),
        packages=_packages(table.get("packages", {})),
        actions=tuple(table.get("actions", ())),
        hooks=tuple(table.get("hooks", ())),
        lines=tuple(_line(one) for one in table.get("lines", ())),
        unless=_line(table["unless"]) if "unless" in table else None,
        reports=tuple(
            Reported(one["category"], one["what"], one.get("if", "")) for one in table.get("reports", ())
        ),
    )


def _line(table: Mapping[str, str]) -> Line:
    return Line(table["files"], re.compile(table["line"]))
