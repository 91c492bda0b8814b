"""The files of one directory, for checking what is said about them.

Paths come from models, so they are hostile: nothing outside of the directory is ever opened, whether it is
reached by `..`, by a symbolic link or by an absolute path, and nothing but regular files.
"""

from __future__ import annotations

import os
import re
import stat
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath

from lok_core.findings.quote import Form, Text, collapse, text_of

MAX_BYTES = 64 << 20
"""Of a file; larger ones are not read."""
MAX_FILES = 100_000
"""Of the walk over the directory; with more, only files named by their full path are found."""
MAX_SEARCHED = 64_000_000
"""Bytes that a search over the whole directory reads and keeps; with more, there is no such search."""

_LARGE = 2000  # lines
_FOLDERS = """
.git .hg .svn .bzr .jj .venv venv .virtualenv site-packages node_modules bower_components __pycache__
.tox .nox .eggs .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache .gradle .terraform .next .nuxt
.yarn .idea .vscode-test
"""
_SKIPPED = frozenset(_FOLDERS.split())
_CONTROL = frozenset((".git", ".hg", ".svn"))  # may hold credentials; never opened
_DRIVE = re.compile(r"\A(?:(?:file:/+)?[A-Za-z]:/+|file:/+)")


class SourceFile:
    """A text file.

    Attributes:
        path: relative to the directory, with forward slashes.
        lines: without their ends. As for git, only a file without any line feed is split at carriage returns.
    """

    def __init__(self, path: str, content: str) -> None:
        self.path = path
        lines = content.split("\n" if "\n" in content else "\r")
        if not lines[-1]:
            lines.pop()
        self.lines = [line.removesuffix("\r") for line in lines]
        self._texts: dict[Form, Text] = {}

    def equal_above(self, number: int) -> int:
        """How many lines above the one with this number are equal to it, but for white space."""
        return bisect_left(self._numbers[collapse(self.lines[number - 1])], number)

    @cached_property
    def _numbers(self) -> dict[str, list[int]]:
        numbers: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines, 1):
            numbers.setdefault(collapse(line), []).append(number)
        return numbers

    def text(self, form: Form) -> Text:
        """The lines as a text to search in."""
        if form not in self._texts:
            self._texts[form] = text_of(self.lines, form)
        return self._texts[form]

    def part(self, form: Form, first: int, last: int) -> Text:
        """A text that holds these lines; of a large file not more, so that looking at a place is cheap."""
        if form in self._texts or len(self.lines) <= _LARGE:
            return self.text(form)
        return text_of(self.lines[first - 1 : last], form, first)


class Tree:
    """The files below a directory. What was read is kept: a tree is one view of files that may change.

    Args:
        directory: may be given through a symbolic link.
    """

    def __init__(self, directory: Path) -> None:
        self._given = os.path.abspath(directory)
        self._root = os.path.realpath(directory)
        self._files: dict[str, SourceFile | None] = {}

    def resolve(self, written: str) -> tuple[str, ...]:
        """The files that a path may mean, as relative paths: one, several if it is short, or none.

        A path that does not exist as it stands is tried as the end of a longer one ("models.py"), as a longer
        form of an existing one ("repo/app/models.py"), and in another case. One that leaves the directory or
        leads into version control means nothing.
        """
        written = written.strip()
        slashed = _DRIVE.sub("/", written.replace("\\", "/"))
        for path in (written, slashed):
            inside = self._inside(path)
            if inside is not None and stat.S_ISREG(_mode(os.path.join(self._root, inside))):
                return (inside,)
        return self._by_ending(slashed)

    def is_directory(self, written: str) -> bool:
        """Whether the path names a directory within this one, or this one."""
        inside = self._inside(written.replace("\\", "/"))
        return inside is not None and stat.S_ISDIR(_mode(os.path.join(self._root, inside)))

    def file(self, path: str) -> SourceFile | None:
        """The file at a path from `resolve` or `paths`; None if it is binary, too large or unreadable."""
        if path not in self._files:
            content = _read(os.path.join(self._root, path)) if self._inside(path) == path else None
            self._files[path] = None if content is None else SourceFile(path, content)
        return self._files[path]

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """The regular files, sorted, without version control, caches and installed packages.

        No link is followed. Empty if there are more than `MAX_FILES`: from a part nobody can tell that
        something stands only once.
        """
        found: list[str] = []
        for path in self._walk():
            found.append(path)
            if len(found) > MAX_FILES:
                return ()
        return tuple(sorted(found))

    @cached_property
    def searchable(self) -> tuple[SourceFile, ...]:
        """All text files, to be searched for a quote; empty if they have more than `MAX_SEARCHED` bytes."""
        found: list[SourceFile] = []
        size = 0
        for path in self.paths:
            size += _size(os.path.join(self._root, path))
            if size > MAX_SEARCHED:
                return ()
            file = self.file(path)
            if file is not None:
                found.append(file)
        return tuple(found)

    def _inside(self, path: str) -> str | None:
        """The path from the root with links resolved; None if it leaves the directory or cannot be a path."""
        if not path or "\0" in path:
            return None
        if os.path.isabs(path):
            # Decided by the names alone: asking the file system about a foreign path may start an automount.
            for root in (self._given, self._root):
                if os.path.normpath(path) == root or path.startswith(f"{root.rstrip('/')}/"):
                    path = path[len(root) :].lstrip("/") or "."
                    break
            else:
                return None
        if os.path.normpath(path).split("/")[0] == ".." or _of_control(path):
            return None
        try:
            real = os.path.realpath(os.path.join(self._root, path))
        except (OSError, ValueError):
            return None
        if real == self._root:
            return "."
        prefix = f"{self._root.rstrip('/')}/"
        inside = real.removeprefix(prefix)
        return inside if real.startswith(prefix) and not _of_control(inside) else None

    def _by_ending(self, path: str) -> tuple[str, ...]:
        parts = tuple(part for part in PurePosixPath(path).parts if part != "/")
        if not parts or ".." in parts:
            return ()
        wanted = _folded(parts)
        same_name = self._by_name.get(wanted[-1], ())
        if not path.startswith(("/", "~")):
            longer = [one for one in same_name if _folded(one)[-len(wanted) :] == wanted]
            if longer:
                return _in_same_case(longer, parts)
        root_name = os.path.basename(self._root).casefold()
        shorter = [
            one
            for one in same_name
            if len(one) < len(wanted)
            and wanted[-len(one) :] == _folded(one)
            # "setup.py" is too common to be what "elsewhere/setup.py" means; a and b are what diffs write
            and (len(one) > 1 or wanted[-2] in ("a", "b", root_name))
        ]
        most = max(map(len, shorter), default=0)
        return _in_same_case([one for one in shorter if len(one) == most], parts)

    @cached_property
    def _by_name(self) -> dict[str, list[tuple[str, ...]]]:
        table: dict[str, list[tuple[str, ...]]] = {}
        for path in self.paths:
            parts = tuple(path.split("/"))
            table.setdefault(parts[-1].casefold(), []).append(parts)
        return table

    def _walk(self) -> Iterator[str]:
        folders = [""]
        while folders:
            folder = folders.pop()
            try:
                entries = list(os.scandir(os.path.join(self._root, folder)))
            except OSError:
                continue
            for entry in entries:
                if entry.name.casefold() in _CONTROL:
                    continue
                path = f"{folder}/{entry.name}" if folder else entry.name
                try:
                    path.encode()  # a name that is no text cannot be told in a report
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _SKIPPED:
                            folders.append(path)
                    elif entry.is_file(follow_symlinks=False):
                        yield path
                except (OSError, UnicodeEncodeError):
                    continue


def _of_control(path: str) -> bool:
    return any(part.casefold() in _CONTROL for part in path.split("/"))


def _folded(parts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.casefold() for part in parts)


def _in_same_case(found: list[tuple[str, ...]], written: tuple[str, ...]) -> tuple[str, ...]:
    """The paths found; of those that differ in case only, the one as written."""
    shared = [min(len(one), len(written)) for one in found]
    same = [one for one, count in zip(found, shared, strict=True) if one[-count:] == written[-count:]]
    return tuple("/".join(one) for one in same or found)


def _mode(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_mode
    except (OSError, ValueError):
        return 0


def _size(path: str) -> int:
    try:
        size = os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return 0
    return size if size <= MAX_BYTES else 0


def _read(path: str) -> str | None:
    try:
        if not stat.S_ISREG(_mode(path)):
            return None  # opening a device may do something
        # Without O_NONBLOCK, opening a FIFO that took the file's place since waits for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        with open(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            content = file.read(MAX_BYTES + 1)
    except OSError:
        return None
    if len(content) > MAX_BYTES or b"\0" in content[:8192]:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")
