"""Whether a directory is after a run what it was before.

Nothing is locked and nobody is accused: what another program changes meanwhile, an editor say, is told as
well. Noting every file costs a walk; what the files hold is read while the backends work, so that afterwards
a file that was only touched can be told from one that was changed.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Literal

import trio
from attrs import Factory, define

from lok_core.outcome import Change

MAX_ENTRIES = 200_000
MAX_SECONDS = 1.5
MAX_CHANGES = 1000

_MAX_FILE = 8 * 2**20
_MAX_READ = 128 * 2**20
_CHUNK = 2**18
_STEP = 500  # files between two chances for a signal
_AT_ONCE = 32  # files
_REST = 3  # times as long as reading them took
_SHORT = 3  # characters of a name
_PATIENCE = 4  # afterwards: a run that has filled the directory is worth being told

# What runs programs, or says which branch is there. The rest of it changes by the dozen as git is used, and
# is git's own to check.
_OF_GIT = frozenset(
    ["config", "config.worktree", "hooks", "HEAD", "info", "commondir", "gitdir", "modules", "worktrees"]
)
_IN_GIT = re.compile(r"(?:^|/)\.git/(?:modules|worktrees)(?:/(?!hooks(?:/|$)|info(?:/|$))[^/]+)+$")
"""What may be the folder of a submodule or a worktree; it is one if there is a HEAD in it."""

_Noted = tuple[int, int, int, int, int]
"""Inode, mode, size, and the times of its content and of its status, in ns."""


@define(eq=False)
class Watch:
    """A directory, before and after.

    Symbolic links are not followed, other file systems not entered, and only regular files are read.

    Attributes:
        directory: absolute.
        own: folders that lok itself writes to; they are left out.
        notes: what a reader should know of the comparison, above all that there is none.
    """

    directory: Path
    own: Collection[Path] = ()
    max_entries: int = MAX_ENTRIES
    max_seconds: float = MAX_SECONDS
    max_read: int = _MAX_READ
    notes: list[str] = Factory(list)
    _before: dict[str, _Noted] | None = None
    _closed: set[str] = Factory(set)  # folders that could not be read, before or after
    _hashes: dict[str, bytes] = Factory(dict)
    _ended: Event = Factory(Event)

    async def begin(self) -> None:
        """Notes how it is now, and begins to read it in a thread of its own.

        Where that takes too long, it is given up, and `notes` say so.
        """
        try:
            self._before = await self._walk()
        except _TooLargeError as error:
            self.notes.append(f"nobody has looked whether files were changed during the run: {error}")
            return
        Thread(target=self._read, args=(self._before,), name="lok-watch", daemon=True).start()

    def end(self) -> None:
        """Stops reading; `changes` does it as well."""
        self._ended.set()

    async def changes(self, activities: Mapping[str, Collection[str]]) -> tuple[Change, ...]:
        """What has changed since `begin`, by path; the first of very many, with a note of how many there are.

        A file that was read before has changed if it holds something else, or has another mode. One that was
        not, as it is large or there was no time, has changed if its size or one of its times has.

        Args:
            activities: by backend, what its tool events said.
        """
        if self._before is None:
            return ()
        self._ended.set()
        try:
            return await self._compared(self._before, activities)
        except trio.Cancelled:
            self.notes.append("nobody has looked which files were changed during the run: it was ended")
            raise
        except _TooLargeError as error:
            self.notes.append(f"nobody has looked which files were changed during the run: {error}")
            return ()

    async def _walk(self, patience: int = 1) -> dict[str, _Noted]:
        """Every file by its path relative to the directory.

        In steps and not in a thread: under a clock that jumps (trio's `MockClock`) nobody waits for threads.

        Args:
            patience: how many times the usual bounds it may take.
        """
        top = os.fspath(self.directory)
        begin = time.monotonic()
        try:
            device = os.stat(top).st_dev
        except FileNotFoundError:
            return {}  # a backend has removed the directory itself
        except OSError as error:
            raise _TooLargeError(f"{top} cannot be read: {error.strerror}") from error
        own = {status.st_ino for status in map(_status, self.own) if status and status.st_dev == device}
        found: dict[str, _Noted] = {}
        folders = [""]
        entries = 0
        await trio.lowlevel.checkpoint()
        while folders:
            if time.monotonic() - begin > patience * self.max_seconds:
                raise _TooLargeError(f"{top} cannot be looked through in {patience * self.max_seconds:g} s")
            folder = folders.pop()
            try:
                listing = os.scandir(os.path.join(top, folder))
            except (FileNotFoundError, NotADirectoryError):
                continue  # just removed
            except OSError:
                self._closed.add(f"{folder}/" if folder else "")
                continue
            in_git = _is_git(top, folder)
            with listing:
                for entry in listing:
                    if in_git and entry.name not in _OF_GIT:
                        continue
                    entries += 1
                    if entries % _STEP == 0:
                        await trio.lowlevel.checkpoint()
                    if entries > patience * self.max_entries:
                        raise _TooLargeError(f"{top} holds more than {patience * self.max_entries:,} files")
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    try:
                        status = entry.stat(follow_symlinks=False)
                        if not stat.S_ISDIR(status.st_mode):
                            found[path] = _noted(status)
                        elif status.st_dev == device and status.st_ino not in own:
                            folders.append(path)
                    except OSError:
                        continue  # just removed
        return found

    def _read(self, before: Mapping[str, _Noted]) -> None:
        left, begin = self.max_read, time.monotonic()
        for number, (path, noted) in enumerate(before.items()):
            if self._ended.is_set():
                return
            if number % _AT_ONCE == 0:
                # Python runs one thread at a time, and another one is serving the backends.
                self._ended.wait(_REST * (time.monotonic() - begin))
                begin = time.monotonic()
            size = noted[2]
            if not stat.S_ISREG(noted[1]) or size > min(_MAX_FILE, left):
                continue
            digest = _digest(os.path.join(self.directory, path), noted)
            if digest is not None:
                left -= size
                self._hashes[path] = digest

    async def _compared(
        self, before: Mapping[str, _Noted], activities: Mapping[str, Collection[str]]
    ) -> tuple[Change, ...]:
        after = await self._walk(_PATIENCE)
        kinds: dict[str, Literal["added", "changed", "removed"]] = {}
        own = _own_files()
        for path in sorted(before.keys() | after.keys()):
            old, new = before.get(path), after.get(path)
            if old == new or own(os.path.join(self.directory, path), new):
                continue
            if old is not None and new is not None:
                await trio.lowlevel.checkpoint()
                if self._differs(path, old, new):
                    kinds[path] = "changed"
            elif not any(path.startswith(folder) for folder in self._closed):
                kinds[path] = "added" if old is None else "removed"
        if len(kinds) > MAX_CHANGES:
            self.notes.append(
                f"{len(kinds):,} files were changed during the run; the first {MAX_CHANGES:,} are told"
            )
        named_by = _naming(self.directory, activities, [*before, *after])
        return tuple(Change(path, kind, named_by(path)) for path, kind in islice(kinds.items(), MAX_CHANGES))

    def _differs(self, path: str, old: _Noted, new: _Noted) -> bool:
        hashed = self._hashes.get(path)
        if hashed is None or old[1:3] != new[1:3]:
            return True
        return _digest(os.path.join(self.directory, path), new) != hashed


class _TooLargeError(Exception):
    """The directory cannot be looked through in time."""


def _status(path: Path) -> os.stat_result | None:
    with suppress(OSError):
        return os.stat(path)
    return None


def _is_git(top: str, folder: str) -> bool:
    if _IN_GIT.search(folder):
        return os.path.lexists(os.path.join(top, folder, "HEAD"))
    return os.path.basename(folder) == ".git"


def _noted(status: os.stat_result) -> _Noted:
    return (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _digest(path: str, noted: _Noted) -> bytes | None:
    """What the file holds, in short; None if it is no longer the one that was noted."""
    from hashlib import blake2b

    digest = blake2b(digest_size=16)
    try:
        # Whatever has taken its place meanwhile: a link is not followed, and a FIFO holds nobody up.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb", buffering=0) as file:
        if _noted(os.fstat(descriptor)) != noted:
            return None
        try:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        except OSError:
            return None
        return digest.digest() if _noted(os.fstat(descriptor)) == noted else None


def _own_files() -> Callable[[str, _Noted | None], bool]:
    """Whether a file is one that this process writes: what its output is sent to, or byte code."""
    streams = set()
    for number in (1, 2):
        with suppress(OSError):
            streams.add(os.fstat(number).st_ino)
    compiled: set[str] = set()

    def is_own(path: str, noted: _Noted | None) -> bool:
        if noted is not None and stat.S_ISREG(noted[1]) and noted[0] in streams:
            return True
        if not path.endswith(".pyc"):
            return False
        if not compiled:
            specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
            compiled.update(os.path.realpath(spec.cached) for spec in specs if spec and spec.cached)
        return os.path.realpath(path) in compiled

    return is_own


def _naming(
    directory: Path, activities: Mapping[str, Collection[str]], paths: Collection[str]
) -> Callable[[str], str]:
    """Tells of a path which backend names it, if it is only one."""
    said = {backend: "\n".join(told) for backend, told in activities.items()}
    # "edits Makefile": what it is done to, and all of it.
    objects = {
        backend: {
            one.strip("'\"`").removeprefix("./") for text in told for one in (text, text.partition(" ")[2])
        }
        for backend, told in activities.items()
    }
    real = os.path.realpath(directory)
    basenames = Counter(path.rpartition("/")[2] for path in set(paths))

    def named_by(path: str) -> str:
        forms = {os.path.join(directory, path), os.path.join(real, path)}
        alone = basenames[path] == 1  # else it may be the file of that name in any folder
        is_word = "/" not in path and (len(path) < _SHORT or "." not in path)  # `grep -r x` means no file
        if "/" in path or (alone and not is_word):
            forms.add(path)
        # A whole path: not the end of another one, nor its beginning.
        whole = re.compile(rf"(?<![\w./~-])(?:\./)?(?:{'|'.join(map(re.escape, forms))})(?![\w/-]|\.\w)")
        who = [
            backend
            for backend, text in said.items()
            if (any(form in text for form in forms) and whole.search(text))
            or (alone and is_word and path in objects[backend])
        ]
        return who[0] if len(who) == 1 else ""

    return named_by
