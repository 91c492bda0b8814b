"""Structured replies become findings, and findings are ranked."""

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from lok_core.findings.extract import from_answer
from lok_core.findings.rank import area_of_path, ranked
from lok_core.models import Reply, Request
from lok_core.outcome import Answer, Finding, Location, Source

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


def test_every_property_of_a_structured_finding_is_kept():
    (finding,) = from_answer(answer({"findings": [ITEM]}, model="gpt"), lead=False)
    assert finding == Finding(
        title="SQL is built from input",
        explanation="Bind it.",
        severity="high",
        category="injection",
        locations=(Location("app/db.py", 12, 14),),
        sources=(
            Source(
                "codex", "injection", "SQL is built from input", "Bind it.", "high", "injection", model="gpt"
            ),
        ),
        quote="execute(q)",
    )


def test_what_an_analyser_reports_is_a_lead():
    (finding,) = from_answer(answer({"findings": [{**ITEM, "rule": "S608"}]}), lead=True)
    assert (finding.sources[0].lead, finding.sources[0].rule) == (True, "S608")


def test_a_title_alone_makes_a_finding():
    (finding,) = from_answer(answer({"findings": [{"title": "Something"}]}), lead=False)
    assert (finding.severity, finding.category, finding.locations) == ("medium", "injection", ())


@pytest.mark.parametrize("item", [{}, {"title": " "}, "text", None, {"title": 7}])
def test_an_item_without_a_title_is_no_finding(item):
    assert from_answer(answer({"findings": [item]}), lead=False) == []


@pytest.mark.parametrize("data", [None, {}, {"findings": None}, {"findings": {"title": "x"}}])
def test_a_reply_without_findings_has_none(data):
    assert from_answer(answer(data), lead=False) == []


@pytest.mark.parametrize(
    "path", ["../etc/passwd", "a/../../b", "..", "/etc/passwd", "C:/x", "C:\\x", "file:///etc/passwd", "a\0b"]
)
def test_a_path_out_of_the_directory_is_no_place(path):
    (finding,) = from_answer(answer({"findings": [{**ITEM, "file": path}]}), lead=False)
    assert finding.locations == ()


def test_an_absolute_path_in_the_directory_is_a_place():
    told = Answer(
        Request("?", Path("/srv/code"), backend="x"),
        "x",
        Reply("", data={"findings": [{**ITEM, "file": "/srv/code/a.py"}]}),
        1.0,
    )
    assert from_answer(told, lead=False)[0].locations == (Location("a.py", 12, 14),)


def test_an_analysers_path_is_the_name_of_a_file():
    (finding,) = from_answer(answer({"findings": [{**ITEM, "file": "back\\slash.py"}]}), lead=True)
    assert finding.locations[0].path == "back\\slash.py"


@pytest.mark.parametrize("line", [0, -3, True, "12", 1.5, 2**31, None])
def test_a_line_that_is_none_leaves_the_file(line):
    (finding,) = from_answer(answer({"findings": [{**ITEM, "line": line}]}), lead=False)
    assert finding.locations == (Location("app/db.py"),)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from([*ITEM, "findings"]), inner),
    )
)
def test_no_data_whatever_raises(data):
    from_answer(answer({"findings": data}), lead=False)


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
