"""Plugins that are really installed, and what lok, a real process, makes of those that are wrong."""

import itertools
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest
from flit_core.wheel import make_wheel_in

from lok_core.cli.catalog import task_descriptions
from lok_core.testing import run_lok

HEAD = """
from lok_core import Backend, Profile, Prompt, PromptTask, Renderer, Reply, Request, Rule, Task, hookimpl
"""
TASK = """
class Asks(Task):
    name = "{name}"
    description = "{description}"

    async def run(self, job):
        await job.ask(Request("what {name} asks", job.directory, backend="echo"))


@hookimpl
def lok_register_tasks():
    return [Asks]
"""

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
    "lok-task-misnamed": (TASK.format(name="two words", description=""), "'two words', not a name"),
}
TWINS = ("lok-task-abel", "lok-task-cain")
ALL_BUT_ONE = ",".join([*BROKEN, f"{TWINS[1]}:plugin"])
COMMANDS = (
    ("--help",),
    ("backends",),
    ("plugins",),
    ("plugins", "-v"),
    ("ask", "-b", "echo", "hi"),
    ("ask", "-b", "echo", "-f", "json", "hi"),
    ("hunt", "code"),
)


class House:
    """A folder that Python imports from besides its own, with distributions in it, and a HOME."""

    def __init__(self, folder):
        self.folder = folder
        self.site = folder / "site"
        self.code = folder / "code"
        self.home = folder / "home"
        for made in (self.site, self.code, self.home):
            made.mkdir()
        (self.code / "app.py").write_text("try:\n    f()\nexcept:\n    pass\n")
        self._numbers = itertools.count()
        self._said = {}

    def build(self, distribution, source, version="1.0"):
        """The wheel of a distribution with one module, which its entry point names."""
        module = distribution.replace("-", "_")
        project = self.folder / f"{distribution}-{next(self._numbers)}"
        project.mkdir()
        (project / f"{module}.py").write_text(HEAD + textwrap.dedent(source))
        (project / "pyproject.toml").write_text(
            textwrap.dedent(f"""
                [build-system]
                requires = ["flit_core"]
                build-backend = "flit_core.buildapi"
                [project]
                name = "{distribution}"
                version = "{version}"
                description = "a plugin"
                dependencies = ["lok-core"]
                [project.entry-points.lok]
                plugin = "{module}"
            """)
        )
        return make_wheel_in(project / "pyproject.toml", self.folder).file

    def install(self, distribution, source, version="1.0"):
        """What installing a wheel of pure Python amounts to; with pip it would take a second each."""
        with zipfile.ZipFile(self.build(distribution, source, version)) as wheel:
            wheel.extractall(self.site)

    def uninstall(self, distribution):
        for info in self.site.glob(f"{distribution.replace('-', '_')}-*.dist-info"):
            for line in (info / "RECORD").read_text().splitlines():
                (self.site / line.split(",")[0]).unlink()
            info.rmdir()

    def lok(self, *args, **env):
        """lok as a process."""
        own = {
            "HOME": str(self.home),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.site),
            "LANG": "C.UTF-8",
        }
        return run_lok(args, env=own | env, cwd=self.folder)

    def said(self, *args, **env):
        """The same, once for all tests that look at it."""
        key = (args, *env.items())
        if key not in self._said:
            self._said[key] = self.lok(*args, **env)
        return self._said[key]


@pytest.fixture
def house(tmp_path):
    return House(tmp_path)


@pytest.fixture(scope="module")
def bedlam(tmp_path_factory):
    """Every kind of broken plugin, two that claim one name, and one that works."""
    house = House(tmp_path_factory.mktemp("bedlam"))
    for distribution, (source, _) in BROKEN.items():
        house.install(distribution, source)
    for distribution in TWINS:
        house.install(distribution, TASK.format(name="twin", description="Finds its like"))
    house.install(
        "lok-task-sound", TASK.format(name="sound", description="Works as it should"), version="3.1"
    )
    return house


@pytest.fixture(scope="module")
def faulty(tmp_path_factory):
    """Plugins that load well and fail once they are used."""
    house = House(tmp_path_factory.mktemp("faulty"))
    for distribution, source in FAULTY.items():
        house.install(distribution, source)
    return house


FAULTY = {
    "lok-backend-stillborn": """
        class Stillborn(Backend):
            kind = "stillborn"
            def __init__(self, name, config):
                raise RuntimeError("cannot be made")
            async def query(self, request, run):
                return Reply("never")

        @hookimpl
        def lok_register_backends():
            return [Stillborn]
    """,
    "lok-backend-shy": """
        class Shy(Backend):
            kind = "shy"
            def available(self, env):
                raise KeyError("SHY_HOME")
            async def query(self, request, run):
                return Reply("never")

        @hookimpl
        def lok_register_backends():
            return [Shy]
    """,
    "lok-backend-fragile": """
        class Fragile(Backend):
            kind = "fragile"
            profile = Profile(asked_by_default=False)
            async def query(self, request, run):
                run.text("half a sent")
                raise ZeroDivisionError("in the plugin")
            async def aclose(self):
                raise RuntimeError("stuck")

        class Sloppy(Fragile):
            kind = "sloppy"
            async def query(self, request, run):
                return "only a text"

        class Calm(Backend):
            kind = "calm"
            async def query(self, request, run):
                return Reply("calm says " + request.prompt)

        @hookimpl
        def lok_register_backends():
            return [Fragile, Sloppy, Calm]
    """,
    "lok-render-torn": """
        class Torn(Renderer):
            name = "torn"
            suffix = ".torn"
            def render(self, report, view):
                yield "the first piece"
                raise ValueError("no second piece")

        @hookimpl
        def lok_register_renderers():
            return [Torn]
    """,
    "lok-rule-furious": """
        class Furious(Rule):
            name = "furious"
            def votes(self, request, backends):
                raise RuntimeError("no opinion")

        @hookimpl
        def lok_register_rules():
            return [Furious]
    """,
    "lok-task-quitter": """
        class Quitter(Task):
            name = "quitter"
            description = "Gives up half way"
            async def run(self, job):
                await job.ask(Request("the first question", job.directory, backend="echo"))
                raise LookupError("lost the second one")

        class Delegates(Task):
            name = "delegates"
            description = "Leaves the choice to the rules"
            async def run(self, job):
                await job.ask(Request("who is there?", job.directory))

        class Shadow(Quitter):
            name = "ask"
            description = "Pretends to be lok ask"

        @hookimpl
        def lok_register_tasks():
            return [Quitter, Delegates, Shadow]
    """,
}


def row(listing, distribution):
    """What `lok plugins` says about a distribution."""
    lines = [line.split(maxsplit=2) for line in listing.splitlines()]
    return [line[1:] for line in lines if line and line[0] == distribution]


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
        said = row(bedlam.said("plugins").stdout, distribution)
        assert ["1.0", "BROKEN"] in [[version, offer[:6]] for version, offer in said]
        assert BROKEN[distribution][1] in said[-1][1]

    @pytest.mark.parametrize("command", [COMMANDS[4], COMMANDS[-1]], ids=" ".join)
    @pytest.mark.parametrize("distribution", BROKEN)
    def test_one_line_names_it_and_the_way_out(self, bedlam, command, distribution):
        errors = bedlam.said(*command).stderr.splitlines()
        told = [line for line in errors if f"plugin {distribution} is disabled" in line]
        assert len(told) == 1
        assert BROKEN[distribution][1] in told[0]
        assert f"LOK_DISABLE_PLUGINS={distribution}" in told[0]

    def test_traceback_is_shown_when_asked_for(self, bedlam):
        assert "Traceback" not in bedlam.said("plugins").stdout
        shown = bedlam.said("plugins", "-v").stdout
        assert "lok-task-raising:plugin\nTraceback" in shown
        assert "lok_task_raising.py" in shown

    def test_plugin_beside_them_works(self, bedlam):
        assert row(bedlam.said("plugins").stdout, "lok-task-sound") == [["3.1", "task sound"]]
        done = bedlam.lok("sound", "code")
        assert (done.code, "what sound asks" in done.stdout) == (0, True)

    def test_disabling_silences_them(self, bedlam):
        assert "warning" not in bedlam.said("twin", "code", LOK_DISABLE_PLUGINS=ALL_BUT_ONE).stderr

    def test_disabled_ones_are_listed_as_such(self, bedlam):
        listed = bedlam.lok("plugins", LOK_DISABLE_PLUGINS=ALL_BUT_ONE).stdout
        assert "BROKEN" not in listed
        for distribution in BROKEN:
            assert row(listed, distribution) == [["1.0", "disabled by LOK_DISABLE_PLUGINS"]]


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


class TestFaultyBackends:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [("stillborn", "RuntimeError: cannot be made"), ("shy", "available() raised KeyError: 'SHY_HOME'")],
    )
    def test_backends_says_what_is_wrong(self, faulty, name, reason):
        done = faulty.said("backends")
        assert done.code == 0
        told = [line for line in done.stdout.splitlines() if line.split()[:2] == [name, "broken"]]
        assert len(told) == 1
        assert reason in told[0]

    def test_others_are_asked(self, faulty):
        done = faulty.said("ask", "hi")
        assert (done.code, done.stdout) == (0, "=== CALM ===\ncalm says hi\n\n")

    def test_asking_one_that_cannot_be_made_is_an_error(self, faulty):
        done = faulty.lok("ask", "-b", "stillborn,echo", "hi")
        assert (done.code, done.stdout) == (2, "")
        assert "error: the backend 'stillborn' is broken" in done.stderr
        assert "cannot be made" in done.stderr

    def test_one_that_raises_takes_nothing_from_the_others(self, faulty):
        done = faulty.lok("ask", "-b", "fragile,sloppy,echo", "-f", "json", "hi")
        assert done.code == 0
        fragile, sloppy, echo = done.report["outcomes"]
        assert (fragile["kind"], fragile["partial"]) == ("plugin", "half a sent")
        assert "lok_backend_fragile raised ZeroDivisionError: in the plugin" in fragile["message"]
        assert (sloppy["kind"], "str instead of a Reply" in sloppy["message"]) == ("plugin", True)
        assert echo["reply"]["text"] == "hi"
        assert "Traceback" not in done.stderr

    def test_nobody_else_asked_means_no_answer(self, faulty):
        done = faulty.lok("ask", "-b", "fragile", "hi", "-v")
        assert done.code == 3
        assert "half a sent" in done.stdout
        assert "lok_backend_fragile.py" in done.stderr
        assert "fragile did not close: RuntimeError('stuck')" in done.stderr


class TestFaultyRenderers:
    def test_report_is_shown_as_text(self, faulty):
        done = faulty.lok("ask", "-b", "echo", "-f", "torn", "hi")
        assert (done.code, done.stdout) == (4, "=== ECHO ===\nhi\n\n")
        assert "error: the format 'torn' failed: ValueError: no second piece" in done.stderr

    def test_report_is_written_as_text(self, faulty):
        done = faulty.lok("ask", "-b", "echo", "-f", "torn", "-o", "report.torn", "hi")
        assert (done.code, done.stdout) == (4, "")
        assert (faulty.folder / "report.torn").read_text() == "=== ECHO ===\nhi\n\n"


class TestFaultyTasks:
    def test_what_was_answered_is_shown(self, faulty):
        done = faulty.lok("quitter", "code")
        assert (done.code, "the first question" in done.stdout) == (4, True)
        assert "the task quitter broke off: LookupError: lost the second one" in done.stderr

    def test_report_says_it_is_incomplete(self, faulty):
        report = faulty.lok("quitter", "code", "-f", "json").report
        assert (len(report["outcomes"]), report["interrupted"]) == (1, True)
        assert "broke off" in report["notes"][0]

    def test_built_in_command_is_not_shadowed(self, faulty):
        assert faulty.said("ask", "hi").stdout == "=== CALM ===\ncalm says hi\n\n"
        assert "Pretends" not in faulty.said("--help").stdout
        assert faulty.said("--help").stdout.count("\n  ask ") == 1


def test_rule_that_raises_has_no_say(faulty):
    done = faulty.lok("delegates", "code")
    assert (done.code, "calm says who is there?" in done.stdout) == (0, True)


class TestRememberedTasks:
    """The list of tasks is kept between runs, and must not be older than what is installed."""

    @pytest.fixture
    def shown(self, house):
        house.install("lok-task-old", TASK.format(name="old", description="Old news"))
        assert self.tasks(house)["old"] == "Old news"
        assert list((house.home / ".cache" / "lok").iterdir())
        return house

    def tasks(self, house, **env):
        section = house.lok("--help", **env).stdout.split("Tasks:\n")[1].split("\n\n")[0]
        return {name: text for name, text in (line.split(maxsplit=1) for line in section.splitlines())}

    def test_new_plugin_is_noticed(self, shown):
        shown.install("lok-task-new", TASK.format(name="new", description="New here"))
        assert {"old", "new", "hunt"} <= set(self.tasks(shown))

    def test_removed_plugin_is_noticed(self, shown):
        shown.uninstall("lok-task-old")
        done = shown.lok("old")
        assert (done.code, "no command named 'old'" in done.stderr) == (2, True)

    def test_changed_plugin_is_noticed(self, shown):
        module = shown.site / "lok_task_old.py"
        module.write_text(module.read_text().replace("Old news", "Something else altogether"))
        assert self.tasks(shown)["old"] == "Something else altogether"

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
    sound = house.build("lok-task-sound", TASK.format(name="sound", description="Works as it should"))
    pip = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", house.site]
    subprocess.run([*pip, broken, sound], check=True, capture_output=True, timeout=60)
    listed = house.lok("plugins")
    assert listed.code == 0
    assert row(listed.stdout, "lok-task-sound") == [["1.0", "task sound"]]
    assert row(listed.stdout, "lok-task-raising") == [["1.0", "BROKEN: RuntimeError: no luck today"]]
    done = house.lok("sound", Path("code"))
    assert (done.code, "what sound asks" in done.stdout) == (0, True)
    assert "plugin lok-task-raising is disabled" in done.stderr
