"""Structured replies become findings, and findings are ranked."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lok_core.findings.extract import extract
from lok_core.findings.rank import area_of_path, ranked
from lok_core.models import Reply, Request
from lok_core.outcome import Answer, Failure, Finding, Location, Source

ITEM = {
    "title": "SQL is built from input",
    "explanation": "Bind it.",
    "severity": "high",
    "category": "injection",
    "file": "app/db.py",
    "line": 12,
    "end_line": 14,
    "quote": "execute(q)",
    "rule": None,
    "area": None,
}


def answer(data, **more):
    request = Request("?", Path("/"), backend="codex", label="injection", category="injection")
    return Answer(request, "codex", Reply("said", data=data, **more), 1.0)


def found(data, *, lead=False, **more):
    return list(extract(answer(data, **more), lead=lead).findings)


def test_every_property_of_a_structured_finding_is_kept():
    (finding,) = found({"findings": [ITEM]}, model="gpt")
    assert finding == Finding(
        title="SQL is built from input",
        explanation="Bind it.",
        severity="high",
        category="injection",
        locations=(Location("app/db.py", 12, 14),),
        sources=(
            Source(
                "codex",
                "injection",
                "SQL is built from input",
                "Bind it.",
                "high",
                "injection",
                model="gpt",
                place=Location("app/db.py", 12, 14),
                quote="execute(q)",
            ),
        ),
        quote="execute(q)",
    )


def test_what_an_analyser_reports_is_a_lead():
    (finding,) = found({"findings": [{**ITEM, "rule": "S608"}]}, lead=True)
    assert (finding.sources[0].lead, finding.sources[0].rule) == (True, "S608")


def test_a_title_alone_makes_a_finding():
    (finding,) = found({"findings": [{"title": "Something"}]})
    assert (finding.severity, finding.category, finding.locations) == ("medium", "injection", ())


@pytest.mark.parametrize("item", [{}, {"title": " "}, "text", None, {"title": 7}])
def test_an_item_without_a_title_is_no_finding(item):
    assert found({"findings": [item]}) == []


@pytest.mark.parametrize("data", [{}, {"findings": None}, {"findings": []}])
def test_a_reply_without_findings_has_none(data):
    assert found(data) == []


def test_structured_data_of_another_shape_is_read_all_the_same():
    (finding,) = found({"issues": [{"message": "Off by one", "path": "a.py", "line": 3, "level": "error"}]})
    assert (finding.title, finding.locations[0]) == ("Off by one", Location("a.py", 3))


def test_findings_are_read_from_text():
    said = answer(None)
    said = evolve(said, reply=Reply("1. **High** `app/db.py:12` SQL is built from input\n"))
    taken = extract(said, lead=False)
    (finding,) = taken.findings
    assert (finding.severity, finding.locations[0].line) == ("high", 12)
    assert (taken.outcome.findings, taken.outcome.clean) == (1, False)


def test_an_answer_that_finds_nothing_is_clean():
    said = evolve(answer(None), reply=Reply("I reviewed all files. No issues found."))
    taken = extract(said, lead=False)
    assert (taken.findings, taken.outcome.findings, taken.outcome.clean) == ((), 0, True)


def test_what_was_said_before_a_failure_counts_as_incomplete():
    failure = Failure(
        Request("?", Path("/")), "codex", "timeout", "late", partial="- a.py:3 **High** Off by one"
    )
    (finding,) = extract(failure, lead=False).findings
    assert (finding.incomplete, finding.sources[0].incomplete) == (True, True)


def test_an_analysers_path_is_the_name_of_a_file():
    (finding,) = found({"findings": [{**ITEM, "file": "back\\slash.py"}]}, lead=True)
    assert finding.locations[0].path == "back\\slash.py"


@pytest.mark.parametrize("line", [0, -3, True, "12", 1.5, 2**31, None])
def test_a_line_that_is_none_leaves_the_file(line):
    (finding,) = found({"findings": [{**ITEM, "line": line}]})
    assert finding.locations == (Location("app/db.py"),)


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ITEM, "findings"]), inner),
    )
)
def test_no_data_whatever_raises(data):
    found({"findings": data})


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("src/app.py", "source"),
        ("src/contest/attested.py", "source"),
        ("tests/app.py", "tests"),
        ("src/test_app.py", "tests"),
        ("pkg/store_test.go", "tests"),
        ("web/app.spec.ts", "tests"),
        ("spec/models/user_spec.rb", "tests"),
        ("vendor/lib/a.go", "vendored"),
        ("web/node_modules/x/test/a.js", "vendored"),
        ("api/user_pb2.py", "generated"),
        ("static/app.min.js", "generated"),
    ],
)
def test_the_area_is_told_by_the_path(path, area):
    assert area_of_path(path) == area


def finding(severity="high", area="source", path="a.py", line=1, backends=("codex",)):
    sources = tuple(Source(name, "errors", "t", "", severity, "errors") for name in backends)
    return Finding("t", "", severity, "errors", (Location(path, line),), sources, area=area)


def test_findings_are_ranked_worst_first_and_tests_last():
    wanted = [
        finding("critical"),
        finding("high", backends=("codex", "gemini")),
        finding("high", path="a.py", line=3),
        finding("high", path="b.py", line=2),
        evolve(finding("low"), locations=()),
        finding("critical", area="tests"),
        finding("critical", area="vendored"),
    ]
    assert ranked(reversed(wanted)) == wanted
