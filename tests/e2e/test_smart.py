"""Suggest, smart and team with the real programs."""

import pytest

from .provider_answers import Scripted

NAMES = ("codex", "gemini", "claude")
APIS = {"codex": "openai", "gemini": "gemini", "claude": "anthropic"}


@pytest.fixture
def panel(real):
    return real(*NAMES)


def asked_of(done):
    return [(outcome["backend"], outcome["request"]["label"]) for outcome in done.report["outcomes"]]


def texts_of(done):
    return {outcome["request"]["label"]: outcome["reply"]["text"] for outcome in done.report["outcomes"]}


def test_suggest_ranks_the_programs_and_asks_none(panel, provider):
    done = panel.lok("suggest", "-f", "json", "Find SQL injection vulnerabilities")
    assert done.code == 0
    suggestion = done.report["detail"]["suggestion"]
    assert (suggestion["order"][0], suggestion["choice"], suggestion["unavailable"]) == (
        "gemini",
        "gemini",
        [],
    )
    assert provider.all_requests == []


@pytest.mark.parametrize(
    ("prompt", "name"),
    [
        ("Find N+1 queries", "codex"),
        ("Run a security audit", "gemini"),
        ("Explain this code", "claude"),
    ],
)
def test_smart_asks_the_program_that_suits(panel, provider, prompt, name):
    done = panel.lok("smart", "-f", "json", prompt)
    assert done.code == 0, done.stderr
    assert asked_of(done) == [(name, "")]
    assert {one.api for one in provider.all_requests} == {APIS[name]}
    assert panel.processes() == []


def test_a_team_of_two_and_its_summary(panel, provider):
    done = panel.lok("team", "-f", "json", "Find slow code and security holes")
    assert done.code == 0, done.stderr
    assert asked_of(done) == [("codex", "performance"), ("gemini", "security"), ("claude", "summary")]
    told = [one.prompt for one in provider.requests if one.api == "anthropic"]
    assert len(told) == 1
    assert "FAKE-ANSWER from openai" in told[0]
    assert "FAKE-ANSWER from gemini" in told[0]
    assert done.report["detail"]["summary"].startswith("FAKE-ANSWER from anthropic")


def test_a_debate_shows_what_changed(panel, provider):
    def script(asked):
        if "Another assistant was given this task" in asked.prompt:
            return Scripted(text="The second point is wrong.")
        if "What is said against it" in asked.prompt:
            return Scripted(text="- one\n- two, corrected\n")
        return Scripted(text="- one\n- two\n")

    provider.script(script)
    done = panel.lok("team", "--debate", "Why is this slow?")
    assert done.code == 0, done.stderr
    assert "=== CODEX [performance] ===\n- one\n- two\n" in done.stdout
    assert "=== CLAUDE [performance: critique] ===\nThe second point is wrong.\n" in done.stdout
    assert "  performance (slow): codex; claude read it; revised, +1 -1 lines\n" in done.stdout
    assert "    -- two\n    +- two, corrected\n" in done.stdout
    assert panel.processes() == []
