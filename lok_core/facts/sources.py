"""What is read of a directory to know facts about it: few files, and little of each.

Nothing in it is trusted: paths are those of regular files (`findings.tree` follows no link), a FIFO in the
place of one is not waited for, and what is no text, JSON or TOML counts as empty.
"""

from __future__ import annotations

import configparser
import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from attrs import Factory, define

from lok_core.config_layers import parsed
from lok_core.errors import ConfigError
from lok_core.files import read_regular
from lok_core.findings.rank import area_of_path

MAX_BYTES = 128 * 1024
"""Of one file; what follows is not read."""
MAX_FILES = 400
MAX_TOTAL = 4_000_000
"""Bytes of all files; what comes after so many of either counts as empty."""
_DEPTH = 4  # parts of a path; what lies deeper speaks for no code base
_ASIDE = re.compile(r"(^|/)(examples?|samples?|demos?|docs?|templates?|benchmarks?|skeletons?)/")
# What is not closed matches too: to look for its end again from each place in it would take hours.
_JSON_COMMENT = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)')
_LAST_COMMA = re.compile(r'("(?:[^"\\\n]|\\.)*"?)|,(?=\s{0,200}[}\]])')


@define
class Sources:
    """The files below a directory, as far as settings are read from them.

    Attributes:
        root: the directory.
        paths: relative to it, with forward slashes.
        until: by the monotonic clock, when no more is read.
        cut: whether there was more than was read.
    """

    root: Path
    paths: tuple[str, ...]
    until: float = float("inf")
    cut: bool = False
    _texts: dict[str, str] = Factory(dict)
    _parsed: dict[str, Any] = Factory(dict)
    _read: int = 0

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        """The files that do not lie too deep by their last names, the outermost first."""
        found: dict[str, list[str]] = {}
        shallow = [path for path in self.paths if path.count("/") < _DEPTH]
        for path in sorted(shallow, key=lambda one: (one.count("/"), one)):
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @cached_property
    def _ending(self) -> dict[str, list[str]]:
        """The same by what follows the last dot in their names."""
        found: dict[str, list[str]] = {}
        for name, paths in self._named.items():
            found.setdefault(name.rpartition(".")[2], []).extend(paths)
        return found

    def named(self, name: str) -> Iterator[tuple[str, str]]:
        """Folder and path of each file called so that speaks for the code base.

        Args:
            name: may have folders in it, or begin with a `*`.
        """
        last = name.rpartition("/")[2]
        if name.startswith("*"):
            ending = self._ending.get(name.rpartition(".")[2], ())
            paths: Iterable[str] = (path for path in ending if path.endswith(name[1:]))
        else:
            paths = self._named.get(last, ())
        for path in paths:
            if area_of_path(path) == "source" and not _ASIDE.search(path):
                if name.startswith("*"):
                    yield path.rpartition("/")[0], path
                elif path == name or path.endswith(f"/{name}"):
                    yield path.removesuffix(name).rstrip("/"), path

    def matching(self, pattern: str) -> Iterator[tuple[str, str]]:
        """Folder and path of each file whose path, from that folder on, is as the pattern says."""
        first = pattern.partition("*")[0].partition("/")[0]
        for path in self._ending.get(pattern.rpartition(".")[2], ()):
            if first not in path:
                continue
            parts = path.split("/")
            for start in range(len(parts)):
                if fnmatchcase("/".join(parts[start:]), pattern):
                    if not _ASIDE.search(f"{'/'.join(parts[:start])}/"):
                        yield "/".join(parts[:start]), path
                    break

    def text(self, path: str) -> str:
        """The beginning of the file; empty if it cannot be read, or too many were."""
        if path not in self._texts:
            if len(self._texts) >= MAX_FILES or self._read >= MAX_TOTAL or time.monotonic() > self.until:
                self.cut = True
                return ""
            try:
                content = read_regular(self.root / path, MAX_BYTES)
            except (OSError, ValueError):
                content = b""
            self._read += len(content)
            self._texts[path] = content.decode("utf-8-sig", errors="replace")
        return self._texts[path]

    def toml(self, path: str) -> dict[str, Any]:
        """The tables in it."""
        return self._once(path, _toml)

    def json(self, path: str) -> dict[str, Any]:
        """The object in it; comments and last commas may stand where many programs let them."""
        return self._once(path, _json)

    def ini(self, path: str) -> Mapping[str, Mapping[str, str]]:
        """The sections in it, with keys in lower case."""
        return self._once(path, _ini)

    def _once(self, path: str, parse: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
        if path not in self._parsed:
            text = self.text(path)
            if time.monotonic() > self.until:
                self.cut = True
                return {}
            self._parsed[path] = parse(text)
        return cast(dict[str, Any], self._parsed[path])


def _toml(text: str) -> dict[str, Any]:
    try:
        return parsed(text.encode(), "")
    except (ConfigError, RecursionError):
        return {}


def _json(text: str) -> dict[str, Any]:
    for tried in (text, _without(_LAST_COMMA, _without(_JSON_COMMENT, text))):
        try:
            value = json.loads(tried)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict) else {}
    return {}


def _ini(text: str) -> dict[str, Any]:
    reader = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        reader.read_string(text)
        return {name: {key: value or "" for key, value in reader.items(name)} for name in reader.sections()}
    except (configparser.Error, ValueError, TypeError, AttributeError):
        return {}


def _without(pattern: re.Pattern[str], text: str) -> str:
    """The text without what the pattern finds, but for its first group."""
    return pattern.sub(lambda found: found[1] or "", text)


def without_comment(line: str) -> str:
    """The line up to a `#` that begins a word."""
    if line.lstrip().startswith("#"):
        return ""
    end = line.find(" #")
    return line if end < 0 else line[:end]


def at(tables: Any, *keys: str) -> Any:
    """What stands in tables under these keys; None if nothing does."""
    for key in keys:
        if not isinstance(tables, Mapping):
            return None
        tables = tables.get(key)
    return tables
