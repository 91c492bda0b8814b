"""What lok knows of an agent's copy, whatever the agent does to it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from attrs import frozen

REPOSITORY = ".repository"
"""A file beside the copies of a run that names their repository, for copies that git has forgotten."""

BASES = "refs/lok-bases/"
"""Below it, a ref of a run's name holds the commit that the run's branches start from.

The branches alone do not tell: an agent may have amended that commit, or merged others. In `refs/lok/` the
refs could make short names of branches ambiguous.
"""

MADE, REMOVED = "made", "removed"
"""What a copy's mark holds while lok makes or removes it: none of its files is anybody's work then."""

_OLD_S = 3600  # where there are no locks, nothing else tells that a run is only just making its copies


@frozen
class Worktree:
    """An agent's copy.

    Attributes:
        agent: whose.
        branch: the branch that will hold its work.
        directory: the same subdirectory of the copy as the user's directory is of his repository.
    """

    agent: str
    branch: str
    directory: Path


@frozen
class Copy:
    """A worktree with what git keeps about it.

    Attributes:
        top: its top directory.
        admin: what git keeps of this worktree alone: HEAD, index, reflog.
        common: the repository.
        base: the commit it started from.
        refs: the branches that there were then, with their commits.
    """

    worktree: Worktree
    top: Path
    admin: Path
    common: Path
    base: str
    refs: Mapping[str, str]


def mark_of(top: Path) -> Path:
    """The file beside a copy that is there while lok makes or removes it, and after it was ended there."""
    return top.parent / f".mark-{top.name}"


def marked(top: Path) -> str:
    """`MADE` or `REMOVED` if a mark says so, else empty."""
    with suppress(OSError):
        return mark_of(top).read_text(errors="replace")
    return ""


def goes_on(folder: Path) -> bool:
    """Whether the run whose copies are in this folder has not ended.

    It holds a lock on its private folder until then, see `lok_core.folders`.
    """
    try:
        lock = os.open(folder.parent.parent / "running" / folder.name, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(lock)
    return False


def tidy(folder: Path) -> None:
    """Removes the folders of runs that have ended and of which no copy is left."""
    with suppress(OSError):
        for run in folder.iterdir():
            copies = [entry for entry in run.iterdir() if not entry.name.startswith(".")]
            old = time.time() - run.stat().st_mtime > _OLD_S
            if old and not copies and not goes_on(run):
                shutil.rmtree(run, ignore_errors=True)
