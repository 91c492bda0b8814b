# ruff: noqa: E501, RUF001 - reviews as they are written
"""Reviews told as a heading for each finding, file, severity or category: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "path_and_range_with_a_badge": (
        """\
### app/models/order.rb (18-21)

![high](https://example.org/badges/high.svg)

The total is computed before the discount is applied.

### app/models/cart.rb (40)

![medium](https://example.org/badges/medium.svg)

An empty cart raises `NoMethodError`.
""",
        [("app/models/order.rb", 18), ("app/models/cart.rb", 40)],
    ),
    "bot_with_badges_and_suggestions": (
        """\
## Code Review

This pull request adds a cache. I found one critical problem.

#### cache/store.ts (33-41)

![critical](https://www.gstatic.com/x/critical.svg)

The key does not contain the tenant, so one tenant can read the values of another. Please add the id:

```suggestion
const key = `${tenant}:${name}`;
```

#### cache/evict.ts (7)

![low](https://www.gstatic.com/x/low.svg)

`MAX` is never used.
""",
        [("cache/store.ts", 33), ("cache/evict.ts", 7)],
    ),
    "files_with_bold_lines": (
        """\
### `core/queue.py`

**Line 14**: The lock is taken twice and the worker hangs.

**Lines 40-44**: `pop` returns None for an empty queue but callers expect an exception.

### `core/worker.py`

**Line 3**: The import shadows a builtin.
""",
        [("core/queue.py", 14), ("core/queue.py", 40), ("core/worker.py", 3)],
    ),
    "signs_as_severities": (
        """\
## 🔴 Critical
**Race in the scheduler** (`sched/run.go:51`)
Two workers can take the same job.

## 🟡 Medium
**Log noise** (`sched/log.go:8`)
Every poll writes a line.
""",
        [("sched/run.go", 51), ("sched/log.go", 8)],
    ),
    "issue_numbers": (
        """\
#### Issue #1: Missing await
- Where: `web/api/save.ts` (line 18)
- Why: the response is sent before the data is stored.

#### Issue #2: Any type
- Where: `web/api/types.ts` (line 4)
- Why: it hides a wrong call.
""",
        [("web/api/save.ts", 18), ("web/api/types.ts", 4)],
    ),
    "overview_issues_positives_verdict": (
        """\
I'll analyse the changes.

## Code Review: Session cache

### Overview
The PR adds a cache in front of the session store.

### Issues

**1. Stale sessions after logout** (High)

`src/session/cache.ts:42-50`

`logout()` removes the session from the store only. The cached copy stays valid for ten minutes.

**Suggestion:** invalidate the entry.

**2. Unbounded growth** (Medium)

`src/session/cache.ts:15`

Entries are never evicted.

### Positives
- Clean separation in `src/session/store.ts:1-80`

### Verdict
Request changes.
""",
        [("src/session/cache.ts", 42), ("src/session/cache.ts", 15)],
    ),
    "severity_and_place_on_one_line": (
        """\
# Audit

## F-01 Hard-coded key

Severity: Critical | Location: config/keys.py:3

The signing key is part of the repository.

## F-02 Debug mode

Severity: Low | Location: config/app.py:11

Debug mode is on by default.
""",
        [("config/keys.py", 3), ("config/app.py", 11)],
    ),
    "place_in_italics": (
        """\
### Uncaught rejection in uploader

*Location: `upload/send.js:31`*

The promise has no handler.

### Wrong content type

*Location: `upload/send.js:60`*

Always text/plain.
""",
        [("upload/send.js", 31), ("upload/send.js", 60)],
    ),
    "below_categories": (
        """\
## Security

#### Open redirect
`web/login.py:30` takes the target from the query.

#### Missing CSRF check
`web/forms.py:12` accepts cross-site posts.

## Performance

#### N+1 query
`web/list.py:8` runs one query for each row.
""",
        [("web/login.py", 30), ("web/forms.py", 12), ("web/list.py", 8)],
    ),
    "files_with_bold_severities": (
        """\
## src/core/engine.cpp

**High (line 120):** The iterator is used after the vector was changed.

**Low (line 300):** Unused variable.

## src/core/timer.cpp

**Medium (lines 12-15):** The clock is not monotonic.
""",
        [("src/core/engine.cpp", 120), ("src/core/engine.cpp", 300), ("src/core/timer.cpp", 12)],
    ),
    "places_in_sentences": (
        """\
# Bug report

## 1. Crash when the list is empty

In `ui/list.tsx` the first element is read without a check (line 14).

## 2. Wrong total

`ui/total.tsx` adds the tax twice, see lines 20-24.
""",
        [("ui/list.tsx", 14), ("ui/total.tsx", 20)],
    ),
    "audit_ids": (
        """\
### [H-1] Reentrancy in withdraw

**Affected:** `contracts/Vault.sol#L55-L70`

**Impact:** Funds can be drained.

### [L-1] Floating pragma

**Affected:** `contracts/Vault.sol#L1`

**Impact:** Builds differ.
""",
        [("contracts/Vault.sol", 55), ("contracts/Vault.sol", 1)],
    ),
    "keycap_numbers": (
        """\
### 1️⃣ Missing index
📍 `db/schema.sql:40`
The query scans the table.

### 2️⃣ Wrong type
📍 `db/schema.sql:55`
Amounts are floats.
""",
        [("db/schema.sql", 40), ("db/schema.sql", 55)],
    ),
    "plain_titles": (
        """\
# Review of the importer

### Index is missing on the orders table

The query in `db/orders.sql:40` scans everything.

### Dates are parsed as local time

`load/dates.py:12` ignores the offset.

### Temporary files stay behind

Nothing removes what `load/temp.py:33` creates.
""",
        [("db/orders.sql", 40), ("load/dates.py", 12), ("load/temp.py", 33)],
    ),
    "files_issues_and_lines": (
        """\
## File: src/shop/cart.ts

### Issue 1: Price is taken from the client
Line: 42
The server must look the price up.

### Issue 2: Unused parameter
Lines: 60-61
`locale` is never read.

## File: src/shop/order.ts

### Issue 3: Order can be placed twice
Line: 7
There is no idempotency key.
""",
        [("src/shop/cart.ts", 42), ("src/shop/cart.ts", 60), ("src/shop/order.ts", 7)],
    ),
    "line_ranges": (
        """\
## src/shop/cart.ts

### Lines 42-50: Price is taken from the client

The server must look the price up.

### Line 60: Unused parameter

`locale` is never read.
""",
        [("src/shop/cart.ts", 42), ("src/shop/cart.ts", 60)],
    ),
    "place_dash_title": (
        """\
### `core/io.py:20` – File is never closed

Use a context manager.

### `core/io.py:64` – Encoding is not given

Reading fails on other systems.
""",
        [("core/io.py", 20), ("core/io.py", 64)],
    ),
    "bold_titles_with_lists_of_places": (
        """\
## Issues

**Hard-coded credentials**

Passwords are part of the source in several places:
- `conf/db.py:3`
- `conf/mail.py:8`

**Deprecated calls**

Old functions are still used:
- `lib/time.py:14`
- `lib/rand.py:20`
""",
        [("conf/db.py", 3), ("lib/time.py", 14)],
    ),
    "code_as_evidence": (
        """\
### Bug 1 — `parse()` loops for ever
`text/parse.js` L20–L31

```js
while (i < s.length) {}
```

### Bug 2 — Escapes are lost
`text/parse.js` L77

```js
return s.replace("\\\\", "")
```
""",
        [("text/parse.js", 20), ("text/parse.js", 77)],
    ),
    "severity_in_capitals": (
        """\
### CRITICAL: Remote code execution in template engine
**File(s):** `tpl/engine.rb:30-44`
Details follow.

### LOW: Old copyright year
**File(s):** `LICENSE.md:1`
""",
        [("tpl/engine.rb", 30), ("LICENSE.md", 1)],
    ),
    "function_and_file": (
        """\
#### Missing validation of the amount

**Location**: `PaymentController.handle()` in `pay/PaymentController.java`, lines 40-48
**Risk**: Negative amounts are paid out.

#### Log contains card numbers

**Location**: `pay/Audit.java` (line 12)
**Risk**: Card data leaks.
""",
        [("pay/PaymentController.java", 40), ("pay/Audit.java", 12)],
    ),
    "categories_with_paragraphs": (
        """\
## 1. Correctness

The value in `calc/tax.py:10` is rounded twice.

## 2. Tests

`tests/test_tax.py:30` asserts nothing.
""",
        [("calc/tax.py", 10), ("tests/test_tax.py", 30)],
    ),
    "permalinks_above_bold_titles": (
        """\
### 💡 Codex Review

Here are some automated review suggestions for this pull request.

https://github.com/acme/shop/blob/0a1b2c3d/services/cart/total.py#L31-L36
**<sub><sub>![P1 Badge](https://img.shields.io/badge/P1-orange?style=flat)</sub></sub>  Apply the discount before the tax**

The tax is computed on the full price.

Useful? React with 👍 / 👎.

https://github.com/acme/shop/blob/0a1b2c3d/services/cart/items.py#L8

**<sub><sub>![P2 Badge](https://img.shields.io/badge/P2-yellow?style=flat)</sub></sub>  Keep the order of the items**

A set loses the order in which they were added.
""",
        [("services/cart/total.py", 31), ("services/cart/items.py", 8)],
    ),
    "first_level": (
        """\
# 1. Token is never revoked
**File:** `auth/token.py:10`
Logout only clears the cookie.

# 2. Passwords are truncated
**File:** `auth/hash.py:22`
bcrypt ignores what is beyond 72 bytes.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "component_holds_the_file": (
        """\
### 1. Token is never revoked
- **Component:** `auth/token.py`
- **Lines:** 10-12
- **Details:** Logout only clears the cookie.

### 2. Passwords are truncated
- **Component:** `auth/hash.py`
- **Lines:** 22
- **Details:** Only 72 bytes count.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "severity_label_in_the_heading": (
        """\
### 1. Token is never revoked — Severity: High
Location: auth/token.py:10

### 2. Passwords are truncated — Severity: Low
Location: auth/hash.py:22
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "attributes_in_a_table": (
        """\
### Token is never revoked

| | |
|---|---|
| **Severity** | High |
| **File** | `auth/token.py` |
| **Line** | 10 |

Logout only clears the cookie.

### Passwords are truncated

| | |
|---|---|
| **Severity** | Low |
| **File** | `auth/hash.py` |
| **Line** | 22 |

Only 72 bytes count.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "titles_that_sound_like_sections": (
        """\
### 1. [High] Test coverage missing for priority flow
**File:** `jobs/queue.py:10`
Nothing checks the order.

### 2. [Low] Verified flag overview is stale
**File:** `jobs/view.py:22`
The flag is cached.
""",
        [("jobs/queue.py", 10), ("jobs/view.py", 22)],
    ),
    "files_with_problems_and_suggestions": (
        """\
## src/token.ts

**Problems:**
- Tokens stay valid after logout (line 10)
- Clock skew is ignored (line 33)

**Suggestions:**
- Use a shared clock

## src/hash.ts

**Problems:**
- Passwords are truncated (line 22)
""",
        [("src/token.ts", 10), ("src/token.ts", 33), ("src/hash.ts", 22)],
    ),
    "labels_in_paragraphs": (
        """\
## Critical issues

### Token is never revoked

**Problem:** Logout only clears the cookie.

**Where:** `auth/token.py`, `logout()`, line 10

**Fix:** Delete the row.

### Passwords are truncated

**Problem:** Only 72 bytes count.

**Where:** `auth/hash.py`, `make()`, line 22

**Fix:** Refuse longer ones.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "details_and_summary": (
        """\
<details>
<summary>🔴 Token is never revoked (<code>auth/token.py:10</code>)</summary>

Logout only clears the cookie.
</details>

<details>
<summary>🟡 Passwords are truncated (<code>auth/hash.py:22</code>)</summary>

Only 72 bytes count.
</details>
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "headings_as_labels": (
        """\
### Finding 1: Token is never revoked

#### Location
`auth/token.py:10`

#### Description
Logout only clears the cookie.

#### Recommendation
Delete the row.

### Finding 2: Passwords are truncated

#### Location
`auth/hash.py:22`

#### Description
Only 72 bytes count.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "severity_in_the_id": (
        """\
### HIGH-01: Token is never revoked
`auth/token.py:10`

### LOW-02: Passwords are truncated
`auth/hash.py:22`
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "counts_in_headings": (
        """\
## Issues Found (2)

### High (1)

**Token is never revoked** — `auth/token.py:10`

Logout only clears the cookie.

### Low (1)

**Passwords are truncated** — `auth/hash.py:22`

Only 72 bytes count.

## Files Reviewed (3)
- `auth/token.py`
- `auth/hash.py`
- `auth/db.py`
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "places_below_priorities": (
        """\
### P1 - High priority

#### auth/token.py:10
Token is never revoked.

### P3 - Low priority

#### auth/hash.py:22
Passwords are truncated.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "bold_numbers_with_labels": (
        """\
**1. Token is never revoked**

   - File: `auth/token.py`, function `logout` (line 10)
   - Impact: high

**2. Passwords are truncated**

   - File: `auth/hash.py`, function `make` (line 22)
   - Impact: low
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "around_a_line": (
        """\
### Bug 1: Token is never revoked

In `auth/token.py` around line 10:

```python
response.delete_cookie("sid")
```

The row stays.

### Bug 2: Passwords are truncated

In `auth/hash.py` around line 22:

```python
bcrypt.hashpw(pw[:72], salt)
```
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
