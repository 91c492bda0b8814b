"""The program that ends lok's children when lok itself was killed; see `process.py`.

It is started by path (`python -I -S guard.py MARK`), so it needs nothing but the standard library. Its
standard input is a pipe from lok that says which process groups exist: `+ID` and `-ID`, one a line. However
lok dies, the kernel closes the pipe, and the guard ends these groups and every process that carries lok's
mark. A lok that ends in good order kills the guard. In here are also lok's end of the pipe and what both need
to know about processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # each start of the guard would pay for them
    from collections.abc import Callable, Iterable, Iterator
    from typing import Literal

MARK = "LOK_RUN_ID"
"""The variable that names the lok which a process belongs to."""

CHILD = "LOK_CHILD"
"""The variable that numbers the children of one lok."""

GRACE_S = 0.5
PATIENCE_S = 5.0
_COMMAND = 500  # bytes
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD among the flags in /proc/PID/stat


def processes() -> Iterator[tuple[int, int]]:
    """Process id and inode in /proc of every process; nothing where there is no /proc.

    The two together name a process for as long as this system runs: the inode is made anew when an id is
    reused. Linux hands it out with the listing, so this costs no look at the single process.
    """
    with contextlib.suppress(OSError), os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name), entry.inode()


def environment(pid: int) -> bytes | None:
    """The process's environment, with a NUL before and after each entry.

    Empty for an instant while the process turns into another program: then ask again. None for those that
    have none, or none for us: ended, part of the kernel, another user's.
    """
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            entries = file.read()
    except OSError:
        return None
    if entries:
        return b"\0" + entries
    if is_zombie(pid) or int(stat_field(pid, 9) or 0) & _KERNEL_THREAD:
        return None
    begin, end = stat_field(pid, 50), stat_field(pid, 51)  # where it lies in memory; 0 before it is set up
    return b"\0" if begin == end not in ("0", "") else b""


def stat_field(pid: int, field: int) -> str:
    """A field of /proc/PID/stat, counted from 1 as in proc(5), from the third on; empty if there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[field - 3]
    except OSError:
        return ""


def is_zombie(pid: int) -> bool:
    """Whether the process has exited, and perhaps been reaped."""
    return stat_field(pid, 3) in ("Z", "X", "")


def command(pid: int) -> str:
    """The beginning of the process's command line; empty if it cannot be told.

    An argument is in it whole or not at all: of half a secret nobody could tell that it is one.
    """
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            told = file.read(_COMMAND + 1)
    except OSError:
        return ""
    if len(told) > _COMMAND:
        told = told.rpartition(b"\0")[0] + b" ..."
    return told.replace(b"\0", b" ").decode(errors="replace").strip()


def group_of(process: tuple[int, int]) -> int | None:
    """The process group of one of `processes()`; None if that has gone, whoever has got its id meanwhile.

    Whoever finds a process by its mark signals its group: some of it may have cleared their environment, and
    a group never reaches beyond its session, where all are lok's.
    """
    pid, inode = process
    try:
        group = os.getpgid(pid)
        same = os.stat(f"/proc/{pid}").st_ino == inode
    except OSError:
        return None
    return group if same and group not in (0, 1, os.getpgrp()) else None


def send_group(group: int, number: int) -> bool:
    """Signals a process group; False if it has gone or is not ours to signal."""
    try:
        os.killpg(group, number)
    except OSError:
        return False
    return True


class Guard:
    """Lok's end: a guard at work. It need not be ready yet, since the end of a pipe does not go away.

    Raises:
        OSError: it could not be started.
    """

    def __init__(self, mark: str) -> None:
        import subprocess  # the guard itself does without, and starts sooner

        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, mark],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            cwd="/",
            # Of a lok within a lok: the outer one must not take the inner one's guard for a leftover.
            env={key: value for key, value in os.environ.items() if key not in (MARK, CHILD)},
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._pipe = self._process.stdin
        os.set_blocking(self._pipe.fileno(), False)

    def tell(self, sign: Literal["+", "-"], group: int) -> None:
        """A process group exists, or is about to go: before its leader is reaped, and its id free again."""
        with contextlib.suppress(OSError):  # a guard that someone killed or stopped must not hold up the run
            os.write(self._pipe.fileno(), f"{sign}{group}\n".encode())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._pipe.close()


def end_all(found: Callable[[], tuple[list[tuple[int, int]], bool]], groups: Iterable[int] = ()) -> None:
    """Ends process groups: SIGTERM, a moment later SIGKILL, until nobody is found any more.

    Args:
        found: those of `processes()` whose groups are to be ended, and whether there may be more of them in
            an instant.
        groups: further groups.
    """
    groups = set(groups)
    for number, patience in ((signal.SIGTERM, GRACE_S), (signal.SIGKILL, PATIENCE_S)):
        deadline = time.monotonic() + patience
        told = False
        while True:
            # A group that has gone must be forgotten: its id may become someone else's.
            groups = {group for group in groups if send_group(group, 0)}
            marked, undecided = found()
            if not groups and not marked and not undecided:
                return
            groups |= {group for process in marked if (group := group_of(process)) is not None}
            if not told or number == signal.SIGKILL:  # processes may have been added since
                told = True
                for group in groups:
                    send_group(group, number)
                    send_group(group, signal.SIGCONT)
            if number == signal.SIGKILL:
                groups = set()  # none of them can have escaped that; only zombies may be left for a while
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)


def _marked(mark: str) -> tuple[list[tuple[int, int]], bool]:
    """The processes with that mark, and whether others are just turning into another program."""
    entry = f"\0{MARK}={mark}\0".encode()
    found = [(process, environment(process[0])) for process in processes()]
    return [process for process, entries in found if entries and entry in entries], any(
        entries == b"" for _, entries in found
    )


def _main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin.buffer:
        if line.startswith(b"+"):
            groups.add(int(line[1:]))
        else:
            groups.discard(int(line[1:]))
    end_all(lambda: _marked(sys.argv[1]), groups)


if __name__ == "__main__":
    _main()
