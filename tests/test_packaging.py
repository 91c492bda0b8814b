"""What is built from this repository, and that it works where nothing else is installed."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

import lok_core
from lok_core.testing import run_lok

ROOT = Path(__file__).parent.parent
PROJECTS = {
    folder.name if folder != ROOT else "lok-core": folder
    for folder in (ROOT, *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml")))
}
PLUGINS = [name for name in PROJECTS if name != "lok-core"]
OFFERS = {
    "lok-backend-claude": "backend claude, backend claude-api",
    "lok-backend-codex": "backend codex",
    "lok-backend-echo": "backend echo",
    "lok-backend-gemini": "backend gemini",
    "lok-backend-openai": "backend openai",
    "lok-backend-static": "backend static",
    "lok-render-html": "renderer html",
    "lok-render-sarif": "renderer sarif",
    "lok-task-audit": "task audit",
    "lok-task-hunt": "task hunt",
}
SHIPPED = ("*.py", "py.typed", "*.json", "*.toml", "*.yml", "*.css", "*.js", "*.tmpl")
ELSEWHERE = {
    "registry": r"https?://[^\s\"'/]+/[^\s\"']*simple\b|files[.]pythonhosted|(?:index|registry)-url\s*=",
    "path of a machine": r"(?<![\w.~*-])/(?:root|home|Users|work)/\w|/tmp/\w+/|[A-Z]:\\Users\\",
}

MADE_UP = ("tests/data/reviews/", "tests/test_findings_")  # reviews, with paths of made-up machines in them

in_git = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs the git checkout")


def project(name):
    return tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text())


def source_files(name):
    """What belongs into the wheel, as it is called there."""
    module = project(name)["tool"]["flit"]["module"]["name"]
    source = PROJECTS[name] if name == "lok-core" else PROJECTS[name] / "src"
    if not (source / module).is_dir():
        return {f"{module}.py"}
    return {path.relative_to(source).as_posix() for kind in SHIPPED for path in (source / module).rglob(kind)}


def tracked():
    # Those not yet committed too, so that a fault is seen before it is in the history.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("name", PROJECTS)
class TestDistributions:
    def test_name_is_that_of_its_folder(self, wheels, name):
        assert wheels[name].metadata["Name"] == name

    def test_version_is_that_of_lok(self, wheels, name):
        assert wheels[name].metadata["Version"] == lok_core.__version__

    def test_metadata_is_complete(self, wheels, name):
        metadata = wheels[name].metadata
        assert metadata["Requires-Python"] == ">=3.11"
        assert metadata["License-Expression"] == "MIT"
        assert metadata["Author"] == "The lok authors"
        assert metadata["Summary"].endswith(".")
        assert metadata.get_payload().strip()

    def test_wheel_holds_the_modules_and_their_data(self, wheels, name):
        files = {path for path in wheels[name].names if ".dist-info/" not in path}
        assert files == source_files(name)

    def test_wheel_holds_the_licence(self, wheels, name):
        assert [path for path in wheels[name].names if path.endswith(".dist-info/licenses/LICENSE")]

    def test_wheel_holds_nothing_of_the_development(self, wheels, name):
        assert not [
            path for path in wheels[name].names if re.search(r"(^|/)(tests?|conftest|fixtures)[/.]", path)
        ]

    def test_readme_is_there(self, name):
        assert project(name)["project"]["readme"] == "README.md"
        assert (PROJECTS[name] / "README.md").read_text().startswith("# ")


def test_core_is_typed_and_a_plugin_of_itself(wheels):
    names = wheels["lok-core"].names
    assert {"lok_core/py.typed", f"lok_core-{lok_core.__version__}.dist-info/entry_points.txt"} <= names
    assert {"lok_core/schemas/lok.report-1.json", "lok_core/schemas/lok.findings-1.json"} <= names


@pytest.mark.parametrize("name", PLUGINS)
class TestPlugins:
    def test_it_needs_this_series_of_lok(self, name):
        needed = [one for one in project(name)["project"]["dependencies"] if one.startswith("lok")]
        assert needed == ["lok-core>=0.1,<0.2"]

    def test_it_is_in_the_development_environment(self, name):
        # A plain `uv run` installs no member of the workspace that is not named here.
        root = project("lok-core")
        assert name in root["dependency-groups"]["dev"]
        assert root["tool"]["uv"]["sources"][name] == {"workspace": True}

    def test_links_of_its_readme_work_outside_of_the_repository(self, wheels, name):
        links = re.findall(r"\]\(([^)]+)\)", wheels[name].metadata.get_payload())
        assert [link for link in links if not link.startswith("https://")] == []

    def test_it_is_tried_below(self, name):
        assert name in OFFERS


def test_standard_plugins_are_ours_and_of_this_series():
    extra = project("lok-core")["project"]["optional-dependencies"]["standard"]
    assert {one.removesuffix(">=0.1,<0.2") for one in extra} < set(PLUGINS)
    assert all(one.endswith(">=0.1,<0.2") for one in extra)


def test_every_plugin_works_in_this_environment(lok_env):
    listed = run_lok(["plugins"], env=lok_env).stdout
    for name, offer in OFFERS.items():
        assert re.search(rf"^{name} +{re.escape(lok_core.__version__)}  {offer}$", listed, re.MULTILINE)


@in_git
class TestRepository:
    def test_lock_file_is_not_kept(self):
        assert not [path for path in tracked() if path.name == "uv.lock"]

    @pytest.mark.parametrize("what", ELSEWHERE)
    def test_no_file_names_one(self, what):
        pattern = re.compile(ELSEWHERE[what])
        named = []
        for path in tracked():
            if str(path).startswith(MADE_UP):
                continue
            text = (ROOT / path).read_bytes().decode("utf-8", errors="replace")
            named += [f"{path}: {found[0]}" for found in pattern.finditer(text)]
        assert named == []


@pytest.fixture(scope="module")
def everything(new_place, wheels):
    place = new_place()
    place.pip_install(*wheels.values())
    (place.folder / "code").mkdir()
    (place.folder / "code/app.py").write_text(
        "import subprocess\n\n\ndef run(name):\n    try:\n"
        "        subprocess.run('ls ' + name, shell=True)\n    except:\n        pass\n"
    )
    return place


@pytest.mark.slow
class TestEverythingInstalled:
    def test_version(self, everything):
        assert everything.lok("--version").stdout == f"lok {lok_core.__version__}\n"

    def test_plugins_are_listed(self, everything):
        listed = everything.lok("plugins")
        assert listed.returncode == 0
        assert "BROKEN" not in listed.stdout
        assert all(offer in listed.stdout for offer in OFFERS.values())

    def test_tasks_find_what_was_planted(self, everything):
        hunt, audit = everything.lok("hunt", "code"), everything.lok("audit", "code")
        assert (hunt.returncode, "app.py:7" in hunt.stdout) == (0, True), hunt.stderr
        assert (audit.returncode, "app.py:6" in audit.stdout) == (0, True), audit.stderr

    def test_ask(self, everything):
        assert everything.lok("ask", "-b", "echo", "hi").stdout == "=== ECHO ===\nhi\n\n"


@pytest.fixture(scope="module")
def core_alone(new_place, wheels):
    place = new_place()
    place.pip_install(wheels["lok-core"])
    return place


@pytest.mark.slow
class TestCoreAlone:
    @pytest.mark.parametrize("args", [(), ("--help",)], ids=["lok", "lok --help"])
    def test_help_says_that_there_is_no_task(self, core_alone, args):
        done = core_alone.lok(*args)
        assert (done.returncode, done.stderr) == (0, "")
        assert 'none installed; pip install "lok-core[standard]"' in done.stdout

    def test_plugins_says_that_there_is_none(self, core_alone):
        done = core_alone.lok("plugins")
        assert (done.returncode, done.stderr) == (0, "")
        assert "only lok itself is here; pip install" in done.stdout

    def test_backends_says_that_there_is_none(self, core_alone):
        done = core_alone.lok("backends")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("no backend is installed; pip install")

    def test_ask_says_what_to_install(self, core_alone):
        done = core_alone.lok("ask", "hi")
        assert (done.returncode, done.stdout) == (3, "")
        assert "error: no backend that answers questions is installed" in done.stderr
        assert "pip install lok-backend-" in done.stderr

    def test_task_that_is_not_there_says_what_to_install(self, core_alone):
        done = core_alone.lok("hunt")
        assert (done.returncode, done.stdout) == (2, "")
        assert "lok-task-hunt" in done.stderr
