"""lok as a process that is signalled while backends work: what was answered is kept, and nobody is left."""

import fcntl
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import termios
import textwrap
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lok_core.testing import FakeCli

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
    pytest.mark.slow,  # each of them starts lok, and most of them wait for its end
]

BOUND_S = 20.0  # for what takes milliseconds on an idle machine

PLUGIN = """
    from lok_core import Backend, Reply, hookimpl


    class Program(Backend):
        async def query(self, request, run):
            def said(chunk):
                run.text(chunk.decode())

            done = await run.command([self.kind], stdin=request.prompt.encode(), on_stdout=said)
            return Reply(done.stdout.decode())


    class Quick(Program):
        kind = "quick"


    class Hanging(Program):
        kind = "hanging"


    class Stubborn(Program):
        kind = "stubborn"


    @hookimpl
    def lok_register_backends():
        return [Quick, Hanging, Stubborn]
"""

# Deaf to all that asks it to go, and with a grandchild that has left for a session of its own.
STUBBORN = """\
#!/bin/sh
trap '' TERM INT HUP
cat >/dev/null
setsid sh -c 'echo $$ >{told}.new; mv {told}.new {told}; exec sleep 1000' <&- >/dev/null 2>&1 &
exec sleep 1000
"""


def distribution(folder, name, module):
    """An installed plugin, as far as Python can tell; `folder` belongs on PYTHONPATH."""
    info = folder / f"lok_backend_{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: lok-backend-{name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[lok]\n{name} = lok_backend_{name}\n")
    (folder / f"lok_backend_{name}.py").write_text(textwrap.dedent(module))


@pytest.fixture
def world(tmp_path, lok_env):
    """A folder of programs and plugins, and the environment in which lok finds them."""
    distribution(tmp_path / "plugins", "programs", PLUGIN)
    lok_env["PYTHONPATH"] = str(tmp_path / "plugins")
    lok_env["PATH"] = f"{tmp_path / 'bin'}{os.pathsep}{lok_env['PATH']}"
    return tmp_path, lok_env


@pytest.fixture
def programs(world):
    folder, _ = world
    FakeCli.make(folder / "bin", "quick", stdout="the quick answer")
    FakeCli.make(folder / "bin", "hanging", stdout="half of an ans", hangs=True)
    stubborn = folder / "bin" / "stubborn"
    stubborn.write_text(STUBBORN.format(told=shlex.quote(str(folder / "grandchild"))))
    stubborn.chmod(0o755)
    return folder


def until(condition):
    """Waits for what other processes bring about."""
    deadline = time.monotonic() + BOUND_S
    while not (value := condition()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
    return value


class Running:
    """A lok under way, and what it has printed so far."""

    def __init__(self, args, env, cwd, program=None, **streams):
        self.process = subprocess.Popen(
            [*(program or [sys.executable, "-m", "lok_core"]), *args],
            env=env,
            cwd=cwd,
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        )
        self.pid = self.process.pid
        pipes = [self.process.stdout, self.process.stderr]
        self._said = [bytearray(), bytearray()]
        self._readers = [
            threading.Thread(target=self._read, args=(pipe, said), daemon=True)
            for pipe, said in zip(pipes, self._said, strict=True)
            if pipe is not None
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, pipe, said):
        with pipe:
            while chunk := os.read(pipe.fileno(), 65536):
                said += chunk

    @property
    def stdout(self):
        return self._said[0].decode()

    @property
    def stderr(self):
        return self._said[1].decode()

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        """The exit code, once all it said has been read."""
        code = self.process.wait(BOUND_S)
        for reader in self._readers:
            reader.join(BOUND_S)
            assert not reader.is_alive(), "someone still holds its output open"
        return code


@contextmanager
def running(args, env, cwd, **options):
    lok = Running(args, env, cwd, **options)
    try:
        yield lok
    finally:
        if lok.process.poll() is None:
            lok.process.kill()
            lok.process.wait()
        for pid in left_of(lok.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def left_of(lok):
    """Processes that carry the mark of that lok, and its guard, which carries it as an argument."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            entries = (folder / "environ").read_bytes().split(b"\0")
            words = (folder / "cmdline").read_bytes().split(b"\0")
            marked = any(entry.startswith(b"LOK_RUN_ID=%d." % lok) for entry in entries)
            guards = any(word.endswith(b"guard.py") for word in words[:-1]) and any(
                word.startswith(b"%d." % lok) for word in words
            )
            if (marked or guards) and int(folder.name) != lok:
                found.append(int(folder.name))
    return found


def at_work(folder, name):
    """Whether that program has been given its prompt."""
    told = folder / "grandchild" if name == "stubborn" else folder / "bin" / f".{name}.calls.jsonl"
    return told.exists()


@contextmanager
def asking(world, names, *args, program=None):
    """A lok that has shown what `quick` answered, while the others named are at work for ever."""
    folder, env = world
    with running(["ask", "-b", ",".join(names), *args, "q"], env, folder, program=program) as lok:
        until(lambda: all(at_work(folder, name) for name in names))
        if "quick" in names:
            until(lambda: "quick: answered in" in lok.stderr)
        assert len(left_of(lok.pid)) > 1
        yield lok


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "Ctrl-C"),
        (signal.SIGTERM, 143, "SIGTERM"),
        (signal.SIGHUP, 129, "SIGHUP"),
    ],
)
def test_a_signal_ends_the_run_and_keeps_what_was_answered(world, programs, number, code, word):
    with asking(world, ["quick", "hanging"]) as lok:
        lok.send(number)
        assert lok.end() == code
        assert left_of(lok.pid) == []
    assert "=== QUICK ===\nthe quick answer\n" in lok.stdout
    assert f"cancelled: ended by {word} before it had answered" in lok.stdout
    assert "Traceback" not in lok.stderr


def test_what_had_been_said_until_the_signal_is_shown_as_cut_off(world, programs):
    with asking(world, ["hanging"], "-v") as lok:
        lok.send(signal.SIGINT)
        assert lok.end() == 130
    assert "half of an ans\n[cut off here]\n" in lok.stdout


def test_the_report_of_an_interrupted_run_is_complete_json(world, programs):
    with asking(world, ["quick", "hanging"], "-f", "json") as lok:
        assert lok.stdout == ""
        lok.send(signal.SIGINT)
        assert lok.end() == 130
    report = json.loads(lok.stdout)
    assert report["interrupted"] is True
    assert [outcome["outcome"] for outcome in report["outcomes"]] == ["answer", "failure"]
    assert report["outcomes"][1]["kind"] == "cancelled"


def test_the_report_of_an_interrupted_run_goes_to_its_file(world, programs):
    folder, _ = world
    with asking(world, ["quick", "hanging"], "-o", "report.txt") as lok:
        lok.send(signal.SIGTERM)
        assert lok.end() == 143
    assert lok.stdout == ""
    assert "the quick answer" in (folder / "report.txt").read_text()


def test_a_backend_that_ignores_signals_and_its_grandchild_are_ended(world, programs):
    with asking(world, ["quick", "hanging", "stubborn"]) as lok:
        lok.send(signal.SIGINT)
        assert lok.end() == 130
        assert left_of(lok.pid) == []
    assert "the quick answer" in lok.stdout


def test_a_second_signal_ends_lok_at_once_and_the_guard_its_children(world, programs):
    with asking(world, ["quick", "stubborn"]) as lok:
        lok.send(signal.SIGINT)
        # Two of them in one instant may be seen as one.
        until(lambda: lok.process.poll() is not None or lok.send(signal.SIGINT))
        assert lok.end() == 130
        until(lambda: not left_of(lok.pid))
    assert "the quick answer" in lok.stdout


def test_children_of_a_killed_lok_do_not_outlive_it(world, programs):
    with asking(world, ["quick", "hanging", "stubborn"]) as lok:
        lok.send(signal.SIGKILL)
        assert lok.end() == -signal.SIGKILL
        until(lambda: not left_of(lok.pid))


def test_the_private_folder_is_gone_after_a_signal(world, programs):
    folder, _ = world
    private = folder / "home" / ".local" / "state" / "lok" / "running"
    with asking(world, ["hanging"], "-v") as lok:
        assert len(list(private.iterdir())) == 1
        lok.send(signal.SIGTERM)
        lok.end()
    assert list(private.iterdir()) == []


def test_what_a_killed_lok_left_in_its_private_folder_goes_with_the_next_run(world, programs):
    folder, env = world
    private = folder / "home" / ".local" / "state" / "lok" / "running"
    with asking(world, ["hanging"], "-v") as lok:
        lok.send(signal.SIGKILL)
        lok.end()
        until(lambda: not left_of(lok.pid))
    (left,) = private.iterdir()
    os.utime(left, (0, 0))  # a fresh one might be somebody's who is just starting
    with running(["ask", "-b", "quick", "q"], env, folder) as lok:
        assert lok.end() == 0
    assert list(private.iterdir()) == []


@pytest.mark.parametrize("ignored", [signal.SIGHUP, signal.SIGINT])
def test_a_signal_ignored_from_the_start_stays_ignored(world, programs, ignored):
    # As nohup does with SIGHUP, and a shell with SIGINT for its background jobs.
    name = ignored.name.removeprefix("SIG")
    shell = ["sh", "-c", f'trap \'\' {name}; exec "$0" -m lok_core "$@"', sys.executable]
    with asking(world, ["quick", "hanging"], program=shell) as lok:
        lok.send(ignored)
        lok.send(signal.SIGTERM)
        assert lok.end() == 143
    assert "ended by SIGTERM" in lok.stdout


@pytest.mark.parametrize("command", [["ask", "-b", "quick", "q"], ["quick-task"]])
def test_ctrl_c_while_plugins_are_imported_ends_lok_without_a_traceback(world, programs, command):
    folder, env = world
    # Blocks at import until somebody writes to the pipe, which nobody does.
    os.mkfifo(folder / "pipe")
    waiting = f"""
        from pathlib import Path

        Path({str(folder / "importing")!r}).touch()
        open({str(folder / "pipe")!r}).read()
    """
    distribution(folder / "plugins", "slow", waiting)
    with running(command, env, folder) as lok:
        until((folder / "importing").exists)
        lok.send(signal.SIGINT)
        assert lok.end() == 130
        assert left_of(lok.pid) == []
    assert lok.stdout == ""
    assert "Traceback" not in lok.stderr


# Where nobody reads what lok says.

FULL = 4096


@contextmanager
def unread(size=FULL):
    """The end of a pipe to write to, which holds very little, and the other end."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, FULL)
    os.write(writer, b"x" * (FULL - size))
    try:
        yield writer, reader
    finally:
        os.close(writer)
        os.close(reader)


def holds(pipe):
    """How many bytes wait in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), sys.byteorder)


def end_by_two(lok, number):
    """Sends a signal until it has ended; more than one are needed."""
    lok.send(number)
    # Two of them in one instant may be seen as one.
    until(lambda: lok.process.poll() is not None or lok.send(number))
    return lok.end()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_lok_although_nobody_reads_the_report(world, form, number):
    folder, env = world
    FakeCli.make(folder / "bin", "quick", stdout="word " * 10_000)
    command = ["ask", "-b", "quick", "-f", form, "q"]
    with unread() as (pipe, reader), running(command, env, folder, stdout=pipe) as lok:
        until(lambda: holds(reader) == FULL)
        assert end_by_two(lok, number) == 128 + number
        until(lambda: not left_of(lok.pid))
    assert re.search("hint: `lok show [0-9a-f]+` shows what was answered", lok.stderr)
    assert "lok resume" not in lok.stderr


def test_a_second_signal_ends_lok_although_nobody_reads_its_progress(world, programs):
    folder, env = world
    with (
        unread(0) as (pipe, _),
        running(["ask", "-b", "quick,hanging", "q"], env, folder, stderr=pipe) as lok,
    ):
        until(lambda: at_work(folder, "quick") and at_work(folder, "hanging"))
        assert end_by_two(lok, signal.SIGINT) == 130
        until(lambda: not left_of(lok.pid))


def test_a_signal_while_the_report_is_written_leaves_it_whole(world):
    folder, env = world
    FakeCli.make(folder / "bin", "quick", stdout="word " * 10_000)
    command = ["ask", "-b", "quick", "-f", "json", "q"]
    with unread() as (pipe, reader), running(command, env, folder, stdout=pipe) as lok:
        until(lambda: holds(reader) == FULL)
        lok.send(signal.SIGINT)
        said = bytearray()
        while lok.process.poll() is None or holds(reader):
            if holds(reader):
                said += os.read(reader, FULL)
        assert lok.end() == 130
    report = json.loads(said)
    assert report["interrupted"] is False
    assert report["outcomes"][0]["reply"]["text"].startswith("word")
    assert "lok resume" not in lok.stderr


# On a terminal.


class Terminal:
    """A terminal with lok in its foreground, and everything that was written to it."""

    def __init__(self):
        self.master, self.slave = pty.openpty()
        self._written = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with suppress(OSError):  # nobody has it open any more
            while chunk := os.read(self.master, 65536):
                self._written.extend(chunk)

    @property
    def written(self):
        return self._written.decode()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self.slave)
        self._reader.join(BOUND_S)
        os.close(self.master)


def cursor_is_shown(written):
    """Whether it is, in the end, after it had been hidden."""
    return -1 < written.rfind("\x1b[?25l") < written.rfind("\x1b[?25h")


def on_terminal(terminal, args, env, cwd):
    """A lok whose standard error is the terminal, which is the controlling one."""
    name = os.ttyname(terminal.slave)
    # A session leader without a terminal gets the first one that it opens.
    script = f'exec 2<>{name}; exec "$0" -m lok_core "$@"'
    return running(
        args,
        {**env, "TERM": "xterm-256color"},
        cwd,
        program=["sh", "-c", script, sys.executable],
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_ctrl_c_on_a_terminal_keeps_the_answers_and_restores_the_cursor(world, programs):
    folder, env = world
    command = ["ask", "-b", "quick,hanging", "q"]
    with Terminal() as terminal, on_terminal(terminal, command, env, folder) as lok:
        until(lambda: at_work(folder, "hanging") and "the quick answer" in lok.stdout)
        until(lambda: re.search(r"hanging\W.*answering", terminal.written))
        os.write(terminal.master, b"\x03")
        assert lok.end() == 130
        assert left_of(lok.pid) == []
    assert lok.stdout.startswith("=== QUICK ===\nthe quick answer\n\n=== HANGING ===\n")
    assert "\x1b" not in lok.stdout
    assert cursor_is_shown(terminal.written)


def test_a_second_ctrl_c_on_a_terminal_restores_the_cursor_too(world, programs):
    folder, env = world
    with Terminal() as terminal, on_terminal(terminal, ["ask", "-b", "stubborn", "q"], env, folder) as lok:
        until(lambda: at_work(folder, "stubborn") and "asked" in terminal.written)
        os.write(terminal.master, b"\x03")
        until(lambda: lok.process.poll() is not None or os.write(terminal.master, b"\x03"))
        assert lok.end() == 130
        until(lambda: not left_of(lok.pid))
    assert cursor_is_shown(terminal.written)
