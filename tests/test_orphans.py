"""What a lok leaves that is killed together with its guard: found by its mark, and ended on request."""

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lok_core import guard
from lok_core.lok.orphans import end_orphans, orphans
from lok_core.testing import run_lok

from .faults.programs import write_program
from .faults.runs import Started, environment, heed_signals, noted, until

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")

BOUND_S = 20.0
DEAF = """
deaf(); note(); read()
if fork() == 0:
    os.setsid(); note(); quiet(); ready(); hang()
hang()
"""


@contextmanager
def started(run, argv=("sleep", "1000"), **options):
    """A process with that mark in a session of its own, which is ended in the end."""
    process = subprocess.Popen(
        argv, env={"LOK_RUN_ID": run, "PATH": os.environ["PATH"]}, start_new_session=True, **options
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def run_of(pid, start=None):
    return f"{pid}.{guard.stat_field(pid, 22) if start is None else start}.00c0ffee"


@pytest.fixture
def gone():
    """The run of a process that has been."""
    process = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    run = run_of(process.pid, "17")
    process.communicate()
    return run


def in_group(pid, group):
    return guard.stat_field(pid, 5) == str(group) and not guard.is_zombie(pid)


def found(run):
    return [one for one in orphans() if one.run == run]


def test_a_process_of_a_lok_that_is_gone_is_found(gone):
    with started(gone) as process:
        (one,) = found(gone)
    assert (one.pid, one.command) == (process.pid, "sleep 1000")
    assert 0 <= one.age_s < BOUND_S


def test_of_a_command_line_that_is_long_no_argument_is_told_in_part():
    with started("", ["sh", "-c", "sleep 1000; exit", "a" * 440, "secret" * 20]) as process:
        assert until(lambda: guard.command(process.pid), BOUND_S)
        assert guard.command(process.pid) == f"sh -c sleep 1000; exit {'a' * 440} ..."


def test_a_process_id_that_is_another_process_by_now_is_no_lok():
    run = run_of(os.getpid(), "17")
    with started(run) as process:
        assert [one.pid for one in found(run)] == [process.pid]


def test_a_process_of_a_lok_that_lives_is_left_alone():
    run = run_of(os.getpid())
    with started(run) as process:
        assert found(run) == []
        end_orphans(orphans()[:0])
        assert process.poll() is None


def test_a_lok_that_is_dead_and_that_nobody_has_taken_notice_of_is_gone():
    lok = subprocess.Popen(["sleep", "1000"])
    run = run_of(lok.pid)
    with started(run) as process:
        lok.kill()
        os.waitid(os.P_PID, lok.pid, os.WEXITED | os.WNOWAIT)
        assert [one.pid for one in found(run)] == [process.pid]
    lok.wait()


def test_a_process_of_a_lok_without_a_start_time_is_left_alone(gone):
    run = run_of(gone.partition(".")[0], "0")
    with started(run):
        assert found(run) == []


def test_a_process_in_another_time_namespace_is_left_alone(gone):
    shifted = ["unshare", "--user", "--time", "--boottime", "1000000", "--fork"]
    if shutil.which("unshare") is None or subprocess.run([*shifted, "true"], capture_output=True).returncode:
        pytest.skip("no time namespace can be made here")
    with started(gone, [*shifted, "sleep", "1000"]) as outer:
        children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
        assert until(lambda: children.read_text() and guard.command(int(children.read_text())), BOUND_S)
        assert int(children.read_text()) not in [one.pid for one in found(gone)]


def test_what_is_no_mark_is_left_alone():
    for run in ("", "1", "x.y.z", "1.2", "../../1.2.ab"):
        with started(run):
            assert found(run) == []


def test_those_from_which_this_lok_descends_are_left_alone(gone):
    # The shell has the mark of a lok that is gone, and asks what is left.
    ask = "from lok_core.lok.orphans import orphans; print([one.pid for one in orphans() if one.run == RUN])"
    code = ask.replace("RUN", repr(gone))
    with started(
        gone, ["sh", "-c", f'"{sys.executable}" -c "{code}"; exit'], stdout=subprocess.PIPE
    ) as shell:
        assert shell.communicate(timeout=BOUND_S)[0] == b"[]\n"


def test_whole_groups_are_ended_and_nobody_else(gone):
    two = ["sh", "-c", "trap '' TERM; env -u LOK_RUN_ID sleep 1000 & sleep 1000"]
    other = run_of(os.getpid())
    with started(gone, two) as lost, started(other) as kept:
        assert until(lambda: len(found(gone)) == 2, BOUND_S)
        end_orphans(found(gone))
        assert lost.wait(BOUND_S) == -signal.SIGKILL
        assert found(gone) == []
        assert [pid for pid, _ in guard.processes() if in_group(pid, lost.pid)] == []
        assert kept.poll() is None


@contextmanager
def left_behind(folder):
    """A lok that is killed after its guard, and what is still there of it."""
    heed_signals()
    (folder / "bin").mkdir(parents=True)
    write_program(folder / "bin" / "deaf", DEAF)
    environment(folder)
    config = folder / "home" / ".config" / "lok" / "lok.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[backends.deaf]\nuse = "command"\ncommand = "{folder / "bin" / "deaf"}"\n')
    argv = [sys.executable, "-m", "lok_core", "ask", "-b", "deaf", "q"]
    with Started(argv, folder) as lok:
        assert until((folder / "bin" / "ready").exists, BOUND_S), lok.stderr
        yield lok


def killed_with_its_guard(lok):
    (guarding,) = (
        pid
        for pid, _ in guard.processes()
        if "guard.py" in (said := guard.command(pid)) and f" {lok.pid}." in said
    )
    os.kill(guarding, signal.SIGKILL)
    os.kill(lok.pid, signal.SIGKILL)
    lok.process.wait()


@pytest.mark.slow
def test_doctor_lists_what_a_killed_lok_has_left_and_ends_it_but_nothing_of_another_lok(tmp_path):
    env = environment(tmp_path)
    with left_behind(tmp_path / "one") as dead, left_behind(tmp_path / "other") as living:
        killed_with_its_guard(dead)
        told = run_lok(["doctor", "--orphans", "-f", "json"], env=env)
        of_dead = {one["pid"] for one in told.report["orphans"] if one["run"].startswith(f"{dead.pid}.")}
        assert told.code == 3
        assert of_dead == set(noted(tmp_path / "one" / "bin" / "pids"))
        assert not [one for one in told.report["orphans"] if one["run"].startswith(f"{living.pid}.")]

        unasked = run_lok(["doctor", "--orphans", "--end"], env=env)
        assert unasked.code == 3
        assert "-y ends them unasked" in unasked.stderr
        assert all(f"{pid} " in unasked.stdout for pid in of_dead)
        assert set(dead.left()) == of_dead

        ended = run_lok(["doctor", "--orphans", "--end", "-y"], env=env)
        assert "ended " in ended.stderr
        assert dead.left() == []
        assert living.process.poll() is None
        assert noted(tmp_path / "other" / "bin" / "pids") != []


@pytest.mark.slow
def test_a_command_line_is_shown_without_secrets_and_escapes(tmp_path, gone):
    secret = "sk-ant-0123456789abcdef"
    with started(gone, ["sh", "-c", f"sleep 1000; : '{secret}\x1b[31m'"]):
        env = {**environment(tmp_path), "ANTHROPIC_API_KEY": secret}
        shown = run_lok(["doctor", "--orphans"], env=env).stdout
        told = run_lok(["doctor", "--orphans", "-f", "json"], env=env)
    assert "sleep 1000; :" in shown
    assert secret not in shown + told.stdout
    assert "\x1b" not in shown
    assert json.loads(told.stdout)["schema"] == "lok.orphans/1"


@pytest.mark.slow
@pytest.mark.parametrize("flags", [["--end"], ["-y"], ["--orphans", "-y"]])
def test_flags_that_go_with_another_one_are_refused_without_it(lok_env, flags):
    assert run_lok(["doctor", *flags], env=lok_env).code == 2
