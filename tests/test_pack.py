"""Tasks that are data: packs of prompts, tables of lok.toml, `lok task show`."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from importlib import import_module

import pytest
from flit_core.wheel import make_wheel_in

from lok_core import ConfigError, PluginError
from lok_core.pack import tasks_of
from lok_core.testing import load_plugin

PROJECT = """
[build-system]
requires = ["flit_core"]
build-backend = "flit_core.buildapi"
[project]
name = "{name}"
version = "2.5"
description = "a pack"
dependencies = ["lok-core"]
[project.entry-points.lok]
pack = "{module}"
"""
TASKS = """
[tasks.tidy]
description = "Find what is untidy"
preferred = ["fake"]
[[tasks.tidy.prompts]]
name = "todo"
prompt = "Find what was left undone. {facts} Braces {stay}."
category = "patterns"
[[tasks.tidy.prompts]]
name = "perf"
prompt = "Find slow code."
when = ["rails"]

[tasks.bare]
description = "Find bare words"
[[tasks.bare.prompts]]
name = "auth"
prompt = "Find words."
"""
FAKE = """
[backends.fake]
use = "command"
command = "cat"
access = { none = [], read = [] }
"""


@pytest.fixture
def pack(house):
    """Installs a pack: `pack("lok-task-tidy", TASKS)`; gives the path of its tasks.toml."""

    def install(name, tasks, code=""):
        module = name.replace("-", "_")
        project = house.folder / name
        shutil.rmtree(project, ignore_errors=True)
        (project / module).mkdir(parents=True)
        (project / module / "__init__.py").write_text(code)
        (project / module / "tasks.toml").write_text(textwrap.dedent(tasks))
        (project / "pyproject.toml").write_text(PROJECT.format(name=name, module=module))
        with zipfile.ZipFile(make_wheel_in(project / "pyproject.toml", house.folder).file) as wheel:
            wheel.extractall(house.site)
        return house.site / module / "tasks.toml"

    return install


@pytest.fixture
def lok(house):
    """lok as a process in the house, with a backend `fake` that gives its prompt back."""
    (house.folder / "lok.toml").write_text(FAKE)
    return lambda *args, **env: house.lok(*args, "-c", house.folder / "lok.toml", **env)


@pytest.fixture
def read(tmp_path):
    """Reads a tasks.toml."""

    def read(text):
        folder = tmp_path / "lok_task_tidy"
        folder.mkdir(exist_ok=True)
        (folder / "tasks.toml").write_text(textwrap.dedent(text))
        return tasks_of(folder / "tasks.toml")

    return read


def problems(read, text):
    with pytest.raises(ConfigError) as error:
        read(text)
    return list(error.value.problems)


class TestReading:
    def test_tasks_of_a_file(self, read):
        tidy, bare = read(TASKS)
        assert (tidy.name, tidy.description, tidy.preferred) == ("tidy", "Find what is untidy", ("fake",))
        assert (bare.name, bare.preferred) == ("bare", ())
        assert [(one.name, one.category, one.when) for one in tidy().prompts] == [
            ("todo", "patterns", ()),
            ("perf", "performance", ("rails",)),
        ]

    def test_a_category_follows_from_the_name(self, read):
        assert [one.category for one in read(TASKS)[1]().prompts] == ["auth"]

    def test_all_mistakes_are_told_at_once_with_their_places(self, read):
        told = problems(
            read,
            """
            [task.x]
            [tasks.a]
            descripton = "x"
            preferred = "codex"
            [[tasks.a.prompts]]
            name = "one"
            prompt = " "
            category = "performnce"
            [[tasks.a.prompts]]
            name = "one"
            prompt = 7
            when = ["djagno"]
            [tasks."not good"]
            description = "x"
            prompts = []
            """,
        )
        file = "lok_task_tidy/tasks.toml"
        assert sorted(told) == sorted(
            [
                f"{file}: task: no such table; did you mean 'tasks'?",
                f"{file}: tasks.a.descripton: no such key; did you mean 'description'?",
                f"{file}: tasks.a.description: it is missing",
                f"{file}: tasks.a.preferred: expected a list, not 'codex'",
                f"{file}: tasks.a.prompts[0].category: 'performnce' is none of its values; "
                "did you mean 'performance'?",
                f"{file}: tasks.a.prompts[0].prompt: it is empty",
                f"{file}: tasks.a.prompts[1].name: 'one' is the name of an earlier prompt",
                f"{file}: tasks.a.prompts[1].prompt: expected a string, not 7",
                f"{file}: tasks.a.prompts[1].when: lok knows no fact 'djagno'; did you mean 'django'?",
                f'{file}: tasks."not good": no name; one is made of letters, digits and -, such as my-own',
                f'{file}: tasks."not good".prompts: a task asks at least one prompt',
            ]
        )

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("", "tasks: a pack has at least one task, [tasks.NAME]"),
            ("tasks = 1", "tasks: expected a table, not 1"),
            ("[tasks]\nx = 1", "tasks.x: expected a table, not 1"),
            ("[tasks.x", "no valid TOML"),
            ('[tasks.x]\ndescription = "a\\nb"\nprompts = [{name = "a", prompt = "b"}]', "one line of text"),
            ('[tasks.x]\ndescription = "a"', "tasks.x.prompts: it is missing"),
            ('[tasks.x]\ndescription = "a"\nprompts = [7]', "tasks.x.prompts[0]: expected a table, not 7"),
            (
                '[tasks.x]\ndescription = "a"\nprompts = [{name = "a", prompt = "b", when = [1]}]',
                "tasks.x.prompts[0].when[0]: expected a string, not 1",
            ),
            (
                '[tasks.x]\ndescription = "a"\nbackends = ["x"]\nprompts = [{name = "a", prompt = "b"}]',
                "tasks.x.backends: no such key",
            ),
        ],
    )
    def test_one_mistake(self, read, text, problem):
        (told,) = problems(read, text)
        assert problem in told

    def test_what_is_right_is_read_without_the_library_that_tells_mistakes(self, read, monkeypatch):
        monkeypatch.setitem(sys.modules, "cattrs", None)
        assert len(read(TASKS)) == 2

    def test_no_code_is_needed_and_a_namespace_will_do(self, tmp_path, monkeypatch):
        folder = tmp_path / "lok_task_without_init"
        folder.mkdir()
        (folder / "tasks.toml").write_text(TASKS)
        monkeypatch.syspath_prepend(tmp_path)
        offered = load_plugin(import_module("lok_task_without_init"))
        assert [one.name for one in offered] == ["bare", "tidy"]

    def test_a_name_that_lok_keeps_for_itself_is_no_task_of_a_pack(self, tmp_path, monkeypatch):
        folder = tmp_path / "lok_task_broken_name"
        folder.mkdir()
        (folder / "tasks.toml").write_text(TASKS.replace("[tasks.bare]", "[tasks.1_2]"))
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(PluginError, match="1_2"):
            load_plugin(import_module("lok_task_broken_name"))

    @pytest.mark.parametrize(
        ("make", "reason"),
        [
            (lambda file: file.symlink_to("nowhere"), "No such file or directory"),
            (lambda file: file.symlink_to("/dev/zero"), "it is no regular file"),
            (lambda file: file.mkdir(), "Is a directory"),
            (os.mkfifo, "it is no regular file"),
        ],
        ids=["dangling", "device", "folder", "fifo"],
    )
    def test_what_is_no_file_is_told(self, tmp_path, monkeypatch, make, reason):
        folder = tmp_path / "lok_task_without_file"
        folder.mkdir()
        make(folder / "tasks.toml")
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, folder.name, raising=False)
        with pytest.raises(PluginError, match=f"tasks.toml cannot be read: .*{reason}"):
            load_plugin(import_module(folder.name))


class TestInstalled:
    @pytest.mark.slow
    def test_each_task_is_a_command(self, pack, lok, house):
        pack("lok-task-tidy", TASKS)
        listed = lok("--help").stdout
        assert re.search("^  tidy +Find what is untidy$", listed, re.MULTILINE)
        assert re.search("^  bare +Find bare words$", listed, re.MULTILINE)
        told = house.lok("plugins").stdout
        assert "lok-task-tidy" in told
        assert "2.5" in told
        assert "task bare, task tidy" in told

    def test_it_asks_its_prompts_with_the_facts(self, pack, lok, house):
        pack("lok-task-tidy", TASKS)
        result = lok("tidy", "code", "-f", "json", "-b", "fake")
        (outcome,) = result.report["outcomes"]
        assert outcome["request"]["label"] == "todo"
        assert "Languages: Python (a few files)." in outcome["request"]["prompt"]
        assert outcome["request"]["prompt"].endswith("Braces {stay}.")
        assert "told the models: Python (a few files)" in result.report["notes"]
        assert "perf is left out, as it is for Ruby on Rails" in result.report["notes"]

    @pytest.mark.slow
    def test_one_that_a_command_shadows_is_told(self, pack, house):
        pack("lok-task-tidy", TASKS.replace("tasks.tidy", "tasks.ask"))
        assert "warning: the task 'ask' of lok-task-tidy is left out, as `lok ask` is a command\n" in (
            house.lok("plugins").stdout
        )

    def test_a_broken_one_disables_itself_only(self, pack, lok, house):
        pack("lok-task-tidy", TASKS)
        pack("lok-task-odd", "[tasks.odd]\nprompts = 7\n")
        result = lok("tidy", "code", "-b", "fake")
        assert result.code == 0
        assert (
            "warning: plugin lok-task-odd is disabled: lok_task_odd/tasks.toml: tasks.odd." in result.stderr
        )
        assert "tasks.odd.prompts: expected a list, not 7" in result.stderr
        assert "tasks.odd.description: it is missing" in result.stderr

    @pytest.mark.slow
    def test_the_help_notices_that_the_file_has_changed(self, pack, lok):
        file = pack("lok-task-tidy", TASKS)
        assert "Find bare words" in lok("--help").stdout
        file.write_text(TASKS.replace("Find bare words", "Find other words"))
        assert "Find other words" in lok("--help").stdout

    @pytest.mark.slow
    def test_the_help_reads_it_once(self, pack, house):
        pack("lok-task-tidy", TASKS)
        env = {"HOME": str(house.home), "PATH": os.environ["PATH"], "PYTHONPATH": str(house.site)}
        command = [sys.executable, "-X", "importtime", "-m", "lok_core", "--help"]
        imported = []
        for _ in range(2):
            done = subprocess.run(
                command, env=env, cwd=house.folder, capture_output=True, text=True, check=True
            )
            assert "Find bare words" in done.stdout
            modules = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
            imported.append({"tomli", "cattrs", "lok_core.pack", "lok_core.registry"} & modules)
        assert imported == [{"tomli", "lok_core.pack", "lok_core.registry"}, set()]

    @pytest.mark.slow
    def test_code_and_prompts_may_stand_in_one_package(self, pack, lok):
        code = textwrap.dedent("""
            from lok_core import Prompt, PromptTask, hookimpl

            class Coded(PromptTask):
                name = "coded"
                description = "Find coded things"
                prompts = (Prompt("a", "b"),)

            @hookimpl
            def lok_register_tasks():
                return [Coded]
        """)
        pack("lok-task-tidy", TASKS, code)
        listed = lok("--help").stdout
        assert "Find coded things" in listed
        assert "Find bare words" in listed

    @pytest.mark.slow
    def test_nothing_is_left_to_ask(self, pack, lok, house):
        pack(
            "lok-task-tidy",
            TASKS.replace("[[tasks.bare.prompts]]", '[[tasks.bare.prompts]]\nwhen = ["django"]'),
        )
        result = lok("bare", "code", "-b", "fake")
        assert result.code == 2
        assert result.stderr.splitlines()[-2:] == [
            f"error: bare has nothing to ask about {house.folder / 'code'}: it is for Django",
            "hint: `lok task show bare` shows its prompts",
        ]

    @pytest.mark.slow
    def test_static_is_asked_as_ever(self, pack, lok):
        pack("lok-task-tidy", TASKS.replace('when = ["rails"]', ""))
        result = lok("tidy", "code", "-f", "json", "-b", "static")
        assert [one["request"]["label"] for one in result.report["outcomes"]] == ["todo", "perf"]
        assert not any("told the models" in note for note in result.report["notes"])


class TestOwnPrompts:
    @pytest.mark.slow
    def test_facts_and_conditions_in_lok_toml(self, house):
        (house.folder / "lok.toml").write_text(
            FAKE
            + """
            [tasks.mine]
            prompts = [
              { name = "a", prompt = "Languages: {languages}." },
              { name = "b", prompt = "no", unless = ["python"] },
            ]
            """
        )
        result = house.lok("mine", "code", "-f", "json", "-b", "fake", "-c", "lok.toml")
        (outcome,) = result.report["outcomes"]
        assert outcome["request"]["prompt"] == "Languages: Python (a few files)."
        assert "b is left out, as Python is in use" in result.report["notes"]

    @pytest.mark.slow
    def test_a_fact_that_there_is_not(self, house):
        (house.folder / "lok.toml").write_text(
            '[tasks.mine]\nprompts = [{ name = "a", prompt = "b", when = ["pyton"] }]\n'
        )
        result = house.lok("mine", "code", "-c", "lok.toml")
        assert result.code == 2
        assert (
            "tasks.mine.prompts[0].when: lok knows no fact 'pyton'; did you mean 'python'?" in result.stderr
        )


class TestShow:
    @pytest.mark.slow
    def test_of_a_plugin(self, house):
        (house.code / "Gemfile").write_text('gem "goldiloader"\n')
        (house.code / "app.rb").write_text("x\n")
        shown = house.lok("task", "show", "hunt", "code").stdout
        assert shown.startswith("hunt: Find bugs and code issues\nfrom lok-task-hunt 0.1.0\nprefers codex\n")
        parts = dict(part.split("]", 1) for part in shown.split("\n\n[")[1:])
        assert set(parts) == {"errors", "perf", "n+1", "dead-code"}
        assert "- Goldiloader: N+1 queries" in parts["n+1"]
        assert "- Goldiloader" not in parts["errors"]

    def test_of_a_pack(self, pack, lok):
        pack("lok-task-tidy", TASKS)
        shown = lok("task", "show", "tidy", "code").stdout
        assert "from lok-task-tidy 2.5\n" in shown
        assert "[todo] patterns\nFind what was left undone. Facts about" in shown
        assert shown.endswith("[perf] left out, as it is for Ruby on Rails\n")

    @pytest.mark.slow
    def test_of_lok_toml(self, house):
        file = house.folder / "lok.toml"
        file.write_text('[tasks.mine]\nprompts = [{ name = "auth", prompt = "b" }]\nbackends = ["x"]\n')
        shown = house.lok("task", "show", "mine", "code", "-c", file).stdout
        assert shown == f"mine: A task of lok.toml\nfrom {file}\nasks x\n\n[auth] auth\nb\n"

    @pytest.mark.slow
    def test_a_task_that_lok_toml_changes(self, house):
        file = house.folder / "lok.toml"
        file.write_text('[tasks.hunt]\nprompts = [{ name = "a", prompt = "b" }]\n')
        shown = house.lok("task", "show", "hunt", "code").stdout
        assert f"from lok-task-hunt 0.1.0\nits prompts from {file} (not trusted)\n" in shown

    @pytest.mark.slow
    def test_as_json(self, pack, lok, house):
        pack("lok-task-tidy", TASKS)
        told = json.loads(lok("task", "show", "tidy", "code", "-f", "json").stdout)
        assert told["schema"] == "lok.task/1"
        assert (told["name"], told["origin"], told["preferred"]) == ("tidy", "lok-task-tidy 2.5", ["fake"])
        assert told["directory"] == str(house.code)
        assert told["facts"] == "Python (a few files)"
        assert [prompt["name"] for prompt in told["prompts"]] == ["todo"]
        assert told["left_out"] == {"perf": "it is for Ruby on Rails"}

    @pytest.mark.slow
    def test_a_task_without_prompts(self, house):
        house.install("lok-task-coded", house.task("coded", "Asks by itself"))
        assert house.lok("task", "show", "coded", "code").stdout == (
            "coded: Asks by itself\nfrom lok-task-coded 1.0\n"
            "asks in its own way, and has no prompts to show\n"
        )

    @pytest.mark.slow
    def test_a_table_of_no_task(self, house):
        (house.folder / "lok.toml").write_text('[tasks.zz]\ndescription = "x"\n')
        result = house.lok("task", "show", "zz", "code", "-c", house.folder / "lok.toml")
        assert result.code == 2
        assert "[tasks.zz] is left out, as no such task is installed and it has no prompts" in result.stderr
        assert "error: no task named 'zz'\n" in result.stderr

    @pytest.mark.slow
    def test_an_unknown_name(self, house):
        result = house.lok("task", "show", "hnt", "code")
        assert (result.code, result.stdout) == (2, "")
        assert result.stderr == "error: no task named 'hnt'\nhint: did you mean 'hunt'?\n"

    @pytest.mark.slow
    def test_no_directory(self, house):
        result = house.lok("task", "show", "hunt", "nowhere")
        assert result.code == 2
        assert "error: there is no directory nowhere" in result.stderr

    @pytest.mark.slow
    def test_nobody_is_asked(self, lok, house):
        lok("task", "show", "hunt", "code")
        assert not list(house.home.rglob("*.jsonl"))


@pytest.mark.slow
def test_a_pack_that_is_being_worked_on(new_place, house, pack):
    pack("lok-task-tidy", TASKS)
    place = new_place()
    place.pip_install("flit_core", "lok-core")
    place.pip_install("--no-build-isolation", "--no-deps", "-e", str(house.folder / "lok-task-tidy"))
    assert "Find what is untidy" in place.lok("--help").stdout
    source = house.folder / "lok-task-tidy" / "lok_task_tidy" / "tasks.toml"
    source.write_text(TASKS.replace("what is untidy", "what is out of place"))
    assert "Find what is out of place" in place.lok("--help").stdout
