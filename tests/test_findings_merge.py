"""What is one problem and what are two, and what a merged finding holds."""

import itertools
import random

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.findings.merge import BEST_GROUNDED, NEAR_LINES, merged
from lok_core.models import CATEGORIES, SEVERITIES
from lok_core.outcome import Finding, Location, Source

# Are they one problem, how many lines apart (None: both without a place), and category, title and explanation
# of each; the category of an analyser's lead has a star.
PAIRS = [
    (
        True,
        0,
        "injection|SQL injection in `get_user`|`user_id` is formatted into the statement.",
        "injection|User input concatenated into query|Build it with placeholders instead.",
    ),
    (
        True,
        0,
        "injection*|Possible SQL injection vector through string-based query construction|"
        "Pass values as parameters.",
        "injection|Unsanitised user input reaches the query|The `sort` parameter is used as it comes.",
    ),
    (
        True,
        0,
        "injection*|A value is put into the text of an SQL statement|"
        "Whoever controls the value controls the query.",
        "security|SQL injection|An f-string builds the DELETE.",
    ),
    (
        True,
        2,
        "injection|Raw SQL built with f-string|`name` is not escaped.",
        "injection|SQL injection vulnerability in search endpoint|"
        "The term is interpolated into a LIKE clause.",
    ),
    (
        True,
        0,
        "injection|Arbitrary command execution|`os.system(f'convert {name}')` runs through a shell.",
        "injection|OS command injection via file name|`name` may be `x; reboot`.",
    ),
    (
        True,
        0,
        "errors|Missing timeout on `httpx.get`|A silent peer blocks the job.",
        "errors|Network call may hang forever|Nothing limits how long `httpx.get` waits.",
    ),
    (
        True,
        0,
        "errors|Exceptions are silently swallowed|`except Exception: pass` drops everything.",
        "errors|Overly broad exception handler hides bugs|"
        "The except block ignores whatever went wrong in `sync`.",
    ),
    (
        True,
        1,
        "errors|Error from `json.load` ignored|The except branch does nothing.",
        "patterns|Silent failure when the state file is corrupt|"
        "The exception is swallowed and an empty dict returned.",
    ),
    (
        True,
        0,
        "performance|N+1 queries when rendering invoices|`invoice.lines.all()` runs per invoice.",
        "performance|Query executed in a loop|Use one query with `prefetch_related('lines')`.",
    ),
    (
        True,
        0,
        "secrets*|A credential is written out as the value of SMTP_PASSWORD|Read it from the environment.",
        "secrets|Hard-coded SMTP password|It is visible to everybody with access to the repository.",
    ),
    (
        True,
        0,
        "security|Weak hash algorithm|SHA1 for passwords.",
        "security*|A password is hashed with a fast hash|It can be guessed quickly. Use argon2 or bcrypt.",
    ),
    (
        True,
        0,
        "security|Unsafe `yaml.load`|A document can construct any Python object.",
        "injection|Arbitrary object deserialization from YAML|"
        "`yaml.load` without SafeLoader executes constructors.",
    ),
    (
        True,
        1,
        "injection|Path traversal|`name` is not checked before it is joined to the root.",
        "security|Directory traversal in `serve`|A client can ask for `../../etc/shadow`.",
    ),
    (
        True,
        0,
        "auth|Endpoint lacks authentication|`/admin/export` is open to everyone.",
        "auth*|This route changes data and has no check that other routes of the module have|"
        "Add the decorator.",
    ),
    (
        True,
        0,
        "dead-code|`old_export` is never called|No reference in the repository.",
        "dead-code|Dead code: unused function `old_export`|Can be deleted.",
    ),
    (
        True,
        0,
        "errors|Index out of range for empty list|`rows[0]` raises IndexError if the query finds nothing.",
        "errors|`rows[0]` fails when there are no rows|Guard against an empty result.",
    ),
    (
        True,
        0,
        "errors|`match` can be None|`re.match` gives None for other text, `.group` then raises.",
        "errors|Unchecked regex match leads to AttributeError|"
        "`match.group(1)` is used although nothing may have matched.",
    ),
    (
        True,
        3,
        "errors|Race condition between exists check and open|The file may vanish in between.",
        "errors|TOCTOU in `load`|Check and use are not atomic.",
    ),
    (
        True,
        0,
        "errors|Connection is never closed|The pool runs dry after some errors.",
        "performance|Resource leak: database connection not released|Use a with block.",
    ),
    (
        True,
        0,
        "errors|Coroutine is not awaited|`save()` is called without await, nothing is stored.",
        "errors|Missing `await` on `save()`|The record is never written.",
    ),
    (
        True,
        0,
        "performance|Synchronous I/O in async handler|`requests.get` blocks all other clients.",
        "performance|Blocking `requests.get` inside `async def`|Use an async client.",
    ),
    (
        True,
        0,
        "performance|O(n²) membership test|`seen` is a list.",
        "performance|Linear search in loop makes deduplication quadratic|Turn `seen` into a set.",
    ),
    (
        True,
        0,
        "security|Certificate validation turned off|`verify=False` lets anyone in between read along.",
        "security|TLS verification disabled for payment API|Never use `verify=False`.",
    ),
    (
        True,
        0,
        "errors|Falscher Vergleich von `status`|`status is 'done'` vergleicht Identitäten.",
        "errors|Wrong comparison of `status`|`status is 'done'` compares identities.",
    ),
    (
        True,
        0,
        "errors|Tippfehler im Schlüssel `adress`|Der Wert wird nie gefunden.",
        "errors|Typo in the key `adress`|The lookup of `adress` always gives the default.",
    ),
    (
        True,
        None,
        "architecture|Business logic in views|`orders/views.py` computes prices and taxes.",
        "architecture|Views contain business logic|Pricing and tax rules live in `orders/views.py`.",
    ),
    (
        True,
        None,
        "architecture|Missing tests for `billing`|The package has no tests.",
        "general|`billing` is not tested at all|Add unit tests.",
    ),
    (
        True,
        4,
        "auth|Session is not rotated after login|Session fixation is possible.",
        "auth|Session fixation|The session id stays the same after `login`.",
    ),
    (
        True,
        0,
        "errors|Retry loop never sleeps|It hammers the server.",
        "performance|Busy loop without backoff in retry|"
        "The retry loop calls the server without a sleep or backoff.",
    ),
    # --- two problems ---
    (
        False,
        1,
        "dead-code|Import `abc` is not used|Delete it.",
        "dead-code*|`csv` imported but unused|An import without use; drop it.",
    ),
    (
        False,
        0,
        "errors|Missing timeout|`requests.get` may block for ever.",
        "errors|No error handling|A failing `requests.get` ends the program.",
    ),
    (
        False,
        0,
        "errors*|Probable use of `requests` call without timeout|Pass `timeout=`.",
        "errors|Response status is not checked|"
        "`requests.get` of a missing page gives HTML, which json() cannot parse.",
    ),
    (
        False,
        0,
        "injection|SQL injection through `term`|It is concatenated.",
        "performance|Query without an index|`LIKE '%...%'` on `term` scans the whole table.",
    ),
    (
        False,
        0,
        "injection|SQL injection through `term`|It is concatenated into the query.",
        "injection|Cross-site scripting|`term` is echoed into the page.",
    ),
    (
        False,
        0,
        "security|`pickle` on untrusted data|Runs arbitrary code.",
        "errors|File is never closed|`pickle.load(open(path))` leaks a handle.",
    ),
    (
        False,
        0,
        "secrets|Password in source|`PASSWORD = 'x'` is committed.",
        "auth|Weak default password|It has only five letters and can be guessed.",
    ),
    (
        False,
        0,
        "dead-code|Unused variable `a`|Nothing reads it.",
        "dead-code|Unused variable `b`|Nothing reads it.",
    ),
    (False, 4, "dead-code|Unused import `json`|Remove.", "dead-code|Unused import `yaml`|Remove."),
    (
        False,
        3,
        "errors|`first` may be None|It is used unchecked.",
        "errors|`second` may be None|It is used unchecked.",
    ),
    (
        False,
        5,
        "auth|Missing permission check in `edit`|Anyone may edit.",
        "auth|Password reset token never expires|An old mail is enough to take an account.",
    ),
    (
        False,
        2,
        "performance|Regex is compiled for each line|Hoist it.",
        "performance|Log is read into memory at once|Iterate over it.",
    ),
    (
        False,
        0,
        "errors|Off-by-one: last page is skipped|`range(1, pages)`.",
        "performance|All pages are fetched one after another|They could be fetched concurrently.",
    ),
    (
        False,
        0,
        "auth|Token is not verified|`verify=False`.",
        "secrets|Signing key in the source|`KEY = 'abc'` verifies the tokens.",
    ),
    (
        False,
        0,
        "errors|Mutable default argument|`tags=[]` is shared.",
        "dead-code|Parameter `tags` is never used|Remove it.",
    ),
    (
        False,
        0,
        "patterns|Function is too long|300 lines.",
        "patterns|Duplicate code|The same 20 lines stand in `other`.",
    ),
    (
        False,
        0,
        "errors|Division by zero|`total / count` with count 0.",
        "errors|Money computed with floats|`total / count` loses cents.",
    ),
    (
        False,
        1,
        "errors|Lock is not released on error|Use `with lock`.",
        "errors|Deadlock when both locks are taken|Two functions take them in different order.",
    ),
    (
        False,
        None,
        "architecture|Missing tests for `billing`|There are none.",
        "architecture|Missing tests for `shipping`|There are none.",
    ),
    (
        False,
        None,
        "general|Outdated dependencies|Django 2 has known holes.",
        "general|Unpinned dependencies|Builds differ from day to day.",
    ),
    (
        False,
        None,
        "architecture|Business logic in views|Move it to services.",
        "architecture|Global state in settings|Modules change it at import.",
    ),
    (
        False,
        None,
        "security|No rate limiting on the API|It can be flooded.",
        "security|API responses leak stack traces|Debug pages are shown.",
    ),
]


def finding(
    title,
    explanation="",
    line=10,
    *,
    backend="codex",
    label="hunt",
    path="app/db.py",
    severity="medium",
    category="errors",
    grounding="exact",
    lead=False,
    incomplete=False,
    quote="",
    **more,
):
    place = () if path is None else (Location(path, line),)
    source = Source(
        backend,
        label,
        title,
        explanation,
        severity,
        category,
        lead=lead,
        place=place[0] if place else None,
        incomplete=incomplete,
    )
    return Finding(
        title,
        explanation,
        severity,
        category,
        place,
        (source,),
        quote=quote,
        grounding=grounding if place else "unlocated",
        incomplete=incomplete,
        **more,
    )


def told(text, backend, line, path="app/db.py"):
    category, title, explanation = text.split("|", 2)
    return finding(
        title,
        explanation,
        line,
        backend=backend,
        path=path,
        category=category.rstrip("*"),
        lead=category.endswith("*"),
    )


@pytest.mark.parametrize(("same", "apart", "one", "other"), PAIRS)
def test_a_problem_is_told_in_other_words_and_two_problems_share_a_line(same, apart, one, other):
    path = None if apart is None else "app/db.py"
    found = merged([told(one, "codex", 10, path), told(other, "gemini", 10 + (apart or 0), path)])
    assert len(found) == (1 if same else 2)


SQL = finding("SQL injection in `find`", "Input is joined into the query.", category="injection")
SQL_2 = finding(
    "User input concatenated into query", "`find` trusts it.", backend="gemini", category="injection"
)
XSS = finding("Cross-site scripting", "The row is shown unescaped.", backend="claude", category="injection")


def test_every_source_keeps_its_own_words():
    (found,) = merged([SQL, SQL_2])
    assert found.sources == (*SQL.sources, *SQL_2.sources)


def test_prompts_of_one_backend_are_merged_and_count_as_one_voice():
    (found,) = merged([SQL, evolve(SQL, sources=(evolve(SQL.sources[0], label="audit"),)), SQL_2])
    assert (len(found.sources), found.agreement) == (3, 2)


def test_an_answer_that_repeats_itself_is_one_source():
    assert merged([SQL, SQL]) == [SQL]


def test_two_findings_of_one_answer_stay_two_although_they_read_alike():
    assert len(merged([SQL, finding("SQL injection in the query", category="injection")])) == 2


def test_what_one_answer_says_of_two_lines_stays_two():
    assert len(merged([finding("Bare except"), finding("Bare except", line=12)])) == 2


def test_a_problem_told_twice_in_one_answer_with_a_range_and_a_line_is_one():
    wide = Location("app/db.py", 10, 14)
    again = finding("SQL injection in `find`", "In detail: the input is joined.", category="injection")
    again = evolve(again, sources=(evolve(again.sources[0], place=wide),))
    assert len(merged([SQL, again])) == 1


def test_each_of_two_places_finds_its_own_partner():
    found = merged(
        [
            finding("Exception swallowed", line=line, backend=backend)
            for line in (10, 14)
            for backend in ("codex", "gemini")
        ]
    )
    assert [(one.locations, one.agreement) for one in found] == [
        ((Location("app/db.py", 10),), 2),
        ((Location("app/db.py", 14),), 2),
    ]


def test_the_same_line_of_code_at_another_place_is_another_finding():
    one = finding("Bare except", quote="except:")
    other = finding("Bare except", line=13, backend="gemini", quote="  except:")
    assert len(merged([one, other])) == 2
    assert len(merged([one, evolve(other, grounding="quote-missing")])) == 1


def test_places_further_apart_are_two_findings():
    near, far = (evolve(SQL_2, locations=(Location("app/db.py", 10 + n + NEAR_LINES),)) for n in (0, 1))
    assert (len(merged([SQL, near])), len(merged([SQL, far]))) == (1, 2)


def test_an_analysers_lead_is_merged_on_its_own_line_only():
    lead = finding(
        "A value is put into the text of an SQL statement", backend="static", category="injection", lead=True
    )
    assert len(merged([SQL, lead])) == 1
    assert len(merged([SQL, evolve(lead, locations=(Location("app/db.py", 13),))])) == 2


def test_a_vague_telling_does_not_glue_two_problems():
    vague = finding(
        "Unsafe input",
        "Leads to SQL injection and cross-site scripting.",
        backend="qwen",
        category="injection",
    )
    assert len(merged([SQL, vague])) == len(merged([XSS, vague])) == 1
    for order in itertools.permutations([SQL, vague, XSS]):
        found = merged(order)
        assert len(found) == 2
        assert not any({"codex", "claude"} <= {source.backend for source in one.sources} for one in found)


def test_findings_of_two_files_are_never_merged():
    assert len(merged([SQL, evolve(SQL_2, locations=(Location("app/other.py", 10),))])) == 2


def test_what_grounding_found_elsewhere_counts_where_it_was_found():
    other = evolve(SQL_2, grounding="elsewhere")
    other = evolve(other, sources=(evolve(other.sources[0], place=Location("wrong.py", 3)),))
    (found,) = merged([SQL, other])
    assert found.sources[1].place == Location("wrong.py", 3)


def test_a_range_and_a_line_in_it_are_one_place():
    wide = evolve(SQL_2, locations=(Location("app/db.py", 8, 12),))
    (found,) = merged([SQL, wide])
    assert found.locations == (Location("app/db.py", 10), Location("app/db.py", 8, 12))


@pytest.mark.parametrize(("better", "worse"), [*itertools.pairwise(BEST_GROUNDED[:-1])])
def test_the_place_is_the_best_grounded_one(better, worse):
    found = merged(
        [
            evolve(SQL, grounding=worse, quote="q = a", area="tests"),
            evolve(SQL_2, grounding=better, locations=(Location("app/db.py", 12),), quote="q = b"),
        ]
    )[0]
    assert (found.grounding, found.quote, found.area) == (better, "q = b", "source")
    assert found.locations == (Location("app/db.py", 12), Location("app/db.py", 10))


def test_the_severity_is_the_highest_that_anyone_gave_a_lead_too():
    lead = finding(
        "A value is put into the text of an SQL statement",
        backend="static",
        category="injection",
        lead=True,
        severity="critical",
    )
    (found,) = merged([SQL, lead])
    assert (found.severity, found.title) == ("critical", SQL.title)
    assert [source.severity for source in found.sources] == ["medium", "critical"]


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"lead": False, "grounding": "quote-missing"}, {"lead": True, "grounding": "exact"}),
        ({"grounding": "moved", "severity": "low"}, {"grounding": "quote-missing", "severity": "critical"}),
        (
            {"severity": "high"},
            {"severity": "low", "explanation": "Input is joined into the SQL query text."},
        ),
        ({"explanation": "The query holds input."}, {"explanation": "Bad."}),
        ({"backend": "a"}, {"backend": "b"}),
    ],
)
def test_the_words_are_those_of_the_best_telling(better, worse):
    one = finding("SQL injection", **{"backend": "z", "category": "injection", **better})
    other = finding("User input in query", **{"backend": "y", "category": "injection", **worse})
    (found,) = merged([other, one])
    assert (found.title, found.explanation) == (one.title, one.explanation)


def test_a_finding_is_incomplete_only_if_every_telling_is():
    cut = finding("User input in query", backend="gemini", category="injection", incomplete=True)
    assert not merged([SQL, cut])[0].incomplete
    assert merged([cut, evolve(cut, sources=(evolve(cut.sources[0], backend="qwen"),))])[0].incomplete


def test_a_million_letters_are_no_trouble():
    assert len(merged([finding("x " * 500_000, backend=backend) for backend in ("a", "b")])) == 1


TITLES = [
    "SQL injection in `find`",
    "User input concatenated into query",
    "Unsafe input",
    "Reflected XSS",
    "Missing timeout",
    "No error handling",
    "Unused import `os`",
    "Unused import `sys`",
    "Der Wert ist falsch",
    "",
]
FINDINGS = st.builds(
    finding,
    title=st.sampled_from(TITLES),
    explanation=st.sampled_from(
        ["", "Leads to SQL injection and XSS.", "It hangs.", "It hangs, `find` too."]
    ),
    line=st.none() | st.integers(1, 15),
    backend=st.sampled_from("abcd"),
    label=st.sampled_from(["hunt", "audit"]),
    path=st.sampled_from(["a.py", "b.py", None]),
    severity=st.sampled_from(SEVERITIES),
    category=st.sampled_from(CATEGORIES),
    grounding=st.sampled_from(BEST_GROUNDED[:-1]),
    lead=st.booleans(),
    incomplete=st.booleans(),
    quote=st.sampled_from(["", "x = 1", " x = 1", "y"]),
)


def voices(findings):
    return {(s.backend, s.label, s.title, s.explanation) for one in findings for s in one.sources}


@given(st.lists(FINDINGS, max_size=40), st.randoms(use_true_random=False))
def test_the_order_of_the_input_has_no_say(findings, rng):
    shuffled = rng.sample(findings, len(findings))
    assert merged(shuffled) == merged(findings)


@pytest.mark.slow
@given(st.lists(FINDINGS, max_size=40))
def test_merging_what_is_merged_changes_nothing(findings):
    assert merged(merged(findings)) == merged(findings)


@given(st.lists(FINDINGS, max_size=40))
def test_no_source_no_place_and_no_severity_is_lost(findings):
    found = merged(findings)
    assert voices(found) == voices(findings)
    places = {(place.path, place.line) for one in findings for place in one.locations}
    assert {(place.path, place.line) for one in found for place in one.locations} == places
    for one in found:
        assert SEVERITIES.index(one.severity) <= min(SEVERITIES.index(s.severity) for s in one.sources)
        assert len({place.path for place in one.locations}) <= 1


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_order_has_no_say_among_hundreds_on_a_line(seed):
    rng = random.Random(seed)
    many = [
        finding(
            f"{rng.choice(TITLES)} {rng.choice(TITLES)}",
            f"case {rng.randrange(50)}",
            backend=rng.choice("abcd"),
        )
        for _ in range(300)
    ]
    found = merged(many)
    assert merged(rng.sample(many, len(many))) == found == merged(found)
