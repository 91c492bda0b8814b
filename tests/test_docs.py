"""What the documentation says is so: its links, its code and its commands."""

import ast
import re
import subprocess
import sys
import tomllib
from contextlib import suppress

import click
import pytest

import lok_core
from lok_core.config import settings_of
from lok_core.config_layers import Layer
from lok_core.errors import LokError
from lok_core.interfaces import Backend
from lok_core.lok import installed
from lok_core.pack import tasks_in
from lok_core.testing import run_lok
from tests.documents import (
    BLOCKS,
    INDEX,
    PAGES,
    ROOT,
    Block,
    anchors_of,
    commands,
    links_of,
    name_of,
    parse,
)

PACKS = {path.name.removeprefix("lok-task-") for path in ROOT.glob("*/lok-task-*")}
TABLES = {"defaults", "conductor", "plugins", "backends", "tasks"}


@pytest.fixture(scope="module")
def kinds():
    """The adapters of this repository."""
    return installed({}).all(Backend)


def missing(page, target):
    """Why a link leads nowhere; empty if it leads somewhere."""
    path, _, anchor = target.partition("#")
    if target.startswith(("https://", "http://127.0.0.1", "http://localhost")):
        return ""
    file = (page.parent / path) if path else page
    if not file.is_file():
        return "there is no such file"
    return "" if not anchor or anchor in anchors_of(file) else f"the anchors are {sorted(anchors_of(file))}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page):
    for target in links_of(page):
        assert not missing(page, target), f"{target}: {missing(page, target)}"


@pytest.mark.parametrize("target", ["nowhere.md", "findings.md#nowhere", "#nowhere", "backends"])
def test_a_link_that_leads_nowhere_is_noticed(target):
    assert missing(INDEX, target)


def lost(pages):
    """Those that the table of contents does not lead to."""
    known = {(INDEX.parent / target.partition("#")[0]).resolve() for target in links_of(INDEX)}
    return [name_of(page) for page in pages if page not in known and page != INDEX]


def test_every_page_is_in_the_table_of_contents():
    assert lost(PAGES) == []


def test_a_page_that_is_not_there_is_noticed():
    assert lost([ROOT / "docs/made-up.md"]) == ["docs/made-up.md"]


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "python"], ids=lambda one: one.label
)
def test_python_compiles_and_runs_where_it_is_marked(block):
    code = compile(block.text, block.label, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if block.mark == "runs":
        exec(code, {"__name__": "documented"})


def mistakes(block, kinds):
    """What lok says of a lok.toml; of other TOML nothing is known."""
    tables = tomllib.loads(block.text)
    if block.mark == "pack":
        return [] if tasks_in(tables, block.label) else ["no task"]
    if not tables.keys() <= TABLES:
        return (
            []
            if {"project", "tool", "build-system"} & tables.keys()
            else [f"{set(tables)}: whose TOML is it?"]
        )
    try:
        return settings_of([Layer(block.label, tables)], kinds).notes
    except LokError as error:
        return getattr(error, "problems", [error.message])


@pytest.mark.parametrize(
    "block", [one for one in BLOCKS if one.language == "toml"], ids=lambda one: one.label
)
def test_each_lok_toml_is_accepted(block, kinds):
    assert not mistakes(block, kinds)


@pytest.mark.parametrize(
    "text", ["[defaults]\ntimout = 5", "command = 'x'", "[backends.nosuch]\nmodel = 'x'"]
)
def test_a_lok_toml_that_is_wrong_is_noticed(text, kinds):
    assert mistakes(Block(INDEX, 1, "toml", text, ""), kinds)


SHELL = [one for one in BLOCKS if one.language in ("sh", "console", "bash")]


@pytest.mark.parametrize("block", SHELL, ids=lambda one: one.label)
def test_lok_takes_the_commands_that_are_shown(block, monkeypatch, tmp_path, lok_env):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", lok_env["HOME"])
    toml = [tomllib.loads(one.text) for one in BLOCKS if one.page == block.page and one.language == "toml"]
    tasks = {name for tables in toml for name in tables.get("tasks", ())} | PACKS
    for words in commands(block.text):
        with suppress(click.exceptions.Exit, click.exceptions.NoArgsIsHelpError):
            parse(words, tasks)


@pytest.mark.parametrize(
    "line", ["lok hunt --nosuch", "lok ask -b", "lok nosuch", "lok runs extra", "a | lok x"]
)
def test_a_command_that_lok_refuses_is_noticed(line, monkeypatch, tmp_path, lok_env):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", lok_env["HOME"])
    (words,) = commands(line)
    with pytest.raises((click.ClickException, LokError)):
        parse(words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "module"),
    [("docs/how-to/own-rule.md", "lok_rule_big_jobs"), ("docs/plugins.md", "lok_backend_oracle")],
)
def test_a_plugin_of_a_page_passes_the_tests_of_the_page(page, module, tmp_path, lok_env):
    files = [one for one in BLOCKS if name_of(one.page) == page and one.mark.startswith("file ")]
    assert len(files) == 2
    for one in files:
        (tmp_path / one.mark.split()[1]).write_text(one.text)
    info = tmp_path / f"{module}-0.1.0.dist-info"  # as if it were installed
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 0.1.0\n"
    )
    (info / "entry_points.txt").write_text(f"[lok]\nx = {module}\n")
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", tmp_path]
    done = subprocess.run(command, env=lok_env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


QUOTES = [one for one in BLOCKS if one.mark.startswith("quotes ")]


@pytest.mark.parametrize("block", QUOTES, ids=lambda one: one.label)
def test_a_block_that_quotes_a_file_equals_it(block):
    assert block.text == (block.page.parent / block.mark.split()[1]).read_text()


def test_files_are_quoted():
    assert len(QUOTES) >= 2


def test_the_example_backend_is_quoted_whole():
    source = (ROOT / "plugins/lok-backend-echo/src/lok_backend_echo.py").read_text()
    quoting = [page for page in PAGES if f"```python\n{source}```" in page.read_text()]
    assert ROOT / "docs/plugins.md" in quoting or ROOT / "docs/first-backend.md" in quoting


@pytest.mark.slow
def test_the_first_hunt_goes_as_it_is_told(tmp_path, lok_env):
    page = [block for block in BLOCKS if name_of(block.page) == "docs/first-hunt.md"]
    (code,) = [block for block in page if block.mark.startswith("file ")]
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / code.mark.split()[1]).write_text(code.text)
    told = [block for block in page if block.text.startswith("$ ")]
    assert len(told) == 2
    for block in told:
        command, _, printed = block.text.partition("\n")
        result = run_lok(command.split()[2:], env=lok_env, cwd=tmp_path / "shop")
        assert result.stdout.startswith(printed.removesuffix("...\n"))


def test_each_promise_of_security_is_tested():
    rows = re.findall(r"^\| (?!lok \||-)(.+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE)
    assert len(rows) > 5
    for promise, proofs in rows:
        file = ""
        for named, test in re.findall(r"`(tests/[\w/]+\.py)?(?:::(\w+))?`", proofs):
            file = named or file
            source = (ROOT / file).read_text()
            assert f"def {test}(" in source if test else "def test_" in source, promise
        assert file, promise


def test_the_changelog_begins_with_this_version():
    first = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first[1] == lok_core.__version__
