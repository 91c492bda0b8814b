"""Reviews told as tables by the role of their columns: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "one_for_each_level": (
        """\
## Critical

| File | Line | Problem |
|------|------|---------|
| api/upload.go | 55 | Path is not cleaned |

## Minor

| File | Line | Problem |
|------|------|---------|
| api/list.go | 12 | Page size has no limit |
| api/list.go | 40 | `a | b` is evaluated twice |
""",
        [("api/upload.go", 55), ("api/list.go", 12), ("api/list.go", 40)],
    ),
    "bars_within_cells": (
        """\
| ID | Severity | Location | Description |
|----|----------|----------|-------------|
| 1 | High | src/eval.c:90 | The mask uses a | b where a & b is meant |
| 2 | Low | src/eval.c:120 | Unused label |
""",
        [("src/eval.c", 90), ("src/eval.c", 120)],
    ),
    "signs_as_severities": (
        """\
| Sev | Where | What |
|:-:|---|---|
| 🔴 | `a/b.ts:1` | The token is logged |
| 🟡 | `a/c.ts:2` | The list is copied for each item |
""",
        [("a/b.ts", 1), ("a/c.ts", 2)],
    ),
    "summary_then_details": (
        """\
## Summary

| # | Severity | Title |
|---|---|---|
| 1 | High | Token in URL |
| 2 | Low | Long function |

## Details

### 1. Token in URL
`api/link.py:12` puts the token into the query string.

### 2. Long function
`api/link.py:40-190` has 150 lines.
""",
        [("api/link.py", 12), ("api/link.py", 40)],
    ),
    "comma_separated": (
        """\
```csv
file,line,severity,message
src/a.c,12,high,"Buffer is too small, it overflows"
src/b.c,7,low,Unused include
```
""",
        [("src/a.c", 12), ("src/b.c", 7)],
    ),
    "place_and_text_in_one_cell": (
        """\
| Severity | Issue |
|---|---|
| High | `a/run.py:12` — the result is ignored |
| Low | `a/stop.py:30` — wrong message |
""",
        [("a/run.py", 12), ("a/stop.py", 30)],
    ),
    "lines_within_the_text": (
        """\
| File | Issues |
|---|---|
| `a/run.py` | Line 12: the result is ignored |
| `a/stop.py` | Line 30: wrong message |
""",
        [("a/run.py", 12), ("a/stop.py", 30)],
    ),
    "drawn_with_plus_and_minus": (
        """\
+----------+-------------+------------------------+
| Severity | Location    | Problem                |
+----------+-------------+------------------------+
| high     | src/x.c:10  | The pointer may be null|
| low      | src/y.c:20  | The loop starts at one |
+----------+-------------+------------------------+
""",
        [("src/x.c", 10), ("src/y.c", 20)],
    ),
    "evidence_is_the_place": (
        """\
| ID | Finding | Evidence | Severity |
|---|---|---|---|
| A1 | Token is never revoked | `auth/token.py:10` | High |
| A2 | Passwords are truncated | `auth/hash.py:22-24` | Low |
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "checks_with_a_status": (
        """\
| Check | Status | Details |
|---|---|---|
| Revocation | ❌ Fail | `auth/token.py:10` keeps tokens valid |
| Hashing | ⚠️ Warning | `auth/hash.py:22` truncates passwords |
| Storage | ✅ Pass | `auth/db.py:3` is fine |
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
