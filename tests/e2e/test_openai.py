"""lok with an OpenAI-compatible endpoint: the fake provider, by its chat completions."""

import json
import os
import subprocess
import sys

import pytest

from lok_core.testing import FakeCli, run_lok

from .provider import FakeProvider
from .provider_answers import FINDINGS, Scripted
from .provider_formats import Call

pytestmark = pytest.mark.slow  # some seconds of servers and deadlines

KEY = "sk-openai-test-key-9876"


@pytest.fixture
def provider():
    with FakeProvider(lifetime=60) as running:
        yield running


@pytest.fixture
def lok(provider, lok_env, tmp_path):
    """lok as a process with one table: `lok("ask", "hi", table={"model": "m"}, OPENAI_API_KEY=KEY)`."""

    def lok(*args, table=None, more="", **env):
        config = tmp_path / "own.toml"
        told = {"use": "openai", "base_url": f"{provider.url}/v1", "model": "m-1"} if table is None else table
        lines = [f"{key} = {json.dumps(value)}" for key, value in told.items()]
        config.write_text("\n".join([*(["[backends.local]", *lines] if told else []), more]))
        path = os.pathsep.join([str(tmp_path / "bin"), os.path.dirname(sys.executable)])
        done = run_lok([*args, "-c", config], env={**lok_env, "PATH": path, **env}, cwd=tmp_path)
        assert KEY not in done.stdout + done.stderr
        return done

    return lok


@pytest.fixture
def code(tmp_path):
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "hello.txt").write_text("hello from the file\n")
    return folder


def outcome_of(done):
    (outcome,) = done.report["outcomes"]
    return outcome


def test_a_table_is_asked_like_any_other_backend_and_needs_no_key(lok, provider):
    done = lok("ask", "-f", "json", "Say hi")
    assert (done.code, outcome_of(done)["backend"]) == (0, "local")
    reply = outcome_of(done)["reply"]
    assert reply["text"] == "FAKE-ANSWER from chat model m-1"
    assert (reply["usage"]["input_tokens"], reply["usage"]["cached_tokens"]) == (1234, 100)
    (asked,) = provider.requests
    assert (asked.prompt, asked.stream, asked.tools) == ("Say hi", True, ())
    assert "authorization" not in asked.headers


def test_several_endpoints_are_asked_at_once(lok, provider):
    second = f'[backends.second]\nuse = "openai"\nmodel = "m-2"\nbase_url = "{provider.url}/v1"\n'
    done = lok("ask", "-f", "json", "Say hi", more=second)
    assert [one["reply"]["model"] for one in done.report["outcomes"]] == ["m-1", "m-2"]


def test_on_a_fresh_machine_nobody_is_asked(lok, provider):
    for env in ({}, {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{provider.url}/v1"}):
        done = lok("ask", "Say hi", table={}, **env)
        assert (done.code, done.stdout) == (3, "")
    assert provider.all_requests == []


def test_the_variables_of_openais_own_programs_are_enough_by_name(lok, provider):
    provider.models = ("only",)
    env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{provider.url}/v1"}
    done = lok("ask", "-b", "openai", "-f", "json", "Say hi", table={}, **env)
    assert outcome_of(done)["reply"]["model"] == "only"
    done = lok("ask", "-b", "openai", "-m", "other", "-f", "json", "Say hi", table={}, **env)
    assert outcome_of(done)["reply"]["model"] == "other"
    assert {one.headers["authorization"] for one in provider.requests} == {"***9876"}


def test_findings_come_by_their_schema_and_are_grounded(lok, provider, code):
    done = lok("hunt", str(code), "-b", "local", "-f", "json")
    found = done.report["findings"]
    assert [one["title"] for one in found] == [FINDINGS["findings"][0]["title"]]
    assert found[0]["grounding"] == "exact"
    assert all(asked.schema for asked in provider.requests)


def test_it_conducts_with_tools(lok, provider, tmp_path):
    FakeCli.make(tmp_path / "bin", "one", stdout="from one")
    asks = (Call("query_backend", {"backend": "one", "prompt": "1?"}),)
    provider.script([Scripted(text="Let me ask.", calls=asks), "It is fine."])
    done = lok(
        "conduct", "-b", "one", "-f", "json", "Fine?", more='[backends.one]\nuse = "command"\ncommand = "one"'
    )
    detail = done.report["detail"]
    assert (detail["conductor"], detail["how"], detail["answer"]) == ("local", "tools", "It is fine.")
    first, second = provider.requests
    assert (first.tools, second.results) == (("query_backend",), ("from one",))


def test_without_tools_it_conducts_in_plain_text(lok, provider, tmp_path):
    table = {"use": "openai", "base_url": f"{provider.url}/v1", "model": "m-1", "tools": False}
    provider.script(['{"action": "answer", "text": "It is fine."}'])
    done = lok("conduct", "--conductor", "local", "-f", "json", "Fine?", table=table)
    assert (done.report["detail"]["how"], done.report["detail"]["answer"]) == ("text", "It is fine.")
    assert provider.requests[0].tools == ()


def test_a_deadline_keeps_what_was_said(lok, provider):
    done = lok("ask", "-f", "json", "--timeout", "6", "[[mode=mute]]")
    failure = outcome_of(done)
    assert (done.code, failure["kind"]) == (3, "timeout")
    assert failure["partial"].startswith("FAKE-ANSWER")
    provider.wait_for(lambda asked: asked.hung_up)


@pytest.mark.parametrize(
    ("mode", "kind", "hint"),
    [
        ("401", "auth", "check MY_KEY"),
        ("404", "invalid", "-m local=MODEL, one of big, small"),
        ("400", "invalid", "check the model's name"),
        ("quota", "quota", "add credit"),
        ("too-large", "too_large", "shorten the prompt"),
        ("html", "protocol", "ends in /v1"),
        ("empty", "empty", "ask again"),
        ("refusal", "refused", "put the prompt differently"),
        ("cutoff", "truncated", "max_tokens"),
    ],
)
def test_each_failure_has_its_kind_and_a_hint(lok, provider, mode, kind, hint):
    provider.models = ("big", "small")
    table = {"use": "openai", "base_url": f"{provider.url}/v1", "model": "m-1", "key_env": "MY_KEY"}
    failure = outcome_of(lok("ask", "-f", "json", f"[[mode={mode}]]", table=table, MY_KEY=KEY))
    assert (failure["kind"], hint in failure["hint"]) == (kind, True), failure


@pytest.mark.parametrize("mode", ["500", "529", "midclose", "reset"])
def test_what_may_pass_is_tried_again_by_lok_alone(lok, provider, mode):
    failure = outcome_of(lok("ask", "-f", "json", f"[[mode={mode}]]"))
    assert (failure["kind"], failure["attempts"]) == (
        "network" if mode in ("midclose", "reset") else "overloaded",
        3,
    )
    assert len(provider.requests) == 3


def test_lok_comes_back_when_the_endpoint_allows_it(lok, provider):
    outcome = outcome_of(lok("ask", "-f", "json", "[[mode=429-once]]"))
    assert (outcome["outcome"], outcome["attempts"]) == ("answer", 2)
    assert outcome["duration_s"] >= 1  # which it said in its retry-after


@pytest.mark.parametrize("mode", ["big", "nasty", "badutf8", "drip"])
def test_answers_of_any_kind_arrive_whole(lok, mode):
    done = lok("ask", "-f", "json", f"[[mode={mode}]]")
    text = outcome_of(done)["reply"]["text"]
    assert len(text) > 4_500_000 if mode == "big" else text.startswith("FAKE-ANSWER")


def test_a_key_that_is_not_there_is_named(lok, provider):
    table = {"use": "openai", "base_url": f"{provider.url}/v1", "model": "m-1", "key_env": "MY_KEY"}
    done = lok("doctor", table=table)
    assert "MY_KEY is not set" in done.stdout
    assert "-> export MY_KEY=..." in done.stdout
    assert provider.all_requests == []


def test_doctor_asks_no_model(lok, provider):
    provider.models = ("m-1", "m-2")
    done = lok("doctor")
    assert f"local       ready      model m-1, {provider.url}/v1" in done.stdout
    assert [asked.kind for asked in provider.all_requests] == ["models"]
    provider.models = ("m-2",)
    assert "-> -m local=MODEL, one of m-2" in lok("doctor").stdout


def test_a_file_that_is_not_trusted_sends_nothing_anywhere(lok, provider, tmp_path):
    (tmp_path / "lok.toml").write_text(
        f'[backends.openai]\nbase_url = "{provider.url}/v1"\nkey_env = "OPENAI_API_KEY"\nmodel = "m"\n'
    )
    done = lok("ask", "-b", "openai", "hi", table={}, OPENAI_API_KEY=KEY)
    assert (done.code, provider.all_requests) == (3, [])


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            {"base_url": "localhost:11434"},
            ": base_url: an address such as http://localhost:11434/v1",
        ),
        ({"modell": "x"}, ".modell: no such key; did you mean 'model'?"),
        ({"body": "x"}, ".body: expected a table, not 'x'"),
    ],
)
def test_a_mistake_in_a_table_is_told_with_its_place(lok, table, told):
    done = lok("ask", "hi", table={"use": "openai", **table})
    assert done.code == 2
    assert f"own.toml: backends.local{told}" in done.stderr


def test_its_library_is_imported_only_to_ask(lok_env):
    code = (
        "import sys\n"
        "from lok_backend_openai import OpenAI, OpenAIConfig\n"
        "assert OpenAI('x', OpenAIConfig('http://localhost:1/v1', 'm')).available({})\n"
        "assert not {'httpx2', 'trio', 'urllib.request'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], env=lok_env, check=True)
