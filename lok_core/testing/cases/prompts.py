"""Cases about what arrives at the program."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from lok_core.models import Access
from lok_core.outcome import Failure
from lok_core.testing.bench import Bench, told
from lok_core.testing.case import MODEL, READ, SCHEMA, SPEAKS, Case, case_of
from lok_core.testing.fake_cli import FakeCli

CASES: list[Case] = []

_REFUSED = ("too_large", "invalid")
"""How a backend says that it cannot hand a prompt over."""


def _places(call: Mapping[str, Any]) -> list[str]:
    """Everything that the program was given: standard input, arguments, files of lok, its environment."""
    return [call["stdin"], *call["argv"], *call["files"].values(), *call["env"].values()]


async def _call(bench: Bench, prompt: str, **more: Any) -> Mapping[str, Any] | None:
    """How the program was started for that prompt; None if the backend said that it cannot be."""
    program = bench.answering()
    assert program is not None
    outcome = await bench.ask(prompt, **more)
    if isinstance(outcome, Failure):
        assert outcome.kind in _REFUSED, told(outcome)
        assert not program.calls, f"it starts the program and then fails as {outcome.kind}: {outcome.message}"
        return None
    return _only(program)


def _only(program: FakeCli) -> Mapping[str, Any]:
    calls = program.calls
    assert calls, "the program was not started"
    return calls[-1]


async def _arrives(bench: Bench, prompt: str, mend: str) -> None:
    call = await _call(bench, prompt)
    if call is None:
        return
    counts = [place.count(prompt) for place in _places(call)]
    assert any(counts), mend
    assert max(counts) == 1, "the program gets the prompt more than once"


@case_of(CASES, "A prompt in any script arrives whole.", SPEAKS)
async def prompt_with_unicode(bench: Bench) -> None:
    mend = "the prompt's letters do not arrive; hand it over as UTF-8"
    await _arrives(bench, "Warum? 为什么\u3000 Γιατί \U0001f600 e\u0301 \u202eolleh\u2069\tend", mend)
    await _arrives(bench, "Why is \x1b[31mthis\x1b[0m\x07 red?", "control characters in the prompt are lost")


@case_of(CASES, "Nothing in a prompt is taken for a placeholder, for shell or for an escape.", SPEAKS)
async def prompt_with_markup(bench: Bench) -> None:
    prompt = "a {model} {prompt} {0} %s %% $HOME `id` $(id) 'x' \"y\" \\n \\ * ~ ! # & | ; < > [z]"
    await _arrives(bench, prompt, "what looks like markup in the prompt does not arrive as it was written")
    for prompt in ("/help is what?", "!why is that?", "# why is that?"):
        await _arrives(bench, prompt, f"of {prompt!r} the first character does not arrive")


@case_of(CASES, "A prompt of several lines arrives with all of them.", SPEAKS)
async def prompt_with_lines(bench: Bench) -> None:
    prompt = "\n  first, indented\n\n  second, indented\r\nthird\n--\nfourth  "
    await _arrives(bench, prompt, "the prompt's lines do not arrive as they were written")


@case_of(CASES, "The newline at the end of a prompt arrives.", SPEAKS)
async def prompt_with_a_final_newline(bench: Bench) -> None:
    await _arrives(bench, "why?\n", "the newline at the end of the prompt is lost; do not strip it")


@case_of(CASES, "A prompt with NUL arrives whole, or is refused as `invalid`.", SPEAKS)
async def prompt_with_nul(bench: Bench) -> None:
    mend = 'a NUL cuts the prompt off; hand it over on standard input, or raise BackendError("invalid", ...)'
    await _arrives(bench, "before\0after", mend)


@case_of(CASES, "A prompt of 300 KB arrives whole, or is refused as `too_large`.", SPEAKS)
async def prompt_of_300_kb(bench: Bench) -> None:
    mend = "a long prompt is cut off; hand it over on standard input, or raise BackendError('too_large', ...)"
    await _arrives(bench, "".join(f"line {number:06}\n" for number in range(25_000)), mend)


@case_of(CASES, "A prompt that begins with a dash does not become a flag.", SPEAKS)
async def prompt_with_a_leading_dash(bench: Bench) -> None:
    prompt = "--version"
    call = await _call(bench, prompt)
    if call is None:
        return
    assert any(prompt in place for place in _places(call)), "the prompt does not arrive"
    argv = call["argv"]
    for word, before in zip(argv, ["", *argv], strict=False):
        assert word != prompt or before == "--", (
            f"the program takes the prompt {prompt!r} for a flag of its own: {argv}; hand it over on "
            'standard input, after "--", or as "--flag=PROMPT"'
        )


@case_of(CASES, "The model that is asked for is the one that the program is told.", SPEAKS, MODEL)
async def model_is_passed_on(bench: Bench) -> None:
    call = await _call(bench, "why?", model="model-7")
    told = call is None or any("model-7" in place for place in _places(call))
    assert told, "the program is not told the model of the request; it answers with another one"


@case_of(CASES, "With access `read`, the program learns of the directory.", SPEAKS, READ)
async def directory_is_passed_on(bench: Bench) -> None:
    # Some are started in no other directory.
    call = await _call(bench, "why?", access="read", trusted=True)
    place = str(bench.directory)
    assert call is None or any(place in told for told in (call["cwd"], *_places(call))), (
        "with access 'read' the program neither works in request.directory nor is told of it; "
        "pass cwd=request.directory to run.command"
    )


@case_of(CASES, "The schema that is asked for is the one that the program is told.", SPEAKS, SCHEMA)
async def schema_is_passed_on(bench: Bench) -> None:
    name = "a_property_of_the_contract"
    schema = {"type": "object", "properties": {name: {"type": "string"}}, "required": [name]}
    call = await _call(bench, "why?", output_schema=schema)
    assert call is None or any(name in place for place in _places(call)), (
        "profile.output_schema is True, but the program is not told request.output_schema"
    )


@case_of(CASES, "What `planned` tells is what is started, and it starts nothing.", SPEAKS)
async def plan_is_what_is_started(bench: Bench) -> None:
    for access in bench.backend.profile.access:
        await _planned_as_started(bench, access)


async def _planned_as_started(bench: Bench, access: Access) -> None:
    program = bench.answering()
    assert program is not None
    before = len(program.calls)
    async with bench.job(trusted=True) as job:
        job.planned = {}
        outcome = await job.ask(bench.request("why?", access))
    assert len(program.calls) == before, "planned() starts the program; it only tells how it would be started"
    assert job.planned, f"planned() fails: {outcome}"
    ((_, told),) = job.planned.values()
    await bench.ask("why?", access, trusted=True)
    call = _only(program)
    started = [word.replace(call["env"]["TMPDIR"], "{folder}") for word in call["argv"]]
    planned = [word.replace("{prompt}", "why?") for word in told]
    assert not planned or _without_numbers(planned[1:]) == _without_numbers(started), (
        f"with access {access!r}, planned() tells {planned}, and the program is started with {started}; "
        "leave planned() out if it cannot be told beforehand"
    )


def _without_numbers(words: Sequence[str]) -> list[str]:
    """As the seconds that are left differ from one start to the next."""
    return [re.sub(r"\d+", "0", word) for word in words]
