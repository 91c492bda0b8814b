"""Findings are recognised from run to run, and the file that holds them stays readable."""

import json

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lok_core.errors import UsageError
from lok_core.findings.baseline import Baseline, Entry
from lok_core.models import CATEGORIES, SEVERITIES
from lok_core.outcome import Finding, Location, Source

ENTRY = Entry("app/db.py", "SQL injection in `find`", "high", "injection", "c0ffee", "lok1-a")


def finding(title, fingerprint="lok1-a", explanation="", category="injection", path="app/db.py"):
    source = Source("codex", "hunt", title, explanation, "high", category)
    place = () if path is None else (Location(path, 10),)
    return Finding(title, explanation, "high", category, place, (source,), fingerprint=fingerprint)


SQL = finding("SQL injection in `find`")
XSS = finding("Cross-site scripting")


def written(**changes):
    entry = {
        "path": "a.py",
        "title": "t",
        "severity": "low",
        "category": "errors",
        "commit": "",
        "fingerprint": "f",
    }
    entry.update(changes)
    entries = [{name: value for name, value in entry.items() if value is not ...}]
    return json.dumps({"schema": "lok.baseline/1", "entries": entries})


@pytest.mark.parametrize(
    "title",
    [
        "SQL injection in `find`",
        "sql injection",
        "User input concatenated into query",
        "A value is put into the text of an SQL statement",
    ],
)
def test_a_finding_is_known_by_its_fingerprint_in_other_words_too(title):
    assert [one.known for one in Baseline((ENTRY,)).marked([finding(title)])] == [True]


@pytest.mark.parametrize(
    "other", [XSS, finding("Missing timeout", category="errors"), finding("N+1 query in `find`")]
)
def test_another_problem_at_the_same_place_is_not_known(other):
    assert [one.known for one in Baseline((ENTRY,)).marked([SQL, other])] == [True, False]


def test_the_same_problem_at_another_place_is_not_known():
    (other,) = Baseline((ENTRY,)).marked([finding(ENTRY.title, "lok1-b")])
    assert not other.known


def test_any_tellers_words_may_be_the_known_ones():
    merged = evolve(finding("Handler trusts its caller"), sources=(*XSS.sources, *SQL.sources))
    assert Baseline((ENTRY,)).marked([merged])[0].known


def test_a_fingerprint_under_the_old_name_of_the_file_is_known():
    moved = finding(ENTRY.title, "lok1-new", path="app/store.py")
    assert Baseline((ENTRY,)).marked([moved], {"lok1-new": ("lok1-a",)})[0].known
    assert not Baseline((ENTRY,)).marked([moved], {"lok1-new": ("lok1-b",)})[0].known


def test_what_was_known_and_is_not_in_this_baseline_is_not_known():
    assert not Baseline().marked([evolve(SQL, known=True)])[0].known


def test_updating_adds_what_is_new_with_the_commit():
    baseline = Baseline((ENTRY,)).updated([SQL, XSS], "beef")
    assert set(baseline.entries) == {
        ENTRY,
        Entry("app/db.py", "Cross-site scripting", "high", "injection", "beef", "lok1-a"),
    }


def test_updating_changes_and_removes_nothing():
    assert Baseline((ENTRY,)).updated(
        [evolve(SQL, severity="low", title="SQL injection")], "beef"
    ).entries == (ENTRY,)
    assert Baseline((ENTRY,)).updated([], "beef").entries == (ENTRY,)


def test_updating_adds_a_finding_of_a_renamed_file_under_its_new_name():
    moved = finding(ENTRY.title, "lok1-new", path="app/store.py")
    entries = Baseline((ENTRY,)).updated([moved], "beef").entries
    assert [entry.path for entry in entries] == ["app/db.py", "app/store.py"]


def test_two_tellings_of_one_problem_make_one_entry():
    assert len(Baseline().updated([SQL, finding("SQL injection")], "").entries) == 1


def test_a_finding_without_a_place_has_an_entry_without_a_path():
    (entry,) = Baseline().updated([finding("No tests", path=None)], "").entries
    assert entry.path == ""


def test_pruning_removes_what_does_not_exist():
    gone = evolve(ENTRY, path="app/old.py")
    assert Baseline((ENTRY, gone)).pruned(lambda entry: entry.path != "app/old.py") == Baseline((ENTRY,))


def test_the_file_has_a_line_for_each_entry_sorted_by_path():
    other = evolve(ENTRY, path="app/a.py", title="Nachkomma-Fehler über 100 €")
    lines = Baseline((ENTRY, other)).text().splitlines()
    assert lines[:2] == ["{", '"schema": "lok.baseline/1",']
    assert ("app/a.py" in lines[3], "über 100 €" in lines[3], "app/db.py" in lines[4]) == (True, True, True)
    assert len(lines) == 7


def test_an_empty_baseline_is_a_file_too():
    assert Baseline.read(Baseline().text()) == Baseline()


@pytest.mark.parametrize("character", ["\u202e", "\u2028", "\ud800", "\x1b", "\ufeff", "\x85"])
def test_no_character_that_a_diff_would_not_show_is_written_as_it_is(character):
    baseline = Baseline((evolve(ENTRY, title=f"a{character}b"),))
    assert character not in baseline.text()
    assert Baseline.read(baseline.text()) == baseline


ENTRIES = st.builds(
    Entry,
    path=st.text(),
    title=st.text(),
    severity=st.sampled_from(SEVERITIES),
    category=st.sampled_from(CATEGORIES),
    commit=st.text(),
    fingerprint=st.text(min_size=1),
)


@given(st.lists(ENTRIES))
def test_what_is_written_is_read_again(entries):
    text = Baseline(tuple(entries)).text()
    read = Baseline.read(text)
    assert set(read.entries) == set(entries)
    assert read.text() == text == Baseline(tuple(reversed(entries))).text()


@given(st.lists(ENTRIES), st.lists(st.sampled_from([SQL, XSS, finding("a", "b"), finding("", "c")])))
def test_updating_keeps_every_entry_and_makes_every_finding_known(entries, findings):
    baseline = Baseline(tuple(entries)).updated(findings, "beef")
    assert set(entries) <= set(baseline.entries)
    assert all(one.known for one in baseline.marked(findings))
    assert baseline.updated(findings, "cafe") == baseline


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "not an object"),
        ("{}", "not an object"),
        ('{"schema": "lok.baseline/2", "entries": []}', "'lok.baseline/2'"),
        ('{"schema": "lok.baseline/1"}', '"entries"'),
        ('{"schema": "lok.baseline/1", "entries": [1]}', "entry 1 of the baseline is not an object"),
        (written(title=...), "no text as its title"),
        (written(fingerprint=7), "no text as its fingerprint"),
        (written(fingerprint=""), "empty fingerprint"),
        (written(severity="bad"), "unknown severity 'bad'"),
        (written(category="bad"), "unknown category 'bad'"),
        (written(reason="x"), "unknown property 'reason'"),
    ],
)
def test_a_malformed_file_is_refused_with_what_is_wrong_and_a_way_out(text, message):
    with pytest.raises(UsageError) as caught:
        Baseline.read(text)
    assert message in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.hint


def test_a_merge_conflict_is_named():
    with pytest.raises(UsageError) as caught:
        Baseline.read('{\n"schema": "lok.baseline/1",\n<<<<<<< ours\n')
    assert "merge conflict" in caught.value.hint


@pytest.mark.slow
@given(st.text() | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps))
def test_no_text_whatever_raises_anything_else(text):
    with pytest.raises(UsageError):
        Baseline.read(text)
