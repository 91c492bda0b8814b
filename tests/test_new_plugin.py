"""`lok plugin new`: what it writes is complete, keeps the contracts at once, and harms nothing."""

import ast
import difflib
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lok_core
from lok_core import UsageError
from lok_core.registry import Registry
from lok_core.testing import run_lok
from lok_core.testing.new_plugin import FIRST_PARTY, KINDS, check_name, distribution, render, write

ROOT = Path(__file__).parent.parent
ECHO = ROOT / "plugins/lok-backend-echo"
OWN = {"license", "authors", "license-files"}  # what lok's own distributions say beyond the template


@pytest.fixture(scope="module")
def registry():
    return Registry.installed()


class TestEcho:
    """The example that the documentation quotes is what the template makes."""

    def test_it_has_the_files_of_the_template_and_a_licence(self):
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ECHO,
            capture_output=True,
            text=True,
            check=True,
        )
        assert set(listed.stdout.split()) == {*render("backend", "echo"), "LICENSE"}

    @pytest.mark.parametrize("place", sorted(render("backend", "echo")))
    def test_each_file_is_the_rendered_one(self, place):
        differences = [
            line
            for line in difflib.ndiff(
                render("backend", "echo")[place].splitlines(), (ECHO / place).read_text().splitlines()
            )
            if line[:2] in ("+ ", "- ")
        ]
        own = [line for line in differences if line.startswith("+ ") and line[2:].split(" =")[0] in OWN]
        assert differences == (own if place == "pyproject.toml" else [])


@pytest.mark.parametrize("what", KINDS)
class TestWhatIsWritten:
    def test_distribution_is_named_by_its_kind(self, what):
        made = tomllib.loads(render(what, "my-own")["pyproject.toml"])["project"]
        assert made["name"] == distribution(what, "my-own")
        assert made["name"] in {
            "lok-backend-my-own",
            "lok-task-my-own",
            "lok-rule-my-own",
            "lok-render-my-own",
        }

    def test_it_depends_on_the_range_of_this_release(self, what):
        made = tomllib.loads(render(what, "my-own")["pyproject.toml"])["project"]
        assert made["dependencies"] == ["lok-core>=0.1,<0.2"]
        assert made["optional-dependencies"] == {"test": ["lok-core[testing]>=0.1,<0.2"]}

    def test_entry_point_names_the_module(self, what):
        files = render(what, "my-own")
        made = tomllib.loads(files["pyproject.toml"])
        (module,) = made["project"]["entry-points"]["lok"].values()
        assert made["project"]["entry-points"]["lok"] == {"my-own": module}
        assert made["tool"]["flit"]["module"]["name"] == module
        assert any(place.startswith(f"src/{module}") for place in files)

    def test_nothing_is_left_to_fill_in(self, what):
        for place, text in render(what, "my-own").items():
            assert "$" not in place + text
            assert text.endswith("\n")
            if place.endswith(".py"):
                ast.parse(text)
            if place.endswith(".toml"):
                tomllib.loads(text)

    def test_no_person_is_named(self, what):
        assert "authors" not in tomllib.loads(render(what, "my-own")["pyproject.toml"])["project"]

    @pytest.mark.parametrize("name", ["x", "my-own", "a-name-of-several-words"])
    def test_it_is_clean(self, what, name, tmp_path):
        folder = write(what, name, tmp_path)
        # Not the order of imports, which depends on where the distribution lies.
        for args in (["check", "--select", "E,F,W,UP,B,SIM,RUF,PT,PL"], ["format", "--check"]):
            done = subprocess.run(
                [sys.executable, "-m", "ruff", *args, "--isolated", "--line-length", "110", folder],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout


class TestNames:
    @pytest.mark.parametrize("name", ["foo", "x", "my-llm", "gpt4all", "a1-b2", "print", "test"])
    def test_a_slug_is_taken(self, name, registry):
        check_name("backend", name, registry)

    @pytest.mark.parametrize(
        ("name", "better"),
        [
            ("My_LLM", "my-llm"),
            ("two words", "two-words"),
            ("-b", "b"),
            ("a--b", "a-b"),
            ("a-", "a"),
            ("7b", "my-7b"),
            ("", "my-own"),
            ("../up", "up"),
            ("caf\u00e9", "caf"),
            ("a\n", "a"),
            ("$name", "name"),
        ],
    )
    def test_anything_else_is_refused_with_one_that_would_do(self, name, better, registry):
        with pytest.raises(UsageError, match="cannot be the name of a backend") as caught:
            check_name("backend", name, registry)
        assert caught.value.hint.endswith(f"such as {better}")
        check_name("backend", better, registry)

    @pytest.mark.parametrize("name", ["class", "none", "all", "backend", "command-spec", "fake-cli"])
    def test_reserved_ones_are_refused(self, name, registry):
        with pytest.raises(UsageError, match=f"the name '{name}' is reserved") as caught:
            check_name("backend", name, registry)
        assert caught.value.hint == f"choose another name, such as my-{name}"

    @pytest.mark.parametrize(
        ("what", "name"), [("backend", "command"), ("renderer", "json"), ("rule", "strengths")]
    )
    def test_what_is_offered_already_is_refused(self, what, name, registry):
        with pytest.raises(UsageError, match=f"the {what} '{name}' is offered by lok-core already"):
            check_name(what, name, registry)

    @pytest.mark.parametrize(
        ("what", "name"),
        [("backend", "lok-backend-zed"), ("renderer", "lok-render-zed"), ("renderer", "lok-renderer-zed")],
    )
    def test_the_prefix_that_lok_adds_is_refused(self, what, name, registry):
        with pytest.raises(UsageError, match=f"'{name}' begins with lok-") as caught:
            check_name(what, name, registry)
        assert caught.value.hint == f"leave it out: lok plugin new {what} zed"

    def test_one_name_for_two_kinds_is_no_clash(self, registry):
        check_name("task", "echo", registry)

    @pytest.mark.parametrize("name", sorted(FIRST_PARTY))
    def test_those_of_lok_are_refused_though_not_installed(self, name):
        _, short, own = name.split("-")
        what = next(what for what, kind in KINDS.items() if kind.short == short)
        with pytest.raises(UsageError, match=f"{name} is one of lok's own") as caught:
            check_name(what, own, Registry())
        assert f"pip install {name}" in caught.value.hint

    def test_those_of_lok_are_all_in_the_list(self):
        assert {file.parent.name for file in ROOT.glob("plugins/*/pyproject.toml")} == FIRST_PARTY


class TestWriting:
    def test_existing_folder_is_left_as_it_is(self, tmp_path):
        (tmp_path / "lok-backend-foo").mkdir()
        with pytest.raises(UsageError, match="is there already"):
            write("backend", "foo", tmp_path)
        assert list((tmp_path / "lok-backend-foo").iterdir()) == []

    def test_link_to_nothing_is_not_followed(self, tmp_path):
        (tmp_path / "lok-backend-foo").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match="is there already"):
            write("backend", "foo", tmp_path)
        assert not (tmp_path / "elsewhere").exists()

    def test_parent_that_is_not_there_is_told(self, tmp_path):
        with pytest.raises(UsageError, match="No such file or directory") as caught:
            write("backend", "foo", tmp_path / "gone")
        assert "-d DIR" in caught.value.hint

    def test_half_of_it_does_not_stay(self, tmp_path):
        name = "a" * 242  # the name of the folder is just short enough, that of the module is not
        with pytest.raises(UsageError, match="File name too long"):
            write("backend", name, tmp_path)
        assert list(tmp_path.iterdir()) == []


def test_command_writes_into_the_working_directory_and_says_how_to_go_on(tmp_path, lok_env):
    done = run_lok(["plugin", "new", "backend", "foo"], env=lok_env, cwd=tmp_path)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == (
        "wrote lok-backend-foo; go on with\n\n"
        "    cd lok-backend-foo\n"
        '    pip install -e ".[test]"\n'
        "    pytest\n\n"
        'and then `lok ask -b foo "hi"`\n'
    )
    written = {
        str(file.relative_to(tmp_path / "lok-backend-foo"))
        for file in tmp_path.rglob("*")
        if not file.is_dir()
    }
    assert written == set(render("backend", "foo"))


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_command_writes_below_the_folder_that_is_named(before, tmp_path, lok_env):
    named = ["-d", "else where"]
    command = ["plugin", "new", "task", "foo"]
    (tmp_path / "else where").mkdir()
    done = run_lok(named + command if before else command + named, env=lok_env, cwd=tmp_path)
    assert "cd 'else where/lok-task-foo'\n" in done.stdout
    assert (tmp_path / "else where/lok-task-foo/pyproject.toml").is_file()


def test_command_without_arguments_names_the_kinds_on_one_line(tmp_path, lok_env):
    done = run_lok(["plugin", "new"], env=lok_env, cwd=tmp_path)
    assert (done.code, done.stdout) == (2, "")
    assert done.stderr.splitlines()[0].endswith("Choose from: backend, task, rule, renderer")


def test_command_refuses_the_name_of_a_command(tmp_path, lok_env):
    folder = tmp_path / "here"
    folder.mkdir()
    done = run_lok(["plugin", "new", "task", "ask"], env=lok_env, cwd=folder)
    assert done.code == 2
    assert done.stderr == "error: `lok ask` is a command already\nhint: choose another name, such as my-ask\n"
    assert list(folder.iterdir()) == []


USED = {
    # kind: (what uses it, what is seen then)
    "backend": (["ask", "-b", "sprig", "hi"], "=== SPRIG ===\nhi\n\n"),
    "task": (["task", "show", "sprig"], "Search this code base for what was left unfinished"),
    "rule": (["suggest", "-b", "sprig", "ask sprig why"], "the question names it"),
    "renderer": (["suggest", "...", "-f", "sprig"], "findings: 0\n"),
}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["editable", "wheel"])
def test_in_an_empty_environment_all_four_pass_their_tests_and_work(how, new_place):
    place = new_place()
    place.pip_install("lok-core[testing]")
    assert "sprig" not in place.lok("--help").stdout  # which remembers the tasks
    folders = {what: distribution(what, "sprig") for what in KINDS}
    for what in KINDS:
        made = place.lok("plugin", "new", what, "sprig")
        assert (made.returncode, made.stderr) == (0, "")
    if how == "wheel":
        built = place.run(
            "pip", "wheel", "-q", "--no-deps", "-w", "dist", *(f"./{one}" for one in folders.values())
        )
        assert built.returncode == 0, built.stderr
        place.pip_install(*map(str, place.folder.glob("dist/*.whl")))
    else:
        place.pip_install(*(arg for one in folders.values() for arg in ("-e", f"./{one}")))
    for what, folder in folders.items():
        tested = place.run("pytest", "-q", "-W", "error", cwd=place.folder / folder)
        assert tested.returncode == 0, tested.stdout
        args, seen = USED[what]
        used = place.lok(*args)
        assert used.returncode == 0, used.stderr
        assert seen in used.stdout
    assert "BROKEN" not in place.lok("plugins").stdout
    assert "sprig  " in place.lok("--help").stdout


def test_range_is_made_from_the_version_of_the_interfaces():
    assert tuple(map(int, lok_core.__version__.split(".")[:2])) == lok_core.API_VERSION
