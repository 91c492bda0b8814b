"""`--plan`: what would be asked, of whom and how, and nothing is sent."""

import os
import re
from pathlib import Path

import pytest
import trio

from lok_core import BackendError, NoBackendError, PlanDetail, Profile, Task, UsageError
from lok_core.models import Request
from lok_core.testing import ScriptedBackend, run_lok
from lok_core.trust import Trust
from tests.test_modes import ANALYSER, offering, opened

WRITES = Profile(access=("none", "read", "write"))


async def planned(tmp_path, work, *offers, **options):
    """The plan of that command, and the events that were told."""
    told = []
    async with opened(tmp_path, *offers, plan=True, listener=told.append, **options) as lok:
        report = await work(lok)
    assert report.outcomes == ()
    assert isinstance(report.detail, PlanDetail)
    assert [event for event in told if event.kind != "note"] == []
    left = {path.relative_to(tmp_path / "state").parts[0] for path in (tmp_path / "state").rglob("*")}
    assert left <= {"running"}  # no journal, no copies
    return report


def asked(report):
    return [(one.backend, one.request.label) for one in report.detail.requests]


async def test_ask_plans_a_request_for_each_backend(tmp_path):
    report = await planned(tmp_path, lambda lok: lok.ask("wär?", tmp_path), offering("codex"), offering("pi"))
    first, second = report.detail.requests
    assert (first.backend, second.backend) == ("codex", "pi")
    assert first.request == Request("wär?", tmp_path, "codex", access="read")
    assert (first.characters, first.bytes, first.argv, first.model, first.problem) == (4, 5, (), None, None)
    assert [one.name for one in report.backends] == ["codex", "pi"]
    assert (report.command, report.run, report.detail.later) == ("ask", "", ())


async def test_nobody_is_asked(tmp_path):
    class Never(ScriptedBackend):
        async def query(self, request, run):
            raise AssertionError

    await planned(tmp_path, lambda lok: lok.ask("a", tmp_path), offering("codex", base=Never))


async def test_a_task_plans_what_its_prompts_ask(tmp_path):
    offers = offering("codex"), offering("static", ANALYSER)
    report = await planned(tmp_path, lambda lok: lok.run_task("review", tmp_path), *offers)
    assert asked(report) == [
        *(("codex", name) for name in ("bugs", "slow", "n+1")),
        *(("static", name) for name in ("bugs", "slow")),
    ]
    assert report.findings == ()
    (later,) = report.detail.later
    assert "asked for again as JSON" in later


async def test_a_task_of_its_own_kind_plans_all_that_it_asks_one_after_the_other(tmp_path):
    class Own(Task):
        name = "own"
        description = "Asks twice"

        async def run(self, job):
            for word in ("a", "b"):
                await job.ask(Request(word, job.directory, label=word))

    report = await planned(
        tmp_path, lambda lok: lok.run_task("own", tmp_path), offering("codex"), tasks=[Own]
    )
    assert asked(report) == [("codex", "a"), ("codex", "b")]


async def test_of_a_debate_the_first_round_is_known(tmp_path):
    offers = offering("codex"), offering("pi")
    report = await planned(tmp_path, lambda lok: lok.debate("a", tmp_path, rounds=3, seed=1), *offers)
    assert sorted(label for _, label in asked(report)) == ["round 1, A", "round 1, B"]
    assert report.detail.later == ("up to 2 more rounds, in which each reads the others, until all agree",)
    assert not report.inconclusive


async def test_of_a_team_the_parts_are_known(tmp_path):
    work = lambda lok: lok.team("find bugs and slow loops", tmp_path, debate=True)  # noqa: E731
    report = await planned(tmp_path, work, offering("codex", WRITES))
    assert [label for _, label in asked(report)] == ["errors", "performance"]
    assert len(report.detail.later) == 2


async def test_of_spawn_the_request_for_a_plan_is_known(tmp_path):
    report = await planned(tmp_path, lambda lok: lok.spawn("a", tmp_path), offering("codex", WRITES))
    assert asked(report) == [("codex", "plan")]
    assert "the agents of that plan" in report.detail.later[0]


async def test_of_spawn_the_named_agents_are_known(tmp_path):
    work = lambda lok: lok.spawn("a", tmp_path, agents=["one:look", "two:see"])  # noqa: E731
    report = await planned(tmp_path, work, offering("codex", WRITES))
    assert asked(report) == [("codex", "one"), ("codex", "two")]
    assert report.detail.later == ("one of the backends sums up",)


async def test_writing_wants_trust_for_a_plan_too(tmp_path):
    with pytest.raises(UsageError, match="is not trusted, and --write"):
        await planned(tmp_path, lambda lok: lok.spawn("a", tmp_path, write=True), offering("codex", WRITES))


async def test_of_a_conductor_the_first_question_is_known_as_it_would_get_it(tmp_path):
    work = lambda lok: lok.conduct("count the lines", tmp_path, conductor="codex")  # noqa: E731
    report = await planned(tmp_path, work, offering("codex"), offering("pi"))
    (first,) = report.detail.requests
    assert first.backend == "codex"
    assert "count the lines" in first.request.prompt
    assert "query_backend" in first.request.prompt  # its tools are told in plain text
    assert len(report.detail.later) == 1
    assert "--conductor" not in "".join(report.notes)


async def test_nobody_there_is_an_error_as_in_a_run(tmp_path):
    with pytest.raises(NoBackendError):
        await planned(tmp_path, lambda lok: lok.ask("a", tmp_path), offering("static", ANALYSER))


async def test_what_would_keep_a_request_from_being_sent_is_told(tmp_path):
    class Picky(ScriptedBackend):
        def planned(self, request, run):
            raise BackendError("too_large", "the prompt has 2 bytes too many", "shorten it")

    report = await planned(tmp_path, lambda lok: lok.ask("a", tmp_path), offering("codex", base=Picky))
    (one,) = report.detail.requests
    assert (one.problem, one.message, one.hint) == (
        "too_large",
        "the prompt has 2 bytes too many",
        "shorten it",
    )
    assert report.detail.sendable == ()


async def test_a_fault_of_the_plugin_is_told(tmp_path):
    class Broken(ScriptedBackend):
        def planned(self, request, run):
            raise ZeroDivisionError

    report = await planned(tmp_path, lambda lok: lok.ask("a", tmp_path), offering("codex", base=Broken))
    assert [one.problem for one in report.detail.requests] == ["plugin"]


async def test_caps_count_as_in_a_run(tmp_path):
    work = lambda lok: lok.ask("a", tmp_path)  # noqa: E731
    report = await planned(tmp_path, work, offering("codex"), offering("pi"), max_calls=1)
    assert [one.problem for one in report.detail.requests] == [None, "cancelled"]
    assert report.degraded == ("--max-calls 1: 1 request was not started",)


async def test_the_private_folder_is_gone_and_named_by_a_placeholder(tmp_path):
    folders = []

    class Writes(ScriptedBackend):
        def planned(self, request, run):
            folders.append(run.folder)
            (run.folder / "schema.json").write_text("{}")
            return ["program", f"--schema={run.folder / 'schema.json'}"]

    report = await planned(tmp_path, lambda lok: lok.ask("a", tmp_path), offering("codex", base=Writes))
    assert report.detail.requests[0].argv == ("program", "--schema={folder}/schema.json")
    assert not folders[0].exists()


async def test_after_a_plan_the_same_lok_asks(tmp_path):
    async with opened(tmp_path, offering("codex"), plan=True) as lok:
        await lok.ask("a", tmp_path)
        lok.plan = False
        report = await lok.ask("a", tmp_path)
    assert [outcome.reply.text for outcome in report.outcomes] == ["from codex"]


# Command lines.


@pytest.fixture
def project(tmp_path, lok_env):
    """A folder, and a configuration with programs that must not be started."""
    (tmp_path / "project").mkdir()
    program = tmp_path / "never"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    program.chmod(0o755)
    config = tmp_path / "given.toml"
    config.write_text(
        f"""
        [backends.mine]
        use = "command"
        command = "{program}"
        args = ["--key", "sk-0123456789abcdef", "--model={{model}}", "{{prompt}}", "{{prompt_file}}"]
        model = "small"
        secrets = ["MY_KEY"]
        [backends.gone]
        use = "command"
        command = "no-such-program"
        """
    )
    env = {**lok_env, "MY_KEY": "sk-0123456789abcdef"}

    def lok(*args):
        result = run_lok([*args, "--plan", "-c", config], env=env, cwd=tmp_path / "project")
        assert not (tmp_path / "started").exists()
        assert "sk-0123456789abcdef" not in result.stdout + result.stderr
        return result

    return lok


@pytest.mark.slow
def test_the_command_line_is_told_without_secrets(project):
    result = project("ask", "-b", "mine", "why?", "-f", "json")
    (one,) = result.report["detail"]["requests"]
    assert one["argv"][1] == "--key"
    assert one["argv"][3:] == ["--model=small", "{prompt}", "{folder}/lok-prompt.txt"]
    assert one["model"] == "small"
    assert result.code == 0


@pytest.mark.slow
def test_a_plan_is_shown_in_words(project):
    result = project("ask", "-b", "mine,gone", "why?")
    assert result.code == 0
    assert "1 request would be sent: 1 to mine\n" in result.stdout
    assert "would fail: unavailable: no-such-program is not on the PATH" in " ".join(result.stdout.split())


@pytest.mark.slow
def test_where_nothing_would_be_sent_the_exit_code_says_so(project):
    assert project("ask", "-b", "gone", "why?").code == 3


@pytest.mark.slow
def test_v_shows_the_prompts(project):
    result = project("debate", "-b", "mine,echo", "why?", "-v")
    assert "prompt 2:\n" in result.stderr
    assert "prompt 2:\n" not in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("form", ["markdown", "github", "html", "sarif"])
def test_every_format_shows_a_plan(project, form):
    result = project("ask", "-b", "mine", "why?", "-f", form)
    assert result.code == 0
    assert form == "sarif" or "--model=small" in result.stdout


@pytest.mark.slow
def test_a_plan_leaves_nothing_behind(project, lok_env):
    assert project("hunt", "-b", "mine").code == 0
    state = Path(lok_env["HOME"]) / ".local/state/lok"
    assert {path.name for path in state.rglob("*")} == {"running"}


@pytest.mark.slow
def test_a_plan_of_what_is_left_leaves_out_what_was_answered(project, lok_env, tmp_path):
    (tmp_path / "given.toml").write_text(
        '[backends.a]\nuse = "command"\ncommand = "cat"\n[backends.b]\nuse = "command"\ncommand = "false"\n'
    )
    args = ["team", "find bugs", "-b", "a,b", "-c", tmp_path / "given.toml", "--max-calls", "1"]
    run_lok(["ask", "why?", *args[2:]], env=lok_env, cwd=tmp_path / "project")
    planned = run_lok(["resume", "last", "--plan", "-f", "json", "--max-calls", "9"], env=lok_env)
    assert [one["backend"] for one in planned.report["detail"]["requests"]] == ["b"]
    assert "1 answer was taken over" in planned.report["notes"][0]


@pytest.mark.slow
async def test_a_plan_of_agents_that_write_makes_no_copies(tmp_path):
    (code := tmp_path / "code").mkdir()
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(code)]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "first"]):
        await trio.run_process([*git, *words])
    Trust.read(tmp_path / "state/trust.json").add_directory(code)
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    async with opened(tmp_path, offering("codex", WRITES), plan=True, env=env) as lok:
        detail = (await lok.spawn("a", code, agents=["one:look"], write=True)).detail
    assert [one.request.access for one in detail.requests] == ["write"]
    assert "each agent gets a copy of the repository" in detail.later[0]
    assert not (tmp_path / "state/worktrees").exists()
    refs = await trio.run_process([*git, "for-each-ref"], capture_stdout=True)
    assert b"lok" not in refs.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["codex", "gemini", "claude"])
def test_the_command_line_is_the_one_that_is_started(kind, lok_env, tmp_path):
    program = tmp_path / "bin" / kind
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nprintf "%s\\0" "$0" "$@" >{tmp_path}/argv\n')
    program.chmod(0o755)
    (code := tmp_path / "code").mkdir()
    env = {**lok_env, "PATH": f"{program.parent}:{lok_env['PATH']}"}
    args = ["hunt", code, "-b", kind, "--max-calls", "1", "-f", "json"]
    planned = run_lok([*args, "--plan"], env=env).report["detail"]["requests"][0]["argv"]
    assert not (tmp_path / "argv").exists()
    run_lok(args, env=env)
    started = (tmp_path / "argv").read_text().split("\0")[:-1]
    private = rf"{re.escape(lok_env['HOME'])}/\.local/state/lok/running/[^/]+/\d+"
    assert planned == [re.sub(private, "{folder}", word) for word in started]
