# ruff: noqa: E501, RUF001 - pieces of reviews as they are written
"""Any text is read without an exception and within bounds, and the result says what a bound cut."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.findings.choose import MAX_FINDINGS
from lok_core.findings.text import MAX_CHARACTERS
from lok_core.findings.told import MAX_LINES, told

REVIEWS = Path(__file__).parent / "data" / "reviews"

PIECES = st.sampled_from(
    [
        "# ", "## Findings", "- ", "1. ", "**High**", "`a/b.py:3`", "| a | b |", "|---|---|", "```", "---", "===",
        "File: x.py", "Line: 3", "<details>", "<summary>", "</details>", "> ", "[x](y.py#L3)", "{", "[", '"file": "a.py"',
        "\n", "\n\n", "    ", "\x1b[1m", "\ud800", "\u202e", "\0", "问题：", "位置", "✅", "🔴", "\\", "(", "【", "†", "No issues",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["file", "line", "title", "severity", "findings", "location", "lines", "x"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.text(max_size=400) | st.lists(PIECES | st.text(max_size=8), max_size=40).map("".join))
@settings(deadline=None)
def test_no_text_raises(text):
    telling = told(text)
    assert all(problem.title for problem in telling.problems)
    assert not (telling.clean and telling.problems)


@given(JSON, st.booleans())
@settings(deadline=None)
def test_no_json_raises(value, cut):
    text = json.dumps(value)
    told(text[: len(text) * 2 // 3] if cut else text)


@given(st.binary(max_size=300))
@settings(deadline=None)
def test_no_broken_encoding_raises(raw):
    told(raw.decode(errors="replace"))
    told(raw.decode(errors="surrogateescape"))


def test_the_size_is_bounded_and_said_so():
    telling = told("word " * (MAX_CHARACTERS // 4))
    assert telling.cut == (f"only the first {MAX_CHARACTERS:,} characters of the answer were read",)


def test_the_lines_are_bounded_and_said_so():
    telling = told("just a line\n" * (MAX_LINES + 10))
    assert telling.cut == (f"only the first {MAX_LINES:,} lines of the answer were read",)


@pytest.mark.slow
def test_the_findings_are_bounded_and_said_so():
    items = [
        {"title": f"value {n} is lost", "file": f"m{n}.py", "line": n} for n in range(1, MAX_FINDINGS + 100)
    ]
    telling = told(json.dumps({"findings": items}, indent=1))
    assert len(telling.problems) == MAX_FINDINGS
    assert telling.cut == (f"only the first {MAX_FINDINGS:,} findings of the answer were kept",)


@pytest.mark.parametrize(
    "piece", ["[", "{", '{"a":', "[[1],", "<details><summary>a</summary>\n", "> " * 50, "  - a\n   "]
)
def test_depth_is_no_danger(piece):
    told(piece * 5_000)


def by_line(change):
    """The change made on all lines outside of fences."""

    def changed(text):
        lines, fenced = [], False
        for line in text.split("\n"):
            fence = line.lstrip().startswith("```")
            lines.append(line if fenced or fence else change(line))
            fenced = fenced != fence
        return "\n".join(lines)

    return changed


VARIANTS = {
    "crlf": lambda text: text.replace("\n", "\r\n"),
    "stars": by_line(lambda line: re.sub(r"^(\s*)- ", r"\1* ", line)),
    "dots": by_line(lambda line: re.sub(r"^(\s*)[-*] ", r"\1• ", line)),
    "indented by 2": by_line(lambda line: f"  {line}"),
    "fenced": lambda text: f"````markdown\n{text}\n````",
    "deeper headings": by_line(lambda line: f"#{line}" if re.match(r"#{1,5} ", line) else line),
    "a title": lambda text: f"# Code review report\n\n{text}",
    "parentheses": by_line(lambda line: re.sub(r"^(\s*\d+)\. ", r"\1) ", line)),
}
PROSE = [
    path for path in sorted((REVIEWS / "samples").glob("*.md")) if path.read_text().lstrip()[:1] not in "{[`"
]


@pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS)
def test_dress_changes_little(change):
    """The same problems at the same places in another dress; a few may get lost, none may be added."""
    same = total = added = 0
    for path in PROSE:
        text = path.read_text(encoding="utf-8")
        plain, dressed = (
            {problem.locations[:1] for problem in told(one).problems} for one in (text, change(text))
        )
        same += len(plain & dressed)
        total += len(plain)
        added += len(dressed - plain)
    assert same >= 0.98 * total
    assert added <= 0.01 * total
