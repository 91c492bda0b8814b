"""Suggest and smart through an open lok: who suits what, and who is asked."""

import pytest

from lok_core import BackendError, NoBackendError, Profile
from lok_core.builtin import StrengthsRule
from lok_core.interfaces import Rule
from lok_core.models import Vote
from lok_core.outcome import Answer
from lok_core.results import sections
from lok_core.testing import Step
from tests.test_modes import ANALYSER, READS, asked_of, offering, opened


def backend(kind, *strengths, there=True, access=READS, step=None, by_default=True):
    profile = Profile(strengths=strengths, access=access, asked_by_default=by_default)

    class Offered(offering(kind, profile, step)):
        def available(self, env):
            return there

    Offered.kind = kind
    return Offered


QUICK, CAREFUL = backend("quick", "performance"), backend("careful", "security", "general")
SLOW = "Why is this slow?"


def lok_with(tmp_path, *offers, rules=(StrengthsRule,), **options):
    return opened(tmp_path, *offers, rules=rules, **options)


async def suggestion(tmp_path, text, *offers, **options):
    async with lok_with(tmp_path, *offers, **options) as lok:
        report = await lok.suggest(text, tmp_path)
    assert report.outcomes == ()
    return report.detail.suggestion


def lines(report):
    return [line for section in sections(report) for line in section.lines]


async def test_suggest_ranks_and_asks_nobody(tmp_path):
    found = await suggestion(tmp_path, SLOW, CAREFUL, QUICK)
    assert (found.order, found.choice) == (("quick", "careful"), "quick")
    assert [(topic.category, topic.words) for topic in found.topics] == [("performance", ("slow",))]
    assert [(vote.backend, vote.reason) for vote in found.votes] == [("quick", "performance is strength 1")]


async def test_suggest_ranks_also_who_is_not_there(tmp_path):
    found = await suggestion(tmp_path, SLOW, CAREFUL, backend("quick", "performance", there=False))
    assert (found.order, found.unavailable, found.choice) == (("quick", "careful"), ("quick",), "careful")


async def test_suggest_works_with_nothing_installed(tmp_path):
    found = await suggestion(tmp_path, SLOW)
    assert (found.order, found.choice) == ((), "")


async def test_suggest_leaves_out_who_answers_no_questions_or_is_asked_by_name_only(tmp_path):
    by_name = backend("echo", "performance", by_default=False)
    offers = QUICK, by_name, offering("static", ANALYSER)
    assert (await suggestion(tmp_path, SLOW, *offers)).order == ("quick",)
    assert (await suggestion(tmp_path, SLOW, *offers, backends=["echo"])).order == ("echo",)


async def test_strengths_of_the_configuration_join_in(tmp_path):
    config = tmp_path / "given.toml"
    config.write_text('[backends.gemini]\nstrengths = ["performance"]')
    found = await suggestion(tmp_path, SLOW, backend("codex"), backend("gemini"), config=config)
    assert found.choice == "gemini"


async def test_rules_of_plugins_join_in(tmp_path):
    class Favours(Rule):
        name = "favours"

        def votes(self, request, backends):
            yield Vote("careful", 5, "it is Monday")

    found = await suggestion(tmp_path, SLOW, CAREFUL, QUICK, rules=(StrengthsRule, Favours))
    assert found.choice == "careful"
    assert "it is Monday" in [vote.reason for vote in found.votes]


async def test_suggest_tells_categories_order_reasons_and_who_is_missing(tmp_path):
    missing = backend("quick", "performance", there=False)
    async with lok_with(tmp_path, CAREFUL, missing) as lok:
        report = await lok.suggest(SLOW, tmp_path)
    assert lines(report) == [
        "performance: slow",
        "1. quick [not available]: 1 (performance is strength 1)",
        "2. careful: no votes",
        "`lok smart` would ask careful",
    ]


async def test_suggest_tells_that_nobody_is_there(tmp_path):
    async with lok_with(tmp_path, backend("quick", there=False)) as lok:
        assert "could ask nobody" in lines(await lok.suggest("Hi", tmp_path))[-1]


async def test_smart_asks_the_one_that_suits(tmp_path):
    async with lok_with(tmp_path, CAREFUL, QUICK) as lok:
        report = await lok.smart(SLOW, tmp_path)
    assert asked_of(report) == [("quick", "")]
    assert report.outcomes[0].request.access == "read"
    assert report.outcomes[0].request.prompt == SLOW
    assert report.notes == ()


async def test_smart_says_who_would_have_been_better(tmp_path):
    missing = backend("quick", "performance", there=False)
    async with lok_with(tmp_path, CAREFUL, missing) as lok:
        report = await lok.smart(SLOW, tmp_path)
    assert asked_of(report) == [("careful", "")]
    assert report.notes == ("not available, though better for performance: quick; asked instead: careful",)


async def test_smart_says_nothing_of_who_would_not_have_been_better(tmp_path):
    async with lok_with(tmp_path, backend("able", there=False), backend("better")) as lok:
        assert (await lok.smart(SLOW, tmp_path)).notes == ()


async def test_smart_prefers_one_that_can_read(tmp_path):
    blind = backend("quick", "performance", access=("none",))
    async with lok_with(tmp_path, CAREFUL, blind) as lok:
        report = await lok.smart(SLOW, tmp_path)
    assert asked_of(report) == [("careful", "")]
    assert report.notes[0].startswith("cannot read files, though better for performance: quick")


async def test_smart_asks_one_that_cannot_read_where_there_is_no_other(tmp_path):
    async with lok_with(tmp_path, backend("quick", access=("none",))) as lok:
        report = await lok.smart(SLOW, tmp_path)
    assert isinstance(report.outcomes[0], Answer)
    assert report.notes == ("quick cannot read files; it sees the prompt and nothing else",)


async def test_smart_asks_one_of_those_named(tmp_path):
    async with lok_with(tmp_path, CAREFUL, QUICK, backends=["careful"]) as lok:
        assert asked_of(await lok.smart(SLOW, tmp_path)) == [("careful", "")]


@pytest.mark.parametrize("fallback", [False, True])
async def test_smart_goes_on_to_the_next_if_it_is_asked_to(tmp_path, fallback):
    down = backend("quick", "performance", step=Step(error=BackendError("auth", "no key")))
    async with lok_with(tmp_path, CAREFUL, down) as lok:
        report = await lok.smart(SLOW, tmp_path, fallback=fallback)
    assert asked_of(report) == [("quick", ""), ("careful", "")][: 1 + fallback]


@pytest.mark.parametrize(
    ("offers", "options", "hint"),
    [
        ([backend("quick", there=False)], {}, "one of these: quick"),
        ([], {}, "pip install lok-backend"),
        ([offering("static", ANALYSER)], {"backends": ["static"]}, "-b"),
    ],
)
async def test_smart_without_anybody_says_what_to_do(tmp_path, offers, options, hint):
    async with lok_with(tmp_path, *offers, **options) as lok:
        with pytest.raises(NoBackendError) as raised:
            await lok.smart(SLOW, tmp_path)
    assert hint in raised.value.hint
