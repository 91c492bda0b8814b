"""One child process, done right; and nothing left of it afterwards.

A child runs in a session of its own, so that it has no terminal to ask on and its whole group can be
signalled. The group is always killed in the end, before the leader is reaped: until then its id belongs to
nobody else. What left the group is found by the mark that every child carries in its environment and hands
on to its own children (limits: systems without /proc, and processes started with a cleared environment).
When lok itself is killed, the guard (`guard.py`) does the same in its place.
"""

from __future__ import annotations

import errno
import itertools
import os
import re
import resource
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

import trio

from lok_core import guard
from lok_core.errors import BackendError
from lok_core.models import Finished
from lok_core.outcome import Leaked
from lok_core.programs import find_program

CAP_BYTES = 16 * 2**20  # how much of each stream is kept if the caller does not say

_GRACE_S = 1.0  # from SIGTERM to SIGKILL
_LINGER_S = 0.5  # for the rest of the output, once the leader has exited
_PATIENCE_S = 5.0  # for what SIGKILL should have ended: it may hang in the kernel or run as another user
_CHUNK = 65536
_FILES = 8192  # many systems allow 256 or 1024 unless asked
_FILES_PER_CHILD = 6  # four while it runs, and more for an instant
_OWN_FILES = 32  # what lok itself needs, also to import a module late

_Child: TypeAlias = subprocess.Popen[bytes]


class _Output:
    """One pipe of a child: all of it goes to the callback, its head and its tail are kept."""

    def __init__(self, pipe: IO[bytes] | None, cap: int, callback: Callable[[bytes], None] | None) -> None:
        assert pipe is not None
        self._pipe = pipe
        self.close = pipe.close
        self._callback = callback
        self._head = bytearray()
        self._tail = bytearray()
        self._head_cap = cap // 2
        self._tail_cap = cap - self._head_cap
        self._total = 0
        self.ended = False
        os.set_blocking(pipe.fileno(), False)

    def take(self) -> None:
        """Takes what the pipe holds now; raises BlockingIOError if that is nothing."""
        chunk = os.read(self._pipe.fileno(), _CHUNK)
        if not chunk:
            self.ended = True
            return
        self._total += len(chunk)
        if self._callback is not None:
            self._callback(chunk)
        room = self._head_cap - len(self._head)
        self._head += chunk[:room]
        self._tail += chunk[room:]
        if len(self._tail) > 2 * self._tail_cap + _CHUNK:  # not each time: it moves the whole tail
            del self._tail[: len(self._tail) - self._tail_cap]

    async def drain(self) -> None:
        while not self.ended:
            await trio.lowlevel.wait_readable(self._pipe)
            with suppress(BlockingIOError):
                self.take()

    def take_rest(self) -> bool:
        """Takes what is left, not for ever: someone may go on writing. Tells whether that was the end."""
        with suppress(BlockingIOError):
            for _ in range(16):
                self.take()
        return self.ended

    @property
    def dropped(self) -> int:
        return max(0, self._total - self._head_cap - self._tail_cap)

    def kept(self) -> bytes:
        if not self.dropped:
            return bytes(self._head + self._tail)
        tail = self._tail[len(self._tail) - self._tail_cap :]
        return bytes(self._head + b"\n[lok: %d bytes cut here]\n" % self.dropped + tail)


class Children:
    """All child processes of one lok run; made by `open_children`.

    Attributes:
        mark: their `LOK_RUN_ID`: lok's process id, its start time (clock ticks since boot; 0 if unknown) and
            a random part. A later lok can tell by it whether this one still lives.
        leaked: processes that had left their group and outlived their child; they were ended.
    """

    def __init__(self) -> None:
        self.mark = f"{os.getpid()}.{guard.stat_field(os.getpid(), 22) or 0}.{secrets.token_hex(4)}"
        self.leaked: list[Leaked] = []
        self._entry = f"\0{guard.MARK}={self.mark}\0".encode()
        self._guard: guard.Guard | None = None
        self._numbers = itertools.count(1)
        self._labels: dict[int, str] = {}
        self._live: set[int] = set()
        self._groups: set[int] = set()
        # Which child (by number) a process comes from; None: it is not ours. A process does not change sides,
        # so each has to be looked at once only, and those that were there before the first child never.
        self._known: dict[tuple[int, int], int | None] = {}
        self._undecided: set[tuple[int, int]] = set()  # just turning into another program
        self._noted: set[tuple[int, int]] = set()

    @property
    def at_once(self) -> int:
        """How many may run at the same time without using up the file descriptors; always one."""
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        allowed = sys.maxsize if soft == resource.RLIM_INFINITY else soft
        return max(1, (allowed - _OWN_FILES) // _FILES_PER_CHILD)

    async def run(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: str | Path,
        stdin: bytes = b"",
        label: str = "",
        cap_bytes: int = CAP_BYTES,
        on_stdout: Callable[[bytes], None] | None = None,
        on_stderr: Callable[[bytes], None] | None = None,
    ) -> Finished:
        """Runs a program to its end; deadline and cancellation come from the cancel scope around it.

        Cancelled, it sends SIGTERM to the child's group and SIGKILL at most a second later; the callbacks get
        what is said until then.

        Args:
            argv: the program and its arguments. A name without a slash is looked up on the PATH of `env`, in
                absolute directories only: others would be looked for in `cwd`, which may be hostile.
            env: the whole environment; the mark is added.
            stdin: all there is to read. A child need not read it.
            label: names the child in `leaked`.
            cap_bytes: how much of each stream is kept, half of it from its beginning and half from its end,
                with a line between them that says how much was cut.
            on_stdout, on_stderr: called with each chunk as it arrives, beyond the cap as well. What they
                raise ends the child and comes out of here.

        Raises:
            BackendError: `unavailable` (no such program, or it cannot be run), `too_large` (arguments too
                long), `invalid` (no such directory, NUL in an argument), `crashed` (no descriptors left).
        """
        begin, number = trio.current_time(), next(self._numbers)
        watcher = self._start_guard()
        marked_env = {**env, guard.MARK: self.mark, guard.CHILD: str(number)}
        self._labels[number] = label
        self._live.add(number)
        process = await trio.to_thread.run_sync(_start, argv, marked_env, os.fspath(cwd), watcher)
        self._groups.add(process.pid)
        out = _Output(process.stdout, cap_bytes, on_stdout)
        err = _Output(process.stderr, cap_bytes, on_stderr)
        pipes = trio.CancelScope(shield=True)  # a cancelled child may still say something in its grace
        drained = trio.Event()

        async def serve_pipes() -> None:
            with pipes:
                async with trio.open_nursery() as writing:
                    writing.start_soon(_feed, process.stdin, stdin)
                    async with trio.open_nursery() as reading:
                        reading.start_soon(out.drain)
                        reading.start_soon(err.drain)
                    drained.set()

        exited = orphaned = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(serve_pipes)
                try:
                    await _exit_of(process)
                    exited = True
                    with trio.move_on_after(_LINGER_S):
                        await drained.wait()
                    # On a busy machine the time may have passed without a chance to read.
                    orphaned = not all([out.take_rest(), err.take_rest()])
                finally:
                    with trio.CancelScope(shield=True):
                        await self._end(process, number, watcher, exited)
                    _ = out.take_rest(), err.take_rest()
                    pipes.cancel()
        except ExceptionGroup as group:
            error: Exception = group
            while isinstance(error, ExceptionGroup):
                error = error.exceptions[0]
            raise error from None  # from a callback: nothing else raises in there
        finally:
            out.close()
            err.close()
        return Finished(
            returncode=process.wait(),
            stdout=out.kept(),
            stderr=err.kept(),
            stdout_dropped=out.dropped,
            stderr_dropped=err.dropped,
            orphaned_pipe=orphaned,
            duration_s=trio.current_time() - begin,
        )

    async def sweep(self) -> None:
        """Ends what children that have ended left behind, and notes it in `leaked`."""
        deadline = trio.current_time() + _PATIENCE_S
        with trio.CancelScope(shield=True):
            found, waiting = self._survivors(), self._undecided
            while found or waiting:
                for survivor in found:
                    self._note(survivor)
                    if group := guard.group_of(survivor):
                        guard.send_group(group, signal.SIGKILL)
                if trio.current_time() > deadline:
                    self._known.update(dict.fromkeys(found))  # nobody waits for these again
                    return
                await trio.sleep(0.005)
                before, found = found, self._survivors()
                # Other children come and go all the time; only a survivor may have made more of its like.
                waiting = self._undecided if before or found else waiting & self._undecided

    async def _end(self, process: _Child, number: int, watcher: guard.Guard, exited: bool) -> None:
        """Ends the group, reaps the leader, ends what left the group."""
        group = process.pid
        if not exited:
            guard.send_group(group, signal.SIGTERM)
            guard.send_group(group, signal.SIGCONT)  # a stopped process does not see the other signal
            with trio.move_on_after(_GRACE_S):
                await _exit_of(process)
        guard.send_group(group, signal.SIGKILL)
        with trio.move_on_after(_PATIENCE_S) as patience:
            await _exit_of(process)
        watcher.tell("-", group)
        if patience.cancelled_caught:
            self.leaked.append(Leaked(group, guard.command(group), self._labels[number]))
        else:
            process.wait()
        self._live.discard(number)
        await self.sweep()

    def _survivors(self) -> list[tuple[int, int]]:
        """Processes with the mark that belong to no child under way."""
        before, self._known = self._known, {}
        self._undecided = set()
        found = []
        for process in guard.processes():
            if process not in before:
                environment = guard.environment(process[0])
                if environment == b"":
                    self._undecided.add(process)
                    continue
                before[process] = self._number_in(environment or b"")
            number = self._known[process] = before[process]
            if number is not None and number not in self._live and not guard.is_zombie(process[0]):
                found.append(process)
        return found

    def _number_in(self, environment: bytes) -> int | None:
        if self._entry not in environment:
            return None
        child = re.search(rb"\0%b=(\d+)\0" % guard.CHILD.encode(), environment)
        return int(child[1]) if child else 0

    def _note(self, survivor: tuple[int, int]) -> None:
        if survivor in self._noted:
            return
        self._noted.add(survivor)
        pid, label = survivor[0], self._labels.get(self._known[survivor] or 0, "")
        with suppress(ProcessLookupError):
            if os.getpgid(pid) not in self._groups:  # else it was killed with its group and is just dying
                self.leaked.append(Leaked(pid, guard.command(pid), label))

    def _start_guard(self) -> guard.Guard:
        if self._guard is None:
            self._known = dict.fromkeys(guard.processes())
            try:
                self._guard = guard.Guard(self.mark)
            except OSError as error:
                raise BackendError("crashed", f"no helper process starts: {error.strerror}") from error
        return self._guard

    async def _close(self) -> None:
        if self._guard is not None:
            self._live.clear()
            await self.sweep()
            self._guard.end()


@asynccontextmanager
async def open_children() -> AsyncIterator[Children]:
    """The children of one run. When this is left, none of them is left, however it is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _FILES:
        wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    children = Children()
    try:
        yield children
    finally:
        await children._close()


async def _feed(pipe: IO[bytes] | None, data: bytes) -> None:
    assert pipe is not None
    os.set_blocking(pipe.fileno(), False)
    rest = memoryview(data)
    with suppress(BrokenPipeError), pipe:
        while rest:
            await trio.lowlevel.wait_writable(pipe)
            with suppress(BlockingIOError):
                rest = rest[os.write(pipe.fileno(), rest) :]


async def _exit_of(process: _Child) -> None:
    """Returns when the process has exited, and leaves it unreaped where the system allows that."""
    try:
        descriptor = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # not Linux, an old kernel, or no descriptor left
        flags = os.WEXITED | os.WNOWAIT
        wait = partial(os.waitid, os.P_PID, process.pid, flags) if hasattr(os, "waitid") else process.wait
        await trio.to_thread.run_sync(wait, abandon_on_cancel=True, limiter=trio.CapacityLimiter(1))
        return
    try:
        await trio.lowlevel.wait_readable(descriptor)
    finally:
        os.close(descriptor)


def _start(argv: Sequence[str | Path], env: dict[str, str], cwd: str, watcher: guard.Guard) -> _Child:
    name = os.fspath(argv[0])
    program = name if "/" in name else find_program(name, env)
    try:
        process = subprocess.Popen(
            argv,
            executable=program,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=cwd,
            env=env,
            start_new_session=True,  # never preexec_fn: it makes every start slow, and unsafe beside threads
        )
    except OSError as error:
        raise _why_not(error, program, cwd) from error
    except ValueError as error:  # NUL, or what cannot be encoded, in an argument or a variable
        raise BackendError("invalid", f"{name} cannot be started so: {error}") from error
    watcher.tell("+", process.pid)
    return process


_CAUSES = {
    errno.E2BIG: ("too_large", "the arguments of {} are too long", "pass long text on standard input"),
    errno.ENOENT: ("unavailable", "{} does not exist", "install it, or correct the path"),
    errno.EACCES: ("unavailable", "{0} is not executable", "chmod +x {0}"),
    errno.ENOTDIR: ("unavailable", "{} does not exist", "correct the path"),
    errno.ENOEXEC: ("unavailable", "{} is no program for this system", "a script needs a #! line"),
}


def _why_not(error: OSError, program: str, cwd: str) -> BackendError:
    path = os.path.join(cwd, program)
    if not os.path.isdir(cwd):
        return BackendError("invalid", f"the working directory is gone: {cwd}")
    if os.path.isdir(path):
        return BackendError("unavailable", f"{program} is a directory", "name the program itself")
    if error.filename == cwd:
        return BackendError("invalid", f"the working directory cannot be entered: {cwd}")
    if error.errno == errno.ENOENT and os.path.exists(path):
        return BackendError("unavailable", f"the interpreter of {program} is missing", "see its #! line")
    unknown = ("crashed", f"{{}} could not be started: {error.strerror}", "")
    kind, message, hint = _CAUSES.get(error.errno or 0, unknown)
    return BackendError(kind, message.format(program), hint.format(program))
