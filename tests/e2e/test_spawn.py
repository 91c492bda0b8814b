"""lok spawn with the real programs: a plan, parts, a summary; and each changing files with its own tools."""

import json
import re
import subprocess

import pytest

from .provider_answers import Scripted
from .provider_formats import Call

NAMES = ("codex", "gemini", "claude")
SAFE = ("-c", "user.name=me", "-c", "user.email=me@home")
PLAN = {
    "subtasks": [
        {"name": "queries", "description": "Find N+1 queries"},
        {"name": "injection", "description": "Find SQL injection vulnerabilities"},
        {"name": "explain", "description": "Explain this code"},
    ]
}
OLD, NEW = "not committed\n", "not committed\n{}\n"
# What each model calls, one call a turn: it changes a file, makes one, and tries to make one in the checkout.
STEPS = {
    "openai": lambda copy, code: [
        Call(
            "exec_command",
            {"cmd": f"echo openai >> hello.txt; echo new > openai.txt; echo out > {code}/openai.txt"},
        )
    ],
    "anthropic": lambda copy, code: [
        Call("Read", {"file_path": f"{copy}/hello.txt"}),
        Call(
            "Edit",
            {"file_path": f"{copy}/hello.txt", "old_string": OLD, "new_string": NEW.format("anthropic")},
        ),
        Call("Write", {"file_path": f"{copy}/anthropic.txt", "content": "new\n"}),
        Call("Write", {"file_path": f"{code}/anthropic.txt", "content": "out\n"}),
    ],
    "gemini": lambda copy, code: [
        Call(
            "replace",
            {
                "file_path": f"{copy}/hello.txt",
                "instruction": "add a line",
                "old_string": OLD,
                "new_string": NEW.format("gemini"),
            },
        ),
        Call("write_file", {"file_path": f"{copy}/gemini.txt", "content": "new\n"}),
        Call("write_file", {"file_path": f"{code}/gemini.txt", "content": "out\n"}),
    ],
}


@pytest.fixture
def panel(real):
    return real(*NAMES)


def git(panel, *words):
    argv = ["git", "-C", str(panel.code), *SAFE, *words]
    return subprocess.run(argv, check=True, env=panel.env, capture_output=True, text=True).stdout


def said(record):
    """What the real programs are told in the modes' own words, whatever they put around it."""
    if "Split a task" in record.prompt:
        return Scripted(data=PLAN)
    if "Sum up for the person" in record.prompt:
        return Scripted(text=f"summed up by {record.api}")
    return Scripted(text=f"a part by {record.api}")


def test_a_task_is_planned_and_each_part_goes_to_whom_it_suits(panel, provider):
    provider.script(said)
    done = panel.lok("spawn", "-f", "json", "Look at this")
    assert done.code == 0, done.stderr
    detail = done.report["detail"]
    assert detail["planner"] == "claude"
    assert {agent["name"]: (agent["backend"], agent["ok"]) for agent in detail["agents"]} == {
        "queries": ("codex", True),
        "injection": ("gemini", True),
        "explain": ("claude", True),
    }
    assert detail["summary"] == "summed up by anthropic"
    texts = [outcome["reply"]["text"] for outcome in done.report["outcomes"][1:4]]
    assert texts == ["a part by openai", "a part by gemini", "a part by anthropic"]
    assert panel.processes() == []


def test_each_changes_files_in_a_copy_with_its_own_tools(panel, provider):
    git(panel, "init", "-q", "-b", "main")
    git(panel, "add", "-A")
    git(panel, "commit", "-q", "-m", "start")
    (panel.code / "hello.txt").write_text("hello from the file\nnot committed\n")
    assert panel.lok("trust", str(panel.code)).code == 0
    status, index = git(panel, "status", "--porcelain"), (panel.code / ".git" / "index").read_bytes()
    results = {"openai": [], "anthropic": [], "gemini": []}

    def edits(record):
        if record.kind != "answer" or "Your part, named" not in record.prompt:
            return said(record)
        (copy,) = set(re.findall(r"/[^\s\"'<>]+?/worktrees/[^\s\"'<>/]+/part-\w+", json.dumps(record.body)))
        results[record.api] += record.results[-1:]
        left = STEPS[record.api](copy, panel.code)[len(results[record.api]) :]
        return Scripted(calls=(left[0],)) if left else said(record)

    provider.script(edits)
    named = [f"--agent=part-{name}@{name}:change a file" for name in NAMES]
    done = panel.lok("spawn", "--write", "-f", "json", *named, "Change files")
    assert done.code == 0, done.stderr
    detail = done.report["detail"]
    assert {name: len(found) for name, found in results.items()} == {"openai": 1, "anthropic": 4, "gemini": 3}
    for name, branch in zip(("openai", "gemini", "anthropic"), detail["branches"], strict=True):
        changed = git(panel, "diff", "--name-only", detail["base"], branch["name"]).split()
        assert changed == sorted(["hello.txt", f"{name}.txt"]), results[name]
        text = git(panel, "show", f"{branch['name']}:hello.txt")
        assert text == f"hello from the file\nnot committed\n{name}\n"
        assert not branch["problem"]
    assert [conflict["files"] for conflict in detail["conflicts"]] == [["hello.txt"]] * 3
    assert (panel.code / ".git" / "index").read_bytes() == index  # before git itself refreshes it
    assert git(panel, "status", "--porcelain") == status
    assert sorted(path.name for path in panel.code.iterdir()) == [".git", "hello.txt"]
    assert panel.processes() == []
