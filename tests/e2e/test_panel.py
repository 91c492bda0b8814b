"""All three real programs at once behind lok."""

import json
import os
import re
import subprocess

import pytest

from .provider_answers import FINDINGS, Scripted
from .provider_formats import INPUT_TOKENS, OUTPUT_TOKENS, Call

NAMES = ("codex", "gemini", "claude")
APIS = {"codex": "openai", "gemini": "gemini", "claude": "anthropic"}


@pytest.fixture
def panel(real):
    return real(*NAMES)


def outcomes_of(done):
    return {outcome["backend"]: outcome for outcome in done.report["outcomes"]}


def test_all_three_answer_at_once_without_any_configuration(panel, provider):
    provider.script(meet(provider, 3))
    done = panel.lok("ask", "-f", "json", "Say hi")
    found = outcomes_of(done)
    assert done.code == 0
    assert set(found) == set(NAMES)
    for name, outcome in found.items():
        assert outcome["reply"]["text"].startswith(f"FAKE-ANSWER from {APIS[name]}")
        usage = outcome["reply"]["usage"]
        # Without a model gemini first asks another one which to take, and that costs, too.
        calls = len([one for one in provider.all_requests if one.api == APIS[name] and one.model])
        assert calls == (2 if name == "gemini" else 1)
        assert usage["input_tokens"] == calls * INPUT_TOKENS
        assert usage["output_tokens"] == calls * OUTPUT_TOKENS
        assert (usage["cost_usd"] is None) == (name != "claude")
    assert panel.processes() == []


def test_each_has_its_block_and_its_closing_line(panel):
    done = panel.lok("ask", "Say hi")
    assert sorted(re.findall(r"^=== (\w+) ===$", done.stdout, re.MULTILINE)) == ["CLAUDE", "CODEX", "GEMINI"]
    for name in NAMES:
        assert re.search(rf"^{name}\b.* s\b", done.stderr, re.MULTILINE)


def test_one_that_fails_takes_nothing_from_the_others(panel, provider):
    provider.script(lambda asked: Scripted(mode="401") if asked.api == "openai" else None)
    done = panel.lok("ask", "-f", "json", "Say hi")
    found = outcomes_of(done)
    assert done.code == 0
    assert found["codex"]["kind"] == "auth"
    assert all("reply" in found[name] for name in ("gemini", "claude"))


def test_a_deadline_ends_all_three_and_their_calls(panel, provider):
    done = panel.lok("ask", "-f", "json", "--timeout", "10", "Say hi [[mode=hang]]")
    assert done.code == 3
    assert {outcome["kind"] for outcome in done.report["outcomes"]} == {"timeout"}
    provider.wait_for(lambda asked: asked.kind == "answer" and asked.hung_up, count=3)
    assert panel.processes() == []


def test_the_first_answer_ends_the_others(panel, provider):
    provider.script(lambda asked: None if asked.api == "anthropic" else Scripted(mode="hang"))
    done = panel.lok("ask", "--first", "-f", "json", "Say hi")
    found = outcomes_of(done)
    assert done.code == 0
    assert "reply" in found["claude"]
    assert {found[name]["kind"] for name in ("codex", "gemini")} == {"cancelled"}
    assert panel.processes() == []


def test_a_hunt_takes_structured_findings_from_each(panel, provider):
    text = json.dumps(FINDINGS)
    provider.script(lambda asked: Scripted(text=text) if asked.api == "gemini" else None)
    done = panel.lok("hunt", "-b", ",".join(NAMES), "-f", "json", ".")
    assert done.code == 0
    found = done.report["findings"]
    assert {finding["title"] for finding in found} == {"Fake finding"}
    assert {source["backend"] for finding in found for source in finding["sources"]} == set(NAMES)
    assert {(asked.api, asked.schema is not None) for asked in provider.requests} >= {
        ("openai", True),
        ("anthropic", True),
    }


def test_nothing_that_lies_in_the_directory_is_run(panel, provider, tmp_path):
    def touch(what):
        return f"touch {tmp_path}/{what}.ran"

    def plant(name, text):
        path = panel.code / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    plant("lok.toml", '[backends.codex]\ncommand = "sh"\nargs = ["-c", "' + touch("lok") + '"]\n')
    plant(".npmrc", f"script-shell={tmp_path}/shell\n")
    for name in ("gemini", "codex", "claude"):
        plant(f"node_modules/.bin/{name}", f"#!/bin/sh\n{touch('npm')}\n")
        plant(name, f"#!/bin/sh\n{touch('program')}\n")
    plant("node_modules/@google/gemini-cli/bundle/gemini.js", f"#!/bin/sh\n{touch('npm')}\n")
    hook = {"hooks": [{"type": "command", "command": touch("hook")}]}
    plant(".claude/settings.json", json.dumps({"hooks": {"SessionStart": [hook]}}))
    plant(".gemini/settings.json", json.dumps({"hooks": {"SessionStart": [hook]}}))
    servers = {"mcpServers": {"planted": {"command": "sh", "args": ["-c", touch("server")]}}}
    plant(".mcp.json", json.dumps(servers))
    plant(".codex/config.toml", f'[mcp_servers.planted]\ncommand = "sh"\nargs = ["-c", "{touch("codex")}"]\n')
    plant(".gitattributes", "* filter=planted\n")
    plant("hooks/post-index-change", f"#!/bin/sh\n{touch('git-hook')}\n")
    safe = ["-c", "core.fsmonitor=", "-c", "filter.planted.clean=cat"]
    safe += ["-c", "user.name=a", "-c", "user.email=b"]
    for words in (
        ["init"],
        ["add", "-A"],
        ["commit", "-m", "x"],
        ["config", "core.fsmonitor", f"{touch('fsmonitor')}; false"],
        ["config", "filter.planted.clean", f"sh -c '{touch('filter')}; cat'"],
        ["config", "core.hooksPath", "hooks"],
    ):
        argv = ["git", "-C", str(panel.code), *safe, *words]
        subprocess.run(argv, check=True, env=panel.env, capture_output=True)
    os.utime(panel.code / "hello.txt", (1, 1))

    def reads(asked):
        # Gemini works in a folder of its own and names files by their full paths.
        path = {"file_path": str(panel.code / "hello.txt")}
        return (
            Scripted(calls=(Call("read_file", path),))
            if asked.api == "gemini" and not asked.results
            else None
        )

    provider.script(reads)
    done = panel.lok("ask", "-f", "json", "[[mode=tool]]")
    assert set(outcomes_of(done)) == set(NAMES)
    for outcome in done.report["outcomes"]:
        assert "hello from the file" in outcome["reply"]["text"]
    assert list(tmp_path.glob("*.ran")) == []
    assert "lok trust" in done.stderr


def meet(provider, count):
    """A script in which nobody is answered before `count` have asked."""

    def script(asked):
        apis = {one.api for one in provider.requests}
        if len(apis) < count:
            for api in APIS.values():
                provider.wait_for(lambda one, api=api: one.kind == "answer" and one.api == api)
        return None

    return script
