"""The examples keep what their READMEs promise."""

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from flit_core.wheel import make_wheel_in

from lok_core.testing import run_lok

SHOP = Path(__file__).parent.parent / "examples" / "leaky-shop"


@pytest.mark.slow
def test_audit_finds_what_the_shops_readme_calls_findable(lok_env):
    faults = tomllib.loads((SHOP / "faults.toml").read_text())["fault"]
    findable = [fault for fault in faults if fault["static"]]
    result = run_lok(["audit", SHOP, "-f", "json", "-q"], env=lok_env)
    assert result.code == 0
    places = {
        (place["path"], place["line"])
        for finding in result.report["findings"]
        for place in finding["locations"][:1]
    }
    missed = [
        f"{fault['file']}:{fault['line']} {fault['what']}"
        for fault in findable
        if not any((fault["file"], fault["line"] + off) in places for off in (0, -1, 1, -2, 2))
    ]
    assert len(missed) <= len(findable) * 0.1, missed


PACK = SHOP.parent / "lok-task-django"
PROJECT = {
    "requirements.txt": "Django>=5\n",
    "manage.py": "import django\n",
    "shop/views.py": (
        "from django.shortcuts import render\n"
        "from shop.models import Book\n\n\n"
        "def books(request):\n"
        "    names = [book.author.name for book in Book.objects.all()]\n"
        "    return render(request, 'books.html', {'names': names})\n"
    ),
    "shop/models.py": "from django.db import models\n\n\nclass Book(models.Model):\n    pass\n",
}
FAKE_LLM = """#!/usr/bin/env python3
import json, os, sys
prompt = sys.stdin.read()
with open(os.environ["FAKE_LOG"], "a") as log:
    log.write(json.dumps(prompt) + "\\n")
if "select_related" in prompt:
    print("## N+1 queries in the list of books (high)\\n\\n`shop/views.py:5`\\n")
    print("```python\\n    names = [book.author.name for book in Book.objects.all()]\\n```\\n")
    print("Each book asks the database for its author; use `select_related(\\'author\\')`.")
else:
    print("I found nothing of the kind.")
"""
FAKE = """
[backends.fake]
use = "command"
command = "fake-llm"
access = { none = [], read = [] }
env = { FAKE_LOG = "{env:FAKE_LOG}" }
"""


@pytest.fixture(scope="module")
def stranger(new_place, tmp_path_factory):
    """A place with lok, static, the pack from its wheel, a Django project and a fake LLM program."""
    place = new_place()
    wheels = tmp_path_factory.mktemp("wheels")
    place.pip_install("lok-core", "lok-backend-static")
    shutil.copytree(PACK, place.folder / "pack", ignore=shutil.ignore_patterns("__pycache__"))
    place.pip_install(make_wheel_in(place.folder / "pack" / "pyproject.toml", wheels).file)
    for name, content in PROJECT.items():
        file = place.folder / "project" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    program = place.folder / "venv" / "bin" / "fake-llm"
    program.write_text(FAKE_LLM)
    program.chmod(0o755)
    (place.folder / "lok.toml").write_text(FAKE)
    place.env["FAKE_LOG"] = str(place.folder / "prompts")
    return place


@pytest.mark.slow
class TestPackOfAStranger:
    def test_its_task_is_a_command(self, stranger):
        assert "Find what goes wrong in Django projects" in stranger.lok("--help").stdout

    def test_it_is_shown(self, stranger):
        shown = stranger.lok("task", "show", "django", "project")
        assert shown.stdout.startswith(
            "django: Find what goes wrong in Django projects\nfrom lok-task-django 1.0.0\n"
        ), shown.stderr
        assert "Frameworks and libraries: Django." in shown.stdout
        assert "[serializers] left out, as it is for Django REST framework\n" in shown.stdout

    def test_it_asks_and_what_is_found_is_grounded(self, stranger):
        done = stranger.lok("django", "project", "-c", "lok.toml", "-f", "json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        prompts = [json.loads(line) for line in (stranger.folder / "prompts").read_text().splitlines()]
        assert len(prompts) == 7
        assert all("Frameworks and libraries: Django." in prompt for prompt in prompts)
        asked = {one["request"]["label"] for one in report["outcomes"] if one["backend"] == "fake"}
        assert asked == {
            *("queries", "transactions", "migrations", "injection"),
            *("mass-assignment", "access", "signals"),
        }
        assert any(one["backend"] == "static" for one in report["outcomes"])
        (found,) = report["findings"]
        assert found["grounding"] == "moved"
        assert (found["locations"][0]["path"], found["locations"][0]["line"]) == ("shop/views.py", 6)
        assert any("serializers is left out" in note for note in report["notes"])

    def test_it_has_nothing_to_ask_of_another_project(self, stranger):
        (stranger.folder / "other").mkdir(exist_ok=True)
        done = stranger.lok("django", "other", "-c", "lok.toml")
        assert (done.returncode, done.stdout) == (2, "")
        assert "it is for Django" in done.stderr

    def test_its_own_tests_pass(self, stranger):
        stranger.pip_install("lok-core[testing]")
        done = stranger.run("python", "-m", "pytest", "-q", cwd=stranger.folder / "pack")
        assert done.returncode == 0, done.stdout
