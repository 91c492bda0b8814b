# ruff: noqa: E501 - reviews as they are written
"""Reviews told as records, paragraphs, tags and lines: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "finding_n_then_labels": (
        """\
Finding 1: Tokens never expire
File: auth/token.go, line 33
Severity: High
The expiry is computed in seconds but compared with milliseconds.

Finding 2: Missing lock
File: auth/cache.go, lines 10-22
Severity: Medium
Two goroutines write the map.
""",
        [("auth/token.go", 33), ("auth/cache.go", 10)],
    ),
    "a_line_each": (
        """\
[HIGH] src/net/socket.rs:45 - Buffer is read past its end
[MEDIUM] src/net/socket.rs:99 - Timeout is ignored
[LOW] src/net/mod.rs:3 - Unused import
""",
        [("src/net/socket.rs", 45), ("src/net/socket.rs", 99), ("src/net/mod.rs", 3)],
    ),
    "records_between_rules": (
        """\
**SQL injection in search**
- Severity: critical
- File: app/search.py
- Line: 20

User input is put into the statement.

---

**Slow report**
- Severity: low
- File: app/report.py
- Line: 90

The loop runs a query for each row.
""",
        [("app/search.py", 20), ("app/report.py", 90)],
    ),
    "each_begins_with_its_place": (
        """\
src/a/lexer.ml:31 — The comment depth is not reset, so a second file is read as one comment.

src/a/parser.ml:120-124 — Precedence of unary minus is wrong.

src/a/eval.ml:9 — Unused module.
""",
        [("src/a/lexer.ml", 31), ("src/a/parser.ml", 120), ("src/a/eval.ml", 9)],
    ),
    "comments_below_a_diff": (
        """\
diff --git a/src/app.py b/src/app.py
@@ -10,6 +10,9 @@ def run():
+    data = load()

> src/app.py:12
> `load` can return None here; the next line fails.

> src/app.py:19
> Please close the file.
""",
        [("src/app.py", 12), ("src/app.py", 19)],
    ),
    "places_within_sentences": (
        """\
The most serious problem is in `billing/invoice.py` at line 87, where the rounding happens before the tax is added. This makes totals wrong by a cent.

A second problem: `billing/export.py` (lines 14-20) writes the file without a lock, so two exports overwrite each other.

Otherwise `billing/models.py` looks good.
""",
        [("billing/invoice.py", 87), ("billing/export.py", 14)],
    ),
    "bold_labels": (
        """\
**Issue 1**
**Severity**: High
**File**: src/io/reader.go
**Line**: 71
**Description**: The reader is not closed.

**Issue 2**
**Severity**: Low
**File**: src/io/writer.go
**Line**: 12
**Description**: The error is dropped.
""",
        [("src/io/reader.go", 71), ("src/io/writer.go", 12)],
    ),
    "file_then_a_line_each": (
        """\
FILE: src/alpha.c
  Line 20: buffer is not terminated
  Line 44: return value of read() ignored

FILE: src/beta.c
  Line 7: leak of `fd` on error
""",
        [("src/alpha.c", 20), ("src/alpha.c", 44), ("src/beta.c", 7)],
    ),
    "evidence_in_fences": (
        """\
**Bug:** off by one
**Location:** `sort/heap.go:44`
**Evidence:**
```go
for i := 0; i <= n; i++ {
```

**Bug:** wrong comparison
**Location:** `sort/heap.go:61`
**Evidence:**
```go
if a > a {
```
""",
        [("sort/heap.go", 44), ("sort/heap.go", 61)],
    ),
    "tags": (
        """\
<review>
<finding severity="high">
<file>lib/mail.php</file>
<line>77</line>
<title>Header injection</title>
<description>The subject is not checked for line breaks.</description>
</finding>
<finding severity="low">
<file>lib/log.php</file>
<line>5</line>
<title>Unused constant</title>
<description>LEVEL is never read.</description>
</finding>
</review>
""",
        [("lib/mail.php", 77), ("lib/log.php", 5)],
    ),
    "tags_on_one_line": (
        """\
<findings>
  <finding><file>lib/mail.php</file><line>77</line><severity>high</severity><message>The subject is not checked.</message></finding>
  <finding><file>lib/log.php</file><line>5</line><severity>low</severity><message>LEVEL is never read.</message></finding>
</findings>
""",
        [("lib/mail.php", 77), ("lib/log.php", 5)],
    ),
    "yaml": (
        """\
- file: src/run.py
  line: 12
  severity: high
  message: The result is never checked.
- file: src/run.py
  line: 40
  severity: low
  message: Shadowed name.
""",
        [("src/run.py", 12), ("src/run.py", 40)],
    ),
    "yaml_in_a_fence": (
        """\
Here are my findings:

```yaml
findings:
  - title: The result is never checked
    file: src/run.py
    line: 12
    severity: high
  - title: Shadowed name
    file: src/run.py
    line: 40
    severity: low
```
""",
        [("src/run.py", 12), ("src/run.py", 40)],
    ),
    "fenced_list": (
        """\
Result of the review:

```
[HIGH] src/net/a.rs:45 - Buffer is read past its end
[LOW] src/net/b.rs:99 - Timeout is ignored by the caller
```
""",
        [("src/net/a.rs", 45), ("src/net/b.rs", 99)],
    ),
    "linter_lines": (
        """\
src/a.py:12:5: warning: the variable total is never used
src/b.py:3:1: error: name Foo is not defined
""",
        [("src/a.py", 12), ("src/b.py", 3)],
    ),
    "place_in_bold_brackets": (
        """\
**[src/a.c:12]** The buffer is too small.

**[src/b.c:7]** The include is not needed.
""",
        [("src/a.c", 12), ("src/b.c", 7)],
    ),
    "labels_in_lower_case": (
        """\
severity: high
file: core/io.py
line: 20
issue: The file is never closed.

severity: low
file: core/io.py
line: 64
issue: The encoding is not given.
""",
        [("core/io.py", 20), ("core/io.py", 64)],
    ),
    "labels_between_bars": (
        """\
**1. Missing check** | Severity: High | File: src/x.c:10
The pointer may be null.

**2. Wrong index** | Severity: Low | File: src/y.c:20
The loop starts at one.
""",
        [("src/x.c", 10), ("src/y.c", 20)],
    ),
    "labels_that_return": (
        """\
- Finding: The pointer may be null
  Location: src/x.c:10
  Severity: High
- Finding: The loop starts at one
  Location: src/y.c:20
  Severity: Low
""",
        [("src/x.c", 10), ("src/y.c", 20)],
    ),
    "place_above_the_text": (
        """\
src/x.c:10
The pointer may be null here.

src/y.c:20
The loop starts at one.
""",
        [("src/x.c", 10), ("src/y.c", 20)],
    ),
    "signs_as_severities": (
        """\
🔴 **Token is never revoked** `auth/token.py:10`
Logout only clears the cookie.

🟡 **Passwords are truncated** `auth/hash.py:22`
Only 72 bytes count.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "place_in_bold": (
        """\
**auth/token.py:10** The token stays valid after logout.

**auth/hash.py:22** The password is cut at 72 bytes.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "frame_around_all": (
        """\
╭──────────────────────────────────────────────╮
│ Findings                                     │
│                                              │
│ 1. High: Token is never revoked              │
│    auth/token.py:10                          │
│ 2. Low: Passwords are truncated              │
│    auth/hash.py:22                           │
╰──────────────────────────────────────────────╯
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "problem_n_as_label": (
        """\
Problem 1: Token is never revoked.
Where: auth/token.py line 10.
Why it matters: Sessions can be stolen.

Problem 2: Passwords are truncated.
Where: auth/hash.py line 22.
Why it matters: They are weaker than they look.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "records_between_long_rules": (
        """\
File: auth/token.py
Line: 10
Token is never revoked
----------------------------------------
File: auth/hash.py
Line: 22
Passwords are truncated
----------------------------------------
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
