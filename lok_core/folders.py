"""The folders of a run: the directory that it is about, and a private one for what backends leave behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lok_core.errors import UsageError

_YOUNG_S = 60


def existing(directory: Path) -> Path:
    """The directory, absolute.

    Raises:
        UsageError: it is none.
    """
    found = absolute(directory, "the directory")
    try:
        mode = os.stat(found).st_mode
    except (FileNotFoundError, NotADirectoryError):
        hint = "check the spelling, or leave it out for this one"
        raise UsageError(f"there is no directory {directory}", hint) from None
    except OSError as error:
        raise UsageError(f"the directory {directory} cannot be used: {error.strerror}") from error
    if not stat.S_ISDIR(mode):
        raise UsageError(f"{directory} is not a directory", "name the directory that holds the code")
    return found


def absolute(path: Path, what: str) -> Path:
    """The path, absolute; not resolved, since paths are reported as the user knows them.

    Args:
        what: what it is, for the error.

    Raises:
        UsageError: there can be no such path, or it is relative and the working directory is gone.
    """
    if not is_path(str(path)):
        raise UsageError(f"{what} is {str(path)!r}, which no path can be")
    try:
        return Path(os.path.abspath(path))
    except FileNotFoundError:
        raise UsageError(
            f"{what} is {str(path)!r}, and the working directory is gone",
            "change into one that exists, or give an absolute path",
        ) from None


def is_path(text: str) -> bool:
    """Whether there can be such a path."""
    with suppress(UnicodeError):
        return b"\0" not in os.fsencode(text)
    return False


@contextmanager
def private_folder(state_dir: Path, mark: str) -> Iterator[Path]:
    """A folder of this run; those of runs that were killed are removed on the way.

    A lock tells whether a run still goes on, since its process id says nothing in another container.

    Raises:
        UsageError: the state folder cannot be used.
    """
    running = state_dir / "running"
    folder = running / mark
    try:
        running.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_left(running)
        folder.mkdir(mode=0o700)
        lock = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise UsageError(
            f"the state folder {state_dir} cannot be used: {error.strerror}",
            "make it writable, or set XDG_STATE_HOME to a folder that is",
        ) from error
    try:
        with suppress(OSError):  # a file system without locks: then nothing is removed there
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _remove_left(running: Path) -> None:
    for other in running.iterdir():
        with suppress(OSError):
            if time.time() - other.stat().st_mtime < _YOUNG_S:
                continue  # perhaps just made, and not locked yet
            lock = os.open(other, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(other, ignore_errors=True)
            finally:
                os.close(lock)
