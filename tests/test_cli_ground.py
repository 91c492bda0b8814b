"""`lok ground` as people and CI run it: a process with a file, a directory and an exit code."""

import codecs
import json
import os

import jsonschema
import pytest

import lok_core
from lok_core.testing import run_lok

pytestmark = pytest.mark.slow  # each runs lok as a process


LINE = 'cursor.execute("SELECT " + name)'
HOLDS = f"1. **High** `app.py:2`: SQL injection through the name\n\n   ```python\n   {LINE}\n   ```\n"
MOVED = HOLDS.replace("app.py:2", "app.py:3")
INVENTED = "2. **Critical** `auth/login.py:7`: The password is logged\n"


class Lok:
    """Starts lok in a folder with a project, which has no backend whatever."""

    def __init__(self, folder):
        self.work = folder / "work"
        self.env = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        for name in ("home", "work", "work/project", "work/other"):
            (folder / name).mkdir()
        (self.work / "project" / "app.py").write_text(f"import db\n{LINE}\n\n")

    def __call__(self, *args, stdin=""):
        done = run_lok(("ground", *args), env=self.env, cwd=self.work, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done

    def file(self, content, name="review.md"):
        path = self.work / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    def found(self, review, *args):
        """Place and grounding of each finding."""
        done = self(self.file(review), "project", "-f", "json", *args)
        assert done.code == 0, done.stderr
        made = json.loads(done.stdout)
        jsonschema.validate(made, lok_core.schema("lok.report/1"))
        places = [finding["locations"][0] for finding in made["findings"]]
        groundings = [finding["grounding"] for finding in made["findings"]]
        return {
            f"{place['path']}:{place['line']}": grounding
            for place, grounding in zip(places, groundings, strict=True)
        }


@pytest.fixture(scope="module")
def lok(tmp_path_factory):
    return Lok(tmp_path_factory.mktemp("ground"))


def test_a_review_is_held_against_the_code(lok):
    assert lok.found(MOVED + INVENTED) == {"auth/login.py:7": "file-missing", "app.py:2": "moved"}


def test_the_text_tells_at_its_head_how_many_claims_hold(lok):
    done = lok(lok.file(HOLDS + INVENTED), "project")
    assert done.stdout.startswith(
        f"Ground: review.md\nChecked against {lok.work / 'project'}\n"
        "  1 evidence not found: there is no such file\n  1 evidence found\n"
    )


def test_findings_may_come_from_standard_input(lok):
    done = lok("-", "project", stdin=HOLDS)
    assert done.stdout.startswith("Ground: standard input\n")
    assert "app.py:2" in done.stdout


@pytest.mark.parametrize("args", [("project",), ("-d", "project"), ("project", "--dir=project")])
def test_the_directory_is_named_in_either_way(lok, args):
    assert "1 evidence found" in lok(lok.file(HOLDS), *args).stdout


@pytest.mark.parametrize(
    "content",
    [
        codecs.BOM_UTF8 + HOLDS.encode(),
        HOLDS.encode("utf-16"),
        codecs.BOM_UTF16_BE + HOLDS.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + HOLDS.encode("utf-32-le"),
        HOLDS.replace("\n", "\r\n").encode(),
        b"\xff\xfe"[:1] + HOLDS.encode(),
    ],
    ids=["utf-8 with a mark", "utf-16", "utf-16 be", "utf-32", "crlf", "broken utf-8"],
)
def test_files_of_other_systems_are_read(lok, content):
    assert lok.found(content) == {"app.py:2": "exact"}


@pytest.mark.parametrize("format", ["json", "sarif"])
def test_its_own_report_reads_back_to_the_same_findings(lok, format):
    first = lok(lok.file(HOLDS + INVENTED), "project", "-f", "json")
    written = lok("review.md", "project", "-f", format)
    again = lok(lok.file(written.stdout, f"r.{format}"), "project", "-f", "json")
    assert json.loads(again.stdout)["findings"] == json.loads(first.stdout)["findings"]


def test_a_finding_that_lok_moved_stands_where_its_report_has_it(lok):
    written = lok(lok.file(MOVED), "project", "-f", "json").stdout
    assert lok.found(written) == {"app.py:2": "exact"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--fail-on", "high"], 1),
        (["--fail-on", "critical"], 1),
        (["--fail-on", "critical", "--only-grounded"], 0),
        (["--fail-on", "high", "--quorum", "2"], 0),
    ],
)
def test_the_exit_code_is_that_of_the_gate(lok, options, code):
    assert lok(lok.file(HOLDS + INVENTED), "project", *options).code == code


def test_what_a_baseline_holds_is_known(lok):
    review = lok.file(HOLDS)
    assert lok(review, "project", "--baseline", "b.json", "--update-baseline").code == 0
    done = lok(review, "project", "--baseline", "b.json", "--fail-on", "info")
    assert (done.code, "1 known" in done.stdout) == (0, True)


def test_a_report_goes_into_a_file(lok):
    done = lok(lok.file(HOLDS), "project", "-o", "out.txt")
    assert (done.code, done.stdout) == (0, "")
    assert "app.py:2" in (lok.work / "out.txt").read_text()


def test_leads_are_all_shown(lok):
    place = {"physicalLocation": {"artifactLocation": {"uri": "app.py"}, "region": {"startLine": 1}}}
    results = [
        {"ruleId": f"R{number}", "message": {"text": f"Problem {word}"}, "locations": [place]}
        for number, word in enumerate(["sorting", "timeout", "naming", "leak", "race", "cookie", "index"])
    ]
    run = {"tool": {"driver": {"name": "checker"}}, "results": results}
    written = json.dumps({"version": "2.1.0", "runs": [run]})
    assert lok("-", "project", stdin=written).stdout.count("checker (general, R") == len(results)


def test_nothing_recognised_is_told(lok):
    done = lok("-", "project", stdin="What a nice day.")
    assert (done.code, "no finding was recognised in standard input" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    ("args", "content", "error", "hint"),
    [
        (["none.md", "project"], None, "there is no file none.md", "`-` is standard input"),
        (["project"], None, "project is a directory", "lok ground FILE project"),
        (["review.md", "project"], b" \n", "review.md is empty", "no clean bill"),
        (["review.md", "project"], b"\x7fELF\0\0", "review.md is binary", "JSON or SARIF"),
        (["review.md", "none"], b"x", "there is no directory none", "check the spelling"),
        (["review.md", "project", "-d", "other"], b"x", "two directories were given", "is enough"),
        (["review.md", ""], b"x", "the directory has no name", "review.md ."),
        (
            ["review.md", "project"],
            b'{"version": "2.1.0", "$schema": "sarif", "runs": [',
            "not valid JSON",
            "cut off",
        ),
        (["review.md", "project", "--quorum", "2"], b"x", "--quorum says", "--fail-on"),
        (["review.md", "project", "-f", "nope"], b"x", "no renderer named 'nope'|no format", ""),
        ([], None, "missing argument 'FILE'", "shows the usage"),
        (["/dev/zero", "project"], None, "holds more than 100 MB", "in parts"),
    ],
)
def test_a_mistake_is_told_with_the_way_out(lok, args, content, error, hint):
    if content is not None:
        lok.file(content)
    done = lok(*args)
    first, second = done.stderr.splitlines()
    assert (done.code, done.stdout) == (2, "")
    assert any(one in first for one in error.split("|")), first
    assert hint in second
