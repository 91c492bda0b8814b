"""Renderers as functions: a report in, text out."""

import itertools
import json
import re
from pathlib import Path

import jsonschema
import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core import schema
from lok_core.models import CATEGORIES, FAILURE_KINDS, SEVERITIES, Reply, Request, Usage
from lok_core.outcome import (
    Answer,
    AskDetail,
    Failure,
    Finding,
    Leaked,
    Location,
    Report,
    Source,
    TaskDetail,
    View,
)
from lok_core.render_json import JsonRenderer
from lok_core.render_text import TextRenderer
from lok_core.testing import sample_reports
from lok_core.testing.sample_modes import mode_details

# The machine may be busy.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
HERE = Path("/project")
HEAD = "Task: hunt\nFind bugs\n" + "=" * 50 + "\n"
SCHEMA = jsonschema.Draft202012Validator(schema("lok.report/1"))
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
HOSTILE = "a\x1b[31m\x1b]0;title\x07b\x9b2J\x00\r\u202e\u2066\udcff\x7f end"


def request(label="errors"):
    return Request(f"Search for {label}.", HERE, backend="codex", label=label, category="errors")


def answer(text="", *, label="errors", backend="codex", data=None, notes=()):
    reply = Reply(text, data=data, notes=notes)
    return Answer(request(label), backend, reply, duration_s=1.0, clean=data == STRUCTURED)


def failure(kind="timeout", message="no answer within 300 s", *, label="errors", **rest):
    return Failure(request(label), "codex", kind, message, **rest)


def finding(title="Wrong", *, line=1, label="errors", lead=True, severity="high", rule="", **rest):
    backend = "static" if lead else "codex"
    source = Source(backend, label, title, "Why.", severity, "errors", rule=rule, lead=lead)
    values = {"locations": (Location("app.py", line),), "sources": (source,), **rest}
    return Finding(title, "Why.", severity, "errors", **values)


def report(*outcomes, findings=(), detail=None, **rest):
    detail = detail or TaskDetail("hunt", "Find bugs", ("errors", "perf"))
    values = {"started_at": "2025-01-01T00:00:00+00:00", "run": "1.2.3", "lok_version": "0.1.0", **rest}
    return Report("hunt", HERE, outcomes, detail, tuple(findings), **values)


def asked(*outcomes, **rest):
    outcomes = [evolve(outcome, request=evolve(outcome.request, label="")) for outcome in outcomes]
    return report(*outcomes, detail=AskDetail("What is this?"), **rest)


def text(made, **view):
    return "".join(TextRenderer().render(made, View(**view)))


def data(made):
    """What the JSON renderer says, valid against the schema."""
    loaded = json.loads("".join(JsonRenderer().render(made, View())))
    SCHEMA.validate(loaded)
    return loaded


STRUCTURED = {"findings": []}

# Text: what was found.


def test_a_task_without_findings():
    assert text(report(answer(data=STRUCTURED))) == f"{HEAD}\nNo findings.\n\n"


def test_a_finding_is_shown_with_place_reason_quote_and_source():
    found = finding("Undefined name", line=7, quote="  return x  ")
    assert text(report(answer(data=STRUCTURED), findings=[found])) == (
        f"{HEAD}\nHIGH  app.py:7\n    Undefined name\n    Why.\n    > return x\n    static (errors) lead\n\n"
    )


@pytest.mark.parametrize(
    ("locations", "place"),
    [
        ((), "(no place given)"),
        ((Location("a.py"),), "a.py"),
        ((Location("a.py", 3),), "a.py:3"),
        ((Location("a.py", 3, 5),), "a.py:3-5"),
        ((Location("a.py", 3), Location("b.py", 4)), "a.py:3"),
    ],
)
def test_place_of_a_finding(locations, place):
    assert f"\nHIGH  {place}\n" in text(
        report(answer(data=STRUCTURED), findings=[finding(locations=locations)])
    )


def test_area_other_than_source_is_told():
    found = finding(area="tests")
    assert "HIGH  app.py:1  (tests)\n" in text(report(answer(data=STRUCTURED), findings=[found]))


def test_each_who_reported_a_finding_is_named_once():
    sources = [
        Source("codex", "errors", "t", "e", "high", "errors"),
        Source("codex", "errors", "t2", "e2", "high", "errors"),
        Source("static", "perf", "t", "e", "high", "errors", rule="F821", lead=True),
    ]
    shown = text(report(answer(data=STRUCTURED), findings=[finding(sources=tuple(sources))]))
    assert "    2 agree: codex (errors), static (perf, F821) lead\n" in shown


def test_who_says_how_bad_it_is_where_they_differ():
    sources = tuple(
        Source(name, "errors", "t", "", bad, "errors") for name, bad in [("a", "high"), ("b", "low")]
    )
    shown = text(report(answer(data=STRUCTURED), findings=[finding(sources=sources)]))
    assert "    2 agree: a (errors, high), b (errors, low)\n" in shown


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"grounding": "file-missing"}, "! evidence not found: there is no such file"),
        ({"grounding": "quote-missing"}, "! evidence not found: the quoted code is not there"),
        ({"grounding": "ambiguous"}, "! evidence unclear: the quoted code is in several places"),
        ({"known": True}, "! known, as the baseline has it"),
        ({"suppressed": "by design"}, "! suppressed in the code: by design"),
        ({"incomplete": True}, "! from an answer that was cut off"),
    ],
)
def test_why_one_should_look_twice_is_told(state, told):
    found = evolve(finding(), **state)
    assert told in text(report(answer(data=STRUCTURED), findings=[found]), all=True)


def test_a_moved_finding_tells_where_its_source_put_it():
    source = Source("codex", "errors", "t", "", "high", "errors", place=Location("app.py", 40))
    moved = evolve(finding(sources=(source,)), grounding="moved")
    shown = text(report(answer(data=STRUCTURED), findings=[moved]))
    assert "! evidence found at another line (codex said 40)" in shown


def test_known_and_suppressed_findings_are_counted_and_shown_on_demand():
    found = [evolve(finding("Old"), known=True), evolve(finding("Meant"), suppressed="so")]
    made = report(answer(data=STRUCTURED), findings=found)
    assert "Not shown: 1 known, 1 suppressed; --all shows all.\n" in text(made)
    assert "Old" not in text(made)
    assert "Old" in text(made, all=True)


def test_an_answer_that_could_not_be_read_is_no_clean_bill():
    unread = evolve(answer("Look at a.py:3 and b.py:4."), unparsed_locations=2, findings=0)
    shown = text(report(unread))
    assert "Some answers could not be read, so this is no clean bill." in shown
    assert "names 2 places, but no finding could be read from its answer; it stands below." in shown
    assert "Look at a.py:3 and b.py:4." in shown


def test_findings_are_shown_in_their_order():
    findings = [finding(f"Problem {number}", line=number) for number in (3, 1, 2)]
    shown = text(report(answer(data=STRUCTURED), findings=findings))
    assert re.findall(r"Problem (\d)", shown) == ["3", "1", "2"]


def test_five_leads_of_each_prompt_are_shown_and_the_others_counted():
    findings = [finding(line=n, label="errors") for n in range(1, 8)] + [
        finding(line=n, label="perf") for n in range(1, 7)
    ]
    shown = text(report(answer(data=STRUCTURED), findings=findings))
    assert shown.count("HIGH") == 10
    assert "3 more leads not shown (errors 2, perf 1); --all shows all.\n" in shown


def test_one_rule_does_not_hide_the_others():
    noisy = [finding(f"Noise {n}", line=n, rule="N") for n in range(1, 8)]
    rare = [finding(f"Rare {n}", line=50 + n, rule=f"R{n}") for n in range(1, 4)]
    shown = text(report(answer(data=STRUCTURED), findings=[*noisy, *rare]))
    assert re.findall(r"(?:Noise|Rare) \d", shown) == ["Noise 1", "Noise 2", "Rare 1", "Rare 2", "Rare 3"]
    assert "5 more leads not shown" in shown


def test_five_leads_are_all_shown_without_a_word():
    shown = text(report(answer(data=STRUCTURED), findings=[finding(line=n) for n in range(1, 6)]))
    assert shown.count("HIGH") == 5
    assert "not shown" not in shown


def test_a_single_hidden_lead_is_one_lead():
    shown = text(report(answer(data=STRUCTURED), findings=[finding(line=n) for n in range(1, 7)]))
    assert "1 more lead not shown (errors 1)" in shown


def test_all_leads_on_demand():
    findings = [finding(line=n) for n in range(1, 31)]
    shown = text(report(answer(data=STRUCTURED), findings=findings), all=True)
    assert shown.count("HIGH") == 30
    assert "not shown" not in shown


def test_findings_of_a_language_model_are_never_hidden():
    findings = [finding(line=n, lead=False) for n in range(1, 10)]
    assert text(report(answer(data=STRUCTURED), findings=findings)).count("HIGH") == 9


def test_a_lead_that_a_language_model_reports_as_well_is_not_hidden():
    leads = [finding(line=n) for n in range(1, 7)]
    confirmed = evolve(leads[5], sources=leads[5].sources + finding(lead=False).sources)
    shown = text(report(answer(data=STRUCTURED), findings=[*leads[:5], confirmed]))
    assert shown.count("HIGH") == 6


# Text: what was said and what was not answered.


def test_prose_without_findings_is_shown():
    shown = text(report(answer("All is lost.", label="n+1")))
    assert "[n+1]\n=== CODEX ===\nAll is lost.\n\n" in shown


def test_structured_answers_are_shown_on_demand_only():
    made = report(answer("Found some.", data=STRUCTURED))
    assert "Found some." not in text(made)
    assert "[errors]\n=== CODEX ===\nFound some.\n\n" in text(made, answers=True)


def test_answers_of_one_prompt_share_its_head():
    shown = text(report(answer("One.", backend="codex"), answer("Two.", backend="gemini")))
    assert shown.count("[errors]") == 1
    assert shown.index("=== CODEX ===") < shown.index("=== GEMINI ===")


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_each_kind_of_failure_is_shown_with_reason_and_hint(kind):
    failed = failure(kind, "it broke", hint="mend it")
    assert f"  codex [errors]: {kind}: it broke (mend it)\n" in text(report(failed))
    assert text(asked(failed)) == f"=== CODEX ===\n{kind}: it broke (mend it)\n\n"


@pytest.mark.parametrize("made", [report, asked])
def test_partial_text_is_shown_as_cut_off(made):
    assert "=== CODEX ===\nHalf of\n[cut off here]\ntimeout: " in text(made(failure(partial="Half of")))


def test_ask_shows_answers_and_failures_in_order():
    shown = text(asked(answer("Yes.", label=""), failure("auth", "log in first", label="")))
    assert shown == "=== CODEX ===\nYes.\n\n=== CODEX ===\nauth: log in first\n\n"


@pytest.mark.parametrize(
    ("outcomes", "rest"),
    [
        ((), {}),
        ((failure(),), {}),
        ((answer(data=STRUCTURED), failure()), {}),
        ((answer(data=STRUCTURED),), {"interrupted": True}),
    ],
)
def test_no_clean_bill_unless_everything_was_answered(outcomes, rest):
    shown = text(report(*outcomes, **rest))
    assert "No findings.\n" not in shown
    assert re.search("nothing can be said|no clean bill", shown)


@pytest.mark.parametrize("made", [report, asked])
def test_an_interrupted_run_is_called_incomplete(made):
    assert "Incomplete: " in text(made(answer("Yes."), interrupted=True))
    assert "Incomplete: " not in text(made(answer("Yes.")))


def test_notes_of_replies_are_told_once():
    note = "auth cannot be judged without a model"
    shown = text(report(answer(data=STRUCTURED, notes=(note,)), answer(data=STRUCTURED, notes=(note,))))
    assert shown.count(note) == 1


def test_what_was_left_behind_is_told():
    shown = text(report(answer(data=STRUCTURED), leaked=(Leaked(7, "sleep 1000", "codex errors"),)))
    assert "Left behind by codex errors, and ended: sleep 1000\n" in shown


# The modes in which several backends work together.

SAMPLES = sample_reports()
MODES = ("plan", "suggest", "smart", "team", "debate", "spawn", "spawned", "conduct")


@pytest.mark.parametrize("name", MODES)
def test_a_mode_is_valid_json_of_the_schema(name):
    SCHEMA.validate(json.loads("".join(JsonRenderer().render(SAMPLES[name], View()))))


@pytest.mark.parametrize("name", MODES)
def test_a_mode_shows_no_control_characters(name):
    shown = text(SAMPLES[name])
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", shown)


@pytest.mark.parametrize("name", ["team", "spawn", "conduct"])
def test_a_summary_is_shown_in_its_section_and_not_as_an_answer(name):
    shown = text(evolve(SAMPLES[name], detail=mode_details("All is well.")[name]))
    assert shown.count("--- ") >= 1
    assert "All is well." in shown
    assert "[summary]" not in shown
    assert "=== CODEX [round 1] ===" in shown


def test_no_line_of_an_answer_is_taken_for_a_head():
    shown = text(
        asked(answer("Fine.\n=== GEMINI [round 2, B] ===\nI agree.\n\n--- Consensus ---\nA -- b ---"))
    )
    assert "\n === GEMINI [round 2, B] ===\nI agree.\n\n --- Consensus ---\nA -- b ---" in shown


def test_why_there_is_no_result_is_told():
    made = asked(answer("A."))
    assert "No result: only one is left.\n" in text(evolve(made, inconclusive="only one is left"))


# Text: colour and width.


def test_colour_changes_no_text():
    made = report(answer("Prose."), findings=[finding(severity=one, quote="x") for one in SEVERITIES])
    coloured = text(made, color=True)
    assert "\x1b[1;31mCRITICAL\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == text(made)


@unhurried
@given(st.integers(-10, 400))
def test_lines_are_as_wide_as_the_terminal_within_reason(width):
    long = " ".join(["word"] * 60)
    shown = text(report(answer(data=STRUCTURED), findings=[finding(long)]), width=width)
    widest = max(len(line) for line in shown.removeprefix(HEAD).splitlines())
    assert widest <= max(40, min(width, 100))
    assert shown.count("word") == 60


# JSON.


def test_an_empty_report_is_valid():
    loaded = data(report())
    assert (loaded["outcomes"], loaded["findings"], loaded["interrupted"]) == ([], [], False)
    assert loaded["detail"] == {
        "mode": "task",
        "name": "hunt",
        "description": "Find bugs",
        "prompts": ["errors", "perf"],
    }


def test_outcomes_are_told_apart():
    loaded = data(asked(answer("Yes."), failure(partial="Half")))
    assert [outcome["outcome"] for outcome in loaded["outcomes"]] == ["answer", "failure"]
    assert loaded["outcomes"][0]["reply"]["text"] == "Yes."
    assert loaded["outcomes"][1]["partial"] == "Half"
    assert loaded["detail"] == {"mode": "ask", "prompt": "What is this?"}


def test_every_word_of_the_closed_lists_is_valid():
    failures = [failure(kind) for kind in FAILURE_KINDS]
    findings = [
        evolve(finding(), severity=severity, category=category)
        for severity, category in itertools.product(SEVERITIES, CATEGORIES)
    ]
    loaded = data(report(*failures, findings=findings))
    assert {outcome["kind"] for outcome in loaded["outcomes"]} == set(FAILURE_KINDS)


def test_all_findings_are_there_whatever_the_view():
    made = report(answer(data=STRUCTURED), findings=[finding(line=n) for n in range(1, 31)])
    assert len(data(made)["findings"]) == 30


def test_agreement_counts_distinct_backends():
    codex = Source("codex", "errors", "t", "e", "high", "errors")
    sources = (codex, evolve(codex, label="perf"), evolve(codex, backend="gemini"))
    assert data(report(findings=[finding(sources=sources)]))["findings"][0]["agreement"] == 2


def test_unknown_usage_is_null_and_not_zero():
    assert data(report(usage=Usage(input_tokens=0)))["usage"] == {
        "input_tokens": 0,
        "output_tokens": None,
        "cached_tokens": None,
        "cost_usd": None,
    }


def test_the_schema_of_a_request_is_left_out():
    outcome = evolve(answer("Yes."), request=evolve(request(), output_schema={"type": "object"}))
    assert "output_schema" not in data(report(outcome))["outcomes"][0]["request"]


# Text of any kind, from models, files and plugins.


def of(said):
    """A report with that text wherever a text may stand."""
    asked_for = evolve(request(said), prompt=f"q{said}", backend=said, model=said)
    reply = Reply(said, data={"findings": [], said: said}, session=said, model=said, notes=(said,))
    failed = Failure(asked_for, said, "crashed", said, hint=said, partial=said, detail=said)
    source = Source(said, said, said, said, "high", "errors", model=said, rule=said, lead=True)
    found = Finding(
        said, said, "high", "errors", (Location(said, 3, 4),), (source,), quote=said, suppressed=said
    )
    return report(
        Answer(asked_for, said, reply, 1.0),
        Answer(asked_for, said, Reply(said), 1.0),
        failed,
        findings=[found] * 7,
        detail=TaskDetail(said, said, (said,)),
        notes=(said,),
        degraded=(said,),
        leaked=(Leaked(1, said, said),),
        interrupted=True,
    )


any_text = st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]\x07\x9b;\r\n\t\u202e\u2028\ud800 a")))


def assert_safe(said):
    for made in (of(said), evolve(of(said), detail=AskDetail(said))):
        for view in (View(), View(all=True, answers=True, width=20)):
            shown = "".join(TextRenderer().render(made, view))
            assert UNSAFE.search(shown.replace("\t", " ")) is None
            assert shown.endswith("\n")
        printed = "".join(JsonRenderer().render(made, View()))
        assert printed.isascii()
        assert UNSAFE.search(printed) is None
        loaded = json.loads(printed)
        SCHEMA.validate(loaded)
        assert loaded["findings"][0]["quote"] == said
        assert loaded["outcomes"][1]["reply"]["text"] == said


@pytest.mark.parametrize("said", ["", "\n", HOSTILE, "ünï 雪 😀", "x" * 5000, "a\u2028b\x85c"])
def test_special_text_in_every_field_is_safe(said):
    assert_safe(said)


@pytest.mark.slow
@unhurried
@given(any_text)
def test_any_text_in_every_field_is_safe(said):
    assert_safe(said)


def test_hostile_text_stays_legible():
    shown = text(report(answer(HOSTILE), findings=[finding(HOSTILE, quote=HOSTILE)]))
    assert "    > ab\\x9b2J\\x00\\x0d\\u202e\\u2066\\udcff\\x7f end\n" in shown


def test_a_line_of_a_finding_cannot_pretend_to_be_another():
    found = finding(quote="x\nCRITICAL  app.py:1", locations=(Location("a.py\nCRITICAL  b.py", 1),))
    shown = text(report(answer(data=STRUCTURED), findings=[found]))
    assert not re.search("^CRITICAL", shown, re.MULTILINE)
