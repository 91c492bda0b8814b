"""Gemini as a backend: what it is started with, and what is made of its events."""

import json
import re

import pytest
from lok_backend_gemini import MAX_PROMPT_BYTES, Gemini, disarmed

from lok_core import BackendError, Finished, Request, Run, Usage
from lok_core.testing import BackendContract

INIT = {"type": "init", "session_id": "s-1", "model": "gemini-x"}
STATS = {
    "total_tokens": 907,
    "input_tokens": 900,
    "output_tokens": 7,
    "cached": 80,
    "models": {"gemini-x": {"input_tokens": 900}},
}
DONE = {"type": "result", "status": "success", "stats": STATS}


class ScriptedRun(Run):
    """Plays one output to the backend and keeps what it was asked to start."""

    def __init__(self, folder, env, stdout, stderr="", code=0, trusted=False):
        self.folder, self.env, self.trusted = folder, env, trusted
        self.output = stdout.encode(), stderr.encode(), code
        self.activities, self.said = [], []

    async def command(self, argv, *, stdin=b"", cwd=None, env=None, on_stdout=None, cap_bytes=None):
        self.files = {path.name: path.read_text() for path in self.folder.iterdir() if path.is_file()}
        stdout, stderr, code = self.output
        if argv[0] == "/bin/sh":  # which writes to a file
            argv[3].write_bytes(stdout)
            argv, stdout = argv[4:], b""
        self.argv, self.stdin, self.cwd, self.own_env = argv[1:], stdin, cwd, env
        return Finished(code, stdout, stderr)

    def progress(self, activity):
        self.activities.append(activity)

    def text(self, chunk):
        self.said.append(chunk)

    def mask(self, text):
        return text


def said(text):
    return {"type": "message", "role": "assistant", "content": text, "delta": True}


def failed(text):
    return {"type": "result", "status": "error", "error": {"type": "unknown", "message": text}, "stats": {}}


def google(code, text, status="X", **details):
    """An error of Google's as gemini passes it on."""
    error = {"error": {"code": code, "message": text, "status": status, "details": [details]}}
    return f"[API Error: {json.dumps(error)}]"


def lines(*events):
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.mark.slow  # some seconds of processes
@pytest.mark.slow
class TestContract(BackendContract):
    @pytest.fixture
    def backend(self):
        return Gemini("gemini", Gemini.Config())


@pytest.fixture
def ask(tmp_path, fake_cli):
    """Asks gemini, which prints these events, and gives the reply (or raises) and the run."""
    program = fake_cli("gemini")
    folder, directory = tmp_path / "private", tmp_path / "code"
    folder.mkdir()
    directory.mkdir()

    async def asked(*events, stderr="", code=0, config=None, env=(), prompt="why?", trusted=False, **request):
        env = {"PATH": str(program.path.parent), **dict(env)}
        run = ScriptedRun(folder, env, lines(*events), stderr, code, trusted)
        asked.run = run
        backend = Gemini("gemini", Gemini.Config(**(config or {})))
        run.reply = await backend.query(Request(prompt, directory, **request), run)
        return run

    asked.directory = directory
    return asked


async def failure(ask, *events, **options):
    with pytest.raises(BackendError) as raised:
        await ask(*events, **options)
    return raised.value


def settings(run):
    """The settings that gemini was given."""
    assert run.own_env["GEMINI_CLI_SYSTEM_SETTINGS_PATH"] == str(run.folder / "lok-gemini.json")
    return json.loads(run.files["lok-gemini.json"])


class TestArguments:
    async def test_reading_shows_the_directory_from_lok_s_own_folder(self, ask):
        run = await ask(INIT, said("ok"), DONE, access="read")
        assert run.cwd == run.folder
        assert settings(run)["context"]["includeDirectories"] == [str(ask.directory)]
        assert settings(run)["tools"]["core"] == ["read_file", "list_directory", "grep_search"]
        assert run.argv[run.argv.index("--approval-mode") + 1] == "default"

    async def test_without_access_there_are_no_tools_and_no_directory(self, ask):
        run = await ask(INIT, said("ok"), DONE, access="none")
        assert settings(run)["tools"]["core"] == []
        assert settings(run)["context"]["includeDirectories"] == []

    async def test_only_in_a_trusted_directory_it_follows_what_lies_there(self, ask):
        run = await ask(INIT, said("ok"), DONE, access="read")
        assert "--skip-trust" not in run.argv
        assert run.own_env["GEMINI_CLI_TRUST_WORKSPACE"] == "false"
        assert settings(run)["security"] == {"folderTrust": {"enabled": False}}
        run = await ask(INIT, said("ok"), DONE, access="read", trusted=True)
        assert "--skip-trust" in run.argv
        assert "GEMINI_CLI_TRUST_WORKSPACE" not in run.own_env

    async def test_writing_happens_in_the_directory_with_edits_approved(self, ask):
        run = await ask(INIT, said("ok"), DONE, access="write")
        assert run.cwd == ask.directory
        assert run.argv[run.argv.index("--approval-mode") + 1] == "auto_edit"
        assert {"replace", "write_file"} < set(settings(run)["tools"]["core"])

    async def test_gemini_tries_once_and_sends_nothing_else(self, ask):
        given = settings(await ask(INIT, said("ok"), DONE))
        assert given["general"] == {"maxAttempts": 1, "retryFetchErrors": False, "enableAutoUpdate": False}
        assert given["privacy"] == {"usageStatisticsEnabled": False}
        assert "auth" not in given["security"]  # the way to log in stays the user's

    async def test_more_access_than_asked_for_is_taken_out_of_the_users_arguments(self, ask):
        extra = ("--yolo", "--approval-mode=yolo", "--allowed-tools", "run_shell_command", "write_file")
        run = await ask(INIT, said("ok"), DONE, config={"extra_args": extra}, access="read")
        assert not set(extra) & set(run.argv)

    async def test_npx_with_the_package_means_the_program_itself(self, ask):
        config = {"command": "npx", "args": ("@google/gemini-cli",), "skip_lines": 1}
        run = await ask(INIT, said("ok"), DONE, config=config)
        assert "@google/gemini-cli" not in run.argv
        assert run.reply.text == "ok"


class TestPrompt:
    async def test_it_goes_to_standard_input_word_for_word(self, ask):
        prompt = "-x \u20ac @Override a@b.com !ls"
        run = await ask(INIT, said("ok"), DONE, prompt=prompt, access="write")
        assert run.stdin.decode() == prompt

    async def test_reading_it_is_told_which_directory_is_meant(self, ask):
        run = await ask(INIT, said("ok"), DONE, prompt="/look", access="read")
        line = f"The current directory is {ask.directory}; use absolute paths below it."
        assert run.stdin.decode() == f"\n/look\n\n{line}"

    async def test_a_slash_at_its_beginning_is_no_command(self, ask):
        run = await ask(INIT, said("ok"), DONE, prompt="/review all")
        assert run.stdin == b"\n/review all"

    async def test_it_may_have_8_mib_and_no_byte_more(self, ask):
        whole = "\u20ac" * (MAX_PROMPT_BYTES // 3)
        run = await ask(INIT, said("ok"), DONE, prompt=whole)
        assert run.stdin.decode() == whole
        error = await failure(ask, INIT, said("ok"), DONE, prompt=f"{whole}\u20ac")
        assert error.kind == "too_large"

    @pytest.mark.parametrize(
        ("prompt", "sent"),
        [
            ("see @hello.txt.", r"see \@hello.txt."),
            ("@app/models.py and (@hello.txt)", r"\@app/models.py and (\@hello.txt)"),
            ("user@hello.txt", r"user\@hello.txt"),
            ("@app", r"\@app"),
            ('@"my file.txt"', r'\@"my file.txt"'),
            (r"@my\ file.txt", r"\@my\ file.txt"),
            (r"already \@hello.txt", r"already \@hello.txt"),
            ("@decorator def f(): x @ y, a@b.com", "@decorator def f(): x @ y, a@b.com"),
            ("@hell", "@hell"),
            ("@@hello.txt", "@@hello.txt"),
            ("@" + "a" * 5000, "@" + "a" * 5000),
            ("@\0x", "@\0x"),
        ],
    )
    def test_an_at_that_would_fetch_a_file_is_escaped(self, tmp_path, prompt, sent):
        (tmp_path / "app").mkdir()
        for name in ("hello.txt", "my file.txt", "app/models.py"):
            (tmp_path / name).touch()
        assert disarmed(prompt, tmp_path) == sent

    def test_absolute_paths_are_escaped_too(self, tmp_path):
        (tmp_path / "hello.txt").touch()
        assert disarmed(f"@{tmp_path}/hello.txt", tmp_path) == f"\\@{tmp_path}/hello.txt"


class TestAnswers:
    async def test_the_pieces_make_the_answer(self, ask):
        run = await ask(
            INIT, {"type": "message", "role": "user", "content": "why?"}, said("4"), said("2"), DONE
        )
        assert run.reply.text == "42"
        assert run.said == ["4", "2"]

    async def test_what_is_said_before_a_tool_is_called_is_not_the_answer(self, ask):
        call = {"type": "tool_use", "tool_name": "read_file", "parameters": {"file_path": "app/models.py"}}
        result = {"type": "tool_result", "status": "success", "output": ""}
        run = await ask(INIT, said("I look."), call, result, said("42"), DONE)
        assert run.reply.text == "42"
        assert run.activities == ["reading app/models.py"]

    async def test_tokens_session_and_model_are_told_and_the_cost_is_unknown(self, ask):
        reply = (await ask(INIT, said("ok"), DONE)).reply
        assert reply.usage == Usage(input_tokens=900, output_tokens=7, cached_tokens=80, cost_usd=None)
        assert (reply.session, reply.model) == ("s-1", "gemini-x")

    async def test_of_an_automatic_choice_the_chosen_model_is_told(self, ask):
        done = {**DONE, "stats": {**STATS, "models": {"router": {}, "gemini-chosen": {}}}}
        reply = (await ask({**INIT, "model": "auto"}, said("ok"), done)).reply
        assert reply.model == "gemini-chosen"

    async def test_noise_and_unknown_events_are_passed_over(self, ask):
        odd = [{"type": "new"}, {"type": "tool_use"}, {"type": "message", "role": "user", "content": 7}]
        assert (await ask(*odd, INIT, said("ok"), DONE)).reply.text == "ok"


class TestProgress:
    @pytest.mark.parametrize(
        ("tool", "parameters", "shown"),
        [
            ("list_directory", {"dir_path": "app"}, "listing app"),
            ("grep_search", {"pattern": "eval"}, "searching for eval"),
            ("write_file", {"file_path": "a.py"}, "writing a.py"),
            ("other", {}, "using other"),
        ],
    )
    async def test_tools_are_shown(self, ask, tool, parameters, shown):
        call = {"type": "tool_use", "tool_name": tool, "parameters": parameters}
        assert (await ask(INIT, call, said("ok"), DONE)).activities == [shown]


class TestFailures:
    @pytest.mark.parametrize(
        ("message", "kind", "part"),
        [
            (google(401, "Invalid credentials.", "UNAUTHENTICATED"), "auth", "the login"),
            (google(400, "API key not valid.", reason="API_KEY_INVALID"), "auth", "API key not valid"),
            (google(403, "Not allowed.", "PERMISSION_DENIED"), "auth", "Not allowed"),
            (
                "[API Error: You exceeded it.\nSuggested retry after 9s.]\nPlease wait",
                "rate_limit",
                "exceeded it",
            ),
            ("[API Error: You have exhausted your daily quota on this model.]\nMore", "quota", "daily quota"),
            ("[API Error: You exceeded your current quota, see billing.]", "quota", "current quota"),
            (google(429, "Too much.", "RESOURCE_EXHAUSTED"), "rate_limit", "Too much"),
            ("[API Error: The model is overloaded.]", "overloaded", "overloaded"),
            (google(529, "Later.", "UNAVAILABLE"), "overloaded", "Later"),
            (google(500, "An internal error.", "INTERNAL"), "overloaded", "An internal error"),
            ("[API Error: models/gemini-0 is not found for API version v1.]", "invalid", "gemini-x"),
            (google(400, "The input token count (2) exceeds the maximum (1)."), "too_large", "token count"),
            (google(400, "Not an argument.", "INVALID_ARGUMENT"), "invalid", ": Not an argument."),
            ("[API Error: exception TypeError: fetch failed sending request]", "network", "fetch failed"),
            ("[API Error: terminated]", "network", "terminated"),
            ("[API Error: Incomplete JSON segment at the end]", "network", "Incomplete JSON"),
            ("a new kind of trouble", "protocol", "a new kind of trouble"),
            ("", "protocol", "no reason"),
        ],
    )
    async def test_a_failed_run_is_told_by_its_message(self, ask, message, kind, part):
        error = await failure(ask, INIT, failed(message), code=1)
        assert (error.kind, part in error.message) == (kind, True), error.message
        assert not re.search(r"^gemini:|(of|and) gemini ", error.message)  # whoever shows it says whose it is

    @pytest.mark.parametrize(
        "message",
        [
            "[API Error: You exceeded it.\nSuggested retry after 9s.]",
            google(429, "Too much.", retryDelay="9s"),
        ],
    )
    async def test_the_time_to_wait_is_told(self, ask, message):
        error = await failure(ask, INIT, failed(message), code=173)
        assert (error.kind, error.retry_after_s) == ("rate_limit", 9)

    async def test_a_key_that_is_not_accepted_is_named(self, ask):
        env = {"GEMINI_API_KEY": "fake-gemini-key"}
        error = await failure(ask, INIT, failed(google(401, "No.")), code=145, env=env)
        assert "the key in GEMINI_API_KEY" in error.message
        assert "export GEMINI_API_KEY" in error.hint

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            ("The model response was blocked due to safety settings.", "refused"),
            ("The model returned an empty response with no text or thoughts.", "empty"),
        ],
    )
    async def test_a_failure_with_exit_code_0_is_one(self, ask, reason, kind):
        result = {"type": "result", "status": "error", "stats": STATS}
        told = {"type": "error", "severity": "error", "message": reason}
        assert (await failure(ask, INIT, told, result)).kind == kind

    async def test_what_was_said_before_the_connection_broke_is_kept(self, ask):
        error = await failure(
            ask, INIT, said("half an "), said("ans"), failed("[API Error: terminated]"), code=1
        )
        assert error.kind == "network"
        assert ask.run.said == ["half an ", "ans"]

    async def test_an_end_by_a_signal_with_exit_code_0_is_no_success(self, ask):
        assert (await failure(ask, INIT, said("half"))).kind == "protocol"

    async def test_a_blank_answer_is_none(self, ask):
        assert (await failure(ask, INIT, said(" \n"), DONE)).kind == "empty"

    async def test_without_a_way_to_log_in_the_key_is_named(self, ask):
        noise = "Warning: 256-color support not detected.\n"
        error = await failure(
            ask, stderr=f"{noise}Please set an Auth method in your settings.json\n", code=41
        )
        assert error.kind == "auth"
        assert "Auth method" in error.message
        assert "GEMINI_API_KEY" in error.hint

    @pytest.mark.parametrize(
        ("stderr", "part", "hint"),
        [
            (
                "When using Gemini API, you must specify the GEMINI_API_KEY environment variable.\n"
                "Update your environment and try again (no reload needed if using .env)!\n",
                "GEMINI_API_KEY",
                "export GEMINI_API_KEY",
            ),
            ("Invalid auth method selected.\n", "Invalid auth method", "selectedType"),
            (
                "When using Vertex AI, you must specify either:\n\u2022 X\n",
                "Vertex AI",
                "GOOGLE_CLOUD_PROJECT",
            ),
        ],
    )
    async def test_what_is_missing_for_the_chosen_way_to_log_in_is_told(self, ask, stderr, part, hint):
        error = await failure(ask, stderr=stderr, code=41)
        assert (error.kind, part in error.message) == ("auth", True), error.message
        assert hint in error.hint

    async def test_an_argument_that_gemini_does_not_know_is_invalid(self, ask):
        error = await failure(ask, stderr="Usage: gemini\n\nUnknown argument: foo\n", code=1)
        assert (error.kind, "foo" in error.message) == ("invalid", True)


class TestProfile:
    def test_gemini_is_asked_for_what_it_is_good_at_and_retried_by_lok(self):
        assert Gemini.profile.strengths[0] == "security"
        assert not Gemini.profile.retries

    def test_the_tables_of_the_rust_tool_are_known_defaults(self):
        known = {"command": "npx", "args": ["@google/gemini-cli"], "skip_lines": 1}
        assert Gemini.known_defaults == known


class TestCheck:
    async def health(self, tmp_path, fake_cli, **env):
        program = fake_cli("gemini")
        run = ScriptedRun(
            tmp_path, {"PATH": str(program.path.parent), "HOME": str(tmp_path), **env}, "0.61.0\n"
        )
        return await Gemini("gemini", Gemini.Config()).check(run)

    async def test_a_key_in_the_environment_is_a_login(self, tmp_path, fake_cli):
        health = await self.health(tmp_path, fake_cli, GEMINI_API_KEY="fake-gemini-key")
        assert (health.ready, health.version, health.known_good, health.logged_in) == (
            True,
            "0.61.0",
            True,
            True,
        )

    async def test_the_file_of_a_login_is_one(self, tmp_path, fake_cli):
        self.select(tmp_path, "oauth-personal")
        (tmp_path / ".gemini" / "oauth_creds.json").touch()
        assert (await self.health(tmp_path, fake_cli)).logged_in is True

    @pytest.mark.parametrize(
        ("way", "env", "hint"),
        [
            ("gemini-api-key", {}, "export GEMINI_API_KEY"),
            ("gemini-api-key", {"GOOGLE_API_KEY": "fake-google-key"}, "export GEMINI_API_KEY"),
            ("oauth-personal", {"GEMINI_API_KEY": "fake-gemini-key"}, "run `gemini`"),
            ("vertex-ai", {"GEMINI_API_KEY": "fake-gemini-key"}, "GOOGLE_CLOUD_PROJECT"),
            ("", {"GEMINI_API_KEY": "fake-gemini-key", "GOOGLE_GEMINI_BASE_URL": "http://x"}, "selectedType"),
            ("", {"GOOGLE_GENAI_USE_GCA": "true"}, "run `gemini`"),
        ],
    )
    async def test_the_chosen_way_needs_its_own_credentials(
        self, tmp_path, fake_cli, monkeypatch, way, env, hint
    ):
        monkeypatch.setattr("sys.platform", "linux")
        self.select(tmp_path, way)
        health = await self.health(tmp_path, fake_cli, **env)
        assert (health.ready, health.logged_in) == (False, False)
        assert hint in health.hint

    @pytest.mark.parametrize("name", [".env", "gemini-credentials.json"])
    async def test_files_of_gemini_may_hold_a_key(self, tmp_path, fake_cli, name):
        self.select(tmp_path, "gemini-api-key")
        (tmp_path / ".gemini" / name).touch()
        health = await self.health(tmp_path, fake_cli)
        assert (health.ready, health.logged_in) == (True, None)

    async def test_of_other_ways_nothing_is_known(self, tmp_path, fake_cli):
        self.select(tmp_path, "compute-default-credentials")
        health = await self.health(tmp_path, fake_cli)
        assert (health.ready, health.logged_in) == (True, None)

    def select(self, home, way):
        (home / ".gemini").mkdir()
        settings = f'// mine\n{{"security": {{"auth": {{"selectedType": "{way}"}}}}}}'
        (home / ".gemini" / "settings.json").write_text(settings if way else "{}")

    async def test_nothing_of_these_is_none(self, tmp_path, fake_cli):
        health = await self.health(tmp_path, fake_cli)
        assert (health.ready, health.logged_in) == (False, False)
        assert "GEMINI_API_KEY" in health.hint
