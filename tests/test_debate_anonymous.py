"""What a participant calls itself is replaced by its letter in what others read."""

import re

import pytest

from lok_core.models import BackendInfo, Profile
from lok_core.modes.anonymous import Pseudonym, names_of

CLAUDE = ("Claude", "Claude Code", "Claude Sonnet", "Anthropic")
GOOGLE = ("Gemini", "Gemini Pro", "Google")


def hidden(text, aliases=CLAUDE, kind="claude", name=None, topic="tabs or spaces?", models=()):
    info = BackendInfo(name or kind, kind, Profile(aliases=aliases), available=True, eligible=True)
    return Pseudonym("B", names_of(info, models), topic).hide(text)


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("As Claude, I think", "As B, I think"),
        ("as CLAUDE I think", "as B I think"),
        ("I'm Claude 3.5 Sonnet, made by Anthropic.", "I'm B, made by B."),
        ("I am **Claude Sonnet 4.5**.", "I am **B**."),
        ("claude-sonnet-4-5-20250929 says", "B says"),
        ("Claude's view", "B's view"),
        ("Right.\n\n\u2014 Claude", "Right.\n\n\u2014 B"),
        ("Ends with Claude.", "Ends with B."),
        ("_Claude_ and __Claude__", "_B_ and __B__"),
        ("\u6211\u662fClaude\u3002\u6211Claude\u8ba4\u4e3a", "\u6211\u662fB\u3002\u6211B\u8ba4\u4e3a"),
        ("Well...Claude thinks", "Well...B thinks"),
        ("ClaudeAI, Claude AI and claude.ai say", "B, B and B say"),
        ("\uff23\uff4c\uff41\uff55\uff44\uff45, Cla\u200bude and \u0421laude", "B, B and B"),
        ("x\u00b2 \u2013 \u0441\u043b\u043e\u0432\u043e", "x\u00b2 \u2013 \u0441\u043b\u043e\u0432\u043e"),
        ("claude_client, my_claude and __claude_x__", "claude_client, my_claude and __claude_x__"),
        ("claudette and Claudia", "claudette and Claudia"),
        ("see CLAUDE.md and ~/.claude/x", "see CLAUDE.md and ~/.claude/x"),
    ],
)
def test_its_names_become_its_letter(said, read):
    assert hidden(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("As Google, I think Google OAuth is good", "As B, I think Google OAuth is good"),
        ("I'm a Google model. As Google says, I use it", "I'm a B model. As Google says, I use it"),
        ("I was trained by Google. Google OAuth", "I was trained by B. Google OAuth"),
        ("- Google\n- Okta\nare there", "- Google\n- Okta\nare there"),
        ("Gemini says that Google is", "B says that Google is"),
        ("Fine.\n\u2014 Google\nPOSITION: x", "Fine.\n\u2014 B\nPOSITION: x"),
        ("this is Google OAuth's weak point", "this is Google OAuth's weak point"),
    ],
)
def test_a_name_that_is_the_subject_stays_where_others_could_say_it(said, read):
    assert hidden(said, GOOGLE, "gemini", topic="Should we use Google OAuth?") == read


@pytest.mark.parametrize(
    "said",
    [
        "As an AI developed by Anthropic, I say Claude Code is fine",
        "I\u2019m called Claude. Claude Code is fine",
        "I (Claude) say so",
        "Being Claude, I say so",
        "**Model:** claude-opus-4.1\nFine.",
        "### Claude\nFine.",
        "Fine. Written by Claude",
        "Here we at Anthropic say so",
    ],
)
def test_it_cannot_call_itself_by_the_name_of_the_subject(said):
    copy = hidden(said, topic="Is Claude Code of Anthropic fine?")
    assert re.findall(r"\bB\b", copy) == ["B"]
    assert copy.count("Claude Code") == said.count("Claude Code")


@pytest.mark.parametrize(
    "said", ["GPT4o", "gpt-4o", "GPT\u20114o-mini", "_OpenAI_", "Open AI", "GPT-5.1-codex"]
)
def test_a_version_or_a_space_hides_no_name(said):
    assert hidden(f"For {said}, yes", ("GPT", "OpenAI"), "codex").replace("_", "") == "For B, yes"


def test_an_open_ai_is_nobody():
    assert hidden("an open AI", ("GPT", "OpenAI"), "codex") == "an open AI"


@pytest.mark.parametrize("model", ["default", "auto", "pro"])
def test_a_model_that_goes_by_an_everyday_word_leaves_it_to_the_others(model):
    assert hidden(f"As {model}, I like the {model} mode", models=[model]) == f"As B, I like the {model} mode"


def test_the_name_of_the_model_that_answered_is_one():
    assert hidden("zeta-9 here, as zeta-9 knows", (), "x", models=["zeta-9"]) == "B here, as B knows"


def test_a_word_that_the_user_chose_as_a_name_stays_a_word():
    assert hidden("As fast, I say the fast path is fast", name="fast") == "As B, I say the fast path is fast"


def test_a_program_of_the_configuration_goes_by_its_name():
    said = "Qwen thinks the command is wrong"
    assert hidden(said, (), "command", "qwen") == "B thinks the command is wrong"


def test_who_has_no_name_is_left_alone():
    assert hidden("As Claude, I", (), "command", "?") == "As Claude, I"
