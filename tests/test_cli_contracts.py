"""`lok backends test`: a backend held against the contract, by lok as a process."""

import json
import signal
import subprocess
import sys

import pytest

from lok_core.testing import FakeCli, run_lok
from lok_core.testing.cases import BACKEND

TOML = """
[backends.mine]
use = "command"
command = "{program}"
args = [{args}]
access = {{ read = [] }}
"""


@pytest.fixture
def configured(tmp_path, lok_env):
    """Runs `lok backends test mine` with a program that is called with these arguments."""

    def run(*args, program="tool", **more):
        told = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
        words = ", ".join(json.dumps(word) for word in args)
        file = tmp_path / "lok.toml"
        file.write_text(TOML.format(program=program, args=words) + told)
        return run_lok(["backends", "test", "mine", "-c", file, "-f", "json"], env=lok_env, cwd=tmp_path)

    return run


def states(done):
    return {case["name"]: case["result"] for case in done.report["cases"]}


@pytest.mark.slow
def test_a_program_of_lok_toml_keeps_the_contract(configured):
    done = configured(stdin="pipe")
    assert (done.code, done.report["schema"], done.report["ok"]) == (0, "lok.contract/1", True)
    assert list(states(done)) == [case.name for case in BACKEND]
    assert states(done)["two-at-once"] == "ok"
    assert states(done)["access-none-stays-outside"] == "left out"


@pytest.mark.slow
def test_the_case_that_fails_is_told_with_what_to_mend(configured, tmp_path, lok_env):
    done = configured(prompt="Answer this: {prompt}", skip_lines=0, regex=r"^\w+ \w+")
    assert done.code == 1
    failed = [case for case in done.report["cases"] if case["result"] == "failed"]
    assert "answer-is-kept-whole" in [case["name"] for case in failed]
    assert all(case["reason"] for case in failed)


@pytest.mark.slow
def test_the_real_program_is_never_started(configured, tmp_path):
    real = FakeCli.make(tmp_path / "real", "tool", stdout="from the real one")
    done = configured(program=str(real.path))
    assert done.code == 0
    assert real.calls == []


def test_of_a_backend_without_a_program_the_cases_that_apply_are_told(lok_env, tmp_path):
    done = run_lok(["backends", "test", "static"], env=lok_env, cwd=tmp_path)
    assert done.code == 0
    lines = done.stdout.splitlines()
    assert lines[0] == "ok        name-is-a-slug"
    assert any("cases: it runs no program that a fake one could stand in for" in line for line in lines)
    assert lines[-1].startswith("static: 5 ok, 0 failed, ")


def test_a_backend_that_is_not_there_is_an_error(lok_env, tmp_path):
    done = run_lok(["backends", "test", "statik"], env=lok_env, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert "no backend named 'statik'" in done.stderr


def test_without_assertions_there_are_no_cases(lok_env, tmp_path):
    env = {**lok_env, "PYTHONOPTIMIZE": "1"}
    done = run_lok(["backends", "test", "static"], env=env, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert "unset PYTHONOPTIMIZE" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda one: one.name)
def test_a_signal_leaves_neither_a_folder_nor_a_process(number, lok_env, tmp_path):
    folder = tmp_path / "tmp"
    folder.mkdir()
    env = {**lok_env, "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "lok_core", "backends", "test", "echo"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as lok:
        for line in lok.stdout:
            if "reply-comes-back" in line:
                break
        lok.send_signal(number)
        _, told = lok.communicate(timeout=20)
    assert lok.returncode == 128 + number, told
    assert list(folder.iterdir()) == []
