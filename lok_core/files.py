"""Files of folders that others write to: what is no file holds nobody up, and no link leads astray."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path


def read_regular(path: Path, limit: int) -> bytes:
    """The first `limit` bytes of a regular file.

    Raises:
        OSError: it cannot be read, or is something else: a FIFO, say, which would be waited for.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(descriptor)


def may_hold(folder: str | Path, name: str) -> bool:
    """Whether the folder has a file of that name, or hides what it has; reading the file then says so."""
    is_hidden = os.path.isdir(folder) and not os.access(folder, os.X_OK)
    return is_hidden or os.path.isfile(os.path.join(folder, name))


def destination(path: Path, directories: Iterable[Path] = ()) -> str:
    """Where the path leads, without a link.

    Symbolic links on the way are followed, but one that lies in a folder with code may have come with it:
    within the working directory and the directories, none may lead out of it. A folder that holds the user's
    home is no such folder.

    Raises:
        OSError: a link leads out.
    """
    home = os.path.realpath(os.path.expanduser("~"))
    folders = {os.path.realpath(one) for one in (type(path)(), *directories)}
    place = os.sep if path.is_absolute() else os.getcwd()
    for part in path.parts[path.is_absolute() :]:
        if part == os.pardir:  # where the user says so, it may lead out
            place = os.path.dirname(place)
            continue
        real = os.path.realpath(os.path.join(place, part))
        for folder in folders:
            if lies_in(place, folder) and not lies_in(real, folder) and not lies_in(home, folder):
                raise PermissionError(errno.EACCES, f"a link leads out of {folder}, to {real}")
        place = real
    return place


def lies_in(path: str, folder: str) -> bool:
    """Whether the absolute path is the folder, or below it."""
    return os.path.commonpath([path, folder]) == folder
