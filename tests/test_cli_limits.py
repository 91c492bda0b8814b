"""Caps, quotas, fallback and silence as their users meet them: a process each, with fake programs."""

import json
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import jsonschema
import pytest

import lok_core
from tests.test_cli_config import READS, Home

pytestmark = pytest.mark.slow  # a lok process each

SCHEMA = jsonschema.Draft202012Validator(lok_core.schema("lok.report/1"))
BOUND_S = 20.0  # for what takes milliseconds on an idle machine
FORMATS = ("text", "markdown", "html", "github", "sarif", "json")
STREAM = 'format = "jsonl"\nanswer = { path = "answer" }\n'
HANGS = """
import json, time
print(json.dumps({"answer": "So far so good. "}), flush=True)
time.sleep(1000)
"""
TWICE = """
import os, sys
if os.path.exists(__file__ + ".asked"):
    print("after the wait")
else:
    open(__file__ + ".asked", "w").close()
    sys.exit("usage limit reached; try again in 2 seconds")
"""


@pytest.fixture
def lok(tmp_path):
    return Home(tmp_path)


def program(lok, name, code):
    """A program of Python, and the table that makes a backend of it."""
    file = lok.bin / name
    file.write_text(f"#!{sys.executable} -IS\nimport sys\nsys.stdin.read()\n{code}")
    file.chmod(0o755)
    return f'[backends.{name}]\nuse = "command"\ncommand = "{file}"\n'


def three(lok):
    """Three programs that answer."""
    fakes, tables = zip(*(lok.fake(name, stdout=f"from {name}") for name in "abc"), strict=True)
    lok.user("".join(tables))
    return fakes


def used_up(lok):
    """One program whose quota is used up for hours, and one that answers."""
    _, spent = lok.fake(
        "spent", stderr="You've hit your usage limit; try again in 3 hours 5 minutes.", code=1
    )
    _, other = lok.fake("other", stdout="from other")
    lok.user(f"{spent}{READS}\n{other}{READS}\n")


def report_of(done):
    SCHEMA.validate(done.report)
    return done.report


@contextmanager
def started(lok, *args):
    """A lok under way, with its standard error as a pipe."""
    command = [sys.executable, "-m", "lok_core", *args]
    running = subprocess.Popen(
        command, env=lok.env, cwd=lok.project, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.mark.parametrize(
    "wrong",
    [("--deadline", "soon"), ("--deadline", "0"), ("--max-calls", "0"), ("--wait-for-quota", "5x")],
    ids=str,
)
def test_what_is_no_limit_is_refused(lok, wrong):
    done = lok("ask", "why?", *wrong)
    assert done.code == 2
    assert wrong[0] in done.stderr


def test_calls_beyond_the_cap_are_not_started_and_that_is_said(lok):
    fakes = three(lok)
    done = lok("ask", "why?", "-b", "a,b,c", "--max-calls", "2", "-f", "json")
    report = report_of(done)
    assert done.code == 0
    assert [outcome["outcome"] for outcome in report["outcomes"]] == ["answer", "answer", "failure"]
    assert report["degraded"] == ["--max-calls 2: 1 request was not started"]
    assert [len(fake.calls) for fake in fakes] == [1, 1, 0]
    assert "c: cancelled: not started: --max-calls 2 is reached" in done.stderr


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_tells_what_a_cap_did(lok, form):
    three(lok)
    done = lok("ask", "why?", "-b", "a,b,c", "--max-calls", "2", "-f", form, "-o", "report", "-q")
    assert done.code == 0
    told = (lok.project / "report").read_text().replace("\\", "").replace("&#45;", "-")
    assert "max-calls 2: 1 request was not started" in " ".join(told.split())


@pytest.mark.parametrize(
    "command",
    [
        ("team", "Find slow code and bugs"),
        ("debate", "Tabs?"),
        ("conduct", "Go"),
        ("spawn", "Go"),
        ("smart", "Go"),
    ],
    ids=lambda command: command[0],
)
def test_every_mode_ends_at_the_cap(lok, command):
    fakes = three(lok)
    done = lok(*command, "-b", "a,b,c", "--max-calls", "1", "-f", "json")
    assert done.code in (0, 3)
    assert sum(len(fake.calls) for fake in fakes) == 1
    assert any("--max-calls 1" in said for said in report_of(done)["degraded"]) == (
        command[0] not in ("smart", "conduct")  # which asked no more than once
    )


def test_nothing_answered_before_a_deadline_is_no_answer(lok):
    lok.user(program(lok, "hangs", HANGS) + STREAM)
    done = lok("ask", "why?", "-b", "hangs", "--deadline", "1.5s", "-f", "json")
    assert done.code == 3
    (outcome,) = report_of(done)["outcomes"]
    assert (outcome["kind"], outcome["partial"]) == ("cancelled", "So far so good. ")
    assert outcome["message"] == "ended by --deadline 1.5 s before it had answered"
    assert not done.report["interrupted"]


def test_a_gate_is_undecided_when_a_cap_kept_requests_from_being_made(lok):
    _, one = lok.fake("one", stdout="No findings.")
    lok.user(one + READS)
    done = lok("hunt", "-b", "one", "--fail-on", "high", "--max-calls", "1", "--no-repair")
    assert done.code == 5
    assert "requests failed" in done.stderr


def test_when_a_quota_is_reset_is_told_in_the_message_and_as_a_number(lok):
    used_up(lok)
    done = lok("ask", "why?", "-b", "spent", "-f", "json")
    (outcome,) = report_of(done)["outcomes"]
    assert (outcome["kind"], outcome["retry_after_s"]) == ("quota", 11100)
    assert "; may be asked again at " in outcome["message"]
    assert outcome["message"].endswith("in 3 h 5 min")


def test_a_quota_is_waited_for_visibly(lok):
    lok.user(program(lok, "twice", TWICE))
    done = lok("ask", "why?", "-b", "twice", "--wait-for-quota", "1m")
    assert done.code == 0
    assert "after the wait" in done.stdout
    assert "may be asked again in 2 s; waiting until then" in done.stderr


def test_ctrl_c_ends_the_waiting_at_once(lok):
    used_up(lok)
    with started(lok, "ask", "why?", "-b", "spent,other", "--wait-for-quota", "10h", "-f", "json") as running:
        awaited = {"waiting until then", "other: answered"}
        while awaited:
            line = running.stderr.readline()
            awaited = {one for one in awaited if one not in line}
        begin = time.monotonic()
        running.send_signal(signal.SIGINT)
        told, _ = running.communicate(timeout=BOUND_S)
        assert time.monotonic() - begin < BOUND_S
    assert running.returncode == 130
    outcomes = {one["backend"]: one for one in json.loads(told)["outcomes"]}
    assert outcomes["other"]["outcome"] == "answer"
    assert outcomes["spent"]["message"].startswith("ended by Ctrl-C while waiting for its quota: You've hit")
    assert 11_000 < outcomes["spent"]["retry_after_s"] <= 11_100


@pytest.mark.parametrize("form", FORMATS)
def test_who_answered_in_whose_place_is_told(lok, form):
    used_up(lok)
    done = lok("ask", "why?", "-b", "spent", "--fallback", "-f", form, "-o", "report", "-q")
    assert done.code == 0
    told = (lok.project / "report").read_text()
    assert "spent" in told.casefold()
    if form == "json":
        assert json.loads(told)["outcomes"][1]["instead_of"] == "spent"
        assert json.loads(told)["degraded"] == ["other answered in the place of spent (spent: quota)"]
    elif form == "sarif":
        run = json.loads(told)["runs"][0]
        assert run["invocations"][0]["executionSuccessful"]
    else:
        assert "other answered in the place of spent" in told


def test_a_task_goes_on_to_the_next_backend_and_its_gate_holds(lok):
    _, spent = lok.fake("spent", stderr="You've hit your usage limit.", code=1)
    _, other = lok.fake("other", stdout="No findings.")
    lok.user(f"{spent}{READS}\n{other}{READS}\n")
    args = ("hunt", "-b", "spent", "--fail-on", "high")
    assert lok(*args).code == 3
    done = lok(*args, "--fallback")
    assert done.code == 0
    assert "other answered in the place of spent (spent: quota)" in " ".join(done.stdout.split())
    assert "no clean bill" not in done.stdout


def test_a_panel_of_which_one_failed_is_labelled(lok):
    used_up(lok)
    done = lok("ask", "why?", "-b", "spent,other")
    assert "1 of 2 backends answered: spent failed (quota)" in done.stdout


def test_a_stalled_program_is_ended_and_what_it_said_is_kept(lok):
    lok.user(program(lok, "hangs", HANGS) + STREAM + "stall_timeout = 1\n")
    done = lok("ask", "why?", "-b", "hangs", "-f", "json")
    assert done.code == 3
    (outcome,) = report_of(done)["outcomes"]
    assert (outcome["kind"], outcome["partial"]) == ("stalled", "So far so good. ")
    assert outcome["message"] == "no sign of life for 1 s"


def test_a_stall_timeout_without_effect_is_told(lok):
    _, table = lok.fake("text", stdout="plain")
    lok.user(f"{table}stall_timeout = 1\n")
    done = lok("ask", "why?", "-b", "text")
    assert done.code == 0
    assert "note: stall_timeout of text has no effect" in done.stderr


def test_an_untrusted_file_may_set_a_stall_timeout_downwards_only(lok):
    lok.user(program(lok, "hangs", HANGS) + STREAM + "stall_timeout = 60\n")
    lok.file.write_text("[backends.hangs]\nstall_timeout = 1\n")
    assert lok.values()["backends.hangs.stall_timeout"][0] == 1
    lok.file.write_text("[backends.hangs]\nstall_timeout = 100\n")
    assert lok.values()["backends.hangs.stall_timeout"][0] == 60


@pytest.mark.parametrize("duration", ["1d", "6d21h", "2d4h30m", "0.5d", "90", "1h30m"])
def test_days_are_a_duration(lok, duration):
    lok.user(lok.fake("one", stdout="fine")[1])
    assert lok("ask", "why?", "--wait-for-quota", duration, "--deadline", duration).code == 0
