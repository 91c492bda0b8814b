"""The backend over real sockets: what servers send, right and wrong, and what becomes of it."""

import json
import time
import traceback
from datetime import date
from email.utils import formatdate
from pathlib import Path

import pytest
import trio
from lok_backend_openai import OpenAI, OpenAIConfig
from lok_backend_openai.address import Address, family, problem_of, proxy

from lok_core import BackendError, Message, Request, Tool, ToolCall, Usage, schema
from lok_core.testing import BackendContract
from lok_core.testing.cases import BACKEND

KEY = "sk-unit-test-key-1234"
ASK = Tool("ask", "Asks.", {"type": "object", "properties": {"what": {"type": "string"}}})


def http(body, status="200 OK", kind="application/json", **headers):
    """A whole response; the connection is closed after it."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else dumped(body)
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + data


def dumped(value):
    return json.dumps(value, ensure_ascii=False).encode()


def events(*chunks, end=b"data: [DONE]\n\n"):
    """A stream: texts and objects as events, bytes as they are."""
    parts = []
    for chunk in chunks:
        if isinstance(chunk, str):
            chunk = delta(content=chunk)
        parts.append(chunk if isinstance(chunk, bytes) else b"data: " + dumped(chunk) + b"\n\n")
    return http(b"".join(parts) + end, kind="text/event-stream")


def delta(finish=None, **part):
    return {"id": "c-1", "model": "m-1-exact", "choices": [{"delta": part, "finish_reason": finish}]}


def error(message, **more):
    return {"error": {"message": message, **more}}


STOP = delta("stop")
MODELS = http({"object": "list", "data": [{"id": "m-1"}, {"id": "m-2"}]})


class TestContract(BackendContract):
    @pytest.fixture
    def backend(
        self, bound
    ):  # not async: such a fixture would run, and hide the reason, where a case is left out
        bound.always = events("because", STOP)
        return OpenAI("openai", OpenAIConfig(bound.url, "m-1"))

    @pytest.mark.parametrize("case", BACKEND, ids=str)
    async def test_contract(self, case, subject, tmp_path, server):
        await super().test_contract(case, subject, tmp_path)


async def ask(backend, run, prompt="hi", **options):
    with trio.fail_after(5):
        return await backend.query(Request(prompt, Path("/"), **options), run)


async def failure(backend, run, **options):
    with pytest.raises(BackendError) as raised:
        await ask(backend, run, **options)
    return raised.value


class TestAnswers:
    async def test_a_stream_is_told_as_it_comes_and_put_together(self, backend, run, server):
        usage = {
            "prompt_tokens": 12,
            "completion_tokens": 3,
            "prompt_tokens_details": {"cached_tokens": 4},
            "cost": 0.5,
        }
        server.replies = [events("Hé", "llo", STOP, {"choices": [], "usage": usage})]
        reply = await ask(backend, run, "Say hello")
        assert reply.text == run.said == "Héllo"
        assert (reply.usage, reply.session, reply.model) == (Usage(12, 3, 4, 0.5), "c-1", "m-1-exact")
        ((method, path, headers, body),) = server.requests
        assert (method, path) == ("POST", "/v1/chat/completions")
        assert "authorization" not in headers
        assert body["messages"] == [{"role": "user", "content": "Say hello"}]
        assert (body["model"], body["stream"]) == ("m-1", True)

    async def test_events_may_be_cut_anywhere_and_lines_end_only_at_a_line_feed(self, backend, run, server):
        whole = events("a\u2028b\x85é", STOP).replace(b"\n\n", b"\r\n\r\n")
        server.replies = [[whole[place : place + 1] for place in range(len(whole))]]
        assert (await ask(backend, run)).text == "a\u2028b\x85é"

    async def test_what_keeps_a_connection_alive_is_a_sign_of_life_and_nothing_else(
        self, backend, run, server
    ):
        server.replies = [events(b": PROCESSING\n\n", b"event: ping\n\n", "hi", STOP)]
        assert (await ask(backend, run)).text == "hi"
        assert run.signs

    async def test_an_answer_that_is_not_streamed_is_one_as_well(self, backend, run, server):
        message = {"role": "assistant", "content": [{"type": "text", "text": "whole"}]}
        server.replies = [http({"choices": [{"message": message, "finish_reason": "stop"}]})]
        assert (await ask(backend, run)).text == run.said == "whole"

    async def test_thoughts_at_its_head_are_no_part_of_it(self, backend, run, server):
        server.replies = [events("<think>hm,", " so</think>\n\n", "Yes.", delta(reasoning="x"), STOP)]
        assert (await ask(backend, run)).text == "Yes."

    async def test_of_several_answers_the_first_one_counts(self, backend, run, server):
        def choice(index, text, finish=None):
            return {"index": index, "delta": {"content": text}, "finish_reason": finish}

        several = [[choice(1, "B", "length"), choice(0, "A")], [choice(1, "B2")], [choice(0, "A2", "stop")]]
        server.replies = [events(*({"choices": choices} for choices in several))]
        assert (await ask(backend, run)).text == run.said == "AA2"

    @pytest.mark.parametrize("kind", ["text/event-stream", "application/json; charset=utf-8", "text/plain"])
    @pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("streamed", [True, False])
    async def test_neither_content_type_nor_byte_order_mark_matters(
        self, backend, run, server, kind, mark, streamed
    ):
        message = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}]}
        lines = b"data: %s\n\ndata: %s\n\n" % (dumped(delta(content="hi")), dumped(STOP))
        server.replies = [
            http(mark + (lines if streamed else json.dumps(message, indent=2).encode()), kind=kind)
        ]
        assert (await ask(backend, run)).text == "hi"

    @pytest.mark.parametrize(
        ("told", "known"),
        [
            ('{"prompt_tokens": 3, "completion_tokens": -5, "cost": NaN}', Usage(3)),
            ('{"prompt_tokens": 3, "completion_tokens": 1e400, "cost": Infinity}', Usage(3)),
            ('{"prompt_tokens": 3, "completion_tokens": true, "cost": -0.5}', Usage(3)),
            ('{"prompt_tokens": 3, "completion_tokens": "7", "cost": 1%s}' % ("0" * 400), Usage(3)),
            ('{"prompt_tokens": 1%s, "completion_tokens": 0}' % ("0" * 30), Usage(None, 0)),
        ],
    )
    async def test_a_usage_that_cannot_be_is_not_known(self, backend, run, server, told, known):
        server.replies = [events("hi", STOP, b'data: {"usage": %s}\n\n' % told.encode())]
        assert (await ask(backend, run)).usage == known

    @pytest.mark.parametrize("end", [b"", b"data: [DONE]\n\n"])
    async def test_either_end_of_a_stream_will_do(self, backend, run, server, end):
        last = b"" if end else b"data: " + dumped(STOP)
        server.replies = [events("done", end=last + end)]
        assert (await ask(backend, run)).text == "done"

    async def test_the_body_has_what_the_table_says(self, server, run):
        backend = OpenAI("x", OpenAIConfig(server.url, "m", body={"temperature": 0, "max_tokens": 9}))
        server.replies = [events("ok", STOP)]
        await ask(backend, run, model="other")
        (body,) = server.bodies
        assert (body["temperature"], body["max_tokens"], body["model"]) == (0, 9, "other")

    async def test_that_the_directory_was_not_seen_is_told(self, backend, run, server):
        server.replies = [events("ok", STOP)]
        assert (await ask(backend, run, access="read")).notes == (
            "the API does not see the directory, only the prompt",
        )


class TestSchemas:
    async def test_findings_are_asked_for_by_their_schema(self, backend, run, server):
        server.replies = [events('{"findings": []}', STOP)]
        reply = await ask(backend, run, output_schema=schema("lok.findings/1"))
        assert reply.data == {"findings": []}
        form = server.bodies[0]["response_format"]["json_schema"]
        assert form["schema"]["properties"].keys() == {"findings"}
        assert "$schema" not in form["schema"]

    async def test_an_endpoint_that_knows_no_schemas_is_asked_without_from_then_on(
        self, backend, run, server
    ):
        server.replies = [
            http(error("This response_format type is unavailable now"), "400 Bad Request"),
            events("1", STOP),
            events("2", STOP),
        ]
        for answer in ("1", "2"):
            reply = await ask(backend, run, output_schema=schema("lok.findings/1"))
            assert (reply.text, reply.data) == (answer, None)
        assert ["response_format" in body for body in server.bodies] == [True, False, False]

    async def test_an_endpoint_may_refuse_several_things_one_after_the_other(self, backend, run, server):
        server.replies = [
            http({"detail": "stream_options: extra inputs are not permitted"}, "422 Unprocessable"),
            http(error("bad request"), "400 Bad Request"),
            events("at last", STOP),
        ]
        assert (await ask(backend, run, output_schema={"type": "object"})).text == "at last"
        assert "stream_options" not in server.bodies[2]

    async def test_what_is_wrong_all_the_same_is_told(self, backend, run, server):
        server.replies = [http(error("no such parameter: fake"), "400 Bad Request")] * 2
        wrong = await failure(backend, run, output_schema={"type": "object"})
        assert (wrong.kind, len(server.bodies)) == ("invalid", 2)
        assert "no such parameter: fake" in wrong.message

    @pytest.mark.parametrize("told", ['{"findings": NaN}', '{"findings": 1e400}', '{"a":' * 100_000])
    async def test_what_json_does_not_have_is_no_data(self, backend, run, server, told):
        server.replies = [events(told, STOP)]
        reply = await ask(backend, run, output_schema=schema("lok.findings/1"))
        assert (reply.text, reply.data) == (told, None)


class TestConversations:
    async def test_calls_come_whole_or_in_pieces(self, backend, run, server):
        first = {"index": 0, "id": "a", "function": {"name": "ask", "arguments": ""}}
        rest = [{"index": 0, "function": {"arguments": text}} for text in ('{"wh', 'at": "x"}')]
        other = {"index": 1, "id": "b", "function": {"name": "ask", "arguments": '{"what": "y"}'}}
        pieces = [delta(tool_calls=[one]) for one in (first, *rest, other)]
        server.replies = [events("Let me ask.", *pieces, delta("tool_calls"))]
        turn = await backend.converse([Message("user", "go")], [ASK], run)
        assert turn.text == "Let me ask."
        assert turn.calls == (ToolCall("a", "ask", {"what": "x"}), ToolCall("b", "ask", {"what": "y"}))
        assert server.bodies[0]["tools"][0]["function"]["name"] == "ask"

    @pytest.mark.parametrize(
        "sent",
        [
            [{"index": 0, "id": name} for name in "ab"],  # every index 0
            [{"id": name} for name in "ab"],  # no index
            [{"index": 0}, {"index": 1}],  # no id
            [{}, {}],
        ],
    )
    async def test_calls_are_told_apart_however_little_tells_them(self, backend, run, server, sent):
        calls = [
            {**one, "function": {"name": "ask", "arguments": {"what": place}}}
            for place, one in enumerate(sent)
        ]
        server.replies = [events(*(delta(tool_calls=[call]) for call in calls), delta("tool_calls"))]
        turn = await backend.converse([Message("user", "go")], [ASK], run)
        assert [call.arguments for call in turn.calls] == [{"what": 0}, {"what": 1}]
        assert len({call.id for call in turn.calls}) == 2

    async def test_arguments_that_cannot_be_read_are_none(self, backend, run, server):
        call = {"index": 0, "id": "a", "function": {"name": "ask", "arguments": '{"what": '}}
        server.replies = [events(delta(tool_calls=[call]), delta("tool_calls"))]
        turn = await backend.converse([Message("user", "go")], [ASK], run)
        assert turn.calls == (ToolCall("a", "ask", {}),)

    async def test_results_go_back_to_their_calls(self, backend, run, server):
        server.replies = [events("All is well.", STOP)]
        said = [
            Message("user", "go"),
            Message("assistant", "", (ToolCall("a", "ask", {"what": "x"}),)),
            Message("tool", "it is busy", call_id="a", failed=True),
        ]
        turn = await backend.converse(said, [], run)
        assert (turn.text, turn.calls) == ("All is well.", ())
        (body,) = server.bodies
        assert "tools" not in body
        function = {"name": "ask", "arguments": '{"what": "x"}'}
        assert body["messages"][1]["tool_calls"] == [{"id": "a", "type": "function", "function": function}]
        assert body["messages"][2] == {"role": "tool", "tool_call_id": "a", "content": "error: it is busy"}

    @pytest.mark.parametrize(
        ("status", "words"),
        [
            ("400 Bad Request", "registry.ollama.ai/library/gemma:2b does not support tools"),
            ("400 Bad Request", '"auto" tool choice requires --enable-auto-tool-choice to be set'),
            ("404 Not Found", "No endpoints found that support tool use"),
            ("500 Internal Server Error", "tools param requires --jinja flag"),
        ],
    )
    async def test_a_model_without_tools_is_found_out_once(self, backend, run, server, status, words):
        server.replies = [http(error(words), status)]
        for _ in range(2):
            with pytest.raises(NotImplementedError):
                await backend.converse([Message("user", "go")], [ASK], run)
        assert len(server.requests) == 1


class TestFailures:
    @pytest.mark.parametrize(
        ("status", "told", "kind", "words"),
        [
            ("400 Bad Request", error("Invalid value"), "invalid", "Invalid value"),
            ("401 Unauthorized", error("No auth"), "auth", "wants a key: No auth"),
            ("402 Payment Required", error("Insufficient credits"), "quota", "credits"),
            ("403 Forbidden", error("Your region"), "auth", "Your region"),
            ("413 Too Large", "", "too_large", "HTTP status 413"),
            ("400 Bad", error("x", code="context_length_exceeded"), "too_large", "says: x"),
            ("400 Bad", error("maximum context length is 4096 tokens"), "too_large", "4096"),
            ("429 Too Many", error("Rate limit reached"), "rate_limit", "Rate limit"),
            ("429 Too Many", error("x", code="insufficient_quota"), "quota", "says: x"),
            ("400 Bad", error("x", code="content_filter"), "refused", "says: x"),
            ("500 Internal", {"error": "llama runner has ended"}, "overloaded", "llama runner"),
            ("500 Internal", error("model requires more system memory (9 GiB)"), "unavailable", "9 GiB"),
            ("502 Bad Gateway", "<html><body>502</body></html>", "overloaded", "HTTP status 502"),
            ("503 Unavailable", [1, "busy"], "overloaded", "busy"),
            ("504 Timeout", "upstream timed out", "timeout", "upstream timed out"),
            ("500 Internal", {"error": {"message": {"deep": 1}}}, "overloaded", "deep"),
        ],
    )
    async def test_each_status_has_its_kind(self, backend, run, server, status, told, kind, words):
        server.replies = [http(told, status)]
        wrong = await failure(backend, run)
        assert wrong.kind == kind
        assert words in wrong.message
        assert wrong.hint

    @pytest.mark.parametrize(
        ("headers", "least", "most"),
        [
            ({}, None, None),
            ({"Retry-After": "7"}, 7, 7),
            ({"Retry-After-Ms": "250"}, 0.25, 0.25),
            ({"Retry-After": "soon"}, None, None),
        ],
    )
    async def test_when_to_come_back_is_told(self, backend, run, server, headers, least, most):
        server.replies = [http(error("slow down"), "429 Too Many", **headers)]
        wait = (await failure(backend, run)).retry_after_s
        assert wait is None if least is None else least <= wait <= most

    async def test_a_date_to_come_back_at_is_counted_from_now(self, backend, run, server):
        server.replies = [
            http(
                error("slow"), "429 Too Many", **{"Retry-After": formatdate(time.time() + 3600, usegmt=True)}
            )
        ]
        assert 3500 <= (await failure(backend, run)).retry_after_s <= 3600

    async def test_an_unknown_model_comes_with_the_known_ones(self, backend, run, server):
        server.replies = [
            http(error('model "x" not found, try pulling it first'), "404 Not Found"),
            MODELS,
        ]
        wrong = await failure(backend, run, model="x")
        assert (wrong.kind, wrong.hint) == ("invalid", "-m local=MODEL, one of m-1, m-2")
        assert "no model 'x'" in wrong.message

    async def test_an_address_without_an_api_is_told_from_an_unknown_model(self, backend, run, server):
        server.replies = [http("404 page not found", "404 Not Found", "text/plain")] * 2
        wrong = await failure(backend, run)
        assert (wrong.kind, wrong.hint) == ("invalid", "base_url ends in /v1 as a rule")

    @pytest.mark.parametrize(
        ("sent", "kind", "words"),
        [
            (events("half", end=b""), "network", "hung up"),
            (events(end=b""), "protocol", "sent no answer"),
            (events(delta("stop")), "empty", "said nothing"),
            (events("some", delta("length")), "truncated", "cut off"),
            (events("some", delta("content_filter")), "refused", "content filter"),
            (events(delta(refusal="I will not."), STOP), "refused", "I will not."),
            (events("some", b"data: {nonsense\n\n"), "protocol", "no JSON"),
            (events("some", b"data: \xff\xfe\n\n"), "protocol", "no JSON"),
            (events("some", b"data: " + b"[" * 100_000 + b"\n\n"), "protocol", "no JSON"),
            (events("some", error("Overloaded", code=502)), "overloaded", "Overloaded"),
            (events("some", error("slow", type="rate_limit_exceeded")), "rate_limit", "slow"),
            (events("some", dumped(error("broke")) + b"\n"), "overloaded", "broke"),
            (events("some", delta("error")), "overloaded", "ended the answer with an error"),
            (
                events("some", {"choices": [{"error": {"message": "died"}, "finish_reason": "error"}]}),
                "overloaded",
                "says: died",
            ),
            (events("some", {"object": "error", "message": "dead", "code": 503}), "overloaded", "dead"),
            (events(b'event: error\ndata: {"message": "blew"}\n\n'), "overloaded", "says: blew"),
            (events("some", b"event: error\ndata: blew up\n\n"), "overloaded", "says: blew up"),
            (events("some", b'error: {"code":400,"message":"slot"}\n\n'), "invalid", "says: slot"),
            (http(b"{\n" + dumped(error("busy"))[1:]), "overloaded", "says: busy"),
            (http([error("bad key")], "400 Bad"), "invalid", "says: bad key"),
            (http({"detail": [{"loc": ["body"], "msg": "missing"}]}, "422 Bad"), "invalid", "says: missing"),
            (http("", "301 Moved"), "protocol", "answered with HTTP status 301"),
            (http("", "304 Not Modified"), "protocol", "answered with HTTP status 304"),
            (http("<!doctype html><h1>Sign in</h1>", kind="text/html"), "protocol", "sent no answer"),
            (http({"hello": "world"}), "protocol", "sent no answer"),
            (http("{", kind="application/json"), "protocol", "no JSON"),
            (http("", "307 Moved", Location="https://other/v1"), "protocol", "moved to https://other/v1"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\ndata: ", "network", "no connection"),
            (b"SSH-2.0-OpenSSH_9\r\n", "network", "no connection"),
            (b"", "network", "no connection"),
        ],
    )
    async def test_what_is_no_answer_has_its_kind(self, backend, run, server, sent, kind, words):
        server.replies = [sent]
        wrong = await failure(backend, run)
        assert (wrong.kind, words in wrong.message) == (kind, True), wrong

    async def test_what_was_said_before_an_error_is_kept(self, backend, run, server):
        last = {"choices": [{"delta": {"content": " more"}, "error": {"message": "died"}}]}
        server.replies = [events("some", last)]
        await failure(backend, run)
        assert run.said == "some more"

    @pytest.mark.parametrize("part", [None, 1, "x", [], {"delta": 1}, {"delta": {"content": 5}}])
    async def test_events_of_any_shape_are_borne(self, backend, run, server, part):
        server.replies = [events({"choices": [part], "usage": "x", "id": 7}, [1], None, "ok", STOP)]
        assert (await ask(backend, run)).text == "ok"

    async def test_a_flood_without_end_is_ended(self, backend, run, server):
        server.replies = [
            [events("x" * 2**20, end=b"")] + [b"data: " + dumped(delta(content="y" * 2**20)) + b"\n\n"] * 20
        ]
        wrong = await failure(backend, run)
        assert (wrong.kind, wrong.message) == ("truncated", "the answer is longer than 16 MiB")

    async def test_an_event_without_end_is_ended(self, backend, run, server):
        server.replies = [[events(b"data: ", end=b""), *[b"z" * 2**20] * 20]]
        assert (await failure(backend, run)).kind == "protocol"

    async def test_silence_is_a_stall(self, backend, run, server, monkeypatch):
        monkeypatch.setattr("lok_backend_openai.chat._SILENCE_S", 0.05)
        server.replies = [None]
        assert (await failure(backend, run)).kind == "stalled"

    async def test_cancelling_hangs_up(self, backend, run, server):
        server.replies = [None]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(backend.query, Request("hi", Path("/")), run)
            await server.asked.wait()
            nursery.cancel_scope.cancel()
        await server.hung_up.wait()

    async def test_nobody_there_says_how_to_start_the_server(self, run):
        listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0]
        port = listener.socket.getsockname()[1]
        await listener.aclose()
        wrong = await failure(OpenAI("x", OpenAIConfig(f"http://localhost:{port}/v1", "m")), run)
        assert (wrong.kind, wrong.message) == ("unavailable", f"nobody listens at http://localhost:{port}/v1")
        assert wrong.hint == "start the server, or see to base_url"


class TestModels:
    async def test_the_only_model_needs_no_name(self, server, run):
        backend = OpenAI("x", OpenAIConfig(server.url))
        names = [{"id": "only"}, {"id": "text-embedding-nomic"}]
        server.replies = [http({"data": names}), events("1", STOP), events("2", STOP)]
        assert (await ask(backend, run)).text + (await ask(backend, run)).text == "12"
        assert [path for _, path, _, _ in server.requests] == ["/v1/models", *["/v1/chat/completions"] * 2]
        assert server.bodies[0]["model"] == "only"

    @pytest.mark.parametrize(
        ("names", "hint"),
        [
            (["a", "b"], "-m x=MODEL, one of a, b"),
            ([f"m{place}" for place in range(10)], "and 2 more"),
            ([], "load a model into the server first"),
        ],
    )
    async def test_a_choice_is_the_users(self, server, run, names, hint):
        server.replies = [http({"data": [{"id": name} for name in names]})]
        wrong = await failure(OpenAI("x", OpenAIConfig(server.url)), run)
        assert (wrong.kind, wrong.hint.endswith(hint)) == ("invalid", True)
        assert server.bodies == []


class TestKeys:
    async def test_the_key_that_the_table_names_is_sent(self, server, run):
        backend = OpenAI("x", OpenAIConfig(server.url, "m", key_env="MY_KEY"))
        run.env = {"MY_KEY": KEY, "OPENAI_API_KEY": "sk-of-another"}
        server.replies = [events("ok", STOP), http(error("bad"), "401 Unauthorized")]
        await ask(backend, run)
        assert server.requests[0][2]["authorization"] == f"Bearer {KEY}"
        wrong = await failure(backend, run)
        assert (wrong.kind, wrong.hint) == ("auth", "check MY_KEY")

    async def test_openais_key_does_not_go_to_another_server(self, backend, run, server):
        run.env = {"OPENAI_API_KEY": KEY}
        server.replies = [events("ok", STOP)]
        await ask(backend, run)
        assert KEY not in str(server.requests)
        assert backend.profile.secrets == ()

    async def test_the_variables_of_openais_own_programs_count_without_a_table(self, server, run):
        run.env = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/"}
        server.replies = [events("ok", STOP)]
        await ask(OpenAI("openai", OpenAIConfig()), run, model="m")
        ((_, path, headers, _),) = server.requests
        assert (path, headers["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")

    def test_no_key_goes_unencrypted_to_where_nobody_said_it_should(self):
        env = {"OPENAI_API_KEY": KEY, "MY_KEY": KEY, "OPENAI_BASE_URL": "http://gpu-box:8000/v1"}
        for table in (Address("x", None, None), Address("x", None, "MY_KEY")):
            with pytest.raises(BackendError, match="not sent unencrypted to gpu-box"):
                table.key(env)
        assert Address("x", "http://gpu-box:8000/v1", "MY_KEY").key(env) == KEY
        for url in ("https://gpu-box/v1", "http://127.0.0.1:1/v1", "http://[::1]:1", "http://a.localhost"):
            assert Address("x", None, None).key({**env, "OPENAI_BASE_URL": url}) == KEY

    async def test_a_key_that_is_not_there_is_told(self, server, run):
        wrong = await failure(OpenAI("x", OpenAIConfig(server.url, "m", key_env="MY_KEY")), run)
        assert (wrong.kind, wrong.message, wrong.hint) == ("auth", "MY_KEY is not set", "export MY_KEY=...")

    @pytest.mark.parametrize("key", ["sk-1\nsk-2", "sk-äöü", "sk-\x00"])
    async def test_what_can_be_no_key_is_not_sent(self, server, run, key):
        run.env = {"MY_KEY": key}
        wrong = await failure(OpenAI("x", OpenAIConfig(server.url, "m", key_env="MY_KEY")), run)
        assert (wrong.kind, "MY_KEY holds no key" in wrong.message) == ("auth", True)
        assert server.requests == []


@pytest.mark.parametrize("name", ["", KEY, "MY KEY", "1KEY", "SCHLÜSSEL", "KEY\n"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_repeated(name):
    with pytest.raises(ValueError, match="the name of the variable") as raised:
        OpenAIConfig(key_env=name)
    assert not name or name not in str(raised.value)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("when", date(2026, 11, 23), "'when': JSON has no dates"),
        ("deep", {"a": [float("nan")]}, "'deep': JSON has neither nan"),
        ("messages", [], "'messages' does not belong here"),
        ("model", "x", "-m NAME=MODEL"),
        ("stream", False, "'stream' does not belong here"),
    ],
)
def test_a_body_that_cannot_be_sent_is_refused(key, value, words):
    with pytest.raises(ValueError, match="body: ") as raised:
        OpenAIConfig(body={key: value})
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("table", "env", "available", "asked"),
    [
        ({}, {}, False, False),
        ({}, {"OPENAI_API_KEY": KEY}, False, False),  # of codex, say; and which model?
        ({}, {"OPENAI_BASE_URL": "http://localhost:1/v1"}, True, False),
        ({"model": "gpt"}, {}, False, True),
        ({"model": "gpt"}, {"OPENAI_API_KEY": KEY}, True, True),
        ({"base_url": "http://localhost:1/v1"}, {}, True, True),
        ({"base_url": "https://host/v1", "key_env": "K"}, {}, False, True),
        ({"base_url": "https://host/v1", "key_env": "K"}, {"K": KEY}, True, True),
        ({"model": "gpt"}, {"OPENAI_BASE_URL": "nonsense"}, False, True),
    ],
)
def test_who_is_asked_by_default(table, env, available, asked):
    backend = OpenAI("x", OpenAIConfig(**table))
    assert backend.available(env) is available
    assert backend.profile.asked_by_default is asked
    assert backend.profile.converses is asked


def test_a_table_may_forbid_tools():
    assert not OpenAI("x", OpenAIConfig("http://localhost/v1", tools=False)).profile.converses


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:11434", "ftp://host", "http://", "http://h:99999", "http://u:p@h/v1", "http://h/v1?k=1"),
        *("http://..:80/v1", "http://a..b/v1", f"http://{'a' * 64}/v1"),
    ],
)
def test_an_address_that_is_none_is_refused(url):
    assert problem_of(url)
    with pytest.raises(ValueError, match="base_url: "):
        OpenAIConfig(base_url=url)


@pytest.mark.parametrize(
    ("url", "env", "found"),
    [
        ("https://host/v1", {}, None),
        ("https://host/v1", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://host/v1", {"https_proxy": "p:1"}, "http://p:1"),
        ("http://host/v1", {"HTTPS_PROXY": "http://p:1"}, None),
        ("http://host/v1", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.host/v1", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".host"}, None),
        ("https://host/v1", {"HTTPS_PROXY": "http://p:1", "no_proxy": "*"}, None),
        ("http://localhost:1/v1", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://127.0.0.1:1/v1", {"ALL_PROXY": "http://p:1"}, None),
    ],
)
def test_the_proxy_is_that_of_the_environment(url, env, found):
    assert proxy(url, env) == found


async def test_a_proxy_is_used(server, run):
    run.env = {"HTTP_PROXY": server.url.removesuffix("/v1")}
    server.replies = [events("by proxy", STOP)]
    backend = OpenAI("x", OpenAIConfig("http://nowhere.invalid/v1", "m"))
    assert (await ask(backend, run)).text == "by proxy"
    assert server.requests[0][1] == "http://nowhere.invalid/v1/chat/completions"


@pytest.mark.parametrize(
    ("env", "hint"),
    [
        ({"HTTPS_PROXY": "gopher://p"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://me:pa/ss@p:1"}, "%2F for /"),
        ({"HTTPS_PROXY": "socks5://p"}, 'pip install "httpx2[socks]"'),
        ({"SSL_CERT_FILE": "/no/such"}, "SSL_CERT_FILE"),
    ],
)
async def test_a_way_that_cannot_be_gone_is_told(run, env, hint):
    run.env = env
    wrong = await failure(OpenAI("x", OpenAIConfig("https://nowhere.invalid/v1", "m")), run)
    assert (wrong.kind, "cannot be used" in wrong.message, hint in wrong.hint) == ("invalid", True, True)
    assert "'pa'" not in "".join(traceback.format_exception(wrong)).replace(repr(env), "")


async def test_a_proxy_that_no_machine_can_be_called_is_told(run):
    run.env = {"HTTP_PROXY": "http://..:1"}
    wrong = await failure(OpenAI("x", OpenAIConfig("http://nowhere.invalid/v1", "m")), run)
    assert (wrong.kind, "cannot be looked up" in wrong.message) == ("invalid", True)


class TestHealth:
    @pytest.mark.parametrize(
        ("reply", "ready", "words"),
        [
            (MODELS, True, "model m-1"),
            (http({"data": [{"id": "m-1:latest"}]}), True, "model m-1"),
            (http({"data": [{"id": "other"}]}), False, "no model 'm-1'"),
            (http("no", "404 Not Found"), True, "does not list"),
            (http(error("bad"), "401 Unauthorized"), False, "wants a key"),
            (http("<html>", kind="text/html"), False, "no JSON"),
            (http({}), False, "does not list its models"),
        ],
    )
    async def test_it_is_what_the_list_of_models_tells(self, backend, run, server, reply, ready, words):
        server.replies = [reply]
        health = await backend.check(run)
        assert health.ready == ready
        assert words in health.message
        assert f"{health.message}, {health.program}".count(server.url) == 1
        assert server.bodies == []

    async def test_a_server_that_hangs_is_not_waited_for(self, backend, run, server, monkeypatch):
        monkeypatch.setattr("lok_backend_openai.health._LIMIT_S", 0.05)
        server.replies = [None]
        assert (await backend.check(run)).message == "no answer within 0.05 s"

    async def test_nobody_there_is_told_with_the_way_out(self, run):
        health = await OpenAI("x", OpenAIConfig("http://127.0.0.1:9/v1", "m")).check(run)
        assert (health.ready, health.message) == (False, "nobody listens at http://127.0.0.1:9/v1")

    async def test_without_a_key_nothing_is_sent(self, run):
        health = await OpenAI("openai", OpenAIConfig()).check(run)
        assert (health.ready, health.logged_in) == (False, False)
        assert health.message == "OPENAI_API_KEY is not set"

    async def test_a_key_alone_is_not_enough(self, run):
        run.env = {"OPENAI_API_KEY": KEY}
        health = await OpenAI("openai", OpenAIConfig()).check(run)
        assert (health.ready, health.logged_in, health.message) == (False, None, "no model is named")


def test_a_model_is_known_by_its_family_too():
    assert family("qwen2.5-coder:7b") == ("qwen2.5-coder:7b", "qwen")
    assert family("meta-llama/Llama-3.3-70B") == ("meta-llama/Llama-3.3-70B", "Llama")
    assert family("o3") == ("o3",)  # one letter would be everywhere in a text
    assert family(None) == ()
