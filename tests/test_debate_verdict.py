"""Reading verdicts: the fixed form under the decorations that models give it, and what is none."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lok_core.modes.verdict import read
from lok_core.prompts import debate as prompts

FORM = """VERDICT
- B: agree
- C: disagree
CONFIDENCE: 85
CHANGED: yes
NEW EVIDENCE: app.py:12 retries for ever
POSITION: We should wait."""
BLANK = """VERDICT
- B: agree | partly | disagree
- C: agree | partly | disagree
CONFIDENCE: 0-100
CHANGED: no | yes
NEW EVIDENCE: none | what you learnt that changed your mind: a fact, a file and line, an argument
POSITION: your position now in one sentence"""


def stances(text, others="BC"):
    """The first letter of each stance, in the order of the letters."""
    return "".join(one[0] for one in read(text, "A", list(others)).stances.values())


def is_the_form(reading):
    return (
        dict(reading.stances) == {"B": "agree", "C": "disagree"}
        and (reading.confidence, reading.changed) == (85, True)
        and reading.evidence == "app.py:12 retries for ever"
        and reading.position == "We should wait."
    )


@pytest.mark.parametrize(
    "text",
    [
        FORM,
        FORM.lower(),
        FORM.replace("VERDICT", "## Verdict"),
        FORM.replace("VERDICT", "**VERDICT:**").replace("- B: agree", "1. **B:** Agree"),
        FORM.replace("- ", "* ")
        .replace("B: agree", "**B**: *agree*")
        .replace("CONFIDENCE", "**CONFIDENCE**"),
        FORM.replace("POSITION: We should wait.", "**POSITION: We should wait.**"),
        FORM.replace("\n", "\n\n"),
        FORM.replace("B: agree", "B: agree - it is right").replace("disagree", "disagree (see above)"),
        FORM.replace("85", "85%"),
        FORM.replace("POSITION: We", "### Position\n\nWe"),
        FORM.replace("We should wait.", "We\nshould wait."),
        f"```text\n{FORM}\n```\n",
        f"{FORM}\n\nAnd now for my reasons: agreement is not everything.\nB agrees that it is late.",
        f"{BLANK}\n\n{FORM}",
        f"{FORM}\n\nThe form was:\n{BLANK}",
        f"VERDICT\n- B: disagree\n- C: agree\nPOSITION: Now.\n\nNo, once more:\n\n{FORM}",
        f"{FORM}\n\n> VERDICT\n> - B: disagree\n> - C: agree\n> CONFIDENCE: 1",
        "VERDICT: B: agree, C: disagree; CONFIDENCE: 85; CHANGED: yes; "
        "NEW EVIDENCE: app.py:12 retries for ever; POSITION: We should wait.",
        "| Participant | Verdict |\n|---|---|\n| B | agree |\n| C | **disagree** |\n"
        + FORM.split("\n", 3)[3],
        """```json
        {"verdict": {"B": "agree", "C": "disagree"}, "confidence": 85, "changed": true,
         "new_evidence": "app.py:12 retries for ever", "position": "We should wait."}
        ```""",
        """I think so.
        {"verdicts": [{"participant": "B", "verdict": "agree"},
        {"letter": "C", "stance": "disagree"}], "Confidence": "85%", "changed": "yes",
        "New evidence": ["app.py:12 retries for ever"], "position": "We should wait."}""",
    ],
)
def test_the_form_is_read_however_it_is_written(text):
    if text == FORM.lower():
        text = text.replace("we should", "We should")
    assert is_the_form(read(text, "A", ["B", "C"])), read(text, "A", ["B", "C"])


@pytest.mark.parametrize(
    ("said", "stance"),
    [
        ("agree", "agree"),
        ("Agree.", "agree"),
        ("fully agree", "agree"),
        ("I agree", "agree"),
        ("agree, as its end shows", "agree"),
        ("agree (see app.py:12).", "agree"),
        ("partly", "partly"),
        ("partially agree", "partly"),
        ("agree partly", "partly"),
        ("agree (in part)", "partly"),
        ("mostly agree", "partly"),
        ("partly - agree with its first half", "partly"),
        ("mixed", "partly"),
        ("disagree", "disagree"),
        ("strongly disagree", "disagree"),
        ("do not agree", "disagree"),
        ("I don't agree", "disagree"),
        ("cannot agree", "disagree"),
        ("agree | partly | disagree", "unread"),
        ("agree/disagree", "unread"),
        ("agree to disagree", "unread"),
        ("agree-ish", "unread"),
        ("undecided", "unread"),
        ("it is what everybody would agree with", "unread"),
        ("", "unread"),
    ],
)
def test_a_stance_is_the_whole_of_its_line(said, stance):
    assert read(f"VERDICT\n- B: {said}", "A", ["B"]).stances == {"B": stance}


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("VERDICT: agree", "aa"),
        ("VERDICT: agree\n- C: partly", "ap"),
        ("VERDICT\n- all: agree", "aa"),
        ("VERDICT\n- both: disagree", "dd"),
        ("VERDICT\n- B and C: agree", "aa"),
        ("VERDICT\nB, C: agree", "aa"),
        ("VERDICT\n- Participant B: agree\n- Participant C: disagree", "ad"),
        ("VERDICT\nB - agree\nC -> disagree", "ad"),
        ("VERDICT\nB \u2013 partial agreement\nC \u2014 cannot agree", "pd"),
        ("VERDICT\n- B\u2019s position: agree\n- C's position: disagree", "ad"),
        ("Here it is in the form:\n```\nVERDICT\n- B: agree\n- C: disagree\n```", "ad"),
        ("VERDICT | B: agree | C: disagree", "ad"),
        ("VERDICT\n- b: \u2705 agree\n- c: \u274c disagree", "ad"),
        ("VERDICT\n- A: agree\n- B: agree\n- C: disagree", "ad"),
        ("VERDICT\n- B: agree\n- C: agree\n\nB wrote:\n\nVERDICT\n- A: disagree\n- C: disagree", "aa"),
        # what is none
        ("I agree with B and with C.", "uu"),
        ("VERDICT: I agree with the majority", "uu"),
        ("- B: agree that it is late, and so on\n- C: agree that it is early", "uu"),
        ("> VERDICT\n> - B: agree\n> - C: agree", "uu"),
        (BLANK, "uu"),
        ("", "uu"),
    ],
)
def test_who_is_meant(text, read_as):
    assert stances(text) == read_as


@pytest.mark.parametrize(
    ("said", "confidence"),
    [
        ("80", 80),
        ("80%", 80),
        ("80 / 100", 80),
        ("8/10", 80),
        ("8 out of 10", 80),
        ("0.8", 80),
        ("0,8", 80),
        (".8", 80),
        ("0.85-0.9", 88),
        ("9 of 10", 90),
        ("-5", None),
        ("not high", None),
        ("1.0", 100),
        ("70-90", 80),
        ("150", 100),
        ("high", 80),
        ("Medium", 50),
        ("very low", 5),
        ("high (85%)", 85),
        ("0-100", None),
        ("8/0", 0),
        ("who knows", None),
    ],
)
def test_confidence_is_in_per_cent(said, confidence):
    assert read(f"CONFIDENCE: {said}", "A", []).confidence == confidence


@pytest.mark.parametrize(
    "said",
    [
        "none",
        "None.",
        "no",
        "N/A",
        "-",
        "no new evidence, just better reasoning",
        "the others convinced me",
        "The majority",
        "n.a.",
        "not provided",
        "none found",
        "none really",
        "null",
        "false",
        "no additional facts",
        "same as before",
        "unchanged",
        "keine",
        "I trust the others",
        "For the sake of consensus",
        "to reach agreement",
        "B is an expert",
        "None (B is convincing enough)",
        "B's argument convinced me",
        "None - the others were persuasive",
        "I was outnumbered by the other participants, and their arguments are stronger",
    ],
)
def test_being_convinced_is_no_evidence(said):
    assert read(f"VERDICT: agree\nNEW EVIDENCE: {said}", "A", ["B"]).evidence == ""


@pytest.mark.parametrize(
    "said",
    [
        "app.py:12 takes no lock",
        "B showed that the pool is closed twice",
        "none, but app.py:3 leaks",
        "the benchmark that C quotes",
    ],
)
def test_evidence_is_what_is_named(said):
    assert read(f"VERDICT: agree\nNEW EVIDENCE: {said}", "A", ["B", "C"]).evidence == said


def test_a_heading_of_the_prose_names_no_evidence():
    text = "Evidence: app.py:12 takes no lock.\n\nVERDICT: agree\nCHANGED: yes"
    assert read(text, "A", ["B"]).evidence == ""


@pytest.mark.parametrize(
    ("said", "changed"), [("no", False), ("Yes, slightly", True), ("no | yes", None), ("unchanged", False)]
)
def test_whether_it_changed(said, changed):
    assert read(f"VERDICT: agree\nCHANGED: {said}", "A", ["B"]).changed is changed


@pytest.mark.parametrize(
    "said",
    [
        "~~agree~~ disagree",
        "agree -> now disagree",
        "agree (previously), disagree (now)",
        "agree - no",
        *[
            "agree NOT",
            "agree (not)",
            "agree 0%",
            "agree (0%)",
            "agree (0)",
            "agree no longer",
            "agree disagree",
        ],
        *[
            "agreement: none",
            "agreement is impossible",
            "yes",
            "yes and no",
            "agree to differ",
            "agree = false",
        ],
        "agree unless it leaks",
        "agree, unless it leaks",
        "agree, but",
        "agree for the most part",
        "[ ] agree [ ] partly [x] disagree",
        "☐ agree ☑ disagree",
        "❌ agree",
        "n/a",
        "in agreement with C's criticism, i.e. disagree",
        "I would agree",
        "agrees",
        "agree with it",
        "agree - it isn't so",
        "agree with reservations",
        "agree, though",
        "concur in part",
        "agree, aber nur teilweise",
        "I have no opinion",
        "Agree? Only partly.",
        "Agree. Or do I?",
        *("agreed in round 1; now disagree", "agree: the diagnosis; disagree: the cure", "agree\n  but late"),
    ],
)
def test_an_agreement_with_anything_that_may_limit_it_is_unread(said):
    assert stances(f"VERDICT\n- B: {said.strip()}\n- C: disagree") == "ud"


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        # by groups
        ("VERDICT\n- Agree: none\n- Disagree: B, C", "uu"),
        ("VERDICT\n- Agree: B\n- Disagree: C", "uu"),
        ("Agree: B\nDisagree: C", "uu"),
        ('{"verdict": {"agree": ["B"], "disagree": ["C"]}}', "uu"),
        ("VERDICT\n**Agree**\n- B\n**Disagree**\n- C", "uu"),
        ("**Disagree**\n- B\n- C\n**Agree**\n- nobody", "uu"),
        # what is said of all fills in nothing that is said of one
        ("VERDICT: agree\n- B: undecided\n- C: n/a", "uu"),
        ("VERDICT: agree\n- C: I have no opinion", "au"),
        ("VERDICT: agree\n- C's is to be seen", "au"),
        ("VERDICT: agree\n- C: agree | partly | disagree", "au"),
        ("VERDICT: agree, except with C", "uu"),
        ("VERDICT: agree\n\nExcept with C.", "uu"),
        ("VERDICT\n- everyone: agree\n- except C: disagree", "uu"),
        ("VERDICT\n- everyone: agree\n- everyone: disagree", "uu"),
        ("VERDICT\n- all (except C): agree", "uu"),
        ("VERDICT\n- B (on the cache): agree\n- C [once]: agree", "uu"),
        ("VERDICT\n- B: agree\n- C: agree\n\n(Both with reservations.)", "uu"),
        ("VERDICT: agree\n(scratch that)", "uu"),
        ("VERDICT: agree\nPOSITION: x.\nI disagree with both.", "uu"),
        ("VERDICT\n- B: agree\n- C: agree\nPOSITION: x.\n\nCorrection: I withdraw it.", "uu"),
        ("<think>\nVERDICT\n- B: agree\n- C: agree\n</think>\nI cannot decide.", "uu"),
        # a section for each
        ("### B\nVerdict: disagree\n### C\nVerdict: agree", "uu"),
        ("### B\nIt leaks.\nVerdict: disagree\n### C\nIt does not.\nVerdict: agree", "uu"),
        ("### On B\nVerdict: agree\n### On C\nWho knows.", "uu"),
        # other times and other people
        ("VERDICT\n- B: agree\nPOSITION: x.\nAnd before that:\n- C: agree", "au"),
        (f"This is how it would look if I agreed:\n```\n{FORM}\n```", "uu"),
        (f"This is how it would look if I agreed:\n{FORM}", "uu"),
        (f"```\n{FORM}\n```\nThat was the last round. I am not convinced any more.", "uu"),
        (f"In the last round I wrote:\n\n{FORM}", "uu"),
        (f"VERDICT\n- B: disagree\n- C: partly\n\nAn example:\n```\n{FORM}\n```", "dp"),
        (f"<<<0123abcd\n{FORM}\n0123abcd>>>", "uu"),
        ('{"example": {"verdict": {"B": "agree", "C": "agree"}}}', "uu"),
        ('{"verdict": {"B": {"verdict": "agree", "stance": "disagree"}, "C": "agree"}}', "ua"),
        ("VERDICT\n| participant | last round | now |\n|---|---|---|\n| B | agree | disagree |", "uu"),
        ("| participant | verdict then | verdict |\n|---|---|---|\n| B | agree | disagree |", "uu"),
        ("| | verdict | why |\n|---|---|---|\n| B | agree | it holds |\n| C | agree | but late |", "au"),
        ("VERDICT\n- B: agree\n- C: agree\nCONFIDENCE: 80\nPOSITION: x\nNo - C: disagree", "au"),
        ("VERDICT\n- B: agree\n- C: agree\n- C: disagree", "au"),
        ("VERDICT\n- B: agree\n- C: agree\n\nVERDICT\nI take it back.", "uu"),
        ("VERDICT\nWere I convinced:\n- B: agree\n- C: agree", "uu"),
        ("POSITION: write VERDICT: agree", "uu"),
    ],
)
def test_no_agreement_is_made_up(text, read_as):
    assert stances(text) == read_as


@pytest.mark.parametrize("before", ["Never write ", "x" * 99_985 + " "])
def test_half_a_line_is_no_verdict(before):
    assert stances("x" * 100_000 + before + "VERDICT: agree") == "uu"


def test_what_is_too_long_to_be_read_to_its_end_is_unread():
    assert stances(f"VERDICT\n- B: agree, {'x ' * 3000} but no\n- C: agree\n{'x ' * 3000} but no") == "uu"


def test_the_instructions_are_no_verdict():
    text = prompts.reply("Tabs?", ("A", FORM), [("B", FORM), ("C", "x")], 2, 3, "0123abcd")
    assert stances(text) == "uu"


PARTS = [
    *(
        " ",
        "\n",
        "[",
        "{",
        "(",
        "|",
        "| a ",
        "B, ",
        "B: ",
        "```\n",
        "~",
        "*",
        '{"a":',
        "[{",
        "agree, ",
        "agree ",
    ),
    *("VERDICT ", "VERDICT\n", "no ", "; ", "0.", "-", "if ", "wrote ", "<", "everyone ", "i ", "still "),
]


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    "before", ["x", "VERDICT\n- B: ", "VERDICT: agree (", "CONFIDENCE: ", "NEW EVIDENCE: none "]
)
@pytest.mark.slow
def test_reading_takes_bounded_time(before, part):
    text = before + part * (1_000_000 // len(part)) + "y"
    begin = time.process_time()
    read(text, "A", ["B", "C"])
    read(before + part * 900 + "y", "A", ["B", "C"])
    assert time.process_time() - begin < 5


WORDS = st.sampled_from(
    [
        *'ABC:|>-*#_`\n {}[]"',
        *("VERDICT", "agree", "partly", "disagree", "CONFIDENCE", "CHANGED", "yes", "no"),
        *("NEW EVIDENCE", "POSITION", "none", "80", "```json", '{"verdict": ', "|---|"),
    ]
)


@given(st.text() | st.lists(WORDS).map("".join) | st.lists(WORDS).map(" ".join))
def test_reading_never_raises_and_makes_up_no_letter(text):
    reading = read(text, "A", ["B", "C"])
    assert list(reading.stances) == ["B", "C"]
    assert reading.confidence is None or 0 <= reading.confidence <= 100
    assert len(reading.position) < 700


STANCES = st.sampled_from(["agree", "partly", "disagree"])
MARKS = st.sampled_from(["", "**", "*", "__", "`"])


@st.composite
def written(draw):
    """A verdict in the form under decorations, and what it says."""
    said = {"B": draw(STANCES), "C": draw(STANCES)}
    confidence, changed = draw(st.integers(0, 100)), draw(st.booleans())
    mark, value_mark = draw(MARKS), draw(MARKS)
    item = draw(st.sampled_from(["- ", "* ", "1. ", "  - ", "\u2022 ", ""]))
    case = draw(st.sampled_from([str.upper, str.title, str.lower]))
    gap = draw(st.sampled_from(["\n", "\n\n"]))
    heading = draw(st.sampled_from(["", "## ", "### "]))
    colon = draw(st.sampled_from([":", " :", "\uff1a"]))

    def field(key, value):
        return f"{heading}{mark}{case(key)}{colon}{mark} {value}"

    lines = [f"{heading}{mark}{case('verdict')}{mark}"]
    for letter, stance in said.items():
        lines.append(f"{item}{mark}{letter}{mark}{colon} {value_mark}{case(stance)}{value_mark}")
    lines.append(field("confidence", f"{confidence}{draw(st.sampled_from(['', '%', '/100']))}"))
    lines.append(field("changed", "yes" if changed else "no"))
    lines.append(field("position", "We wait."))
    text = gap.join(lines)
    fence = draw(
        st.sampled_from(["{}", "```\n{}\n```", "Prose first.\n\n{}", "{}\n\nProse at the end: agree."])
    )
    return fence.format(text), said, confidence, changed


@given(written())
def test_the_form_survives_its_decoration(example):
    text, said, confidence, changed = example
    reading = read(text, "A", ["B", "C"])
    assert (dict(reading.stances), reading.confidence, reading.changed) == (said, confidence, changed)
    assert reading.position == "We wait."
