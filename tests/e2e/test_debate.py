"""Debates of the real programs."""

import re

import jsonschema
import pytest

import lok_core

from .provider_answers import Scripted

NAMES = ("codex", "gemini", "claude")
MAKERS = {"openai": "Codex", "gemini": "Gemini", "anthropic": "Claude"}


@pytest.fixture
def panel(real):
    return real(*NAMES)


def says(asked, stance="agree"):
    """What a participant says: its position, or its verdict on all others."""
    others = re.findall(r"^POSITION OF (\w+)$", asked.prompt, re.MULTILINE)
    if not others:
        name = MAKERS[asked.api]
        return f"As {name}, I would wait.\n\nPOSITION: {name} would wait.\nCONFIDENCE: 70"
    verdicts = "\n".join(f"- {other}: {stance}" for other in others)
    rest = "CONFIDENCE: 80\nCHANGED: no\nNEW EVIDENCE: none\nPOSITION: We wait."
    return f"It holds.\n\nVERDICT\n{verdicts}\n{rest}"


def is_reply(asked):
    return "YOUR OWN POSITION" in asked.prompt


def test_three_come_to_a_consensus_without_knowing_each_other(panel, provider):
    provider.script(lambda asked: Scripted(text=says(asked)))
    done = panel.lok("debate", "-f", "json", "--seed", "5", "Should we wait?")
    assert done.code == 0, done.stderr
    jsonschema.validate(done.report, lok_core.schema("lok.report/1"))
    detail = done.report["detail"]
    assert (detail["result"], detail["decided_in"]) == ("consensus", 2)
    assert len(done.report["outcomes"]) == 6
    assert [one["position"] for one in detail["statements"] if one["round"] == 2] == ["We wait."] * 3
    replies = [asked for asked in provider.requests if is_reply(asked)]
    assert {asked.api for asked in replies} == set(MAKERS)
    for asked in replies:
        theirs = re.search(r"(?s)^POSITION OF .*", re.sub(r"(?s)YOUR OWN.*?>>>", "", asked.prompt), re.M)[0]
        others = [name for api, name in MAKERS.items() if api != asked.api]
        assert theirs.count("I would wait.") == 2
        assert not any(name in theirs for name in others)


def test_one_that_fails_in_the_second_round_leaves_the_debate_to_the_others(panel, provider):
    def script(asked):
        return (
            Scripted(mode="401") if is_reply(asked) and asked.api == "openai" else Scripted(text=says(asked))
        )

    provider.script(script)
    done = panel.lok("debate", "-f", "markdown", "-o", "transcript.md", "Should we wait?")
    assert (done.code, done.stdout) == (0, ""), done.stderr
    text = (panel.code / "transcript.md").read_text()
    assert "### Consensus after round 2 of 3" in text
    assert re.search(r"\\?\(codex\\?\) dropped out in round 2 \\?\(auth\\?\)", text)
    assert text.count("I would wait.") == 3
