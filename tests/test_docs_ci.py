"""The workflows that docs/how-to/ci.md gives away."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.documents import ROOT, commands, parse

HOW_TO = ROOT / "docs/how-to"
GITHUB = yaml.safe_load((HOW_TO / "lok-github.yml").read_text())
GITLAB = yaml.safe_load((HOW_TO / "lok-gitlab.yml").read_text())
STEPS = GITHUB["jobs"]["lok"]["steps"]
SCRIPTS = [
    *(step["run"] for step in STEPS if "run" in step),
    *GITLAB["lok"]["script"],
    *GITLAB["lok"]["after_script"],
]


def step(name):
    return next(step for step in STEPS if step.get("name") == name)


def test_actions_are_pinned_by_their_major_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert len(used) == 3
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+", action)


def test_the_workflow_may_upload_and_nothing_else():
    assert GITHUB["permissions"] == {"contents": "read", "security-events": "write"}


def test_what_is_uploaded_is_what_lok_writes():
    assert f"-o {step('Upload')['with']['sarif_file']}" in step("Audit")["run"]
    written = re.findall(r"-o (\S+)", " ".join([*GITLAB["lok"]["script"], *GITLAB["lok"]["after_script"]]))
    assert GITLAB["lok"]["artifacts"]["paths"] == written


def test_lok_takes_the_commands_of_the_workflows(monkeypatch, tmp_path, lok_env):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", lok_env["HOME"])
    found = [words for script in SCRIPTS for words in commands(script)]
    assert len(found) == 4
    for words in found:
        parse(words, ["audit"])


@pytest.mark.slow
def test_the_steps_fail_for_what_is_new_and_for_nothing_else(tmp_path, lok_env):
    code = tmp_path / "code"
    shutil.copytree(ROOT / "examples/leaky-shop/service", code)
    env = {**lok_env, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}

    def run(script):
        return subprocess.run(["bash", "-ec", script], cwd=code, env=env, timeout=120).returncode

    known = "lok audit . -b static --baseline lok-baseline.json --update-baseline"
    assert known in (HOW_TO / "ci.md").read_text()
    assert run(known) == 0
    assert run(step("Audit")["run"]) == 0
    (code / "new.py").write_text("import os\n\n\ndef show(name):\n    os.system('cat ' + name)\n")
    assert run(step("Audit")["run"]) == 1
    assert run(step("Summary")["run"]) == 0
    assert "new.py:5" in (tmp_path / "summary.md").read_text()
    assert (code / "lok.sarif").is_file()
