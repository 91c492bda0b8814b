# ruff: noqa: E501 - answers as they are written
"""Answers that tell no problem, however much they look like a review."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

SILENT = {
    "refusal": "I'm sorry, but I can't help with finding exploits in `api/login.php:10-40`.",
    "no access": "I could not access the repository. Please provide the content of src/main.py:1-80.",
    "error text": "API error: 429 rate limit exceeded (request 12:30:05), retry after 20 s",
    "stack trace": (
        "Traceback (most recent call last):\n"
        '  File "/srv/app/run.py", line 12, in main\n'
        "    start()\n"
        '  File "/srv/app/boot.py", line 40, in start\n'
        "ValueError: no port"
    ),
    "log": (
        "2025-03-01T10:20:30Z INFO worker.py:20 started\n"
        "2025-03-01T10:20:31Z ERROR store.py:44 lost connection\n"
    ),
    "test run": (
        "tests/test_a.py:10: in run\n    go()\nsrc/a.py:33: KeyError\nFAILED tests/test_a.py::test_go - KeyError"
    ),
    "praise": "## Strengths\n\n- `src/cache.py:10-40` is easy to follow\n- good tests in `tests/test_cache.py`\n",
    "template": (
        "## Findings\n\n### Finding 1\n- **Severity:**\n- **File:**\n- **Description:**\n\n"
        "### [SEVERITY] Title of the finding\n- **File:** `path/to/file.ext:LINE`\n- **Description:**\n"
    ),
    "scope": "## Scope\n\n- `src/a.py` (changed)\n- `src/b.py:1-90` (new)\n",
    "counts": "## Summary\n\n| Severity | Count |\n|---|---|\n| High | 2 |\n| Low | 1 |\n",
    "files changed": (
        "### Files changed\n\n- `src/a.py` - adds a cache\n- `src/b.py` - uses it\n- `tests/test_a.py` - 4 tests\n"
    ),
    "walk-through": (
        "## How a job travels through the queue\n\n"
        "1. **Submit** (`queue/submit.go:10-40`)\n   Puts the job into the table.\n\n"
        "2. **Claim** (`queue/claim.go:12`)\n   A worker takes it.\n\n"
        "3. **Finish** (`queue/finish.go:33`)\n   The row goes.\n"
    ),
    "ticked": "### Verified\n\n- [x] `src/a.py:10` handles None, OK\n- [x] `src/b.py:20` closes the file, OK\n",
    "empty": "",
    "blank": " \n\n\t\n",
}


@pytest.mark.parametrize("text", SILENT.values(), ids=SILENT)
def test_what_is_no_review_tells_no_problem(text):
    assert told(text).problems == ()


CLEAN = [
    "No issues found.",
    "I read all of src/a.py:1-300 and found no problems.",
    "LGTM",
    "## Verdict\n\nApproved, nothing to report.",
    "Es wurden keine Fehler gefunden.",
    "Aucun problème trouvé.",
    "未发现问题。",
    "問題は見つかりませんでした。",
    '{"findings": []}',
    '```json\n{"summary": "read it all", "issues": []}\n```',
]


@pytest.mark.parametrize("text", CLEAN)
def test_an_answer_that_says_so_is_clean(text):
    telling = told(text)
    assert (telling.problems, telling.clean, telling.unparsed_locations) == ((), True, 0)


@pytest.mark.parametrize("name", ["refusal", "no access", "error text", "stack trace", "template", "empty"])
def test_a_failure_is_no_clean_bill(name):
    assert not told(SILENT[name]).clean


def test_places_without_a_problem_are_counted():
    telling = told("Before I go on: do you mean src/a.py or src/b.py?")
    assert (telling.problems, telling.clean, telling.unparsed_locations) == ((), False, 2)
