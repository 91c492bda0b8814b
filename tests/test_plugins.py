"""Plugins that are really installed, and what lok, a real process, makes of those that do not load."""

import subprocess
import sys
from pathlib import Path

import pytest

from lok_core.cli.catalog import task_descriptions

BROKEN = {
    # distribution: (its module, what has to be said about it)
    "lok-task-raising": ("raise RuntimeError('no luck today')", "RuntimeError: no luck today"),
    "lok-task-unfinished": ("def lok_register_tasks(:", "SyntaxError"),
    "lok-backend-needy": ("import a_library_that_nobody_has", "No module named 'a_library_that_nobody_has'"),
    "lok-backend-hook": (
        "@hookimpl\ndef lok_register_backends():\n    raise OSError('the hook broke')",
        "OSError: the hook broke",
    ),
    "lok-task-class": (
        "class Asks(Task):\n    name = 'x'\n\n@hookimpl\ndef lok_register_tasks():\n    return Asks",
        "lok_register_tasks must return a list of classes",
    ),
    "lok-task-number": (
        "@hookimpl\ndef lok_register_tasks():\n    return [7]",
        "offers 7, which is no subclass",
    ),
    "lok-task-misspelt": (
        "@hookimpl\ndef lok_register_task():\n    return []",
        "no hook is named lok_register_task",
    ),
    "lok-task-unmarked": (
        "def lok_register_tasks():\n    return []",
        "lok_register_tasks is not marked with @hookimpl",
    ),
    "lok-backend-abstract": (
        "class M(Backend):\n    kind = 'm'\n\n@hookimpl\ndef lok_register_backends():\n    return [M]",
        "M lacks query",
    ),
    "lok-task-misnamed": (
        "class M(PromptTask):\n    name = 'two words'\n\n"
        "@hookimpl\ndef lok_register_tasks():\n    return [M]",
        "'two words', not a name",
    ),
    "lok-task-leaving": ("import sys\nsys.exit('needs a newer Python')", "SystemExit: needs a newer Python"),
    "lok-task-hook-leaving": (
        "@hookimpl\ndef lok_register_tasks():\n    raise SystemExit('not today')",
        "SystemExit: not today",
    ),
    "lok-task-forgetful": (
        "@hookimpl\ndef lok_register_tasks():\n    [Task]",
        "lok_register_tasks must return a list of classes, not NoneType",
    ),
    "lok-task-eager": (
        "@hookimpl\ndef lok_register_tasks(settings):\n    return []",
        "PluginValidationError",
    ),
    "lok-task-terse": (
        "class T(Task):\n    name = 'terse'\n    async def run(self, job):\n        pass\n\n"
        "@hookimpl\ndef lok_register_tasks():\n    return [T]",
        "T.description is no text",
    ),
    "lok-task-prompts": (
        "class T(PromptTask):\n    name = 't'\n    description = 't'\n    prompts = ('what is wrong?',)\n\n"
        "@hookimpl\ndef lok_register_tasks():\n    return [T]",
        "T.prompts is no tuple of Prompt",
    ),
    "lok-backend-profile": (
        "class B(Backend):\n    kind = 'b'\n    profile = {'is_llm': True}\n"
        "    async def query(self, request, run):\n        return Reply('')\n\n"
        "@hookimpl\ndef lok_register_backends():\n    return [B]",
        "B.profile is no Profile",
    ),
    "lok-task-colourful": (
        "raise RuntimeError('\\x1b[31mred\\nand a \\x07second line')",
        "RuntimeError: red and a \\x07second line",
    ),
}
TWINS = ("lok-task-abel", "lok-task-cain")
DAMAGED = "lok-task-damaged"
ALL_BUT_ONE = ",".join([*BROKEN, DAMAGED, TWINS[1]])
COMMANDS = (
    ("--help",),
    ("backends",),
    ("plugins",),
    ("plugins", "-v"),
    ("ask", "-b", "echo", "hi"),
    ("ask", "-b", "echo", "-f", "json", "hi"),
    ("hunt", "code"),
)
WARNING = [command for command in COMMANDS if command[0] != "plugins"]  # which lists them instead


@pytest.fixture(scope="module")
def bedlam(new_house):
    """Every kind of broken plugin, two that claim one name, damaged files, and some that work."""
    house = new_house()
    for distribution, (source, _) in BROKEN.items():
        house.install(distribution, source)
    for distribution in TWINS:
        house.install(distribution, house.task("twin", "Finds its like"))
    house.install("lok-task-sound", house.task("sound", "Works as it should"), version="3.1")
    house.install("lok-task-loud", "print('hello from loud')\n" + house.task("loud", "Red \\x07\\x08alert"))
    for distribution in (DAMAGED, "lok-task-nameless"):
        house.install(distribution, house.task("never", "Is never seen"))
    next(house.site.glob("lok_task_damaged-*/entry_points.txt")).write_text("[lok]\nno value\n")
    next(house.site.glob("lok_task_nameless-*/METADATA")).unlink()
    return house


def row(listing, distribution):
    """What `lok plugins` says about a distribution."""
    lines = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [line[1:] for line in lines if line and line[0] == distribution]


@pytest.mark.slow
class TestBrokenPlugins:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_every_command_works(self, bedlam, command):
        done = bedlam.said(*command)
        assert done.code == 0, done.stderr
        assert "Traceback" not in done.stderr

    def test_answers_come_as_without_them(self, bedlam):
        assert bedlam.said("ask", "-b", "echo", "hi").stdout == "=== ECHO ===\nhi\n\n"
        report = bedlam.said("ask", "-b", "echo", "-f", "json", "hi").report
        assert [outcome["reply"]["text"] for outcome in report["outcomes"]] == ["hi"]
        assert "app.py:3" in bedlam.said("hunt", "code").stdout

    def test_tasks_that_work_are_in_the_help(self, bedlam):
        assert "Works as it should" in bedlam.said("--help").stdout
        assert "Find bugs and code issues" in bedlam.said("--help").stdout

    @pytest.mark.parametrize("distribution", BROKEN)
    def test_plugins_says_what_is_wrong_with_it(self, bedlam, distribution):
        ((version, offer),) = row(bedlam.said("plugins").stdout, distribution)
        assert (version, offer[:7]) == ("1.0", "BROKEN:")
        assert BROKEN[distribution][1] in offer

    @pytest.mark.parametrize("command", [COMMANDS[4], COMMANDS[-1]], ids=" ".join)
    @pytest.mark.parametrize("distribution", BROKEN)
    def test_one_line_names_it_and_the_way_out(self, bedlam, command, distribution):
        errors = bedlam.said(*command).stderr.splitlines()
        (told,) = {line for line in errors if f"plugin {distribution} is disabled" in line}
        assert BROKEN[distribution][1] in told
        assert f"LOK_DISABLE_PLUGINS={distribution}" in told

    @pytest.mark.parametrize("command", WARNING, ids=" ".join)
    def test_nothing_is_said_twice(self, bedlam, command):
        warnings = [line for line in bedlam.said(*command).stderr.splitlines() if line.startswith("warning")]
        assert len(warnings) == len(set(warnings)) == len(BROKEN) + 2  # DAMAGED, and the twins

    @pytest.mark.parametrize("command", WARNING, ids=" ".join)
    def test_warnings_are_no_part_of_the_output(self, bedlam, command):
        assert "warning" not in bedlam.said(*command).stdout

    def test_messages_hold_no_control_characters(self, bedlam):
        shown = bedlam.said("ask", "-b", "echo", "hi").stderr + bedlam.said("plugins", "-v").stdout
        assert not {"\x1b", "\x07"} & set(shown)

    def test_command_it_would_have_had_is_an_error_that_names_it(self, bedlam):
        done = bedlam.lok("raising", "code")
        assert (done.code, done.stdout) == (2, "")
        assert "plugin lok-task-raising is disabled" in done.stderr
        assert "error: no command named 'raising'" in done.stderr

    def test_traceback_is_shown_when_asked_for(self, bedlam):
        assert "Traceback" not in bedlam.said("plugins").stdout
        shown = bedlam.said("plugins", "-v").stdout
        assert "lok-task-raising:plugin\nTraceback" in shown
        assert "lok_task_raising.py" in shown

    def test_plugin_beside_them_works(self, bedlam):
        assert row(bedlam.said("plugins").stdout, "lok-task-sound") == [["3.1", "task sound"]]
        done = bedlam.lok("sound", "code")
        assert (done.code, done.stdout.startswith("Task: sound\n")) == (0, True)
        assert done.stdout.count("what sound asks") == 1

    def test_disabling_silences_them(self, bedlam):
        assert "warning" not in bedlam.said("twin", "code", LOK_DISABLE_PLUGINS=ALL_BUT_ONE).stderr

    def test_disabled_ones_are_listed_as_such(self, bedlam):
        listed = bedlam.lok("plugins", LOK_DISABLE_PLUGINS=ALL_BUT_ONE).stdout
        assert "BROKEN" not in listed
        for distribution in BROKEN:
            assert row(listed, distribution) == [["1.0", "disabled by LOK_DISABLE_PLUGINS"]]


class TestDamagedDistributions:
    def test_it_is_named_and_its_task_is_not_there(self, bedlam):
        assert "Is never seen" not in bedlam.said("--help").stdout
        ((version, offer),) = row(bedlam.said("plugins").stdout, DAMAGED)
        assert (version, offer[:7]) == ("?", "BROKEN:")

    def test_disabling_silences_it(self, bedlam):
        assert DAMAGED not in bedlam.said("twin", "code", LOK_DISABLE_PLUGINS=ALL_BUT_ONE).stderr


class TestLoudPlugins:
    def test_what_is_printed_on_import_is_no_part_of_the_output(self, bedlam):
        done = bedlam.said("ask", "-b", "echo", "-f", "json", "hi")
        assert done.report["outcomes"]
        assert "hello from loud" in done.stderr

    def test_help_shows_control_characters_of_a_description_as_text(self, bedlam):
        assert "Red \\x07\\x08alert" in bedlam.said("--help").stdout


class TestTwoOfOneName:
    @pytest.mark.parametrize("command", [("plugins",), COMMANDS[4]], ids=" ".join)
    def test_both_are_named_with_the_way_out(self, bedlam, command):
        done = bedlam.said(*command)
        told = [line for line in (done.stdout + done.stderr).splitlines() if "'twin'" in line]
        assert len(told) == 1
        assert all(word in told[0] for word in (*TWINS, "LOK_DISABLE_PLUGINS"))

    def test_running_it_is_an_error(self, bedlam):
        done = bedlam.lok("twin", "code", "-q")
        assert (done.code, done.stdout) == (2, "")
        error, hint = done.stderr.splitlines()[-2:]
        assert error.startswith("error:")
        assert all(name in error for name in TWINS)
        assert hint.startswith("hint: set LOK_DISABLE_PLUGINS=lok-task-")

    def test_one_works_without_the_other(self, bedlam):
        done = bedlam.said("twin", "code", LOK_DISABLE_PLUGINS=ALL_BUT_ONE)
        assert (done.code, "what twin asks" in done.stdout) == (0, True)


class TestRememberedTasks:
    """The list of tasks is kept between runs, and must not be older than what is installed."""

    @pytest.fixture
    def shown(self, house):
        house.install("lok-task-old", house.task("old", "Old news"))
        assert self.tasks(house)["old"] == "Old news"
        assert list((house.home / ".cache" / "lok").iterdir())
        return house

    def tasks(self, house, **env):
        section = house.lok("--help", **env).stdout.split("Tasks:\n")[1].split("\n\n")[0]
        return {name: text for name, text in (line.split(maxsplit=1) for line in section.splitlines())}

    def test_new_plugin_is_noticed(self, shown):
        shown.install("lok-task-new", shown.task("new", "New here"))
        assert {"old", "new", "hunt"} <= set(self.tasks(shown))

    @pytest.mark.slow
    def test_new_plugin_is_noticed_with_a_safe_path(self, house):
        assert "new" not in self.tasks(house, PYTHONSAFEPATH="1")
        house.install("lok-task-new", house.task("new", "New here"))
        assert "new" in self.tasks(house, PYTHONSAFEPATH="1")

    def test_removed_plugin_is_noticed(self, shown):
        shown.uninstall("lok-task-old")
        done = shown.lok("old")
        assert (done.code, "no command named 'old'" in done.stderr) == (2, True)

    def test_changed_plugin_is_noticed(self, shown):
        module = shown.site / "lok_task_old.py"
        module.write_text(module.read_text().replace("Old news", "Something else altogether"))
        assert self.tasks(shown)["old"] == "Something else altogether"

    def test_repaired_plugin_is_noticed(self, house):
        house.install("lok-task-mended", "raise RuntimeError('not yet')")
        assert "mended" not in self.tasks(house)
        house.install("lok-task-mended", house.task("mended", "Works by now"))
        assert self.tasks(house)["mended"] == "Works by now"

    def test_disabled_plugin_is_noticed(self, shown):
        assert "old" not in self.tasks(shown, LOK_DISABLE_PLUGINS="lok-task-old")
        assert "old" in self.tasks(shown)

    def test_other_folders_of_plugins_are_noticed(self, shown, tmp_path):
        other = tmp_path / "other"
        other.mkdir()
        assert "old" not in self.tasks(shown, PYTHONPATH=str(other))

    def test_damaged_memory_is_made_anew(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        tasks = task_descriptions({})
        (file,) = (tmp_path / "lok").iterdir()
        for damaged in ("", '{"setting": ', "[]", '{"setting": []}'):
            file.write_text(damaged)
            assert task_descriptions({}) == tasks

    def test_memory_that_cannot_be_kept_is_no_loss(self, tmp_path, monkeypatch):
        (tmp_path / "file").touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
        assert "hunt" in task_descriptions({})


@pytest.mark.slow
def test_plugins_installed_by_pip(house):
    broken = house.build("lok-task-raising", BROKEN["lok-task-raising"][0])
    sound = house.build("lok-task-sound", house.task("sound", "Works as it should"))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", house.site]
    subprocess.run([*pip, broken, sound], check=True, capture_output=True, timeout=60)
    listed = house.lok("plugins")
    assert listed.code == 0
    assert row(listed.stdout, "lok-task-sound") == [["1.0", "task sound"]]
    assert row(listed.stdout, "lok-task-raising") == [["1.0", "BROKEN: RuntimeError: no luck today"]]
    done = house.lok("sound", Path("code"))
    assert (done.code, "what sound asks" in done.stdout) == (0, True)
    assert "plugin lok-task-raising is disabled" in done.stderr
