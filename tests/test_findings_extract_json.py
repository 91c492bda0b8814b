# ruff: noqa: E501 - reviews as they are written
"""Reviews told as JSON in any wrapping: where the problems are."""

from __future__ import annotations

import pytest

from lok_core.findings.told import told

CASES = {
    "unusual_keys": (
        """\
{"code_review": {"critical_issues": [{"issue_title": "Token is never revoked", "file_name": "auth/token.py", "line_numbers": "10-12", "issue_description": "Logout only clears the cookie."}], "minor_issues": [{"issue_title": "Passwords are truncated", "file_name": "auth/hash.py", "line_numbers": "22", "issue_description": "x"}]}}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "a_fence_each": (
        """\
First:

```json
{"title": "Token is never revoked", "file": "auth/token.py", "line": 10, "severity": "high", "references": []}
```

Second:

```json
{"title": "Passwords are truncated", "file": "auth/hash.py", "line": 22, "severity": "low", "references": []}
```
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "sarif": (
        """\
{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x","rules":[{"id":"A","shortDescription":{"text":"t"}}]}},"results":[{"ruleId":"A","level":"error","message":{"text":"Token is never revoked"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"auth/token.py"},"region":{"startLine":10,"endLine":12}}}]},{"ruleId":"B","level":"note","message":{"text":"Passwords are truncated"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"auth/hash.py"},"region":{"startLine":22}}}]}]}]}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "start_and_end_as_objects": (
        """\
{"results":[{"check_id":"a","path":"auth/token.py","start":{"line":10,"col":1},"end":{"line":11,"col":2},"extra":{"message":"Token is never revoked","severity":"ERROR"}},{"check_id":"b","path":"auth/hash.py","start":{"line":22,"col":1},"end":{"line":22,"col":2},"extra":{"message":"Passwords are truncated","severity":"INFO"}}],"errors":[]}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "messages_within_files": (
        """\
[{"filePath":"auth/token.py","messages":[{"ruleId":"a","severity":2,"message":"Token is never revoked","line":10,"column":1}]},{"filePath":"auth/hash.py","messages":[{"ruleId":"b","severity":1,"message":"Passwords are truncated","line":22}]}]
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "review_comments": (
        """\
{"body":"Please see the comments.","event":"REQUEST_CHANGES","comments":[{"path":"auth/token.py","line":10,"body":"**P1** Token is never revoked. Logout only clears the cookie."},{"path":"auth/hash.py","line":22,"body":"Passwords are truncated"}]}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "files_as_keys": (
        """\
{"auth/token.py":[{"line":10,"issue":"Token is never revoked","severity":"high"}],"auth/hash.py":[{"line":22,"issue":"Passwords are truncated","severity":"low"}]}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "a_value_a_line": (
        """\
{"file":"auth/token.py","line":10,"severity":"high","message":"Token is never revoked"}
{"file":"auth/hash.py","line":22,"severity":"low","message":"Passwords are truncated"}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "single_quotes": (
        """\
[{'file': 'auth/token.py', 'line': 10, 'severity': 'high', 'title': 'Token is never revoked'}, {'file': 'auth/hash.py', 'line': 22, 'severity': 'low', 'title': "Passwords are truncated", },]
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "cut_off": (
        """\
```json
{"findings": [{"file": "auth/token.py", "line": 10, "severity": "high", "title": "Token is never revoked"}, {"file": "auth/hash.py", "line": 22, "severity": "low", "title": "Passwords are trunc
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
    "text_within_json": (
        """\
{"type":"result","result":"1. **High** `auth/token.py:10` Token is never revoked\\n2. **Low** `auth/hash.py:22` Passwords are truncated\\n"}
""",
        [("auth/token.py", 10), ("auth/hash.py", 22)],
    ),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_each_problem_is_found_at_its_place(text, expected):
    places = [problem.locations[0] if problem.locations else None for problem in told(text).problems]
    assert [place and (place.path, place.line) for place in places] == expected
