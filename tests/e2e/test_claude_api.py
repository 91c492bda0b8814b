"""Claude by its API, against the fake provider: no program is needed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import anthropic
import httpx2
import pytest
import trio
from lok_backend_claude import Claude, ClaudeConfig
from lok_backend_claude.api import ApiConfig, ClaudeApi

from lok_core import BackendError, Message, Request, Run, Tool, Usage, schema
from lok_core.testing import run_lok

from .provider import FakeProvider
from .provider_answers import FINDINGS, Scripted
from .provider_formats import Call

pytestmark = pytest.mark.slow  # some seconds of servers and deadlines

KEY = "sk-ant-api-test-key-9876"
TOKENS = Usage(input_tokens=1234, output_tokens=56, cached_tokens=100)
READ = Tool("read", "Reads a file.", {"type": "object", "properties": {"path": {"type": "string"}}})


class KeptRun(Run):
    """Keeps what the backend tells; starts nothing."""

    def __init__(self, env):
        self.env = env
        self.said = ""

    async def command(self, argv, **options):
        raise AssertionError(f"{argv} was started")

    def progress(self, activity):
        pass

    def text(self, chunk):
        self.said += chunk

    def mask(self, text):
        return text


@pytest.fixture
def provider():
    with FakeProvider(lifetime=60) as running:
        yield running


@pytest.fixture
def run(provider):
    return KeptRun({"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": provider.url})


@pytest.fixture
def query(run, tmp_path):
    """The reply to a prompt: `await query("hi", model=...)`."""
    backend = ClaudeApi("claude-api", ApiConfig())

    async def query(prompt, **options):
        return await backend.query(Request(prompt, tmp_path, **options), run)

    return query


@pytest.fixture
def lok(provider, lok_env, tmp_path):
    """lok as a process, asking the API: `lok("hi", "--timeout", "9")`."""
    env = {**lok_env, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": provider.url}

    def lok(*args):
        done = run_lok(["ask", "-b", "claude-api", "-f", "json", *args], env=env, cwd=tmp_path)
        assert KEY not in done.stdout + done.stderr
        return done

    return lok


async def failure_of(asking):
    with pytest.raises(BackendError) as raised:
        await asking
    assert KEY not in raised.value.hint
    return raised.value


async def test_an_answer_comes_with_its_tokens_and_the_model_that_gave_it(query, run, provider):
    reply = await query("Say hi")
    assert reply.text == run.said == "FAKE-ANSWER from anthropic model claude-sonnet-5"
    assert (reply.usage, reply.model, reply.notes) == (TOKENS, "claude-sonnet-5", ())
    (asked,) = provider.requests
    assert (asked.prompt, asked.stream, asked.body["max_tokens"]) == ("Say hi", True, 16_384)
    assert "system" not in asked.body
    assert "tools" not in asked.body


async def test_the_model_of_the_request_is_asked_for(query, provider):
    for model in ("opus", "claude-fable-5-2"):
        await query("Say hi", model=model)
    assert [asked.model for asked in provider.requests] == ["claude-opus-4-8", "claude-fable-5-2"]


async def test_a_reply_about_a_directory_says_that_the_directory_was_not_seen(query):
    reply = await query("Say hi", access="read")
    assert reply.notes == ("the API does not see the directory, only the prompt",)


async def test_findings_are_asked_for_by_their_schema(query, provider):
    reply = await query("Find bugs", output_schema=schema("lok.findings/1"))
    assert reply.data == FINDINGS
    asked = dict(provider.requests[0].schema)
    assert asked == {key: value for key, value in schema("lok.findings/1").items() if key != "$schema"}


async def test_free_text_where_findings_were_asked_for_stays_text(query):
    reply = await query("[[say=All is well.]]", output_schema=schema("lok.findings/1"))
    assert (reply.text, reply.data) == ("All is well.", None)


async def test_a_large_answer_is_complete(query):
    reply = await query("[[mode=big]]")
    assert len(reply.text) > 4_500_000


@pytest.mark.parametrize(
    ("mode", "kind", "words"),
    [
        ("401", "auth", "the key was not accepted"),
        ("404", "invalid", "no model 'claude-sonnet-5'"),
        ("400", "invalid", "fake is not permitted"),
        ("429", "rate_limit", "per-minute rate limit"),
        ("quota", "quota", "usage limits"),
        ("credit", "quota", "credit balance"),
        ("too-large", "too_large", "prompt is too long"),
        ("500", "overloaded", "Internal server error"),
        ("529", "overloaded", "Overloaded"),
        ("midclose", "network", "peer closed connection"),
        ("html", "protocol", "sent no answer"),
        ("empty", "empty", "said nothing"),
        ("refusal", "refused", "refused to answer"),
        ("cutoff", "truncated", "cut off after 56 tokens"),
    ],
)
async def test_each_failure_has_its_kind_and_a_hint(query, mode, kind, words):
    error = await failure_of(query(f"[[mode={mode}]]"))
    assert error.kind == kind
    assert words in error.message
    assert error.hint or mode == "400"


async def test_a_rate_limit_says_when_to_come_back(query):
    assert (await failure_of(query("[[mode=429]]"))).retry_after_s == 1
    assert (await failure_of(query("[[mode=529]]"))).retry_after_s is None


async def test_what_was_said_before_a_cut_is_kept(query, run):
    await failure_of(query("[[mode=cutoff]]"))
    assert run.said == "FAKE-ANSWER from anthropic model claude-sonnet-5 and th"


async def test_nobody_at_the_address_is_a_network_failure(run, tmp_path):
    run.env["ANTHROPIC_BASE_URL"] = "http://127.0.0.1:9"
    error = await failure_of(ClaudeApi("a", ApiConfig()).query(Request("hi", tmp_path), run))
    assert error.kind == "network"
    assert "http://127.0.0.1:9" in error.message


async def test_silence_is_a_stall(query, monkeypatch):
    client = anthropic.AsyncAnthropic
    monkeypatch.setattr(anthropic, "AsyncAnthropic", lambda **given: client(**given, timeout=0.2))
    assert (await failure_of(query("[[mode=hang]]"))).kind == "stalled"
    assert (await failure_of(query("[[mode=mute]]"))).kind == "stalled"


async def test_an_error_in_the_middle_of_a_stream_counts_by_its_type():
    backend = ClaudeApi("claude-api", ApiConfig())
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    response = httpx2.Response(200, request=httpx2.Request("POST", "http://127.0.0.1"))
    error = backend._refusal(anthropic.APIStatusError("", response=response, body=body), "m")
    assert error.kind == "overloaded"


@pytest.mark.parametrize("mode", ["hang", "stall", "mute", "drip"])
async def test_cancelling_hangs_up(query, provider, mode):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(query, f"[[mode={mode}]]")
        await trio.to_thread.run_sync(provider.wait_for, lambda asked: asked.mode == mode)
        nursery.cancel_scope.cancel()
    await trio.to_thread.run_sync(provider.wait_for, lambda asked: asked.hung_up)


async def test_a_conversation_calls_tools_and_goes_on_with_their_results(run, provider):
    backend = ClaudeApi("claude-api", ApiConfig())
    calls = (Call("read", {"path": "a.py"}), Call("read", {"path": "b.py"}))
    provider.script([Scripted(text="Let me look.", calls=calls), "Both are fine."])
    messages = [Message("user", "Are they fine?")]

    turn = await backend.converse(messages, [READ], run)
    assert turn.text == "Let me look."
    assert [(call.name, call.arguments["path"]) for call in turn.calls] == [
        ("read", "a.py"),
        ("read", "b.py"),
    ]
    assert turn.usage == TOKENS

    messages.append(Message("assistant", turn.text, turn.calls))
    messages.append(Message("tool", "x = 1", call_id=turn.calls[0].id))
    messages.append(Message("tool", "no such file", call_id=turn.calls[1].id, failed=True))
    turn = await backend.converse(messages, [READ], run)
    assert (turn.text, turn.calls) == ("Both are fine.", ())

    first, second = provider.requests
    assert first.tools == ("read",)
    assert "system" not in first.body
    assert second.results == ("x = 1", "no such file")
    roles = [message["role"] for message in second.body["messages"]]
    assert roles == ["user", "assistant", "user"]
    assert [block["is_error"] for block in second.body["messages"][2]["content"]] == [False, True]


async def test_a_turn_without_text_and_calls_is_empty(run):
    backend = ClaudeApi("claude-api", ApiConfig())
    error = await failure_of(backend.converse([Message("user", "[[mode=empty]]")], [READ], run))
    assert error.kind == "empty"


async def test_a_table_with_a_key_and_no_command_asks_the_api(run, provider, tmp_path):
    config = ClaudeConfig(api_key_env="MY_KEY", base_url=provider.url, model="opus", max_tokens=99)
    backend = Claude("mine", config)
    run.env = {"MY_KEY": KEY}
    assert backend.profile.converses
    assert backend.profile.secrets == ("MY_KEY",)
    assert not backend.available({"ANTHROPIC_API_KEY": KEY})
    assert backend.available(run.env)
    assert (await backend.query(Request("Say hi", tmp_path), run)).text
    assert (await backend.converse([Message("user", "Say hi")], [], run)).text
    asked = provider.requests[0]
    assert (asked.model, asked.body["max_tokens"]) == ("claude-opus-4-8", 99)
    assert "***9876" in asked.headers.values()


async def test_its_health_is_whether_the_key_is_set(run):
    backend = ClaudeApi("claude-api", ApiConfig())
    assert (await backend.check(run)).ready
    run.env = {}
    health = await backend.check(run)
    assert (health.ready, health.logged_in, health.hint) == (False, False, "export ANTHROPIC_API_KEY=...")
    error = await failure_of(backend.query(Request("hi", Path("/")), run))
    assert (error.kind, error.hint) == ("auth", "export ANTHROPIC_API_KEY=...")


def test_lok_asks_the_api_only_by_name(lok, provider, lok_env, tmp_path):
    assert lok("Say hi").report["outcomes"][0]["reply"]["usage"]["input_tokens"] == 1234
    env = {**lok_env, "ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": provider.url}
    env["PATH"] = os.path.dirname(sys.executable)
    unnamed = run_lok(["ask", "Say hi"], env=env, cwd=tmp_path)
    assert (unnamed.code, unnamed.stdout) == (3, "")
    assert len(provider.requests) == 1


def test_a_table_of_lok_toml_is_enough(provider, lok_env, tmp_path):
    config = tmp_path / "mine.toml"
    table = {"use": "claude", "api_key_env": "MY_KEY", "base_url": provider.url, "model": "opus"}
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    config.write_text("\n".join(["[backends.mine]", *lines]))
    env = {**lok_env, "MY_KEY": KEY, "PATH": os.path.dirname(sys.executable)}
    done = run_lok(["ask", "-c", config, "-b", "mine", "-f", "json", "Say hi"], env=env, cwd=tmp_path)
    assert done.report["outcomes"][0]["reply"]["model"] == "claude-opus-4-8"
    assert KEY not in done.stdout + done.stderr


def test_lok_masks_a_key_that_the_api_repeats(lok):
    done = lok("[[mode=401]]", "-v")
    assert done.code == 3
    failure = done.report["outcomes"][0]
    assert failure["kind"] == "auth"
    assert "ANTHROPIC_API_KEY" in failure["hint"]


def test_lok_comes_back_when_the_api_allows_it(lok, provider):
    outcome = lok("[[mode=429-once]]").report["outcomes"][0]
    assert (outcome["outcome"], outcome["attempts"]) == ("answer", 2)
    assert outcome["duration_s"] >= 1  # which it said in its retry-after
    assert len(provider.requests) == 2


def test_a_deadline_ends_the_call(lok, provider):
    done = lok("[[mode=mute]]", "--timeout", "8")  # of which importing the SDK may take several
    failure = done.report["outcomes"][0]
    assert (done.code, failure["kind"]) == (3, "timeout")
    assert failure["partial"].startswith("FAKE-ANSWER")
    provider.wait_for(lambda asked: asked.hung_up)


def test_the_sdk_is_imported_only_to_ask(lok_env):
    code = (
        "import sys, lok_core.lok as lok\n"
        "panel = lok.make_panel(lok.installed({}), {'ANTHROPIC_API_KEY': 'x' * 9})\n"
        "assert panel.get('claude-api').available({'ANTHROPIC_API_KEY': 'x' * 9})\n"
        "assert 'anthropic' not in sys.modules and 'httpx2' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], env=lok_env, check=True)
