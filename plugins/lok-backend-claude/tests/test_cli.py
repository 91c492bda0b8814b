"""The program `claude`, played by one that says what the real one was recorded to say."""

import json
import time

import pytest
from lok_backend_claude import Claude, ClaudeConfig

from lok_core import BackendError, Request, Usage
from lok_core.testing import BackendContract

INIT = {
    "type": "system",
    "subtype": "init",
    "session_id": "8294e311-98d3-4658-a307-2d7267f88f46",
    "tools": ["Glob", "Grep", "Read"],
    "mcp_servers": [],
    "model": "claude-sonnet-5",
    "permissionMode": "dontAsk",
    "apiKeySource": "ANTHROPIC_API_KEY",
    "claude_code_version": "2.1.197",
}
USAGE = {
    "input_tokens": 1100,
    "cache_creation_input_tokens": 34,
    "cache_read_input_tokens": 100,
    "output_tokens": 56,
    "server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 0},
}
RESULT = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "api_error_status": None,
    "num_turns": 1,
    "result": "All is well.",
    "stop_reason": "end_turn",
    "session_id": "8294e311-98d3-4658-a307-2d7267f88f46",
    "total_cost_usd": 0.004272,
    "usage": USAGE,
    "modelUsage": {"claude-sonnet-5": {"inputTokens": 1100, "outputTokens": 56, "costUSD": 0.004272}},
    "permission_denials": [],
    "terminal_reason": "completed",
}
NO_USAGE = dict.fromkeys(USAGE, 0)
FINDINGS = {"findings": []}


def spoken(*blocks, model="claude-sonnet-5", **rest):
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": model, "content": list(blocks)}
    return {"type": "assistant", "message": message, "parent_tool_use_id": None, **rest}


def text(said):
    return {"type": "text", "text": said}


def tool(name, **arguments):
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": arguments}


def streamed(said):
    delta = {"type": "text_delta", "text": said}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    return {"type": "stream_event", "event": event, "parent_tool_use_id": None}


def begun():
    return {"type": "stream_event", "event": {"type": "message_start", "message": {}}}


def failed(said, code, status=None, **rest):
    """What claude prints in place of an answer."""
    result = {**RESULT, "is_error": True, "api_error_status": status, "result": said}
    return [
        INIT,
        spoken(text(said), model="<synthetic>", error=code),
        {**result, "stop_reason": "stop_sequence", "total_cost_usd": 0, "usage": NO_USAGE, **rest},
    ]


def lines(events):
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.mark.slow  # some seconds of processes
@pytest.mark.slow
class TestContract(BackendContract):
    @pytest.fixture
    def backend(self):
        return Claude("claude", ClaudeConfig())


@pytest.fixture
def claude(fake_cli, run, tmp_path):
    """Asks a claude that prints these events: `await claude([...], access="read")`."""

    async def claude(events, prompt="Are they fine?", *, config=None, code=0, stderr="", **options):
        claude.program = fake_cli("claude", stdout=lines(events), stderr=stderr, code=code)
        run.env["PATH"] = f"{claude.program.path.parent}:{run.env['PATH']}"
        backend = Claude("claude", config or ClaudeConfig())
        return await backend.query(Request(prompt, tmp_path, **options), run)

    return claude


async def failure_of(asking):
    with pytest.raises(BackendError) as raised:
        await asking
    return raised.value


async def test_an_answer_comes_with_tokens_cost_session_and_model(claude):
    reply = await claude([INIT, spoken(text("All is well.")), RESULT])
    assert reply.text == "All is well."
    assert reply.usage == Usage(input_tokens=1234, output_tokens=56, cached_tokens=100, cost_usd=0.004272)
    assert reply.session == "8294e311-98d3-4658-a307-2d7267f88f46"
    assert (reply.model, reply.data, reply.notes) == ("claude-sonnet-5", None, ())


@pytest.mark.parametrize(
    ("access", "tools", "mode"),
    [
        ("none", "", None),
        ("read", "Read,Grep", "dontAsk"),
        ("write", "Read,Grep,Edit,Write", "acceptEdits"),
    ],
)
async def test_it_gets_the_tools_that_the_access_allows(claude, tmp_path, run, access, tools, mode):
    await claude([INIT, RESULT], access=access)
    (call,) = claude.program.calls
    argv = call["argv"]
    assert argv[argv.index("--tools") + 1] == tools
    assert ("--permission-mode" in argv) == (mode is not None)
    assert mode is None or argv[argv.index("--permission-mode") + 1] == mode
    assert call["cwd"] == str(run.folder if access == "none" else tmp_path)


async def test_nothing_of_the_directory_configures_it(claude):
    await claude([INIT, RESULT], access="read")
    (call,) = claude.program.calls
    argv, env = call["argv"], call["env"]
    assert argv[argv.index("--setting-sources") + 1] == ""
    assert {"-p", "--verbose", "--no-session-persistence", "--strict-mcp-config"} <= set(argv)
    assert env["CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS"] == "1"
    assert env["GIT_DIR"] == "/dev/null"
    assert env["CLAUDE_CODE_DISABLE_ATTACHMENTS"] == "1"
    assert env["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert env["CLAUDE_CODE_MAX_RETRIES"] == "0"


async def test_a_user_gets_no_more_access_and_no_other_stream_by_arguments(claude):
    args = ("--print", "--output-format", "text", "--dangerously-skip-permissions", "--tools", "Bash")
    extra = ("--add-dir", "/", "/etc", "--allowedTools", "Bash", "Write", "--effort", "low")
    await claude([INIT, RESULT], access="read", config=ClaudeConfig(args=args, extra_args=extra))
    argv = claude.program.calls[0]["argv"]
    assert argv[argv.index("--output-format") + 1] == "stream-json"
    assert argv[argv.index("--tools") + 1] == "Read,Grep"
    assert argv[argv.index("--effort") + 1] == "low"
    assert not {"text", "Bash", "/etc", "--add-dir", "--dangerously-skip-permissions"} & set(argv)


async def test_the_model_is_sonnet_unless_told_otherwise(claude):
    for config, asked, wanted in [
        (ClaudeConfig(), None, "sonnet"),
        (ClaudeConfig(model="opus"), None, "opus"),
        (ClaudeConfig(model="opus"), "haiku", "haiku"),
    ]:
        await claude([INIT, RESULT], config=config, model=asked)
        argv = claude.program.calls[-1]["argv"]
        assert argv[argv.index("--model") + 1] == wanted


@pytest.mark.parametrize(
    ("prompt", "sent"),
    [("/init", "\n/init"), ("@a.py", "@a.py"), ("a /x", "a /x")],
)
async def test_a_prompt_arrives_as_text_and_never_as_a_command(claude, prompt, sent):
    await claude([INIT, RESULT], prompt)
    assert claude.program.calls[0]["stdin"] == sent


async def test_what_it_does_is_shown(claude, run, tmp_path):
    blocks = [
        tool("Read", file_path=f"{tmp_path}/app/models.py"),
        tool("Read", file_path="/etc/hosts"),
        tool("Grep", pattern="def .*"),
        tool("Edit", file_path=f"{tmp_path}/a.py"),
        tool("StructuredOutput", findings=[]),
        tool("Unheard", of=1),
    ]
    await claude([INIT, *(spoken(block) for block in blocks), RESULT])
    assert run.activities == [
        "reading app/models.py",
        "reading /etc/hosts",
        "searching for def .*",
        "editing a.py",
        "giving its answer",
        "using Unheard",
    ]


async def test_what_it_says_is_told_while_it_comes(claude, run):
    first = [begun(), streamed("Let me"), streamed(" look."), spoken(text("Let me look."))]
    second = [begun(), streamed("All is well."), spoken(text("All is well."))]
    reply = await claude([INIT, *first, *second, RESULT])
    assert run.said == "Let me look.\n\nAll is well."
    assert reply.text == "All is well."


async def test_findings_are_asked_for_by_their_schema(claude):
    wanted = {"type": "object", "required": ["findings"], "properties": {"findings": {"type": "array"}}}
    result = {**RESULT, "result": json.dumps(FINDINGS), "structured_output": FINDINGS}
    asked = {"$schema": "https://json-schema.org/draft/2020-12/schema", **wanted}
    reply = await claude([INIT, spoken(tool("StructuredOutput", **FINDINGS)), result], output_schema=asked)
    assert reply.data == FINDINGS
    argv = claude.program.calls[0]["argv"]
    assert json.loads(argv[argv.index("--json-schema") + 1]) == wanted


async def test_free_text_where_findings_were_asked_for_stays_text(claude):
    reply = await claude([INIT, RESULT], output_schema={"type": "object"})
    assert (reply.text, reply.data) == ("All is well.", None)


async def test_what_it_was_denied_is_noted(claude):
    denials = [
        {"tool_name": name, "tool_use_id": "1", "tool_input": {}} for name in ("Bash", "Write", "Bash")
    ]
    reply = await claude([INIT, {**RESULT, "permission_denials": denials}])
    assert reply.notes == ("claude was denied Bash, Write",)


@pytest.mark.parametrize(
    ("said", "code", "rest", "kind", "words", "hint"),
    [
        ("Invalid API key · Fix external API key", "authentication_failed", {"status": 401}, "auth",
         "Invalid API key", "check ANTHROPIC_API_KEY"),
        ("API Error: Request rejected (429) · Number of requests has exceeded your per-minute rate limit.",
         "rate_limit", {"status": 429}, "rate_limit", "per-minute", "--jobs 1"),
        ("API Error: Request rejected (429) · You have reached your specified API usage limits.",
         "rate_limit", {"status": 429}, "quota", "usage limits", "-b"),
        ("Claude usage limit reached. Your limit will reset at 3pm.", "rate_limit", {}, "quota", "3pm", "-b"),
        ("Credit balance is too low", "billing_error", {"status": 400}, "quota", "Credit", "credit"),
        ("API Error: 500 Internal server error.", "server_error", {"status": 500}, "overloaded", "500", ""),
        ("API Error: 529 Overloaded.", "server_error", {"status": 529}, "overloaded", "529", "again"),
        ("API Error: Unable to connect to API (ConnectionRefused)", "server_error", {}, "network",
         "ConnectionRefused", "HTTPS_PROXY"),
        ("API Error: Connection to the API was lost (ECONNRESET).", "server_error", {}, "network",
         "ECONNRESET", "connection"),
        ("API Error: Request timed out", "unknown", {}, "timeout", "timed out", "--timeout"),
        ("API Error: API returned an empty or malformed response (HTTP 200)", "unknown", {}, "protocol",
         "malformed", "proxy"),
        ("There's an issue with the selected model (claude-sonnet-5). It may not exist.", "model_not_found",
         {"status": 404}, "invalid", "no model 'claude-sonnet-5'", "-m claude=sonnet"),
        ("API Error: 400 messages: fake is not permitted", "unknown", {"status": 400}, "invalid",
         "not permitted", ""),
        ("Prompt is too long", "invalid_request", {"status": 400, "terminal_reason": "prompt_too_long"},
         "too_large", "too long", "shorten"),
        ("API Error: Claude Code is unable to respond to this request", "invalid_request",
         {"stop_reason": "refusal"}, "refused", "unable to respond", "differently"),
        ("API Error: Claude's response exceeded the 64000 output token maximum.", "max_output_tokens", {},
         "truncated", "64000", "CLAUDE_CODE_MAX_OUTPUT_TOKENS"),
        ("Something new", "brand_new", {}, "crashed", "Something new", ""),
    ],
)  # fmt: skip
async def test_each_failure_has_its_kind_and_a_hint(claude, said, code, rest, kind, words, hint):
    error = await failure_of(claude(failed(said, code, **rest), code=1))
    assert error.kind == kind
    assert words in error.message
    assert "API Error" not in error.message
    assert not error.message.startswith("claude")  # whoever shows it says whose it is
    assert hint in error.hint


async def test_a_subscription_tells_when_it_may_be_used_again(claude):
    info = {"status": "rejected", "resetsAt": time.time() + 600, "rateLimitType": "five_hour"}
    told = {"type": "rate_limit_event", "rate_limit_info": info}
    init, *rest = failed("You've hit your session limit · resets 3am (UTC)", "rate_limit", 429)
    error = await failure_of(claude([init, told, *rest], code=1))
    assert error.kind == "quota"
    assert 500 < error.retry_after_s <= 600


@pytest.mark.parametrize("info", [{"status": "allowed", "resetsAt": 9e9}, {"status": "rejected"}, None])
async def test_without_a_limit_there_is_no_time_to_wait(claude, info):
    told = {"type": "rate_limit_event", "rate_limit_info": info}
    error = await failure_of(claude([*failed("API Error: 500 No.", "unknown", 500), told], code=1))
    assert error.retry_after_s is None


async def test_waiting_for_another_attempt_of_its_own_is_shown(claude, run):
    retry = {"type": "system", "subtype": "api_retry", "retry_delay_ms": 1097.06, "error": "rate_limit"}
    await claude([INIT, retry, RESULT])
    assert run.activities == ["waiting 1 s to try again: rate_limit"]


async def test_one_who_is_not_logged_in_is_told_how_to(claude):
    events = failed("Not logged in · Please run /login", "authentication_failed")
    events[0] = {**INIT, "apiKeySource": "none"}
    error = await failure_of(claude(events, code=1))
    assert (error.kind, error.hint) == ("auth", "run `claude` and type /login, or export ANTHROPIC_API_KEY")


@pytest.mark.parametrize(
    ("subtype", "said", "kind"),
    [
        ("error_max_turns", "Reached maximum number of turns (1)", "truncated"),
        ("error_max_budget_usd", "Reached maximum budget ($0.01)", "quota"),
        ("error_during_execution", "no idea", "crashed"),
    ],
)
async def test_a_limit_of_the_users_own_is_no_answer(claude, subtype, said, kind):
    result = {key: value for key, value in RESULT.items() if key not in ("result", "api_error_status")}
    error = await failure_of(
        claude([INIT, {**result, "subtype": subtype, "is_error": True, "errors": [said]}])
    )
    assert error.kind == kind
    assert said in error.message


async def test_blank_is_no_answer(claude):
    assert (await failure_of(claude([INIT, {**RESULT, "result": ""}]))).kind == "empty"


async def test_a_prompt_that_claude_took_for_a_command_got_no_answer(claude):
    error = await failure_of(claude([INIT, {**RESULT, "num_turns": 0, "result": "Unknown command: /x"}]))
    assert error.kind == "invalid"
    assert "Unknown command: /x" in error.message


@pytest.mark.parametrize("code", [0, 143])
async def test_one_that_was_ended_in_the_middle_has_crashed(claude, code):
    error = await failure_of(claude([INIT, begun(), streamed("All is")], code=code))
    assert error.kind == "crashed"


async def test_a_flag_that_it_does_not_know_is_told(claude):
    error = await failure_of(claude([], code=1, stderr="error: unknown option '--verbose'\n"))
    assert error.kind == "invalid"
    assert "unknown option '--verbose'" in error.message
    assert "npm install -g @anthropic-ai/claude-code" in error.hint


async def test_events_of_another_version_do_no_harm(claude):
    odd = [
        {"type": "system", "subtype": "status", "status": "requesting"},
        {"type": "rate_limit_event", "rate_limit_info": {"status": "allowed"}},
        {"type": "stream_event", "event": None},
        {"type": "stream_event", "event": {"type": "content_block_delta", "delta": {"type": "new_delta"}}},
        {"type": "assistant", "message": None},
        {"type": "assistant", "message": {"content": "text", "model": None}},
        {"type": "assistant", "message": {"content": [None, {"type": "thinking", "thinking": "?"}]}},
        {"type": "user", "message": {"content": []}},
        {},
    ]
    assert (await claude([INIT, *odd, {**RESULT, "usage": None}])).usage.input_tokens is None


async def test_its_health_tells_version_and_log_in(run, fake_cli):
    backend = Claude("claude", ClaudeConfig())
    for status, ready in [
        ('{"loggedIn": true, "authMethod": "api_key"}', True),
        ('{"loggedIn": false}', False),
    ]:
        program = fake_cli("claude", stdout=f"{status}\n", stderr="2.1.197 (Claude Code)\n")
        run.env["PATH"] = f"{program.path.parent}:{run.env['PATH']}"
        health = await backend.check(run)
        assert (health.ready, health.logged_in) == (ready, ready)
        assert (health.version, health.known_good, health.program) == ("2.1.197", True, str(program.path))
        assert health.hint == ("" if ready else "run `claude` and type /login, or export ANTHROPIC_API_KEY")
        assert program.calls[-1]["argv"] == ["auth", "status", "--json"]


def test_what_an_untrusted_lok_toml_may_repeat_changes_nothing():
    known = Claude.known_defaults
    assert known == {"command": "claude", "model": "sonnet", "timeout": 600}
    assert ClaudeConfig(command=known["command"], model=known["model"]) == ClaudeConfig(command="claude")


def test_a_table_that_names_a_key_is_asked_without_being_named():
    by_key = Claude("claude", ClaudeConfig(api_key_env="MY_KEY"))
    assert by_key.profile.asked_by_default
    assert by_key.profile.secrets == ("MY_KEY",)
    assert by_key.available({"MY_KEY": "k"})
    assert not by_key.available({})
