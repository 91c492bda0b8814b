"""Where plugins are really installed, for tests of what lok, a real process, makes of them."""

import itertools
import os
import textwrap
import zipfile

import pytest
from flit_core.wheel import make_wheel_in

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

    @staticmethod
    def task(name, description):
        """The source of a task that asks echo."""
        return TASK.format(name=name, description=description)

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


@pytest.fixture(scope="session")
def new_house(tmp_path_factory):
    """Makes a house: `new_house()`."""
    return lambda: House(tmp_path_factory.mktemp("house"))


@pytest.fixture
def house(new_house):
    return new_house()
