"""What a text is about, and which backend suits it."""

import math
import string
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.builtin import StrengthsRule
from lok_core.delegation import recommend
from lok_core.interfaces import Rule
from lok_core.models import CATEGORIES, BackendInfo, Profile, Request, Vote
from lok_core.topics import READ_LENGTH, topics

HERE = Path("/code")
ADAPTERS = {
    # As the adapters have them; tests/e2e/test_smart.py asks the adapters themselves.
    "claude": ("general", "errors", "architecture"),
    "codex": ("performance", "dead-code", "patterns", "errors", "general"),
    "gemini": ("security", "architecture", "injection", "auth", "secrets"),
}


def info(name, strengths=(), **rest):
    values = {"available": True, "eligible": True, **rest}
    return BackendInfo(name, name, Profile(strengths=tuple(strengths)), **values)


PANEL = [info(name, strengths) for name, strengths in ADAPTERS.items()]


def best(text, category="general", panel=PANEL, rules=None):
    request = Request(text, HERE, category=category)
    return recommend(request, panel, rules or [StrengthsRule()]).order[0]


def categories(text):
    return {topic.category for topic in topics(text)}


@pytest.mark.parametrize(
    ("text", "backend"),
    [
        ("Find N+1 queries", "codex"),
        ("Find SQL injection vulnerabilities", "gemini"),
        ("Remove unused imports", "codex"),
        ("Optimize slow database queries", "codex"),
        ("Review the overall architecture and design patterns", "gemini"),
        ("Explain this code", "claude"),
        ("Who is the author of this inquiry?", "claude"),
        ("Find code smells", "codex"),
        ("Refactor the parser", "codex"),
        ("Which patterns are used here?", "codex"),
        ("Find dead code", "codex"),
        ("Clean up the imports", "codex"),
        ("Why is the start so slow?", "codex"),
        ("Optimise the loop", "codex"),
        ("Look for XSS", "gemini"),
        ("How does authorization work?", "gemini"),
        ("Run a security audit", "gemini"),
        ("Are there vulnerabilities?", "gemini"),
        ("Are there passwords in the code?", "gemini"),
        ("Judge the structure of the project", "gemini"),
        ("Translate the README to German", "claude"),
        ("Is the error handling right?", "claude"),
    ],
)
def test_a_task_goes_to_the_adapter_that_suits_it(text, backend):
    assert best(text) == backend


def test_after_the_best_generalist_comes_the_one_that_is_general_too():
    order = recommend(Request("Explain this code", HERE), PANEL, [StrengthsRule()]).order
    assert order == ("claude", "codex", "gemini")


def test_several_categories_count_together():
    request = Request("Find security vulnerabilities and N+1 queries", HERE)
    votes = recommend(request, PANEL, [StrengthsRule()]).votes
    assert {vote.reason.split()[0] for vote in votes} == {"security", "performance"}


def test_more_words_weigh_more():
    assert best("Make this fast, and check who is authenticated and authorized") == "gemini"
    assert best("Check who is authenticated, and make this slow, inefficient code faster") == "codex"


def test_a_category_that_is_given_counts_instead_of_the_words():
    assert best("slow slow slow", "injection") == "gemini"


def test_earlier_strengths_count_a_little_more():
    panel = [info("a", ["errors", "auth"]), info("b", ["auth", "errors"])]
    assert best("", "auth", panel) == "b"
    assert best("", "errors", panel) == "a"


def test_votes_of_all_rules_add_up():
    class Favours(Rule):
        name = "favours"

        def votes(self, request, backends):
            return [Vote("gemini", 0.6, "its turn"), Vote("nobody", 9, "not there")]

    assert best("Explain this code", rules=[StrengthsRule(), Favours()]) == "claude"
    assert best("Explain this code", rules=[StrengthsRule(), Favours(), Favours()]) == "gemini"


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf])
def test_a_vote_without_a_finite_weight_does_not_count(weight):
    class Odd(Rule):
        name = "odd"

        def votes(self, request, backends):
            return [Vote("gemini", weight, "odd")]

    ranking = recommend(Request("Explain this code", HERE), PANEL, [StrengthsRule(), Odd()])
    assert ranking.order[0] == "claude"
    assert "odd" not in [vote.reason for vote in ranking.votes]


def test_who_is_not_eligible_is_not_recommended():
    panel = [evolve(one, eligible=one.name != "codex") for one in PANEL]
    assert "codex" not in recommend(Request("Find dead code", HERE), panel, [StrengthsRule()]).order


# Words.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Find N+1 queries", {"performance"}),
        ("N + 1 issue", {"performance"}),
        ("Query optimization", {"performance"}),
        ("Optimising; OPTIMIZED!", {"performance"}),
        ("Why are the tests slow?", {"performance"}),
        ("How is caching done?", {"performance"}),
        ("Find memory leaks", {"performance"}),
        ("Does it scale?", {"performance"}),
        ("This takes too long", {"performance"}),
        ("Find SQL injection in queries", {"injection"}),
        ("Find SQL injection vulnerabilities", {"injection"}),
        ("Path traversal in the upload", {"injection"}),
        ("Look for XSS and CSRF", {"injection", "auth"}),
        ("Does the login check permissions?", {"auth"}),
        ("Unauthenticated users, unauthorised access", {"auth"}),
        ("Who wrote the auth module?", {"auth"}),
        ("Show the session token handling", {"auth"}),
        ("Are there hard-coded API keys?", {"secrets"}),
        ("Is the access token logged?", {"secrets"}),
        ("Can an attacker get in?", {"security"}),
        ("Is the TLS setup secure?", {"security"}),
        ("Find security vulnerabilities and N+1 queries", {"security", "performance"}),
        ("clean-up of the imports", {"dead-code"}),
        ("dead_code in parser.py", {"dead-code"}),
        ("Find functions that are never called", {"dead-code"}),
        ("Find dead classes", {"dead-code"}),
        ("Find circular dependencies", {"architecture"}),
        ("Explain the dependency injection", {"architecture"}),
        ("Inject dependencies instead of globals", {"architecture"}),
        ("Which design pattern fits here?", {"architecture", "patterns"}),
        ("Restructure the package", {"architecture"}),
        ("Refactoring of god classes", {"patterns"}),
        ("Is there copy-pasted code?", {"patterns"}),
        ("Improve naming and consistency", {"patterns"}),
        ("Simplify this function", {"patterns"}),
        ("Is there a race condition?", {"errors"}),
        ("Why does the build fail?", {"errors"}),
        ("Find deadlocks", {"errors"}),
        ("Why do slow queries fail?", {"performance"}),
    ],
)
def test_words_speak_of_categories_in_their_usual_forms(text, found):
    assert categories(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "Who is the author of this inquiry?",
        "Explain this code",
        "What is a token here?",
        "Summarise the last session",
        "How many tokens does the prompt use?",
        "Perform a review of the change",
        "What is the deadline?",
        "What is the authority of this document?",
        "Who is the architect?",
        "Write a regex pattern for dates",
        "Use pattern matching",
        "Explain the data structure",
        "Explain the tree traversal",
        "Add an audit log",
        "Write a unit test for parse()",
        "Rename foo to bar",
        "What does this class do?",
        "Write documentation for the module",
        "Explain the memory layout of the layer",
        "Update the dependencies",
        "Analyse this repository",
        "Column n+10",
        "",
        "Wie funktioniert das?",
    ],
)
def test_other_words_speak_of_none(text):
    assert [topic.category for topic in topics(text)] == ["general"]


def test_a_topic_names_its_words_once():
    (topic,) = topics("Slow, slow, SLOW queries: why so slow?")
    assert (topic.words, topic.weight) == (("slow", "queries"), 1.5)


def test_what_most_words_speak_of_comes_first():
    assert [topic.category for topic in topics("auth, slow, latency")] == ["performance", "auth"]


def test_code_says_nothing_of_what_is_asked():
    assert categories("Explain this:\n```python\nauth = slow_query(password)\n```\nplease") == {"general"}
    assert categories("Make this faster:\n```python\nauth()") == {"performance"}


def test_only_the_beginning_is_looked_at():
    assert categories("x " * READ_LENGTH + "slow") == {"general"}


@settings(deadline=None, max_examples=200)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["sql", "injection", "n+1", "dead", "code", "```", "in", "loop"])).map(
        " ".join
    )
)
def test_any_text_has_topics(text):
    found = topics(text)
    assert found
    assert len({topic.category for topic in found}) == len(found)
    assert all(topic.category in CATEGORIES and topic.weight > 0 for topic in found)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["auth", "query", "slow", "design", "error", "inject"]), st.text(string.ascii_lowercase)
)
def test_a_word_inside_of_another_does_not_count(word, letters):
    for longer in (f"zq{letters}{word}", f"{word}zq{letters}"):
        assert categories(longer) == {"general"}
