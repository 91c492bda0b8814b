"""Real child processes: what they say arrives, and nothing is left of them."""

import os
import pty
import re
import resource
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio

import lok_core
from lok_core import guard, process
from lok_core.errors import BackendError
from lok_core.process import open_children

ENV = {"PATH": os.environ["PATH"]}
MIB = 2**20

needs_proc = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")


@asynccontextmanager
async def bounded_children():
    with trio.fail_after(30):
        async with open_children() as children:
            yield children


def shell(script):
    return ["sh", "-c", script]


def python(code):
    return [sys.executable, "-I", "-S", "-c", textwrap.dedent(code)]


def telling(name, then="exec sleep 300"):
    """Shell code that writes its process id to the file `name` and goes on."""
    return f"echo $$ > {name}.new; mv {name}.new {name}; {then}"


def alive(pid):
    """Whether the process runs; a zombie does not."""
    try:
        if Path("/proc/self/stat").exists():
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
        os.kill(pid, 0)
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def exists(pid):
    """Whether the process is there, be it as a zombie."""
    return Path("/proc", str(pid)).exists()


async def until(condition):
    """Waits for what other processes bring about; the caller sets the bound."""
    while not (value := condition()):  # noqa: ASYNC110 - nobody sends an event from over there
        await trio.sleep(0.01)
    return value


async def told(folder, name):
    path = folder / name
    await until(path.exists)
    return int(path.read_text())


def carrying(mark):
    """Processes that have the mark in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def guards(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = path.read_bytes()
            if b"guard.py" in words and mark.encode() in words:
                found.append(int(path.parent.name))
    return [pid for pid in found if alive(pid)]


# What is said arrives.


async def test_output_errors_and_exit_code_are_told(tmp_path):
    async with bounded_children() as children:
        done = await children.run(shell("echo out; echo err >&2; exit 3"), env=ENV, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out\n", b"err\n")
    assert (done.stdout_dropped, done.stderr_dropped, done.orphaned_pipe) == (0, 0, False)
    assert 0 < done.duration_s < 30


async def test_death_by_signal_keeps_what_was_said(tmp_path):
    async with bounded_children() as children:
        done = await children.run(shell("echo partial; kill -9 $$"), env=ENV, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, b"partial\n")


async def test_working_directory_and_environment_are_the_given_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("LEFT_OUT", "secret")
    async with bounded_children() as children:
        done = await children.run(shell("pwd; env"), env={**ENV, "GIVEN": "1"}, cwd=tmp_path)
    first, *rest = done.stdout.decode().splitlines()
    names = {line.partition("=")[0] for line in rest}
    assert Path(first) == tmp_path.resolve()
    assert {"GIVEN", "LOK_RUN_ID", "LOK_CHILD"} <= names
    assert "LEFT_OUT" not in names


async def test_chunks_arrive_while_the_child_runs(tmp_path):
    said = []
    with trio.fail_after(30), trio.CancelScope() as scope:
        async with open_children() as children:

            def hear(chunk):
                said.append(chunk)
                scope.cancel()

            await children.run(shell("echo now; exec sleep 300"), env=ENV, cwd=tmp_path, on_stdout=hear)
    assert said == [b"now\n"]


async def test_five_megabytes_pass_through_both_ways(tmp_path):
    data = os.urandom(MIB) * 5
    async with bounded_children() as children:
        done = await children.run(["cat"], env=ENV, cwd=tmp_path, stdin=data)
    assert done.stdout == data


async def test_nul_bytes_pass_through(tmp_path):
    async with bounded_children() as children:
        done = await children.run(["cat"], env=ENV, cwd=tmp_path, stdin=b"a\0b\xff\0")
    assert done.stdout == b"a\0b\xff\0"


async def test_without_input_stdin_is_at_its_end(tmp_path):
    async with bounded_children() as children:
        done = await children.run(["cat"], env=ENV, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, b"")


async def test_child_that_closes_stdin_early_does_no_harm(tmp_path):
    script = "exec 0<&-; echo closed; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done; exit 7"
    async with bounded_children() as children:
        done = await children.run(shell(script), env=ENV, cwd=tmp_path, stdin=bytes(5 * MIB))
    assert (done.returncode, done.stdout) == (7, b"closed\n")


async def test_child_that_never_reads_stdin_does_no_harm(tmp_path):
    async with bounded_children() as children:
        done = await children.run(shell("echo deaf"), env=ENV, cwd=tmp_path, stdin=bytes(5 * MIB))
    assert (done.returncode, done.stdout) == (0, b"deaf\n")


async def test_cap_keeps_the_beginning_and_the_end(tmp_path):
    said = []
    data = b"".join(b"%07d\n" % number for number in range(50_000))
    async with bounded_children() as children:
        done = await children.run(
            ["cat"], env=ENV, cwd=tmp_path, stdin=data, cap_bytes=2001, on_stdout=said.append
        )
    head, tail = re.split(rb"\n\[lok: 397999 bytes cut here\]\n", done.stdout)
    assert (head, tail) == (data[:1000], data[-1001:])
    assert done.stdout_dropped == 397_999
    assert b"".join(said) == data


async def test_output_as_large_as_the_cap_is_whole(tmp_path):
    data = os.urandom(2001)
    async with bounded_children() as children:
        done = await children.run(["cat"], env=ENV, cwd=tmp_path, stdin=data, cap_bytes=2001)
    assert (done.stdout, done.stdout_dropped) == (data, 0)


async def test_cap_of_nothing_keeps_nothing(tmp_path):
    async with bounded_children() as children:
        done = await children.run(["cat"], env=ENV, cwd=tmp_path, stdin=b"abc", cap_bytes=0)
    assert (done.stdout, done.stdout_dropped) == (b"\n[lok: 3 bytes cut here]\n", 3)


@pytest.mark.parametrize("where", ["/dev/stdout", "/dev/stderr"])
async def test_hundred_megabytes_take_bounded_memory(tmp_path, where):
    script = f"head -c 100000000 /dev/zero > {where}; echo end > {where}"
    async with bounded_children() as children:
        tracemalloc.start()
        try:
            done = await children.run(shell(script), env=ENV, cwd=tmp_path, cap_bytes=2 * MIB)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    text = done.stdout or done.stderr
    assert text.endswith(b"\0end\n")
    assert done.stdout_dropped + done.stderr_dropped == 100_000_004 - 2 * MIB
    assert peak < 12 * MIB


async def test_what_a_callback_raises_ends_the_child_and_comes_out(tmp_path):
    def refuse(chunk):
        raise BackendError("protocol", chunk.decode())

    script = telling("pid", "echo nonsense; exec sleep 300")
    async with bounded_children() as children:
        with pytest.raises(BackendError, match="nonsense") as caught:
            await children.run(shell(script), env=ENV, cwd=tmp_path, on_stdout=refuse)
        assert caught.value.kind == "protocol"
        assert not alive(await told(tmp_path, "pid"))


# The end comes in time, and takes everyone along.


async def test_grandchild_that_holds_the_pipe_is_not_waited_for(tmp_path):
    script = f"sh -c '{telling('grandchild')}' & while [ ! -e grandchild ]; do :; done; echo said"
    async with bounded_children() as children:
        done = await children.run(shell(script), env=ENV, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.orphaned_pipe) == (0, b"said\n", True)
        pid = await told(tmp_path, "grandchild")
        await until(lambda: not alive(pid))
        assert children.leaked == []


async def test_cancelled_child_may_say_goodbye(tmp_path):
    said = []
    script = "trap 'echo bye; exit' TERM; " + telling("pid", "while :; do sleep 0.01; done")
    async with bounded_children() as children:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                run = partial(children.run, env=ENV, cwd=tmp_path, on_stdout=said.append)
                nursery.start_soon(run, shell(script))
                await told(tmp_path, "pid")
                scope.cancel()
    assert b"".join(said) == b"bye\n"


CANCELLED = {
    "plain": telling("leader"),
    "ignores SIGTERM": "trap '' TERM; " + telling("leader", "while :; do sleep 1; done"),
    "stopped": telling("leader", "kill -STOP $$; exec sleep 300"),
    "stopped, ignores SIGTERM": "trap '' TERM; " + telling("leader", "kill -STOP $$; sleep 300"),
    "grandchildren": f"sh -c '{telling('one')}' & sh -c '{telling('two')}' & {telling('leader', 'wait')}",
    "grandchild ignores SIGTERM": f"sh -c 'trap \"\" TERM; {telling('one')}' & {telling('leader', 'wait')}",
    "closed pipes": "exec 0<&- 1>&- 2>&-; " + telling("leader"),
    "writes without end": f"sh -c '{telling('one', 'exec yes')}' & {telling('leader', 'exec yes >&2')}",
}
ESCAPED = {
    "setsid": f"setsid sh -c '{telling('one')}' & {telling('leader', 'wait')}",
    "setsid, ignores SIGTERM": f"setsid sh -c 'trap \"\" TERM; {telling('one')}' & {telling('leader')}",
}
if Path("/proc/self/environ").exists():
    CANCELLED |= ESCAPED


@pytest.mark.parametrize("script", CANCELLED.values(), ids=CANCELLED.keys())
async def test_cancelling_leaves_nothing(tmp_path, monkeypatch, script):
    monkeypatch.setattr(process, "_GRACE_S", 0.2)  # only to save time
    names = [name for name in ("leader", "one", "two") if f" {name};" in script]
    async with bounded_children() as children:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                run = partial(children.run, env=ENV, cwd=tmp_path, cap_bytes=1000, stdin=bytes(MIB))
                nursery.start_soon(run, shell(script))
                pids = [await told(tmp_path, name) for name in names]
                started = trio.current_time()
                scope.cancel()
        assert trio.current_time() - started < 10
        await until(lambda: not any(alive(pid) for pid in pids))


async def test_deadline_before_the_start_starts_nothing(tmp_path):
    async with bounded_children() as children:
        with trio.move_on_after(0):
            await children.run(["touch", "started"], env=ENV, cwd=tmp_path)
    assert not (tmp_path / "started").exists()


@needs_proc
async def test_survivor_in_its_own_session_is_ended_and_named(tmp_path):
    script = f"setsid sh -c '{telling('one')}' >/dev/null 2>&1 & while [ ! -e one ]; do :; done"
    async with bounded_children() as children:
        done = await children.run(shell(script), env=ENV, cwd=tmp_path, label="claude errors")
        pid = await told(tmp_path, "one")
        assert not alive(pid)
        assert done.returncode == 0
        [leaked] = children.leaked
    assert (leaked.pid, leaked.label) == (pid, "claude errors")
    assert "sleep 300" in leaked.command or "one.new" in leaked.command


@needs_proc
async def test_survivor_that_only_just_started_is_found(tmp_path):
    async with bounded_children() as children:
        for _ in range(20):
            script = "setsid sleep 300 >/dev/null 2>&1 & setsid sleep 300 >/dev/null 2>&1 &"
            await children.run(shell(script), env=ENV, cwd=tmp_path)
            assert carrying(children.mark) == []


@needs_proc
async def test_daemon_is_ended(tmp_path):
    code = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for fd in range(3):
                    os.close(fd)
                open("new", "w").write(str(os.getpid()))
                os.rename("new", "daemon")
                time.sleep(300)
            os._exit(0)
        while not os.path.exists("daemon"):
            time.sleep(0.01)
    """
    async with bounded_children() as children:
        await children.run(python(code), env=ENV, cwd=tmp_path)
        pid = await told(tmp_path, "daemon")
        assert not alive(pid)
        assert [leaked.pid for leaked in children.leaked] == [pid]


@needs_proc
async def test_sessions_of_children_under_way_are_left_alone(tmp_path):
    script = f"setsid sh -c '{telling('one')}' & {telling('leader', 'wait')}"
    async with bounded_children() as children:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(partial(children.run, shell(script), env=ENV, cwd=tmp_path))
                pids = [await told(tmp_path, "leader"), await told(tmp_path, "one")]
                for _ in range(3):
                    await children.run(["true"], env=ENV, cwd=tmp_path)
                await children.sweep()
                assert all(alive(pid) for pid in pids)
                assert children.leaked == []
                scope.cancel()
        assert not any(alive(pid) for pid in pids)


async def test_several_run_at_once(tmp_path):
    # Each one ends only when all are there.
    script = "touch $0; until [ -e a ] && [ -e b ] && [ -e c ]; do sleep 0.01; done; echo $0"
    said = []
    async with bounded_children() as children, trio.open_nursery() as nursery:
        for name in "abc":
            run = partial(children.run, env=ENV, cwd=tmp_path, on_stdout=said.append)
            nursery.start_soon(run, [*shell(script), name])
    assert sorted(said) == [b"a\n", b"b\n", b"c\n"]


async def test_cancelling_one_leaves_the_others(tmp_path):
    said = []
    async with bounded_children() as children, trio.open_nursery() as nursery:
        run = partial(children.run, env=ENV, cwd=tmp_path, on_stdout=said.append)
        nursery.start_soon(run, shell(telling("other", "until [ -e go ]; do sleep 0.01; done; echo well")))
        other = await told(tmp_path, "other")
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as inner:
                inner.start_soon(run, shell(telling("one")))
                one = await told(tmp_path, "one")
                scope.cancel()
        assert not alive(one)
        assert alive(other)
        (tmp_path / "go").touch()
    assert said == [b"well\n"]


@needs_proc
async def test_cancelling_everything_leaves_nothing(tmp_path):
    script = f"setsid sh -c 'trap \"\" TERM; {telling('a$0')}' $0 & {telling('b$0', 'wait')}"
    with trio.fail_after(60), trio.CancelScope() as scope:
        async with open_children() as children, trio.open_nursery() as nursery:
            for number in range(10):
                run = partial(children.run, env=ENV, cwd=tmp_path)
                nursery.start_soon(run, [*shell(script), str(number)])
            for number in range(10):
                await told(tmp_path, f"a{number}")
                await told(tmp_path, f"b{number}")
            scope.cancel()
    assert [pid for pid in carrying(children.mark) if alive(pid)] == []
    assert guards(children.mark) == []
    assert len(children.leaked) == 10


@needs_proc
async def test_no_zombie_and_no_descriptor_is_left(tmp_path):
    async with bounded_children() as children:
        await children.run(["true"], env=ENV, cwd=tmp_path)
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            done = await children.run(shell("echo $$"), env=ENV, cwd=tmp_path, stdin=b"unread")
            assert not exists(int(done.stdout))
        assert len(os.listdir("/proc/self/fd")) == before


@needs_proc
async def test_child_has_only_its_three_pipes_open(tmp_path):
    async with bounded_children() as children:
        done = await children.run(["ls", "-l", "/proc/self/fd"], env=ENV, cwd=tmp_path)
    assert done.stdout.count(b"pipe:") == 3
    assert len(re.findall(rb" -> ", done.stdout)) == 4  # the fourth is the directory that ls reads


@pytest.mark.parametrize("missing", [["pidfd_open"], ["pidfd_open", "waitid"]])
async def test_systems_without_pidfd_will_do(tmp_path, monkeypatch, missing):
    for name in missing:
        monkeypatch.delattr(os, name, raising=False)
    async with bounded_children() as children:
        done = await children.run(shell("echo well"), env=ENV, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (0, b"well\n")
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                script = f"sh -c '{telling('one')}' & {telling('leader', 'wait')}"
                nursery.start_soon(partial(children.run, shell(script), env=ENV, cwd=tmp_path))
                pids = [await told(tmp_path, "one"), await told(tmp_path, "leader")]
                scope.cancel()
        await until(lambda: not any(alive(pid) for pid in pids))


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
async def test_child_that_cannot_be_ended_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(guard, "send_group", lambda group, number: True)
    monkeypatch.setattr(process, "_GRACE_S", 0.05)
    monkeypatch.setattr(process, "_PATIENCE_S", 0.05)
    async with bounded_children() as children:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                run = partial(children.run, env=ENV, cwd=tmp_path, label="stubborn")
                nursery.start_soon(run, shell(telling("pid", "read line; exec sleep 300")))
                pid = await told(tmp_path, "pid")
                scope.cancel()
        assert [(leaked.pid, leaked.label) for leaked in children.leaked] == [(pid, "stubborn")]
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not alive(pid))


# What cannot be started is said, with a way out.


async def failure(tmp_path, argv, *, env=ENV, cwd=None):
    async with bounded_children() as children:
        with pytest.raises(BackendError) as caught:
            await children.run(argv, env=env, cwd=cwd or tmp_path)
    return caught.value


def program(path, text="#!/bin/sh\necho from $0\n", mode=0o755):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


async def test_missing_program_is_unavailable(tmp_path):
    error = await failure(tmp_path, ["no-such-program"])
    assert (error.kind, error.message) == ("unavailable", "no-such-program is not on the PATH")
    assert "install no-such-program" in error.hint


@pytest.mark.parametrize("path", ["nothing", "file/nothing"])
async def test_missing_path_is_unavailable(tmp_path, path):
    (tmp_path / "file").touch()
    error = await failure(tmp_path, [tmp_path / path])
    assert (error.kind, error.message) == ("unavailable", f"{tmp_path}/{path} does not exist")


@pytest.mark.parametrize("by_name", [True, False])
async def test_program_that_is_not_executable_is_unavailable(tmp_path, by_name):
    path = program(tmp_path / "tool", mode=0o644)
    error = await failure(tmp_path, ["tool" if by_name else path], env={"PATH": str(tmp_path)})
    assert (error.kind, error.message) == ("unavailable", f"{path} is not executable")
    assert error.hint == f"chmod +x {path}"


@pytest.mark.parametrize("name", ["folder", "."])
async def test_directory_is_unavailable(tmp_path, name):
    (tmp_path / "folder").mkdir()
    error = await failure(tmp_path, [f"{tmp_path}/{name}"])
    assert (error.kind, error.message) == ("unavailable", f"{tmp_path}/{name} is a directory")


async def test_missing_interpreter_is_named(tmp_path):
    path = program(tmp_path / "tool", "#!/no/such/interpreter\n")
    error = await failure(tmp_path, [path])
    assert (error.kind, error.message) == ("unavailable", f"the interpreter of {path} is missing")


async def test_file_that_is_no_program_is_unavailable(tmp_path):
    path = program(tmp_path / "tool", "no first line")
    error = await failure(tmp_path, [path])
    assert (error.kind, error.message) == ("unavailable", f"{path} is no program for this system")


async def test_argument_too_long_is_too_large(tmp_path):
    error = await failure(tmp_path, ["echo", "x" * 8 * MIB])
    assert error.kind == "too_large"
    assert "standard input" in error.hint


async def test_missing_working_directory_is_invalid(tmp_path):
    error = await failure(tmp_path, ["true"], cwd=tmp_path / "gone")
    assert (error.kind, error.message) == ("invalid", f"the working directory is gone: {tmp_path}/gone")


async def test_nul_in_an_argument_is_invalid(tmp_path):
    error = await failure(tmp_path, ["echo", "a\0b"])
    assert error.kind == "invalid"


async def test_exhausted_descriptors_are_a_crash(tmp_path, monkeypatch):
    async with bounded_children() as children:
        await children.run(["true"], env=ENV, cwd=tmp_path)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        with os.scandir("/dev/fd") as entries:
            used = max(int(entry.name) for entry in entries) + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (used, hard))
        held = []
        try:
            with suppress(OSError):
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
            with pytest.raises(BackendError, match="Too many open files") as caught:
                await children.run(["true"], env=ENV, cwd=tmp_path)
        finally:
            for descriptor in held:
                os.close(descriptor)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        done = await children.run(["true"], env=ENV, cwd=tmp_path)
    assert (caught.value.kind, done.returncode) == ("crashed", 0)


async def test_program_is_looked_up_on_the_given_path(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'wrong'}")
    program(tmp_path / "wrong" / "tool")
    program(tmp_path / "first" / "tool", mode=0o644)
    right = program(tmp_path / "second" / "tool")
    path = f"{tmp_path / 'none'}:{tmp_path / 'first'}:{tmp_path / 'second'}"
    async with bounded_children() as children:
        done = await children.run(["tool"], env={"PATH": path}, cwd=tmp_path)
    assert done.stdout.decode() == f"from {right}\n"


@pytest.mark.parametrize("path", ["", ".", "bin", ":bin:"])
async def test_nothing_is_looked_up_in_the_working_directory(tmp_path, path):
    program(tmp_path / "tool")
    program(tmp_path / "bin" / "tool")
    error = await failure(tmp_path, ["tool"], env={"PATH": path})
    assert error.kind == "unavailable"


# The mark and the guard.


async def test_mark_names_lok_and_its_start(tmp_path):
    async with bounded_children() as children:
        done = await children.run(shell("echo $LOK_RUN_ID"), env=ENV, cwd=tmp_path)
    pid, start, chance = children.mark.split(".")
    assert done.stdout.decode() == f"{children.mark}\n"
    assert pid == str(os.getpid())
    assert start == (guard.stat_field(os.getpid(), 22) or "0")
    assert chance


@needs_proc
async def test_guard_comes_with_the_first_child_and_goes_in_the_end(tmp_path):
    async with bounded_children() as children:
        assert guards(children.mark) == []
        await children.run(["true"], env=ENV, cwd=tmp_path)
        await children.run(["true"], env=ENV, cwd=tmp_path)
        [pid] = await until(lambda: guards(children.mark))
    assert not exists(pid)


@needs_proc
async def test_guard_is_not_taken_for_a_child_of_an_outer_lok(tmp_path, monkeypatch):
    monkeypatch.setenv("LOK_RUN_ID", "outer")
    async with bounded_children() as children:
        await children.run(["true"], env=ENV, cwd=tmp_path)
        [pid] = await until(lambda: guards(children.mark))
        assert b"\0LOK_RUN_ID=" not in guard.environment(pid)


DRIVER = """
import os, sys, trio
from functools import partial
from lok_core.process import open_children

async def main():
    async with open_children() as children:
        print(children.mark, flush=True)
        async with trio.open_nursery() as nursery:
            for script in sys.argv[1:]:
                run = partial(children.run, env=dict(os.environ), cwd=".")
                nursery.start_soon(run, ["sh", "-c", script])

trio.run(main)
"""


def lok_env():
    return {**ENV, "PYTHONPATH": str(Path(lok_core.__file__).parents[1])}


@contextmanager
def killed_in_the_end(tmp_path, scripts, before):
    argv = [sys.executable, "-c", before + DRIVER, *scripts]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=tmp_path, env=lok_env()) as lok:
        try:
            yield lok
        finally:
            lok.kill()


@asynccontextmanager
async def another_lok(tmp_path, *scripts, before=""):
    with trio.fail_after(30), killed_in_the_end(tmp_path, scripts, before) as lok:
        yield lok, (await trio.to_thread.run_sync(lok.stdout.readline)).decode().strip()


@needs_proc
async def test_killed_lok_leaves_nothing(tmp_path):
    scripts = {
        "plain": telling("plain"),
        "deaf": "trap '' TERM; " + telling("deaf", "while :; do sleep 1; done"),
        "stopped": telling("stopped", "kill -STOP $$"),
        "session": f"setsid sh -c '{telling('session')}' & wait",
        "deaf_session": f"setsid sh -c 'trap \"\" TERM; {telling('deaf_session')}' & wait",
        "markless": f"env -i sh -c '{telling('markless')}' & wait",
    }
    async with another_lok(tmp_path, *scripts.values()) as (lok, mark):
        pids = [await told(tmp_path, name) for name in scripts]
        [guard_pid] = await until(lambda: guards(mark))
        lok.kill()
        await until(lambda: not alive(guard_pid))
        assert [pid for pid in pids if alive(pid)] == []
        assert [pid for pid in carrying(mark) if alive(pid)] == []


@needs_proc
async def test_killed_lok_leaves_nothing_of_a_group_the_guard_was_not_told_of(tmp_path):
    speechless = "from lok_core.guard import Guard; Guard.tell = lambda *_: None"
    script = f"env -i sh -c '{telling('markless')}' & {telling('leader', 'wait')}"
    async with another_lok(tmp_path, script, before=speechless) as (lok, _):
        pids = [await told(tmp_path, name) for name in ("markless", "leader")]
        lok.kill()
        await until(lambda: not any(alive(pid) for pid in pids))


@needs_proc
async def test_markless_survivor_goes_with_its_session(tmp_path):
    inner = f"env -i sh -c '{telling('markless')}' & {telling('one', 'wait')}"
    await_both = "until [ -e one ] && [ -e markless ]; do sleep 0.01; done"
    (tmp_path / "inner").write_text(inner)
    async with bounded_children() as children:
        await children.run(shell(f"setsid sh inner & {await_both}"), env=ENV, cwd=tmp_path)
        pids = [await told(tmp_path, name) for name in ("markless", "one")]
        await until(lambda: not any(alive(pid) for pid in pids))


@needs_proc
async def test_lok_killed_at_once_leaves_nothing(tmp_path):
    async with another_lok(tmp_path, telling("one"), telling("two")) as (lok, mark):
        lok.kill()
        await until(lambda: not guards(mark) and not carrying(mark))


@needs_proc
async def test_guard_outlives_signals_of_the_terminal(tmp_path):
    async with another_lok(tmp_path, telling("one")) as (lok, mark):
        pid = await told(tmp_path, "one")
        [guard_pid] = await until(lambda: guards(mark))
        ignored = 1 << signal.SIGTERM - 1
        await until(lambda: int(status(guard_pid, "SigIgn"), 16) & ignored)
        assert os.getsid(guard_pid) == guard_pid
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
            os.kill(guard_pid, number)
        lok.kill()
        await until(lambda: not alive(pid) and not alive(guard_pid))


def status(pid, name):
    return re.search(rf"^{name}:\s+(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)[1]


TERMINAL = """
import fcntl, os, sys, termios, trio
from lok_core.process import open_children

fcntl.ioctl(0, termios.TIOCSCTTY, 0)
open("/dev/tty").close()

async def main():
    async with open_children() as children:
        done = await children.run(["sh", "-c", ": < /dev/tty"], env=dict(os.environ), cwd=".")
        sys.exit(3 if done.returncode != 0 else 1)

trio.run(main)
"""


async def test_child_has_no_terminal_to_ask_on(tmp_path):
    ours, theirs = pty.openpty()
    try:
        with trio.fail_after(30):
            done = await trio.run_process(
                [sys.executable, "-c", TERMINAL],
                stdin=theirs,
                capture_stderr=True,
                check=False,
                cwd=tmp_path,
                env=lok_env(),
                start_new_session=True,
            )
    finally:
        os.close(ours)
        os.close(theirs)
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize(("allowed", "at_once"), [(8192, 1360), (256, 37), (40, 1), (16, 1)])
def test_no_more_run_at_once_than_descriptors_allow(monkeypatch, allowed, at_once):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (allowed, allowed))
    assert process.Children().at_once == at_once


def test_without_a_limit_of_descriptors_any_number_may_run_at_once(monkeypatch):
    unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
    monkeypatch.setattr(resource, "getrlimit", lambda _: unlimited)
    assert process.Children().at_once > 10**6
