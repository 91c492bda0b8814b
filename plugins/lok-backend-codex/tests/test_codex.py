"""Codex as a backend: what it is started with, and what is made of its events."""

import json
import re
import tomllib

import pytest
from lok_backend_codex import Codex, _own_files

from lok_core import BackendError, Finished, Profile, Request, Run, Usage
from lok_core.testing import BackendContract

STARTED = [{"type": "thread.started", "thread_id": "th-1"}, {"type": "turn.started"}]
DONE = {
    "type": "turn.completed",
    "usage": {
        "input_tokens": 900,
        "cached_input_tokens": 80,
        "output_tokens": 7,
        "reasoning_output_tokens": 2,
    },
}


class ScriptedRun(Run):
    """Plays one output to the backend and keeps what it was asked to start."""

    def __init__(self, folder, env, stdout, stderr="", code=0, trusted=False):
        self.folder, self.env, self.trusted = folder, env, trusted
        self.output = stdout.encode(), stderr.encode(), code
        self.activities, self.said = [], []

    async def command(self, argv, *, stdin=b"", cwd=None, env=None, on_stdout=None, cap_bytes=None):
        self.argv, self.stdin, self.cwd, self.own_env = argv[1:], stdin, cwd, env
        self.files = {path.name: path.read_text() for path in self.folder.iterdir() if path.is_file()}
        stdout, stderr, code = self.output
        if on_stdout:
            on_stdout(stdout)
        return Finished(code, stdout, stderr)

    def progress(self, activity):
        self.activities.append(activity)

    def text(self, chunk):
        self.said.append(chunk)

    def mask(self, text):
        return text


def message(text):
    return {"type": "item.completed", "item": {"id": "item_0", "type": "agent_message", "text": text}}


def failed(text):
    return {"type": "turn.failed", "error": {"message": text}}


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.mark.slow
class TestContract(BackendContract):
    @pytest.fixture
    def backend(self):
        return Codex("codex", Codex.Config())


@pytest.fixture
def ask(tmp_path, fake_cli):
    """Asks codex, which prints these events, and gives the reply (or raises) and the run."""
    program = fake_cli("codex")
    folder, directory = tmp_path / "private", tmp_path / "code"
    folder.mkdir()
    directory.mkdir()

    async def asked(*events, stderr="", code=0, config=None, env=(), trusted=False, **request):
        env = {"PATH": str(program.path.parent), **dict(env)}
        run = ScriptedRun(folder, env, lines(*events), stderr, code, trusted)
        backend = Codex("codex", Codex.Config(**(config or {})))
        asked.run = run
        run.reply = await backend.query(Request("why?", directory, **request), run)
        return run

    asked.directory, asked.program = directory, program.path
    return asked


async def failure(ask, *events, **options):
    with pytest.raises(BackendError) as raised:
        await ask(*events, **options)
    return raised.value


class TestArguments:
    async def test_reading_is_a_read_only_sandbox_without_keys_and_searches(self, ask):
        run = await ask(*STARTED, message("ok"), DONE, access="read")
        assert run.argv[0] == "exec"
        given = " ".join(run.argv)
        assert '--config=default_permissions="lok"' in run.argv
        (shown,) = [word for word in run.argv if word.startswith("--config=permissions.lok.filesystem=")]
        shown = tomllib.loads(shown.removeprefix("--config="))["permissions"]["lok"]["filesystem"]
        program = str(ask.program)
        assert shown == {":minimal": "read", ":workspace_roots": {".": "read"}, program: "read"}
        assert "--json" in given
        assert "-c shell_environment_policy.inherit=core" in given
        assert "-c web_search=disabled" in given
        assert run.cwd == ask.directory

    async def test_only_in_a_trusted_directory_it_follows_what_lies_there(self, ask):
        run = await ask(*STARTED, message("ok"), DONE, access="read")
        kept_out = ["project_doc_max_bytes=0", "skills.include_instructions=false"]
        assert set(kept_out) < set(run.argv)
        (projects,) = [word for word in run.argv if word.startswith("projects=")]
        assert tomllib.loads(projects)["projects"] == {str(ask.directory): {"trust_level": "untrusted"}}
        run = await ask(*STARTED, message("ok"), DONE, access="read", trusted=True)
        assert not [word for word in run.argv if word.startswith(("project", "skills"))]

    async def test_without_access_there_is_no_shell_and_another_working_directory(self, ask):
        run = await ask(*STARTED, message("ok"), DONE, access="none")
        assert "--disable=shell_tool" in run.argv
        assert run.cwd == run.folder

    async def test_writing_is_the_sandbox_of_the_workspace(self, ask):
        run = await ask(*STARTED, message("ok"), DONE, access="write")
        assert run.argv[run.argv.index("-s") + 1] == "workspace-write"

    async def test_arguments_of_the_user_are_kept_and_not_repeated(self, ask):
        config = {"command": "codex", "args": ("exec", "--json", "-s", "read-only")}
        run = await ask(*STARTED, message("ok"), DONE, config=config, access="read")
        assert run.argv[:2] == ["exec", "--json"]
        assert run.argv.count("--json") == 1
        assert "-s" not in run.argv  # it would take the place of the profile

    async def test_more_access_than_asked_for_is_taken_out_of_the_users_arguments(self, ask):
        extra = (
            "--sandbox",
            "danger-full-access",
            "--dangerously-bypass-approvals-and-sandbox",
            "--add-dir=/",
            "-c",
            'default_permissions=":danger-full-access"',
            "--config=permissions.lok.filesystem={}",
            "-csandbox_mode=danger-full-access",
        )
        run = await ask(*STARTED, message("ok"), DONE, config={"extra_args": extra}, access="read")
        assert not (set(extra) - {"-c"}) & set(run.argv)

    async def test_without_a_model_codex_chooses(self, ask):
        assert "-m" not in (await ask(*STARTED, message("ok"), DONE)).argv

    @pytest.mark.parametrize(
        ("installed", "program", "shown"),
        [
            # npm: the binary's package lies beside the one with the script, or within it
            (
                ["lib/node_modules/@openai/codex/bin/codex.js", "lib/node_modules/@openai/codex-linux-x64/x"],
                "lib/node_modules/@openai/codex/bin/codex.js",
                ["lib/node_modules/@openai/codex", "lib/node_modules/@openai/codex-linux-x64"],
            ),
            (["opt/codex-package.json", "opt/bin/codex"], "opt/bin/codex", ["opt"]),
            (["home/bin/codex"], "home/bin/codex", ["home/bin/codex"]),
        ],
    )
    def test_of_codex_itself_no_more_is_shown_than_it_needs(self, tmp_path, installed, program, shown):
        for name in installed:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        link = tmp_path / "codex"
        link.symlink_to(tmp_path / program)
        assert _own_files(str(link)) == [str(tmp_path / name) for name in shown]


class TestAnswers:
    async def test_the_last_message_is_the_answer(self, ask):
        run = await ask(*STARTED, message("I look around."), message("42"), DONE)
        assert run.reply.text == "42"
        assert run.said == ["I look around.", "42"]

    async def test_tokens_and_session_are_told_and_the_cost_is_unknown(self, ask):
        reply = (await ask(*STARTED, message("ok"), DONE)).reply
        assert reply.usage == Usage(input_tokens=900, output_tokens=7, cached_tokens=80, cost_usd=None)
        assert reply.session == "th-1"

    async def test_an_answer_that_follows_the_schema_is_data(self, ask):
        reply = (await ask(*STARTED, message('{"n": 1}'), DONE, output_schema={"type": "object"})).reply
        assert reply.data == {"n": 1}

    async def test_an_answer_that_does_not_is_text_with_a_note(self, ask):
        reply = (await ask(*STARTED, message('{"n": 1}'), DONE, output_schema={"required": ["m"]})).reply
        assert reply.data is None
        assert reply.text == '{"n": 1}'
        assert "not as asked for" in reply.notes[0]

    async def test_an_error_that_was_got_over_does_not_count(self, ask):
        again = {"type": "error", "message": "Reconnecting... 1/5 (last status: 429 Too Many Requests)"}
        run = await ask(*STARTED, again, message("ok"), DONE)
        assert run.reply.text == "ok"
        assert run.activities == [again["message"]]

    async def test_a_warning_is_no_failure(self, ask):
        warning = {"type": "item.completed", "item": {"type": "error", "message": "Model metadata not found"}}
        assert (await ask(*STARTED, warning, message("ok"), DONE)).reply.text == "ok"

    async def test_unknown_and_misshapen_events_are_passed_over(self, ask):
        odd = [
            {"type": "new.event", "item": 7},
            {"type": "item.started"},
            {"item": None},
            {"type": "item.completed"},
        ]
        assert (await ask(*STARTED, *odd, message("ok"), DONE)).reply.text == "ok"


class TestProgress:
    @pytest.mark.parametrize(
        ("item", "shown"),
        [
            (
                {"type": "command_execution", "command": "/bin/bash -lc 'cat app/models.py'"},
                "running cat app/models.py",
            ),
            ({"type": "command_execution", "command": "/bin/bash -c 'rg eval'"}, "running rg eval"),
            ({"type": "command_execution", "command": "ls 'un"}, "running ls 'un"),
            ({"type": "mcp_tool_call", "server": "docs", "tool": "find"}, "calling docs/find"),
            ({"type": "web_search", "query": "n+1"}, "searching the web: n+1"),
            ({"type": "file_change"}, "changing files"),
        ],
    )
    async def test_what_is_begun_is_shown(self, ask, item, shown):
        run = await ask(*STARTED, {"type": "item.started", "item": item}, message("ok"), DONE)
        assert run.activities == [shown]


class TestFailures:
    @pytest.mark.parametrize(
        ("said", "kind", "part"),
        [
            (
                "unexpected status 401 Unauthorized: Incorrect API key provided: sk-x.",
                "auth",
                "the login",
            ),
            ("Missing environment variable: `MY_KEY`.", "auth", "MY_KEY"),
            ("Quota exceeded. Check your plan and billing details.", "quota", "quota"),
            ("You've hit your usage limit. Try again on Monday.", "quota", "Monday"),
            ("exceeded retry limit, last status: 429 Too Many Requests", "rate_limit", "rate"),
            (
                "We are currently experiencing high demand, which may cause errors.",
                "overloaded",
                "high demand",
            ),
            ("unexpected status 503 Service Unavailable: later, url: http://x", "overloaded", "503"),
            ("unexpected status 529 <unknown status code>: later", "overloaded", "529"),
            ("The model `gpt-0` does not exist or you do not have access to it.", "invalid", "`gpt-0`"),
            ("The 'gpt-0' model is not supported when using Codex so.", "invalid", "no such model"),
            (
                '{"error":{"message":"Invalid value: \'x\'.","type":"invalid_request_error"}}',
                "invalid",
                ": Invalid value",
            ),
            ("Codex ran out of room in the model's context window.", "too_large", "context"),
            ("Connection failed: error sending request", "network", "connection"),
            (
                "stream disconnected before completion: Transport error: network error",
                "network",
                "connection",
            ),
            ("stream disconnected before completion: UTF8 error: invalid utf-8 sequence", "protocol", "UTF8"),
            ("Incomplete response returned, reason: content_filter", "refused", "filter"),
            ("a new kind of trouble", "protocol", "a new kind of trouble"),
        ],
    )
    async def test_a_failed_turn_is_told_by_its_message(self, ask, said, kind, part):
        error = await failure(ask, *STARTED, {"type": "error", "message": said}, failed(said), code=1)
        assert (error.kind, part in error.message) == (kind, True), error.message
        assert not re.search(r"^codex|(of|and) codex", error.message)  # whoever shows it says whose it is

    async def test_a_key_that_is_not_accepted_is_named(self, ask):
        env = {"CODEX_API_KEY": "sk-fake-key"}
        error = await failure(ask, *STARTED, failed("unexpected status 401"), code=1, env=env)
        assert "the key in CODEX_API_KEY" in error.message
        assert "codex login" in error.hint

    async def test_what_was_said_before_a_cut_off_is_kept(self, ask):
        cut = failed("Incomplete response returned, reason: max_output_tokens")
        error = await failure(ask, *STARTED, message("half an ans"), cut, code=1)
        assert error.kind == "truncated"
        assert ask.run.said == ["half an ans"]

    async def test_a_turn_without_any_message_is_a_refusal(self, ask):
        assert (await failure(ask, *STARTED, DONE)).kind == "refused"

    async def test_a_blank_message_is_an_empty_answer(self, ask):
        assert (await failure(ask, *STARTED, message("  \n"), DONE)).kind == "empty"

    async def test_an_end_without_a_complete_turn_is_no_success(self, ask):
        assert (await failure(ask, *STARTED, message("half"))).kind == "protocol"

    async def test_an_argument_that_codex_does_not_know_is_invalid(self, ask):
        error = await failure(
            ask, stderr="error: unexpected argument '--foo' found\n\nUsage: codex\n", code=2
        )
        assert error.kind == "invalid"
        assert "--foo" in error.message

    async def test_a_version_that_is_too_old_is_told_what_to_do(self, ask):
        said = "Error: Unknown feature flag: unbounded_connection_retries\n"
        error = await failure(ask, stderr=said, code=1)
        assert error.kind == "invalid"
        assert "bring codex up to date" in error.hint

    async def test_an_answer_without_a_working_sandbox_is_none(self, ask):
        broken = "bwrap: execvp /opt/real/codex: No such file or directory\n"
        item = {"type": "command_execution", "command": "ls", "aggregated_output": broken, "exit_code": 1}
        events = [*STARTED, {"type": "item.completed", "item": item}, message("nothing found"), DONE]
        error = await failure(ask, *events)
        assert error.kind == "unavailable"
        assert "sandbox does not start" in error.message
        assert 'command = "/opt/real/codex"' in error.hint


class TestProfile:
    def test_codex_is_asked_for_what_it_is_good_at_and_not_retried(self):
        profile = Codex.profile
        assert isinstance(profile, Profile)
        assert profile.strengths[0] == "performance"
        assert profile.retries
        assert "CODEX_API_KEY" in profile.secrets

    def test_the_tables_of_the_rust_tool_are_known_defaults(self):
        assert Codex.known_defaults == {"command": "codex", "args": ["exec", "--json", "-s", "read-only"]}


class TestCheck:
    async def test_a_key_in_the_environment_is_a_login(self, ask, tmp_path):
        run = await ask(*STARTED, message("ok"), DONE)
        run.env["CODEX_API_KEY"] = "sk-fake-key"
        run.output = b"codex-cli 0.169.0\n", b"", 0
        health = await Codex("codex", Codex.Config()).check(run)
        assert (health.ready, health.version, health.known_good, health.logged_in) == (
            True,
            "0.169.0",
            True,
            True,
        )

    async def test_without_a_login_the_hint_is_to_log_in(self, tmp_path, fake_cli):
        program = fake_cli("codex")

        class NotLoggedIn(ScriptedRun):
            async def command(self, argv, **options):
                version = argv[1:] == ["--version"]
                return (
                    Finished(0, b"codex-cli 0.169.0\n", b"")
                    if version
                    else Finished(1, b"", b"Not logged in\n")
                )

        run = NotLoggedIn(tmp_path, {"PATH": str(program.path.parent), "HOME": str(tmp_path)}, "")
        health = await Codex("codex", Codex.Config()).check(run)
        assert (health.ready, health.logged_in) == (False, False)
        assert "codex login" in health.hint

        (tmp_path / ".codex").mkdir()
        (tmp_path / ".codex" / "config.toml").write_text('model_provider = "mine"\n')
        health = await Codex("codex", Codex.Config()).check(run)
        assert (health.ready, health.logged_in) == (True, None)
