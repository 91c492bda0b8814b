"""What bounds a run: caps, quotas, silence; and what is said of what they did."""

import math
import re
from pathlib import Path

import pytest
import trio
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.engine import Engine
from lok_core.errors import BackendError
from lok_core.job import EngineJob
from lok_core.models import Message, Profile, Reply, Request, Turn, Usage
from lok_core.modes.reporting import report as reported
from lok_core.modes.reporting import shortcomings
from lok_core.outcome import Answer, AskDetail, Failure, Gate
from lok_core.panel import Limits, Panel
from lok_core.process import open_children
from lok_core.testing import ScriptedBackend, Step

STREAMS = Profile(access=("none", "read"), streams_progress=True)


class Opened:
    """A job, what it tells, and the report that comes of it."""

    def __init__(self, folder, backends, children, fallback=False, **limits):
        self.events = []
        panel = Panel({backend.name: backend for backend in backends}, {})
        self.engine = Engine(panel, [], children, folder, Limits(**limits), self.events.append)
        self.job = EngineJob(self.engine, folder, fallback=fallback)

    async def ask(self, *names, prompt="why?"):
        """The outcomes of asking each of these."""
        return await self.job.ask_all([Request(prompt, Path("/"), backend=name) for name in names])

    @property
    def report(self):
        made = reported("ask", self.job, AskDetail("why?"))
        return evolve(made, degraded=shortcomings(made, self.engine.budget))

    def told(self, kind):
        return [event for event in self.events if event.kind == kind]


@pytest.fixture
async def opened(tmp_path):
    async with open_children() as children:
        yield lambda *backends, **limits: Opened(tmp_path, backends, children, **limits)


def answered(outcomes):
    return [isinstance(outcome, Answer) for outcome in outcomes]


class TestCalls:
    async def test_the_first_in_order_are_asked_and_the_others_are_not_started(self, opened, autojump_clock):
        run = opened(ScriptedBackend("a", [Step(after_s=1)]), max_calls=3)
        outcomes = await run.ask(*"aaaaa")
        assert answered(outcomes) == [True, True, True, False, False]
        assert {(one.kind, one.message, one.attempts) for one in outcomes[3:]} == {
            ("cancelled", "not started: --max-calls 3 is reached", 0)
        }
        assert "--max-calls" in outcomes[3].hint
        assert run.report.degraded == ("--max-calls 3: 2 requests were not started",)

    async def test_a_further_attempt_is_a_call(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(error=BackendError("network", "down"))])
        run = opened(backend, max_calls=2)
        (outcome,) = await run.ask("a")
        assert (outcome.kind, outcome.attempts, len(backend.requests)) == ("network", 2, 2)
        assert outcome.hint == "not tried again: --max-calls 2 is reached"
        assert run.report.degraded == ("--max-calls 2: 1 request was not tried again",)

    async def test_why_there_is_no_further_attempt_is_said_once(self, opened, autojump_clock):
        error = BackendError("rate_limit", "slow down; retry after 5s", hint="ask less")
        run = opened(ScriptedBackend("a", [Step(error=error)]), max_calls=1, quota_wait_s=100)
        (outcome,) = await run.ask("a")
        assert outcome.hint == "not tried again: --max-calls 1 is reached; ask less"
        assert run.report.degraded == ("--max-calls 1: 1 request was not tried again",)

    async def test_further_attempts_take_nothing_from_requests_that_wait(self, opened, autojump_clock):
        fails = ScriptedBackend("a", [Step(error=BackendError("network", "down"))])
        run = opened(fails, ScriptedBackend("b", [Step(after_s=60)]), max_calls=4, per_backend=1)
        outcomes = await run.ask("a", "b", "b", "b")
        assert answered(outcomes) == [False, True, True, True]

    async def test_an_analyser_costs_nothing(self, opened):
        backend = ScriptedBackend("a", profile=Profile(is_llm=False))
        run = opened(backend, max_calls=1, max_tokens=1)
        assert answered(await run.ask("a", "a", "a")) == [True, True, True]

    async def test_a_run_is_over_when_its_calls_are(self, opened):
        run = opened(ScriptedBackend("a"), max_calls=1)
        await run.ask("a")
        (outcome,) = await run.ask("a")
        assert outcome.kind == "cancelled"

    async def test_a_turn_of_a_conversation_is_a_call(self, opened):
        class Conversing(ScriptedBackend):
            async def converse(self, messages, tools, run):
                return Turn("done")

        run = opened(Conversing("a", profile=Profile(converses=True)), max_calls=1)
        assert isinstance(await run.job.converse("a", [Message("user", "go")], []), Turn)
        last = await run.job.converse("a", [Message("user", "go")], [])
        assert (last.kind, last.message) == ("cancelled", "not started: --max-calls 1 is reached")

    async def test_what_is_asked_once_more_within_a_turn_is_a_call(self, opened):
        backend = ScriptedBackend("a", [Step('{"action": "query_backend", "backend": ')])
        run = opened(backend, max_calls=1)
        failure = await run.job.converse("a", [Message("user", "go")], [])
        assert failure.kind == "protocol"
        assert len(backend.requests) == 1

    async def test_no_fallback_for_what_a_cap_has_stopped(self, opened):
        backends = ScriptedBackend("a"), ScriptedBackend("b")
        run = opened(*backends, max_calls=1, fallback=True)
        await run.ask("a", "a")
        assert backends[1].requests == []

    @settings(deadline=None, max_examples=30)
    @given(st.integers(1, 12), st.lists(st.sampled_from(["ok", "network", "auth", "plugin"]), max_size=12))
    async def test_there_are_never_more_calls_than_allowed(self, tmp_path_factory, cap, fates):
        errors = {
            "network": BackendError("network", "x"),
            "auth": BackendError("auth", "x"),
            "plugin": OSError(),
        }
        backends = [
            ScriptedBackend(f"b{place}", [Step(error=errors.get(fate))]) for place, fate in enumerate(fates)
        ]
        folder = tmp_path_factory.mktemp("run")
        async with open_children() as children:
            run = Opened(folder, backends, children, max_calls=cap, backoff_s=0)
            outcomes = await run.ask(*(backend.name for backend in backends))
        assert sum(len(backend.requests) for backend in backends) <= cap
        assert len(outcomes) == len(fates)
        stopped = any(
            outcome.hint.startswith("not tried") or outcome.kind == "cancelled"
            for outcome in outcomes
            if isinstance(outcome, Failure)
        )
        assert bool(run.report.degraded and "--max-calls" in run.report.degraded[0]) == stopped


class TestTokens:
    async def test_nothing_is_started_once_they_are_used_up(self, opened, autojump_clock):
        reply = Reply("ok", usage=Usage(900, 200))
        run = opened(ScriptedBackend("a", [Step(reply, after_s=1)]), max_tokens=1000, per_backend=1)
        outcomes = await run.ask(*"aaa")
        assert sum(answered(outcomes)) == 1
        (said,) = {outcome.message for outcome in outcomes if isinstance(outcome, Failure)}
        assert said == "not started: --max-tokens 1000 is reached"
        assert run.report.degraded == ("--max-tokens 1000: 2 requests were not started",)
        assert run.report.notes == ()

    async def test_a_prompt_that_cannot_fit_is_not_sent(self, opened):
        backend = ScriptedBackend("a")
        (outcome,) = await opened(backend, max_tokens=100).ask("a", prompt="word " * 100)
        assert outcome.kind == "cancelled"
        assert backend.requests == []

    async def test_what_is_not_told_is_estimated_and_that_is_said(self, opened):
        run = opened(ScriptedBackend("a", [Step("x" * 4000)]), max_tokens=1000)
        assert answered([*await run.ask("a"), *await run.ask("a")]) == [True, False]
        assert run.report.notes == ("a does not tell all its tokens; for --max-tokens they are estimated",)

    async def test_without_a_cap_nobody_hears_of_estimates(self, opened):
        run = opened(ScriptedBackend("a"))
        await run.ask("a")
        assert run.report.notes == ()

    @pytest.mark.parametrize(("kind", "taken"), [("quota", 0), ("network", 0), ("refused", 1000)])
    async def test_a_failure_counts_if_a_model_has_read_the_prompt(self, opened, kind, taken):
        run = opened(
            ScriptedBackend("a", [Step(error=BackendError(kind, "x"))]), max_tokens=10**6, attempts=1
        )
        await run.ask("a", prompt="x" * 4000)
        assert run.engine.budget.tokens == taken

    async def test_what_was_said_before_a_timeout_counts(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(says=("x" * 4000,), after_s=99)])
        run = opened(backend, max_tokens=10**6, timeout_s=5)
        await run.ask("a", prompt="y" * 400)
        assert run.engine.budget.tokens == 1100


class TestDeadline:
    async def test_what_is_under_way_is_ended_and_keeps_what_was_said(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(says=("The first ", "part"), after_s=999)])
        run = opened(backend, deadline_s=60, per_backend=1)
        under_way, queued = sorted(await run.ask("a", "a"), key=lambda one: not one.attempts)
        assert (under_way.kind, under_way.partial) == ("cancelled", "The first part")
        assert under_way.message == "ended by --deadline 60 s before it had answered"
        assert queued.message == "not started: --deadline 60 s is over"
        assert run.report.degraded == ("--deadline 60 s: 1 request was ended, 1 request was not started",)
        assert not run.report.interrupted

    async def test_it_holds_for_the_whole_run(self, opened, autojump_clock):
        run = opened(ScriptedBackend("a", [Step(after_s=40)]), deadline_s=60)
        assert answered([*await run.ask("a"), *await run.ask("a"), *await run.ask("a")]) == [
            True,
            False,
            False,
        ]
        assert trio.current_time() - run.engine.budget.deadline < 1

    async def test_no_attempt_is_waited_for_beyond_it(self, opened, autojump_clock):
        error = BackendError("rate_limit", "slow down", retry_after_s=90)
        run = opened(ScriptedBackend("a", [Step(error=error)]), deadline_s=60)
        begin = trio.current_time()
        (outcome,) = await run.ask("a")
        assert (outcome.kind, trio.current_time() - begin) == ("rate_limit", 0)

    async def test_a_shorter_timeout_is_still_a_timeout(self, opened, autojump_clock):
        (outcome,) = await opened(ScriptedBackend("a", [Step(after_s=99)]), deadline_s=60, timeout_s=5).ask(
            "a"
        )
        assert outcome.kind == "timeout"


class TestQuota:
    @staticmethod
    def used_up(message="usage limit; try again in 2 hours", **more):
        return BackendError("quota", message, hint="see the billing", **more)

    async def test_when_it_may_be_asked_again_is_told(self, opened, monkeypatch):
        monkeypatch.setattr("time.time", lambda: 1791205200.0)
        (outcome,) = await opened(ScriptedBackend("a", [Step(error=self.used_up())])).ask("a")
        assert outcome.retry_after_s == 7200
        assert re.fullmatch(
            r"usage limit; try again in 2 hours; may be asked again at \d\d:\d\d, in 2 h|.* at Tue .*",
            outcome.message,
        )
        assert outcome.hint == "see the billing"

    async def test_it_is_waited_for(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(error=self.used_up()), Step("fine")])
        run = opened(backend, quota_wait_s=3 * 3600, timeout_s=300)
        (outcome,) = await run.ask("a")
        assert outcome.reply.text == "fine"
        assert outcome.attempts == 2
        assert outcome.duration_s == pytest.approx(7200)
        (retry,) = run.told("retry")
        assert retry.wait_s == 7200
        assert "may be asked again at" in retry.text

    async def test_others_go_on_meanwhile(self, opened, autojump_clock):
        first = iter([Step(error=self.used_up())])
        backend = ScriptedBackend("a", lambda request: next(first, Step("fine")))
        run = opened(backend, quota_wait_s=3 * 3600, jobs=1)
        outcomes = await run.ask("a", "a")
        assert sorted(round(outcome.duration_s) for outcome in outcomes) == [0, 7200]

    @pytest.mark.parametrize(
        ("limits", "message", "why"),
        [
            ({"quota_wait_s": 3600}, "try again in 2 hours", "more than --wait-for-quota 60 min allows"),
            ({"quota_wait_s": 9e4}, "used up", "does not say when, so --wait-for-quota 25 h does not wait"),
            ({"quota_wait_s": 9e4, "deadline_s": 600}, "try again in 2 hours", "is after --deadline 10 min"),
            ({"quota_wait_s": 9e4, "max_calls": 1}, "try again in 2 hours", "--max-calls 1 is reached"),
        ],
    )
    async def test_why_it_is_not_waited_for_is_told(self, opened, autojump_clock, limits, message, why):
        run = opened(ScriptedBackend("a", [Step(error=self.used_up(message))]), **limits)
        begin = trio.current_time()
        (outcome,) = await run.ask("a")
        assert trio.current_time() == begin
        assert why in outcome.hint
        assert "see the billing" in outcome.hint

    async def test_all_waiting_is_bounded(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(error=self.used_up("try again in 40 minutes"))])
        run = opened(backend, quota_wait_s=3600)
        begin = trio.current_time()
        (outcome,) = await run.ask("a")
        assert trio.current_time() - begin == pytest.approx(2400)
        assert len(backend.requests) == 2
        assert outcome.kind == "quota"

    async def test_who_says_that_it_is_over_and_still_refuses_is_not_asked_without_end(
        self, opened, autojump_clock
    ):
        backend = ScriptedBackend("a", [Step(error=self.used_up("try again in 0 s"))])
        await opened(backend, quota_wait_s=3600).ask("a")
        assert len(backend.requests) < 15

    async def test_requests_that_wait_at_the_same_time_count_once(self, opened, autojump_clock):
        seen = set()

        def script(request):
            if request.label in seen:
                return Step("fine")
            seen.add(request.label)
            return Step(error=self.used_up("try again in 50 minutes"))

        run = opened(ScriptedBackend("a", script), quota_wait_s=3600)
        requests = [Request("why?", Path("/"), backend="a", label=str(number)) for number in range(3)]
        assert answered(await run.job.ask_all(requests)) == [True, True, True]

    async def test_an_interruption_ends_the_waiting_at_once(self, opened, autojump_clock):
        run = opened(ScriptedBackend("a", [Step(error=self.used_up())]), quota_wait_s=1e5)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.ask, "a")
            await trio.sleep(10)
            run.job.interrupt("ended by Ctrl-C")
        (outcome,) = run.job.outcomes
        assert outcome.kind == "cancelled"
        assert outcome.message.startswith(
            "ended by Ctrl-C while waiting for its quota: usage limit; try again in 2 hours; may be asked"
        )
        assert outcome.retry_after_s == pytest.approx(7190)
        assert outcome.duration_s == pytest.approx(10)

    async def test_of_what_is_left_of_the_waiting_is_told_what_is_too_long(self, opened, autojump_clock):
        errors = [self.used_up("try again in 40 minutes"), self.used_up("try again in 30 minutes")]
        run = opened(ScriptedBackend("a", [Step(error=error) for error in errors]), quota_wait_s=3600)
        (outcome,) = await run.ask("a")
        assert outcome.hint == (
            "that is more than the 20 min that are left of --wait-for-quota 60 min; see the billing"
        )

    async def test_a_long_wait_holds_no_place_even_without_a_timeout(self, opened, autojump_clock):
        error = BackendError("rate_limit", "resets in 3 days")
        run = opened(ScriptedBackend("a", [Step(error=error)]), timeout_s=math.inf)
        (outcome,) = await run.ask("a")
        assert (outcome.duration_s, outcome.retry_after_s) == (0, 259_200)
        assert outcome.message.endswith("in 3 d")

    async def test_a_long_wait_without_a_timeout_counts_as_one_for_a_quota(self, opened, autojump_clock):
        error = BackendError("rate_limit", "resets in 3 days")
        steps = [Step(error=error), Step("fine")]
        run = opened(ScriptedBackend("a", steps), timeout_s=math.inf, quota_wait_s=3e5)
        assert answered(await run.ask("a")) == [True]
        assert run.engine.budget.quota_left_s == 3e5 - 259_200

    async def test_a_rate_limit_that_passes_soon_is_only_another_attempt(self, opened, autojump_clock):
        error = BackendError("rate_limit", "Please try again in 11.5s")
        run = opened(ScriptedBackend("a", [Step(error=error), Step("fine")]))
        (outcome,) = await run.ask("a")
        assert outcome.duration_s == pytest.approx(11.5)
        assert run.told("retry")[0].wait_s == pytest.approx(11.5)

    async def test_a_rate_limit_longer_than_a_request_may_take_is_waited_for_as_a_quota(
        self, opened, autojump_clock
    ):
        error = BackendError("rate_limit", "Please try again in 10 minutes")
        run = opened(ScriptedBackend("a", [Step(error=error), Step("fine")]), timeout_s=60, quota_wait_s=1e4)
        assert answered(await run.ask("a")) == [True]

    async def test_who_retries_by_itself_still_has_its_time_told(self, opened):
        profile = Profile(access=("none",), retries=True)
        error = BackendError("rate_limit", "retry after 27s")
        backend = ScriptedBackend("a", [Step(error=error)], profile)
        (outcome,) = await opened(backend).ask("a")
        assert (outcome.attempts, outcome.retry_after_s) == (1, 27)
        assert outcome.message.endswith("may be asked again in 27 s")

    @pytest.mark.parametrize("wait_s", [float("nan"), float("inf"), 1e300, -5, "soon"])
    async def test_what_a_plugin_gives_that_is_no_time_is_none(self, opened, wait_s):
        backend = ScriptedBackend("a", [Step(error=BackendError("quota", "used up", retry_after_s=wait_s))])
        (outcome,) = await opened(backend).ask("a")
        assert outcome.retry_after_s is None


class TestFallback:
    @staticmethod
    def panel(*fates):
        errors = {"quota": BackendError("quota", "used up"), "ok": None}
        return [
            ScriptedBackend(name, [Step(error=errors[fate])]) for name, fate in zip("abc", fates, strict=True)
        ]

    async def test_who_answered_in_whose_place_is_told(self, opened):
        run = opened(*self.panel("quota", "ok", "ok"), fallback=True)
        await run.ask("a")
        failure, answer = run.job.outcomes
        assert (failure.backend, failure.instead_of) == ("a", "")
        assert (answer.backend, answer.instead_of) == ("b", "a")
        assert (run.report.asked, run.report.unanswered) == (1, 0)
        assert run.report.degraded == ("b answered in the place of a (a: quota)",)
        assert run.report.gaps == ()

    async def test_a_chain_of_failures_is_one_request(self, opened):
        run = opened(*self.panel("quota", "quota", "ok"), fallback=True)
        await run.ask("a")
        assert [(one.backend, one.instead_of) for one in run.job.outcomes] == [
            ("a", ""),
            ("b", "a"),
            ("c", "a"),
        ]
        assert (run.report.asked, run.report.unanswered) == (1, 0)
        assert run.report.degraded == ("c answered in the place of a (a: quota, b: quota)",)

    async def test_each_prompt_goes_on_by_itself(self, opened):
        run = opened(*self.panel("quota", "ok", "ok"), fallback=True)
        requests = [Request("why?", Path("/"), backend="a", label=label) for label in ("one", "two")]
        await run.job.ask_all(requests)
        assert [one.backend for one in run.job.outcomes if isinstance(one, Answer)] == ["b", "b"]

    async def test_a_gate_holds_if_somebody_answered_in_the_others_place(self, opened):
        from lok_core.findings.judge import undecided

        run = opened(*self.panel("quota", "ok", "ok"), fallback=True)
        await run.ask("a")
        assert undecided(evolve(run.report, gate=Gate("high"))) == ""

    async def test_a_gate_is_undecided_if_nobody_did(self, opened):
        from lok_core.findings.judge import undecided

        run = opened(*self.panel("quota", "quota", "quota"), fallback=True)
        await run.ask("a")
        assert undecided(evolve(run.report, gate=Gate("high"))) == "1 of 1 requests failed"

    async def test_a_panel_of_which_some_failed_is_labelled(self, opened):
        run = opened(*self.panel("ok", "quota", "ok"))
        await run.ask("a", "b", "c")
        assert run.report.degraded == ("2 of 3 backends answered: b failed (quota)",)

    async def test_a_panel_of_which_all_failed_needs_no_label(self, opened):
        run = opened(*self.panel("quota", "quota", "quota"))
        await run.ask("a", "b")
        assert run.report.degraded == ()


class TestOrder:
    @pytest.mark.parametrize("limits", [{"jobs": 1}, {"per_backend": 1}, {"jobs": 3}], ids=str)
    async def test_requests_are_started_in_the_order_asked(self, opened, autojump_clock, limits):
        started = []

        def script(request):
            started.append(request.label)
            return Step("fine", after_s=1 + int(request.label) / 100)

        run = opened(ScriptedBackend("a", script), **limits)
        labels = [f"{number:02}" for number in range(40)]
        await run.job.ask_all([Request("why?", Path("/"), backend="a", label=label) for label in labels])
        assert started == labels

    async def test_with_one_job_the_order_holds_over_all_backends(self, opened, autojump_clock):
        run = opened(*(ScriptedBackend(name, [Step(after_s=1)]) for name in "ab"), jobs=1, per_backend=1)
        await run.ask(*"aaabab")
        assert [event.number for event in run.told("started")] == [1, 2, 3, 4, 5, 6]

    async def test_tokens_and_time_go_to_the_first(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(Reply("ok", usage=Usage(400, 0)), after_s=20)])
        run = opened(backend, max_tokens=1000, per_backend=1)
        assert answered(await run.ask(*"aaaaa")) == [True] * 3 + [False] * 2
        run = opened(ScriptedBackend("a", [Step(after_s=20)]), deadline_s=50, per_backend=1)
        assert answered(await run.ask(*"aaaaa")) == [True] * 2 + [False] * 3


class TestStall:
    async def test_a_backend_that_shows_no_sign_of_life_is_ended(self, opened, autojump_clock):
        backend = ScriptedBackend("a", [Step(says=("so far",), after_s=999)], STREAMS)
        run = opened(backend, stalls_s={"a": 60}, timeout_s=600)
        (outcome,) = await run.ask("a")
        assert (outcome.kind, outcome.message, outcome.partial) == (
            "stalled",
            "no sign of life for 60 s",
            "so far",
        )
        assert "stall_timeout in [backends.a]" in outcome.hint
        assert (outcome.duration_s, outcome.attempts) == (pytest.approx(60), 1)

    @pytest.mark.parametrize("sign", ["text", "progress", "chunk"])
    async def test_a_slow_one_that_shows_any_is_never_ended(self, opened, autojump_clock, sign):
        class Slow(ScriptedBackend):
            async def query(self, request, run):
                for number in range(100):
                    await trio.sleep(59)
                    if sign == "text":
                        run.text("x")
                    elif sign == "progress":
                        run.progress(str(number))
                    else:
                        run._heard(None)(b"x")
                return Reply("at last")

        run = opened(Slow("a", profile=STREAMS), stalls_s={"a": 60}, timeout_s=1e6)
        assert answered(await run.ask("a")) == [True]

    async def test_standard_error_is_a_sign_of_life(self, opened):
        class Logs(ScriptedBackend):
            async def query(self, request, run):
                script = "for n in 1 2 3 4 5 6 7 8 9 10; do sleep 0.1; echo $n >&2; done; echo done"
                finished = await run.command(["/bin/sh", "-c", script])
                return Reply(finished.stdout.decode())

        run = opened(Logs("a", profile=STREAMS), stalls_s={"a": 0.7})
        assert answered(await run.ask("a")) == [True]

    async def test_one_that_says_nothing_before_its_answer_is_never_ended(self, opened, autojump_clock):
        run = opened(ScriptedBackend("a", [Step(after_s=250)]), stalls_s={"a": 60})
        assert answered(await run.ask("a")) == [True]
        assert run.report.notes == (
            "stall_timeout of a has no effect, as it says nothing before its answer is complete",
        )

    async def test_waiting_for_a_place_or_a_quota_is_no_silence(self, opened, autojump_clock):
        quota = BackendError("quota", "try again in 2 hours")
        steps = [Step(error=quota), *[Step(after_s=50)] * 5]
        run = opened(
            ScriptedBackend("a", steps, STREAMS), stalls_s={"a": 60}, per_backend=1, quota_wait_s=1e4
        )
        assert answered(await run.ask(*"aaaaa")) == [True] * 5

    async def test_signs_of_life_are_told_once_a_second_at_most(self, opened, autojump_clock):
        class Chatty(ScriptedBackend):
            async def query(self, request, run):
                for _ in range(50):
                    await trio.sleep(0.1)
                    run.text("x")
                return Reply("done")

        run = opened(Chatty("a", profile=STREAMS), Chatty("b"))
        await run.ask("a", "b")
        alive = [event.backend for event in run.told("alive")]
        assert 5 <= len(alive) <= 6
        assert set(alive) == {"a"}
