"""Facts about the code base in a directory: what it is written in, what it uses, what checks it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from attrs import Factory, frozen

from lok_core.facts.commands import Commands, commands
from lok_core.facts.known import STRICT, Line, Tool, known
from lok_core.facts.manifests import declared
from lok_core.facts.settings import traits
from lok_core.facts.sources import Sources, at
from lok_core.findings.rank import area_of_path
from lok_core.findings.tree import Tree

_SECONDS = 1.0
"""Of reading settings, at the most."""
_LEAST_SHARE = 0.01
"""Of all files; a language with less is not told."""
_BLOCK_COMMENT = re.compile(
    r"^=begin\b[\s\S]*?(?:^=end\b|\Z)|^__END__$[\s\S]*|/\*[\s\S]*?(?:\*/|\Z)", re.MULTILINE
)


@frozen
class Facts:
    """What is known of a code base; names are those of `known.toml`.

    Attributes:
        languages: the number of files in each, the most first.
        frameworks: sorted.
        tools: with the traits that their settings give them.
        partial: the tools that check a part of the code base only.
        countless: whether there were too many files to look at.
        incomplete: whether not all was read, so that nothing is left to the tools.
    """

    languages: Mapping[str, int] = Factory(dict)
    frameworks: tuple[str, ...] = ()
    tools: Mapping[str, frozenset[str]] = Factory(dict)
    partial: frozenset[str] = frozenset()
    countless: bool = False
    incomplete: bool = False

    @property
    def names(self) -> frozenset[str]:
        """What a condition finds to hold."""
        whole = {name: found for name, found in self.tools.items() if self.is_whole(name)}
        strict = {f"{name}{STRICT}" for name, found in whole.items() if "strict" in found}
        return frozenset({*self.languages, *self.frameworks, *whole, *strict})

    def is_whole(self, tool: str) -> bool:
        """Whether the tool is known to check all that is written in its languages."""
        return not self.incomplete and tool not in self.partial


def detect(directory: Path, seconds: float = _SECONDS) -> Facts:
    """The facts; raises nothing for what lies there.

    Args:
        seconds: how long settings are read, after the names of all files have been; what has been read by
            then counts.
    """
    root = Path(os.path.realpath(directory))
    paths = Tree(root).paths
    languages = _files_by_language(paths)
    sources = Sources(root, paths or _outermost(root), time.monotonic() + seconds)
    countless = not paths and bool(sources.paths)
    packages = declared(sources)
    run = commands(sources)
    tools: dict[str, frozenset[str]] = {}
    partial: set[str] = set()
    for name, tool in known().tools.items():
        found = _in_use(name, tool, sources, packages, run)
        if found is None:
            continue
        tools[name], folders = found
        theirs = [path for language in tool.languages for path in languages.get(language, ())]
        if not _cover(folders, theirs, bool(tool.languages)):
            partial.add(name)
    return Facts(
        _told(languages),
        tuple(sorted(name for name, one in known().frameworks.items() if one.packages & packages.keys())),
        tools,
        frozenset(partial),
        countless,
        countless or sources.cut,
    )


def _outermost(root: Path) -> tuple[str, ...]:
    """The files right in the directory, where there are too many to look at all."""
    try:
        with os.scandir(root) as entries:
            return tuple(sorted(one.name for one in entries if one.is_file(follow_symlinks=False)))[:10_000]
    except OSError:
        return ()


def _files_by_language(paths: Iterable[str]) -> dict[str, list[str]]:
    by_ending = {ending: name for name, one in known().languages.items() for ending in one.endings}
    found: dict[str, list[str]] = {}
    for path in paths:
        name = path.rpartition("/")[2]
        language = by_ending.get(name[name.rfind(".") :]) if "." in name else None
        if language is not None and area_of_path(path) in ("source", "tests"):
            found.setdefault(language, []).append(path)
    return found


def _told(languages: Mapping[str, list[str]]) -> dict[str, int]:
    least = sum(map(len, languages.values())) * _LEAST_SHARE
    found = {name: len(paths) for name, paths in languages.items() if len(paths) >= least}
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def _in_use(
    name: str, tool: Tool, sources: Sources, packages: Mapping[tuple[str, str], set[str]], run: Commands
) -> tuple[frozenset[str], set[str]] | None:
    """The traits that the tool has wherever it is configured, and the folders it is configured for; None if
    it is not in use."""
    configured: dict[str, frozenset[str] | None] = {}
    for folder, path in _configurations(tool, sources):
        if folder not in configured:
            configured[folder] = traits(name, sources, path)
    folders = {folder for folder, found in configured.items() if found is not None}
    folders |= {one for package in tool.packages for one in packages.get(package, ())}
    for line in tool.lines:
        folders |= {
            folder
            for folder, path in sources.matching(line.files)
            if _stands(line, _BLOCK_COMMENT.sub("", sources.text(path)))
        }
    if run.actions & set(tool.actions) or run.hooks & set(tool.hooks):
        folders.add("")
    if not folders or _is_off(tool, sources):
        return None
    told = [found or frozenset() for found in configured.values()]
    sure = frozenset.intersection(*told) if told and not run.narrow(tool.program) else frozenset()
    return sure, folders


def _configurations(tool: Tool, sources: Sources) -> Iterator[tuple[str, str]]:
    """Folder and path of each file that configures the tool, those first that it would read first."""
    for file in tool.files:
        yield from sources.named(file)
    for file, table in tool.tables:
        for folder, path in sources.named(file):
            if file.endswith(".toml"):
                there = at(sources.toml(path), *table.split(".")) is not None
            elif file.endswith(".json"):
                there = at(sources.json(path), table) is not None
            else:
                there = any(one == table or one.startswith(f"{table}.") for one in sources.ini(path))
            if there:
                yield folder, path


def _stands(line: Line, text: str) -> bool:
    return any(
        line.line.search(one)
        for one in text.splitlines()
        if len(one) < 2000 and not re.match(r"\s*(#|//|\*)", one)
    )


def _is_off(tool: Tool, sources: Sources) -> bool:
    line = tool.unless
    return line is not None and any(
        line.line.search(sources.text(path)) for _, path in sources.matching(line.files)
    )


def _cover(folders: Collection[str], paths: list[str], has_language: bool) -> bool:
    """Whether every file of the tool's languages lies in one of the folders it is configured for."""
    if "" in folders:
        return True
    if not has_language or not paths:
        return False
    starts = tuple(f"{folder}/" for folder in folders)
    return all(path.startswith(starts) for path in paths)
