"""lok as people and CI run it: what of its findings reaches the exit code, the formats and the baseline."""

import json
import subprocess

import pytest

from tests.test_cli_config import Home

pytestmark = pytest.mark.slow  # each runs lok as a process

TASK = '[tasks.review]\nprompts = [{name = "sql", prompt = "Find SQL injection", category = "injection"}]\n'
LINE = 'cursor.execute("SELECT " + name)'
FOUND = f"1. **High** `app.py:2`: SQL injection through the name\n\n   ```python\n   {LINE}\n   ```\n"


@pytest.fixture
def lok(tmp_path):
    made = Home(tmp_path)
    (made.project / "app.py").write_text(f"import db\n{LINE}\n")
    return made


def says(lok, **said):
    """Backends by name, each with what it prints; None fails."""
    tables = [
        lok.fake(name, stdout=text or "", stderr="" if text else "quota exceeded", code=0 if text else 1)[1]
        for name, text in said.items()
    ]
    lok.user(TASK + "".join(tables))
    return ",".join(said)


@pytest.mark.parametrize(
    ("said", "options", "code"),
    [
        ({"one": FOUND}, [], 0),
        ({"one": FOUND}, ["--fail-on", "high"], 1),
        ({"one": FOUND}, ["--fail-on", "critical"], 0),
        ({"one": FOUND}, ["--fail-on", "high", "--min-severity", "critical"], 0),
        ({"one": FOUND, "two": "No issues found."}, ["--fail-on", "high", "--quorum", "2"], 0),
        ({"one": FOUND, "two": FOUND}, ["--fail-on", "high", "--quorum", "2"], 1),
        ({"one": FOUND}, ["--fail-on", "high", "--quorum", "2"], 5),
        ({"one": FOUND, "two": None}, ["--fail-on", "high"], 1),
        ({"one": "No issues found.", "two": None}, ["--fail-on", "high"], 5),
        ({"one": "No issues found.", "two": None}, [], 0),
        ({"one": None}, ["--fail-on", "high"], 3),
        ({"one": "- **High** `ghost.py:7`: tokens are logged"}, ["--fail-on", "high", "--only-grounded"], 0),
        ({"one": "- **High** `ghost.py:7`: tokens are logged"}, ["--fail-on", "high"], 1),
        ({"one": FOUND.replace("app.py:2", "app.py:1")}, ["--fail-on", "high", "--only-grounded"], 1),
    ],
)
def test_the_exit_code_is_that_of_the_gate(lok, said, options, code):
    done = lok("review", "-b", says(lok, **said), *options)
    assert done.code == code, done.stderr


def test_a_gate_that_fails_says_so(lok):
    done = lok("review", "-b", says(lok, one=FOUND), "--fail-on", "medium")
    assert "--fail-on medium: 1 finding\n" in done.stderr


def test_a_gate_that_nobody_can_judge_says_why(lok):
    done = lok("review", "-b", says(lok, one="No issues found.", two=None), "--fail-on", "medium")
    assert "--fail-on medium: incomplete, as 1 of 2 requests failed\n" in done.stderr


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--quorum", "2"], "--quorum says which findings --fail-on counts"),
        (["--update-baseline"], "--update-baseline changes a baseline, and none is named"),
        (["--prune"], "--prune changes a baseline, and none is named"),
        (["--baseline", "none.json"], "there is no baseline none.json"),
        (["--baseline", "."], "the baseline . cannot be read: Is a directory"),
        (["--baseline", "app.py"], "the baseline is not JSON: "),
    ],
)
def test_options_that_cannot_be_followed_are_told_before_anybody_is_asked(lok, options, told):
    done = lok("review", "-b", says(lok, one=FOUND), *options)
    assert (done.code, done.stdout) == (2, "")
    assert f"error: {told}" in done.stderr
    assert "hint: " in done.stderr


def test_a_baseline_is_made_added_to_and_pruned(lok):
    baseline = lok.project / "baseline.json"
    name = says(lok, one=FOUND)
    gate = ["--fail-on", "low", "--baseline", "baseline.json"]
    assert lok("review", "-b", name, *gate, "--update-baseline").code == 1
    before = baseline.read_text()
    known = lok("review", "-b", name, *gate)
    assert known.code == 0
    assert "Not shown: 1 known; --all shows all." in known.stdout
    # No model repeats it: nothing is taken out.
    assert (
        lok("review", "-b", says(lok, one="No issues found."), *gate, "--update-baseline", "--prune").code
        == 0
    )
    assert baseline.read_text() == before
    (lok.project / "app.py").write_text("import db\n")
    assert lok("review", "-b", says(lok, one="No issues found."), *gate, "--prune").code == 0
    assert json.loads(baseline.read_text())["entries"] == []


def test_a_baseline_that_cannot_be_written_costs_no_report(lok):
    options = ["--baseline", "/dev/null/baseline.json", "--update-baseline"]
    done = lok("review", "-b", says(lok, one=FOUND), *options)
    assert done.code == 2
    assert "error: the baseline /dev/null/baseline.json " in done.stderr


@pytest.mark.parametrize(
    ("form", "holds"),
    [
        ("text", "HIGH  app.py:2"),
        ("json", '"fingerprint": "lok1-'),
        ("markdown", "## lok review: 1 finding (1 high)"),
        ("github", "::error "),
        ("sarif", '"version": "2.1.0"'),
        ("html", "<!doctype html>"),
    ],
)
def test_every_format_holds_the_finding(lok, form, holds):
    done = lok("review", "-b", says(lok, one=FOUND), "-f", form)
    assert done.code == 0
    assert holds.lower() in done.stdout.lower()
    assert "SQL injection through the name" in done.stdout


def test_what_was_read_from_a_failed_answer_is_marked(lok):
    fake = lok.fake("one", stdout=FOUND, stderr="quota exceeded", code=1)[1]
    lok.user(TASK + fake)
    done = lok("review", "-b", "one", "-f", "json")
    assert done.code == 3
    (finding,) = done.report["findings"]
    assert finding["incomplete"] is True


@pytest.mark.parametrize("said", ["Hello there.", '{"results": [1, 2'])
def test_a_gate_over_what_was_not_understood_is_undecided(lok, said):
    (lok.project / "review.md").write_text(said)
    done = lok("ground", "review.md", "--fail-on", "high")
    assert done.code == 5, done.stderr
    assert "No findings. Findings may be missing, so this is no clean bill." in done.stdout


def test_a_gate_over_a_review_that_found_nothing_holds(lok):
    (lok.project / "review.md").write_text("I read everything. No issues found.")
    done = lok("ground", "review.md", "--fail-on", "high")
    assert (done.code, done.stdout.count("No findings.\n")) == (0, 1)


def test_ground_tells_what_holds_and_what_does_not(lok):
    (lok.project / "review.md").write_text(f"{FOUND}\n2. **Low** `/etc/passwd:1`: it is there\n")
    done = lok("ground", "review.md")
    assert done.code == 0
    assert "    = evidence found\n" in done.stdout
    assert "/etc/passwd:1 (not a file of this directory)" in done.stdout


def test_an_answer_that_was_not_read_leaves_the_gate_undecided(lok):
    said = "Here is how it works: app.py:1 calls app.py:2, which calls it back."
    done = lok("review", "-b", says(lok, one=said), "--fail-on", "high")
    assert done.code == 5, done.stderr
    assert "could not be read" in done.stderr


def test_an_answer_that_was_cut_leaves_the_gate_undecided(lok):
    said = (
        '{"findings": ['
        + '{"title": "x", "file": "app.py", "line": 1, "severity": "low"},' * 2000
        + '{"title": "cut'
    )
    done = lok("review", "-b", says(lok, one=said), "--fail-on", "critical")
    assert done.code == 5, done.stderr


def test_pruning_keeps_what_stands_in_a_renamed_file(lok):
    git = ["git", "-c", "user.name=a", "-c", "user.email=b"]

    def commit():
        for words in (["add", "-A"], ["commit", "-qm", "x"]):
            subprocess.run([*git, *words], cwd=lok.project, env=lok.env, check=True)

    subprocess.run(["git", "init", "-q"], cwd=lok.project, env=lok.env, check=True)
    commit()
    gate = ["--fail-on", "low", "--baseline", str(lok.home / "baseline.json")]
    assert lok("review", "-b", says(lok, one=FOUND), *gate, "--update-baseline").code == 1
    (lok.project / "app.py").rename(lok.project / "store.py")
    commit()
    name = says(lok, one=FOUND.replace("app.py", "store.py"))
    assert lok("review", "-b", name, *gate, "--prune").code == 0
    assert lok("review", "-b", name, *gate).code == 0


def test_a_refusal_leaves_the_gate_undecided(lok):
    done = lok("review", "-b", says(lok, one="I cannot help with that."), "--fail-on", "low")
    assert done.code == 5, done.stderr
    assert "Some answers could not be read, so this is no clean bill." in done.stdout
