"""What an answer tells, whatever its shape: measured on reviews of our own, and never an exception."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lok_core.findings.blocks import Block
from lok_core.findings.candidates import Context
from lok_core.findings.tables import table_candidates
from lok_core.findings.told import told

REVIEWS = Path(__file__).parent / "data" / "reviews"
LABELS = sorted((REVIEWS / "expected").glob("*.json"))


def same_file(one, other):
    parts = [re.sub(r"^(\.\.?/)+", "", path.replace("\\", "/")).split("/") for path in (one, other)]
    shorter = min(map(len, parts))
    return parts[0][-shorter:] == parts[1][-shorter:]


def places_told(name):
    problems = told((REVIEWS / "samples" / f"{name}.md").read_text()).problems
    firsts = [problem.locations[0] if problem.locations else None for problem in problems]
    return [(place.path, place.line) if place else (None, None) for place in firsts]


def hits(found, wanted):
    """How many of the wanted places are found, each found one counting once."""
    left, count = list(found), 0
    for path, line in wanted:
        for one in left:
            if (
                one[1] == line
                and (one[0] is None) == (path is None)
                and (path is None or same_file(one[0], path))
            ):
                left.remove(one)
                count += 1
                break
    return count


@pytest.mark.parametrize("label", LABELS, ids=lambda label: label.stem)
def test_a_review_tells_as_many_problems_as_it_has(label):
    wanted = json.loads(label.read_text())["findings"]
    found = places_told(label.stem)
    assert len(found) == len(wanted)
    right = hits(found, [(one["file"], one["line_start"]) for one in wanted])
    assert right >= len(wanted) - 1  # two of the 280 places are known to be read otherwise


def test_nearly_all_places_are_right():
    right = expected = 0
    for label in LABELS:
        wanted = [(one["file"], one["line_start"]) for one in json.loads(label.read_text())["findings"]]
        right += hits(places_told(label.stem), wanted)
        expected += len(wanted)
    assert right / expected >= 0.98


ITEM = "1. **[High] `app/db.py:12`** The name goes into the statement\n   Use a bound parameter.\n"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("**", ""),
        lambda text: text.replace("`", ""),
        lambda text: "    " + text.replace("\n", "\n    "),
        lambda text: f"```markdown\n{text}\n```",
        lambda text: f"# Review\n\n## Findings\n\n{text}",
        lambda text: "• " + text.replace("\n", "\n  "),
        lambda text: "\ufeff" + text,
        lambda text: text.replace("1. ", "- "),
        lambda text: text.replace("1. ", "- [ ] "),
        lambda text: text.replace(":12`", "#L12`"),
        lambda text: text.replace(":12`", "` line 12"),
        lambda text: text.replace(":12`", " (lines 12-14)`"),
        lambda text: text.replace("app/db.py", "app\\db.py"),
        lambda text: text.replace("[High]", "[P1]"),
        lambda text: text.replace("[High]", "🟠"),
        lambda text: f"{text}\n{text}",
    ],
)
def test_the_same_problem_in_another_shape(change):
    (problem,) = told(change(ITEM)).problems
    (place, *_) = problem.locations
    assert (place.path.replace("\\", "/"), place.line) == ("app/db.py", 12)
    assert problem.severity == "high"
    assert "The name goes into the statement" in problem.title


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        'API Error: 429 {"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}',
        "I'm sorry, but I can't help with that.",
        "### Finding 1\n- **Severity:**\n- **File:**\n- **Description:**\n",
        'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\n    f()\nValueError: x\n',
        "All good: `app/db.py:12` uses bound parameters, and `app/api.py:3` validates its input. Nice work!",
    ],
)
def test_what_is_no_problem_tells_none(text):
    assert told(text).problems == ()


@pytest.mark.parametrize(
    "text", ["No issues found.", "I read all files and found no problems.", '{"findings": []}']
)
def test_a_clean_bill_is_recognised(text):
    telling = told(text)
    assert (telling.problems, telling.clean) == ((), True)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text,
        lambda text: f"```json\n{text}\n```",
        lambda text: f"Here are the findings:\n\n{text}\n\nLet me know.",
        lambda text: text[:-1] + ",]" if text.endswith("]") else text,
        lambda text: text[:-3],
    ],
)
def test_json_is_read_in_any_wrapping(wrap):
    items = [
        {"file": "a.py", "line": 3, "severity": "high", "title": "Off by one"},
        {"file": "b.py", "line": 4, "severity": "low", "title": "Unused name"},
    ]
    found = told(wrap(json.dumps(items))).problems
    assert [(problem.title, problem.locations[0].line) for problem in found] == [
        ("Off by one", 3),
        ("Unused name", 4),
    ]


def test_blocks_of_one_shape_are_problems_where_no_word_says_so():
    text = "# Notes on the draft\n\n" + "".join(
        f"- The {word} of the ledger is kept twice, once here and once below (`src/{word}.rs:{line}`)\n"
        for line, word in enumerate(["head", "body", "tail"], 10)
    )
    assert [problem.locations[0].line for problem in told(text).problems] == [10, 11, 12]


def test_what_is_cut_is_said():
    telling = told("x" * 1_100_000)
    assert any("1,000,000 characters" in cut for cut in telling.cut)


WORDS = st.sampled_from(
    [
        *("- ", "1. ", "# ", "**", "`", "a/b.py:3", "a.py", "|", "\n", "\n\n", "High", "```\n", "{", '"'),
        *("[", "]", "}", ":", ",", "line 4", "【F:a.py†L3】", "•", "P1", "<details>", "---\n", "\x00"),
        *("\ud800", "第3行", "    "),
    ]
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.lists(WORDS | st.text(max_size=5), max_size=60).map("".join))
def test_no_text_whatever_raises(text):
    told(text)


@settings(max_examples=60, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["findings", "file", "line", "title", "severity", "x"]), inner)
        ),
    ),
    st.integers(0, 40),
)
def test_no_json_whatever_raises(data, cut):
    text = json.dumps(data)
    told(text[: len(text) - cut])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(ITEM.encode()) - 1), st.binary(max_size=3))
def test_no_torn_utf8_whatever_raises(at, torn):
    told((ITEM.encode()[:at] + torn).decode(errors="surrogateescape"))
    told((ITEM.encode()[:at] + torn).decode(errors="replace"))


@pytest.mark.parametrize(
    "text",
    [
        "The cookie in `app.py:3` is unpickled. I did not find any problem in `payments.py`.",
        "Apart from the cookie in app.py:3, which is unpickled, I found no issues.",
        "I found no issues with the tests, but `app.py:57` unpickles a cookie.",
        "In worker/main.go:49 the target is passed to the shell. No issues found in the tests.",
    ],
)
def test_a_clean_bill_for_a_part_is_none(text):
    assert not told(text).clean


def test_bold_titles_with_a_place_behind_them_are_headings():
    text = (
        "**1. Unsafe pickle** (`service/app.py`, lines 57-60)\n\nA cookie is unpickled.\n\n"
        "**2. Private key committed** (`config/deploy_key.pem`)\n\nThe key is in the repository.\n"
    )
    found = [(one.title, one.locations[0].path, one.locations[0].line) for one in told(text).problems]
    assert found == [
        ("Unsafe pickle", "service/app.py", 57),
        ("Private key committed", "config/deploy_key.pem", None),
    ]


@pytest.mark.parametrize(
    "text",
    ["- HIGH `a.c:30`: too small\n- LOW `a.c:3`: unused\n", "### HIGH Too small (a.c:30)\n\nSo it is.\n"],
)
def test_a_severity_in_capitals_is_one(text):
    first = told(text).problems[0]
    assert (first.severity, first.title.lower()) == ("high", "too small")


@pytest.mark.parametrize(
    "title", ["MD5 hashes passwords", "S3 bucket is public", "SHA-1 signs tokens", "H2 console is open"]
)
def test_a_title_keeps_a_first_word_that_looks_like_an_id(title):
    (problem,) = told(f"- {title}: `app/db.py:3`\n").problems
    assert problem.title == title


def test_a_table_without_rows_tells_nothing():
    assert table_candidates(Block("table"), Context()) == []
