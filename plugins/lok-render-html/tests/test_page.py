"""The page as text: what it tells, and that nothing in a report becomes markup."""

import base64
import hashlib
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lok_render_html import HtmlRenderer

from lok_core import (
    SEVERITIES,
    Answer,
    Failure,
    Finding,
    Gate,
    Location,
    Participant,
    Reply,
    Report,
    Request,
    Source,
    TaskDetail,
    Usage,
    View,
    clean_line,
)
from lok_core.testing import HOSTILE_TEXTS, sample_reports

HERE = Path("/project")
SAMPLES = sample_reports()
VOID = {"meta", "input"}
TAGS = VOID | set(
    re.findall(
        r"\w+",
        """html head title style body script a header main section div p h1 h2 h3 h4 b bdi code pre ul li span
        button details summary label table thead tbody tr th td article figure figcaption blockquote time""",
    )
)
UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
# The machine may be busy.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)


class Page(HTMLParser):
    """The elements of a page in order, each with its attributes and all the text in it."""

    def __init__(self, source):
        super().__init__()
        self.elements = []
        self.open = []
        self.source = source
        self.feed(source)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        element = {
            "tag": tag,
            "attrs": dict(attrs),
            "text": "",
            "classes": (dict(attrs).get("class") or "").split(),
        }
        self.elements.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")

    def all(self, tag, cls=None):
        return [one for one in self.elements if one["tag"] == tag and (cls is None or cls in one["classes"])]

    def one(self, tag, cls=None):
        (found,) = self.all(tag, cls)
        return found

    @property
    def text(self):
        return self.one("main")["text"]

    @property
    def articles(self):
        return self.all("article")


def rendered(report, **view):
    return Page("".join(HtmlRenderer().render(report, View(**view))))


@cache
def whole(name):
    """The page of a sample with all that can be on it."""
    return rendered(SAMPLES[name], answers=True)


def source(backend="codex", label="errors", **rest):
    return evolve(Source(backend, label, "Told so", "Because.", "high", "errors"), **rest)


def finding(title="Wrong", *sources, **rest):
    made = Finding(title, "Why.", "high", "errors", (Location("app.py", 3),), sources or (source(),))
    return evolve(made, **rest)


def answer(backend="codex", label="errors", category="errors", text="", **rest):
    return Answer(Request("?", HERE, label=label, category=category), backend, Reply(text, **rest), 1.0)


def failure(backend="codex", label="errors", category="errors", **rest):
    request = Request("?", HERE, label=label, category=category)
    return Failure(request, backend, "timeout", "no answer within 300 s", **rest)


def report(*findings, outcomes=None, **rest):
    outcomes = (answer(),) if outcomes is None else outcomes
    detail = TaskDetail("hunt", "Find bugs", ("errors",))
    return evolve(Report("hunt", HERE, tuple(outcomes), detail, findings), **rest)


def marks(page, row=0):
    """The words of the marks of a row of the table."""
    body = page.source.split("</thead>")[1].split("</tr>")[row]
    return re.findall(r'aria-label="([^"]*)"', body)


class TestSafety:
    @pytest.mark.slow  # pages of a megabyte
    @pytest.mark.parametrize("name", SAMPLES)
    def test_page_holds_no_element_or_attribute_but_its_own(self, name):
        for element in whole(name).elements:
            assert element["tag"] in TAGS
            for attribute, value in element["attrs"].items():
                assert attribute not in ("style", "src", "action", "srcdoc")
                assert not attribute.startswith("on")
                assert attribute != "href" or value.startswith("#")

    @pytest.mark.slow
    @pytest.mark.parametrize("name", SAMPLES)
    def test_nothing_invisible_gets_through(self, name):
        assert UNSAFE.search(whole(name).source) is None

    @pytest.mark.parametrize("name", SAMPLES)
    def test_page_is_whole(self, name):
        written = whole(name).source
        assert written.startswith("<!doctype html>\n")
        assert written.endswith("</html>\n")
        written.encode()

    @pytest.mark.parametrize("text", HOSTILE_TEXTS.values(), ids=HOSTILE_TEXTS)
    def test_hostile_words_are_shown_as_text(self, text):
        page = rendered(report(finding(text)))
        shown = clean_line(page.articles[0]["text"]).replace("\\n", "")
        assert clean_line(text).replace("\\n", "").replace("`", "").strip()[:100] in shown.replace("`", "")

    @unhurried
    @given(st.text(), st.text(), st.text())
    def test_any_text_is_harmless(self, title, path, quote):
        told = source(
            title, path, title=quote, explanation=title, place=Location(path), quote=quote, model=path
        )
        made = report(
            finding(title, told, quote=quote, locations=(Location(path, 1),), suppressed=quote),
            outcomes=(answer(title, path, text=quote), failure(path, quote, hint=title, detail=quote)),
            notes=(title,),
            degraded=(quote,),
        )
        page = rendered(made)
        assert {element["tag"] for element in page.elements} <= TAGS
        assert UNSAFE.search(page.source) is None
        assert len(page.articles) == 1

    def test_policy_allows_the_style_and_the_script_of_the_page_only(self):
        page = rendered(SAMPLES["panel"])
        (policy,) = (one["attrs"]["content"] for one in page.all("meta") if "http-equiv" in one["attrs"])
        hashes = {
            tag: "sha256-"
            + base64.b64encode(hashlib.sha256(page.one(tag)["text"].encode()).digest()).decode()
            for tag in ("style", "script")
        }
        assert policy.split("; ") == [
            "default-src 'none'",
            f"style-src '{hashes['style']}'",
            f"script-src '{hashes['script']}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]


class TestFindings:
    @pytest.mark.slow
    def test_each_is_told_once_in_the_order_of_the_report(self):
        page = rendered(SAMPLES["many"])
        titles = [heading["text"].split(maxsplit=1)[1] for heading in page.all("h3")]
        assert titles == [made.title for made in SAMPLES["many"].findings]

    def test_table_has_a_row_for_each(self):
        page = rendered(SAMPLES["values"])
        links = [
            one["attrs"]["href"] for one in page.elements if one["attrs"].get("href", "").startswith("#f")
        ]
        anchors = [f"#{article['attrs']['id']}" for article in page.articles]
        assert [link for link in links if link in anchors][: len(anchors)] == anchors

    @pytest.mark.parametrize(
        ("grounding", "words"),
        [
            ("exact", "evidence found at this line"),
            ("moved", "evidence found, moved from line 40"),
            ("elsewhere", "evidence found, moved from old.py:3"),
            ("quote-missing", "evidence not found: no line of the file reads like this"),
            ("line-out-of-range", "evidence not found: the file has no such line"),
            ("file-missing", "evidence not found: there is no such file"),
            ("ambiguous", "evidence found at several lines"),
            ("unlocated", "no place was given"),
            ("unchecked", "evidence not checked"),
        ],
    )
    def test_grounding_is_told_in_words(self, grounding, words):
        told = Location("old.py", 3) if grounding == "elsewhere" else Location("app.py", 40)
        page = rendered(report(finding("Wrong", source(place=told), grounding=grounding)))
        assert words in page.one("p", "place")["text"]

    def test_several_reported_lines_are_told_with_their_backends(self):
        told = (source("codex", place=Location("app.py", 40)), source("gemini", place=Location("app.py", 41)))
        page = rendered(report(finding("Wrong", *told, grounding="moved")))
        assert "moved from line 40 (codex), line 41 (gemini)" in page.one("p", "place")["text"]

    def test_lines_of_a_quote_are_numbered_where_they_stand(self):
        page = rendered(report(finding(quote="    a = 1\n    b = 2", grounding="moved")))
        assert [line["text"] for line in page.all("span", "line")] == ["3", "4"]
        assert [code["text"] for code in page.all("code") if "= " in code["text"]] == ["3a = 1\n", "4b = 2\n"]

    def test_code_that_is_not_there_has_no_line_numbers(self):
        page = rendered(report(finding(quote="a = 1", grounding="quote-missing")))
        assert page.all("span", "line") == []
        assert "the code does not read like this" in page.one("figcaption")["text"]

    def test_every_source_keeps_its_own_words(self):
        told = (
            source("codex", title="Division by zero"),
            source("gemini", title="ZeroDivisionError", rule="R1"),
        )
        words = rendered(report(finding("Wrong", *told))).one("details", "words")["text"]
        assert "Division by zero" in words
        assert "ZeroDivisionError" in words
        assert "rule R1" in words

    def test_known_suppressed_and_cut_off_are_marked(self):
        page = rendered(SAMPLES["standing"])
        states = {article["attrs"]["data-state"] for article in page.articles}
        assert states == {"open", "known", "suppressed", "known suppressed", "open cut-off"}
        assert "Suppressed in the code: checked by the caller" in page.text
        assert "it is in the baseline lok-baseline.json" in page.text
        assert "Reported only in an answer that was cut off." in page.text

    def test_impossible_lines_are_not_told(self):
        places = [place["text"] for place in rendered(SAMPLES["values"]).all("code", "path")]
        assert "app.py:0" not in places
        assert "app.py:9-4" not in places
        assert "app.py:12-14" in places


class TestWhoSawWhat:
    def test_each_backend_has_a_mark(self):
        made = report(
            finding("Wrong", source("codex"), source("gemini", incomplete=True), source("static", lead=True)),
            outcomes=(
                *(answer(name) for name in ("codex", "gemini", "claude")),
                failure("qwen"),
                answer("static"),
                answer("other", "layers", "architecture"),
            ),
        )
        assert marks(rendered(made)) == [
            "reported it",
            "reported it in an answer that was cut off",
            "did not report it",
            "gave no answer",
            "reported it as a lead, a pattern that nobody has judged",
            "was not asked about this",
        ]

    def test_an_analyser_is_asked_about_a_category_under_the_label_of_another_prompt(self):
        made = report(
            finding("Wrong", source("codex", "b")), outcomes=(answer("codex", "b"), answer("static", "a"))
        )
        assert marks(rendered(made)) == ["reported it", "did not report it"]

    def test_an_answer_to_another_prompt_says_nothing_about_a_failed_one(self):
        outcomes = (answer("codex", "b"), failure("gemini", "b"), answer("gemini", "a"))
        assert marks(rendered(report(finding("Wrong", source("codex", "b")), outcomes=outcomes))) == [
            "reported it",
            "gave no answer",
        ]

    def test_without_requests_there_is_only_not_reported(self):
        made = report(finding("A", source("codex")), finding("B", source("gemini")), outcomes=())
        assert marks(rendered(made), row=1) == ["did not report it", "reported it"]

    def test_agreement_counts_those_that_gave_an_answer(self):
        made = report(
            finding("Wrong", source("codex"), source("gemini")),
            outcomes=(answer("codex"), answer("gemini"), answer("claude"), failure("qwen")),
        )
        assert "2 of 3 backends" in rendered(made).one("article")["text"]

    def test_a_backend_named_by_nobody_else_has_a_column(self):
        page = rendered(report(finding("Wrong", source("elsewhere")), outcomes=()))
        assert [head["text"] for head in page.all("bdi")] == ["elsewhere"]


class TestFilters:
    def test_what_occurs_can_be_chosen_with_its_number(self):
        page = rendered(SAMPLES["panel"])
        offered = {
            (one["attrs"]["data-facet"], one["text"])
            for one in page.all("button")
            if "data-facet" in one["attrs"]
        }
        assert {("backend", "codex 3"), ("category", "errors 3"), ("evidence", "moved 1")} <= offered
        assert ("severity", "1 high") in offered

    def test_all_severities_are_counted(self):
        page = rendered(report(finding()))
        told = [one["text"] for one in page.all("button") if one["attrs"].get("data-facet") == "severity"]
        assert told == [f"{int(name == 'high')} {name}" for name in SEVERITIES]

    @pytest.mark.parametrize(("all_", "folded"), [(False, 8), (True, 0)])
    def test_leads_beyond_the_cap_are_folded_unless_all_are_asked_for(self, all_, folded):
        page = rendered(SAMPLES["leads"], all=all_)
        assert len(page.articles) == 18
        assert sum(one["attrs"].get("data-folded") == "lead" for one in page.articles) == folded

    def test_a_noisy_rule_does_not_hide_the_others(self):
        page = rendered(SAMPLES["leads"])
        shown = [one["text"] for one in page.articles if "data-folded" not in one["attrs"]]
        assert sum("E722 seen" in text for text in shown) == 2
        assert sum("S608 seen" in text for text in shown) == 4

    def test_known_and_suppressed_are_folded_and_use_up_no_place_of_a_lead(self):
        lead = source("static", lead=True)
        findings = [finding(f"Known {n}", lead, known=True) for n in range(6)]
        findings += [finding(f"New {n}", lead) for n in range(5)]
        folded = [one["attrs"].get("data-folded") for one in rendered(report(*findings)).articles]
        assert folded == ["aside"] * 6 + [None] * 5


class TestResult:
    @pytest.mark.parametrize(
        ("made", "told"),
        [
            (report(finding()), "1 finding"),
            (report(finding(), finding(known=True)), "2 findings of them 1 known"),
            (report(), "No findings."),
            (report(outcomes=()), "Nothing was answered, so nothing can be said about this code."),
            (report(outcomes=(failure(),)), "Nothing was answered, so nothing can be said about this code."),
            (report(interrupted=True), "not everything was asked, so this is no clean bill"),
            (report(outcomes=(answer(), failure())), "some requests failed, so this is no clean bill"),
        ],
    )
    def test_verdict(self, made, told):
        assert told in rendered(made).all("h2")[0]["text"]

    @pytest.mark.parametrize(
        ("made", "told"),
        [
            (finding(), "Gate failed by 1 finding."),
            (finding(known=True), "Gate passed."),
            (finding(suppressed=""), "Gate passed."),
            (finding(severity="low"), "Gate passed."),
        ],
    )
    def test_gate(self, made, told):
        assert told in rendered(report(made, gate=Gate("medium"))).text

    def test_gate_counts_backends_and_evidence(self):
        both = (source("codex"), source("gemini"))
        made = report(
            finding("Agreed", *both, grounding="exact"),
            finding("Invented", *both, grounding="file-missing"),
            finding("Alone", grounding="exact"),
            gate=Gate("high", quorum=2, only_grounded=True),
        )
        page = rendered(made)
        assert [one["attrs"]["data-state"] for one in page.articles] == [
            "open fails-the-gate",
            "open",
            "open",
        ]
        assert "high or worse, reported by at least 2 backends, with evidence found in the code" in page.text

    def test_gate_is_undecided_where_something_was_not_answered(self):
        assert "Gate undecided" in rendered(report(outcomes=(answer(), failure()), gate=Gate("low"))).text

    def test_what_is_missing_is_told_at_the_top(self):
        unread = evolve(answer(text="app.py:3"), unparsed_locations=1)
        made = report(
            outcomes=(unread, failure()), interrupted=True, degraded=("gemini is not logged in",), leaked=()
        )
        told = rendered(made).one("div", "caveats")["text"]
        assert "The run ended before everything was asked and answered." in told
        assert "gemini is not logged in" in told
        assert "1 of 2 requests was not answered." in told
        assert "1 answer named places in the code, but no finding was recognised there." in told

    def test_a_complete_run_has_no_caveats(self):
        assert rendered(report(finding())).all("div", "caveats") == []


class TestRun:
    def test_failures_are_told_with_kind_message_hint_and_traceback(self):
        made = report(outcomes=(failure(hint="raise timeout", detail="Traceback: KeyError"),))
        text = rendered(made).text
        assert "timeout no answer within 300 s" in text
        assert "raise timeout" in text
        assert "Traceback: KeyError" in text

    def test_notes_of_the_run_and_of_backends_are_told_once(self):
        made = report(outcomes=(answer(notes=("auth cannot be judged",)),) * 2, notes=("asked again",))
        text = rendered(made).text
        assert text.count("codex: auth cannot be judged") == 1
        assert "asked again" in text

    def test_participants_are_told_with_what_they_did(self):
        codex = Participant("codex", "codex", "lok-backend-codex", "0.1.0", "gpt-5")
        made = report(finding(), outcomes=(answer(), failure()), backends=(codex,))
        assert "codexgpt-5lok-backend-codex 0.1.0111" in rendered(made).text

    @pytest.mark.parametrize(
        ("usage", "told"),
        [
            (
                Usage(1200, 300, 1000, 0.1),
                "Used: 1,200 input tokens, 1,000 of them cached, 300 output tokens, 0.10",
            ),
            (Usage(1200), "Used: 1,200 input tokens, cost not known."),
            (Usage(), ""),
        ],
    )
    def test_usage_is_told_as_far_as_it_is_known(self, usage, told):
        codex = Participant("codex", "codex", "lok-backend-codex", "0.1.0")
        text = rendered(report(backends=(codex,), usage=usage)).text
        assert told in text
        assert ("Used" in text) == bool(told)

    def test_answers_are_folded(self):
        (said,) = rendered(report(outcomes=(answer(text="Looks fine."),))).all("details")
        assert "Looks fine." in said["text"]
        assert "open" not in said["attrs"]

    def test_partial_answers_of_failures_are_kept(self):
        assert "The loop in app.py" in rendered(SAMPLES["interrupted"]).text

    def test_answers_as_data_are_told_when_answers_are_asked_for(self):
        made = report(outcomes=(answer(data={"findings": ["one"]}),))
        assert rendered(made).all("details") == []
        (said,) = rendered(made, answers=True).all("details")
        assert '"findings"' in said["text"]
        assert "open" in said["attrs"]

    def test_the_answers_to_a_question_come_first_and_open(self):
        page = rendered(SAMPLES["ask"])
        assert page.all("h2")[0]["text"] == "Answers word for word"
        assert all("open" in one["attrs"] for one in page.all("details"))
        assert page.one("blockquote")["text"] == "Why is it slow?"
