"""Findings that the author of the code does not want to see: `lok: ignore[category] reason` in a comment."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from weakref import WeakKeyDictionary

from attrs import frozen

from lok_core.findings.ground import PLACED
from lok_core.findings.tree import SourceFile, Tree
from lok_core.outcome import Finding

NO_REASON = "no reason given"

_RANGE = (
    10  # lines of a finding that are looked at; a comment far below its first line is about something else
)
_REASON = 300
_MARK = re.compile(
    r"(?<![\w\"'`])lok:\s*ignore(?:\s?\[(?P<what>[^\[\]\n]*+)\]|(?![\w\[-]))(?P<reason>[^\n]*)", re.IGNORECASE
)

# Each of these, once begun, matches: where it is not closed it ends with the line or the text. One that fails
# instead is tried again at every quote that follows, which takes hours in a file made for it.
_ESCAPE = r"\\(?:.|\Z)"
_DOUBLE = rf'"(?:{_ESCAPE}|[^"\\\n])*+"?'
_SINGLE = rf"'(?:{_ESCAPE}|[^'\\\n])*+'?"
_TICKS = rf"`(?:{_ESCAPE}|[^`\\])*+`?"
_TRIPLE = rf'"""(?:{_ESCAPE}|[^"\\]|"(?!""))*+(?:""")?|' + rf"'''(?:{_ESCAPE}|[^'\\]|'(?!''))*+(?:''')?"
_CHARACTER = r"'(?:\\[^'\n]++|[^'\\\n])'"  # where ' also begins a lifetime or a label; never looks beyond a '
_BLOCK = r"/\*(?:[^*]|\*(?!/))*+(?:\*/)?"
_MARKUP = r"<!--(?:[^-]|-(?!->))*+(?:-->)?"
_SLASHES = r"//[^\n]*"
_HASH = r"(?:(?<=\s)|^)\#[^\n]*"

# Each language: its comments, its strings, the endings or whole names of its files.
_LANGUAGES = (
    (r"\#[^\n]*", f"{_TRIPLE}|{_DOUBLE}|{_SINGLE}", "py pyi pyw pyx bzl star build workspace sconstruct"),
    (f"{_SLASHES}|{_BLOCK}", f"{_DOUBLE}|{_SINGLE}|{_TICKS}", "js jsx mjs cjs ts tsx mts cts go"),
    (
        f"{_SLASHES}|{_BLOCK}",
        f"{_TRIPLE}|{_DOUBLE}|{_CHARACTER}",
        "c h cc cpp cxx hh hpp hxx java kt kts cs swift scala groovy gradle dart m mm proto rs zig v sol glsl"
        " jenkinsfile",
    ),
    (f"{_SLASHES}|{_BLOCK}", f"{_DOUBLE}|{_SINGLE}", "css scss less jsonc json5"),
    (f"{_HASH}|{_SLASHES}|{_BLOCK}", f"{_DOUBLE}|{_SINGLE}", "php tf hcl"),
    (
        _HASH,
        f"{_DOUBLE}|{_SINGLE}",
        "sh bash zsh fish ksh rb rake gemspec pl pm r jl ex exs nim tcl awk yaml yml toml"
        " ps1 psm1 cmake mk nix"
        " conf env properties makefile dockerfile gemfile rakefile containerfile justfile",
    ),
    (rf"{_HASH}|(?:(?<=\s)|^);[^\n]*", _DOUBLE, "ini cfg"),
    (rf"--[^\n]*|{_BLOCK}", r"'[^']*+'?|" + _DOUBLE, "sql psql ddl"),
    (
        r"--\[\[[\s\S]*?(?:\]\]|\Z)|--[^\n]*|\{-[\s\S]*?(?:-\}|\Z)",
        f"{_DOUBLE}|{_CHARACTER}",
        "hs elm lua adb ads vhd",
    ),
    (r";[^\n]*", _DOUBLE.replace(r"\n", ""), "lisp lsp cl clj cljs edn el scm rkt asm s"),
    (r"(?<!\\)%[^\n]*", r"(?!)", "tex sty cls bib"),
    (r"%[^\n]*", _DOUBLE, "erl hrl"),
    (_MARKUP, r"(?!)", "md markdown xml xhtml svg xsl xslt csproj plist"),
    (rf"{_MARKUP}|{_BLOCK}|(?:(?<=\s)|^){_SLASHES}", r"(?!)", "html htm vue svelte astro"),
)
_PATTERNS = {
    name: re.compile(rf"(?P<comment>{comment})|{string}", re.MULTILINE | re.DOTALL)
    for comment, string, names in _LANGUAGES
    for name in names.split()
}


def suppression(finding: Finding, tree: Tree) -> str | None:
    """The reason given in the code for not wanting to see a grounded finding; None if it is wanted.

    A comment counts on the lines of the finding (the first ten) or, where nothing else stands there, on the
    line directly above. It names categories or an analyser's rules, of the finding or of its sources, or
    nothing, which means everything. A name that is not the finding's suppresses nothing, and neither does a
    comment in a file whose language is not known, or text in a string. Without a reason: `NO_REASON`.
    """
    place = finding.locations[0] if finding.locations else None
    if place is None or place.line is None or finding.grounding not in PLACED:
        return None
    file = tree.file(place.path)
    if file is None:
        return None
    last = min(place.end_line or place.line, place.line + _RANGE - 1, len(file.lines))
    if not any("lok:" in line.lower() for line in file.lines[max(place.line - 2, 0) : last]):
        return None
    names: set[str] = {finding.category, *(one.category for one in finding.sources)}
    names |= {one.rule.lower() for one in finding.sources if one.rule}
    if file not in _SCANNED:
        _SCANNED[file] = _scan(file)
    marks = _SCANNED[file]
    for number in range(place.line - 1, last + 1):
        for mark in marks.get(number, ()):
            wanted = mark.names is not None and names.isdisjoint(mark.names)
            if not wanted and (mark.alone or number >= place.line):
                return _reason(mark.reason)
    return None


@frozen
class _Mark:
    names: frozenset[str] | None
    reason: str
    alone: bool  # nothing but the comment is on the line


_SCANNED: WeakKeyDictionary[SourceFile, dict[int, list[_Mark]]] = WeakKeyDictionary()


def _scan(file: SourceFile) -> dict[int, list[_Mark]]:
    """The marks in the comments of a file, by the numbers of their lines."""
    marks: dict[int, list[_Mark]] = {}
    for number, comment, alone in _comments(file):
        if found := _MARK.search(comment):
            what = found["what"]
            names = None if what is None else frozenset(name.strip().lower() for name in what.split(","))
            marks.setdefault(number, []).append(_Mark(names, found["reason"], alone))
    return marks


def _comments(file: SourceFile) -> Iterator[tuple[int, str, bool]]:
    """The parts of comments on each line: number, text, and whether the line holds nothing else."""
    name = os.path.basename(file.path).lower()
    pattern = _PATTERNS.get(name.rpartition(".")[2])
    if pattern is None:
        return
    lines = file.lines
    starts = list(accumulate((len(line) + 1 for line in lines), initial=0))
    lengths = [len(line.strip()) for line in lines]
    for found in pattern.finditer("\n".join(lines)):
        if found["comment"] is None:
            continue
        for number in range(bisect_right(starts, found.start()), len(lines) + 1):
            start = starts[number - 1]
            if start >= found.end():
                break
            part = lines[number - 1][max(found.start() - start, 0) : found.end() - start]
            yield number, part, len(part.strip()) == lengths[number - 1]


def _reason(text: str) -> str:
    text = re.split(r"\*/|-->|-\}|\]\]", text, maxsplit=1)[0]
    return " ".join(text.split()).lstrip(":-\u2013\u2014, ")[:_REASON] or NO_REASON
