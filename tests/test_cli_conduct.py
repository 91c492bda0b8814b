"""lok conduct as its users start it, with a program that conducts in plain text."""

import json
import signal
from pathlib import Path

import jsonschema
import pytest

import lok_core
from lok_core.testing import FakeCli, run_lok
from tests.test_cli_signals import left_of, running, until

pytestmark = pytest.mark.slow  # each runs lok as a process


ASKS = (
    'I ask two.\n[{"action": "query_backend", "backend": "one", "prompt": "Why?"}, '
    '{"action": "query_backend", "backend": "other", "prompt": "How?"}]'
)
BOSS = """\
#!/bin/sh
case "$(cat)" in
*'[result'*) {answers} ;;
*) echo '{asks}' ;;
esac
"""


class Programs:
    """lok with a conductor `boss`, and with `one` and `other` that it asks.

    Attributes:
        args: the command line up to the options of a test.
    """

    def __init__(self, folder, env):
        self.folder, self.env = folder, env
        tables = "".join(
            f'[backends.{name}]\nuse = "command"\ncommand = "{name}"\n' for name in ("boss", "one", "other")
        )
        (folder / "own.toml").write_text(tables)
        env["PATH"] = f"{folder / 'bin'}:{env['PATH']}"
        self.args = ["conduct", "-c", folder / "own.toml", "--conductor", "boss", "-b", "one,other", "Fine?"]

    def make(self, answers="echo 'It is fine.'", **other):
        self.one = FakeCli.make(self.folder / "bin", "one", stdout="one says yes")
        self.other = FakeCli.make(self.folder / "bin", "other", **(other or {"stdout": "other says no"}))
        boss = self.folder / "bin" / "boss"
        boss.write_text(BOSS.format(asks=ASKS, answers=answers))
        boss.chmod(0o755)

    def lok(self, *args):
        done = run_lok([*self.args, *args], env=self.env, cwd=self.folder)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture
def programs(tmp_path, lok_env):
    return Programs(tmp_path, lok_env)


def test_a_person_reads_what_was_asked_what_was_answered_and_the_answer(programs):
    programs.make()
    done = programs.lok()
    assert done.code == 0
    blocks = (
        "=== BOSS [conductor] ===\nI ask two.\n\n- query_backend: one: Why?\n",
        "=== ONE [round 1] ===\n",
    )
    told = ("--- Answer ---\nIt is fine.\n", "--- Conducted ---\n", "round 1: one answered, other answered\n")
    places = [done.stdout.index(part) for part in (*blocks, *told)]
    assert places == sorted(places)
    assert '"action"' not in done.stdout
    assert done.stdout.count("It is fine.") == 1
    assert "boss conducts and asks by JSON in plain text; it may ask one, other" in done.stderr
    assert "boss [conductor]: answered in" in done.stderr
    assert programs.one.calls[0]["stdin"] == "Why?"


def test_a_program_reads_it_all_as_json(programs):
    programs.make()
    report = programs.lok("-f", "json").report
    jsonschema.validate(report, lok_core.schema("lok.report/1"))
    assert (report["command"], report["detail"]["answer"]) == ("conduct", "It is fine.")
    assert {backend["name"] for backend in report["backends"]} == {"boss", "one", "other"}


def test_a_report_in_markdown_goes_to_its_file(programs):
    programs.make()
    done = programs.lok("-f", "markdown", "-o", "report.md")
    assert (done.code, done.stdout) == (0, "")
    told = (programs.folder / "report.md").read_text()
    assert told.index("Answer") < told.index("I ask two")


def test_a_backend_that_fails_does_not_end_the_run(programs):
    programs.make(stderr="oops", code=3)
    done = programs.lok()
    assert done.code == 0
    assert "other did not (crashed: oops" in done.stdout
    assert "It is fine." in done.stdout


def test_a_conductor_that_fails_in_the_middle_leaves_what_was_answered(programs):
    programs.make("echo nothing left >&2; exit 7")
    done = programs.lok()
    assert done.code == 3
    assert "one says yes" in done.stdout
    assert "error: boss, which conducts, failed in round 2" in done.stderr


def test_the_rounds_of_the_configuration_bound_it(programs):
    programs.make()
    with (programs.folder / "own.toml").open("a") as file:
        file.write("[conductor]\nmax_rounds = 1\n")
    (programs.folder / "bin" / "boss").write_text("#!/bin/sh\ncat >/dev/null; echo 'From memory.'\n")
    report = programs.lok("-f", "json").report
    assert (report["detail"]["answer"], report["detail"]["bounded_by"]) == ("From memory.", "rounds")


def test_an_unknown_conductor_is_a_usage_error(programs):
    programs.make()
    done = programs.lok("--conductor", "bos")
    assert (done.code, done.stdout) == (2, "")
    assert "error: no backend named 'bos'\nhint: did you mean 'boss'?" in done.stderr


def test_without_a_key_and_a_program_the_ways_out_are_told(lok_env, tmp_path):
    done = run_lok(["conduct", "Fine?"], env=lok_env, cwd=tmp_path)
    assert (done.code, done.stdout) == (3, "")
    error, hint = done.stderr.splitlines()[-2:]
    assert error == "error: no backend is there that could conduct"
    assert hint.startswith("hint: export ANTHROPIC_API_KEY=..., or install and log in to ")


def test_ctrl_c_ends_it_with_what_was_answered(programs):
    programs.make(stdout="half of an ans", hangs=True)
    with running(programs.args, programs.env, programs.folder) as lok:
        until(lambda: "one [round 1]: answered in" in lok.stderr and programs.other.calls)
        lok.send(signal.SIGINT)
        assert lok.end() == 130
        assert left_of(lok.pid) == []
    assert "one says yes" in lok.stdout
    assert "cancelled: ended by Ctrl-C before it had answered" in lok.stdout
    assert "round 1: one answered, other did not (cancelled" in lok.stdout


def test_ctrl_c_while_the_conductor_thinks_ends_it_too(programs):
    thinking = programs.folder / "thinking"
    programs.make(f"touch {thinking}; exec sleep 1000")
    with running([*programs.args, "-f", "json"], programs.env, programs.folder) as lok:
        until(thinking.exists)
        lok.send(signal.SIGINT)
        assert lok.end() == 130
        assert left_of(lok.pid) == []
    report = json.loads(lok.stdout)
    assert [outcome["outcome"] for outcome in report["outcomes"]] == ["answer", "answer", "answer", "failure"]
    assert (report["interrupted"], report["detail"]["answer"]) == (True, "")


def test_the_page_about_it_names_its_options():
    page = (Path(__file__).parent.parent / "docs" / "conduct.md").read_text()
    for word in ("--conductor", "max_rounds", "max_tokens", "ANTHROPIC_API_KEY"):
        assert word in page
