"""What other tools and people wrote becomes findings, whatever its format."""

import json
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from lok_render_sarif import SarifRenderer

from lok_core.errors import UsageError
from lok_core.findings.foreign import foreign
from lok_core.findings.judge import judged
from lok_core.findings.tree import Tree
from lok_core.models import Reply, Request
from lok_core.outcome import Answer, AskDetail, Failure, Finding, Location, Report, Source, TaskDetail, View
from lok_core.render_json import JsonRenderer
from lok_core.testing.sample_reports import sample_reports

PLACE = Location("src/app.py", 3)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(max_size=8), values, max_size=4),
    max_leaves=12,
)


def log(*results, name="checker", **run):
    """SARIF with one run, in which a result has a place unless it says otherwise."""
    placed = {"locations": [at("src/app.py", startLine=3)], "message": {"text": "It is wrong"}}
    made = {"tool": {"driver": {"name": name}}, "results": [{**placed, **one} for one in results], **run}
    return json.dumps({"version": "2.1.0", "runs": [made]})


def at(uri, base=None, **region):
    artifact = {"uri": uri, **({"uriBaseId": base} if base else {})}
    return {"physicalLocation": {"artifactLocation": artifact, "region": region}}


def driver(*rules):
    return {"driver": {"name": "checker", "rules": list(rules)}}


def the(written, name="review.md"):
    """The only finding."""
    (finding,) = foreign(written, name).findings
    return finding


def notes(written):
    read = foreign(written, "review.md")
    return " / ".join((*read.notes, *read.doubts))


# Reports of lok.


def said(backend, title="Total may be zero", **more):
    told = {"explanation": "It divides.", "severity": "high", "category": "errors", **more}
    return Source(backend, "errors", title, **told)


def reported(*sources, **more):
    first = sources[0]
    told = {"locations": (PLACE,), "quote": "    return total / count", **more}
    return Finding(first.title, first.explanation, "high", "errors", sources=sources, **told)


AGREED = reported(
    said("codex", model="gpt-5", place=Location("src/app.py", 9), quote="return total / count"),
    said("gemini", "No check for zero", severity="low", place=PLACE, quote="return total / count"),
    said("static", rule="E1", lead=True, place=PLACE, quote="    return total / count"),
)


def report(*findings, **more):
    outcomes = (Answer(Request("?", Path("/p"), backend="codex"), "codex", Reply("said"), 1.0),)
    told = {"outcomes": outcomes, "detail": TaskDetail("hunt", "Find bugs"), **more}
    return Report("hunt", Path("/p"), findings=findings, **told)


def as_json(made):
    return "".join(JsonRenderer().render(made, View()))


def as_sarif(made):
    return "".join(SarifRenderer().render(made, View()))


FORMATS = pytest.mark.parametrize("written", [as_json, as_sarif], ids=["json", "sarif"])
KEPT = {
    "agreed": AGREED,
    "without a place": reported(said("codex", quote="    return total / count"), locations=()),
    "of a whole file": reported(
        said("codex", quote="    return total / count"), locations=(Location("a.py"),)
    ),
    "of further places": evolve(
        AGREED, locations=(PLACE, Location("a.py"), Location("b.py", 1), Location("c.py", 4, 9))
    ),
    "of a range": evolve(AGREED, locations=(Location("src/a b.py", 3, 7),)),
    "incomplete": reported(said("codex", quote="    return total / count", incomplete=True), incomplete=True),
    "of several paragraphs": evolve(AGREED, explanation="It divides.\n\nCheck it first.\n\n- then divide"),
    "in tests": evolve(AGREED, area="tests"),
}


@FORMATS
@pytest.mark.parametrize("finding", KEPT.values(), ids=KEPT)
def test_a_report_of_lok_reads_back_to_what_it_was(finding, written):
    assert the(written(report(finding))) == finding


@FORMATS
def test_what_was_found_out_about_a_finding_is_to_be_found_out_anew(written):
    judged_before = evolve(AGREED, grounding="exact", fingerprint="f", known=True, suppressed="so be it")
    assert the(written(report(judged_before, baseline="b.json"))) == AGREED


@FORMATS
def test_agreement_stays(written):
    assert the(written(report(AGREED))).agreement == 3


@FORMATS
def test_a_place_that_was_refused_is_refused_again(written, tmp_path):
    source = said("codex", place=Location("../../etc/passwd", 3), quote="")
    finding = reported(source, locations=(), quote="", grounding="file-missing")
    (again,) = judged(foreign(written(report(finding)), "r").findings, Tree(tmp_path), None, {})
    assert (again.grounding, again.locations) == ("file-missing", ())


@FORMATS
@pytest.mark.parametrize("name", sample_reports())
def test_no_finding_of_any_report_is_lost(name, written):
    made = sample_reports()[name]
    kept = [one for one in made.findings if one.title.strip() or written is as_sarif]  # SARIF names all
    found = foreign(written(evolve(made, outcomes=())), "r").findings
    assert len(found) == len(kept)


def test_what_another_has_answered_in_its_place_is_not_missing():
    request = Request("?", Path("/p"), backend="codex")
    failed = Failure(request, "codex", "quota", "used up")
    answered = Answer(evolve(request, backend="gemini"), "gemini", Reply("said"), 1.0, instead_of="codex")
    told = "gemini answered in the place of codex (codex: quota)"
    made = report(outcomes=(failed, answered), degraded=(told,))
    assert notes(as_json(made)) == notes(as_json(report()))
    assert "cut short" in notes(as_json(evolve(made, degraded=(told, "cut short"))))


def test_what_was_not_answered_is_noted():
    failed = Failure(Request("?", Path("/p"), backend="codex"), "codex", "quota", "used up")
    assert "1 requests of the run" in notes(as_json(report(outcomes=(failed,))))


def test_an_interrupted_run_is_noted():
    assert "was interrupted" in notes(as_json(report(interrupted=True)))


def test_answers_to_a_question_are_read_as_reviews_of_their_backends():
    reviews = tuple(
        Answer(
            Request("?", Path("/p"), backend=name),
            name,
            Reply("- **High** `a.py:3`: it divides by zero"),
            1.0,
        )
        for name in ("codex", "gemini")
    )
    made = report(outcomes=reviews, detail=AskDetail("Any bugs?"))
    assert [one.sources[0].backend for one in foreign(as_json(made), "r").findings] == ["codex", "gemini"]


def test_a_report_of_another_version_is_refused():
    with pytest.raises(UsageError, match=r"lok\.report/2, which this lok does not know"):
        foreign('{"schema": "lok.report/2", "findings": []}', "r.json")


@FORMATS
def test_a_report_that_is_cut_off_is_refused(written):
    with pytest.raises(UsageError, match=r"is not valid JSON: .* line"):
        foreign(written(report(AGREED))[:2500], "r.json")


# SARIF of other tools.


def test_a_result_is_a_lead_of_its_tool():
    finding = the(log({"ruleId": "S608", "level": "error"}))
    assert finding.sources == (
        Source("checker", "", "It is wrong", "", "high", "general", rule="S608", lead=True, place=PLACE),
    )


def test_without_a_rule_it_is_no_lead():
    assert not the(log({})).sources[0].lead


def test_a_tool_without_a_name_is_called_as_the_file_is():
    assert the(log({}, name="")).sources[0].backend == "review.md"


def test_each_run_is_of_its_own_tool():
    runs = [json.loads(log({}, name=name))["runs"][0] for name in ("one", "two")]
    found = foreign(json.dumps({"version": "2.1.0", "runs": runs}), "r").findings
    assert [finding.sources[0].backend for finding in found] == ["one", "two"]


RULE = {"id": "R", "shortDescription": {"text": "About it"}}


@pytest.mark.parametrize(
    ("result", "rule", "severity"),
    [
        ({"level": "error"}, {}, "high"),
        ({"level": "warning"}, {}, "medium"),
        ({"level": "note"}, {}, "low"),
        ({"level": "none"}, {}, "info"),
        ({}, {}, "medium"),
        ({}, {"defaultConfiguration": {"level": "error"}}, "high"),
        ({"level": "note"}, {"defaultConfiguration": {"level": "error"}}, "low"),
        ({"level": "note"}, {"properties": {"security-severity": "9.8"}}, "critical"),
        ({"level": "error"}, {"properties": {"security-severity": 4.0}}, "medium"),
        ({"properties": {"security-severity": "7.5"}}, {"properties": {"security-severity": "1"}}, "high"),
        ({"level": "error"}, {"properties": {"security-severity": "very"}}, "high"),
        ({"rank": 95.0}, {}, "critical"),
        ({"rank": 15}, {}, "low"),
        ({"rank": 95.0, "level": "note"}, {}, "low"),
        ({"kind": "informational"}, {}, "info"),
    ],
)
def test_severity_is_the_tools_own(result, rule, severity):
    assert the(log({"ruleId": "R", **result}, tool=driver({**RULE, **rule}))).severity == severity


@pytest.mark.parametrize(
    ("name", "properties", "category"),
    [
        ("py/sql-injection", {}, "injection"),
        ("X1", {"tags": ["security", "external/cwe/cwe-089"]}, "injection"),
        ("X1", {"tags": ["CWE-798: hard-coded"]}, "secrets"),
        ("X1", {"cwe": ["CWE-9999"]}, "security"),
        ("X1", {"tags": ["maintainability"]}, "patterns"),
        ("X1", {"tags": ["security", "correctness"]}, "errors"),
        ("X1", {"tags": ["security"]}, "security"),
        ("X1", {}, "general"),
    ],
)
def test_the_category_is_that_of_the_rule(name, properties, category):
    rule = {"id": name, "properties": properties}
    assert the(log({"ruleId": name}, tool=driver(rule))).category == category


@pytest.mark.parametrize(
    ("message", "title", "explanation"),
    [
        ({"text": "Unused name."}, "Unused name.", "About it"),
        ({"text": "The name is unused. Remove it."}, "The name is unused.", "Remove it.\nAbout it"),
        ({"text": "One line\nand another"}, "About it", "One line\nand another"),
        ({"markdown": "It is **wrong**"}, "It is **wrong**", "About it"),
        (
            {"text": "It comes from [here](1), see [it](http://x.example/)"},
            "It comes from here, see it",
            "About it",
        ),
        ({"text": r"index \[0\]"}, "index [0]", "About it"),
        ({"id": "m", "arguments": ["a", "b"]}, "a hides b", "About it"),
        ({}, "About it", ""),
    ],
)
def test_the_message_tells_the_problem(message, title, explanation):
    rule = {**RULE, "messageStrings": {"m": {"text": "{0} hides {1}"}}}
    finding = the(log({"ruleId": "R", "message": message}, tool=driver(rule)))
    assert (finding.title, finding.explanation) == (title, explanation)


def test_a_result_without_words_is_called_as_its_rule():
    assert the(log({"ruleId": "R", "message": {}})).title == "R"


@pytest.mark.parametrize(
    "result",
    [
        {"ruleId": "R"},
        {"ruleId": "R/part"},
        {"ruleIndex": 1},
        {"rule": {"id": "R"}},
        {"rule": {"index": 0, "toolComponent": {"index": 0}}},
    ],
)
def test_the_rule_of_a_result_is_found(result):
    rule = {**RULE, "properties": {"security-severity": "9.9"}}
    tool = {**driver({"id": "other"}, rule), "extensions": [{"name": "pack", "rules": [rule]}]}
    assert the(log(result, tool=tool)).severity == "critical"


BASES = {"SRC": {"uri": "file:///home/ci/shop/"}, "LIB": {"uri": "lib/", "uriBaseId": "SRC"}}


@pytest.mark.parametrize(
    ("uri", "base", "path"),
    [
        ("src/app.py", None, "src/app.py"),
        ("src/app.py", "SRC", "src/app.py"),
        ("app.py", "LIB", "lib/app.py"),
        ("app.py", "UNKNOWN", "app.py"),
        ("file:///home/ci/shop/src/app.py", None, "src/app.py"),
        ("/home/ci/shop/src/app.py", None, "src/app.py"),
        ("file:///elsewhere/app.py", None, "/elsewhere/app.py"),
        ("file:///C:/shop/app.py", None, "C:/shop/app.py"),
        ("file://localhost/elsewhere/app.py", None, "/elsewhere/app.py"),
        ("a%20folder/%C3%A9t%C3%A9%23.py", None, "a folder/été#.py"),
        ("C#/100%.cs", None, "C#/100%.cs"),
        ("https://host.example/app.py", None, None),
        ("", None, None),
    ],
)
def test_a_uri_becomes_a_path(uri, base, path):
    finding = the(log({"locations": [at(uri, base, startLine=3)]}, originalUriBaseIds=BASES))
    assert finding.locations == (() if path is None else (Location(path, 3),))


def test_an_artifact_may_be_told_by_its_number():
    place = {"physicalLocation": {"artifactLocation": {"index": 1}, "region": {"startLine": 2}}}
    artifacts = [{"location": {"uri": "a.py"}}, {"location": {"uri": "b.py"}}]
    assert the(log({"locations": [place]}, artifacts=artifacts)).locations == (Location("b.py", 2),)


@pytest.mark.parametrize(
    ("region", "lines"),
    [
        ({"startLine": 3, "endLine": 5}, (3, 5)),
        ({"startLine": 3, "endLine": 3}, (3, None)),
        ({"startLine": 3, "endLine": 4, "endColumn": 1}, (3, None)),
        ({"startLine": 5, "endLine": 3}, (5, None)),
        ({"startLine": 0}, (None, None)),
        ({"startLine": "3"}, (None, None)),
        ({"charOffset": 12}, (None, None)),
    ],
)
def test_a_region_becomes_lines(region, lines):
    assert the(log({"locations": [at("a.py", **region)]})).locations == (Location("a.py", *lines),)


def test_related_places_come_after_the_first():
    result = {"relatedLocations": [at("b.py", startLine=7), at("src/app.py", startLine=3)]}
    assert the(log(result)).locations == (PLACE, Location("b.py", 7))


def test_a_snippet_is_the_quote():
    result = {"locations": [at("a.py", startLine=3, snippet={"text": "    x = 1\n"})]}
    assert the(log(result)).quote == the(log(result)).sources[0].quote == "    x = 1"


@pytest.mark.parametrize(
    ("result", "left_out"),
    [
        ({"suppressions": [{"kind": "inSource"}]}, True),
        ({"suppressions": [{"kind": "external", "status": "accepted"}]}, True),
        ({"suppressions": [{"kind": "external", "status": "rejected"}]}, False),
        ({"suppressions": []}, False),
        ({"baselineState": "absent"}, True),
        ({"baselineState": "unchanged"}, False),
    ],
)
def test_what_the_tool_has_set_aside_is_left_out_with_a_note(result, left_out):
    read = foreign(log(result), "r")
    assert (not read.findings, bool(read.notes or read.doubts)) == (left_out, left_out)


@pytest.mark.parametrize("kind", ["pass", "notApplicable"])
def test_what_is_no_problem_is_no_finding(kind):
    assert foreign(log({"kind": kind}), "r").findings == ()


def test_a_run_that_failed_is_noted():
    assert "not a success" in notes(log(invocations=[{"executionSuccessful": False}]))


def test_sarif_without_results_is_empty():
    assert foreign('{"$schema": "https://x.example/sarif-2.1.0.json", "runs": []}', "r").findings == ()


def test_an_older_sarif_is_refused():
    with pytest.raises(UsageError, match=r"SARIF 1\.0\.0, which lok does not read"):
        foreign('{"version": "1.0.0", "runs": []}', "r.sarif")


@pytest.mark.slow
@given(ANYTHING, ANYTHING, ANYTHING)
def test_malformed_sarif_never_raises(results, rules, rest):
    run = {"results": results, "tool": {"driver": {"name": rest, "rules": rules}}, "invocations": rest}
    foreign(json.dumps({"version": "2.1.0", "runs": [run, rest]}), "r")


@given(st.dictionaries(st.sampled_from(["message", "locations", "ruleId", "suppressions", "rank"]), ANYTHING))
def test_a_malformed_result_is_a_finding_all_the_same_or_none(result):
    assert len(foreign(log(result), "r").findings) <= 1


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["findings", "outcomes", "detail", "interrupted"]), ANYTHING))
def test_a_malformed_report_never_raises(data):
    foreign(json.dumps({"schema": "lok.report/1", **data}), "r")


# Everything else.

ITEM = {
    "title": "SQL is built from input",
    "explanation": "Bind it.",
    "severity": "high",
    "category": "injection",
    "file": "src/app.py",
    "line": 3,
    "end_line": None,
    "quote": "execute(q)",
    "rule": None,
    "area": None,
}


def test_findings_of_the_schema_keep_every_property():
    finding = the(json.dumps({"findings": [ITEM]}), "f.json")
    assert finding.sources == (
        Source("f.json", "", ITEM["title"], "Bind it.", "high", "injection", place=PLACE, quote="execute(q)"),
    )


def test_a_finding_of_the_schema_with_a_rule_is_a_lead():
    assert the(json.dumps({"findings": [{**ITEM, "rule": "S608"}]})).sources[0].lead


def test_json_with_other_keys_is_read_by_their_usual_names():
    item = {"title": "SQL is built from input", "path": "src/app.py", "line_number": 3, "severity": "HIGH"}
    finding = the(json.dumps({"findings": [item]}))
    assert (finding.locations, finding.severity) == ((PLACE,), "high")


def test_a_review_in_markdown_is_of_who_wrote_it():
    finding = the("\ufeff## Findings\n\n1. **High** `src/app.py:3`: SQL is built from input\n", "ann.md")
    assert (finding.locations, finding.sources[0].backend) == ((PLACE,), "ann.md")
    assert not finding.sources[0].lead


def test_json_that_is_cut_off_is_read_as_far_as_it_goes_with_a_note():
    written = json.dumps({"findings": [ITEM, ITEM]})[:-60]
    assert foreign(written, "r").findings
    assert "may not be all" in notes(written)


def test_an_object_a_line_is_no_broken_json():
    item = {"title": "SQL is built from input", "file": "src/app.py", "line": 3, "severity": "high"}
    other = {**item, "title": "The handle is never closed", "line": 90}
    read = foreign(f"{json.dumps(item)}\n{json.dumps(other)}\n", "r")
    assert (len(read.findings), read.notes, read.doubts) == (2, (), ())


def test_a_text_that_says_there_is_nothing_is_noted_so():
    assert "nothing to report" in notes("No issues found.")


def test_an_empty_list_beside_what_cannot_be_read_is_no_clean_bill():
    written = json.dumps({"errors": [], "metrics": [{"loc": 12}, {"loc": 13}]})
    assert "no finding was recognised" in notes(written)
    assert "nothing to report" in notes('{"findings": [], "metrics": []}')


def test_a_text_without_any_finding_tells_what_would_be_one():
    assert "no finding was recognised in review.md; what lok reads for sure is SARIF" in notes("Hello there.")


@given(st.text(max_size=300))
def test_no_text_raises(written):
    foreign(written, "r")


def test_nesting_without_end_is_no_error():
    foreign("[" * 200_000, "r")


def test_what_a_report_doubts_itself_is_doubted():
    unread = Answer(Request("?", Path("/")), "codex", Reply("x"), 1.0, findings=0, unparsed_locations=7)
    assert "1 answers of the run" in notes(as_json(report(outcomes=(unread,))))
    assert "cut short" in notes(as_json(report(degraded=("cut short",))))
