"""Cases about what becomes of a good answer."""

from __future__ import annotations

from lok_core.models import Message, Tool, Turn
from lok_core.outcome import Answer
from lok_core.testing.bench import Bench, text_of, told
from lok_core.testing.case import ANSWERS, CONVERSES, JSONL, MODEL, SPEAKS, Case, case_of

CASES: list[Case] = []

_LONG = 2_000_000
_FLOOD = 20_000_000
_ANSWERS = (
    'First:\n\n```python\nif a < b & c:\n    print("\\n")\n```\n\n* Ünïcödé 为什么 \U0001f600 {x} %s',
    "    an indented line  \n\n\n\n\tand one after blanks, tabs and empty lines",
    '```json\n{"a": 1}\n```',
    "not\u2028the\u0085end\x0cof a line",
)


@case_of(CASES, "A question is answered with a reply.", ANSWERS)
async def reply_comes_back(bench: Bench) -> None:
    program = bench.answering("because it is so")
    outcome = await bench.ask()
    assert isinstance(outcome, Answer), told(outcome)
    text = outcome.reply.text
    assert program is None or "because it is so" in text, f"the program's answer became {text[:200]!r}"


@case_of(CASES, "The answer is given as the program said it: lines, letters, markup.", SPEAKS)
async def answer_is_kept_whole(bench: Bench) -> None:
    for answer in _ANSWERS:
        bench.answering(answer)
        text = await bench.answer()
        # Blanks at its end are nobody's loss.
        assert text.lstrip("\r\n").rstrip() == answer, f"the answer {answer!r} became {text[:300]!r}"


@case_of(CASES, "An answer of 2 MB is given whole.", SPEAKS)
async def long_answer_is_whole(bench: Bench) -> None:
    answer = "".join(f"line {number:07}\n" for number in range(_LONG // 13)) + "the end"
    bench.answering(answer)
    text = await bench.answer()
    assert answer in text, (
        f"of an answer of {len(answer)} characters {len(text)} were given; `on_stdout` of run.command gets "
        "all of it, `Finished.stdout` what `cap_bytes` allows"
    )


@case_of(CASES, "An answer that speaks of errors is an answer.", SPEAKS)
async def answer_about_errors(bench: Bench) -> None:
    answer = (
        "The client does not handle `401 Unauthorized`.\n\n* HTTP 429, rate limit exceeded: no retry\n"
        "* error: you exceeded your current quota\n* connection refused, overloaded (529), timed out"
    )
    bench.answering(answer)
    text = await bench.answer()
    assert answer in text, f"the answer {answer!r} became {text[:300]!r}"


@case_of(CASES, "Output that arrives in the middle of a UTF-8 character is put together again.", SPEAKS)
async def output_split_in_a_character(bench: Bench) -> None:
    answer = "one \U0001f600 two 为 three"
    said = bench.says(answer).encode()
    first = said.index("\U0001f600".encode()) + 2
    second = said.rindex("为".encode()) + 1
    bench.fake(stdout=[said[:first], said[first:second], said[second:]])
    text = await bench.answer()
    assert answer in text, (
        f"{answer!r} arrived in pieces and became {text[:200]!r}; decode with an incremental decoder, or "
        "once all of it is there"
    )


@case_of(CASES, "Output that arrives in the middle of a JSON object is put together again.", SPEAKS, JSONL)
async def output_split_in_an_object(bench: Bench) -> None:
    said = bench.says("because").encode()
    middle = said.index(b"because") + 3
    line = said.rindex(b"\n", 0, middle) + 1 if b"\n" in said[:middle] else 0
    bench.fake(stdout=[said[: line + 1], said[line + 1 : middle], said[middle:-1], said[-1:]])
    text = await bench.answer()
    assert "because" in text, f"a line that arrived in pieces was not understood: {text[:200]!r}"


@case_of(CASES, "Lines between the events that are no JSON are skipped.", SPEAKS, JSONL)
async def noise_between_events_is_skipped(bench: Bench) -> None:
    lines = bench.says("because").splitlines(keepends=True)
    noise = "npm warn deprecated: {\n\nDebugger attached.\n"
    bench.fake(stdout=noise + noise.join(lines) + noise)
    text = await bench.answer()
    assert "because" in text, f"with other lines between the events the answer became {text[:200]!r}"


@case_of(CASES, "Much on standard error keeps no answer from being given.", SPEAKS)
async def flood_on_standard_error(bench: Bench) -> None:
    bench.answering(source=f"flood(2, {_FLOOD}); answer()")
    text = await bench.answer()
    assert "because" in text, f"with 20 MB on standard error the answer became {text[:200]!r}"


@case_of(CASES, "Two requests at once get an answer each, and neither waits for the other.", ANSWERS)
async def two_at_once(bench: Bench) -> None:
    found = 'import re; everything = given + "\\n".join([*sys.argv, *files().values()]).encode()'
    search = 'answer(re.search(rb"token-[a-z]+", everything)[0])'
    bench.answering("{token}", source=f"together(2)\n{found}\n{search}")
    tokens = ("token-one", "token-other")
    async with bench.job() as job:
        outcomes = await job.ask_all([bench.request(f"say {token}") for token in tokens])
    for token, outcome in zip(tokens, outcomes, strict=True):
        assert isinstance(outcome, Answer), (
            f"of two requests at once, {told(outcome)}; one instance serves all requests, and they must not "
            "wait for each other"
        )
        assert not bench.subject.program or token in outcome.reply.text, (
            f"{token} was asked for, and the answer was {outcome.reply.text[:100]!r}; keep what belongs to "
            "one request out of `self`"
        )
        (other,) = (one for one in tokens if one != token)
        assert not bench.subject.program or other not in outcome.reply.text, (
            f"the answer to one request holds that to the other: {outcome.reply.text[:100]!r}; keep what "
            "belongs to one request out of `self`"
        )


@case_of(CASES, "Nothing of a request is kept for the next one.", SPEAKS)
async def next_request_is_a_new_one(bench: Bench) -> None:
    models = ("model-7", "model-7", "model-8", None) if not MODEL.lacks(bench.subject) else (None, None)
    async with bench.job() as job:
        for number, model in enumerate(models):
            program = bench.answering(f"answer {number}")
            assert program is not None
            text = text_of(await job.ask(bench.request("why?", model=model)))
            assert f"answer {number}" in text, (
                f"asked the same again, it gives the answer it had before: {text[:100]!r}"
            )
            words = " ".join([*program.calls[-1]["argv"], *program.calls[-1]["env"].values()])
            kept = [one for one in models if one is not None and one != model and one in words]
            assert not kept, f"for a request with the model {model}, the program is told the one before"


@case_of(CASES, "A conversation with tools gets its next turn.", ANSWERS, CONVERSES)
async def conversation_has_a_turn(bench: Bench) -> None:
    tool = Tool("look", "Shows a file.", {"type": "object", "properties": {"path": {"type": "string"}}})
    bench.answering()
    async with bench.job() as job:
        turn = await job.converse(bench.backend.name, [Message("user", "what is in app.py?")], [tool])
    assert isinstance(turn, Turn), f"profile.converses is True, but {told(turn)}"
    assert turn.text.strip() or turn.calls, "the turn has neither a text nor a call"
