"""Asking and tasks through an open lok: who is asked, and what the report says."""

import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lok_core import (
    BackendError,
    NoBackendError,
    Profile,
    Prompt,
    PromptTask,
    Reply,
    Rule,
    Task,
    UsageError,
    Vote,
    hookimpl,
    open_lok,
)
from lok_core.builtin import StrengthsRule
from lok_core.models import Message, Request, Tool, ToolCall, Turn, Usage
from lok_core.modes.reporting import total
from lok_core.outcome import Answer, AskDetail, TaskDetail
from lok_core.registry import Plugin, Registry
from lok_core.testing import ScriptedBackend, Step


class Review(PromptTask):
    name = "review"
    description = "Reviews"
    preferred = ("codex",)
    prompts = (
        Prompt("bugs", "Find bugs", category="errors"),
        Prompt("slow", "Find what is slow", category="performance"),
        Prompt("n+1", "Find N+1", category="performance"),
    )


READS = ("none", "read")
ANALYSER = Profile(is_llm=False, answers_questions=False, access=("read",))


def offering(kind, profile=None, step=None, base=ScriptedBackend):
    """A scripted backend as a plugin would offer it."""

    class Offered(base):
        def __init__(self, name, config):
            super().__init__(name, [step or Step(f"from {kind}")], profile or Profile(access=READS))

    Offered.kind = kind
    return Offered


@asynccontextmanager
async def opened(tmp_path, *offers, rules=(), tasks=(Review,), **options):
    class Module:
        @hookimpl
        def lok_register_backends(self):
            return list(offers)

        @hookimpl
        def lok_register_tasks(self):
            return list(tasks)

        @hookimpl
        def lok_register_rules(self):
            return list(rules)

    registry = Registry()
    registry.add(Plugin("lok-test", "1", "test", Module))
    given = {"env": {}, "state_dir": tmp_path / "state", "plugins": lambda env: registry, **options}
    async with open_lok(tmp_path, **given) as lok:
        assert not lok.warnings
        yield lok


def asked_of(report):
    return [(outcome.backend, outcome.request.label) for outcome in report.outcomes]


async def test_ask_asks_every_eligible_backend(tmp_path):
    by_name = offering("echo", Profile(asked_by_default=False))
    async with opened(
        tmp_path, offering("codex"), offering("gemini"), offering("static", ANALYSER), by_name
    ) as lok:
        report = await lok.ask("why?", tmp_path)
    assert asked_of(report) == [("codex", ""), ("gemini", "")]
    assert report.detail == AskDetail("why?")
    assert report.directory == tmp_path


async def test_ask_asks_those_named_and_no_others(tmp_path):
    by_name = offering("echo", Profile(asked_by_default=False))
    async with opened(tmp_path, offering("codex"), by_name, backends=["echo"]) as lok:
        assert asked_of(await lok.ask("why?", tmp_path)) == [("echo", "")]


async def test_ask_without_anybody_says_so(tmp_path):
    async with opened(tmp_path, offering("static", ANALYSER)) as lok:
        with pytest.raises(NoBackendError, match="static does not"):
            await lok.ask("why?", tmp_path)


async def test_ask_of_an_analyser_says_what_it_is_for(tmp_path):
    async with opened(tmp_path, offering("static", ANALYSER), backends=["static"]) as lok:
        with pytest.raises(NoBackendError, match="answers no questions"):
            await lok.ask("why?", tmp_path)


@pytest.mark.parametrize("prompt", ["", " \n\t"])
async def test_an_empty_prompt_is_refused(tmp_path, prompt):
    async with opened(tmp_path, offering("codex")) as lok:
        with pytest.raises(UsageError, match="empty"):
            await lok.ask(prompt, tmp_path)


async def test_a_task_asks_the_preferred_model_and_the_analysers(tmp_path):
    static = offering("static", ANALYSER, Step(Reply(data={"findings": []})))
    async with opened(tmp_path, offering("claude"), offering("codex"), static) as lok:
        report = await lok.run_task("review", tmp_path)
    assert asked_of(report) == [
        ("codex", "bugs"),
        ("codex", "slow"),
        ("codex", "n+1"),
        ("static", "bugs"),
        ("static", "slow"),
    ]
    assert report.detail == TaskDetail("review", "Reviews", ("bugs", "slow", "n+1"))
    assert report.notes == ()


async def test_a_model_that_cannot_read_the_directory_is_no_help_to_a_task(tmp_path):
    deaf, able = offering("codex", Profile(access=("none",))), offering("mine")
    async with opened(tmp_path, deaf, able) as lok:
        report = await lok.run_task("review", tmp_path)
    assert {outcome.backend for outcome in report.outcomes} == {"mine"}


async def test_a_model_that_cannot_read_the_directory_is_asked_by_name(tmp_path):
    deaf = offering("codex", Profile(access=("none",)))
    async with opened(tmp_path, deaf, backends=["codex"]) as lok:
        report = await lok.run_task("review", tmp_path)
    assert {outcome.backend for outcome in report.outcomes} == {"codex"}


async def test_prompts_of_a_table_for_a_task_that_takes_none_are_told(tmp_path):
    class Own(Task):
        name = "own"
        description = "Asks in its own way"

        async def run(self, job):
            raise NotImplementedError

    config = tmp_path / "given.toml"
    config.write_text('[tasks.own]\nprompts = [{name = "a", prompt = "?"}]')
    async with opened(tmp_path, offering("codex"), tasks=[Own], config=config) as lok:
        with pytest.raises(UsageError, match="the task 'own' takes no prompts, but asks in its own way"):
            await lok.run_task("own", tmp_path)


async def test_what_a_conversation_of_a_task_asks_is_no_finding(tmp_path):
    class Boss(ScriptedBackend):
        async def converse(self, messages, tools, run):
            if len(messages) > 1:
                return Turn("HIGH app.py:3: It divides by zero\n")
            return Turn("", (ToolCall("1", "look", {"at": "HIGH app.py:2: It never closes the file\n"}),))

    class Own(Task):
        name = "own"
        description = "Asks in its own way"

        async def run(self, job):
            question = Message("user", "What is wrong?")
            await job.converse("boss", [question], [Tool("look", "Looks", {"type": "object"})])
            await job.converse("boss", [question, Message("assistant", "So?")], [])

    boss = offering("boss", Profile(converses=True, access=READS), base=Boss)
    async with opened(tmp_path, boss, tasks=[Own]) as lok:
        report = await lok.run_task("own", tmp_path)
    assert [finding.title for finding in report.findings] == ["It divides by zero"]


async def test_a_model_is_given_the_schema_and_may_read(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        report = await lok.run_task("review", tmp_path)
    request = report.outcomes[0].request
    assert request.output_schema["title"] == "lok.findings/1"
    assert request.access == "read"


async def test_without_the_preferred_model_strengths_decide_for_each_prompt(tmp_path):
    quick, careful = (
        Profile(strengths=("performance",), access=READS),
        Profile(strengths=("errors",), access=READS),
    )
    offers = offering("quick", quick), offering("careful", careful)
    async with opened(tmp_path, *offers, rules=[StrengthsRule]) as lok:
        report = await lok.run_task("review", tmp_path)
    assert asked_of(report) == [("careful", "bugs"), ("quick", "slow"), ("quick", "n+1")]


async def test_a_task_asks_each_of_those_named(tmp_path):
    static = offering("static", ANALYSER)
    async with opened(
        tmp_path, offering("claude"), offering("codex"), static, backends=["claude", "codex"]
    ) as lok:
        report = await lok.run_task("review", tmp_path)
    assert [backend for backend, label in asked_of(report) if label == "bugs"] == ["claude", "codex"]
    assert len(report.outcomes) == 6


async def test_all_means_everyone_who_is_asked_by_default(tmp_path):
    static = offering("static", ANALYSER)
    by_name = offering("echo", Profile(asked_by_default=False))
    offers = offering("claude"), offering("codex"), static, by_name
    async with opened(tmp_path, *offers, backends=["all"]) as lok:
        report = await lok.run_task("review", tmp_path)
    assert {backend for backend, _ in asked_of(report)} == {"claude", "codex", "static"}


async def test_a_task_without_a_model_says_how_to_add_one(tmp_path):
    async with opened(tmp_path, offering("static", ANALYSER)) as lok:
        report = await lok.run_task("review", tmp_path)
    assert "no language model was asked" in report.notes[0]


async def test_a_task_whose_models_cannot_read_says_how_they_may(tmp_path):
    offers = offering("static", ANALYSER), offering("blind", Profile(access=("none",)))
    async with opened(tmp_path, *offers) as lok:
        report = await lok.run_task("review", tmp_path)
    assert report.notes[0].startswith("no language model was asked: blind cannot read the directory")
    assert "Profile.access" in report.notes[0]
    assert "access = { read = [...] }" in report.notes[0]


async def test_a_task_without_anybody_is_an_error(tmp_path):
    async with opened(tmp_path) as lok:
        with pytest.raises(NoBackendError, match="no backend is there for the task 'review'"):
            await lok.run_task("review", tmp_path)


async def test_findings_come_from_structured_replies_and_are_ranked(tmp_path):
    items = [{"title": "minor", "severity": "low"}, {"title": "bad", "severity": "critical"}]
    static = offering("static", ANALYSER, Step(Reply(data={"findings": items})))
    async with opened(tmp_path, static) as lok:
        report = await lok.run_task("review", tmp_path)
    assert [finding.title for finding in report.findings] == ["bad", "bad", "minor", "minor"]
    assert all(finding.sources[0].lead for finding in report.findings)


async def test_a_failed_request_does_not_cost_the_findings_of_the_others(tmp_path):
    down = offering("codex", step=Step(error=BackendError("auth", "no key")))
    static = offering("static", ANALYSER, Step(Reply(data={"findings": [{"title": "bad"}]})))
    async with opened(tmp_path, down, static) as lok:
        report = await lok.run_task("review", tmp_path)
    assert [finding.title for finding in report.findings] == ["bad", "bad"]
    assert [outcome.kind for outcome in report.outcomes[:3]] == ["auth"] * 3


async def test_a_task_that_breaks_off_keeps_what_was_answered(tmp_path):
    class Breaks(Task):
        name = "breaks"
        description = "Breaks off"

        async def run(self, job):
            await job.ask(Request("why?", job.directory))
            raise KeyError("oops")

    async with opened(tmp_path, offering("codex"), tasks=[Breaks]) as lok:
        report = await lok.run_task("breaks", tmp_path)
    assert isinstance(report.outcomes[0], Answer)
    assert report.interrupted
    assert "KeyError" in report.notes[0]


async def test_a_rule_that_raises_has_no_opinion(tmp_path):
    class Raises(Rule):
        name = "raises"

        def votes(self, request, backends):
            yield Vote("gemini", 9, "before it raises")
            raise KeyError("oops")

    async with opened(tmp_path, offering("codex"), offering("gemini"), rules=[Raises, StrengthsRule]) as lok:
        report = await lok.run_task("review", tmp_path)
    assert report.outcomes[0].backend == "codex"


@pytest.mark.parametrize("path", ["missing", "file.txt"])
async def test_a_directory_has_to_be_one(tmp_path, path):
    (tmp_path / "file.txt").write_text("x")
    async with opened(tmp_path, offering("codex")) as lok:
        with pytest.raises(UsageError, match="directory"):
            await lok.run_task("review", tmp_path / path)


async def test_a_backend_that_cannot_be_made_is_left_out(tmp_path):
    class Broken(offering("broken")):
        def __init__(self, name, config):
            raise KeyError("oops")

    Broken.kind = "broken"
    async with opened(tmp_path, Broken, offering("codex")) as lok:
        assert asked_of(await lok.ask("why?", tmp_path)) == [("codex", "")]
        assert "KeyError" in lok.engine.panel.problems["broken"]


async def test_a_broken_backend_that_was_named_is_an_error(tmp_path):
    class Broken(offering("broken")):
        def __init__(self, name, config):
            raise KeyError("oops")

    Broken.kind = "broken"
    with pytest.raises(UsageError, match="'broken' is broken"):
        async with opened(tmp_path, Broken, backends=["broken"]):
            pass


async def test_a_run_leaves_nothing_in_the_state_folder(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        await lok.ask("why?", tmp_path)
    assert list((tmp_path / "state" / "running").iterdir()) == []


async def test_folders_of_killed_runs_are_removed_and_of_living_ones_kept(tmp_path):
    running = tmp_path / "state" / "running"
    (running / "killed" / "1-1").mkdir(parents=True)
    async with opened(tmp_path, offering("codex")) as first:
        for folder in running.iterdir():
            os.utime(folder, (0, 0))
        async with opened(tmp_path, offering("codex")) as second:
            assert {folder.name for folder in running.iterdir()} == {first.run, second.run}


async def test_a_folder_that_was_just_made_is_kept(tmp_path):
    (tmp_path / "state" / "running" / "starting").mkdir(parents=True)
    async with opened(tmp_path, offering("codex")):
        assert (tmp_path / "state" / "running" / "starting").exists()


def told(**usage):
    return Answer(Request("?", Path("/")), "a", Reply("x", usage=Usage(**usage)), 1.0)


def test_usage_adds_up():
    assert total([told(input_tokens=3, cost_usd=0.5), told(input_tokens=4, cost_usd=0.25)]) == Usage(
        input_tokens=7, cost_usd=0.75
    )


def test_usage_that_is_partly_unknown_is_unknown():
    assert total([told(input_tokens=3), told()]) == Usage()


def test_no_answers_have_no_usage():
    assert total([]) == Usage()
