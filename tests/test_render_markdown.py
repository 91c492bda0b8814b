"""Comments in Markdown: what is read of them is ours, and what a model says stays words and code."""

import re
from html.parser import HTMLParser

import pytest
from attrs import evolve
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lok_core.builtin import MarkdownRenderer
from lok_core.models import SEVERITIES
from lok_core.outcome import AskDetail, Failure, Leaked, Location, View
from lok_core.render_markdown import COMMENT_LENGTH
from lok_core.testing import HOSTILE_TEXTS, sample_reports

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
SAMPLES = sample_reports()
UNSAFE = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
TRIGGER = re.compile(r"@\w|[#!]\d|gh-\d|:/|//|www\.|\b[0-9a-f]{7,40}\b", re.IGNORECASE)
SUMMARY = re.compile(r"<details>\n<summary>(.*)</summary>\n")
BLOCKS = {"paragraph", "blockquote", "bullet_list", "list_item", "heading"}
words = st.text(alphabet=st.characters()) | st.lists(
    st.sampled_from(
        [
            *HOSTILE_TEXTS.values(),
            *"`*_[]()<>#+-!|~&$\\/@:.=1\n \t",
            "\n\n",
            "```",
            "](",
            "www.a.de",
            "@a",
            "//",
        ]
    )
).map("".join)


def markdown(report, **view):
    text = "".join(MarkdownRenderer().render(report, View(**view)))
    assert text.endswith("\n")
    assert len(text) <= COMMENT_LENGTH
    assert UNSAFE.search(text.replace("\t", " ")) is None
    return text


class Text(HTMLParser):
    """The text of the pieces of HTML that are ours, and which tags they have."""

    def __init__(self, html):
        super().__init__()
        self.text, self.code, self.tags = "", False, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert not attrs
        self.tags.append(tag)
        self.code = tag == "code"

    def handle_endtag(self, tag):
        self.code = False

    def handle_data(self, data):
        if not self.code:
            self.text += data


def shown_words(text):
    """The words that are no code, after it was checked that all markup is ours."""
    reader = MarkdownIt("gfm-like")
    # Without a scheme, only GitHub's own rule (www.) counts; the reader takes each "name.py" for a host.
    reader.linkify.set({"fuzzy_link": False})
    told, depth, summaries = [], 0, 0
    for token in reader.parse(text):
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind == "html_block":
            if token.content.strip() == "</details>":
                depth -= 1
            else:
                found = SUMMARY.fullmatch(token.content)
                assert found, token.content
                html = Text(found[1])
                assert "".join(html.tags) in ("bi", "bcodei")
                told.append(html.text)
                depth += 1
                summaries += 1
            assert depth in (0, 1)
        elif kind == "fence":
            assert token.level == 1  # in a quotation
            assert token.markup == "`" * len(token.markup)
        elif kind == "inline":
            inline = {child.type for child in token.children}
            assert inline <= {"text", "softbreak", "code_inline", "strong_open", "strong_close"}
            told.append("".join(child.content for child in token.children if child.type == "text"))
        else:
            assert kind in BLOCKS, token
    assert depth == 0
    return "\n".join(told), summaries


def assert_safe(report, **view):
    text = markdown(report, **view)
    told, summaries = shown_words(text)
    assert TRIGGER.search(told) is None
    assert re.search(r"@\w", text) is None  # bots read the source
    assert re.search(r"^[ ]*/", text, re.MULTILINE) is None
    return summaries


@pytest.mark.parametrize("view", [{}, {"all": True, "answers": True}])
@pytest.mark.parametrize("name", SAMPLES)
def test_all_markup_is_ours(name, view):
    assert_safe(SAMPLES[name], **view)


def panel(**rest):
    report = SAMPLES["panel"]
    return evolve(report, findings=(evolve(report.findings[0], **rest),))


def test_a_finding_as_it_is_printed():
    assert markdown(panel()) == (
        "## lok hunt: 1 finding (1 high)\n\n"
        "4 of 4 requests answered.\n\n"
        "<details>\n"
        "<summary><b>HIGH</b> <code>app.py:3-4</code> Division by zero "
        "<i>(3 backends, evidence found)</i></summary>\n\n"
        "\\`count\\` may be 0 when the list is empty.\n\n"
        "Return early.\n\n"
        "> ```\n>     return total / count\n> ```\n\n"
        "See also `lib/a.py:10-12`, `lib/b.py`.\n\n"
        "- codex (errors, gpt-5): medium, Told so\n"
        "- gemini (errors): high, ZeroDivisionError possible\n"
        "- claude (n+1, opus): medium, Told so\n\n"
        "</details>\n\n"
    )


def test_no_findings():
    assert markdown(SAMPLES["empty"]) == "## lok hunt: no findings\n\n1 of 1 request answered.\n\n"


@pytest.mark.parametrize(
    ("name", "doubt"),
    [
        ("unanswered", "**Nothing was answered, so nothing can be said about this code.**"),
        ("unread", "**Some answers could not be read, so this is no clean bill.**"),
        (
            "interrupted",
            "**The run ended before everything was asked and answered, so this is no clean bill.**",
        ),
    ],
)
def test_no_clean_bill_unless_everything_was_answered(name, doubt):
    assert f"\n\n{doubt}\n\n" in markdown(SAMPLES[name])


@pytest.mark.parametrize("grounding", ["quote-missing", "line-out-of-range", "file-missing", "unlocated"])
def test_missing_evidence_is_flagged(grounding):
    assert "<i>(\u26a0 3 backends, " in markdown(panel(grounding=grounding))


@pytest.mark.parametrize("severity", SEVERITIES)
def test_severity_stands_first(severity):
    assert f"<summary><b>{severity.upper()}</b> " in markdown(panel(severity=severity))


def test_known_and_suppressed_findings_are_counted_only():
    text = markdown(SAMPLES["standing"])
    assert "not shown: 1 known, 3 suppressed" in text
    assert text.count("<details>") == 2


def test_the_gate_is_told():
    assert (
        "the run fails on findings of severity high or worse that 2 backends report, "
        "if their evidence is found.\n"
    ) in markdown(SAMPLES["standing"])


def test_leads_beyond_the_first_are_counted_unless_all_are_wanted():
    text = markdown(SAMPLES["leads"])
    assert "8 more leads not shown (errors 4, n+1 4).\n" in text
    assert text.count("<details>") == 10
    assert markdown(SAMPLES["leads"], all=True).count("<details>") == 18


def test_failures_are_told():
    text = markdown(SAMPLES["interrupted"])
    assert "### Not answered\n\n- gemini (n+1): cancelled: ended by Ctrl-C\n" in text


def test_findings_that_do_not_fit_into_a_comment_are_counted():
    text = markdown(SAMPLES["many"])
    told = text.count("<details>")
    assert 0 < told < 400
    assert f"**{400 - told} more findings do not fit here.**" in text


def test_what_is_told_about_the_run_is_kept_when_findings_do_not_fit():
    report = evolve(SAMPLES["interrupted"], findings=SAMPLES["many"].findings)
    assert "Left behind by n+1, and ended: `sleep 1000`" in markdown(report)


def test_answers_are_shown_on_demand_only():
    report = SAMPLES["interrupted"]
    assert "I found nothing so fa" not in markdown(report)
    assert "> I found nothing so fa\n" in markdown(report, answers=True)


def test_ask_shows_each_answer_as_code_and_what_a_failure_had_said():
    report = SAMPLES["ask"]
    text = markdown(evolve(report, outcomes=report.outcomes[-1:]))
    assert text == (
        "## lok ask\n\n0 of 1 request answered.\n\n"
        "### gemini\n\n> ```\n> It is beca\n> ```\n\n"
        "Not answered: timeout: no answer within 300 s\n\n"
    )


@pytest.mark.slow
@unhurried
@given(words, words)
@example("0@.AL", "")
def test_no_text_becomes_markup(text, path):
    report = panel(title=text, explanation=text, quote=text, locations=(Location(path, 7), Location(text)))
    (finding,) = report.findings
    source = evolve(finding.sources[0], title=text, label=text, model=text, rule=text)
    report = evolve(report, notes=(text,), degraded=(text,), leaked=(Leaked(1, text, text),))
    failure = Failure(report.outcomes[0].request, text or "x", "crashed", text, hint=text, partial=text)
    report = evolve(
        report,
        findings=(evolve(finding, sources=(source, *finding.sources)),),
        outcomes=(*report.outcomes, failure),
    )
    assert assert_safe(report, answers=True) == 1
    assert_safe(evolve(report, detail=AskDetail(text)))


def test_code_of_nothing_but_backticks_fits():
    panel = SAMPLES["panel"]
    ticks = evolve(panel.findings[0], quote="`" * 5000)
    assert len(markdown(evolve(panel, findings=(ticks,)))) < 65_536
