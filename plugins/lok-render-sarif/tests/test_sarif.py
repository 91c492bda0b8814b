"""Reports as SARIF: what a reader of the log finds in it."""

import json
import posixpath
import re
from urllib.parse import unquote_to_bytes, urlsplit

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lok_render_sarif import SarifRenderer, renderer
from lok_render_sarif.places import uri
from lok_render_sarif.results import TEXT_LENGTH

from lok_core import CATEGORIES, Failure, Leaked, Location, View
from lok_core.testing import HOSTILE_TEXTS, run_lok, sample_reports

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAMPLES = sample_reports()
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
words = st.text(alphabet=st.characters()) | st.lists(
    st.sampled_from([*HOSTILE_TEXTS.values(), "[", "](", "]", "(1)", "{0}", "\\", "../", "/", ".", ":"])
).map("".join)


def run_of(report):
    text = "".join(SarifRenderer().render(report, View()))
    assert text.endswith("\n")
    assert text.isascii()
    log = json.loads(text)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def notifications(run):
    return run["invocations"][0]["toolExecutionNotifications"]


def kinds(run):
    return [each["descriptor"]["id"] for each in notifications(run)]


def panel(**rest):
    report = SAMPLES["panel"]
    return evolve(report, findings=(evolve(report.findings[0], **rest),))


def result(**rest):
    (made,) = run_of(panel(**rest))["results"]
    return made


def strings(value):
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


@pytest.mark.parametrize("name", SAMPLES)
def test_each_finding_is_a_result_or_a_notification(name):
    run = run_of(SAMPLES[name])
    assert len(run["results"]) + kinds(run).count("no-place") == len(SAMPLES[name].findings)
    assert all(len(each["locations"]) == 1 for each in run["results"])


@pytest.mark.parametrize("name", SAMPLES)
def test_no_control_character_is_in_any_text(name):
    assert not [text for text in strings(run_of(SAMPLES[name])) if UNSAFE.search(text)]


def test_nothing_tells_where_the_directory_is():
    report = evolve(SAMPLES["standing"], baseline=f"{SAMPLES['standing'].directory}/known.json")
    assert str(report.directory) not in json.dumps(run_of(report))


def test_the_tool_is_lok_with_a_rule_for_each_category():
    driver = run_of(SAMPLES["empty"])["tool"]["driver"]
    assert (driver["name"], driver["version"], driver["semanticVersion"]) == ("lok", "0.1.0", "0.1.0")
    assert tuple(rule["id"] for rule in driver["rules"]) == CATEGORIES
    for rule in driver["rules"]:
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert len(rule["properties"]["tags"]) <= 10


def test_rules_about_security_say_how_severe_they_are():
    rules = run_of(SAMPLES["empty"])["tool"]["driver"]["rules"]
    severe = {rule["id"] for rule in rules if "security-severity" in rule["properties"]}
    assert severe == {rule["id"] for rule in rules if "security" in rule["properties"]["tags"]}
    assert severe == {"injection", "auth", "secrets", "security"}


def test_each_backend_is_an_extension_with_version_and_model():
    claude, *_, static = run_of(SAMPLES["panel"])["tool"]["extensions"]
    assert claude == {
        "name": "claude",
        "version": "0.1.0",
        "semanticVersion": "0.1.0",
        "properties": {"kind": "claude", "distribution": "lok-backend-claude", "model": "opus"},
    }
    assert "model" not in static["properties"]


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_result_points_to_its_rule(category):
    made = run_of(panel(category=category))
    (found,) = made["results"]
    assert made["tool"]["driver"]["rules"][found["ruleIndex"]]["id"] == found["ruleId"] == category


@pytest.mark.parametrize(
    ("severity", "level"),
    [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "note"), ("info", "note")],
)
def test_severity_decides_the_level(severity, level):
    assert result(severity=severity)["level"] == level


def test_the_message_says_what_why_who_and_how_sure():
    assert result()["message"]["text"] == (
        "Division by zero\n\n`count` may be 0 when the list is empty.\n\nReturn early.\n\n"
        "Reported by codex, gemini, claude. The evidence was found. "
        "See also [lib/a.py:10-12](1), [lib/b.py](2)."
    )


def test_further_places_are_related_locations():
    made = result()
    assert made["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "app.py", "uriBaseId": "SRCROOT"},
                "region": {"startLine": 3, "endLine": 4},
            }
        }
    ]
    first, second = made["relatedLocations"]
    assert (first["id"], second["id"]) == (1, 2)
    assert first["physicalLocation"]["region"] == {"startLine": 10, "endLine": 12}


@pytest.mark.parametrize(
    ("location", "region"),
    [
        (Location("a.py"), {"startLine": 1}),
        (Location("a.py", 0), {"startLine": 1}),
        (Location("a.py", 3), {"startLine": 3}),
        (Location("a.py", 3, 3), {"startLine": 3}),
        (Location("a.py", 3, 5), {"startLine": 3, "endLine": 5}),
        (Location("a.py", 5, 3), {"startLine": 5}),
        (Location("a.py", 10**12, 10**13), {"startLine": 1}),
    ],
)
def test_lines(location, region):
    made = result(locations=(location,), grounding="unchecked")
    assert made["locations"][0]["physicalLocation"]["region"] == region


def snippet(**rest):
    return result(**rest)["locations"][0]["physicalLocation"]["region"].get("snippet")


def test_the_quote_is_the_snippet_where_it_was_found():
    at = (Location("a.py", 3),)
    assert snippet(locations=at, grounding="moved") == {"text": "    return total / count"}
    assert snippet(locations=at, grounding="quote-missing") is None
    assert snippet(locations=(Location("a.py", 3, 4),), grounding="exact") is None
    assert snippet(locations=(Location("a.py", 3, 4),), grounding="exact", quote="a\nb\n") == {"text": "a\nb"}


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("src/app.py", "src/app.py"),
        ("a folder/100%.py", "a%20folder/100%25.py"),
        ("c#/what?.py", "c%23/what%3F.py"),
        ("a:b.py", "a%3Ab.py"),
        ("été.py", "%C3%A9t%C3%A9.py"),
        ("\udcff.py", "%FF.py"),
        ("C:\\a.py", "C%3A%5Ca.py"),
        ("./a//b/../c.py", "a/c.py"),
        *((path, None) for path in ("", ".", "/etc/passwd", "//host/a", "../a", "a/../../b", "\ud800.py")),
    ],
)
def test_paths_become_relative_references_below_the_directory(path, written):
    assert uri(path) == written


@given(st.text())
def test_a_reference_is_read_back_as_the_path(path):
    written = uri(path)
    if written is not None:
        parts = urlsplit(written)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
        assert unquote_to_bytes(parts.path).decode() == posixpath.normpath(path)
        assert ".." not in parts.path.split("/")


@pytest.mark.parametrize("locations", [(), (Location("../outside.py", 3),), (Location("/etc/passwd"),)])
def test_a_finding_without_a_place_below_the_directory_is_a_notification(locations):
    run = run_of(panel(locations=locations, grounding="unlocated"))
    assert run["results"] == []
    (told,) = notifications(run)
    assert told["descriptor"]["id"] == "no-place"
    assert told["level"] == "error"
    assert told["associatedRule"] == {"id": "errors", "index": 0}
    assert all(place.path in told["message"]["text"] for place in locations)


def test_what_shares_a_fingerprint_is_numbered():
    report = SAMPLES["panel"]
    run = run_of(evolve(report, findings=report.findings[:1] * 3))
    assert [each["partialFingerprints"]["lok/v1"] for each in run["results"]] == [
        "lok1-0123456789abcdef",
        "lok1-0123456789abcdef:2",
        "lok1-0123456789abcdef:3",
    ]


def test_without_a_fingerprint_there_is_none():
    assert "partialFingerprints" not in result(fingerprint="")


def test_known_and_suppressed_findings_are_kept_and_marked():
    states = {
        each["message"]["text"].split("\n")[0]: (
            each["baselineState"],
            [(one["kind"], one.get("justification")) for one in each["suppressions"]],
        )
        for each in run_of(SAMPLES["standing"])["results"]
    }
    known = ("external", "known from the baseline lok-baseline.json")
    assert states == {
        "New": ("new", []),
        "Known": ("unchanged", [known]),
        "Suppressed": ("new", [("inSource", "checked by the caller")]),
        "Suppressed without a reason": ("new", [("inSource", None)]),
        "Both": ("unchanged", [("inSource", "tested elsewhere"), known]),
        "Cut off": ("new", []),
    }


def test_without_a_baseline_nothing_is_called_new():
    assert "baselineState" not in result()


def test_what_sarif_has_no_place_for_is_in_the_properties():
    properties = result()["properties"]
    assert properties["agreement"] == 3
    assert properties["grounding"] == "exact"
    assert properties["backends"] == ["codex", "gemini", "claude"]
    assert properties["area"] == "source"
    assert properties["severity"] == "high"
    assert properties["sources"][0] == {
        "backend": "codex",
        "model": "gpt-5",
        "prompt": "errors",
        "severity": "medium",
        "category": "errors",
        "title": "Told so",
        "explanation": "Because it is so.",
        "quote": "return total / count",
        "place": "app.py:3",
        "lead": False,
        "incomplete": False,
    }


def test_failures_are_notifications_and_the_run_is_not_successful():
    run = run_of(SAMPLES["interrupted"])
    told = [(each["descriptor"]["id"], each["level"]) for each in notifications(run)]
    assert told[:2] == [("not-answered", "warning"), ("run-incomplete", "warning")]
    invocation = run["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCodeDescription"].startswith("1 of 2 requests were answered.")


def test_a_failing_backend_is_an_error():
    told = notifications(run_of(SAMPLES["unanswered"]))
    assert {each["properties"]["kind"] for each in told if each["level"] == "warning"} == {"cancelled"}
    assert told[0]["message"]["text"] == "codex [unavailable]: unavailable: failed by unavailable (try again)"


def test_a_run_without_failures_is_successful():
    invocation = run_of(SAMPLES["panel"])["invocations"][0]
    assert invocation["executionSuccessful"] is True
    assert invocation["startTimeUtc"] == "2025-01-01T00:00:00.000Z"
    assert invocation["endTimeUtc"] == "2025-01-01T00:00:12.500Z"


def test_an_answer_that_could_not_be_read_is_told():
    (told,) = notifications(run_of(SAMPLES["unread"]))
    assert told["descriptor"]["id"] == "run-incomplete"


def test_long_texts_are_cut_and_that_is_told():
    run = run_of(panel(explanation="x" * 50_000))
    assert len(run["results"][0]["message"]["text"]) < TEXT_LENGTH + 1_000
    assert "run-incomplete" in kinds(run)


def test_no_more_results_than_a_service_takes_and_that_is_told(monkeypatch):
    monkeypatch.setattr(renderer, "RESULTS", 3)
    report = panel()
    run = run_of(evolve(report, findings=report.findings * 5))
    assert len(run["results"]) == 3
    assert notifications(run)[0]["message"]["text"].startswith(
        "5 findings have a place; this log holds the first 3"
    )


@pytest.mark.slow
@unhurried
@given(words, words)
def test_no_text_becomes_a_link_or_leaves_the_directory(text, path):
    report = panel(
        title=text,
        explanation=text,
        quote=text,
        fingerprint=text,
        suppressed=text,
        locations=(Location(path, 1), Location(text, 2)),
    )
    report = evolve(report, notes=(text,), degraded=(text,), leaked=(Leaked(1, text, text),), baseline=text)
    failure = Failure(report.outcomes[0].request, text, "crashed", text, hint=text)
    run = run_of(evolve(report, outcomes=(*report.outcomes, failure), started_at=text, lok_version=text))
    assert not [said for said in strings(run) if UNSAFE.search(said)]
    for each in run["results"]:
        links = re.findall(r"\]\(([^)]*)\)", each["message"]["text"])
        assert links == [str(related["id"]) for related in each.get("relatedLocations", ())]
        for place in (*each["locations"], *each.get("relatedLocations", ())):
            reference = place["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"[\w.~%/-]+", reference, re.ASCII)
            assert not reference.startswith("/")
    for told in notifications(run):
        assert "](" not in told["message"]["text"]


def test_lok_finds_the_renderer(lok_env, tmp_path):
    (tmp_path / "app.py").write_text("import os\nos.system('rm ' + input())\n")
    done = run_lok(["hunt", ".", "-b", "static", "-f", "sarif"], env=lok_env, cwd=tmp_path)
    assert json.loads(done.stdout)["runs"][0]["tool"]["driver"]["name"] == "lok"
