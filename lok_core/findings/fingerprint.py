"""What tells that two runs speak of the same finding.

Neither the line number nor anything the model chose: words, category and severity differ from run to run.
What stays is the line of code itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

from lok_core.findings.ground import PLACED
from lok_core.findings.quote import collapse, weight
from lok_core.findings.tree import SourceFile, Tree
from lok_core.outcome import Finding

VERSION = "lok1"
"""Begins every fingerprint; another way to make them gets another one."""


def fingerprint(finding: Finding, tree: Tree) -> str:
    """The identity of a grounded finding: `lok1-` and 24 hexadecimal digits.

    Made of its path, the source line of its place with white space normalised, and how many equal lines stand
    above that. Where the evidence was not found, of the path (if any) and the title. Two findings at one
    place have the same one.
    """
    return under(finding, tree, [finding.locations[0].path if finding.locations else ""])[0]


def under(finding: Finding, tree: Tree, paths: Iterable[str]) -> tuple[str, ...]:
    """The fingerprints that it would have if its file were called so: what it had before it was renamed."""
    evidence = _evidence(finding, tree)
    return tuple(_digest(path, *evidence) for path in paths)


def of_lines(file: SourceFile, path: str) -> Iterator[str]:
    """The fingerprints of all findings that the file's lines could have if it were called so."""
    for number, line in enumerate(file.lines, 1):
        yield _digest(path, "line", collapse(line), str(file.equal_above(number)))


def of_title(path: str, title: str) -> str:
    """The fingerprint of a finding whose evidence was not found."""
    return _digest(path, "title", collapse(title).casefold(), "")


def _evidence(finding: Finding, tree: Tree) -> tuple[str, str, str]:
    place = finding.locations[0] if finding.locations else None
    if place is not None and place.line is not None and finding.grounding in PLACED:
        file = tree.file(place.path)
        number = None if file is None else _telling_line(file, place.line)
        if file is not None and number is not None:
            return "line", collapse(file.lines[number - 1]), str(file.equal_above(number))
    return "title", collapse(finding.title).casefold(), ""


def _telling_line(file: SourceFile, number: int) -> int | None:
    """The line, or the next one that says anything: bracket and blank lines have too many equals."""
    for candidate in range(number, len(file.lines) + 1):
        if weight(file.lines[candidate - 1]):
            return candidate
    return number if number <= len(file.lines) and file.lines[number - 1].strip() else None


def _digest(*parts: str) -> str:
    text = "\0".join(parts).encode(errors="surrogatepass")
    return f"{VERSION}-{hashlib.sha256(text).hexdigest()[:24]}"
