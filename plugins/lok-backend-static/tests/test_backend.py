"""The backend as lok sees it: requests, leads, notes, failures."""

import stat
import sys
import textwrap

import jsonschema
import pytest
import trio
from lok_backend_static import lok_register_backends
from lok_backend_static.analysers import AstGrep, Ruff
from lok_backend_static.backend import Static

from lok_core import CATEGORIES, BackendError, NoConfig, Request, schema

BAD = """\
import sqlite3


def find(db: sqlite3.Connection, name):
    return db.execute("SELECT * FROM users WHERE name = '%s'" % name)
"""


def program(path, source):
    """An executable Python program."""
    path.write_text(f"#!{sys.executable}\n{textwrap.dedent(source)}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_hook_offers_the_backend():
    assert lok_register_backends() == [Static]


async def test_leads_have_the_form_of_the_schema(leads, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    (tmp_path / "b.py").write_text("def f(:\n")
    found = await leads(tmp_path)
    jsonschema.validate({"findings": found}, schema("lok.findings/1"))
    assert {lead["file"] for lead in found} == {"a.py", "b.py"}


async def test_a_request_gets_the_leads_of_its_category(query, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    replies = {category: await query(tmp_path, category) for category in CATEGORIES}
    for category, reply in replies.items():
        assert all(lead["category"] == category for lead in reply.data["findings"])
    assert [lead["line"] for lead in replies["injection"].data["findings"]] == [5]


async def test_two_rules_for_one_weakness_on_a_line_are_one_lead(query, tmp_path):
    (tmp_path / "a.py").write_text(BAD)  # S608 of ruff and py-sql-injection both see it
    (lead,) = (await query(tmp_path, "injection")).data["findings"]
    assert lead["quote"] == "return db.execute(\"SELECT * FROM users WHERE name = '%s'\" % name)"


async def test_source_comes_first_then_severity_then_place(query, tmp_path):
    for name in ("tests/a.py", "vendor/b.py", "z.py", "src/c.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import os\nos.environ = {}\nif 1 is x: pass\nx = x\n")
    found = (await query(tmp_path, "errors")).data["findings"]
    areas = [lead["area"] for lead in found]
    assert areas == sorted(areas, key=("source", "tests", "vendored", "generated").index)
    severities = [lead["severity"] for lead in found if lead["area"] == "source"]
    assert severities == sorted(severities, key=("critical", "high", "medium", "low", "info").index)


async def test_a_file_that_does_not_parse_is_one_lead(query, tmp_path):
    (tmp_path / "a.py").write_text("def f(:\n  class\n) x y z\n")
    (lead,) = (await query(tmp_path, "errors")).data["findings"]
    assert lead["rule"] == "invalid-syntax"


async def test_a_template_need_not_parse(query, tmp_path):
    (tmp_path / "a.py").write_text("{% if x %}\nimport {{ module }}\n{% endif %}\n")
    assert (await query(tmp_path, "errors")).data["findings"] == []


async def test_new_syntax_is_no_error(query, tmp_path):
    (tmp_path / "a.py").write_text("type A[T] = list[T]\nprint(f'{'x'}')\ntry: A\nexcept* OSError: pass\n")
    assert not [
        x for x in (await query(tmp_path, "errors")).data["findings"] if x["rule"] == "invalid-syntax"
    ]


async def test_auth_says_that_patterns_cannot_judge_it(query, tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    reply = await query(tmp_path, "auth")
    assert reply.data == {"findings": []}
    assert "language model" in reply.notes[0]


async def test_what_was_not_looked_at_is_told(query, tmp_path):
    (tmp_path / "big.py").write_bytes(b"x = 1\n" * 300_000)
    reply = await query(tmp_path, "errors")
    assert reply.notes == (
        "not looked at: 1 files over 1 MiB",
        "no source code in a language that there are rules for",
    )


async def test_requests_at_once_share_one_analysis(backend, make_run, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    runs = [make_run() for _ in CATEGORIES]
    async with trio.open_nursery() as nursery:
        for category, run in zip(CATEGORIES, runs, strict=True):
            nursery.start_soon(backend.query, Request("look", tmp_path, category=category), run)
    assert sorted(len(run.argvs) for run in runs) == [0] * (len(CATEGORIES) - 1) + [2]


async def test_directories_are_analysed_apart(backend, make_run, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (tmp_path / "two" / "a.py").write_text(BAD)
    for name, number in (("one", 0), ("two", 1)):
        reply = await backend.query(Request("look", tmp_path / name, category="injection"), make_run())
        assert len(reply.data["findings"]) == number


async def test_one_that_is_cancelled_leaves_the_work_to_the_next(backend, make_run, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    with trio.CancelScope() as first:
        first.cancel()
        await backend.query(Request("look", tmp_path, category="errors"), make_run())
    assert first.cancelled_caught
    reply = await backend.query(Request("look", tmp_path, category="injection"), make_run())
    assert len(reply.data["findings"]) == 1


async def test_one_that_is_cancelled_at_work_lets_the_waiting_one_go_on(backend, make_run, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    scope = trio.CancelScope()
    replies = []
    run = make_run()
    run.progress = lambda activity: scope.cancel()

    async def first():
        with scope:
            await backend.query(Request("look", tmp_path, category="errors"), run)

    async def second():
        replies.append(await backend.query(Request("look", tmp_path, category="injection"), make_run()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(first)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(second)
    assert scope.cancelled_caught
    assert len(replies[0].data["findings"]) == 1


async def test_a_failure_is_told_to_every_request(backend, make_run, tmp_path, monkeypatch):
    (tmp_path / "a.py").write_text(BAD)
    broken = program(tmp_path / "broken", "raise SystemExit(2)")
    monkeypatch.setattr("lok_backend_static.analysers.find", lambda name, env: broken)
    for category, calls in (("errors", True), ("injection", False)):
        run = make_run()
        with pytest.raises(BackendError, match="exit code 2") as caught:
            await backend.query(Request("look", tmp_path, category=category), run)
        assert caught.value.kind == "crashed"
        assert bool(run.argvs) is calls


async def test_a_missing_directory_is_no_clean_one(query, tmp_path):
    with pytest.raises(BackendError, match="no directory"):
        await query(tmp_path / "nowhere", "errors")


def test_it_is_available_where_its_programs_are(monkeypatch, tmp_path):
    assert Static("static", NoConfig()).available({})
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert not Static("static", NoConfig()).available({"PATH": str(tmp_path)})


async def test_check_names_what_is_missing(make_run, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    health = await Static("static", NoConfig()).check(make_run({"PATH": ""}))
    assert not health.ready
    assert health.message == "ruff and ast-grep not found"
    assert "pip install" in health.hint


# --- analysers that fail


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "a.py"
    path.write_text("x = 1\n")
    return [str(path)]


@pytest.mark.parametrize("analyser", [Ruff, lambda run, program: AstGrep(run, {"python"}, program)])
@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("import sys; sys.exit('first\\nlast words')", "crashed", "exit code 1: last words"),
        ("import os; os.kill(os.getpid(), 11)", "crashed", "exit code -11"),
        ("", "protocol", "did not report the fault in its test file"),
        ("print('[]')", "protocol", "no report"),
        ("print('{}')", "protocol", "no report"),
        ("print('{\"filename')", "protocol", "no report"),
    ],
)
async def test_an_analyser_that_fails_is_an_error(
    analyser, source, kind, message, make_run, target, tmp_path
):
    with pytest.raises(BackendError, match=message) as caught:
        await analyser(make_run(), program=program(tmp_path / "fake", source)).scan(target)
    assert caught.value.kind == kind


async def test_an_analyser_that_is_missing_is_an_error(make_run, monkeypatch):
    monkeypatch.setattr("lok_backend_static.analysers.find", lambda name, env: None)
    with pytest.raises(BackendError, match="ruff is not installed") as caught:
        Ruff(make_run())
    assert caught.value.kind == "unavailable"
    assert "pip install" in caught.value.hint


@pytest.mark.slow
async def test_a_file_on_which_the_analyser_crashes_is_left_out(make_run, tmp_path):
    for name in "abcdefg":
        (tmp_path / f"{name}.py").write_text("import os\n")
    (tmp_path / "d.py").write_text("x = " + "-" * 200_000 + "1\n")  # exhausts the stack of ruff
    scan = await Ruff(make_run()).scan([str(tmp_path / f"{name}.py") for name in "abcdefg"])
    assert scan.failed == [str(tmp_path / "d.py")]
    assert sorted(hit.path[-4] for hit in scan.hits) == list("abcefg")


@pytest.mark.slow
async def test_a_crash_on_one_file_is_told_in_a_note(query, tmp_path):
    (tmp_path / "a.py").write_text(BAD)
    (tmp_path / "b.py").write_text("x = " + "-" * 200_000 + "1\n")
    reply = await query(tmp_path, "injection")
    assert len(reply.data["findings"]) == 1
    assert reply.notes == ("not looked at: 1 files on which ruff failed",)


async def test_more_paths_than_a_command_line_holds_are_split(make_run, tmp_path, monkeypatch):
    monkeypatch.setattr("lok_backend_static.analysers.MAX_ARGUMENT_BYTES", 300)
    paths = []
    for number in range(20):
        paths.append(str(tmp_path / f"{number}.py"))
        (tmp_path / f"{number}.py").write_text("import os\n")
    run = make_run()
    scan = await Ruff(run).scan(paths)
    assert len(run.argvs) > 1
    assert sorted(hit.path for hit in scan.hits) == sorted(paths)


async def test_output_beyond_the_limit_is_an_error(make_run, target, tmp_path, monkeypatch):
    monkeypatch.setattr("lok_backend_static.analysers.MAX_OUTPUT_BYTES", 1 << 20)
    flood = program(tmp_path / "flood", "print('{}' * (1 << 20))")
    with pytest.raises(BackendError, match="more than 1 MiB"):
        await Ruff(make_run(), flood).scan(target)
