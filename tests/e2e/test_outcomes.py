"""The table of outcomes, proven in one run of lok: each backend once for each thing that a provider does."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from . import outcomes
from .clis import private_folder
from .conftest import KEYS, ready
from .outcomes import APIS, NAMES, OUTCOMES
from .provider import FakeProvider
from .provider_answers import Scripted

PROMPT = "Say hi to the reader of SECRET-PROMPT"
NOBODY = "http://127.0.0.1:9"
LIFETIME_S = 500
SILENT = ("hang", "stall", "mute")
NO_PROVIDER = {
    "codex": f"""extra_args = ["-c", 'model_providers.impatient.base_url="{NOBODY}/v1"']""",
    "gemini": f'env = {{ GOOGLE_GEMINI_BASE_URL = "{NOBODY}" }}',
    "claude": f'env = {{ ANTHROPIC_BASE_URL = "{NOBODY}" }}',
    "claude-api": f'base_url = "{NOBODY}"',
}


def table(name, mode):
    """A backend whose model is called like the mode, by which the provider knows what to play."""
    lines = [f'[backends."{name}-{mode}"]', f'use = "{name}"', f'model = "m-{mode}"']
    if mode in SILENT:
        lines.append("timeout = 15")
    if mode == "unreachable":
        lines.append(NO_PROVIDER[name])
    return "\n".join(lines) + "\n"


def ask(clis, provider, tables, names, timeout_s, *args):
    """The outcomes by backend, and how lok ended."""
    folder = clis.home / ".config" / "lok"
    folder.mkdir(parents=True)
    (folder / "lok.toml").write_text(tables)
    limited = set()

    def play(record):
        mode = record.model.removeprefix("m-")
        if mode == "429-once":
            asker = (record.api, record.headers.get("x-app") or record.headers["user-agent"])
            mode = "ok" if asker in limited else "429"
            limited.add(asker)
        return Scripted(mode=mode)

    provider.script(play)
    argv = [sys.executable, "-m", "lok_core", "ask", "-b", ",".join(names), "-f", "json", *args, "-"]
    done = subprocess.run(
        argv,
        env=clis.env,
        cwd=clis.code,
        input=PROMPT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    found = {one["backend"]: one for one in json.loads(done.stdout)["outcomes"]}
    return found, done


class Matrix:
    """Everything at once: what waits in one run would wait in as many as there are cells.

    Attributes:
        found: the outcomes, by backend.
        done: how lok ended.
        calls: the requests to the provider.
        left: the processes that are there afterwards.
    """

    def __init__(self, provider, home):
        clis = ready(provider, home, "codex", "gemini", "claude")
        cells = [(name, outcome.mode) for outcome in OUTCOMES for name in NAMES]
        tables = "".join(table(*cell) for cell in cells)
        names = ["-".join(cell) for cell in cells]
        self.found, self.done = ask(clis, provider, tables, names, LIFETIME_S, "--jobs", "8")
        self.calls = provider.requests
        self.left = clis.processes()

    def asked(self, name, mode):
        """How often the provider was, by that backend."""
        calls = [one for one in self.calls if (one.api, one.model) == (APIS[name], f"m-{mode}")]
        if APIS[name] == "anthropic":
            # The program names itself; the SDK in lok has another name.
            calls = [one for one in calls if ("cli" in one.headers["user-agent"]) == (name == "claude")]
        return len(calls)


@pytest.fixture(scope="module")
def matrix():
    with FakeProvider(lifetime=LIFETIME_S) as provider, private_folder() as home:
        yield Matrix(provider, home)


@pytest.mark.e2e
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("outcome", OUTCOMES, ids=lambda outcome: outcome.mode)
def test_each_outcome_is_told_for_what_it_is(matrix, outcome, name):
    told, said = outcome.told[name], matrix.found[f"{name}-{outcome.mode}"]
    assert said.get("kind", "") == told.kind, said
    text = said["message"] if told.kind else said["reply"]["text"]
    assert told.says in text, said
    assert said["attempts"] == told.attempts
    if told.requests is not None:
        assert matrix.asked(name, outcome.mode) == told.requests
    if told.kind:
        assert said["hint"]
        assert "SECRET-PROMPT" not in said["message"]
        assert said["retry_after_s"] == told.after_s
    if told.kind and told.partial is not None:
        assert ("FAKE-ANSWER" in said["partial"]) == told.partial


@pytest.mark.e2e
def test_a_deadline_ends_the_call_to_the_provider(matrix):
    silent = [f"m-{mode}" for mode in SILENT]
    calls = [record for record in matrix.calls if record.model in silent]
    assert len(calls) == len(SILENT) * len(NAMES)
    assert all(record.hung_up for record in calls)


@pytest.mark.e2e
def test_no_key_is_shown_and_no_process_left(matrix):
    for keys in KEYS.values():
        for key in keys.values():
            assert key not in matrix.done.stdout + matrix.done.stderr
    assert json.loads(matrix.done.stdout)["leaked"] == []
    assert matrix.left == []


def test_what_codex_tries_by_itself(real, provider):
    """With OpenAI's own provider, which is what its users have and for which it has no knob."""
    clis = real("codex")
    clis.point_at(provider.url, codex_provider="openai")
    modes = {"401": "auth", "429": "rate_limit", "quota": "quota", "500": "overloaded"}
    names = [f"codex-{mode}" for mode in modes]
    found, done = ask(clis, provider, "".join(table("codex", mode) for mode in modes), names, 60, "-v")
    assert {name: one["kind"] for name, one in found.items()} == {
        f"codex-{mode}": kind for mode, kind in modes.items()
    }
    assert {one["attempts"] for one in found.values()} == {1}
    asked = [record.model for record in provider.requests]
    assert asked.count("m-quota") == 1
    assert all(asked.count(f"m-{mode}") > 1 for mode in modes if mode != "quota")
    assert "Reconnecting... 1/5" in done.stderr


def test_claude_tells_when_a_subscription_may_be_used_again(real, provider):
    clis = real("claude")
    clis.env["CLAUDE_CODE_OAUTH_TOKEN"] = clis.env.pop("ANTHROPIC_API_KEY")
    outcome, _ = clis.ask("Say hi [[mode=plan-limit]]")
    assert outcome["kind"] == "quota"
    assert 3000 < outcome["retry_after_s"] <= 3600
    assert "session limit" in outcome["message"]


def test_the_page_is_made_from_the_table():
    written = Path(__file__).parents[2] / "docs" / "provider-outcomes.md"
    assert written.read_text() == outcomes.page()
