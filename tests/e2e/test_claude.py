"""The real `claude` behind lok, against the fake provider."""

import json
from pathlib import Path

import pytest

from . import clis
from .provider_answers import Scripted
from .provider_formats import CACHED_TOKENS, INPUT_TOKENS, OUTPUT_TOKENS, Call

ANSWER = "FAKE-ANSWER from anthropic model claude-sonnet-5"


@pytest.fixture
def claude(real):
    return real("claude")


def test_an_answer_comes_with_tokens_cost_session_and_model(claude, provider):
    reply = claude.answer("Say hi")
    assert reply["text"] == ANSWER
    cost = reply["usage"].pop("cost_usd")
    assert cost > 0
    assert reply["usage"] == {
        "input_tokens": INPUT_TOKENS,
        "output_tokens": OUTPUT_TOKENS,
        "cached_tokens": CACHED_TOKENS,
    }
    assert reply["model"] == "claude-sonnet-5"
    assert len(reply["session"]) == 36
    (asked,) = provider.requests
    assert sorted(asked.tools) == ["Grep", "Read"]


def test_text_is_one_block_and_the_closing_line(claude):
    done = claude.lok("ask", "-b", "claude", "Say hi")
    assert done.code == 0
    assert done.stdout.startswith(f"=== CLAUDE ===\n{ANSWER}\n")
    assert "1234" in done.stderr


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [
        ("-x --help", "-x --help"),
        ("/init now", "\n/init now"),
        ("/etc/hostname", "\n/etc/hostname"),
        ("@hello.txt", "@hello.txt"),
        ("What is in @/etc/hostname?", "What is in @/etc/hostname?"),
        ("!ls #memo", "!ls #memo"),
        ("Grüße, 世界 🐍 \u202e x", "Grüße, 世界 🐍 \u202e x"),
    ],
)
def test_a_prompt_arrives_as_text_and_nothing_else(claude, provider, prompt, sent):
    assert claude.answer(prompt)["text"] == ANSWER
    (asked,) = provider.requests
    assert asked.prompt.rstrip("\n") == sent
    assert "hello from the file" not in json.dumps(asked.body)
    assert Path("/etc/hostname").read_text().strip() not in json.dumps(asked.body["messages"])


def test_a_long_prompt_arrives_whole(claude, provider):
    prompt = "".join(f"line {number}\n" for number in range(30_000))
    assert len(prompt) > 300_000
    assert claude.answer(prompt)["text"] == ANSWER
    assert provider.requests[0].prompt.strip() == prompt.strip()


def test_an_unknown_model_is_named(claude):
    failure = claude.failure("Say hi", "-m", "claude=no-such-model")
    assert failure["kind"] == "invalid"
    assert "no model 'no-such-model'" in failure["message"]


def test_without_key_and_log_in_it_says_how_to_log_in(claude, provider):
    del claude.env["ANTHROPIC_API_KEY"]
    failure = claude.failure("Say hi")
    assert failure["kind"] == "auth"
    assert failure["hint"] == "run `claude` and type /login, or export ANTHROPIC_API_KEY"
    assert provider.requests == []


def test_control_characters_never_reach_the_terminal(claude):
    done = claude.lok("ask", "-b", "claude", "[[mode=nasty]]")
    assert done.code == 0
    shown = set(done.stdout + done.stderr)
    assert not shown & set("\x00\x07\x08\x1b\r\x9b\u202e\u2066")
    assert "NUL:\\x00" in done.stdout


def test_it_reads_a_file_and_shows_that_it_does(claude, provider):
    done = claude.lok("ask", "-b", "claude", "-v", "[[mode=tool]]")
    assert "hello from the file" in done.stdout
    assert "reading hello.txt" in done.stderr
    assert "hello from the file" in provider.requests[-1].results[0]


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (Call("Glob", {"pattern": "/etc/host*"}), False),
        (Call("Grep", {"pattern": ".", "path": "/etc", "output_mode": "files_with_matches"}), False),
        (Call("Grep", {"pattern": ".", "glob": "/etc/host*", "output_mode": "files_with_matches"}), False),
        (Call("Grep", {"pattern": "", "output_mode": "files_with_matches"}), True),
    ],
)
def test_it_lists_the_files_of_the_directory_and_no_others(claude, provider, call, seen):
    provider.script([Scripted(calls=(call,)), "done"])
    assert claude.answer("look")["text"] == "done"
    result = provider.requests[-1].results[-1]
    assert ("hello.txt" in result) == seen
    assert "hosts" not in result


def test_hunt_takes_findings_from_its_structured_answers(claude, provider):
    done = claude.lok("hunt", "-b", "claude", "-f", "json", ".")
    assert done.code == 0
    findings = done.report["findings"]
    assert {finding["title"] for finding in findings} == {"Fake finding"}
    assert all(source["backend"] == "claude" for finding in findings for source in finding["sources"])
    assert all("StructuredOutput" in asked.tools for asked in provider.requests)


def test_doctor_tells_that_it_is_ready_without_asking_the_model(claude, provider):
    done = claude.lok("doctor", "-f", "json")
    assert done.code == 0
    (found,) = [one for one in done.report["backends"] if one["name"] == "claude"]
    assert (found["ready"], found["logged_in"], found["known_good"]) == (True, True, True)
    assert found["version"] == clis.PACKAGES["claude"][1]
    del claude.env["ANTHROPIC_API_KEY"]
    done = claude.lok("doctor", "-f", "json")
    (found,) = [one for one in done.report["backends"] if one["name"] == "claude"]
    assert (found["ready"], found["logged_in"]) == (False, False)
    assert provider.requests == []
