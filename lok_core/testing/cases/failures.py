"""Cases about what becomes of a program that fails: a kind that is known, and never an answer."""

from __future__ import annotations

from lok_core.outcome import Answer, Failure
from lok_core.testing.bench import Bench
from lok_core.testing.case import JSON, SECRETS, SPEAKS, Case, case_of

CASES: list[Case] = []

_SILENT = ("empty", "protocol", "crashed")
"""How a program that ended well without an answer may be called: some announce their end, and did not."""

_CODE = 3
_CODES = (1, _CODE)  # the first one is what many programs use for anything
_PIECE = 8  # characters of a key


def _expected(failure: Failure, mend: str) -> None:
    """It is the program's failure and not the adapter's."""
    assert failure.kind != "plugin", f"{mend}: {failure.message}\n{failure.detail}"


@case_of(CASES, "Success without an answer is `empty`, not a reply of nothing.", SPEAKS)
async def nothing_said_is_a_failure(bench: Bench) -> None:
    bench.fake(stdout="")
    failure = await bench.failure()
    assert failure.kind in _SILENT, (
        f"a program that ended with 0 and said nothing failed as {failure.kind} ({failure.message}); "
        'raise BackendError("empty", ...)'
    )


@case_of(CASES, "What stands on standard error is no answer, and no part of one.", SPEAKS)
async def standard_error_is_no_answer(bench: Bench) -> None:
    warning = "a newer version is there"
    bench.answering(stderr=f"{warning}\n")
    text = await bench.answer()
    assert warning not in text, f"what stands on standard error is in the answer: {text[:200]!r}"
    bench.fake(stdout="", stderr=f"{warning}\n")
    failure = await bench.failure()
    assert failure.kind in _SILENT, (
        f"a program that told of a newer version and said nothing else failed as {failure.kind}"
    )


@case_of(CASES, "An answer with a failing exit code is a failure that keeps it.", SPEAKS)
async def failing_exit_keeps_the_answer(bench: Bench) -> None:
    allowed = bench.subject.spec.ok_exit if bench.subject.spec is not None else ()
    for code in (code for code in _CODES if code not in allowed):
        bench.fake(stdout=bench.begun("because"), stderr="it broke\n", code=code)
        outcome = await bench.ask()
        assert isinstance(outcome, Failure), (
            f"the program ended with {code} in the middle of its answer, and {outcome.reply.text!r} was "
            "given; look at `returncode`"
        )
        _expected(outcome, f"exit code {code} is not expected")
        if bench.subject.form != "jsonl" or bench.backend.profile.streams_progress:
            assert "because" in outcome.partial, (
                "what the program had said is lost; tell it with run.text() before raising BackendError"
            )


@case_of(CASES, "A program that breaks is a failure that tells why.", SPEAKS)
async def broken_program_tells_why(bench: Bench) -> None:
    bench.fake(stderr="starting\nthe flux is not aligned\n", code=_CODE)
    failure = await bench.failure()
    _expected(failure, f"exit code {_CODE} is not expected")
    assert "flux" in failure.message, (
        f"the program says 'the flux is not aligned' on standard error, and the failure {failure.message!r}"
    )


@case_of(CASES, "A program that is ended by a signal has not answered.", SPEAKS)
async def signalled_program_is_a_failure(bench: Bench) -> None:
    program = bench.fake(
        stdout=bench.begun("because"), source="answer(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    failure = await bench.failure()
    assert program.calls, "the program was not started"
    _expected(failure, "a negative return code, the number of a signal, is not expected")


async def _kind(bench: Bench, said: str, kind: str, code: int = 1) -> Failure:
    bench.fake(stderr=f"{said}\n", code=code)
    failure = await bench.failure()
    assert failure.kind == kind, (
        f"{said!r} on standard error with exit code {code} failed as {failure.kind}; it is {kind}, as "
        "COMMON_ERRORS of CommandBackend say"
    )
    return failure


@case_of(CASES, "A quota that is used up is `quota`, with a hint.", SPEAKS)
async def quota_with_a_failing_exit(bench: Bench) -> None:
    said = "Error: 429 insufficient_quota: You exceeded your current quota"
    failure = await _kind(bench, said, "quota")
    assert failure.hint, "the failure has no hint; say what can be done when the quota is used up"


@case_of(CASES, "A used-up quota is no answer, whatever the exit code.", SPEAKS)
async def quota_with_success(bench: Bench) -> None:
    said = "You've hit your usage limit. Try again at 3:00 PM."
    bench.fake(stdout=f"{said}\n")
    outcome = await bench.ask()
    assert isinstance(outcome, Failure), (
        f"the program said {outcome.reply.text!r} and ended with 0, and that became the answer; "
        'raise BackendError("quota", ...)'
    )
    # One that announces its end has not, and that is all it needs to know.
    wanted = ("quota",) if bench.subject.form == "text" else ("quota", *_SILENT)
    assert outcome.kind in wanted, f"{said!r} failed as {outcome.kind}"


@case_of(CASES, "A rate limit is `rate_limit`, after which lok asks again.", SPEAKS)
async def rate_limit_is_told(bench: Bench) -> None:
    await _kind(bench, "Error: 429 Too Many Requests: rate limit reached, slow down", "rate_limit")


@case_of(CASES, "A missing log-in or a wrong key is `auth`, with a hint.", SPEAKS)
async def missing_login_is_told(bench: Bench) -> None:
    failure = await _kind(bench, "Error: 401 Unauthorized: Incorrect API key provided", "auth")
    assert failure.hint, "the failure has no hint; say how to log in"


@case_of(CASES, "Garbage is a failure, not an exception of the adapter's.", SPEAKS)
async def garbage_is_a_failure(bench: Bench) -> None:
    garbage = b'\xff\xfe\x00\x1b[31m\xe2\x82{"type": \n}\n[[\n"\xed\xa0\x80' + bytes(range(256)) * 20
    bench.fake(stdout=garbage, stderr=garbage, code=1)
    failure = await bench.failure()
    _expected(failure, "what is neither UTF-8 nor JSON is not expected")


@case_of(CASES, "JSON of another shape is a failure, not an exception of the adapter's.", SPEAKS, JSON)
async def json_of_another_shape_is_a_failure(bench: Bench) -> None:
    lines = ["null", "7", "[]", "{}", '"text"', '{"type": null}', '{"type": 7, "item": [], "message": "x"}']
    kinds = (
        "result",
        "message",
        "assistant",
        "error",
        "item.completed",
        "turn.failed",
        "stream_event",
        "init",
    )
    empty = ("null", "[]", "{}", "7", '"x"')
    for kind in kinds:
        for value in empty:
            pairs = ", ".join(f'"{key}": {value}' for key in ("item", "message", "result", "error", "event"))
            lines.append(f'{{"type": "{kind}", {pairs}}}')
    bench.fake(stdout="\n".join(lines[: len(lines) if bench.subject.form == "jsonl" else 1]), code=1)
    outcome = await bench.ask()
    if isinstance(outcome, Failure):
        _expected(outcome, "JSON of another shape is not expected")


@case_of(CASES, "No failure tells a piece of a key.", SPEAKS, SECRETS)
async def failure_tells_no_secret(bench: Bench) -> None:
    told = " ".join(list(bench.keys.values()) * 100)
    bench.fake(stdout=told, stderr=f"Error: 401 Incorrect API key provided: {told}\n", code=1)
    outcome = await bench.ask()
    texts = (
        [outcome.reply.text]
        if isinstance(outcome, Answer)
        else [outcome.message, outcome.hint, outcome.partial, outcome.detail]
    )
    shown = _pieces_in(bench, [*texts, *(event.text for event in bench.events)])
    assert not shown, (
        f"a key shows in part ({shown!r}); mask with run.mask() before a message is cut, or let it whole"
    )


def _pieces_in(bench: Bench, texts: list[str]) -> str:
    """A piece of a fake key that one of the texts holds."""
    for key in bench.keys.values():
        core = key.rpartition("-")[2]
        for begin in range(len(core) - _PIECE + 1):
            piece = core[begin : begin + _PIECE]
            if any(piece in text for text in texts):
                return piece
    return ""
