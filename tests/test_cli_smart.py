"""lok suggest, lok smart and lok team as their users start them: a process each, with fake programs."""

import json

import jsonschema
import pytest

import lok_core
from tests.test_cli_config import READS, Home

pytestmark = pytest.mark.slow  # a lok process each

SCHEMA = jsonschema.Draft202012Validator(lok_core.schema("lok.report/1"))
TWO = "Find slow code and security holes"


@pytest.fixture
def lok(tmp_path):
    return Home(tmp_path)


def with_two(lok):
    """Two fake programs: one is quick, the other careful and good at everything else."""
    (quick, one), (careful, other) = (
        lok.fake("quick", stdout="from quick"),
        lok.fake("careful", stdout="from careful"),
    )
    lok.user(f'{one}{READS}strengths = ["performance"]\n{other}{READS}strengths = ["security", "general"]\n')
    return quick, careful


def report_of(done):
    SCHEMA.validate(done.report)
    return done.report


def test_suggest_shows_who_suits_and_starts_nobody(lok):
    quick, careful = with_two(lok)
    done = lok("suggest", TWO)
    assert done.code == 0
    assert done.stdout.startswith("--- About performance, security ---\n  performance: slow\n")
    assert "careful: 1 (security is strength 1)\n" in done.stdout
    assert "[not available]: 1 (security is strength 1)\n" in done.stdout  # gemini
    assert done.stdout.endswith("  `lok smart` would ask careful\n\n")
    assert quick.calls == careful.calls == []


def test_suggest_works_with_nothing_installed(lok):
    done = lok("suggest", "Find N+1 queries", PATH="/usr/bin:/bin")
    assert done.code == 0
    assert "  1. codex [not available]: 1.5 (performance is strength 1)\n" in done.stdout
    assert "could ask nobody; `lok doctor` says" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("Find SQL injection vulnerabilities", "gemini"),
        ("Review the overall architecture and design patterns", "gemini"),
        ("Remove unused imports", "codex"),
        ("Optimize slow database queries", "codex"),
        ("Explain this code", "claude"),
        ("Who is the author of this inquiry?", "claude"),
    ],
)
def test_the_adapters_have_the_strengths_that_the_documentation_says(lok, text, first):
    assert report_of(lok("suggest", "-f", "json", text))["detail"]["suggestion"]["order"][0] == first


def test_smart_answers_and_says_why(lok):
    quick, careful = with_two(lok)
    done = lok("smart", "-", cwd=lok.project)
    assert (done.code, done.stdout) == (2, "")
    done = lok("smart", "-b", "quick,careful", "Is it secure?")
    assert done.code == 0
    assert done.stdout.startswith("=== CAREFUL ===\nfrom careful\n\n--- Why careful ---\n")
    assert len(careful.calls) == 1
    assert quick.calls == []


def test_smart_without_anybody_has_a_way_out(lok):
    done = lok("smart", "Hi", PATH="/usr/bin:/bin")
    assert (done.code, done.stdout) == (3, "")
    assert done.stderr.splitlines() == [
        "error: no backend is there to answer",
        "hint: `lok doctor` says how to get one of these: claude, codex, gemini",
    ]


def test_smart_falls_back(lok):
    _, one = lok.fake("quick", stderr="no", code=1)
    _, other = lok.fake("careful", stdout="from careful")
    lok.user(f'{one}{READS}strengths = ["performance"]\n{other}{READS}')
    done = lok("smart", "--fallback", "-b", "quick,careful", "-f", "json", "Why is it slow?")
    assert done.code == 0
    assert [outcome["outcome"] for outcome in report_of(done)["outcomes"]] == ["failure", "answer"]


def test_team_writes_its_report(lok):
    with_two(lok)
    done = lok("team", "-b", "quick,careful", "-f", "json", "-o", "team.json", TWO)
    assert (done.code, done.stdout) == (0, "")
    report = json.loads((lok.project / "team.json").read_text())
    SCHEMA.validate(report)
    assert [piece["backend"] for piece in report["detail"]["pieces"]] == ["quick", "careful"]
    assert report["detail"]["summary"] == "from careful"


def test_team_shows_answers_as_they_arrive_and_then_the_summary(lok):
    with_two(lok)
    done = lok("team", "-b", "quick,careful", "--debate", TWO)
    assert done.code == 0
    assert done.stdout.count("=== QUICK [") == 3  # its part, a critique, and its part again
    assert done.stdout.count("=== CAREFUL [") == 3
    assert "--- Summary by careful ---\nfrom careful\n" in done.stdout
    assert "  security (security): careful; quick read it; nothing was changed\n" in done.stdout


@pytest.mark.parametrize("command", ["suggest", "smart", "team"])
def test_each_has_help_and_needs_words(lok, command):
    done = lok(command, "--help")
    assert done.code == 0
    assert "--backend" in done.stdout
    done = lok(command, " ")
    assert done.code == 2
    assert f'lok {command} "' in done.stderr
