"""Spawn: who plans, who gets which part, what becomes of it; without a real backend and without waiting."""

import json
import os
import shlex
import subprocess
from contextlib import asynccontextmanager

import pytest
import trio
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lok_core import BackendError, NoBackendError, Profile, Reply, Rule, UsageError, Vote
from lok_core.details.spawn import Agent, Branch, Conflict, Leftover, SpawnDetail, SpawnedDetail
from lok_core.errors import UnknownNameError
from lok_core.job import EngineJob
from lok_core.modes.plan import is_branch_part, read_agents, read_plan
from lok_core.modes.spawn import spawn
from lok_core.outcome import Answer, View
from lok_core.prompts import spawn as prompts
from lok_core.prompts.quoting import quoted
from lok_core.render_text import TextRenderer
from lok_core.results import SUMMARY
from lok_core.results.spawn import sections
from lok_core.testing import ScriptedBackend, Step
from lok_core.worktrees import Worktree
from tests.test_modes import opened

READS = Profile(access=("none", "read"))
WRITES = Profile(access=("none", "read", "write"))
TASK = "Make the shop robust"
PLAN = {
    "subtasks": [
        {"name": "errors", "description": "find swallowed errors"},
        {"name": "security", "description": "look for injections"},
        {"name": "tests", "description": "name missing tests"},
    ]
}


class BySubject(Rule):
    """Sends what speaks of injections to gemini, and everything else to claude."""

    name = "subject"

    def votes(self, request, backends):
        yield Vote("gemini" if "injection" in request.prompt else "claude", 1.0, "the test says so")


def scripted(kind, script=None, profile=READS):
    """A backend whose steps depend on the label of the request; a text stands for a reply of it."""

    def step(request):
        found = (script or {}).get(request.label, f"{kind} on {request.label}")
        return found if isinstance(found, Step) else Step(found)

    class Offered(ScriptedBackend):
        def __init__(self, name, config):
            super().__init__(name, step, profile)

    Offered.kind = kind
    return Offered


def planning(plan, **script):
    """claude, who plans, and gemini."""
    return scripted("claude", {"plan": plan, **script}), scripted("gemini")


def labels(report):
    return [(outcome.backend, outcome.request.label) for outcome in report.outcomes]


def shown(report):
    return "".join(TextRenderer().render(report, View()))


class TestPlanned:
    async def test_each_part_goes_to_whom_it_suits_and_the_generalist_plans_and_sums_up(self, tmp_path):
        async with opened(tmp_path, *planning(json.dumps(PLAN)), rules=[BySubject]) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert labels(report) == [
            ("claude", "plan"),
            ("claude", "errors"),
            ("gemini", "security"),
            ("claude", "tests"),
            ("claude", SUMMARY),
        ]
        assert report.detail.planner == "claude"
        assert report.detail.agents == (
            Agent("errors", "find swallowed errors", "claude", ok=True),
            Agent("security", "look for injections", "gemini", ok=True),
            Agent("tests", "name missing tests", "claude", ok=True),
        )
        assert (report.detail.summary, report.detail.summary_by) == ("claude on summary", "claude")
        assert not report.inconclusive

    async def test_nobody_may_write_and_the_summary_sees_no_files(self, tmp_path):
        async with opened(tmp_path, *planning(json.dumps(PLAN))) as lok:
            report = await lok.spawn(TASK, tmp_path)
        access = {outcome.request.label: outcome.request.access for outcome in report.outcomes}
        assert access == {"plan": "read", "errors": "read", "security": "read", "tests": "read"} | {
            SUMMARY: "none"
        }
        assert not report.detail.write

    async def test_all_agents_work_at_once(self, tmp_path, autojump_clock):
        slow = {name: Step("done", after_s=10) for name in ("errors", "security", "tests")}
        async with opened(tmp_path, scripted("claude", {"plan": json.dumps(PLAN), **slow})) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert report.duration_s == pytest.approx(10, abs=5)

    async def test_an_agent_reads_the_task_its_part_and_what_the_others_do(self, tmp_path):
        async with opened(tmp_path, *planning(json.dumps(PLAN))) as lok:
            report = await lok.spawn(TASK, tmp_path)
        prompt = report.outcomes[1].request.prompt
        for text in (TASK, "find swallowed errors", "security: look for injections"):
            assert text in prompt
        assert "- errors" not in prompt

    async def test_the_summary_is_made_of_what_the_agents_said(self, tmp_path):
        async with opened(tmp_path, *planning(json.dumps(PLAN))) as lok:
            report = await lok.spawn(TASK, tmp_path)
        prompt = report.outcomes[-1].request.prompt
        assert all(f"claude on {name}" in prompt for name in ("errors", "security", "tests"))

    async def test_a_plan_is_asked_for_by_schema_and_taken_from_data(self, tmp_path):
        async with opened(tmp_path, *planning(Reply("see data", data=PLAN))) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert report.outcomes[0].request.output_schema["required"] == ["subtasks"]
        assert len(report.detail.agents) == 3

    async def test_a_plan_that_cannot_be_read_is_sent_back_once(self, tmp_path):
        claude = scripted("claude", {"plan": "First, errors. Then tests.", "plan again": json.dumps(PLAN)})
        async with opened(tmp_path, claude) as lok:
            report = await lok.spawn(TASK, tmp_path)
        again = report.outcomes[1].request
        assert (again.label, again.access) == ("plan again", "read")
        assert "First, errors. Then tests." in again.prompt
        assert len(report.detail.agents) == 3

    async def test_without_a_plan_the_report_says_so_and_the_way_out(self, tmp_path):
        claude = scripted("claude", {"plan": "I would rather not.", "plan again": "No."})
        async with opened(tmp_path, claude) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert labels(report) == [("claude", "plan"), ("claude", "plan again")]
        assert "no plan could be read from what claude said" in report.inconclusive
        assert "--agent" in report.inconclusive

    @pytest.mark.parametrize("label", ["plan", "plan again"])
    async def test_a_planner_that_fails_ends_it(self, tmp_path, label):
        script = {"plan": "?", label: Step(error=BackendError("quota", "used up"))}
        async with opened(tmp_path, scripted("claude", script)) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert "claude gave no plan (quota: used up)" in report.inconclusive
        assert report.detail.agents == ()

    async def test_a_plan_with_one_part_is_done_by_one_agent_and_needs_no_summary(self, tmp_path):
        plan = json.dumps({"subtasks": PLAN["subtasks"][:1]})
        async with opened(tmp_path, scripted("claude", {"plan": plan})) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert labels(report) == [("claude", "plan"), ("claude", "errors")]
        assert "one part only" in report.notes[0]

    async def test_of_a_plan_with_too_many_parts_nothing_is_lost(self, tmp_path):
        parts = [{"name": f"p{number}", "description": f"part {number}"} for number in range(6)]
        async with opened(tmp_path, scripted("claude", {"plan": json.dumps({"subtasks": parts})})) as lok:
            report = await lok.spawn(TASK, tmp_path)
        assert [agent.name for agent in report.detail.agents] == ["p0", "p1", "p2", "p3"]
        assert report.detail.agents[0].description == "part 0\n\npart 4"
        assert "the plan had 6 parts; 4 agents share them" in report.notes

    async def test_one_that_cannot_read_files_plans_and_works_only_where_nobody_can(self, tmp_path):
        deaf = scripted("aaa", {"plan": json.dumps(PLAN)}, Profile(access=("none",)))
        async with opened(tmp_path, deaf, scripted("bbb", {"plan": json.dumps(PLAN)})) as lok:
            report = await lok.spawn(TASK, tmp_path)
            assert {backend for backend, label in labels(report) if label != SUMMARY} == {"bbb"}
        async with opened(tmp_path, deaf) as lok:
            assert all(agent.ok for agent in (await lok.spawn(TASK, tmp_path)).detail.agents)

    async def test_without_anybody_it_says_so(self, tmp_path):
        async with opened(tmp_path) as lok:
            with pytest.raises(NoBackendError, match="no backend"):
                await lok.spawn(TASK, tmp_path)


class TestNamed:
    NAMES = ("errors:find bugs", "security@gemini:look: everywhere")

    async def test_there_is_no_plan_and_the_named_backend_is_asked(self, tmp_path):
        async with opened(tmp_path, *planning("never asked")) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=self.NAMES)
        assert labels(report) == [("claude", "errors"), ("gemini", "security"), ("claude", SUMMARY)]
        assert report.detail.agents[1].description == "look: everywhere"
        assert report.detail.planner == ""

    async def test_a_backend_that_is_only_asked_by_name_is(self, tmp_path):
        echo = scripted("echo", profile=Profile(asked_by_default=False))
        async with opened(tmp_path, echo) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=["a@echo:x", "b@echo:y"])
        assert labels(report) == [("echo", "a"), ("echo", "b")]
        assert report.detail.summary == "a: echo on a\nb: echo on b"
        assert report.detail.summary_by == ""

    async def test_an_unknown_backend_is_told_before_anybody_is_asked(self, tmp_path):
        async with opened(tmp_path, *planning("")) as lok:
            with pytest.raises(UnknownNameError, match="'gemni'") as raised:
                await lok.spawn(TASK, tmp_path, agents=["a:x", "b@gemni:y"])
        assert "did you mean 'gemini'" in raised.value.hint

    async def test_an_analyser_is_no_agent(self, tmp_path):
        static = scripted("static", profile=Profile(is_llm=False, answers_questions=False))
        async with opened(tmp_path, *planning(""), static) as lok:
            with pytest.raises(UsageError, match="static analyses directories"):
                await lok.spawn(TASK, tmp_path, agents=["a@static:x"])

    async def test_one_that_cannot_write_is_refused_before_anything_is_copied(self, tmp_path):
        async with opened(tmp_path, *planning("")) as lok:
            with pytest.raises(UsageError, match="gemini cannot be allowed to write"):
                await lok.spawn(TASK, tmp_path, agents=["a@gemini:x"], write=True)
            with pytest.raises(NoBackendError, match="no backend is there that can be allowed to write"):
                await lok.spawn(TASK, tmp_path, write=True)

    async def test_writing_needs_a_trusted_directory(self, tmp_path):
        async with opened(tmp_path, scripted("claude", profile=WRITES)) as lok:
            with pytest.raises(UsageError, match="not trusted") as raised:
                await lok.spawn(TASK, tmp_path, write=True)
        assert raised.value.hint == f"lok trust {tmp_path}"

    async def test_a_part_that_is_too_long_to_be_asked_for_whole_is_told(self, tmp_path):
        async with opened(tmp_path, *planning("never asked")) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=["a:" + "x" * 60_001, "b:y"])
        assert report.notes == ("of the part of a only the first 60,000 characters are asked for",)


class TestFailures:
    AGENTS = ("errors:find bugs", "security@gemini:look for injections")

    async def test_an_agent_that_fails_takes_nothing_from_the_others(self, tmp_path):
        gemini = scripted("gemini", {"security": Step(says=("half",), error=BackendError("auth", "no key"))})
        async with opened(tmp_path, scripted("claude"), gemini) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=self.AGENTS)
        failed = report.detail.agents[1]
        assert (failed.ok, failed.problem) == (False, "auth: no key")
        assert report.detail.agents[0].ok
        assert "half" in report.outcomes[-1].request.prompt
        assert "Agents: 1 of 2 done" in shown(report)
        assert "not done, auth: no key" in shown(report)
        assert not report.inconclusive

    async def test_if_all_fail_there_is_no_result(self, tmp_path):
        down = {name: Step(error=BackendError("auth", "no key")) for name in ("errors", "security")}
        async with opened(tmp_path, scripted("claude", down), scripted("gemini", down)) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=self.AGENTS)
        assert len(report.outcomes) == 2
        assert report.inconclusive == "none of the agents has finished its part"

    async def test_a_summary_that_fails_becomes_a_list(self, tmp_path):
        claude = scripted("claude", {SUMMARY: Step(error=BackendError("quota", "used up"))})
        async with opened(tmp_path, claude, scripted("gemini")) as lok:
            report = await lok.spawn(TASK, tmp_path, agents=self.AGENTS)
        assert report.detail.summary == "errors: claude on errors\nsecurity: gemini on security"
        assert report.detail.summary_by == ""
        assert "No summary" in shown(report)
        assert not report.inconclusive

    async def test_an_interrupt_keeps_what_was_answered_at_once(self, tmp_path, autojump_clock):
        gemini = scripted("gemini", {"security": Step("late", after_s=100)})
        async with opened(tmp_path, scripted("claude"), gemini) as lok, trio.open_nursery() as nursery:

            async def interrupt():
                await trio.sleep(10)
                lok.interrupt("ended by Ctrl-C")

            nursery.start_soon(interrupt)
            report = await lok.spawn(TASK, tmp_path, agents=self.AGENTS)
        assert report.interrupted
        assert report.duration_s == pytest.approx(10, abs=5)
        assert [isinstance(outcome, Answer) for outcome in report.outcomes] == [True, False]
        assert [agent.ok for agent in report.detail.agents] == [True, False]
        assert not report.inconclusive

    async def test_an_interrupt_while_the_plan_is_made_ends_it(self, tmp_path, autojump_clock):
        claude = scripted("claude", {"plan": Step("late", after_s=100)})
        async with opened(tmp_path, claude) as lok, trio.open_nursery() as nursery:

            async def interrupt():
                await trio.sleep(10)
                lok.interrupt("ended by Ctrl-C")

            nursery.start_soon(interrupt)
            report = await lok.spawn(TASK, tmp_path)
        assert report.interrupted
        assert len(report.outcomes) == 1
        assert not report.inconclusive


class Copies:
    """A checkout whose copies are folders, and whose git does what the test says."""

    root = "/the shop"
    base = "b" * 40
    dirty = False

    def __init__(self, folder, finish=None):
        self.folder = folder
        self.notes = []
        self.finished = []
        self._finish = finish

    async def add(self, agent):
        await trio.sleep(1)
        return Worktree(agent, f"lok/run/{agent}", self.folder / agent)

    async def finish(self, worktree, message):
        if self._finish:
            await self._finish(worktree)
        self.finished.append((worktree.agent, message, trio.current_time()))
        return Branch(worktree.agent, worktree.branch, "c" * 40, 1, 2, 3, " a.py | 5 ++---")

    async def as_left(self, worktree, problem):
        await trio.sleep_forever()

    async def conflicts(self, branches):
        self.notes.append("said by git")
        return tuple(Conflict(branch.name, "", ("a.py",)) for branch in branches[:1])


class TestWriting:
    AGENTS = (Agent("quick", "fix this {first}\nand that", "claude"), Agent("slow", "fix that", "claude"))

    @asynccontextmanager
    async def job(self, tmp_path, **script):
        async with opened(tmp_path, scripted("claude", script, WRITES)) as lok:
            yield EngineJob(lok.engine, tmp_path)

    @staticmethod
    async def run(job, copies):
        async def made():
            await trio.sleep(1)
            return copies

        return await spawn(job, TASK, TestWriting.AGENTS, made)

    async def test_each_copy_is_finished_as_soon_as_its_agent_ends(self, tmp_path, autojump_clock):
        copies = Copies(tmp_path)
        async with self.job(tmp_path, slow=Step("done", after_s=10)) as job:
            started = trio.current_time()
            report = await self.run(job, copies)
        (quick, message, at), (slow, _, later) = copies.finished
        assert (quick, slow) == ("quick", "slow")
        assert message == "quick: fix this {first}"
        assert later - at == pytest.approx(10, abs=1)
        assert at - started < 5
        requests = [outcome.request for outcome in report.outcomes]
        assert [request.access for request in requests] == ["write", "write", "none"]
        assert [request.directory for request in requests[:2]] == [tmp_path / "quick", tmp_path / "slow"]
        assert " a.py | 5 ++---" in requests[2].prompt
        assert "said by git" in report.notes

    async def test_the_sections_tell_branches_conflicts_and_commands(self, tmp_path, autojump_clock):
        async with self.job(tmp_path) as job:
            told = shown(await self.run(job, Copies(tmp_path)))
        for text in (
            "--- lok/run/quick: 1 file, +2 -3 ---\n     a.py | 5 ++---\n",
            "--- Conflicts ---\n  lok/run/quick and your checkout as it is now: a.py\n",
            f"--- To look at it ---\n    git -C '/the shop' diff {'b' * 40} refs/heads/lok/run/quick\n",
            "    git -C '/the shop' merge refs/heads/lok/run/quick\n",
            "    git -C '/the shop' branch -D lok/run/quick\n",
        ):
            assert text in told

    async def test_a_git_that_hangs_ends_and_the_copy_is_named(self, tmp_path, autojump_clock, monkeypatch):
        async def finish(worktree):
            await trio.sleep(1000 if worktree.agent == "slow" else 0)

        monkeypatch.setattr("lok_core.modes.spawn.FINISH_S", 5)
        async with self.job(tmp_path) as job:
            report = await self.run(job, Copies(tmp_path, finish))
        quick, slow = report.detail.branches
        assert not quick.problem
        assert slow.problem == "git took longer than 5 s, so that what is on the branch is not known"
        assert (slow.commit, slow.directory) == ("", str(tmp_path / "slow"))
        told = shown(report)
        assert "Nothing changed" not in told
        assert f"copy: {tmp_path / 'slow'} `lok spawn --list` shows" in " ".join(told.split())
        assert "git -C '/the shop' branch -D lok/run/quick" in told
        assert "branch -D lok/run/slow" not in told
        assert all(agent.ok for agent in report.detail.agents)

    async def test_a_full_disk_under_one_agent_takes_nothing_from_the_others(self, tmp_path, autojump_clock):
        async def finish(worktree):
            if worktree.agent == "quick":
                raise OSError(28, "No space left on device")

        async with self.job(tmp_path) as job:
            report = await self.run(job, Copies(tmp_path, finish))
        assert "No space left" in report.detail.branches[0].problem
        assert [agent.ok for agent in report.detail.agents] == [True, True]

    @pytest.mark.parametrize(
        ("after_s", "asked", "finished"), [(0.5, 0, 0), (1.5, 0, 0), (2.5, 1, 1), (5, 2, 2)]
    )
    async def test_an_interrupt_at_any_time_ends_at_once_and_loses_no_copy(
        self, tmp_path, autojump_clock, after_s, asked, finished
    ):
        async def finish(worktree):
            await trio.sleep(1)

        copies = Copies(tmp_path, finish)
        script = {name: Step("late", after_s=100) for name in ("quick", "slow")}
        async with self.job(tmp_path, **script) as job, trio.open_nursery() as nursery:

            async def interrupt():
                await trio.sleep(after_s)
                job.interrupt("ended by Ctrl-C")

            nursery.start_soon(interrupt)
            report = await self.run(job, copies)
            assert trio.current_time() < after_s + 3
        assert report.interrupted
        assert (after_s < 1) == (not any("lok spawn --list" in note for note in report.notes))
        assert len(report.outcomes) == asked
        assert len(copies.finished) == len(report.detail.branches) == finished
        assert not any(agent.ok for agent in report.detail.agents)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("a:b", Agent("a", "b")),
        (" parser : find: bugs ", Agent("parser", "find: bugs")),
        ("x_1.y@codex:do", Agent("x_1.y", "do", "codex")),
        ("a:mail me@home", Agent("a", "mail me@home")),
    ],
)
def test_an_agent_is_read(given, read):
    assert read_agents([given]) == (read,)


@pytest.mark.parametrize(
    "given",
    [
        *("parser", "", ":", "a:", ":b", "a: ", "@codex:b", "a@:b"),
        *("a/b:c", "a b:c", "-a:c", ".a:c", "a..b:c", "a.lock:c", "a.LOCK:c", "a.:c", "ä:c", "a~1:c"),
        *("a\nb:c", "a" * 41 + ":c", "summary:c", "plan:c", "a@b@c:"),
    ],
)
def test_a_malformed_agent_is_a_usage_error_with_a_way_out(given):
    with pytest.raises(UsageError, match="--agent") as raised:
        read_agents([given])
    assert raised.value.hint


def test_two_agents_of_one_name_are_a_usage_error_whatever_its_case():
    with pytest.raises(UsageError, match="two agents"):
        read_agents(["a:x", "A:y"])


GOOD = '{"subtasks": [{"name": "a", "description": "do a"}, {"name": "b", "description": "do b"}]}'


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Sure! Here is the plan [as asked]:\n\n```\n{GOOD}\n```\n\nIt has {{2}} parts.",
        f"I looked at `x = {{1: [2]}}` first. {GOOD} Good luck!",
        GOOD.replace("}]}", "},],}"),
        GOOD.replace('"', "'"),
        GOOD.removesuffix("]}"),
        '{"plan": {"tasks": [{"title": "A", "task": "do a"}, {"title": "B", "prompt": "do b"}]}}',
        '[{"name": "a", "description": "do a"}, {"name": "b", "description": "do b"}]',
        f'{{"subtasks": [{{"name": "parser", "description": "..."}}]}}\n{GOOD}',
        f'I looked at ["a.py", "b.py"]. Plan: {GOOD}',
        f'I looked at [{{"name": "a.py", "goal": "parsing"}}]. Plan: {GOOD}',
        f'I looked at ["a.py", "b.py"]. Plan: {GOOD.replace("]}", ",]}")}',
        f"The format is {{b}}:\n\n```json\n{GOOD.replace(']}', ',]}')}\n```\n",
        f"The format is {{b}}: {GOOD.replace(']}', ',]}')} and no more.",
    ],
)
def test_a_plan_is_read_however_it_is_wrapped(text):
    assert read_plan(Reply(text)) == (Agent("a", "do a"), Agent("b", "do b"))


NO_PLANS = ["no", "{}", "[]", '{"subtasks": []}', '{"subtasks": 3}', "[[[[", "{" * 9999]


@pytest.mark.parametrize("text", NO_PLANS)
def test_where_there_is_no_plan_none_is_read(text):
    assert read_plan(Reply(text)) == ()


def test_names_in_a_plan_become_names_of_branches():
    names = ["Fix: the Parser!", "fix the parser", "", "summary", "../../etc", "日本", "a" * 99]
    plan = {"subtasks": [{"name": name, "description": "look closely"} for name in names]}
    read = [agent.name for agent in read_plan(Reply("", data=plan))]
    assert read == [
        *("fix-the-parser", "fix-the-parser-2", "look-closely", "summary-2", "etc", "part", "a" * 36),
    ]
    assert all(map(is_branch_part, read))


KEYS = st.sampled_from(["name", "title", "description", "task", "subtasks", "plan"])
LEAVES = st.none() | st.booleans() | st.text()


@pytest.mark.slow
@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner)))
def test_whatever_a_plan_holds_its_agents_can_work(value):
    agents = read_plan(Reply("", data={"subtasks": value}))
    assert all(is_branch_part(agent.name) and agent.description.strip() for agent in agents)
    assert len({agent.name.lower() for agent in agents}) == len(agents)


@given(st.text(alphabet="`ab\n"))
def test_no_text_gets_out_of_its_fence(text):
    fence, *_, last = quoted(text).split("\n")
    assert fence == last
    assert fence not in text


def test_a_long_description_is_taken_whole():
    plan = {"subtasks": [{"name": "a", "description": "x" * 30_000}]}
    assert len(read_plan(Reply("", data=plan))[0].description) == 30_000


def test_a_huge_answer_is_cut_in_the_summary_and_says_so():
    prompt = prompts.summary("t", [("a (x, done)", "part", "y" * 100_000, "")])
    assert len(prompt) < 70_000
    assert "[cut off here: 40,000 more characters]" in prompt


BASE, HEAD, TIP = "b" * 40, "a" * 40, "c" * 40


def left(**changes):
    """What an agent leaves that has committed, and then changed two files more."""
    usual = Leftover(
        *("r", "a", "lok/r/a", TIP),
        ahead=1,
        uncommitted=2,
        directory="/state/r/a",
        base=BASE,
        known=True,
        repository="/shop",
    )
    return evolve(usual, **changes)


def commands(*leftovers):
    """The commands of `--list`, by the title of their section."""
    found = sections(SpawnedDetail(leftovers))
    return {section.title: section.code.splitlines() for section in found if section.code}


SAVE, LOOK, TAKE = "To save what is in a copy only", "To look at it", "To take it over"
REMOVE, LOSE = "To remove it for good", "To remove these for good, with what is in them"


def test_names_in_commands_are_quoted():
    hostile = left(branch="lok/r/$(touch${IFS}x);a", directory="/state/it's here", repository="/a b")
    listed = commands(hostile)
    assert shlex.split(listed[SAVE][0])[1] == "/state/it's here"
    for title, tip in (
        (LOOK, f"refs/heads/{hostile.branch}"),
        (TAKE, f"{BASE}..refs/heads/{hostile.branch}"),
    ):
        words = shlex.split(listed[title][0])
        assert (words[2], words[-1]) == ("/a b", tip)
    assert shlex.split(listed[LOSE][0])[-1] == hostile.branch


def test_a_name_that_is_no_printable_text_is_written_as_bash_reads_it():
    strange = "/state/it's\n\\here\udcff"
    (save,) = commands(left(directory=strange))[SAVE]
    word = save.removeprefix("(cd ").partition(" && ")[0]
    assert word == r"$'/state/it\'s\012\\here\377'"
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, check=True)
    assert said.stdout == os.fsencode(strange)


def test_a_copy_is_never_removed_as_if_nothing_were_in_it():
    assert REMOVE not in commands(left())
    assert LOSE not in commands(left(merged=True, ahead=0, uncommitted=0))


def test_of_a_copy_that_was_only_being_made_nothing_is_saved():
    listed = commands(left(settled=True, ahead=0, merged=True, uncommitted=3641))
    assert list(listed) == [REMOVE]


def test_what_git_does_not_know_is_removed_as_a_folder_and_not_saved_by_git():
    listed = commands(left(known=False, branch="", commit="", ahead=0))
    assert listed == {LOSE: ["rm -rf /state/r/a"]}


def test_a_commit_that_only_a_copy_has_checked_out_gets_a_branch_once():
    listed = commands(left(head=HEAD, commit=BASE, uncommitted=0))
    assert listed[SAVE] == [f"git -C /shop branch lok/r/a-saved {HEAD}"]
    assert listed[TAKE] == [f"git -C /shop cherry-pick {BASE}..{HEAD}"]
    saved = Leftover("r", "a-saved", "lok/r/a-saved", HEAD, ahead=1, base=BASE, repository="/shop")
    listed = commands(left(head=HEAD, commit=BASE, uncommitted=0), saved)
    assert SAVE not in listed
    assert listed[LOOK] == [f"git -C /shop diff {BASE} refs/heads/lok/r/a-saved"]
    (again,) = commands(left(head=HEAD), saved)[SAVE]
    assert "checkout -q -b lok/r/a-saved-2 " in again


def test_while_a_run_goes_on_its_copies_are_left_alone():
    assert not {SAVE, REMOVE, LOSE} & set(commands(left(running=True)))


def test_where_the_start_is_not_known_only_looking_is_offered():
    listed = commands(left(base="", uncommitted=0))
    assert listed[LOOK] == ["git -C /shop log -p refs/heads/lok/r/a --not HEAD --"]
    assert TAKE not in listed


def spawned(*branches, **changes):
    """The titles, lines and commands of a run's report."""
    usual = SpawnDetail(TASK, write=True, root="/shop", base=BASE, dirty=True, branches=branches)
    return {section.title: section for section in sections(evolve(usual, **changes))}


def test_a_kept_copy_is_told_apart_from_what_did_nothing_and_is_not_removed():
    kept = Branch("a", "lok/r/a", BASE, directory="/state/r/a", problem="disk full")
    told = spawned(kept, Branch("b", "lok/r/b", BASE))
    assert told["Nothing changed"].lines == ("lok/r/b",)
    lines = told["Kept, as not all of it is known to be on its branch"].lines
    assert lines[:3] == ("lok/r/a", "disk full", "copy: /state/r/a")
    assert "`lok spawn --list`" in lines[3]
    assert told[REMOVE].code == "git -C /shop branch -D lok/r/b"


def test_a_branch_that_changed_and_was_kept_is_shown_and_not_removed():
    told = spawned(Branch("a", "lok/r/a", TIP, 1, 2, 3, " a.py", "/state/r/a", "disk full"))
    assert told["lok/r/a: 1 file, +2 -3"].code == " a.py"
    assert "Kept, as not all of it is known to be on its branch" in told
    assert REMOVE not in told


def test_a_branch_without_changes_in_the_end_has_no_patch_to_apply():
    told = spawned(Branch("a", "lok/r/a", TIP))
    assert "To add it to your uncommitted work" not in told
    assert "To look at it" in told


def test_names_of_files_that_are_no_printable_text_are_shown_as_git_does():
    told = spawned(conflicts=(Conflict("lok/r/a", "", ("bad\udcff", 'two\nlines"', "plain é")),))
    assert told["Conflicts"].lines == (
        r'lok/r/a and your checkout as it is now: "bad\377", "two\012lines\"", plain é',
    )


def test_ignored_files_are_named():
    told = spawned(Branch("a", "lok/r/a", TIP, 1, ignored=3, ignored_names=("code.py", "b\n")))
    (line,) = told["lok/r/a: 1 file, +0 -0"].lines
    assert line.endswith(r'3 files and folders of the copy (code.py, "b\012", ...)')
