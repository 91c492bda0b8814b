"""Cases about what a backend says of itself, and what it does before it is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from lok_core.config_strict import structured
from lok_core.models import CATEGORIES, Access, Health, Profile
from lok_core.outcome import Failure
from lok_core.testing.bench import Bench
from lok_core.testing.case import ANSWERS, PROGRAM, Case, case_of

CASES: list[Case] = []

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_UNKNOWN = "no-such-key"
_PROMPT = "why is that so?"
_ASKING = {"-p", "--print", "--prompt", "exec"}  # how programs are given a prompt as an argument


@case_of(CASES, "Its `kind` is a slug: small letters and digits, with single dashes between them.")
async def name_is_a_slug(bench: Bench) -> None:
    kind = bench.backend.kind
    assert isinstance(kind, str), f"kind is {kind!r}; it must be a text"
    assert _SLUG.fullmatch(kind), f"kind is {kind!r}; it must be a name such as 'my-tool'"


@case_of(CASES, "An instance has the name that it is given, so that a program can be configured twice.")
async def name_is_the_given_one(bench: Bench) -> None:
    made = bench.another("second")
    assert made.name == "second", f"an instance made with the name 'second' has the name {made.name!r}"


@case_of(CASES, "A misspelt key in its table of lok.toml is an error.")
async def config_refuses_unknown_keys(bench: Bench) -> None:
    problems: list[tuple[tuple[str | int, ...], str]] = []
    structured(bench.backend.Config, {_UNKNOWN: 1}, (), problems)
    told = any(_UNKNOWN in map(str, place) or _UNKNOWN in text for place, text in problems)
    assert told, "Config takes a key that it does not know; make it an attrs class with a field for each key"


@case_of(CASES, "It works without a table in lok.toml, or says `needs_config`.")
async def config_has_defaults(bench: Bench) -> None:
    kind = type(bench.backend)
    if kind.needs_config:
        return
    try:
        kind("plain", kind.Config())
    except Exception as error:
        raise AssertionError(
            f"{kind.__name__}(name, {kind.__name__}.Config()) raises {error!r}; give each field of Config a "
            "default, or set needs_config = True"
        ) from error


@case_of(CASES, "Its profile is made of what lok knows: categories, levels of access, names of variables.")
async def profile_is_sound(bench: Bench) -> None:
    profile = bench.backend.profile
    assert isinstance(profile, Profile), f"profile is a {type(profile).__name__}, not a Profile"
    for name in ("strengths", "aliases", "secrets", "env", "access", "heeds"):
        values = getattr(profile, name)
        sound = isinstance(values, tuple) and all(isinstance(one, str) and one for one in values)
        assert sound, f"profile.{name} is {values!r}; it must be a tuple of texts"
    for name, known in (("strengths", CATEGORIES), ("access", get_args(Access))):
        unknown = sorted(set(getattr(profile, name)) - set(known))
        assert not unknown, f"profile.{name} holds {unknown}; there are {', '.join(known)}"
    assert profile.access, "profile.access is empty; a backend that is given no access at all says ('none',)"
    assert "\n" not in profile.style, "profile.style has several lines"


@case_of(CASES, "`available` says whether its program is there.", PROGRAM)
async def available_tells_whether_the_program_is_there(bench: Bench) -> None:
    bench.fake()
    assert _available(bench, bench.env) is True, "available() is not True though its program is on PATH"
    there = _available(bench, bench.missing())
    assert there is False, f"available() is {there} though its program is not on the PATH of `env`"


@case_of(CASES, "`available` starts nothing: lok calls it for every backend of every command.", PROGRAM)
async def available_starts_nothing(bench: Bench) -> None:
    program = bench.fake()
    _available(bench, bench.env)
    assert not program.calls, "available() starts the program; only see whether it is on PATH"


def _available(bench: Bench, env: Mapping[str, str]) -> object:
    try:
        return bench.backend.available(env)
    except Exception as error:
        raise AssertionError(
            f"available() raises {type(error).__name__}: {error}; any variable may be missing in `env`, and "
            "a program that is not there is no error"
        ) from error


@case_of(CASES, "`check` finds its program, or says that it is not logged in.", PROGRAM)
async def check_finds_the_program(bench: Bench) -> None:
    bench.fake(stdout="tool 1.2.3\n")
    health = await _health(bench)
    assert health.ready or health.logged_in is False, (
        "check() does not find it ready though its program is there and tells its version: "
        f"{health.message!r}"
    )


@case_of(CASES, "`check` gives a Health without keys, whatever its program says.", PROGRAM)
async def check_copes_with_any_program(bench: Bench) -> None:
    for code in (0, 1):
        bench.fake(stdout=" ".join(bench.keys.values()), stderr=" ".join(bench.keys.values()), code=code)
        health = await _health(bench)
        for name in ("message", "hint", "program", "version"):
            text = getattr(health, name)
            assert text is None or isinstance(text, str), f"the {name} of the Health is no text: {text!r:.80}"
            shown = sorted(name for name, key in bench.keys.items() if key in (text or ""))
            assert not shown, f"check() tells the value of {', '.join(shown)} as its {name}; use run.mask()"
        assert health.ready or health.message or health.hint, "check() does not say why it is not ready"


async def _health(bench: Bench) -> Health:
    health = await bench.check()
    assert isinstance(health, Health), (
        f"check() gives no Health but {health.message}"
        if isinstance(health, Failure)
        else f"check() gives {health!r:.80} instead of a Health"
    )
    return health


@case_of(CASES, "`check` starts no request to a model.", PROGRAM)
async def check_asks_no_model(bench: Bench) -> None:
    program = bench.answering() if bench.subject.says is not None else bench.fake(stdout="1.2.3\n")
    assert program is not None
    if bench.subject.says is not None:
        await bench.ask(_PROMPT)
    asked = len(program.calls)
    await bench.check()
    queries, checks = program.calls[:asked], program.calls[asked:]
    for call in checks:
        assert not call["stdin"], f"check() gives the program something to read: {call['stdin'][:80]!r}"
    asking = [
        call["argv"] for call in checks if any(_is_alike(query["argv"], call["argv"]) for query in queries)
    ]
    assert not asking, f"check() starts the program as a request does: {asking[0]}"
    prompting = [call["argv"] for call in checks if _ASKING.intersection(call["argv"])]
    assert not prompting, f"check() starts the program with a prompt: {prompting[0]}"


def _is_alike(query: list[str], check: list[str]) -> bool:
    """Whether only the prompt differs, which is one of the arguments."""
    prompted = [_PROMPT in word for word in query]
    return (
        len(query) == len(check)
        and any(prompted)
        and all(
            left == right or is_prompt for left, right, is_prompt in zip(query, check, prompted, strict=True)
        )
    )


@case_of(CASES, "`check` says what is missing when its program is.", PROGRAM)
async def check_tells_of_a_missing_program(bench: Bench) -> None:
    health = await bench.check(bench.missing())
    assert not isinstance(health, Failure), f"check() raises: {health.message}"
    assert isinstance(health, Health), f"check() gives {health!r:.80} instead of a Health"
    assert not health.ready, "check() finds it ready though its program is not on PATH"
    assert health.message or health.hint, "check() does not say what is missing"


@case_of(CASES, "Without its program it fails as `unavailable`, with a hint how to get it.", PROGRAM)
async def missing_program_has_a_hint(bench: Bench) -> None:
    failure = await bench.failure(env=bench.missing())
    assert failure.kind == "unavailable", (
        f"without its program it fails as {failure.kind} ({failure.message}); "
        'raise BackendError("unavailable", ...)'
    )
    assert failure.hint.strip(), "the failure has no hint; say how the program is installed"


@case_of(CASES, "`aclose` works, used or not.", ANSWERS)
async def closes(bench: Bench) -> None:
    bench.answering()
    await bench.ask()
    for how, backend in (("after a request", bench.backend), ("without one", bench.another("unused"))):
        try:
            await backend.aclose()
        except Exception as error:
            raise AssertionError(f"aclose() {how} raises {error!r}") from error
