"""The cases for delegation rules."""

from __future__ import annotations

import contextlib
import io
import math
import re
from pathlib import Path

from lok_core.interfaces import Rule
from lok_core.models import CATEGORIES, BackendInfo, Profile, Request, Vote
from lok_core.sanitize import clean_line
from lok_core.testing.case import Case, case_of

CASES: list[Case] = []

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HERE = Path("/project")
_PROFILES = {
    "codex": Profile(strengths=("performance", "dead-code"), access=("none", "read")),
    "gemini": Profile(strengths=("security", "architecture")),
    "static": Profile(strengths=("secrets",), is_llm=False, answers_questions=False, access=("read",)),
    "plain": Profile(),
}
_REQUESTS = (
    *(Request(f"Search for problems of {one}.", _HERE, category=one) for one in CATEGORIES),
    Request("Why is the query slow, and is it open to SQL injection?", _HERE, access="read", label="n+1"),
    Request("?", _HERE),
    Request("为什么 \U0001f600 \udcff\0\x1b[31m" + "very long " * 1000, _HERE, model="m", output_schema={}),
)


def _backends() -> list[BackendInfo]:
    return [BackendInfo(name, name, profile, True, True) for name, profile in _PROFILES.items()]


def _votes(rule: Rule, request: Request, backends: list[BackendInfo]) -> list[Vote]:
    try:
        return list(rule.votes(request, backends))
    except Exception as error:
        raise AssertionError(
            f"votes() raises {type(error).__name__}: {error} for {request.prompt[:60]!r}"
        ) from error


@case_of(CASES, "Its name is a slug.")
def name_is_a_slug(rule: Rule) -> None:
    assert isinstance(rule.name, str), f"name is {rule.name!r}; it must be a text"
    assert _SLUG.fullmatch(rule.name), f"name is {rule.name!r}; it must be a name such as 'my-rule'"


@case_of(CASES, "It copes with any request.")
def any_request_is_judged(rule: Rule) -> None:
    for request in _REQUESTS:
        _votes(rule, request, _backends())


@case_of(CASES, "Its votes are for backends that are at hand, with a weight and a reason.")
def votes_are_sound(rule: Rule) -> None:
    for request in _REQUESTS:
        for vote in _votes(rule, request, _backends()):
            assert isinstance(vote, Vote), f"votes() yields {vote!r}, which is no Vote"
            assert vote.backend in _PROFILES, (
                f"it votes for {vote.backend!r}, which is not among the backends"
            )
            is_number = isinstance(vote.weight, (int, float)) and not isinstance(vote.weight, bool)
            assert is_number, f"the weight {vote.weight!r} is no number"
            assert math.isfinite(vote.weight), f"the weight {vote.weight} is not finite"
            assert isinstance(vote.reason, str), f"the reason {vote.reason!r} is no text"
            assert vote.reason.strip(), f"its vote for {vote.backend!r} has no reason"
            assert clean_line(vote.reason) == vote.reason, (
                f"the reason {vote.reason[:80]!r} is no line of text; lok_core.clean_line makes it one"
            )


@case_of(CASES, "The same request gets the same votes.")
def same_request_same_votes(rule: Rule) -> None:
    for request in _REQUESTS:
        first, second = (_votes(rule, request, _backends()) for _ in range(2))
        assert first == second, f"the same request gets {first}, and then {second}"


@case_of(CASES, "The order of the backends does not count.")
def order_does_not_count(rule: Rule) -> None:
    for request in _REQUESTS:
        there = set(_votes(rule, request, _backends()))
        back = set(_votes(rule, request, _backends()[::-1]))
        assert there == back, f"with the backends in another order, the votes are {back} instead of {there}"


@case_of(CASES, "Without backends there are no votes.")
def no_backends_no_votes(rule: Rule) -> None:
    for request in _REQUESTS:
        votes = _votes(rule, request, [])
        assert not votes, f"without backends it votes {votes}"


@case_of(CASES, "What it is given stays as it is.")
def arguments_stay_as_they_are(rule: Rule) -> None:
    for request in _REQUESTS:
        given = _backends()
        _votes(rule, request, given)
        assert given == _backends(), "it changes the list of backends that it is given"


@case_of(CASES, "It prints nothing.")
def nothing_is_printed(rule: Rule) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for request in _REQUESTS:
            _votes(rule, request, _backends())
    assert not printed.getvalue(), f"it prints {printed.getvalue()[:80]!r}; say it in the reason of a vote"
