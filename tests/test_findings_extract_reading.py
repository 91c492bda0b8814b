# ruff: noqa: E501 - reviews as they are written
"""What is read out of a problem: title, severity, category, further places, evidence; and that it is told once."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told
from lok_core.outcome import Location


def only(text):
    (problem,) = told(text).problems
    return problem


SEVERITIES = {
    "- **[Critical]** `a/x.py:3` drops the table": "critical",
    "- [P0] Table is dropped — a/x.py:3": "critical",
    "- [P1] Table is dropped — a/x.py:3-3": "high",
    "- Major: `a/x.py:3` drops the table": "high",
    "- 🟠 `a/x.py:3` drops the table": "high",
    "- Medium-High: `a/x.py:3` drops the table": "medium",
    "- **Warning** `a/x.py:3` drops the table": "medium",
    "- P3: `a/x.py:3` drops the table": "low",
    "- `a/x.py:3` drops the table. Low.": "low",
    "- [nit] `a/x.py:3` has a long name": "info",
    "- `a/x.py:3` drops the table (severity: high)": "high",
    "1. Schweregrad: hoch. Datei: `a/x.py:3`. Beschreibung: Die Tabelle geht verloren.": "high",
    "| 严重程度 | 位置 | 问题 |\n|---|---|---|\n| 高 | a/x.py:3 | 数据表会被删除 |": "high",
    "### Table is dropped\n\n- **Severity:** 🔴 High\n- **File:** a/x.py:3\n- **Issue:** no check": "high",
    "## 🔴 Critical\n\n### 1. Table is dropped\n`a/x.py:3`": "critical",
    "## Critical\n\n### 1. [Low] Table is dropped\n`a/x.py:3`": "low",
    "- `a/x.py:3` drops the table": None,
    "## Error handling\n\n- `a/x.py:3` swallows what goes wrong there": None,
}


@pytest.mark.parametrize(("text", "severity"), SEVERITIES.items())
def test_the_severity_is_what_the_text_gives(text, severity):
    assert only(text).severity == severity


TITLES = {
    "1. **High** — `a/x.py:3` — The table is dropped": "The table is dropped",
    "### [P1] The table is dropped (`a/x.py:3`)\nNothing checks the name.": "The table is dropped",
    "- **The table is dropped** (a/x.py:3): nothing checks the name.": "The table is dropped",
    "a/x.py:3: The table is dropped. Nothing checks the name.": "The table is dropped",
    "### Finding 1\n- **File:** a/x.py:3\n- **Issue:** The table is dropped. It was needed.": "The table is dropped",
    "### SEC-1: The table is dropped\n**Location:** `a/x.py:3`": "The table is dropped",
}


@pytest.mark.parametrize(("text", "title"), TITLES.items())
def test_the_title_is_bare_of_marks_places_and_levels(text, title):
    assert only(text).title == title


def test_further_places_follow_the_first():
    problem = only(
        "### 1. The lock is not released (High)\n\n**Location:** `q/lock.go:10-20`\n\n"
        "The caller in `q/run.go:44` waits for ever, see also `q/run.go:90`.\n"
    )
    assert problem.locations == (
        Location("q/lock.go", 10, 20),
        Location("q/run.go", 44),
        Location("q/run.go", 90),
    )


def test_the_place_of_a_fix_is_not_the_place_of_the_problem():
    problem = only(
        "1. **Missing export** (High)\n   - Location: lib/net.sh\n   - Fix: add it in lib/all.sh line 30\n"
    )
    assert problem.locations[0] == Location("lib/net.sh")


def test_a_fence_that_cites_its_place_gives_the_line():
    problem = only(
        "### High: The file is never closed\n**Location:** `io/load.py`\n\n```20:24:io/load.py\nopen(name)\n```\n"
    )
    assert (problem.locations[0], problem.quote) == (Location("io/load.py", 20, 24), "open(name)")


def test_code_below_a_label_is_the_quote():
    problem = only("**Bug:** off by one\n**Location:** `a/x.go:4`\n**Code:** `for i := 0; i <= n; i++`\n")
    assert problem.quote == "for i := 0; i <= n; i++"


def test_a_category_that_the_text_names_is_kept():
    problem = only(
        "### Finding 1\n- **Category:** Performance\n- **File:** a/x.py:3\n- **Issue:** a full scan\n"
    )
    assert problem.category == "performance"


def test_a_list_that_is_printed_twice_tells_each_problem_once():
    answer = "- [P1] Table is dropped — a/x.py:3-4\n  Nothing checks it.\n\n- [P3] Typo — a/y.py:9\n  In the help.\n"
    assert len(told(f"{answer}\nFull review comments:\n\n{answer}").problems) == 2


def test_a_table_and_the_details_below_it_are_one_telling():
    telling = told(
        "| # | Severity | Location | Issue |\n|---|---|---|---|\n| 1 | High | x.py:3 | Table is dropped |\n\n"
        "## Details\n\n### 1. The table is dropped without a check\n**Location:** `a/x.py:3`\n\nIt was needed.\n"
    )
    (problem,) = telling.problems
    assert (problem.severity, problem.locations[0].line) == ("high", 3)


def test_two_problems_on_one_line_stay_two():
    telling = told("- High: `a/x.py:3` drops the table\n- Low: `a/x.py:3` logs the password of the caller\n")
    assert len(telling.problems) == 2


def test_what_works_is_left_out_of_a_mixed_list():
    telling = told(
        "## Review\n- Good: `a/x.py:1` is typed\n- Issue: `a/x.py:3` drops the table\n- ✅ `a/y.py:1` fine\n"
    )
    assert [problem.locations[0].line for problem in telling.problems] == [3]
