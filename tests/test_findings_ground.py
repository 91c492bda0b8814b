"""Whether the evidence of a finding exists, and where it really stands."""

import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from lok_core.findings.ground import ground
from lok_core.findings.tree import Tree
from lok_core.outcome import Finding, Location, Source

CODE = """\
import sqlite3


def find(connection, name):
    query = "select * from users where name = '%s'" % name
    return connection.execute(query)  # fetched below


def close(connection):
    try:
        connection.close()
    except sqlite3.Error:
        pass
    total = price * amount
    return total
"""
QUERY = """query = "select * from users where name = '%s'" % name"""


@pytest.fixture
def repo(tmp_path):
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "db.py").write_text(CODE)
    (tmp_path / "other.py").write_text("# nothing\n\nrecords = [load(path) for path in everything]\n")
    return tmp_path


def finding(
    path="app/db.py", line=5, quote=QUERY, *, end_line=None, more=(), title="a problem", lead=False, **rest
):
    source = Source("codex", "n+1", title, "", "high", "general", quote=quote, lead=lead)
    locations = () if path is None else (Location(path, line, end_line), *more)
    return evolve(Finding(title, "", "high", "general", locations, (source,), quote=quote), **rest)


def grounded(repo, *args, **kwargs):
    return ground(finding(*args, **kwargs), Tree(repo))


def kind_and_place(got):
    place = got.locations[0] if got.locations else None
    return (got.grounding, place and place.path, place and place.line)


def test_a_quote_at_its_line_is_exact(repo):
    assert kind_and_place(grounded(repo)) == ("exact", "app/db.py", 5)


def test_a_quote_at_another_line_is_moved_there(repo):
    assert kind_and_place(grounded(repo, line=9)) == ("moved", "app/db.py", 5)
    assert kind_and_place(grounded(repo, line=900)) == ("moved", "app/db.py", 5)


def test_a_quote_in_a_range_that_was_cited_is_exact_at_its_own_line(repo):
    got = grounded(repo, line=4, end_line=6)
    assert got.grounding == "exact"
    assert got.locations == (Location("app/db.py", 5, 6),)


def test_a_quote_without_a_line_is_given_one(repo):
    assert kind_and_place(grounded(repo, line=None)) == ("exact", "app/db.py", 5)


def test_a_quote_that_stands_nowhere_is_missing(repo):
    got = grounded(repo, quote="password = read_password(user)")
    assert kind_and_place(got) == ("quote-missing", "app/db.py", 5)
    assert got.quote == "password = read_password(user)"


def test_a_quote_in_one_other_file_is_elsewhere(repo):
    got = grounded(repo, quote="records = [load(path) for path in everything]", line=3)
    assert kind_and_place(got) == ("elsewhere", "other.py", 3)


def test_a_quote_in_several_other_files_is_missing(repo):
    (repo / "copy.py").write_text((repo / "other.py").read_text())
    got = grounded(repo, quote="records = [load(path) for path in everything]")
    assert got.grounding == "quote-missing"


def test_of_several_other_files_the_one_that_was_named_counts(repo):
    (repo / "copy.py").write_text((repo / "other.py").read_text())
    got = grounded(
        repo,
        quote="records = [load(path) for path in everything]",
        more=(Location("copy.py"), Location("gone.py")),
    )
    assert kind_and_place(got) == ("elsewhere", "copy.py", 3)


def test_an_invented_file_is_missing(repo):
    got = grounded(repo, "app/invented.py", quote="launch(rocket, fuel)")
    assert kind_and_place(got) == ("file-missing", "app/invented.py", 5)


def test_a_quote_from_an_invented_file_may_stand_elsewhere(repo):
    assert kind_and_place(grounded(repo, "app/invented.py")) == ("elsewhere", "app/db.py", 5)


def test_without_a_place_and_a_quote_it_is_unlocated(repo):
    assert kind_and_place(grounded(repo, None, quote="")) == ("unlocated", None, None)


def test_without_a_place_a_quote_finds_one(repo):
    assert kind_and_place(grounded(repo, None)) == ("elsewhere", "app/db.py", 5)


def test_a_directory_is_no_place(repo):
    assert kind_and_place(grounded(repo, "app", quote="")) == ("unlocated", None, None)


@pytest.mark.parametrize("path", ["../outside.py", "/etc/passwd", "app/../../outside.py"])
def test_a_path_that_leaves_the_directory_is_not_told_as_one_of_it(repo, path):
    assert kind_and_place(grounded(repo, path, quote="")) == ("file-missing", None, None)


def test_a_line_behind_the_end_is_out_of_range(repo):
    assert kind_and_place(grounded(repo, line=99, quote="")) == ("line-out-of-range", "app/db.py", 99)


def test_the_end_of_a_range_is_that_of_the_file_at_most(repo):
    got = grounded(repo, quote="", line=14, end_line=400)
    assert got.locations == (Location("app/db.py", 14, 15),)


def test_a_line_alone_proves_nothing(repo):
    got = grounded(repo, quote="")
    assert kind_and_place(got) == ("unchecked", "app/db.py", 5)
    assert got.quote == ""


@pytest.mark.parametrize(
    "title", ["the result of `connection.execute` is never closed", "`connection.execute()`"]
)
def test_code_named_in_the_text_proves_the_line_where_it_stands(repo, title):
    got = grounded(repo, line=6, quote="", title=title)
    assert kind_and_place(got) == ("exact", "app/db.py", 6)
    assert got.quote == ""
    assert grounded(repo, line=5, quote="", title=title).grounding == "unchecked"


def test_code_that_stands_everywhere_proves_nothing(repo):
    (repo / "many.py").write_text("connection.close()\n" * 50)
    got = grounded(repo, "many.py", line=6, quote="", title="`connection.close` raises")
    assert got.grounding == "unchecked"


@pytest.mark.parametrize("quote", ["pass", "return", "}", "else:", "try:"])
def test_trivial_quotes_prove_nothing(repo, quote):
    (repo / "trivial.c").write_text("pass\nreturn\n}\nelse:\ntry:\n")
    for line in range(1, 6):
        assert grounded(repo, "trivial.c", line, quote).grounding == "unchecked"


def test_an_analyser_has_read_the_line_that_it_quotes(repo):
    assert kind_and_place(grounded(repo, line=13, quote="pass", lead=True)) == ("exact", "app/db.py", 13)


def test_the_nearest_of_equal_lines_is_taken(repo):
    (repo / "equal.py").write_text("\n" * 9 + "check_password(user)\n" + "\n" * 89 + "check_password(user)\n")
    assert grounded(repo, "equal.py", 12, "check_password(user)").locations[0].line == 10
    assert grounded(repo, "equal.py", 90, "check_password(user)").locations[0].line == 100


def test_two_equal_lines_as_near_as_each_other_are_ambiguous(repo):
    (repo / "equal.py").write_text("check_password(user)\n\n\n\ncheck_password(user)\n")
    assert kind_and_place(grounded(repo, "equal.py", 3, "check_password(user)")) == (
        "ambiguous",
        "equal.py",
        3,
    )
    assert grounded(repo, "equal.py", None, "check_password(user)").grounding == "ambiguous"


def test_a_part_of_the_cited_line_that_is_all_of_another_is_ambiguous(repo):
    (repo / "parts.py").write_text("return check_password(user).allowed\n\n\ncheck_password(user)\n")
    assert grounded(repo, "parts.py", 1, "check_password(user)").grounding == "ambiguous"


def test_a_line_of_a_patch_is_not_the_line_that_it_adds(repo):
    (repo / "fix.patch").write_text("     check_password(user)\n-    x = 1\n+    check_password(user)\n")
    assert grounded(repo, "fix.patch", 1, "+    check_password(user)").grounding == "ambiguous"


def test_a_quote_tells_which_of_the_files_with_that_name_is_meant(repo):
    (repo / "lib").mkdir()
    (repo / "lib" / "db.py").write_text("# another one\n")
    assert kind_and_place(grounded(repo, "db.py")) == ("exact", "app/db.py", 5)
    assert kind_and_place(grounded(repo, "db.py", 2)) == ("moved", "app/db.py", 5)
    assert kind_and_place(grounded(repo, "db.py", quote="")) == ("ambiguous", "db.py", 5)


@pytest.mark.parametrize(
    "quote",
    [
        QUERY.replace(" ", "   "),
        f"\t{QUERY}\n",
        f"`{QUERY}`",
        f"```python\n{QUERY}\n```",
        f"5: {QUERY}",
        f"    5 | {QUERY}",
        f"5\t{QUERY}",
        f"5→    {QUERY}",
        f"L5: {QUERY}",
        f"+ {QUERY}",
        f"> {QUERY}",
        f"{QUERY}  # <-- injection",
        f"{QUERY}  // BUG",
        QUERY.replace("%s", "%s…") + "",
        "query = ... % name",
        """query = "select * from users where name = [...]""",
        "select * from users where name",
        QUERY.replace("users", "***(5 characters)"),
        QUERY.replace('"', "\N{LEFT DOUBLE QUOTATION MARK}"),
        QUERY.replace(" = ", "="),
        QUERY.replace(" ", "\N{NO-BREAK SPACE}"),
    ],
)
def test_a_quote_is_recognised_however_it_was_copied(repo, quote):
    assert kind_and_place(grounded(repo, quote=quote)) == ("exact", "app/db.py", 5)
    assert kind_and_place(grounded(repo, line=11, quote=quote)) == ("moved", "app/db.py", 5)


@pytest.mark.parametrize(
    ("quote", "last"),
    [
        ("def find(connection, name):\n    " + QUERY, 5),
        ("4: def find(connection, name):\n5:     " + QUERY, 5),
        ("def find(connection, name):\n    ...\n    return connection.execute(query)", 6),
        ("def find(connection, name):\n    # ...\n    return connection.execute(query)", 6),
        ("def find(connection, name): " + QUERY, 5),
    ],
)
def test_a_quote_may_have_several_lines(repo, quote, last):
    got = grounded(repo, line=4, quote=quote)
    assert got.grounding == "exact"
    assert got.locations == (Location("app/db.py", 4, last),)
    assert grounded(repo, line=1, quote=quote).locations == got.locations


def test_a_long_quote_may_end_within_a_word(repo):
    line = "return {number: describe(number, languages, currencies) for number in everything_ordered}"
    (repo / "long.py").write_text(f"{line}\n")
    assert grounded(repo, "long.py", 1, line[:80]).grounding == "exact"
    assert grounded(repo, "long.py", 1, line[:40]).grounding == "quote-missing"


def test_a_quote_that_leaves_lines_out_unsaid_is_moved_to_its_first_line(repo):
    quote = "def find(connection, name):\n    return connection.execute(query)"
    got = grounded(repo, line=4, quote=quote)
    assert got.grounding == "moved"
    assert got.locations == (Location("app/db.py", 4, 6),)


def test_a_slip_of_the_pen_is_forgiven_but_not_called_exact(repo):
    quote = QUERY.replace("query", "querry").replace("select", "selects")
    got = grounded(repo, quote=quote)
    assert kind_and_place(got) == ("moved", "app/db.py", 5)
    assert got.quote == quote


def test_a_long_quote_that_stands_nowhere_is_missing(repo):
    (repo / "long.py").write_text("".join(f"value_{n} = compute(other_{n})\n" for n in range(4000)))
    quote = "\n".join(f"value_{n} = computed(other_{n})" for n in range(1500))
    assert grounded(repo, "long.py", 1, quote).grounding == "quote-missing"


@pytest.mark.parametrize(
    "quote",
    [
        "eval(... request.args ...)",
        "eval(...\n    request.args",
        "def run(... request.args",
        "run(...quest.args",
        "eval(*** request.args)",
        "...val(cleaned_expression_text)",
    ],
)
def test_what_is_left_out_of_a_line_is_of_that_line(repo, quote):
    lines = ["def run(text, request_arguments):", "    return eval(cleaned_expression_text)", "", ""]
    lines += ["def show(request):", "    return page(request.args)"]
    (repo / "app.py").write_text("\n".join(lines) + "\n")
    for line in (1, 2, None):
        assert grounded(repo, "app.py", line, quote).grounding == "quote-missing"


def test_what_is_left_out_has_an_end(repo):
    (repo / "wide.py").write_text(f"launch_rocket({'x, ' * 200}fuel_amount)\n")
    (repo / "high.py").write_text("launch_rocket(\n" + "x\n" * 70 + "fuel_amount)\n")
    assert grounded(repo, "wide.py", 1, "launch_rocket(... fuel_amount)").grounding == "quote-missing"
    assert grounded(repo, "high.py", 1, "launch_rocket(\n...\nfuel_amount)").grounding == "moved"


def test_what_is_left_out_ends_at_the_word_that_follows(repo):
    (repo / "app.py").write_text("launch_rocket(fuel_amounts, fuel_amount)\n")
    assert grounded(repo, "app.py", 1, "launch_rocket(... amount)").grounding == "quote-missing"
    (repo / "app.py").write_text("launch_rocket(full_amount, amount)\n")
    assert grounded(repo, "app.py", 1, "launch_rocket(... amount)").grounding == "exact"


def test_a_masked_secret_may_be_part_of_a_word_or_lines_of_its_own(repo):
    (repo / "keys.py").write_text(f"token_of_user = 'ab{'c' * 300}'\nBEGIN SECRET KEY\nabc\nEND SECRET KEY\n")
    assert grounded(repo, "keys.py", 1, "token_of_user = 'ab***(300 characters)'").grounding == "exact"
    assert grounded(repo, "keys.py", 2, "BEGIN SECRET KEY\n***\nEND SECRET KEY").grounding == "exact"


@pytest.mark.parametrize("line", [None, 1, 2])
@pytest.mark.parametrize("lead", [False, True])
def test_a_change_of_which_only_the_new_line_stands_is_not_exact(repo, line, lead):
    (repo / "app.py").write_text('import log\n    log("hello, world")\n')
    quote = '-    subprocess.call(command, shell=True)\n+    log("hello, world")'
    got = grounded(repo, "app.py", line, quote, lead=lead)
    assert kind_and_place(got) == ("moved", "app.py", 2)
    assert got.quote == quote


@pytest.mark.parametrize(
    "change", [("%s", "%d"), ("=", "!="), ("where name", "where mail"), ("name", "name_")]
)
def test_another_sign_or_word_is_another_quote(repo, change):
    assert grounded(repo, quote=QUERY.replace(*change)).grounding == "quote-missing"


def test_a_word_is_not_found_within_another(repo):
    assert grounded(repo, quote="uery = \"select * from users where name = '%s'\" % nam").grounding != "exact"


def test_a_short_quote_counts_where_it_is_rare(repo):
    assert kind_and_place(grounded(repo, line=14, quote="price * amount")) == ("exact", "app/db.py", 14)
    assert kind_and_place(grounded(repo, line=15, quote="total")) == ("exact", "app/db.py", 15)
    assert kind_and_place(grounded(repo, line=1, quote="total")) == ("unchecked", "app/db.py", 1)


def test_a_quote_of_whole_lines_gets_their_white_space(repo):
    got = grounded(repo, line=10, quote="try: connection.close()")
    assert got.quote == "try:\n    connection.close()"
    assert got.sources[0].quote == "try: connection.close()"


@pytest.mark.parametrize(
    ("line", "quote"),
    [(2, "AUTHORIZATION: basic"), (3, "first_line = 1\nthird_line = 3"), (2, "")],
)
def test_nothing_beside_the_quote_is_shown(repo, line, quote):
    lines = ["[http]", "extraheader = AUTHORIZATION: basic c2VjcmV0", "first_line = 1", "token = 'x'"]
    (repo / "config").write_text("\n".join([*lines, "third_line = 3"]) + "\n")
    got = grounded(repo, "config", line, quote, title="`AUTHORIZATION: basic` is told")
    assert got.grounding in ("exact", "moved")
    assert got.locations[0].line == line
    assert got.quote == quote


@pytest.mark.parametrize(
    "told",
    [
        {"quote": QUERY.replace("users", "***(5 characters)")},
        {"quote": "query = ... % name"},
        {"quote": "select * from users where name", "category": "secrets"},
        {"quote": "select * from users where name", "lead": True},
    ],
)
def test_no_more_of_a_secret_is_told_than_the_quote_did(repo, told):
    got = grounded(repo, **told)
    assert got.grounding == "exact"
    assert got.quote == told["quote"]


def test_further_places_are_checked_too(repo):
    more = (
        Location("db.py", 2, 900),
        Location("gone.py", 3),
        Location("other.py", 70),
        Location("../x.py", 1),
    )
    got = grounded(repo, more=more)
    assert got.locations[1:] == (Location("app/db.py", 2, 15), Location("other.py"))


def test_a_path_is_told_as_it_is(repo):
    got = grounded(repo, str(repo / "app" / "db.py"), quote="")
    assert kind_and_place(got) == ("unchecked", "app/db.py", 5)


def test_the_area_is_that_of_the_file_found(repo):
    (repo / "tests").mkdir()
    (repo / "tests" / "check.py").write_text(CODE)
    assert grounded(repo, "check.py").area == "tests"
    assert grounded(repo, area="generated").area == "generated"


def test_a_renamed_file_is_found_by_its_old_name(repo):
    renames = {"app/db.py": "app/database.py"}
    got = ground(finding("app/database.py"), Tree(repo), renames)
    assert kind_and_place(got) == ("exact", "app/db.py", 5)


def test_a_file_that_cannot_be_read_is_unchecked(repo):
    (repo / "data.bin").write_bytes(b"\0\1\2")
    assert kind_and_place(grounded(repo, "data.bin", 1)) == ("unchecked", "data.bin", 1)


def test_bytes_that_are_no_utf_8_are_read(repo):
    (repo / "old.py").write_bytes("straße = prüfe(größe)\n".encode("latin-1"))
    assert grounded(repo, "old.py", 1, "straße = prüfe(größe)").grounding == "exact"


def test_a_million_candidates_do_not_take_long(repo):
    (repo / "long.py").write_text("x" * 500_000 + "\n" + "value = 1\n" * 50_000)
    assert grounded(repo, "long.py", 40_000, "value = 1").grounding == "exact"
    assert grounded(repo, "long.py", 40_000, "x" * 20).grounding == "quote-missing"


def test_it_does_the_same_again(repo):
    told = finding(line=9)
    assert ground(told, Tree(repo)) == ground(told, Tree(repo))


# What follows: whatever happens to the code, `exact` is never wrong, and quotes are found again.

DETERMINISTIC = settings(max_examples=100, deadline=None, derandomize=True)
WORDS = st.sampled_from(
    ["user", "token", "price", "größe", "é", "if", "return", "self", "=", "+", "(", ")", "'x'", "#"]
)
LINES = st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=30)
UNIQUE = st.integers(0, 10**6).map(lambda number: f"result_{number} = compute(value_{number})")
SPACES = st.sampled_from(["", "    ", "\t", "  \t"])


def normal(text):
    return " ".join(unicodedata.normalize("NFC", text).split())


def in_directory(content, told, name="app.py"):
    with TemporaryDirectory() as folder:
        Path(folder, name).write_bytes(content)
        return ground(told, Tree(Path(folder)))


@DETERMINISTIC
@given(LINES, st.data())
def test_exact_is_never_wrong(lines, data):
    quote = data.draw(st.sampled_from(lines) | st.lists(WORDS, max_size=6).map(" ".join), label="quote")
    line = data.draw(st.integers(1, 40), label="line")
    got = in_directory("\n".join(lines).encode(), finding("app.py", line, quote))
    if got.grounding == "exact":
        assert normal(quote)
        assert got.locations[0].line == line
        assert normal(quote) in normal(lines[line - 1])


@pytest.mark.slow
@DETERMINISTIC
@given(
    LINES, st.integers(0, 30), UNIQUE, SPACES, SPACES, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans()
)
def test_a_quote_is_found_again_wherever_it_went(lines, at, quote, before, after, end, bom):
    at = min(at, len(lines))
    lines = [*lines[:at], before + quote + after, *lines[at:]]
    content = end.join(lines).encode("utf-8-sig" if bom else "utf-8")
    for cited in (1, at + 1, len(lines), 500):
        got = in_directory(content, finding("app.py", cited, quote))
        assert got.grounding == ("exact" if cited == at + 1 else "moved")
        assert got.locations[0].line == at + 1


@DETERMINISTIC
@given(LINES, st.sampled_from(["NFC", "NFD"]), st.sampled_from(["NFC", "NFD"]))
def test_the_form_of_unicode_does_not_matter(lines, written, quoted):
    quote = "größe_äöü = prüfe(straße)"
    content = "\n".join([*lines, unicodedata.normalize(written, quote)]).encode()
    told = finding("app.py", len(lines) + 1, unicodedata.normalize(quoted, quote))
    assert in_directory(content, told).grounding == "exact"


@DETERMINISTIC
@given(st.lists(UNIQUE, min_size=2, max_size=30, unique=True), st.data())
def test_blocks_of_lines_are_found_again(lines, data):
    first = data.draw(st.integers(0, len(lines) - 1))
    block = lines[first : first + data.draw(st.integers(1, 8))]
    rest = [line for line in lines if line not in block]
    to = data.draw(st.integers(0, len(rest)))
    moved = [*rest[:to], *(f"    {line}" for line in block), *rest[to:]]
    got = in_directory("\n".join(moved).encode(), finding("app.py", first + 1, "\n".join(block)))
    assert got.grounding in ("exact", "moved")
    assert got.locations[0].line == to + 1
    assert (got.locations[0].end_line or to + 1) == to + len(block)


@DETERMINISTIC
@given(st.binary(max_size=200), st.text(max_size=80), st.text(max_size=20), st.none() | st.integers(1, 2**31))
def test_nothing_makes_it_fail(content, quote, path, line):
    for name in ("app.py", path):
        got = in_directory(content, finding(name, line, quote, title=f"`{quote}`"))
        assert got.grounding != "unchecked" or got.locations
