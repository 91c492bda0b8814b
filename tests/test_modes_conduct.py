"""One backend conducts the others: rounds, what fails in them, what bounds them."""

import json

import pytest
import trio
from attrs import define, field

from lok_core.details.conduct import Call, ConductDetail, Round
from lok_core.errors import BackendError, NoBackendError, UnknownNameError
from lok_core.models import Profile, Reply, ToolCall, Turn, Usage
from lok_core.modes.conduct import MAX_CALLS, MAX_HEARD, MAX_ROUNDS, conduct
from lok_core.outcome import Answer, Failure
from lok_core.results import SUMMARY, is_told
from lok_core.results.conduct import sections
from lok_core.testing import ScriptedBackend, Step
from tests.test_engine import open_job

READS = ("none", "read")


@define(eq=False, slots=False)
class Boss(ScriptedBackend):
    """Calls tools by itself: gives one turn after the other, the last one again and again.

    Attributes:
        after_s: seconds that a turn takes.
        heard: the messages and tools of each turn.
    """

    name: str = "boss"
    turns: list = field(factory=list)
    after_s: float = 0.0
    profile: Profile = field(
        factory=lambda: Profile(converses=True, asked_by_default=False, secrets=("BOSS_KEY",))
    )
    heard: list = field(factory=list)
    kind = "boss"

    async def converse(self, messages, tools, run):
        self.heard.append((list(messages), list(tools)))
        turn = self.turns[min(len(self.heard), len(self.turns)) - 1]
        await trio.sleep(self.after_s)
        if isinstance(turn, Exception):
            raise turn
        return turn(messages) if callable(turn) else turn


def asks(*questions, text="", tokens=None, name="query_backend"):
    calls = [
        ToolCall(str(place), name, {"backend": backend, "prompt": prompt})
        for place, (backend, prompt) in enumerate(questions)
    ]
    return Turn(text, tuple(calls), Usage(output_tokens=tokens))


def worker(name, *steps, **profile):
    return ScriptedBackend(name, steps or [Step(f"from {name}")], Profile(access=READS, **profile))


async def conducted(
    tmp_path, *backends, task="Is it fine?", conductor=None, rounds=5, tokens=0, named=(), events=None
):
    listener = (lambda event: None) if events is None else events.append
    async with open_job(tmp_path, *backends, named=named, listener=listener) as job:
        return await conduct(job, task, conductor, rounds, tokens)


def results(boss, turn):
    """What the conductor got to see of its calls before its turn."""
    messages, _ = boss.heard[turn]
    return [(message.text, message.failed) for message in messages if message.role == "tool"]


async def test_two_rounds_of_questions_and_an_answer(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?"), ("b", "How?"), text="First."), asks(("a", "And?")), Turn("Fine.")])
    report = await conducted(tmp_path, boss, worker("a"), worker("b"))
    assert report.detail == ConductDetail(
        "Is it fine?",
        "boss",
        "tools",
        (
            Round("First.", (Call("a", "Why?", True), Call("b", "How?", True))),
            Round("", (Call("a", "And?", True),)),
        ),
        "Fine.",
    )
    assert [(one.backend, one.request.label) for one in report.outcomes] == [
        ("boss", "conductor"),
        ("a", "round 1"),
        ("b", "round 1"),
        ("boss", "conductor"),
        ("a", "round 2"),
        ("boss", SUMMARY),
    ]
    assert results(boss, 1) == [("from a", False), ("from b", False)]
    assert report.command == "conduct"
    assert (report.inconclusive, report.interrupted) == ("", False)
    assert report.notes == ("boss conducts and calls tools; it may ask a, b",)


async def test_questions_of_a_round_are_under_way_at_once(tmp_path, autojump_clock):
    slow = [worker(name, Step("late", after_s=5)) for name in "abc"]
    boss = Boss(
        after_s=1,
        turns=[asks(*((name, f"{number}?") for name in "abc")) for number in (1, 2)] + [Turn("Done.")],
    )
    begin = trio.current_time()
    await conducted(tmp_path, boss, *slow)
    assert trio.current_time() - begin == pytest.approx(2 * 5 + 3 * 1)


async def test_the_conversation_goes_on_with_what_was_said_and_answered(tmp_path):
    first = asks(("a", "Why?"), text="Let me ask.")
    boss = Boss(turns=[first, Turn("Fine.")])
    await conducted(tmp_path, boss, worker("a", strengths=("performance",), style="quick"))
    messages, (tool,) = boss.heard[1]
    assert [message.role for message in messages] == ["user", "assistant", "tool"]
    assert "Is it fine?" in messages[0].text
    assert "5 times" in messages[0].text
    assert (messages[1].text, messages[1].calls) == (first.text, first.calls)
    assert messages[2].call_id == first.calls[0].id
    assert tool.parameters["properties"]["backend"]["enum"] == ["a"]
    assert "- a: quick (strong in performance)" in tool.description


async def test_a_backend_that_fails_goes_back_as_an_error(tmp_path):
    dead = worker("a", Step(error=BackendError("quota", "nothing is left"), says=("half an ans",)))
    boss = Boss(turns=[asks(("a", "Why?"), ("b", "Why?")), Turn("Only b knows.")])
    report = await conducted(tmp_path, boss, dead, worker("b"))
    (text, failed), other = results(boss, 1)
    assert failed
    assert text == "a failed: quota: nothing is left\nWhat it had said until then:\nhalf an ans"
    assert other == ("from b", False)
    assert report.detail.rounds[0].calls[0] == Call("a", "Why?", False, "quota: nothing is left")
    assert report.detail.answer == "Only b knows."
    assert report.inconclusive == ""


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (
            ToolCall("1", "query_backend", {"backend": "x", "prompt": "?"}),
            "no backend 'x' to be asked, only a, b",
        ),
        (ToolCall("1", "query_backend", {"backend": ["a"], "prompt": "?"}), "no backend ''"),
        (ToolCall("1", "query_backend", {"prompt": "?"}), "no backend ''"),
        (ToolCall("1", "query_backend", {"backend": "boss", "prompt": "?"}), "no backend 'boss'"),
        (ToolCall("1", "query_backend", {"backend": "a"}), "the prompt is missing"),
        (ToolCall("1", "query_backend", {"backend": "a", "prompt": " "}), "the prompt is missing"),
        (ToolCall("1", "query_backend", {"backend": "a", "prompt": 7}), "the prompt is missing"),
        (ToolCall("1", "ask", {"backend": "a", "prompt": "?"}), "there is no tool 'ask', only query_backend"),
    ],
)
async def test_a_malformed_call_goes_back_as_an_error_and_asks_nobody(tmp_path, call, why):
    boss = Boss(turns=[Turn(calls=(call,)), Turn("Then not.")])
    a, b = worker("a"), worker("b")
    report = await conducted(tmp_path, boss, a, b)
    ((text, failed),) = results(boss, 1)
    assert failed
    assert why in text
    assert a.requests == b.requests == []
    assert report.detail.answer == "Then not."


async def test_an_answer_without_words_goes_to_the_conductor_as_json(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?")), Turn("Fine.")])
    await conducted(tmp_path, boss, worker("a", Step(Reply(data={"x": 1}))))
    assert results(boss, 1) == [('{"x": 1}', False)]


async def test_calls_that_share_an_id_are_all_answered(tmp_path):
    same = [ToolCall("1", "query_backend", {"backend": name, "prompt": "?"}) for name in "ab"]
    boss = Boss(turns=[Turn(calls=tuple(same)), Turn("Fine.")])
    await conducted(tmp_path, boss, worker("a"), worker("b"))
    assert results(boss, 1) == [("from a", False), ("from b", False)]


async def test_the_last_round_asks_for_the_answer_without_tools(tmp_path):
    boss = Boss(turns=[asks(("a", "1?")), asks(("a", "2?")), Turn("That is all I know.")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=3)
    assert [len(tools) for _, tools in boss.heard] == [1, 1, 0]
    assert "final answer now" in boss.heard[2][0][-1].text
    assert (report.detail.answer, report.detail.bounded_by) == ("That is all I know.", "rounds")
    assert report.inconclusive == ""


async def test_a_single_round_is_the_answer(tmp_path):
    boss = Boss(turns=[Turn("From memory.")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=1)
    assert (report.detail.answer, report.detail.rounds) == ("From memory.", ())


async def test_who_calls_tools_to_the_last_has_no_result(tmp_path):
    boss = Boss(turns=[asks(("a", "1?")), asks(("a", "2?"))])
    report = await conducted(tmp_path, boss, worker("a"), rounds=2)
    assert "went on asking" in report.inconclusive
    assert len(report.detail.rounds) == 1


async def test_words_beside_calls_in_the_last_round_are_the_answer(tmp_path):
    boss = Boss(turns=[asks(("a", "1?"), text="So far so good.")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=1)
    assert report.detail.answer == "So far so good."


async def test_tokens_bound_the_conductor(tmp_path):
    boss = Boss(turns=[asks(("a", f"{number}?"), tokens=60) for number in range(2)] + [Turn("Enough.")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=9, tokens=100)
    assert len(boss.heard) == 3
    assert (report.detail.bounded_by, report.detail.answer) == ("tokens", "Enough.")


async def test_a_conductor_that_does_not_tell_its_tokens_is_not_bound_by_them(tmp_path):
    boss = Boss(turns=[asks(("a", f"{number}?")) for number in range(3)] + [Turn("Enough.")])
    report = await conducted(tmp_path, boss, worker("a"), tokens=1)
    assert report.detail.bounded_by == ""
    told = [note for note in report.notes if "does not tell how many tokens" in note]
    assert len(told) == 1


async def test_without_limits_a_conductor_still_comes_to_an_end(tmp_path):
    boss = Boss(turns=[lambda messages: asks(("a", f"{len(messages)}?"), text="More.")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=0)
    assert len(boss.heard) == MAX_ROUNDS
    assert "times at the most" not in boss.heard[0][0][0].text
    assert report.detail.bounded_by == "rounds"


async def test_a_conductor_that_repeats_itself_is_asked_for_its_answer(tmp_path):
    again = asks(("a", "Why?"), text="Once more.")
    boss, a = Boss(turns=[again]), worker("a")
    report = await conducted(tmp_path, boss, a, rounds=0)
    assert len(a.requests) == 1
    assert results(boss, 2)[1] == ("not asked again: you have asked it this before, word for word", True)
    assert report.detail.bounded_by == "repetition"
    assert len(boss.heard) == 4


async def test_a_question_that_failed_may_be_asked_again(tmp_path):
    a = worker("a", Step(error=BackendError("crashed", "oops")), Step("better"))
    boss = Boss(turns=[asks(("a", "Why?")), asks(("a", "Why?")), Turn("Fine.")])
    await conducted(tmp_path, boss, a)
    assert results(boss, 2)[1] == ("better", False)


async def test_the_same_question_twice_in_a_round_is_asked_once(tmp_path):
    a = worker("a")
    await conducted(tmp_path, Boss(turns=[asks(("a", "Why?"), ("a", "Why?")), Turn("Fine.")]), a)
    assert len(a.requests) == 1


async def test_a_round_has_so_many_questions_and_no_more(tmp_path):
    boss, a = Boss(turns=[asks(*(("a", f"{n}?") for n in range(MAX_CALLS + 5))), Turn("Fine.")]), worker("a")
    await conducted(tmp_path, boss, a)
    assert len(a.requests) == MAX_CALLS
    assert sum(failed for _, failed in results(boss, 1)) == 5


async def test_so_many_refused_questions_leave_a_real_answer_whole(tmp_path):
    asked = [("a", "Why?"), *(("x", f"{number}?") for number in range(MAX_HEARD - 1))]
    boss = Boss(turns=[asks(*asked), Turn("Fine.")])
    await conducted(tmp_path, boss, worker("a", Step("x" * 50_000)))
    assert results(boss, 1)[0] == ("x" * 50_000, False)


async def test_of_very_many_questions_the_rest_is_left_out_with_a_note(tmp_path):
    boss = Boss(turns=[asks(*(("a", f"{n}?") for n in range(10_000))), Turn("Fine.")])
    report = await conducted(tmp_path, boss, worker("a"))
    assert "boss had 10,000 questions in round 1; all but the first 64 are left out" in report.notes
    assert len(report.detail.rounds[0].calls) == len(results(boss, 1)) == MAX_HEARD
    assert report.outcomes[0].reply.text.endswith("\n- and 9,936 more")
    told = sections(report.detail)[-1].lines[1]
    assert told == (
        "round 1: a answered (16 times), a did not (not asked: no more than 16 questions at once) (48 times)"
    )


def test_a_name_of_several_lines_is_told_on_one():
    call = Call("a\n--- Answer ---\nno" + "x" * 999, "?", False, "there is no backend")
    (told,) = sections(ConductDetail("?", "boss", "text", (Round("", (call,)),)))
    assert told.lines[1].startswith("round 1: a --- Answer --- noxxx")
    assert len(told.lines[1]) < 200
    assert "\n" not in told.lines[1]


async def test_an_answer_that_nobody_can_see_is_none(tmp_path):
    report = await conducted(tmp_path, Boss(turns=[Turn("\u200b\n")]), worker("a"))
    assert "failed in round 1" in report.inconclusive


async def test_a_call_that_is_quoted_asks_nobody(tmp_path):
    said = f"As the log has it:\n\n> {ASK_BOTH}\n\nIt is fine."
    speaker, a = worker("speaker", Step(said)), worker("a")
    report = await conducted(tmp_path, speaker, a, worker("b"), conductor="speaker")
    assert (report.detail.answer, a.requests) == (said, [])


async def test_a_huge_answer_is_cut_for_the_conductor_and_whole_in_the_report(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?")), Turn("Fine.")])
    report = await conducted(tmp_path, boss, worker("a", Step("x" * 200_000)))
    ((text, _),) = results(boss, 1)
    assert text.endswith("[cut off here: 140,000 more characters]")
    assert len(report.outcomes[1].reply.text) == 200_000


async def test_a_conductor_that_fails_in_the_middle_leaves_what_was_answered(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?")), BackendError("quota", "no credit is left")])
    report = await conducted(tmp_path, boss, worker("a"))
    assert report.inconclusive == "boss, which conducts, failed in round 2: no credit is left"
    assert report.notes[-1] == "--conductor a lets a conduct instead"
    assert [type(outcome) for outcome in report.outcomes] == [Answer, Answer, Failure]
    assert len(report.detail.rounds) == 1


async def test_a_conductor_that_fails_in_the_last_round_has_no_result(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?")), BackendError("quota", "no credit is left")])
    report = await conducted(tmp_path, boss, worker("a"), rounds=2)
    assert "failed in round 2" in report.inconclusive


async def test_a_turn_that_is_overloaded_is_tried_again(tmp_path, autojump_clock):
    boss, events = Boss(turns=[BackendError("overloaded", "busy"), Turn("Fine.")]), []
    report = await conducted(tmp_path, boss, worker("a"), events=events)
    assert report.detail.answer == "Fine."
    assert report.outcomes[0].attempts == 2
    assert [(one.number, one.label) for one in events if one.kind == "retry"] == [(1, "conductor")]


@pytest.mark.parametrize(
    "turn",
    [
        "text",
        Turn(7),
        Turn("", ()),
        Turn("", ("call",)),
        Turn("", (ToolCall("1", "query_backend", {"x": {1, 2}}),)),
        Turn("", (ToolCall("1", "query_backend", "x"),)),
        Turn("fine", usage=None),
    ],
)
async def test_a_turn_that_is_none_fails_the_conductor_and_nothing_else(tmp_path, turn):
    report = await conducted(tmp_path, Boss(turns=[turn]), worker("a"))
    assert report.outcomes[0].kind in ("plugin", "empty")
    assert "failed in round 1" in report.inconclusive


async def test_a_turn_counts_in_the_usage_and_is_seen_as_it_goes_on(tmp_path):
    boss, events = Boss(turns=[asks(("a", "Why?"), tokens=5), Turn("Fine.", usage=Usage(None, 7))]), []
    a = worker("a", Step(Reply("ok", usage=Usage(None, 30))))
    report = await conducted(tmp_path, boss, a, events=events)
    assert report.usage.output_tokens == 42
    first = [(one.kind, one.label) for one in events if one.number == 1]
    assert first == [("queued", "conductor"), ("started", "conductor"), ("finished", "conductor")]
    assert {one.number for one in events if one.kind == "finished"} == {1, 2, 3}


async def test_the_final_turn_is_told_by_a_section_and_the_others_in_words(tmp_path):
    boss = Boss(turns=[asks(("a", "Why\nso?"), text="Let me ask."), Turn("Fine.")])
    report = await conducted(tmp_path, boss, worker("a"))
    first, _, last = report.outcomes
    assert first.reply.text == "Let me ask.\n\n- query_backend: a: Why so?"
    assert first.reply.data["calls"][0]["arguments"] == {"backend": "a", "prompt": "Why\nso?"}
    assert not is_told(first)
    assert is_told(last)
    answer, told = sections(report.detail)
    assert told.lines == ("boss conducted by calling tools", "round 1: a answered")
    assert (answer.title, answer.text) == ("Answer", "Fine.")


async def test_without_an_answer_there_is_no_section_of_that_name(tmp_path):
    boss = Boss(turns=[asks(("a", "Why?"), ("x", "Why?")), BackendError("quota", "no credit")])
    (told,) = sections((await conducted(tmp_path, boss, worker("a"), rounds=2)).detail)
    assert "x did not (there is no backend 'x'" in told.lines[1]
    assert told.lines[2] == "the final answer was asked for, as it had no more rounds"


async def test_secrets_reach_neither_the_others_nor_the_report(tmp_path):
    boss, a = Boss(turns=[asks(("a", "Use hunter2-hunter2")), Turn("It is hunter2-hunter2.")]), worker("a")
    async with open_job(tmp_path, boss, a, env={"BOSS_KEY": "hunter2-hunter2"}) as job:
        report = await conduct(job, "Go", None, 5, 0)
    assert "hunter2-hunter2" not in a.requests[0].prompt
    assert "hunter2-hunter2" not in repr(report)


@pytest.mark.parametrize("during", ["a turn", "a round"])
async def test_ctrl_c_gives_what_was_answered_at_once(tmp_path, autojump_clock, during):
    boss = Boss(after_s=1, turns=[asks(("a", "1?")), asks(("a", "2?"), ("b", "2?")), Turn("Never.")])
    a, b = worker("a"), worker("b", Step("late", after_s=99))
    async with open_job(tmp_path, boss, a, b) as job, trio.open_nursery() as nursery:
        begin = trio.current_time()

        async def interrupt():
            await trio.sleep(1.5 if during == "a turn" else 10)
            job.interrupt("ended by Ctrl-C")

        nursery.start_soon(interrupt)
        report = await conduct(job, "Go", None, 5, 0)
        assert trio.current_time() - begin == pytest.approx(1.5 if during == "a turn" else 10)
    assert report.interrupted
    assert report.inconclusive == ""
    assert report.detail.rounds[0].calls[0].ok
    assert [one.kind for one in report.outcomes if isinstance(one, Failure)] == ["cancelled"]
    assert len(report.detail.rounds) == (1 if during == "a turn" else 2)


ASK_BOTH = json.dumps([{"action": "query_backend", "backend": name, "prompt": "Why?"} for name in ("a", "b")])


async def test_a_backend_without_tools_conducts_in_plain_text(tmp_path, autojump_clock):
    speaker = worker("speaker", Step(f"I ask both.\n{ASK_BOTH}", after_s=1), Step("It is fine.", after_s=1))
    a, b = worker("a", Step("yes", after_s=5)), worker("b", Step("no", after_s=5))
    begin = trio.current_time()
    report = await conducted(tmp_path, speaker, a, b, conductor="speaker")
    assert trio.current_time() - begin == pytest.approx(1 + 5 + 1)
    assert report.detail.how == "text"
    assert report.detail.rounds == (Round("I ask both.", (Call("a", "Why?", True), Call("b", "Why?", True))),)
    assert report.detail.answer == "It is fine."
    first, second = speaker.requests
    assert (first.access, first.label) == ("read", "conductor")
    assert "```\nyes\n```" in second.prompt
    assert "{" not in report.outcomes[0].reply.text


async def test_a_model_that_turns_out_to_call_no_tools_goes_on_in_plain_text(tmp_path):
    asked = json.dumps({"action": "query_backend", "backend": "a", "prompt": "Why?"})
    boss = Boss(turns=[NotImplementedError()], script=[Step(asked), Step("It is fine.")])
    report = await conducted(tmp_path, boss, worker("a"))
    assert [call.prompt for one in report.detail.rounds for call in one.calls] == ["Why?"]
    assert report.detail.answer == "It is fine."
    assert "boss calls no tools after all; it asks by JSON in plain text" in report.notes
    assert report.detail.how == "text"


async def test_an_action_that_cannot_be_read_even_twice_is_no_answer(tmp_path):
    speaker = worker("speaker", Step('{"action": "dance"}'))
    report = await conducted(tmp_path, speaker, worker("a"), conductor="speaker")
    assert len(speaker.requests) == 2
    assert report.detail.answer == ""
    assert "its reply is neither a question nor an answer" in report.inconclusive
    assert report.outcomes[0].partial == '{"action": "dance"}'


async def test_who_asks_on_in_plain_text_when_the_answer_is_due_gives_none(tmp_path):
    speaker = worker("speaker", Step(ASK_BOTH))
    report = await conducted(tmp_path, speaker, worker("a"), worker("b"), conductor="speaker", rounds=2)
    assert report.detail.answer == ""
    assert "there is no action 'query_backend'" in report.inconclusive


async def test_in_plain_text_the_last_round_has_no_tools_either(tmp_path):
    speaker = worker("speaker", Step(ASK_BOTH), Step("That is all."))
    report = await conducted(tmp_path, speaker, worker("a"), worker("b"), conductor="speaker", rounds=2)
    assert "no tools" in speaker.requests[1].prompt
    assert "final answer now" in speaker.requests[1].prompt
    assert (report.detail.answer, report.detail.bounded_by) == ("That is all.", "rounds")


async def test_who_calls_tools_by_itself_conducts_before_all_others(tmp_path):
    report = await conducted(tmp_path, Boss(turns=[Turn("I do.")]), worker("a", strengths=("general",)))
    assert report.detail.conductor == "boss"


async def test_of_several_that_call_tools_one_that_is_named_conducts(tmp_path):
    bosses = [Boss(name=name, turns=[Turn("Done.")]) for name in ("a", "b", "c")]
    report = await conducted(tmp_path, *bosses, named=("b",))
    assert report.detail.conductor == "b"


async def test_else_a_backend_that_is_asked_conducts_and_asks_the_others(tmp_path):
    report = await conducted(tmp_path, worker("a"), worker("b"), worker("deaf", answers_questions=False))
    assert (report.detail.conductor, report.detail.how) == ("a", "text")
    assert report.notes == ("a conducts and asks by JSON in plain text; it may ask b",)


async def test_a_conductor_asks_itself_only_if_it_is_named_for_that(tmp_path):
    a, b = worker("a"), worker("b")
    assert (await conducted(tmp_path, a, b, named=("a", "b"))).notes[0].endswith("it may ask a, b")


async def test_a_conductor_alone_asks_itself(tmp_path):
    assert (await conducted(tmp_path, worker("a"))).notes[0].endswith("it may ask a")


class Missing(Boss):
    def available(self, env):
        return False


async def test_who_is_named_and_not_there_is_left_out_with_a_note(tmp_path):
    missing = Missing(name="m", profile=Profile())
    boss = Boss(turns=[Turn("Fine.")])
    report = await conducted(tmp_path, boss, worker("a"), missing, named=("m", "a"))
    assert report.notes[0].startswith("m cannot be asked")
    with pytest.raises(NoBackendError, match="nobody for boss to ask: m cannot be asked"):
        await conducted(tmp_path, boss, worker("a"), missing, named=("m",))


async def test_an_unknown_conductor_is_an_error_with_the_nearest_name(tmp_path):
    with pytest.raises(UnknownNameError, match="'bos'") as caught:
        await conducted(tmp_path, Boss(), worker("a"), conductor="bos")
    assert "boss" in caught.value.hint


@pytest.mark.parametrize(
    ("backends", "conductor", "message", "hint"),
    [
        ([Missing()], None, "no backend is there", "export BOSS_KEY=..."),
        (
            [Missing(), Missing(name="a", profile=Profile()), Missing(name="b", profile=Profile())],
            None,
            "no backend is there",
            "export BOSS_KEY=..., or install and log in to a or b (`lok doctor` says how)",
        ),
        (
            [Missing(), worker("a")],
            "boss",
            "boss cannot conduct, as it is not available",
            "export BOSS_KEY=..., or --conductor a",
        ),
        (
            [worker("deaf", answers_questions=False), worker("a")],
            "deaf",
            "deaf cannot conduct, as it answers no questions",
            "--conductor a",
        ),
        ([], None, "no backend is there", "pip install lok-backend-claude and export ANTHROPIC_API_KEY=..."),
    ],
)
async def test_nobody_to_conduct_is_an_error_with_the_ways_out(tmp_path, backends, conductor, message, hint):
    with pytest.raises(NoBackendError, match=message) as caught:
        await conducted(tmp_path, *backends, conductor=conductor)
    assert caught.value.hint == hint
