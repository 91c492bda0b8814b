"""Requests through the engine: limits, deadlines, retries; and no backend takes anything from another."""

from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio
import trio.testing
from attrs import evolve

from lok_core.engine import Engine, Limits
from lok_core.errors import BackendError, NoBackendError, UnknownNameError
from lok_core.interfaces import Backend
from lok_core.job import EngineJob
from lok_core.models import Profile, Reply, Request, Turn, Usage
from lok_core.outcome import Answer, Failure
from lok_core.panel import Panel
from lok_core.process import open_children
from lok_core.testing import ScriptedBackend, Step


@asynccontextmanager
async def open_job(folder, *backends, env=None, named=(), listener=lambda event: None, **limits):
    panel = Panel({backend.name: backend for backend in backends}, env or {}, named)
    async with open_children() as children:
        yield EngineJob(Engine(panel, [], children, folder, Limits(**limits), listener), folder, named)


def asking(backend, prompt="why?", **more):
    return Request(prompt, Path("/"), backend=backend, **more)


async def test_turns_of_conversations_side_by_side_have_folders_of_their_own(tmp_path):
    class Conversing(Backend):
        profile = Profile(converses=True)

        async def query(self, request, run):
            raise NotImplementedError

        async def converse(self, messages, tools, run):
            (run.folder / "note").write_text("mine")
            await trio.testing.wait_all_tasks_blocked()
            return Turn(str(run.folder))

    turns = []

    async with open_job(tmp_path, Conversing("a", None)) as job, trio.open_nursery() as nursery:

        async def converse():
            turns.append(await job.converse("a", [], []))

        nursery.start_soon(converse)
        nursery.start_soon(converse)
    assert all(isinstance(turn, Turn) for turn in turns)
    assert len({turn.text for turn in turns}) == 2


async def test_outcomes_come_in_the_order_of_the_requests(tmp_path, autojump_clock):
    slow, fast = ScriptedBackend("slow", [Step("late", after_s=5)]), ScriptedBackend("fast", [Step("early")])
    async with open_job(tmp_path, slow, fast) as job:
        outcomes = await job.ask_all([asking("slow"), asking("fast")])
    assert [outcome.reply.text for outcome in outcomes] == ["late", "early"]


async def test_all_requests_are_under_way_at_once(tmp_path, autojump_clock):
    backends = [ScriptedBackend(name, [Step(after_s=2)]) for name in "abc"]
    async with open_job(tmp_path, *backends) as job:
        begin = trio.current_time()
        await job.ask_all([asking(name) for name in "abc" for _ in range(4)])
        assert trio.current_time() - begin == pytest.approx(2)


@pytest.mark.parametrize(
    ("limits", "seconds"), [({"jobs": 2}, 6), ({"per_backend": 1}, 6), ({"jobs": 1}, 12)], ids=str
)
async def test_limits_bound_what_is_under_way(tmp_path, autojump_clock, limits, seconds):
    backends = [ScriptedBackend(name, [Step(after_s=2)]) for name in "ab"]
    async with open_job(tmp_path, *backends, **limits) as job:
        begin = trio.current_time()
        await job.ask_all([asking(name) for name in "ab" for _ in range(3)])
        assert trio.current_time() - begin == pytest.approx(seconds)


async def test_the_deadline_does_not_count_the_time_in_the_queue(tmp_path, autojump_clock):
    backend = ScriptedBackend("a", [Step(after_s=8)])
    async with open_job(tmp_path, backend, per_backend=1, timeout_s=10) as job:
        outcomes = await job.ask_all([asking("a")] * 3)
    assert all(isinstance(outcome, Answer) for outcome in outcomes)


async def test_a_deadline_keeps_what_was_said(tmp_path, autojump_clock):
    backend = ScriptedBackend("a", [Step(says=("The first ", "problem is"), after_s=99)])
    async with open_job(tmp_path, backend, timeout_s=10) as job:
        outcome = await job.ask(asking("a"))
    assert isinstance(outcome, Failure)
    assert (outcome.kind, outcome.partial) == ("timeout", "The first problem is")
    assert outcome.duration_s == pytest.approx(10)
    assert "10 s" in outcome.message
    assert "--timeout" in outcome.hint


async def test_a_failing_backend_takes_nothing_from_the_others(tmp_path, autojump_clock):
    backends = [
        ScriptedBackend("good", [Step("fine", after_s=1)]),
        ScriptedBackend("down", [Step(error=BackendError("auth", "no key", hint="export KEY=..."))]),
        ScriptedBackend("broken", [Step(error=KeyError("oops"))]),
        ScriptedBackend("hangs", [Step(after_s=999)]),
    ]
    async with open_job(tmp_path, *backends, timeout_s=5) as job:
        outcomes = await job.ask_all([asking(backend.name) for backend in backends])
    assert outcomes[0].reply.text == "fine"
    assert [outcome.kind for outcome in outcomes[1:]] == ["auth", "plugin", "timeout"]
    assert (outcomes[1].message, outcomes[1].hint) == ("no key", "export KEY=...")
    assert "KeyError" in outcomes[2].message
    assert "scripted.py" in outcomes[2].detail


async def test_an_expected_failure_in_a_plugins_nursery_keeps_its_kind(tmp_path):
    class Grouped(ScriptedBackend):
        async def query(self, request, run):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.fail)
            return Reply("never")

        async def fail(self):
            raise BackendError("quota", "used up")

    async with open_job(tmp_path, Grouped("a")) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.kind, outcome.message) == ("quota", "used up")


@pytest.mark.parametrize("kind", ["rate_limit", "overloaded", "network"])
async def test_a_passing_failure_is_retried(tmp_path, autojump_clock, kind):
    events = []
    backend = ScriptedBackend("a", [Step(error=BackendError(kind, "busy")), Step("there")])
    async with open_job(tmp_path, backend, listener=events.append) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.reply.text, outcome.attempts) == ("there", 2)
    assert [event.kind for event in events] == ["queued", "started", "retry", "finished"]


async def test_the_provider_says_when_to_retry(tmp_path, autojump_clock):
    busy = Step(error=BackendError("rate_limit", "busy", retry_after_s=17))
    async with open_job(tmp_path, ScriptedBackend("a", [busy, Step("there")])) as job:
        outcome = await job.ask(asking("a"))
    assert outcome.duration_s == pytest.approx(17)


async def test_retries_end(tmp_path, autojump_clock):
    backend = ScriptedBackend("a", [Step(error=BackendError("network", "gone"))])
    async with open_job(tmp_path, backend, attempts=3, backoff_s=1) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.kind, outcome.attempts) == ("network", 3)
    assert outcome.duration_s == pytest.approx(1 + 2)


async def test_no_pause_is_begun_that_the_deadline_would_cut(tmp_path, autojump_clock):
    backend = ScriptedBackend("a", [Step(error=BackendError("rate_limit", "busy", retry_after_s=100))])
    async with open_job(tmp_path, backend, timeout_s=10) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.kind, outcome.duration_s) == ("rate_limit", 0)


@pytest.mark.parametrize("kind", ["auth", "quota", "refused", "invalid"])
async def test_a_lasting_failure_is_not_retried(tmp_path, kind):
    backend = ScriptedBackend("a", [Step(error=BackendError(kind, "no"))])
    async with open_job(tmp_path, backend) as job:
        assert (await job.ask(asking("a"))).attempts == 1


async def test_a_backend_that_retries_by_itself_is_asked_once(tmp_path):
    backend = ScriptedBackend(
        "a", [Step(error=BackendError("network", "gone"))], profile=Profile(retries=True)
    )
    async with open_job(tmp_path, backend) as job:
        assert (await job.ask(asking("a"))).attempts == 1


async def test_an_answer_without_words_is_empty(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("a", [Step(" \n")])) as job:
        assert (await job.ask(asking("a"))).kind == "empty"


async def test_no_findings_are_an_answer(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("a", [Step(Reply(data={"findings": []}))])) as job:
        assert isinstance(await job.ask(asking("a")), Answer)


async def test_a_backend_that_raises_while_its_deadline_ends_it_fails_alone(tmp_path, autojump_clock):
    class Raises(ScriptedBackend):
        async def query(self, request, run):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self.clean_up_badly)
                await trio.sleep_forever()

        async def clean_up_badly(self):
            try:
                await trio.sleep_forever()
            finally:
                raise KeyError("oops")

    async with open_job(tmp_path, Raises("a"), ScriptedBackend("b"), timeout_s=5) as job:
        outcomes = await job.ask_all([asking("a"), asking("b")])
    assert outcomes[0].kind == "plugin"
    assert isinstance(outcomes[1], Answer)


async def test_what_is_no_reply_is_the_plugins_fault(tmp_path):
    class Wrong(ScriptedBackend):
        async def query(self, request, run):
            return "just text"

    async with open_job(tmp_path, Wrong("a")) as job:
        outcome = await job.ask(asking("a"))
    assert outcome.kind == "plugin"
    assert "str instead of a Reply" in outcome.message


@pytest.mark.parametrize(
    "reply",
    [
        Reply(b"x"),
        Reply("x", data=["a"]),
        Reply("x", data={"a": {1, 2}}),
        Reply("x", data={"a": float("nan")}),
        Reply("x", data={"a": 10**4999}),
        Reply("x", data={("a", "b"): 1}),
        Reply("x", notes=None),
        Reply("x", usage=None),
        Reply("x", usage=Usage(cost_usd=float("inf"))),
        Reply("x", usage=Usage("12", "13")),
        Reply("x", model=object()),
        Reply("x", session=b"s"),
    ],
    ids=[
        "text",
        "data-list",
        "set",
        "nan",
        "huge",
        "keys",
        "notes",
        "usage",
        "inf",
        "texts",
        "model",
        "session",
    ],
)
async def test_a_malformed_reply_fails_alone(tmp_path, reply):
    async with open_job(tmp_path, ScriptedBackend("a", [Step(reply)]), ScriptedBackend("b")) as job:
        outcomes = await job.ask_all([asking("a"), asking("b")])
    assert outcomes[0].kind == "plugin"
    assert isinstance(outcomes[1], Answer)


async def test_what_is_said_that_is_no_text_fails_alone(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("a", [Step(says=(5,))]), ScriptedBackend("b")) as job:
        outcomes = await job.ask_all([asking("a"), asking("b")])
    assert (outcomes[0].kind, outcomes[0].partial) == ("plugin", "")
    assert isinstance(outcomes[1], Answer)


async def test_a_message_that_is_no_text_becomes_one(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("a", [Step(error=BackendError("auth", 5, 6))])) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.message, outcome.hint) == ("5", "6")


async def test_what_a_plugin_raises_on_being_interrupted_takes_no_answer_along(tmp_path, autojump_clock):
    class Raises(ScriptedBackend):
        async def query(self, request, run):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.sleep_forever)
                try:
                    await trio.sleep_forever()
                finally:
                    raise ValueError("while cancelled")

    async with open_job(tmp_path, Raises("a"), ScriptedBackend("b")) as job, trio.open_nursery() as nursery:

        async def interrupt():
            await trio.sleep(1)
            job.interrupt("ended by Ctrl-C")

        nursery.start_soon(interrupt)
        outcomes = await job.ask_all([asking("a"), asking("b")])
    assert outcomes[0].kind == "cancelled"
    assert isinstance(outcomes[1], Answer)


async def test_an_unknown_failure_kind_is_the_plugins_fault(tmp_path):
    backend = ScriptedBackend("a", [Step(error=BackendError("tired", "later"))])
    async with open_job(tmp_path, backend) as job:
        assert (await job.ask(asking("a"))).kind == "plugin"


async def test_interrupting_keeps_answers_and_ends_the_rest(tmp_path, autojump_clock):
    quick = ScriptedBackend("quick", [Step("done")])
    slow = ScriptedBackend("slow", [Step(says=("so far",), after_s=99)])
    async with open_job(tmp_path, quick, slow, per_backend=1) as job:

        async def interrupt():
            await trio.sleep(3)
            job.interrupt("ended by Ctrl-C")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(interrupt)
            outcomes = await job.ask_all([asking("quick"), asking("slow"), asking("slow")])
        assert outcomes[0].reply.text == "done"
        assert [outcome.kind for outcome in outcomes[1:]] == ["cancelled", "cancelled"]
        assert sorted(outcome.partial for outcome in outcomes[1:]) == [
            "",
            "so far",
        ]  # trio starts in any order
        assert {outcome.message for outcome in outcomes[1:]} == {
            "ended by Ctrl-C before it had answered",
            "ended by Ctrl-C before it was started",
        }
        later = await job.ask(asking("quick"))
        assert later.kind == "cancelled"
        assert len(quick.requests) == 1
        assert job.outcomes == (*outcomes, later)


async def test_secrets_are_masked_wherever_a_backend_speaks(tmp_path, autojump_clock):
    key = "sk-" + "a1b2" * 6
    profile = Profile(secrets=("KEY",))
    said = f"your key is {key}"
    talker = ScriptedBackend("a", [Step(Reply(said, data={"deep": [{"er": said}]}))], profile=profile)
    failing = ScriptedBackend("b", [Step(says=(said,), error=BackendError("auth", said))], profile=profile)
    events = []
    async with open_job(tmp_path, talker, failing, env={"KEY": key}, listener=events.append) as job:
        outcomes = await job.ask_all([asking("a"), asking("b")])
    assert key not in repr([evolve(outcome, request=None) for outcome in outcomes])
    assert key not in repr(events)
    assert outcomes[1].message.startswith("your key is sk-a***")


async def test_each_request_has_a_private_folder_that_goes_away(tmp_path):
    seen = []

    class Looks(ScriptedBackend):
        async def query(self, request, run):
            seen.append((run.folder, run.folder.stat().st_mode & 0o777))
            (run.folder / "left.txt").write_text("x")
            return Reply("ok")

    async with open_job(tmp_path, Looks("a")) as job:
        await job.ask_all([asking("a"), asking("a")])
    assert len({folder for folder, _ in seen}) == 2
    assert {mode for _, mode in seen} == {0o700}
    assert list(tmp_path.iterdir()) == []


async def test_a_program_runs_in_the_private_folder_with_a_scrubbed_environment(tmp_path, fake_cli):
    program = fake_cli("mine", stdout="hello")

    class Runs(ScriptedBackend):
        async def query(self, request, run):
            done = await run.command([program.path, "-x"], stdin=request.prompt.encode())
            return Reply(done.stdout.decode())

    env = {"PATH": "/usr/bin:/bin", "HOME": "/nowhere", "OTHER_KEY": "secret-of-b", "LD_PRELOAD": "evil.so"}
    other = ScriptedBackend("b", profile=Profile(secrets=("OTHER_KEY",)))
    async with open_job(tmp_path, Runs("a"), other, env=env) as job:
        outcome = await job.ask(asking("a", "-n\0 prompt ü"))
    (call,) = program.calls
    assert outcome.reply.text == "hello"
    assert (call["argv"], call["stdin"]) == (["-x"], "-n\0 prompt ü")
    assert Path(call["cwd"]).parent == tmp_path
    assert call["env"]["TMPDIR"] == call["cwd"]
    assert call["env"]["LOK_DEPTH"] == "1"
    assert "OTHER_KEY" not in call["env"]
    assert "LD_PRELOAD" not in call["env"]


async def test_a_backend_that_calls_lok_is_stopped(tmp_path):
    backend = ScriptedBackend("a")
    async with open_job(tmp_path, backend, env={"LOK_DEPTH": "1"}) as job:
        outcome = await job.ask(asking("a"))
    assert (outcome.kind, backend.requests) == ("invalid", [])


async def test_without_a_name_the_recommended_backend_is_asked(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("b"), ScriptedBackend("a")) as job:
        assert (await job.ask(asking(None))).backend == "a"


async def test_nobody_to_ask_is_an_error(tmp_path):
    by_name = ScriptedBackend("a", profile=Profile(asked_by_default=False))
    async with open_job(tmp_path, by_name) as job:
        with pytest.raises(NoBackendError, match="no backend"):
            await job.ask(asking(None))


async def test_an_unknown_backend_is_an_error_with_the_nearest_name(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("codex")) as job:
        with pytest.raises(UnknownNameError, match="codx") as caught:
            await job.ask(asking("codx"))
    assert "codex" in caught.value.hint


async def test_a_conversation_goes_through_the_same_deadline(tmp_path, autojump_clock):
    class Converses(ScriptedBackend):
        async def converse(self, messages, tools, run):
            await trio.sleep(99)

    converses = Converses("a", profile=Profile(converses=True))
    async with open_job(tmp_path, converses, timeout_s=5) as job:
        assert (await job.converse("a", [], [])).kind == "timeout"


async def test_a_conversation_returns_the_turn(tmp_path):
    class Converses(ScriptedBackend):
        async def converse(self, messages, tools, run):
            return Turn("next")

    async with open_job(tmp_path, Converses("a", profile=Profile(converses=True))) as job:
        assert await job.converse("a", [], []) == Turn("next")


async def test_a_backend_that_answers_no_questions_has_no_conversation_either(tmp_path):
    async with open_job(tmp_path, ScriptedBackend("a", profile=Profile(answers_questions=False))) as job:
        assert (await job.converse("a", [], [])).message == "a cannot call tools"


async def test_a_backend_that_cannot_close_does_not_keep_the_others_from_it(tmp_path):
    closed, events = [], []

    class Closes(Backend):
        kind = "closes"

        async def query(self, request, run):
            return Reply("ok")

        async def aclose(self):
            if self.name == "a":
                raise OSError("stuck")
            closed.append(self.name)

    async with open_job(tmp_path, Closes("a", None), Closes("b", None), listener=events.append) as job:
        await job.engine.aclose()
    assert closed == ["b"]
    assert "stuck" in events[0].text


async def test_a_running_program_that_is_interrupted_is_recorded(tmp_path, fake_cli):
    program = fake_cli("mine", stdout="so far", hangs=True)
    heard = trio.Event()

    class Runs(ScriptedBackend):
        async def query(self, request, run):
            def hear(chunk):
                run.text(chunk.decode())
                heard.set()

            await run.command([program.path], on_stdout=hear)

    async with (
        open_job(tmp_path, Runs("a"), env={"PATH": "/usr/bin:/bin"}) as job,
        trio.open_nursery() as nursery,
    ):

        async def interrupt():
            await heard.wait()
            job.interrupt("ended by Ctrl-C")

        nursery.start_soon(interrupt)
        outcome = await job.ask(asking("a"))
    assert (outcome.kind, outcome.partial) == ("cancelled", "so far")
