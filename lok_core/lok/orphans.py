"""Processes that a lok has left which was killed, and its guard with it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator

from attrs import frozen

from lok_core import guard

_MARK = re.compile(rb"\0%b=(\d+)\.(\d+)\.[0-9a-f]+\0" % guard.MARK.encode())


@frozen
class Orphan:
    """A process with the mark of a lok that no longer runs.

    Attributes:
        run: that mark, which is the id of the run.
        age_s: seconds since it was started.
        command: the beginning of its command line, as it is.
    """

    pid: int
    run: str
    age_s: float
    command: str


def orphans() -> list[Orphan]:
    """All there are, oldest first.

    Left out is whatever might be someone's: processes of other users or in other containers, those from which
    this lok descends or that share a process group with one of them, and those of a lok of which it cannot be
    told whether it runs. None where there is no /proc.
    """
    return sorted((_described(pid, run) for (pid, _), run in _orphaned()), key=lambda one: -one.age_s)


def end_orphans(found: Collection[Orphan]) -> None:
    """Ends what is left of these runs, with its process groups: SIGTERM, half a second later SIGKILL.

    Takes six seconds at the most.
    """
    runs = {one.run for one in found}
    guard.end_all(lambda: ([process for process, run in _orphaned() if run in runs], False))


def _orphaned() -> Iterator[tuple[tuple[int, int], str]]:
    """Each with the mark of its lok."""
    ancestors = set(_ancestors())
    own = _MARK.search(guard.environment(os.getpid()) or b"")
    groups = {_group(pid) for pid in ancestors}
    here = _namespaces(os.getpid())
    if here is None:
        return
    for process in guard.processes():
        pid = process[0]
        found = _MARK.search(guard.environment(pid) or b"")
        if found is None or (own is not None and found[0] == own[0]) or guard.is_zombie(pid):
            continue
        lok, start = int(found[1]), found[2].decode()
        # A lok that knew no start time may be any process of that id. One outside of this container has an
        # id that means nothing here, but then we descend from it too, or have no sight of its processes.
        if start == "0" or (guard.stat_field(lok, 22) == start and not guard.is_zombie(lok)):
            continue
        if pid in ancestors or _group(pid) in groups or _namespaces(pid) != here or not _is_ours(pid):
            continue
        yield process, found[0].decode().strip("\0").partition("=")[2]


def _ancestors() -> Iterator[int]:
    """This process, its parent, and so on."""
    pid = os.getpid()
    while pid > 0:
        yield pid
        pid = int(guard.stat_field(pid, 4) or 0)


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _namespaces(pid: int) -> list[int] | None:
    """Those in which the numbers of a mark mean something: a start time is told otherwise in another one."""
    kinds = [kind for kind in ("pid", "time") if os.path.exists(f"/proc/self/ns/{kind}")]  # time: Linux 5.6
    try:
        return [os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in kinds]
    except OSError:
        return None


def _is_ours(pid: int) -> bool:
    try:
        return os.stat(f"/proc/{pid}").st_uid == os.geteuid()
    except OSError:
        return False


def _described(pid: int, run: str) -> Orphan:
    since_boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    began = int(guard.stat_field(pid, 22) or 0) / os.sysconf("SC_CLK_TCK")
    return Orphan(pid, run, max(0.0, round(since_boot - began, 1)), guard.command(pid))
