"""Nothing that lies in the target decides what is found, and nothing of it is run."""

import os

import pytest

pytestmark = pytest.mark.slow  # each of them runs the analysers

BAD = "import hashlib\n\ndef f(x):\n    return eval(x)\n"


@pytest.fixture
async def baseline(tmp_path_factory, query):
    """What is found in the code when nothing is planted: (rule, line) pairs."""
    directory = tmp_path_factory.mktemp("baseline")
    (directory / "app.py").write_text(BAD)
    return await found_in(query, directory)


async def found_in(query, directory):
    reply = await query(directory, "injection")
    return {(lead["rule"], lead["line"]) for lead in reply.data["findings"] if lead["file"] == "app.py"}


PLANTED = {
    "ruff.toml": 'exclude = ["*"]\n[lint]\nselect = []\n',
    ".ruff.toml": 'extend = "nowhere.toml"\n',
    "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\nrequired-version = "0.0.1"\n',
    "setup.cfg": "[flake8]\nexclude = *\n",
    "sgconfig.yml": "ruleDirs: [no]\ncustomLanguages:\n  py: {libraryPath: ./evil.so, extensions: [py]}\n",
    ".editorconfig": "root = true\n[*]\ncharset = utf-16le\n",
    ".ignore": "*\n",
    ".rgignore": "*\n",
    ".git/config": "[core]\n\tfsmonitor = touch PWNED\n\texcludesFile = /dev/zero\n",
    ".git/info/exclude": "*\n",
}


@pytest.mark.parametrize("name", sorted(PLANTED))
async def test_planted_configuration_changes_nothing(name, tmp_path, query, baseline):
    (tmp_path / "app.py").write_text(BAD)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(PLANTED[name])
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert await found_in(query, tmp_path) == baseline != set()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


async def test_planted_programs_are_not_run(tmp_path, backend, make_run, baseline, monkeypatch):
    from lok_core import Request

    (tmp_path / "app.py").write_text(BAD)
    for name in ("ruff", "ast-grep", "sg", "git", "python", "python3"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ntouch '{tmp_path}/PWNED'\n")
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    run = make_run({"PATH": f":.:{os.environ['PATH']}"})
    reply = await backend.query(Request("look", tmp_path, category="injection"), run)
    assert {(lead["rule"], lead["line"]) for lead in reply.data["findings"]} == baseline
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize(
    "comment",
    [
        "# ruff: noqa",
        "# flake8: noqa",
        "# ruff: disable[ALL]",
        "# ruff: file-ignore[ALL]",
        "# ast-grep-ignore",
        "# ast-grep-ignore\n#",
    ],
)
async def test_comments_switch_nothing_off(comment, tmp_path, query):
    source = "\n\ndef f(x):\n    return eval(x)\n"
    (tmp_path / "app.py").write_text("#\n#\n" + source)
    expected = await found_in(query, tmp_path)
    planted = tmp_path / "planted"
    planted.mkdir()
    (planted / "app.py").write_text("\n".join([*comment.split("\n"), "#"][:2]) + "\n" + source)
    assert await found_in(query, planted) == expected != set()


@pytest.mark.slow
async def test_comments_on_the_line_switch_nothing_off(tmp_path, query, baseline):
    for number, comment in enumerate(
        ["# noqa", "# ruff: ignore[ALL]", "# ast-grep-ignore", "# nosec", "# nosemgrep"]
    ):
        directory = tmp_path / str(number)
        directory.mkdir()
        (directory / "app.py").write_text(BAD.replace("eval(x)", f"eval(x)  {comment}"))
        assert await found_in(query, directory) == baseline, comment


@pytest.mark.slow
async def test_odd_neighbours_change_nothing(tmp_path, query, baseline):
    (tmp_path / "app.py").write_text(BAD)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.py").symlink_to(tmp_path / "nowhere")
    (tmp_path / "zero.py").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "fifo.py")
    with (tmp_path / "huge.py").open("wb") as file:
        file.truncate(1 << 30)
    (tmp_path / "binary.py").write_bytes(b"\0\1\2" * 1000)
    (tmp_path / "empty.py").write_bytes(b"")
    (tmp_path / "line.py").write_text("x = '" + "a" * 1_000_000 + "'")
    (tmp_path / "deep.js").write_text("x = " + "[" * 100_000 + "]" * 100_000)
    assert await found_in(query, tmp_path) == baseline


@pytest.mark.parametrize(
    "name",
    [
        "new\nline.py",
        "-rf.py",
        "--config=x.py",
        "@file.py",
        "a b'\"$(id).py",
        "\x1b[31mred.py",
        "*.py",
        "ünï.py",
        "A.PY",
    ],
)
async def test_odd_names_are_only_names(name, tmp_path, query, baseline):
    (tmp_path / name).write_text(BAD)
    reply = await query(tmp_path, "injection")
    assert {lead["file"] for lead in reply.data["findings"]} == {name}
    assert {(lead["rule"], lead["line"]) for lead in reply.data["findings"]} == baseline


async def test_a_directory_whose_path_is_no_utf8_is_read(tmp_path, query, baseline):
    odd = tmp_path / os.fsdecode(b"caf\xe9")
    odd.mkdir()
    (odd / "app.py").write_text(BAD)
    assert await found_in(query, odd) == baseline


async def test_a_directory_with_an_odd_name_is_only_a_directory(tmp_path, query, baseline):
    directory = tmp_path / "-x\n{a,b}[c]*"
    directory.mkdir()
    (directory / "app.py").write_text(BAD)
    assert await found_in(query, directory) == baseline


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("latin-1", "latin-1"), ("latin-1", ""), ("utf-8-sig", ""), ("cp1251", "cp1251")],
)
async def test_other_encodings_are_read(encoding, declared, tmp_path, query, baseline):
    first = f"# -*- coding: {declared} -*- " if declared else "# "
    letter = "я" if encoding == "cp1251" else "é"
    text = BAD.replace("import hashlib", f"{first}{letter}")
    (tmp_path / "app.py").write_bytes(text.encode(encoding))
    assert await found_in(query, tmp_path) == baseline


async def test_other_line_ends_do_not_move_lines_out_of_the_file(tmp_path, query):
    (tmp_path / "app.py").write_bytes(b"a = 1\r\r\rb = 2\nx = eval(b)\r\ny = eval(a)\n")
    assert {line for _, line in await found_in(query, tmp_path)} == {2, 3}
