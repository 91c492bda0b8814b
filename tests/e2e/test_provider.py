"""The fake provider speaks its three formats, fails as it is told, and the real programs understand it."""

import http.client
import json
import subprocess
import threading
import urllib.error
import urllib.request
from contextlib import closing, suppress
from urllib.parse import urlsplit

import jsonschema
import pytest

import lok_core

from . import clis
from .provider import FakeProvider
from .provider_answers import BIG_LINES, DRIPS, MODES, NASTY, Scripted
from .provider_errors import ERRORS
from .provider_formats import Call

pytestmark = pytest.mark.slow  # some seconds of servers and deadlines

MODELS = {"openai": "gpt-fake", "gemini": "gemini-fake", "anthropic": "claude-fake"}
APIS = {"codex": "openai", "gemini": "gemini", "claude": "anthropic"}
FILE_TOOLS = {"openai": "exec_command", "gemini": "read_file", "anthropic": "Read"}
KEY = "sk-fake-key-1234"

every_api = pytest.mark.parametrize("api", MODELS)


@pytest.fixture
def provider():
    with FakeProvider(lifetime=60) as running:
        yield running


def request_of(api, text, *, model=None, stream=True, tools=(), schema=None, turns=()):
    """Path, body and headers as the real clients send them; `turns` are later messages in the api's form."""
    model = model or MODELS[api]
    if api == "openai":
        body = {"model": model, "stream": stream, "input": [message_of(api, text), *turns]}
        body["tools"] = [{"type": "function", "name": name, "parameters": {}} for name in tools]
        if schema:
            body["text"] = {"format": {"type": "json_schema", "name": "answer", "schema": schema}}
        return "/v1/responses", body, {"Authorization": f"Bearer {KEY}"}
    if api == "anthropic":
        body = {
            "model": model,
            "stream": stream,
            "max_tokens": 100,
            "messages": [message_of(api, text), *turns],
        }
        body["tools"] = [{"name": name, "input_schema": {"type": "object"}} for name in tools]
        if schema:
            body["tools"].append({"name": "StructuredOutput", "input_schema": schema})
        return "/v1/messages?beta=true", body, {"x-api-key": KEY}
    body = {"contents": [message_of(api, text), *turns]}
    body["tools"] = [{"functionDeclarations": [{"name": name} for name in tools]}]
    if schema:
        body["generationConfig"] = {"responseJsonSchema": schema}
    method = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{method}", body, {"x-goog-api-key": KEY}


def message_of(api, text):
    if api == "openai":
        return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
    if api == "anthropic":
        return {"role": "user", "content": text}
    return {"role": "user", "parts": [{"text": text}]}


def results_of(api, name, result):
    """A conversation in which the model has called a tool and been given the result."""
    if api == "openai":
        call = {"type": "function_call", "call_id": "1", "name": name, "arguments": "{}"}
        return [call, {"type": "function_call_output", "call_id": "1", "output": result}]
    if api == "anthropic":
        use = {"type": "tool_use", "id": "1", "name": name, "input": {}}
        given = {"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": result}]}
        return [{"role": "assistant", "content": [use]}, {"role": "user", "content": [given]}]
    response = {"functionResponse": {"name": name, "response": {"output": result}}}
    return [
        {"role": "model", "parts": [{"functionCall": {"name": name, "args": {}}}]},
        {"role": "user", "parts": [response]},
    ]


def post(provider, api, text, **options):
    """Status, headers and body of the answer."""
    path, body, headers = request_of(api, text, **options)
    asked = urllib.request.Request(provider.url + path, json.dumps(body).encode(), headers)
    try:
        answer = urllib.request.urlopen(asked, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, answer.read()


def connect(provider, api, text):
    """A connection on which the prompt has been sent and nothing read."""
    address = urlsplit(provider.url)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    path, body, headers = request_of(api, text)
    connection.request("POST", path, json.dumps(body), headers)
    return connection


def events_of(raw):
    lines = raw.decode("utf-8", "replace").splitlines()
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]


def said(api, raw):
    """The text, the tool calls and the reason to stop of a stream, put together from its parts."""
    text, calls, stop = "", [], None
    for event in events_of(raw):
        match event.get("type"):
            case "response.output_text.delta":
                text += event["delta"]
            case "response.output_item.done" if event["item"]["type"] == "function_call":
                calls.append((event["item"]["name"], json.loads(event["item"]["arguments"])))
            case "response.completed" | "response.incomplete":
                stop = event["response"]["status"]
            case "content_block_start" if event["content_block"]["type"] == "tool_use":
                calls.append((event["content_block"]["name"], None))
            case "content_block_delta" if event["delta"]["type"] == "text_delta":
                text += event["delta"]["text"]
            case "content_block_delta":
                calls[-1] = (calls[-1][0], json.loads(event["delta"]["partial_json"]))
            case "message_delta":
                stop = event["delta"]["stop_reason"]
            case None:
                candidate = event["candidates"][0]
                stop = candidate.get("finishReason")
                for part in candidate["content"]["parts"]:
                    text += part.get("text", "")
                    if call := part.get("functionCall"):
                        calls.append((call["name"], call["args"]))
    return text, calls, stop


def usage_of(api, raw):
    """Input tokens with the cached ones, cached, output."""
    last = events_of(raw)
    if api == "openai":
        usage = last[-1]["response"]["usage"]
        return usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]
    if api == "anthropic":
        usage = last[-2]["usage"]
        cached = usage["cache_read_input_tokens"]
        return usage["input_tokens"] + cached, cached, usage["output_tokens"]
    usage = last[-1]["usageMetadata"]
    return usage["promptTokenCount"], usage["cachedContentTokenCount"], usage["candidatesTokenCount"]


@every_api
def test_a_stream_gives_the_fixed_answer_with_its_tokens(provider, api):
    status, headers, raw = post(provider, api, "Say hi")
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    text, calls, stop = said(api, raw)
    assert (text, calls) == (f"FAKE-ANSWER from {api} model {MODELS[api]}", [])
    assert stop in ("completed", "end_turn", "STOP")
    assert usage_of(api, raw) == (1234, 100, 56)


@every_api
def test_an_answer_without_streaming_is_one_json_object(provider, api):
    status, headers, raw = post(provider, api, "Say hi", stream=False)
    assert (status, headers["Content-Type"]) == (200, "application/json")
    whole = json.loads(raw)
    text = {
        "openai": lambda: whole["output"][0]["content"][0]["text"],
        "anthropic": lambda: whole["content"][0]["text"],
        "gemini": lambda: whole["candidates"][0]["content"]["parts"][0]["text"],
    }[api]()
    assert text == f"FAKE-ANSWER from {api} model {MODELS[api]}"


@every_api
def test_a_record_tells_what_was_asked_and_hides_the_key(provider, api):
    post(provider, api, "Read this -/@x\n", tools=["look"], schema={"title": "t"})
    (record,) = provider.requests
    assert (record.api, record.prompt, record.model) == (api, "Read this -/@x\n", MODELS[api])
    assert (record.stream, record.mode, record.done, record.hung_up) == (True, "ok", True, False)
    assert "look" in record.tools
    assert record.schema == {"title": "t"}
    assert KEY not in str(record)
    assert "***1234" in record.headers.values()


def test_the_prompt_is_without_what_the_programs_put_around_it(provider):
    around = {"type": "text", "text": "<system-reminder>\nToday is a day.\n</system-reminder>"}
    content = [around, {"type": "text", "text": "Say hi\n"}]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
    urllib.request.urlopen(urllib.request.Request(provider.url + "/v1/messages", body), timeout=30).close()
    assert provider.requests[0].prompt == "Say hi\n"


@every_api
@pytest.mark.parametrize("mode", ERRORS)
def test_an_error_has_its_status_and_the_form_of_its_provider(provider, api, mode):
    status, headers, raw = post(provider, api, f"Say hi [[mode={mode}]]")
    really = {("gemini", "bad-key"): 400, ("anthropic", "credit"): 400}
    named = {"quota": 429, "credit": 429, "plan-limit": 429, "bad-key": 401, "too-large": 400}
    assert status == really.get((api, mode), named.get(mode) or int(mode))
    assert json.loads(raw)["error"]["message"]
    assert headers["Retry-After"] == ("1" if mode == "429" else None)


@every_api
def test_an_unknown_model_is_not_found(provider, api):
    status, _, raw = post(provider, api, "Say hi", model="no-such-model")
    assert status == 404
    assert "no-such-model" in json.loads(raw)["error"]["message"]


@every_api
def test_429_once_is_an_answer_the_second_time(provider, api):
    assert post(provider, api, "Say hi [[mode=429-once]]")[0] == 429
    status, _, raw = post(provider, api, "Say hi [[mode=429-once]]")
    assert status == 200
    assert said(api, raw)[0].startswith("FAKE-ANSWER")
    assert [record.mode for record in provider.requests] == ["429", "ok"]


@every_api
@pytest.mark.parametrize("mode", ["hang", "stall", "mute", "drip"])
def test_a_client_that_hangs_up_is_noticed(provider, api, mode):
    with closing(connect(provider, api, f"Say hi [[mode={mode}]]")) as connection:
        provider.wait_for(lambda record: record.mode == mode)
        if mode != "hang":
            assert connection.getresponse().status == 200
    (record,) = provider.wait_for(lambda record: record.hung_up)
    assert not record.done


@every_api
def test_midclose_breaks_the_stream_after_some_text(provider, api):
    with closing(connect(provider, api, "Say hi [[mode=midclose]]")) as connection:
        answer = connection.getresponse()
        with pytest.raises(http.client.IncompleteRead) as broken:
            answer.read()
    assert said(api, broken.value.partial)[0].startswith("FAKE-ANSWER")
    (record,) = provider.requests
    assert (record.done, record.hung_up) == (False, False)


def test_drip_comes_piece_by_piece(provider):
    text, _, stop = said("gemini", post(provider, "gemini", "Say hi [[mode=drip]]")[2])
    assert text.count("drip ") == DRIPS - 1
    assert stop == "STOP"


@every_api
def test_big_is_five_megabytes(provider, api):
    text, _, stop = said(api, post(provider, api, "Say hi [[mode=big]]")[2])
    assert len(text) >= 5_000_000
    assert text.count("\n") == BIG_LINES
    assert stop


@every_api
def test_nasty_brings_control_characters_as_they_are(provider, api):
    assert NASTY in said(api, post(provider, api, "Say hi [[mode=nasty]]")[2])[0]


@every_api
def test_badutf8_brings_bytes_that_are_no_text(provider, api):
    raw = post(provider, api, "Say hi [[mode=badutf8]]")[2]
    assert b" bad:\xff\xc3(:end" in raw


@every_api
def test_empty_is_complete_and_without_text(provider, api):
    text, calls, stop = said(api, post(provider, api, "Say hi [[mode=empty]]")[2])
    assert (text, calls) == ("", [])
    assert stop in ("completed", "end_turn", "STOP")


@every_api
def test_html_is_a_page_instead_of_an_answer(provider, api):
    status, headers, raw = post(provider, api, "Say hi [[mode=html]]")
    assert (status, headers["Content-Type"]) == (200, "text/html")
    assert raw.startswith(b"<!doctype html>")


@every_api
def test_refusal_is_a_safety_stop_without_text(provider, api):
    raw = post(provider, api, "Say hi [[mode=refusal]]")[2]
    text, _, stop = said(api, raw)
    assert (text, stop) == ("", {"openai": "completed", "anthropic": "refusal", "gemini": "SAFETY"}[api])
    assert api != "openai" or events_of(raw)[-1]["response"]["output"][0]["content"][0]["type"] == "refusal"


@every_api
def test_cutoff_ends_in_the_middle(provider, api):
    text, _, stop = said(api, post(provider, api, "Say hi [[mode=cutoff]]")[2])
    assert text.endswith(" and th")
    assert stop in ("incomplete", "max_tokens", "MAX_TOKENS")


@every_api
def test_tool_calls_the_offered_tool_and_then_tells_its_result(provider, api):
    tool = FILE_TOOLS[api]
    prompt = "Say hi [[mode=tool]]"
    text, calls, _ = said(api, post(provider, api, prompt, tools=["other", tool])[2])
    assert text == ""
    ((name, arguments),) = calls
    assert name == tool
    assert "hello.txt" in str(arguments)
    turns = results_of(api, tool, "hello from the file")
    text, calls, _ = said(api, post(provider, api, prompt, tools=["other", tool], turns=turns)[2])
    assert text.endswith("; the tool said: hello from the file")
    assert calls == []
    assert provider.requests[-1].results == ("hello from the file",)


@every_api
def test_tool_without_a_tool_for_files_says_so(provider, api):
    text, calls, _ = said(api, post(provider, api, "Say hi [[mode=tool]]", tools=["other"])[2])
    assert text.startswith("no tool for files among other")
    assert calls == []


@every_api
def test_a_marker_chooses_the_text(provider, api):
    text, _, _ = said(api, post(provider, api, "Say [[say=one\ntwo  ]] please")[2])
    assert text == "one\ntwo  "


@every_api
def test_structured_output_is_a_report_of_findings_by_default(provider, api):
    schema = lok_core.schema("lok.findings/1")
    text, calls, _ = said(api, post(provider, api, "Find bugs", schema=schema)[2])
    data = calls[0][1] if api == "anthropic" else json.loads(text)
    jsonschema.validate(data, schema)
    assert data["findings"]


@every_api
def test_a_marker_chooses_the_structured_output(provider, api):
    text, calls, _ = said(api, post(provider, api, 'Go [[json={"a": [[1]]}]] now', schema={"title": "t"})[2])
    data = calls[0][1] if api == "anthropic" else json.loads(text)
    assert data == {"a": [[1]]}


def test_after_structured_output_comes_text(provider):
    turns = results_of("anthropic", "StructuredOutput", "accepted")
    text, calls, _ = said(
        "anthropic", post(provider, "anthropic", "Go", schema={"title": "t"}, turns=turns)[2]
    )
    assert (text, calls) == ("FAKE-ANSWER from anthropic model claude-fake", [])


@every_api
def test_a_script_prescribes_the_turns_and_the_markers_come_after_it(provider, api):
    provider.script([Scripted("Asking. ", calls=(Call("ask", {"who": "codex"}),)), "second"])
    assert said(api, post(provider, api, "1")[2])[:2] == ("Asking. ", [("ask", {"who": "codex"})])
    assert said(api, post(provider, api, "2")[2])[0] == "second"
    assert said(api, post(provider, api, "3 [[say=third]]")[2])[0] == "third"


def test_a_scripting_function_may_block_until_all_have_asked(provider):
    together = threading.Barrier(3)

    def reply(record):
        together.wait(30)
        return f"all here: {record.prompt}"

    provider.script(reply)
    asking = [threading.Thread(target=post, args=(provider, api, "Say hi")) for api in MODELS]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(30)
    assert provider.peak == 3
    assert all(record.done for record in provider.requests)


def test_what_the_programs_ask_beside_answers_is_served_and_kept_apart(provider):
    head = urllib.request.Request(provider.url + "/", method="HEAD")
    urllib.request.urlopen(head, timeout=30).close()
    urllib.request.urlopen(provider.url + "/v1/models", timeout=30).close()
    for path in ("/v1beta/models/m:countTokens", "/v1/messages/count_tokens?beta=true"):
        with urllib.request.urlopen(provider.url + path, b"{}", timeout=30) as answer:
            assert 1234 in json.loads(answer.read()).values()
    upgrade = urllib.request.Request(provider.url + "/v1/responses", headers={"Upgrade": "websocket"})
    with pytest.raises(urllib.error.HTTPError, match="426") as refused:
        urllib.request.urlopen(upgrade, timeout=30)
    refused.value.close()
    schema = {"properties": {"complexity_score": {}}}
    post(provider, "gemini", "Say hi [[mode=401]]", stream=False, schema=schema)
    kinds = [record.kind for record in provider.all_requests]
    assert kinds == ["probe", "models", "count", "count", "websocket", "route"]
    assert provider.requests == []


def test_a_wait_is_bounded_and_tells_what_there_was(provider):
    post(provider, "openai", "Say hi")
    with pytest.raises(AssertionError, match="'openai', 'ok', 'Say hi'"):
        provider.wait_for(lambda record: record.hung_up, within=0.01)


def test_the_end_of_the_block_ends_what_hangs():
    with FakeProvider() as provider:
        connection = connect(provider, "openai", "Say hi [[mode=hang]]")
        (record,) = provider.wait_for(lambda record: record.mode == "hang")
    with closing(connection), pytest.raises(http.client.RemoteDisconnected):
        connection.getresponse()
    assert not record.hung_up


def test_its_lifetime_ends_what_hangs():
    with FakeProvider(lifetime=0.2) as provider:
        connection = connect(provider, "openai", "Say hi [[mode=hang]]")
        with closing(connection), pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()


def test_a_fault_of_the_provider_fails_the_test():
    with pytest.raises(json.JSONDecodeError), FakeProvider() as provider, suppress(OSError):
        urllib.request.urlopen(provider.url + "/v1/responses", b"no json", timeout=30)


def test_an_unknown_mode_is_said_to_be_one(provider):
    status, _, raw = post(provider, "openai", "Say hi [[mode=wrong]]")
    assert (status, b"no mode 'wrong'" in raw) == (400, True)
    assert "wrong" not in MODES


@pytest.mark.e2e
@pytest.mark.parametrize("name", clis.PACKAGES)
def test_the_real_program_gets_the_answer(provider, name):
    if clis.find(name) is None:
        pytest.skip(f"{name} is not in {clis.folder()}: run tests/e2e/clis.py")
    with clis.private_folder() as home:
        argv, env = clis.direct(
            name, provider.url, home, "gemini-2.5-pro" if name == "gemini" else "some-model"
        )
        work = home / "work"
        work.mkdir()
        done = subprocess.run(
            argv, env=env, cwd=work, input="Say hi\n", capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert f"FAKE-ANSWER from {APIS[name]} model " in "".join(answer_in(event) for event in events)
    (record,) = provider.requests
    assert (record.api, record.prompt.strip(), record.done) == (APIS[name], "Say hi", True)


def answer_in(event):
    """The text of the answer in an event of codex, gemini or claude."""
    match event:
        case {"item": {"type": "agent_message", "text": text}}:
            return text
        case {"type": "message", "role": "assistant", "content": text}:
            return text
        case {"type": "result", "result": text}:
            return text
    return ""
