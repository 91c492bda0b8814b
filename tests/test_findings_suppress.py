"""`lok: ignore` counts in a comment on the line or above, and nowhere else."""

import pytest
from attrs import evolve

from lok_core.findings import suppress
from lok_core.findings.suppress import NO_REASON, suppression
from lok_core.findings.tree import Tree
from lok_core.outcome import Finding, Location, Source


def suppressed(
    directory, name, code, line=1, *, category="injection", rule="", end_line=None, grounding="exact"
):
    (directory / name).parent.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(code)
    source = Source("static", "", "a problem", "", "high", category, rule=rule)
    place = Location(name, line, end_line)
    finding = Finding("a problem", "", "high", category, (place,), (source,), grounding=grounding)
    return suppression(finding, Tree(directory))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.py", "run(x)  # lok: ignore[injection] trusted"),
        ("a.py", "run('it''s # not')  # lok: ignore[injection] trusted"),
        ("a.js", "run(x); // lok: ignore[injection] trusted"),
        ("a.ts", "run(`#{x} // ${y}`) /* lok: ignore[injection] trusted */"),
        ("a.c", "run(x); /* lok: ignore[injection] trusted */"),
        ("a.rs", "fn f<'a>(x: &'a str) {} // lok: ignore[injection] trusted"),
        ("a.sql", "select 1 -- lok: ignore[injection] trusted"),
        ("a.lua", "run(x) -- lok: ignore[injection] trusted"),
        ("a.html", "<p>don't</p> <!-- lok: ignore[injection] trusted -->"),
        ("a.el", "(run x) ; lok: ignore[injection] trusted"),
        ("a.ini", "; lok: ignore[injection] trusted"),
        ("a.tex", "x % lok: ignore[injection] trusted"),
        ("a.sh", "run ${x#y} # lok: ignore[injection] trusted"),
        ("a.php", "run($x); # lok: ignore[injection] trusted"),
        ("Dockerfile", "RUN x # lok: ignore[injection] trusted"),
        ("a.css", "a { } /* lok: ignore[injection] trusted */"),
    ],
)
def test_a_comment_of_the_files_language_counts(tmp_path, name, code):
    assert suppressed(tmp_path, name, code) == "trusted"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("a.py", "run(' # lok: ignore')"),
        ("a.py", 'text = """\n# lok: ignore\n"""'),
        ("a.py", "run(x)  // lok: ignore"),
        ("a.js", "run('// lok: ignore')"),
        ("a.js", "text = `\n// lok: ignore\n`"),
        ("a.sh", "run x#lok: ignore"),
        ("a.html", "<p>lok: ignore</p>"),
        ("a.py", "run(x)  # lok: ignored by all"),
        ("a.py", "run(x)  # lok: ignore-me"),
        ("a.py", "run(x)  # write `lok: ignore` to silence"),
        ("a.unknown", "run(x)  # lok: ignore"),
    ],
)
def test_text_that_is_no_such_comment_does_not_count(tmp_path, name, code):
    lines = code.count("\n") + 1
    assert suppressed(tmp_path, name, code, end_line=lines if lines > 1 else None) is None


def test_without_names_everything_is_ignored(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(x)  # lok: ignore trusted") == "trusted"


def test_no_reason_is_said_to_be_none(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(x)  # lok: ignore[injection]") == NO_REASON
    assert suppressed(tmp_path, "a.c", "run(x);  /* lok: ignore */") == NO_REASON


def test_several_categories_may_be_named(tmp_path):
    code = "run(x)  # lok: ignore[auth, injection]: both are fine"
    assert suppressed(tmp_path, "a.py", code) == "both are fine"


@pytest.mark.parametrize("names", ["auth", "", "injektion", "all"])
def test_other_names_suppress_nothing(tmp_path, names):
    assert suppressed(tmp_path, "a.py", f"run(x)  # lok: ignore[{names}] why") is None


def test_a_rule_of_an_analyser_may_be_named(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(x)  # lok: ignore[s608] fixed text", rule="S608") == "fixed text"


def test_the_comment_may_stand_alone_on_the_line_above(tmp_path):
    assert suppressed(tmp_path, "a.py", "if x:\n    # lok: ignore why\n    run(x)\n", 3) == "why"


def test_a_comment_after_the_code_above_is_about_that_code(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(y)  # lok: ignore why\nrun(x)\n", 2) is None


def test_a_comment_two_lines_above_is_too_far(tmp_path):
    assert suppressed(tmp_path, "a.py", "# lok: ignore why\n\nrun(x)\n", 3) is None


def test_a_comment_below_is_about_something_else(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(x)\n# lok: ignore why\n", 1) is None


def test_any_line_of_a_statement_counts(tmp_path):
    assert suppressed(tmp_path, "a.py", "run(\n    x,  # lok: ignore why\n)\n", 1, end_line=3) == "why"


def test_a_comment_deep_in_a_long_range_is_about_something_else(tmp_path):
    code = "def f():\n" + "    run(y)\n" * 20 + "    run(x)  # lok: ignore why\n"
    assert suppressed(tmp_path, "a.py", code, 1, end_line=22) is None


def test_a_block_comment_over_lines_counts_for_the_line_below(tmp_path):
    assert suppressed(tmp_path, "a.c", "/* about\n   lok: ignore why */\nrun(x);\n", 3) == "why"


@pytest.mark.parametrize("grounding", ["file-missing", "quote-missing", "line-out-of-range", "ambiguous"])
def test_a_finding_whose_place_is_not_sure_is_never_suppressed(tmp_path, grounding):
    assert suppressed(tmp_path, "a.py", "run(x)  # lok: ignore", grounding=grounding) is None


def test_a_finding_without_a_place_is_never_suppressed(tmp_path):
    source = Source("codex", "", "a problem", "", "high", "injection")
    finding = Finding("a problem", "", "high", "injection", (), (source,), grounding="unlocated")
    assert suppression(finding, Tree(tmp_path)) is None
    assert suppression(evolve(finding, locations=(Location("gone.py", 1),)), Tree(tmp_path)) is None


_EACH_LANGUAGE = ["py", "js", "c", "css", "php", "sh", "ini", "sql", "lua", "el", "tex", "erl", "md", "html"]


@pytest.mark.slow
@pytest.mark.parametrize("name", _EACH_LANGUAGE)
@pytest.mark.parametrize(
    ("start", "again"),
    [
        *(
            ("", one)
            for one in ['"', "'", "`", "/*", "<!--", '"""', "'''", '\\"', "--", "%", "{-", "--[[", "'\\"]
        ),
        *((quote, f"\\{quote[0]}") for quote in ['"', "'", "`", '"""', "'''"]),
        ("/*", " *"),
        ("<!--", " -"),
        (" ", "/**/"),
        *((comment, "lok:ignore[") for comment in ["# ", "// "]),
    ],
)
def test_no_text_takes_long(tmp_path, name, start, again):
    code = f"lok:\n{start}{again * 200_000}\\"  # what is not closed, or ends in the middle of an escape
    assert suppressed(tmp_path, f"a.{name}", code, 2) is None


def test_a_long_space_in_a_reason_does_not_take_long(tmp_path):
    assert suppressed(tmp_path, "a.py", f"run(x)  # lok: ignore why{' ' * 200_000}not") == "why not"


@pytest.mark.parametrize("name", ["a.py", "a.js", "a.sh", "a.sql"])
def test_a_string_that_is_not_closed_ends_with_its_line(tmp_path, name):
    mark = "-- lok: ignore why" if name == "a.sql" else "// lok: ignore why"
    mark = mark.replace("//", "#") if name in ("a.py", "a.sh") else mark
    assert suppressed(tmp_path, name, f'x = "it {mark}') is None
    assert suppressed(tmp_path, name, f'x = "it\nrun(x) {mark}', 2) == "why"


def test_many_findings_in_a_file_cost_one_scan(tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text("run(x)  # lok: ignore why\n" * 20)
    scans = []
    monkeypatch.setattr(suppress, "_scan", lambda file, scan=suppress._scan: scans.append(file) or scan(file))
    tree = Tree(tmp_path)
    source = Source("static", "", "a problem", "", "high", "injection")
    for line in range(1, 21):
        place = Location("a.py", line)
        finding = Finding("a problem", "", "high", "injection", (place,), (source,), grounding="exact")
        assert suppression(finding, tree) == "why"
    assert len(scans) == 1
