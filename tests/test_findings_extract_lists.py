# ruff: noqa: E501, RUF001 - reviews as they are written
"""Reviews told as lists of any marker and depth: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "citations_in_lenticular_brackets": (
        """\
I reviewed the diff.

- The retry loop never backs off, so a dead broker is hammered.【F:internal/broker/client.go†L88-L104】
- Closing the channel twice panics on shutdown.【F:internal/broker/client.go†L210-L210】【F:internal/broker/pool.go†L12-L19】

**Testing**
- ⚠️ `go test ./...` (network disabled)
""",
        [("internal/broker/client.go", 88), ("internal/broker/client.go", 210)],
    ),
    "numbered_with_citations": (
        """\
**Findings**

1. **Retry loop without back-off** – the client reconnects in a tight loop when the broker is down. 【F:internal/broker/client.go†L88-L104】

2. **Double close** – `Shutdown` closes a channel that `drain` already closed. 【F:internal/broker/pool.go†L12-L19】
""",
        [("internal/broker/client.go", 88), ("internal/broker/pool.go", 12)],
    ),
    "line_behind_the_back_ticks": (
        """\
Issues:

1. `docs/setup.md`:145 tells the reader to run a script that is gone.
2. `tools/seed.py`:12-19 deletes the wrong table when the flag is missing.
""",
        [("docs/setup.md", 145), ("tools/seed.py", 12)],
    ),
    "under_plain_priorities": (
        """\
P0
- server/main.go:12 panics without configuration

P2
- server/util.go:40 duplicates strings.Title
""",
        [("server/main.go", 12), ("server/util.go", 40)],
    ),
    "severity_and_place_then_text": (
        """\
1. **High** — `src/x/alpha.py:10`
   The default argument is a list.

2. **Medium** — `src/x/beta.py:22-30`
   Exceptions are swallowed.
""",
        [("src/x/alpha.py", 10), ("src/x/beta.py", 22)],
    ),
    "bracketed_severities": (
        """\
- **[Critical]** `src/pay/charge.rb:12` – The amount is taken from the form.
- **[Minor]** `src/pay/charge.rb:50` – Typo in the log message.
""",
        [("src/pay/charge.rb", 12), ("src/pay/charge.rb", 50)],
    ),
    "nested_place_and_text": (
        """\
## Bugs

1. **Off by one in pagination**
   - `api/page.go:33`
   - The last page is never shown.

2. **Wrong status code**
   - `api/error.go:8`
   - Returns 200 for failures.
""",
        [("api/page.go", 33), ("api/error.go", 8)],
    ),
    "questions_and_changes_around": (
        """\
Findings (ordered by severity)
- High: `src/sync/merge.ts:88-97` drops local edits when both sides changed the same field.
- Medium: `src/sync/queue.ts:30` retries for ever.

Open questions / assumptions
- Is `src/sync/clock.ts:5` meant to be monotonic?

Change summary
- Adds `src/sync/merge.ts` and tests in `test/sync.test.ts`.
""",
        [("src/sync/merge.ts", 88), ("src/sync/queue.ts", 30)],
    ),
    "title_dash_place_then_text": (
        """\
**Findings**
- [high] Lost update in merge — `src/sync/merge.ts:88`
  Two writers overwrite each other.
- [low] Wrong label — `src/ui/label.ts:3`
  It says "Sent" for drafts.

**Residual risk**
- I did not run the browser tests.
""",
        [("src/sync/merge.ts", 88), ("src/ui/label.ts", 3)],
    ),
    "lines_as_l": (
        """\
Bugs found:
* src/alpha.c L20: buffer is not terminated
* src/beta.c L7-L9: leak of fd on error
""",
        [("src/alpha.c", 20), ("src/beta.c", 7)],
    ),
    "place_in_italics_at_the_end": (
        """\
### High

- **Unchecked index**
  The loop trusts the header.
  *Location:* `fmt/png.c:201`

- **Missing free**
  The row buffer leaks.
  *Location:* `fmt/png.c:330`
""",
        [("fmt/png.c", 201), ("fmt/png.c", 330)],
    ),
    "arrows_as_bullets": (
        """\
→ src/a/one.py:5: mutable default
→ src/a/two.py:9: bare except
""",
        [("src/a/one.py", 5), ("src/a/two.py", 9)],
    ),
    "labels_below_each_item": (
        """\
1) Title: Missing timeout
   Severity: high
   File: net/http.py:40
   Explanation: the call can hang for ever.
2) Title: Dead branch
   Severity: low
   File: net/http.py:90
   Explanation: the condition is always true.
""",
        [("net/http.py", 40), ("net/http.py", 90)],
    ),
    "what_works_and_what_does_not": (
        """\
### What works
- `a.py:1` is tidy
### What does not work
- `b.py:2` fails for empty input
- `c.py:3` leaks a handle
""",
        [("b.py", 2), ("c.py", 3)],
    ),
    "nested_below_severities": (
        """\
- **Critical**
  - `x/a.rs:10`: panics on empty input
- **Minor**
  - `x/b.rs:20`: needless clone
  - `x/c.rs:30`: needless borrow
""",
        [("x/a.rs", 10), ("x/b.rs", 20), ("x/c.rs", 30)],
    ),
    "places_in_footnotes": (
        """\
1. The parser accepts unbalanced brackets [1].
2. The cache is never cleared [2].

[1]: src/parse.c:77
[2]: src/cache.c:12-14
""",
        [("src/parse.c", 77), ("src/cache.c", 12)],
    ),
    "numbered_without_marks": (
        """\
I looked at the branch and found these:

1. In app/jobs.py the loop never ends when the queue is empty (line 14).
2. app/mail.py builds the header from user input.
3. The retry count in app/http.py:60 is off by one.
""",
        [("app/jobs.py", 14), ("app/mail.py", None), ("app/http.py", 60)],
    ),
    "must_should_and_nice_to_have": (
        """\
**Must fix**
- `a/x.go:10` returns before the lock is released

**Should fix**
- `a/y.go:20` ignores the context

**Nice to have**
- `a/z.go:30` could use a constant
""",
        [("a/x.go", 10), ("a/y.go", 20), ("a/z.go", 30)],
    ),
    "files_with_lines_below": (
        """\
1. lib/a.rb
   - Line 12: missing nil check
   - Line 30: SQL built from user input
2. lib/b.rb
   - Line 4: unused require
""",
        [("lib/a.rb", 12), ("lib/a.rb", 30), ("lib/b.rb", 4)],
    ),
    "sections_of_several_reviewers": (
        """\
## Security reviewer

- **High** Secrets are written to the log (`srv/log.py:8`)

## Performance reviewer

- **Medium** Full scan for each request (`srv/find.py:20`)
- **Low** Copy of the whole list (`srv/find.py:44`)
""",
        [("srv/log.py", 8), ("srv/find.py", 20), ("srv/find.py", 44)],
    ),
    "file_with_labels_below": (
        """\
*   **`src/api/user.ts`**
    *   **Severity:** High
    *   **Line:** 12
    *   **Issue:** The id is not validated.
    *   **Suggestion:** Validate it.

*   **`src/api/team.ts`**
    *   **Severity:** Low
    *   **Line:** 33
    *   **Issue:** Wrong status code.
""",
        [("src/api/user.ts", 12), ("src/api/team.ts", 33)],
    ),
    "severity_and_place_in_parentheses": (
        """\
## Review

1. **Unvalidated redirect (High, `web/auth.py:55`)**: The target is taken from the request.
2. **Verbose errors (Low, `web/error.py:12-14`)**: Traces are shown to users.
""",
        [("web/auth.py", 55), ("web/error.py", 12)],
    ),
    "actions_repeat_the_findings": (
        """\
## Findings

### 1. Missing lock (High)
`q/run.py:10`

### 2. Busy loop (Medium)
`q/wait.py:22`

## Action items

1. Fix the missing lock in `q/run.py:10`
2. Remove the busy loop in `q/wait.py:22`
3. Add tests for `q/run.py`
""",
        [("q/run.py", 10), ("q/wait.py", 22)],
    ),
    "no_heading_at_all": (
        """\
The change is mostly fine, but two things need attention:

- `store/lock.go:19`: the lock is not released when `Open` fails
- `store/scan.go:70`: `rows.Err()` is never checked

The rest is good.
""",
        [("store/lock.go", 19), ("store/scan.go", 70)],
    ),
    "no_places_at_all": (
        """\
## Findings

1. **High** – The configuration is loaded before the arguments are parsed.
2. **Medium** – Errors of the worker are not reported.
3. **Low** – The help text names an option that is gone.
""",
        [None, None, None],
    ),
    "severity_at_the_end": (
        """\
1. `a/one.kt:10` leaks the cursor (severity: high)
2. `a/two.kt:20` blocks the main thread (severity: medium)
""",
        [("a/one.kt", 10), ("a/two.kt", 20)],
    ),
    "numbers_within_numbers": (
        """\
1. Security
   1. `a/auth.py:10` accepts any token
   2. `a/auth.py:55` compares with ==
2. Performance
   1. `a/list.py:7` loads all rows
""",
        [("a/auth.py", 10), ("a/auth.py", 55), ("a/list.py", 7)],
    ),
    "letters": (
        """\
A. Missing check — src/x.c:10
B. Wrong index — src/y.c:20
""",
        [("src/x.c", 10), ("src/y.c", 20)],
    ),
    "files_with_lines_at_the_end": (
        """\
Review:

1. `src/cart.js`
   - Totals are computed with floats, which is off by a cent for long carts and was reported by customers several times already in the past (line 12)
   - The promise of `save()` is not awaited (line 40)
2. `src/user.js`
   - The id is taken from the body (line 7)
""",
        [("src/cart.js", 12), ("src/cart.js", 40), ("src/user.js", 7)],
    ),
    "nothing_but_recommendations": (
        """\
# Report

## Strengths
- Clear layers

## Recommendations

1. **Revoke tokens** - `auth/token.py:10` keeps them valid after logout
2. **Check length** - `auth/hash.py:22` truncates passwords
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "place_on_the_second_line": (
        """\
- **Token is never revoked**
  `auth/token.py:10`
  Logout only clears the cookie.
- **Passwords are truncated**
  `auth/hash.py:22`
  Only 72 bytes count.
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "unusual_extensions": (
        """\
1. **Token is never revoked** — `src/views/token.twig:10`
2. **Wrong loop** — `src/views/list.heex` line 4
3. **Wrong key** — File: `src/views/keys.wxml`
""",
        [("src/views/token.twig", 10), ("src/views/list.heex", 4), ("src/views/keys.wxml", None)],
    ),
    "must_should_and_consider": (
        """\
## Code Review

### Critical Issues (Must Fix)

1. **Token is never revoked** - [token.py](auth/token.py#L10-L14)
   Logout only clears the cookie.

### Warnings (Should Fix)

1. **Passwords are truncated** - [hash.py](auth/hash.py#L22)
   Only 72 bytes count.

### Suggestions (Consider)

1. **Name the constant** - [hash.py](auth/hash.py#L40)
   72 appears three times.

### What's good
- [db.py](auth/db.py#L1) is tidy
""",
        [("auth/token.py", 10), ("auth/hash.py", 22), ("auth/hash.py", 40)],
    ),
    "links_with_blanks": (
        """\
- **High**: Token is never revoked, see [token.py](</C:/Users/Jo Doe/src/auth/token.py#L10>)
- **Low**: Passwords are truncated, see [hash.py](/C:/Users/Jo%20Doe/src/auth/hash.py#L22)
""",
        [("C:/Users/Jo Doe/src/auth/token.py", 10), ("C:/Users/Jo Doe/src/auth/hash.py", 22)],
    ),
    "links_in_sentences": (
        """\
**Findings**
1. High, the token stays valid after logout. `logout()` in [token.py](/srv/app/auth/token.py#L10) only clears the cookie.
2. Medium. The password is cut at 72 bytes in [hash.py](/srv/app/auth/hash.py#L22).

**Assumptions**
- The database is shared ([db.py](/srv/app/auth/db.py#L3)).

I did not run the tests.
""",
        [("/srv/app/auth/token.py", 10), ("/srv/app/auth/hash.py", 22)],
    ),
    "links_at_the_end": (
        """\
I could not run the tests here, but reading the diff I see:

- The token stays valid after logout ([token.py:10](auth/token.py#L10))
- The password is cut at 72 bytes ([hash.py:22](auth/hash.py#L22))
- The cleanup job has no lock ([jobs.py:5](auth/jobs.py#L5))
""",
        [("auth/token.py", 10), ("auth/hash.py", 22), ("auth/jobs.py", 5)],
    ),
    "paths_with_blanks": (
        """\
1. "My Project/src/app config.ts":12 overrides the default.
2. `docs/User Guide/first steps.md:40` links to a page that is gone.
""",
        [("My Project/src/app config.ts", 12), ("docs/User Guide/first steps.md", 40)],
    ),
    "categories": (
        """\
### Error handling
- `a/x.py:10` swallows every exception
### Code style
- `a/y.py:20` mixes tabs and spaces
""",
        [("a/x.py", 10), ("a/y.py", 20)],
    ),
    "must_fix_without_a_place": (
        """\
## Must fix before merge
- Token is never revoked (`auth/token.py:10`)
- The migration has no way back

## Looks good
- Docs
""",
        [("auth/token.py", 10), None],
    ),
    "escaped_marks": (
        """\
1\\. **Token is never revoked** \\- `auth/token.py:10`

2\\. **Passwords are truncated** \\- `auth/hash.py:22`
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "typographic_hyphens": (
        """\
- `docs/read‑me.md:12‑14` names an option that is gone
- `docs/set‑up.md:3` has a typo
""",
        [("docs/read-me.md", 12), ("docs/set-up.md", 3)],
    ),
    "roman_numbers": (
        """\
I. Token is never revoked (auth/token.py:10)
II. Passwords are truncated (auth/hash.py:22)
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "numbers_in_brackets": (
        """\
[1] Token is never revoked - auth/token.py:10
[2] Passwords are truncated - auth/hash.py:22
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "files_without_an_extension": (
        """\
- `Dockerfile.dev:3` runs as root
- `docker/Dockerfile:9` pins nothing
- `Makefile` line 4 uses spaces
""",
        [("Dockerfile.dev", 3), ("docker/Dockerfile", 9), ("Makefile", 4)],
    ),
    "paths_broken_behind_a_slash": (
        """\
1. High - The importer loads the whole file
   Location: packages/importer/src/readers/
   spreadsheet_reader.ts:120-131
   A file of 2 GB ends the worker.

2. Low - Unused option
   Location: packages/importer/src/
   options.ts:9
   `strict` is never read.
""",
        [
            ("packages/importer/src/readers/spreadsheet_reader.ts", 120),
            ("packages/importer/src/options.ts", 9),
        ],
    ),
    "labels_with_signs_on_one_line": (
        """\
1. Token is never revoked
   📁 File: `auth/token.py` | 📍 Line: 10 | 🔥 Severity: High
2. Passwords are truncated
   📁 File: `auth/hash.py` | 📍 Line: 22 | 🔥 Severity: Low
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
