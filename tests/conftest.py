"""Where plugins are really installed, for tests of what lok, a real process, makes of them."""

import itertools
import os
import signal
import subprocess
import sys
import textwrap
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
from attrs import frozen
from flit_core.wheel import make_wheel_in

from lok_core.testing import run_lok

ROOT = Path(__file__).parent.parent

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


@pytest.fixture(autouse=True)
def heeded_signals():
    """Children inherit what is ignored here, as it is where pytest runs under nohup or in the background."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    ignored = [number for number in numbers if signal.getsignal(number) is signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@frozen
class Wheel:
    file: Path

    @property
    def names(self):
        with zipfile.ZipFile(self.file) as wheel:
            return set(wheel.namelist())

    @property
    def metadata(self):
        (name,) = (name for name in self.names if name.endswith(".dist-info/METADATA"))
        with zipfile.ZipFile(self.file) as wheel:
            return HeaderParser().parsestr(wheel.read(name).decode())


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """The wheel of every distribution of this repository, by its name."""
    folder = tmp_path_factory.mktemp("wheels")
    projects = {
        "lok-core": ROOT,
        **{path.name: path for path in sorted(ROOT.glob("plugins/*")) if (path / "pyproject.toml").is_file()},
    }
    return {
        name: Wheel(make_wheel_in(path / "pyproject.toml", folder).file) for name, path in projects.items()
    }


class Place:
    """An empty environment with pip, which takes this repository's distributions from their wheels."""

    def __init__(self, folder, wheels):
        self.folder = folder
        home = folder / "home"
        home.mkdir(parents=True)
        pinned = [f"{name}=={wheel.metadata['Version']}\n" for name, wheel in wheels.items()]
        (folder / "constraints.txt").write_text("".join(pinned))
        folders = {str(wheel.file.parent) for wheel in wheels.values()}
        # pip gets its registry from the environment of the tests, and need not fetch everything anew.
        self._pip = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._pip |= {
            "PIP_CONSTRAINT": str(folder / "constraints.txt"),
            "PIP_FIND_LINKS": " ".join([*folders, os.environ.get("PIP_FIND_LINKS", "")]).strip(),
            "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR") or os.path.expanduser("~/.cache/pip"),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        self.env = {
            name: value
            for name, value in self._pip.items()
            if name.startswith(("PIP_", "SSL_CERT_")) or name.lower().endswith("_proxy")
        }
        self.env |= {
            "HOME": str(home),
            "PATH": f"{folder / 'venv/bin'}:{os.defpath}",
            "LANG": "C.UTF-8",
        }
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)

    def pip_install(self, *wanted):
        """What `pip install` of these wheels, or names, does."""
        args = [one.file if isinstance(one, Wheel) else one for one in wanted]
        done = self.run("pip", "install", "-q", *args)
        assert done.returncode == 0, done.stderr

    def run(self, program, *args, cwd=None):
        """A program of the environment."""
        return subprocess.run(
            [self.folder / "venv/bin" / program, *args],
            env=self._pip if program == "pip" else self.env,
            cwd=cwd or self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def lok(self, *args):
        """The program `lok` itself, as pip made it."""
        return self.run("lok", *args)


@pytest.fixture(scope="session")
def new_place(tmp_path_factory, wheels):
    """Makes an empty environment: `new_place()`."""
    return lambda: Place(tmp_path_factory.mktemp("place"), wheels)


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
