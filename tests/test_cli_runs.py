"""lok runs, show and resume as users start them, after runs that were killed or interrupted."""

import json
import os
import signal
import sys
from pathlib import Path

import jsonschema
import pytest

import lok_core
from lok_core.testing import FakeCli, run_lok
from tests.test_cli_signals import running, until

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc"),
    pytest.mark.slow,  # a lok process each
]

SECRET = "sk-0123456789abcdef"
TABLES = """\
[backends.quick]
use = "command"
command = "quick"
strengths = ["errors"]
secrets = ["QUICK_KEY"]

[backends.slow]
use = "command"
command = "slow"
strengths = ["performance"]

[backends.boss]
use = "command"
command = "boss"
"""
BOSS = """\
echo asked >> {log}
case "$(cat)" in
*'[result'*) echo 'It is fine.' ;;
*) echo '[{{"action": "query_backend", "backend": "quick", "prompt": "Why?"}},
{{"action": "query_backend", "backend": "slow", "prompt": "How?"}}]' ;;
esac
"""
FOUND = "- app.py:2: what it returns is thrown away: `handle_order(order)`\n"


class House:
    """Programs, of which `slow` hangs until it is mended, and folders to start lok in."""

    def __init__(self, folder, env):
        self.folder, self.env = folder, env
        self.work, self.elsewhere = folder / "work", folder / "elsewhere"
        for made in (self.work, self.elsewhere):
            made.mkdir()
        (self.work / "own.toml").write_text(TABLES)
        (self.work / "app.py").write_text("try:\n    handle_order(order)\nexcept:\n    pass\n")
        env["PATH"] = f"{folder / 'bin'}{os.pathsep}{env['PATH']}"
        self.quick = FakeCli.make(folder / "bin", "quick", stdout=FOUND)
        self.slow = FakeCli.make(folder / "bin", "slow", stdout="half of", hangs=True)
        self.log = folder / "log"
        self.script("boss", BOSS.format(log=self.log))

    def script(self, name, text):
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def mend(self):
        FakeCli.make(self.folder / "bin", "slow", stdout="the slow answer")

    @property
    def journals(self):
        folder = self.folder / "home" / ".local" / "state" / "lok" / "runs"
        return sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)

    def lines(self, kind, path=None):
        """What whole lines of that kind the newest journal has, or that one."""
        if path is None and not self.journals:
            return []
        content = (path or self.journals[-1]).read_bytes().splitlines(keepends=True)
        read = [json.loads(line) for line in content if line.endswith(b"\n")]
        return [line for line in read if line["kind"] == kind]

    def answers(self):
        return [line for line in self.lines("outcome") if line["outcome"]["outcome"] == "answer"]

    def lok(self, *args, cwd=None):
        done = run_lok(args, env=self.env, cwd=cwd or self.elsewhere)
        assert "Traceback" not in done.stderr
        return done

    def started(self, *args, **options):
        """A lok in the folder with the lok.toml and the code."""
        return running([*args, "-c", "own.toml"], self.env, self.work, **options)

    def end(self, number, answers, *args, asked=1):
        """Runs lok until so many answers have arrived and slow is at work, and then sends it the signal."""
        with self.started(*args) as lok:
            until(lambda: len(self.answers()) == answers and len(self.slow.calls) == asked)
            lok.send(number)
            code = lok.end()
        return code, lok


@pytest.fixture
def house(tmp_path, lok_env):
    return House(tmp_path, lok_env)


ASK = ("ask", "-b", "quick,slow", "Why?")
HINT = "hint: `lok resume {}` asks what has no answer yet"


def short(path):
    return path.stem.rpartition(".")[2]


# Every mode, killed and resumed.

MODES = {
    # the command line, how many answers arrive, how often slow is asked by then
    "ask": (ASK, 1, 1),
    "smart": (("smart", "-b", "quick,slow", "Find slow code"), 0, 1),
    "team": (("team", "-b", "quick,slow", "Find swallowed errors, and slow code"), 1, 1),
    "debate": (("debate", "-b", "quick,slow", "Is it fine?"), 1, 1),
    "conduct": (("conduct", "--conductor", "boss", "-b", "quick,slow", "Is it fine?"), 2, 1),
    "spawn": (("spawn", "--agent", "a@quick:find bugs", "--agent", "b@slow:find more", "All"), 1, 1),
    "hunt": (("hunt", "-b", "quick,slow"), 4, 4),
}


@pytest.mark.parametrize("mode", MODES)
def test_a_killed_run_goes_on_with_what_it_had_been_answered(house, mode):
    command, answers, asked = MODES[mode]
    code, _ = house.end(signal.SIGKILL, answers, *command, asked=asked)
    assert code == -signal.SIGKILL
    shown = house.lok("show", "last", "-f", "json").report
    jsonschema.validate(shown, lok_core.schema("lok.report/1"))
    assert shown["interrupted"] is True
    assert sum(one["outcome"] == "answer" for one in shown["outcomes"]) == answers
    house.mend()
    killed, before = house.journals[-1], len(house.quick.calls)
    done = house.lok("resume", "last", "-f", "json")
    assert done.code == 0
    report = done.report
    jsonschema.validate(report, lok_core.schema("lok.report/1"))
    assert (report["command"], report["directory"]) == (mode, str(house.work))
    assert report["interrupted"] is False
    assert {one["outcome"] for one in report["outcomes"]} == {"answer"}
    assert report["detail"]["mode"] == ("task" if mode == "hunt" else mode)
    # No program was given a prompt again that it had answered.
    prompts = [call["stdin"] for call in house.quick.calls]
    assert len(set(prompts)) == len(prompts)
    if mode in ("ask", "hunt"):
        assert len(prompts) == before == answers
    if mode == "conduct":
        assert house.log.read_text().count("asked") == 2
    told = f"{answers} answers were" if answers != 1 else "1 answer was"
    assert f"{told} taken over from {short(killed)}" in report["notes"]
    assert house.lines("run")[0]["continues"] == killed.stem


def test_of_a_killed_task_the_findings_are_shown(house):
    house.end(signal.SIGKILL, 4, "hunt", "-b", "quick,slow", asked=4)
    (finding,) = house.lok("show", "last", "-f", "json").report["findings"]
    assert (finding["locations"][0]["path"], finding["locations"][0]["line"]) == ("app.py", 2)
    assert finding["grounding"] == "exact"


def test_of_a_killed_run_what_was_said_is_shown_and_how_to_go_on(house):
    house.end(signal.SIGKILL, 1, *ASK)
    done = house.lok("show", "last")
    assert done.code == 0
    assert done.stdout.startswith(f"=== QUICK ===\n{FOUND}")
    assert "=== SLOW ===\ncancelled: lok was ended before it had answered" in done.stdout
    assert f"`lok resume {short(house.journals[0])}` goes on" in done.stderr


def test_it_is_shown_although_the_backends_are_gone(house):
    house.end(signal.SIGKILL, 4, "hunt", "-b", "quick,slow", asked=4)
    (house.work / "own.toml").unlink()
    for program in (house.folder / "bin").iterdir():
        program.unlink()
    report = house.lok("show", "last", "-f", "json").report
    assert len(report["findings"]) == 1
    assert [one["name"] for one in report["backends"]] == ["quick", "slow"]


def test_it_is_shown_although_the_directory_is_gone(house):
    house.end(signal.SIGKILL, 4, "hunt", "-b", "quick,slow", asked=4)
    house.work.rename(house.folder / "moved")
    done = house.lok("show", "last", "-f", "json")
    assert done.code == 0
    (finding,) = done.report["findings"]
    assert finding["grounding"] == "file-missing"


def test_a_report_is_shown_in_any_format_and_as_a_file(house):
    house.end(signal.SIGINT, 4, "hunt", "-b", "quick,slow", asked=4)
    assert "# " in house.lok("show", "last", "-f", "markdown").stdout
    assert json.loads(house.lok("show", "last", "-f", "sarif").stdout)["version"] == "2.1.0"
    assert FOUND in house.lok("show", "last", "--answers").stdout
    done = house.lok("show", "last", "-f", "html", "-o", "report.html")
    assert (done.code, done.stdout) == (0, "")
    assert "handle_order" in (house.elsewhere / "report.html").read_text()


# What is left to ask.


def test_a_cap_that_is_reached_leaves_something_to_ask(house):
    house.mend()
    done = house.lok(*ASK, "--max-calls", "1", "-c", "own.toml", cwd=house.work)
    assert HINT.format(short(house.journals[0])) in done.stderr
    done = house.lok("resume", "last", "-f", "json")
    assert {one["outcome"] for one in done.report["outcomes"]} == {"answer"}
    assert len(house.quick.calls) == len(house.slow.calls) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_says_how_to_go_on(house, number):
    code, lok = house.end(number, 1, *ASK)
    assert code == 128 + number
    assert lok.stderr.splitlines()[-1] == HINT.format(short(house.journals[0]))


def test_a_second_ctrl_c_says_it_too(house):
    # It ignores what asks it to go; otherwise the first Ctrl-C might be enough.
    house.script("slow", f"trap '' INT TERM HUP; cat >{house.log}; exec sleep 1000")
    with house.started(*ASK) as lok:
        until(lambda: len(house.answers()) == 1 and house.log.exists())
        lok.send(signal.SIGINT)
        until(lambda: lok.process.poll() is not None or lok.send(signal.SIGINT))
        assert lok.end() == 130
    assert HINT.format(short(house.journals[0])) in lok.stderr


def test_a_report_that_cannot_be_written_does_not_hide_it(house):
    with open("/dev/full", "wb") as full, house.started(*ASK, "-f", "json", stdout=full) as lok:
        until(lambda: len(house.answers()) == 1 and house.slow.calls)
        lok.send(signal.SIGINT)
        assert lok.end() == 2
    assert HINT.format(short(house.journals[0])) in lok.stderr
    assert house.lok("show", "last", "-f", "json").report["outcomes"][0]["outcome"] == "answer"


def test_a_quiet_run_does_not_say_it(house):
    _, lok = house.end(signal.SIGINT, 1, *ASK, "-q")
    assert lok.stderr == ""


def test_a_run_that_was_answered_says_nothing_of_it(house):
    house.mend()
    done = house.lok(*ASK, "-c", "own.toml", cwd=house.work)
    assert done.code == 0
    assert "lok resume" not in done.stderr


def test_the_first_answer_leaves_nothing_to_ask(house):
    done = house.lok(*ASK, "--first", "-c", "own.toml", cwd=house.work)
    assert done.code == 0
    assert "lok resume" not in done.stderr


def test_a_run_in_which_nothing_is_left_is_shown_instead(house):
    house.mend()
    house.lok(*ASK, "-c", "own.toml", cwd=house.work)
    done = house.lok("resume", "last")
    assert done.code == 0
    assert "is left to ask" in done.stderr
    assert "the slow answer" in done.stdout
    assert len(house.journals) == len(house.quick.calls) == len(house.slow.calls) == 1


def test_a_run_in_which_nothing_is_left_ends_as_it_did(house):
    house.mend()
    command = ["hunt", "-b", "quick,slow", "--fail-on", "low", "-f", "json", "-o", "report.json"]
    assert house.lok(*command, "-c", "own.toml", cwd=house.work).code == 1
    then = (house.work / "report.json").read_text()
    (house.work / "report.json").unlink()
    done = house.lok("resume", "last")
    assert (done.code, done.stdout) == (1, "")
    assert json.loads((house.work / "report.json").read_text()) == json.loads(then)
    (house.work / "report.json").unlink()
    done = house.lok("resume", "last", "-f", "markdown", "-o", "here.md")
    assert (done.code, done.stdout) == (1, "")
    assert "# " in (house.elsewhere / "here.md").read_text()
    assert not (house.work / "report.json").exists()


# How it goes on.


def test_where_the_configuration_of_then_is_gone_another_one_can_be_named(house):
    house.end(signal.SIGKILL, 1, *ASK)
    house.mend()
    (house.work / "own.toml").rename(house.elsewhere / "other.toml")
    done = house.lok("resume", "last")
    name = short(house.journals[0])
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr == (
        "error: the configuration own.toml cannot be found\n"
        f"hint: put it back where it was, or name another one: lok resume {name} -c FILE\n"
    )
    for command in (["resume", "last", "-c", "other.toml"], ["-c", "other.toml", "resume", name]):
        assert "the slow answer" in house.lok(*command).stdout
    assert len(house.quick.calls) == 1


def test_who_goes_on_with_an_older_run_is_told_of_the_one_that_has(house):
    house.end(signal.SIGKILL, 1, *ASK)
    house.mend()
    first = short(house.journals[0])
    assert "already" not in house.lok("resume", first).stderr
    second = short(house.journals[-1])
    assert f"note: {second} has gone on with this run already; `lok show {second}`" in (
        house.lok("resume", first).stderr
    )


def test_runs_of_a_later_lok_are_named(house):
    house.mend()
    house.lok(*ASK, "-c", "own.toml", cwd=house.work)
    header = {"kind": "run", "schema": "lok.journal/2", "started_at": "2999-01-01T00:00:00+00:00"}
    (house.journals[0].parent / "1.1.bb.jsonl").write_text(json.dumps(header))
    done = house.lok("runs")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == "note: left out, as another version of lok wrote them: bb\n"
    assert house.lok("show", "last").code == 0
    assert house.lok("show", "bb").code == 2


def test_it_goes_on_where_the_report_was_to_go(house):
    house.end(signal.SIGKILL, 1, *ASK, "-f", "markdown", "-o", "report.md")
    house.mend()
    assert house.lok("resume", "last").stdout == ""
    assert "the slow answer" in (house.work / "report.md").read_text()


def test_what_is_given_now_counts_more(house):
    house.end(signal.SIGKILL, 1, *ASK, "-f", "markdown", "-o", "report.md", "--timeout", "0")
    house.mend()
    done = house.lok("resume", "last", "-o", "here.json", "-f", "json")
    assert (done.code, done.stdout) == (0, "")
    assert json.loads((house.elsewhere / "here.json").read_text())["command"] == "ask"
    assert not (house.work / "report.md").exists()


def test_a_gate_holds_also_for_the_run_that_goes_on(house):
    house.end(signal.SIGKILL, 4, "hunt", "-b", "quick,slow", "--fail-on", "low", asked=4)
    house.mend()
    assert house.lok("resume", "last").code == 1


BASELINE = ("hunt", "-b", "quick,slow", "--fail-on", "low", "--baseline", "known.json", "--update-baseline")


def test_an_interrupted_run_leaves_the_baseline_alone_so_that_the_gate_holds(house):
    code, lok = house.end(signal.SIGINT, 4, *BASELINE, asked=4)
    assert code == 130
    assert "the baseline known.json is left as it was, as the run ended early\n" in lok.stderr
    assert not (house.work / "known.json").exists()
    house.mend()
    assert house.lok("resume", "last").code == 1
    assert "app.py" in (house.work / "known.json").read_text()


def test_a_run_that_a_cap_ended_leaves_the_baseline_alone(house):
    house.mend()
    done = house.lok(*BASELINE, "--max-calls", "4", "-c", "own.toml", cwd=house.work)
    assert "is left as it was" in done.stderr
    assert not (house.work / "known.json").exists()


def test_one_that_is_killed_again_goes_on_with_all_answers(house):
    command, answers, asked = MODES["debate"]
    house.end(signal.SIGKILL, answers, *command, asked=asked)
    with running(["resume", "last"], house.env, house.elsewhere) as lok:
        until(lambda: len(house.slow.calls) == 2)
        lok.send(signal.SIGKILL)
        lok.end()
    house.journals[0].unlink()
    house.mend()
    report = house.lok("resume", "last", "-f", "json").report
    assert {one["outcome"] for one in report["outcomes"]} == {"answer"}
    prompts = [call["stdin"] for call in house.quick.calls]
    assert len(set(prompts)) == len(prompts)


def test_a_line_that_was_cut_off_is_asked_again(house):
    house.end(signal.SIGKILL, 1, *ASK)
    (journal,) = house.journals
    journal.write_bytes(journal.read_bytes()[:-20])
    assert "the run ended" in house.lok("show", "last").stdout
    house.mend()
    assert house.lok("resume", "last").code == 0
    assert len(house.quick.calls) == 2


def test_a_run_that_goes_on_is_not_resumed(house):
    with house.started(*ASK) as lok:
        until(lambda: len(house.answers()) == 1)
        done = house.lok("resume", "last")
        assert (done.code, done.stdout) == (2, "")
        assert "still goes on" in done.stderr
        assert "running" in house.lok("runs").stdout
        assert "so far" in house.lok("show", "last").stderr
        assert house.lok("runs", "--prune", "--older-than", "0").stdout == "0 runs removed\n"
        lok.send(signal.SIGKILL)
        lok.end()


def test_a_folder_that_is_gone_is_told_with_a_way_out(house):
    house.end(signal.SIGKILL, 1, *ASK)
    house.work.rename(house.folder / "moved")
    done = house.lok("resume", "last")
    assert done.code == 2
    assert "is gone" in done.stderr
    assert "lok show" in done.stderr


# What is kept.


def test_secrets_are_in_no_line_but_in_prompts(house):
    house.env["QUICK_KEY"] = SECRET
    FakeCli.make(house.folder / "bin", "quick", stdout=f"the key is {SECRET}")
    house.end(signal.SIGKILL, 1, "ask", "-b", "quick,slow", f"Is {SECRET} right?")
    (journal,) = house.journals
    leaky = {json.loads(line)["kind"] for line in journal.read_text().splitlines() if SECRET in line}
    assert leaky == {"run", "request"}
    shown = house.lok("show", "last", "-f", "json").stdout + house.lok("show", "last").stdout
    assert SECRET not in shown
    assert SECRET not in house.lok("runs").stdout + house.lok("runs", "-f", "json").stdout
    assert json.loads(house.lok("show", "last", "-f", "json").stdout)["outcomes"][0]["outcome"] == "answer"


def test_a_full_disk_does_not_lose_the_run(house):
    for name in ("quick", "slow"):
        house.script(name, f"cat >/dev/null; echo the {name} answer")
    # No file may be larger than some blocks: the first line of the journal cannot be written whole.
    shell = ["sh", "-c", 'ulimit -f 2; exec "$0" -m lok_core "$@"', sys.executable]
    house.env["PYTHONDONTWRITEBYTECODE"] = "1"
    with house.started("ask", "-b", "quick,slow", "Why? " * 300, program=shell) as lok:
        assert lok.end() == 0
    assert "the slow answer" in lok.stdout
    assert lok.stderr.count("cannot be written") == 1
    assert house.lok("runs").stdout == "no run has been kept yet\n"


# The list.


def test_the_list_says_what_was_asked_and_how_it_ended(house):
    assert house.lok("runs").stdout == "no run has been kept yet\n"
    house.end(signal.SIGKILL, 1, *ASK)
    house.end(signal.SIGINT, 1, *ASK, asked=2)
    house.mend()
    house.lok("smart", "-b", "slow", "Find slow code", "-c", "own.toml", cwd=house.work)
    words = [line.split()[3:] for line in house.lok("runs").stdout.splitlines()]
    assert words == [
        ["done", "1/1", "smart", "'Find", "slow", "code'", str(house.work)],
        ["interrupted", "1/2", "ask", "'Why?'", str(house.work)],
        ["killed", "1/2", "ask", "'Why?'", str(house.work)],
    ]
    listed = json.loads(house.lok("runs", "-f", "json").stdout)
    assert listed["schema"] == "lok.runs/1"
    assert [one["state"] for one in listed["runs"]] == ["done", "interrupted", "killed"]
    assert {one["journal"] for one in listed["runs"]} == {str(path) for path in house.journals}


def test_old_runs_are_removed_when_asked_for(house):
    house.end(signal.SIGKILL, 1, *ASK)
    assert house.lok("runs", "--prune").stdout == "0 runs removed\n"
    os.utime(house.journals[0], (0, 0))
    assert house.lok("runs", "--prune", "--older-than", "10000").stdout == "1 run removed\n"
    assert house.journals == []


@pytest.mark.parametrize("args", [["runs", "--older-than", "3"], ["show", "none"], ["resume", "none"]])
def test_what_makes_no_sense_is_told_with_a_way_out(house, args):
    done = house.lok(*args)
    assert done.code == 2
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
