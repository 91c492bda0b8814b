"""The fake program of the kit, run as a process."""

import os
import signal
import subprocess
import time

import pytest

from lok_core.testing import FakeCli


def run(program, *args, given=b"", **how):
    return subprocess.run([program.path, *args], input=given, capture_output=True, check=False, **how)


def test_it_says_what_it_was_told_and_notes_how_it_was_started(tmp_path):
    program = FakeCli.make(tmp_path / "bin", "tool", stdout="out", stderr="err", code=3)
    done = run(program, "-x", given=b"a \xff prompt", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"out", b"err")
    (call,) = program.calls
    assert (call["argv"], call["stdin"], call["cwd"]) == (["-x"], "a \udcff prompt", str(tmp_path))


def test_bytes_are_written_as_they_are(tmp_path):
    program = FakeCli.make(tmp_path, "tool", stdout=b"\xff\0", stderr="\udcff")
    done = run(program)
    assert (done.stdout, done.stderr) == (b"\xff\0", b"\xff")


def test_each_piece_is_read_before_the_next_is_written(tmp_path):
    pieces = [b'{"a": "\xe4', b"\xb8\xba", b'"}']
    program = FakeCli.make(tmp_path, "tool", stdout=pieces)
    read, write = os.pipe()
    with subprocess.Popen([program.path], stdin=subprocess.DEVNULL, stdout=write):
        os.close(write)
        assert [os.read(read, 100) for _ in pieces] == pieces
    os.close(read)


def test_files_of_the_private_folder_are_noted(tmp_path):
    folder = tmp_path / "private"
    (folder / "home").mkdir(parents=True)
    (folder / "home" / "prompt.txt").write_text("why?")
    program = FakeCli.make(tmp_path, "tool")
    env = {"TMPDIR": str(folder), "PATH": os.environ["PATH"]}
    run(program, env=env)
    run(program, env={**env, "LOK_RUN_ID": "1"})
    assert [call["files"] for call in program.calls] == [{}, {"home/prompt.txt": "why?"}]


def test_a_grandchild_outlives_it_and_holds_its_output(tmp_path):
    program = FakeCli.make(tmp_path, "tool", source="grandchild(); ready()")
    with subprocess.Popen([program.path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.wait() == 0
        assert program.is_ready
        first, second = program.pids
        assert first == process.pid
        os.kill(second, signal.SIGKILL)
        assert process.stdout.read() == b""


def test_two_wait_for_each_other(tmp_path):
    program = FakeCli.make(tmp_path, "tool", stdout="both", source="together(2); answer()")
    started = [
        subprocess.Popen([program.path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) for _ in range(2)
    ]
    assert [process.communicate(timeout=20)[0] for process in started] == [b"both", b"both"]


@pytest.mark.parametrize("source", ["hang()", "deaf(); hang()"])
def test_it_stays_until_it_is_killed(tmp_path, source):
    program = FakeCli.make(tmp_path, "tool", source=f"ready(); {source}")
    with subprocess.Popen([program.path], stdin=subprocess.DEVNULL) as process:
        while not program.is_ready:
            time.sleep(0.002)
        assert process.poll() is None
        process.kill()
