"""Cases about the life of the program: whatever it does, the request ends and nothing is left."""

from __future__ import annotations

import itertools

import trio

from lok_core.outcome import Answer, Failure, Outcome
from lok_core.testing.bench import Bench, told, until
from lok_core.testing.case import ANSWERS, SPEAKS, STREAMS, Case, case_of

CASES: list[Case] = []

_PROMPT_S = 5.0  # for an end that takes a second at the most, on a busy machine
_PAUSE_S = 1.0  # of lok's loop, which is a matter of milliseconds
_TRIES = 3  # as a busy machine may pause all of lok


async def interrupted(bench: Bench, source: str, **how: object) -> Outcome:
    """What comes of a request that is ended once the program has come to `ready()`."""
    program = bench.fake(source=source, **how)
    outcomes = []
    async with bench.job() as job:

        async def ask() -> None:
            outcomes.append(await job.ask(bench.request()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            there = await until(lambda: program.is_ready or outcomes, bench.patience_s)
            early = outcomes[:]
            begin = trio.current_time()
            job.interrupt("ended by the contract")
        took = trio.current_time() - begin
        # Those that were killed may still be dying.
        await until(lambda: not bench.living(), _PROMPT_S)
        left = bench.living()
    assert there, "the program was not started"
    assert not early, f"the request had ended before it was interrupted: {early[0]}"
    assert took < min(_PROMPT_S, bench.patience_s), (
        f"a cancelled request went on for {took:.0f} s; let trio.Cancelled pass, and block nowhere"
    )
    assert not left, (
        f"of the program's processes {len(left)} outlived a cancelled request; start it with run.command"
    )
    return outcomes[0]


@case_of(CASES, "A cancelled request ends at once, even if its program ignores signals.", SPEAKS)
async def cancellation_is_prompt(bench: Bench) -> None:
    outcome = await interrupted(bench, "deaf(); ready(); hang()")
    assert isinstance(outcome, Failure), "a request that was cancelled has an answer"
    assert outcome.kind == "cancelled", f"a cancelled request failed as {outcome.kind}: {outcome.message}"


@case_of(CASES, "A cancelled request ends the whole group of its program, grandchildren included.", SPEAKS)
async def cancellation_ends_the_group(bench: Bench) -> None:
    await interrupted(bench, "grandchild(); ready(); hang()")


@case_of(CASES, "What was said before a request is ended is kept.", SPEAKS, STREAMS)
async def cancellation_keeps_what_was_said(bench: Bench) -> None:
    # In two pieces: lok has read the first one when the second is written.
    said = bench.begun("because").encode()
    outcome = await interrupted(bench, "answer(); taken(); ready(); hang()", stdout=[said, b"\n"])
    assert isinstance(outcome, Failure), "a request that was cancelled has an answer"
    assert "because" in outcome.partial, (
        "what the program had said is lost when a deadline cuts in; tell it with run.text() as it arrives"
    )


@case_of(CASES, "The program's standard input ends after the prompt.", SPEAKS)
async def standard_input_is_closed(bench: Bench) -> None:
    bench.answering(source="sys.stdin.buffer.read(); answer()", reads=False)
    text = await bench.answer()
    assert "because" in text, "the program waits for more on its standard input; start it with run.command"


@case_of(CASES, "A program that never reads its standard input is no trouble.", SPEAKS)
async def input_that_is_not_read(bench: Bench) -> None:
    bench.answering(reads=False)
    outcome = await bench.ask("long " * 18_000)  # more than a pipe holds, and less than an argument
    assert isinstance(outcome, Answer), (
        f"with a program that does not read its standard input, {told(outcome)}; start it with run.command"
    )


@case_of(CASES, "A grandchild that holds the output open delays no answer.", SPEAKS)
async def grandchild_that_holds_the_output(bench: Bench) -> None:
    bench.answering(source="grandchild(); answer()")
    async with bench.job() as job:
        outcome = await job.ask(bench.request())
        # Those that were killed may still be dying.
        await until(lambda: not bench.living(), _PROMPT_S)
        left = bench.living()
    assert isinstance(outcome, Answer), (
        f"the program had ended, and a process of its own held the output open: {told(outcome)}; "
        "start it with run.command"
    )
    assert not left, "a process that the program left behind was not ended; start it with run.command"


@case_of(CASES, "While it is asked, lok goes on: nothing blocks its loop.", ANSWERS)
async def query_blocks_nothing(bench: Bench) -> None:
    bench.answering()
    paused_s = [await _longest_pause(bench)]
    while paused_s[-1] >= _PAUSE_S and len(paused_s) < _TRIES:
        paused_s.append(await _longest_pause(bench))
    assert paused_s[-1] < _PAUSE_S, (
        f"lok stood still for {min(paused_s):.1f} s, and with it every other request; await, or put what "
        "blocks into trio.to_thread.run_sync"
    )


async def _longest_pause(bench: Bench) -> float:
    """The seconds for which lok's loop stood still while the backend was asked."""
    beats = [trio.current_time()]

    async def beat() -> None:
        while True:
            await trio.sleep(0.01)
            beats.append(trio.current_time())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(beat)
        await bench.ask()
        beats.append(trio.current_time())
        nursery.cancel_scope.cancel()
    return max(after - before for before, after in itertools.pairwise(beats))
