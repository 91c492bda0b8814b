# ruff: noqa: RUF001 - dashes and full-width forms are meant
"""The grammar of places: files and lines in all the forms in which they are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lok_core.findings.linenumbers import lines_in
from lok_core.findings.places import places

FORMS = {
    "src/a.py:12": [("src/a.py", 12, None)],
    "`src/a.py:12-20`": [("src/a.py", 12, 20)],
    "src/a.py:12:5": [("src/a.py", 12, None)],
    "src/a.py:12-20, 30-40": [("src/a.py", 12, 20), ("src/a.py", 30, 40)],
    "tool/run.py:99,314": [("tool/run.py", 99, None), ("tool/run.py", 314, None)],
    "`x.md`:145": [("x.md", 145, None)],
    "**src/a.py**:3": [("src/a.py", 3, None)],
    "src/a.py#L10-L20": [("src/a.py", 10, 20)],
    "src/a.py:L10-L20": [("src/a.py", 10, 20)],
    "src/a.py L10": [("src/a.py", 10, None)],
    "src/a.py (lines 12-19)": [("src/a.py", 12, 19)],
    "src/a.py (18-21)": [("src/a.py", 18, 21)],
    "lib/check.sh line 130 (inside a function)": [("lib/check.sh", 130, None)],
    "line 42 of src/a.py": [("src/a.py", 42, None)],
    "lines 10-20 in `src/a.py`": [("src/a.py", 10, 20)],
    "In start.sh around lines 1 to 3, nothing": [("start.sh", 1, 3)],
    "In `a.py`, the loop at line 12 fails": [("a.py", 12, None)],
    "【F:src/a.py†L188-L213】": [("src/a.py", 188, 213)],
    "a.ts 第47-66行": [("a.ts", 47, 66)],
    "`a.ts` 第16、23行": [("a.ts", 16, None), ("a.ts", 23, None)],
    "a.kt Zeile 12": [("a.kt", 12, None)],
    "a.go, Zeilen 3–5": [("a.go", 3, 5)],
    "alla riga 64 di `a.ts`": [("a.ts", 64, None)],
    "`a.php`, lignes 74 à 81": [("a.php", 74, 81)],
    "`a.kt` 12번째 줄": [("a.kt", 12, None)],
    r"C:\app\b.cs:12": [(r"C:\app\b.cs", 12, None)],
    "C:/app/b.cs#L13": [("C:/app/b.cs", 13, None)],
    '"C:\\Program Files\\app\\set up.json" line 4': [(r"C:\Program Files\app\set up.json", 4, None)],
    "src/app/[id]/+page.svelte:46": [("src/app/[id]/+page.svelte", 46, None)],
    "app/(shop)/[...slug]/page.tsx#L8": [("app/(shop)/[...slug]/page.tsx", 8, None)],
    "src/__tests__/use.test.ts": [("src/__tests__/use.test.ts", None, None)],
    "`app.py:Progress.send`": [("app.py", None, None)],
    ".env and .gitignore": [(".env", None, None), (".gitignore", None, None)],
    "docker/Dockerfile:9": [("docker/Dockerfile", 9, None)],
    "at line 60 of bin/gw-bounce it": [("bin/gw-bounce", 60, None)],
    "src/a.py:12で": [("src/a.py", 12, None)],
}


@pytest.mark.parametrize(("text", "expected"), FORMS.items())
def test_a_place_is_read_in_every_form(text, expected):
    assert [(place.path, place.line, place.end_line) for place in places(text)] == expected


@pytest.mark.parametrize(
    "text",
    [
        "at 12:30:05 on Node.js 18.2",
        "localhost:8080 and example.com:443",
        "https://example.com/a.py:12",
        "response.json() and config.get",
        "e.g. this, i.e. that, and/or both",
        "version 1.2.3, v0.10.1",
        "`*.py` and `/api/admin`",
        "/etc/hosts, /mnt/data",
        "System.Text.Json and ASP.NET",
    ],
)
def test_what_is_no_file_gives_no_place(text):
    assert list(places(text)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Line: 1 to 3", [(1, 3)]),
        ("Lines 4, 8 and 10-12", [(4, None), (8, None), (10, 12)]),
        ("L12-L14", [(12, 14)]),
        ("第47-66行", [(47, 66)]),
        ("12-19", [(12, 19)]),
        ("none", []),
    ],
)
def test_lines_are_read_without_a_file(text, expected):
    assert lines_in(text, bare=True) == expected


@given(st.text(max_size=300))
def test_no_text_breaks_the_grammar_and_lines_are_positive(text):
    for place in places(text):
        assert 0 <= place.start <= place.stop <= len(text)
        assert place.line is None or place.line > 0
        assert place.end_line is None or (place.line is not None and place.end_line > place.line)
