"""`--issues` as users meet it: lok as a process, with a terminal or without, and a fake gh on PATH."""

import json
import os
import pty
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from lok_core.testing import run_lok
from tests.test_issues import FakeGh, repository

pytestmark = pytest.mark.slow  # each runs lok as a process


BOUND_S = 30.0
PLUGIN = """
    import json
    from pathlib import Path


    class Says(Backend):
        kind = "says"
        profile = Profile(access=("read",))

        async def query(self, request, run):
            return Reply(data={"findings": json.loads((Path(__file__).parent / "says.json").read_text())})


    class Look(PromptTask):
        name = "look"
        description = "Looks"
        preferred = ("says",)
        prompts = (Prompt("bugs", "Find bugs.", category="errors"),)


    @hookimpl
    def lok_register_backends():
        return [Says]


    @hookimpl
    def lok_register_tasks():
        return [Look]
"""
CODE = """\
def find(name):
    return run(f"select {name}")


def half(total, count):
    return total / count
"""


def said(title, line, quote, severity="high", **rest):
    plain = {"title": title, "explanation": f"{title}.", "severity": severity, "category": "errors"}
    place = {"file": "app.py", "line": line, "end_line": None, "quote": quote, "rule": None, "area": None}
    return {**plain, **place, **rest}


INJECTION = said("SQL injection in find", 2, 'return run(f"select {name}")', category="injection")
DIVISION = said("Division by zero", 6, "return total / count", "medium")
INVENTED = said("Race on the cache", 3, "cache.lock()", file="cache.py")


@pytest.fixture(scope="module")
def installed(new_house):
    house = new_house()
    house.install("lok-backend-says", PLUGIN)
    return house


class World:
    """A repository, a backend that finds what it is told to, and gh."""

    def __init__(self, house, folder):
        self.house, self.folder = house, folder
        self.shop = repository(folder / "shop")
        (self.shop / "app.py").write_text(CODE)
        self.env = {
            "HOME": str(house.home),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(house.site),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            "GH_TOKEN": "gho_0123456789",
        }
        self.says(INJECTION, DIVISION)
        self.gh = self.has_gh()

    def says(self, *findings):
        (self.house.site / "says.json").write_text(json.dumps(findings))

    def has_gh(self, **scenario):
        self.gh = FakeGh(self.folder / "bin", **scenario)
        return self.gh

    def __call__(self, *args, **env):
        args = ("look", str(self.shop), "-b", "says", "--issues", "-q", *args)
        done = run_lok(args, env={**self.env, **env}, cwd=self.folder)
        assert "Traceback" not in done.stderr
        return done

    @property
    def created(self):
        return [issue["title"] for issue in self.gh.issues]


@pytest.fixture
def lok(installed, tmp_path):
    return World(installed, tmp_path)


def at_terminal(lok, answer, *args, stderr=None):
    """What lok says where its streams are a terminal on which that is typed when it asks, and its exit code.

    Args:
        answer: bytes, or what to do instead; it gets the process.
    """
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "lok_core", "look", str(lok.shop), "-b", "says", "--issues", "-q", *args]
    process = subprocess.Popen(
        command,
        env=lok.env,
        cwd=lok.folder,
        stdin=terminal,
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    heard = b""
    try:
        with suppress(OSError):  # how a terminal ends
            while chunk := os.read(controller, 4096):
                heard += chunk
                if b"[y/N] " in heard and answer is not None:
                    if callable(answer):
                        answer(process)
                    else:
                        os.write(controller, answer)
                    answer = None
        return heard.decode().replace("\r\n", "\n"), process.wait(BOUND_S)
    finally:
        os.close(controller)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_issues_are_created_of_what_the_report_shows(lok):
    done = lok("-y")
    assert done.code == 0
    assert lok.created == ["SQL injection in find", "Division by zero"]
    assert done.stdout.index("SQL injection") < done.stdout.index("Division by zero")
    assert done.stderr.splitlines() == [
        "  HIGH  app.py:2  SQL injection in find",
        "  MEDIUM  app.py:6  Division by zero",
        "created https://github.com/octo/shop/issues/1: SQL injection in find",
        "created https://github.com/octo/shop/issues/2: Division by zero",
    ]


def test_the_report_is_not_touched_by_it(lok):
    lok.says(DIVISION)
    assert [one["title"] for one in lok("-y", "-f", "json").report["findings"]] == ["Division by zero"]


def test_a_second_run_creates_only_what_is_new(lok):
    lok.says(DIVISION)
    lok("-y")
    (lok.shop / "app.py").write_text(f"# shifted\n\n{CODE}")
    lok.says(INJECTION, {**DIVISION, "title": "`count` may be zero: ZeroDivisionError", "line": 8})
    done = lok("-y")
    assert done.code == 0
    assert "issue #1 is open already: MEDIUM  app.py:8  `count` may be zero" in done.stderr
    assert lok.created == ["Division by zero", "SQL injection in find"]


def test_two_problems_of_one_line_are_two_issues(lok):
    lok.says(DIVISION)
    lok("-y")
    unused = said("Result is never rounded, prices get fractions of cents", 6, "return total / count", "low")
    lok.says(DIVISION, {**unused, "category": "patterns"})
    assert lok("-y").code == 0
    first, second = (issue["body"].split("lok:fingerprint ")[1].split()[0] for issue in lok.gh.issues)
    assert first == second
    assert len(lok.created) == 2


def test_where_all_is_open_nothing_is_created(lok):
    lok.says(DIVISION)
    lok("-y")
    done = lok("-y")
    assert done.code == 0
    assert done.stderr.splitlines()[-1] == "no issues were created"
    assert len(lok.created) == 1


def test_invented_code_makes_no_issue(lok):
    lok.says(INVENTED, DIVISION)
    done = lok("-y")
    assert "no issue for 1 finding whose evidence was not found" in done.stderr
    assert lok.created == ["Division by zero"]


def test_where_nothing_was_found_gh_is_not_asked(lok):
    lok.says()
    done = lok("-y")
    assert done.code == 0
    assert "there is nothing to create issues of" in done.stderr
    assert lok.gh.calls == []


def test_without_a_terminal_and_y_nothing_is_created(lok):
    done = lok()
    assert done.code == 0
    assert "error: no issues were created, as there is no terminal to ask on\nhint: -y" in done.stderr
    assert lok.gh.calls == []


def test_the_gate_decides_the_exit_code(lok):
    lok.says(DIVISION)
    assert lok("-y", "--fail-on", "medium").code == 1
    assert lok("--fail-on", "medium").code == 1


def test_y_alone_answers_nothing(lok):
    done = run_lok(["look", str(lok.shop), "-y"], env=lok.env, cwd=lok.folder)
    assert done.code == 2
    assert "hint: add --issues" in done.stderr


@pytest.mark.parametrize("answer", [b"y\n", b"Yes\n", b" Y \n"])
def test_yes_creates_them(lok, answer):
    lok.says(DIVISION)
    heard, code = at_terminal(lok, answer)
    assert "  MEDIUM  app.py:6  Division by zero\nCreate 1 issue in octo/shop? [y/N] " in heard
    assert heard.endswith("created https://github.com/octo/shop/issues/1: Division by zero\n")
    assert code == 0
    assert lok.created == ["Division by zero"]


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"yellow\n", b"\x04"], ids=["n", "nothing", "word", "EOF"])
def test_anything_else_creates_nothing(lok, answer):
    heard, code = at_terminal(lok, answer)
    assert "Create 2 issues in octo/shop? [y/N] " in heard
    assert heard.endswith("\nno issues were created\n")
    assert code == 0
    assert lok.created == []


def test_ctrl_c_at_the_question_creates_nothing(lok):
    heard, code = at_terminal(lok, lambda process: process.send_signal(signal.SIGINT))
    assert heard.endswith("\nno issues were created\n")
    assert code == 130
    assert lok.created == []


def test_at_a_terminal_y_asks_nothing(lok):
    lok.says(DIVISION)
    heard, code = at_terminal(lok, None, "-y")
    assert "[y/N]" not in heard
    assert code == 0
    assert lok.created == ["Division by zero"]


def test_what_was_created_before_gh_failed_is_told(lok):
    lok.has_gh(troubles={"create 2": "GraphQL: was submitted too quickly (createIssue)\n"})
    done = lok("-y", "--fail-on", "high")
    assert done.code == 2
    assert done.stderr.splitlines()[-4:] == [
        "created https://github.com/octo/shop/issues/1: SQL injection in find",
        "1 of 2 issues created",
        "error: gh issue create failed: GraphQL: was submitted too quickly (createIssue)",
        "hint: wait an hour and run it again: what was created is recognised",
    ]
    assert "Division by zero" in done.stdout


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_a_signal_in_the_middle_tells_what_was_done(lok, number, code):
    lok.has_gh(troubles={"create 2": "hangs"})
    args = [sys.executable, "-m", "lok_core", "look", str(lok.shop), "-b", "says", "--issues", "-y", "-q"]
    with subprocess.Popen(
        args,
        env=lok.env,
        cwd=lok.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            deadline = time.monotonic() + BOUND_S
            while len(lok.gh.calls) < 3:
                assert time.monotonic() < deadline, process.poll()
                time.sleep(0.01)
            process.send_signal(number)
            stdout, stderr = process.communicate(timeout=BOUND_S)
        finally:
            process.kill()
    assert process.returncode == code
    assert stderr.decode().splitlines()[-3:] == [
        "created https://github.com/octo/shop/issues/1: SQL injection in find",
        "the issue under way may be there as well; the next run recognises it",
        "1 of 2 issues created",
    ]
    assert b"Division by zero" in stdout


def test_without_gh_the_report_is_shown_all_the_same(lok):
    (lok.folder / "bin" / "gh").unlink()
    (lok.folder / "bin" / "git").symlink_to("/usr/bin/git")
    done = lok("-y", PATH=str(lok.folder / "bin"))
    assert done.code == 2
    assert "Division by zero" in done.stdout
    assert "no issues were created\nerror: gh cannot be started: gh is not on the PATH" in done.stderr
    assert "https://cli.github.com" in done.stderr


def test_a_directory_that_is_no_repository_is_told(lok):
    (lok.shop / ".git").rename(lok.folder / "gone")
    done = lok("-y")
    assert done.code == 2
    assert "GH_REPO=OWNER/REPO" in done.stderr


def test_a_hostile_title_is_words_on_the_terminal_and_on_github(lok):
    lok.says({**DIVISION, "title": "\x1b[2J--body=x @octocat fixes #1 <b>\u202e -->\n::error::"})
    done = lok("-y")
    assert done.code == 0
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr
    title, body = lok.gh.issues[0]["title"], lok.gh.issues[0]["body"]
    assert title.startswith("--body=x \u200b@\u200boctocat fixes #\u200b1 <b>")
    assert "\n" not in title
    assert "@octocat" not in body
    assert "#1" not in body
    assert body.count("-->") == 1
