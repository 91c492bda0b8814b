"""Workflow commands: what the runner reads of them is what was meant, whatever a model says."""

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core import telling
from lok_core.builtin import GithubRenderer
from lok_core.models import SEVERITIES
from lok_core.outcome import Failure, Leaked, Location, View
from lok_core.render_github import COMMANDS, MESSAGE_LENGTH, TITLE_LENGTH
from lok_core.results import sections
from lok_core.testing import HOSTILE_TEXTS, sample_reports

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAMPLES = sample_reports()
NAMES = {"error", "warning", "notice"}
REGISTERED = NAMES | {"debug", "group", "endgroup", "stop-commands", "add-mask", "set-output", "set-env"}
words = st.text(alphabet=st.characters()) | st.lists(
    st.sampled_from([*HOSTILE_TEXTS.values(), "::", "##[", "%0A", "\n", "\r", "]", ",", "="])
).map("".join)


def lines(report):
    text = "".join(GithubRenderer().render(report, View()))
    assert text.endswith("\n")
    text.encode()  # as it is written to standard output
    # Runners split at either, whatever Python counts as a line.
    return text.removesuffix("\n").replace("\r", "\n").split("\n")


def read(line):
    """A line as the runner reads it: (name, properties, message), or None for what is only printed."""
    line = line.lstrip()
    if line.startswith("::") and "::" in line[2:]:
        about, _, message = line[2:].partition("::")
        name, _, given = about.partition(" ")
        if name in REGISTERED:
            pairs = [pair.split("=", 1) for pair in given.strip().split(",") if pair]
            return name, {key: decoded(value, ":,") for key, value in pairs}, decoded(message)
    assert "##[" not in line, "the older form of a command"
    assert "##vso[" not in line.lower()
    return None


def decoded(text, also=""):
    for character in "\r\n" + also:
        text = text.replace(f"%{ord(character):02X}", character)
    return text.replace("%25", "%")


def commands(report):
    """What the runner makes of the report, and the last line, which is only printed."""
    *rest, last = lines(report)
    assert read(last) is None
    return [read(line) for line in rest], last


def panel(**rest):
    report = SAMPLES["panel"]
    return evolve(report, findings=(evolve(report.findings[0], **rest),))


def said(**rest):
    """The one annotation of a finding."""
    ((name, given, message),) = commands(panel(**rest))[0]
    return name, given, message


@pytest.mark.parametrize("name", SAMPLES)
def test_every_line_but_the_last_is_a_command_of_ours(name):
    for command in commands(SAMPLES[name])[0]:
        assert command is not None
        assert command[0] in NAMES
        assert set(command[1]) <= {"file", "line", "endLine", "title"}


@pytest.mark.parametrize("name", SAMPLES)
def test_there_is_a_line_for_each_open_finding_and_each_failure(name):
    report = SAMPLES[name]
    wanted = sum(not finding.known and finding.suppressed is None for finding in report.findings)
    wanted += sum(isinstance(outcome, Failure) for outcome in report.outcomes)
    wanted += len(report.notes) + len(report.degraded) + len(report.leaked) + report.interrupted
    wanted += bool(report.inconclusive) + len(sections(report)) + len(telling.changes(report))
    wanted += sum(bool(getattr(outcome, "unparsed_locations", 0)) for outcome in report.outcomes)
    assert len(commands(report)[0]) == wanted


def test_a_finding_as_it_is_printed():
    assert lines(panel())[0] == (
        "::error file=app.py,line=3,endLine=4,title=high%3A Division by zero::"
        "`count` may be 0 when the list is empty.%0A%0AReturn early.%0A%0A"
        "Reported by codex, gemini, claude; evidence found.%0A%0ASee also lib/a.py:10-12, lib/b.py."
    )


@pytest.mark.parametrize("severity", SEVERITIES)
def test_severity_decides_the_kind(severity):
    assert said(severity=severity)[0] == COMMANDS[severity]


def test_a_finding_without_a_place_is_a_notice_without_a_file():
    name, given, _ = said(locations=())
    assert name == "notice"
    assert set(given) == {"title"}


def test_a_finding_without_a_line_names_the_file_only():
    _, given, _ = said(locations=(Location("a.py"),))
    assert given["file"] == "a.py"
    assert "line" not in given


@pytest.mark.parametrize("path", ["a b.py", "50%,1:2=3.py", "%0A.py", "été/日本.py", "c#.cs", "C:\\a.py"])
def test_the_file_name_is_read_back_as_it_is(path):
    assert said(locations=(Location(path, 1),))[1]["file"] == path


@pytest.mark.parametrize("rest", [{"known": True}, {"suppressed": "why"}, {"suppressed": ""}])
def test_known_and_suppressed_findings_are_only_counted(rest):
    annotations, last = commands(panel(**rest))
    assert annotations == []
    assert "0 findings, 1 " in last


def test_missing_evidence_is_said():
    assert "evidence not found: there is no such file" in said(grounding="file-missing")[2]


def test_a_failure_is_a_warning():
    name, given, message = commands(SAMPLES["interrupted"])[0][1]
    assert (name, given["title"]) == ("warning", "not answered by gemini [n+1]")
    assert message == "cancelled: ended by Ctrl-C"


def test_the_last_line_counts():
    assert commands(SAMPLES["standing"])[1] == (
        "lok: 2 findings (1 critical, 1 medium), 1 known, 3 suppressed; 1 of 1 request answered."
    )


def test_what_nobody_answered_is_no_clean_bill():
    assert commands(SAMPLES["unanswered"])[1].endswith("so nothing can be said about this code.")


def test_long_texts_are_cut_as_the_runner_would_and_say_so():
    _, given, message = said(title="t" * 1_000, explanation="m" * 10_000)
    assert len(given["title"]) <= TITLE_LENGTH
    assert len(message) <= MESSAGE_LENGTH
    assert "m [cut off]\n\nReported by codex" in message


@unhurried
@given(words, words)
def test_no_text_becomes_a_command_or_a_property(text, path):
    report = panel(title=text, explanation=text, quote=text, locations=(Location(path, 7), Location(text)))
    report = evolve(report, notes=(text,), degraded=(text,), leaked=(Leaked(1, text, text),))
    failure = Failure(report.outcomes[0].request, text, "crashed", text, hint=text)
    found = commands(evolve(report, outcomes=(*report.outcomes, failure)))[0]
    assert [name for name, _, _ in found] == [
        *("error" if path else "notice", "warning"),
        *("warning", "warning", "notice"),
    ]
    assert all(set(given) <= {"file", "line", "title"} for _, given, _ in found)
    assert not path or found[0][1]["line"] == "7"
