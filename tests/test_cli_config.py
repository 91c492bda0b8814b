"""Configuration and trust as users meet them: lok as a process, with a home and a project of its own."""

import json
import math
import os
import re
import subprocess
import sys
import tomllib

import pytest

from lok_core.lok import make_limits
from lok_core.settings import Settings
from lok_core.testing import FakeCli, run_lok
from tests.test_config import RUST, settings_from

pytestmark = pytest.mark.slow  # a lok process each


READS = "access = { read = [] }\n"


class Home:
    """A home, a project to work in, and a folder of fake programs."""

    def __init__(self, folder):
        self.home = folder / "home"
        self.project = folder / "project"
        self.bin = folder / "bin"
        for made in (self.home, self.project / "src", self.bin):
            made.mkdir(parents=True)
        (self.project / "app.py").write_text("print('hello')\n")
        self.file = self.project / "lok.toml"
        self.env = {"HOME": str(self.home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}

    def __call__(self, *args, cwd=None, **env):
        done = run_lok(args, env={**self.env, **env}, cwd=cwd or self.project)
        assert "Traceback" not in done.stderr
        return done

    def user(self, text, folder=".config/lok"):
        """Writes the user's own file."""
        (self.home / folder).mkdir(parents=True, exist_ok=True)
        (self.home / folder / "lok.toml").write_text(text)
        return self.home / folder / "lok.toml"

    def fake(self, name="fake", **how):
        """A fake program, and the table that makes a backend of it."""
        made = FakeCli.make(self.bin, name, **how)
        return made, f'[backends.{name}]\nuse = "command"\ncommand = "{made.path}"\n'

    def values(self, *args, **env):
        """What `lok config` shows: key to value and origin."""
        told = json.loads(self("config", "-f", "json", *args, **env).stdout)
        return {one["key"]: (one["value"], one["origin"]) for one in told["values"]}


@pytest.fixture
def lok(tmp_path):
    return Home(tmp_path)


def errors(done):
    assert (done.code, done.stdout) == (2, "")
    return done.stderr.splitlines()


# Files.


def test_without_a_file_all_is_built_in(lok):
    values = lok.values()
    assert values["defaults.timeout"] == (300, "built-in")
    assert {origin for _, origin in values.values()} == {"built-in"}


def test_the_file_of_the_rust_tool_counts_for_its_user(lok):
    file = lok.user(RUST.decode())
    values = lok.values()
    assert values["backends.claude.timeout"] == (600, str(file))
    assert values["backends.gemini.args"] == (["@google/gemini-cli"], str(file))
    assert values["backends.codex.timeout"] == (300, str(file))
    assert values["conductor.max_rounds"] == (5, str(file))


def test_the_file_of_the_rust_tool_counts_in_a_project_that_is_not_trusted(lok):
    lok.file.write_bytes(RUST)
    done = lok("ask", "-b", "echo", "hi")
    assert (done.code, done.stdout) == (0, "=== ECHO ===\nhi\n\n")
    assert "trust" not in done.stderr
    assert lok.values()["backends.claude.model"] == ("sonnet", str(lok.file))


def test_the_platforms_folder_comes_before_the_one_of_linux(lok):
    one = lok.user("[defaults]\ntimeout = 1")
    assert lok.values()["defaults.timeout"] == (1, str(one))
    lok.user("[defaults]\ntimeout = 2", "elsewhere/lok")
    elsewhere = lok.home / "elsewhere"
    values = lok.values(XDG_CONFIG_HOME=str(elsewhere))
    assert values["defaults.timeout"] == (2, str(elsewhere / "lok" / "lok.toml"))
    values = lok.values(XDG_CONFIG_HOME=str(lok.home / "nowhere"))
    assert values["defaults.timeout"] == (1, str(one))


def test_the_nearest_file_above_the_working_directory_counts_and_not_that_of_the_target(lok):
    (lok.project.parent / "lok.toml").write_text("[defaults]\ntimeout = 1")
    lok.file.write_text("[defaults]\ntimeout = 2")
    (lok.project / "src" / "target").mkdir()
    (lok.project / "src" / "target" / "lok.toml").write_text("broken")
    done = lok("-d", "target", "config", cwd=lok.project / "src")
    assert re.search(rf"defaults\.timeout +2 +{re.escape(str(lok.file))}", done.stdout)
    assert lok("hunt", "-q", "target", cwd=lok.project / "src").code == 0


@pytest.mark.parametrize("before", [True, False])
def test_a_named_file_counts_most_before_and_after_the_command(lok, before, tmp_path):
    given = tmp_path / "given.toml"
    given.write_text("[defaults]\ntimeout = 3\n[backends.codex]\nmodel = 'big'")
    lok.user("[defaults]\ntimeout = 1\nparallel = false")
    args = ["-c", given, "config"] if before else ["config", "-c", given]
    done = lok(*args, "-f", "json")
    told = json.loads(done.stdout)
    values = {one["key"]: one["value"] for one in told["values"]}
    assert (values["defaults.timeout"], values["defaults.parallel"]) == (3, False)
    assert values["backends.codex.model"] == "big"
    assert told["files"][-1] == {"path": str(given), "trusted": True}


def test_a_named_file_that_is_not_there_is_told(lok):
    (line,) = errors(lok("ask", "-c", "none.toml", "-b", "echo", "hi"))
    assert line == "error: none.toml cannot be read: No such file or directory"


def test_all_mistakes_are_told_at_once(lok):
    file = lok.user("[default]\n[backends.codex]\ncomand = 'x'\n[defaults]\ntimeout = 'soon'")
    assert errors(lok("ask", "-b", "echo", "hi")) == [
        "error: 3 mistakes in the configuration",
        f"  {file}: default: no such table; did you mean 'defaults'?",
        f"  {file}: defaults.timeout: expected a number, not 'soon'",
        f"  {file}: backends.codex.comand: no such key; did you mean 'command'?",
    ]


def test_mistakes_of_all_files_are_told_at_once(lok):
    user = lok.user(f"[defaults]\ntimeout = {10**30}\n[conductor]\nmax_rounds = {10**30}")
    lok.file.write_text("this is no TOML")
    first, *others = errors(lok("config"))
    assert first == "error: 3 mistakes in the configuration"
    assert {line.rpartition(": ")[0].strip() for line in others[:2]} == {
        f"{user}: defaults.timeout",
        f"{user}: conductor.max_rounds",
    }
    assert others[2].startswith(f"  {lok.file}: no valid TOML")


def test_mistakes_in_prompts_are_told_beside_others_in_their_task(lok):
    file = lok.user(
        '[tasks.todo]\nprompts = [{name = "a", prompt = " "}, {name = "a", prompt = "x", on = 1}]'
    )
    assert errors(lok("config"))[1:] == [
        f"  {file}: tasks.todo.prompts[1].on: no such key; there are category, name, prompt, unless, when",
        f"  {file}: tasks.todo.prompts[0].prompt: it is empty",
        f"  {file}: tasks.todo.prompts[1].name: 'a' is the name of an earlier prompt",
    ]


def test_all_mistakes_of_a_command_table_are_told_with_their_place(lok):
    file = lok.user(
        '[backends.mine]\nuse = "command"\ncommand = ""\nregex = "("\nformat = "json"\n'
        'args = ["--ask={promt}"]\n'
        '[backends.codex]\nmodel = ""'
    )
    assert errors(lok("config")) == [
        "error: 5 mistakes in the configuration",
        f"  {file}: backends.mine.command: it is empty",
        f"  {file}: backends.mine: '(' is no regular expression: missing ), unterminated subpattern "
        "at position 0",
        f"  {file}: backends.mine: answer is missing: where is it in the json?",
        f"  {file}: backends.mine: {{promt}} is no placeholder; did you mean {{prompt}}?",
        f"  {file}: backends.codex.model: it is empty",
    ]


def test_a_working_directory_that_is_gone_is_told(lok):
    gone = lok.project / "gone"
    gone.mkdir()
    script = 'rmdir "$PWD" && exec "$0" -m lok_core config'
    done = subprocess.run(
        ["sh", "-c", script, sys.executable],
        cwd=gone,
        env=lok.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no working directory: ")
    assert "hint: cd to one that exists" in done.stderr


def test_what_a_file_says_reaches_no_terminal_as_it_is(lok):
    lok.user('["\\u001b[2J\\n"]\n[tasks."\\u001b[1m"]\nprompts = []')
    done = lok("ask", "-b", "echo", "hi")
    assert done.code == 2
    assert "\x1b" not in done.stderr
    assert "\x1b" not in lok("--help").stdout


def test_help_and_installed_tasks_work_with_a_broken_file(lok):
    lok.file.write_text("this is no TOML")
    done = lok("--help")
    assert done.code == 0
    assert re.search(r"^  hunt +\w", done.stdout, re.MULTILINE)
    assert done.stderr.startswith(f"warning: {lok.file}: no valid TOML")
    assert lok("hunt", "--help").code == 0
    (line,) = errors(lok("hunt"))
    assert line.startswith(f"error: {lok.file}: no valid TOML")
    (line,) = errors(lok("todo"))
    assert line.startswith(f"error: {lok.file}: no valid TOML")


def test_a_table_of_a_missing_adapter_is_a_note_that_quiet_leaves_out(lok):
    file = lok.user("[backends.codxe]")
    note = f"note: {file}: [backends.codxe] is left out, as no adapter 'codxe' is installed; "
    assert note in lok("ask", "-b", "echo", "hi").stderr
    assert lok("ask", "-q", "-b", "echo", "hi").stderr == ""


def test_nothing_is_structured_without_a_file(lok):
    done = lok("ask", "-b", "echo", "hi", PYTHONPROFILEIMPORTTIME="1")
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "lok_core.setup" in imported
    assert not imported & {"cattrs", "tomli", "lok_core.config", "lok_core.config_layers", "lok_core.trust"}


# Tasks.


def test_a_new_table_is_a_new_command(lok):
    lok.file.write_text(
        '[tasks.todo]\ndescription = "Find what is left"\n'
        'prompts = [{name = "a", prompt = "What is left?"}, {name = "injection", prompt = "Is it safe?"}]'
    )
    assert re.search("^  todo +Find what is left$", lok("--help").stdout, re.MULTILINE)
    done = lok("todo", "-b", "echo", "-f", "json")
    assert done.code == 0
    asked = [(one["request"]["label"], one["request"]["category"]) for one in done.report["outcomes"]]
    assert asked == [("a", "general"), ("injection", "injection")]
    assert done.report["detail"]["description"] == "Find what is left"


GIVEN = "given.toml"


@pytest.mark.parametrize(
    "args",
    [
        ["-c", GIVEN, "todo"],
        ["todo", "-c", GIVEN],
        ["todo", f"--config={GIVEN}"],
        ["todo", f"-c{GIVEN}"],
        ["todo", "--config", GIVEN],
    ],
)
def test_a_task_of_a_named_file_is_a_command(lok, args):
    (lok.project / GIVEN).write_text('[tasks.todo]\nprompts = [{name = "a", prompt = "What is left?"}]')
    done = lok(*args, "-b", "echo")
    assert (done.code, "What is left?" in done.stdout) == (0, True)


@pytest.mark.parametrize("args", [["-c", GIVEN, "backends"], ["backends", "-c", GIVEN]])
def test_backends_of_a_named_file_are_listed(lok, args):
    (lok.project / GIVEN).write_text(lok.fake()[1])
    assert re.search("^fake +ready", lok(*args).stdout, re.MULTILINE)


def test_help_lists_the_tasks_of_a_named_file(lok):
    (lok.project / GIVEN).write_text('[tasks.todo]\nprompts = [{name = "a", prompt = "What is left?"}]')
    assert re.search("^  todo ", lok("-c", GIVEN, "--help").stdout, re.MULTILINE)


def test_a_table_changes_an_installed_task(lok):
    lok.user(
        '[tasks.hunt]\ndescription = "Look about"\nbackends = ["echo"]\n'
        'prompts = [{name = "a", prompt = "What is wrong?", category = "auth"}]'
    )
    assert re.search("^  hunt +Look about$", lok("--help").stdout, re.MULTILINE)
    report = lok("hunt", "-f", "json").report
    (outcome,) = report["outcomes"]
    assert (outcome["backend"], outcome["request"]["label"]) == ("echo", "a")
    assert outcome["request"]["category"] == "auth"
    assert report["notes"] == []


def test_named_backends_beat_those_of_the_table(lok):
    lok.user('[tasks.hunt]\nbackends = ["echo"]')
    report = lok("hunt", "-b", "static", "-f", "json").report
    assert {outcome["backend"] for outcome in report["outcomes"]} == {"static"}


def test_a_table_cannot_take_the_place_of_a_command(lok):
    lok.user('[tasks.ask]\nprompts = [{name = "a", prompt = "What?"}]')
    done = lok("ask", "-b", "echo", "hi")
    assert done.stdout == "=== ECHO ===\nhi\n\n"
    assert "note: [tasks.ask] is left out, as `lok ask` is a command\n" in done.stderr


def test_a_table_without_prompts_for_no_task_is_left_out(lok):
    file = lok.user('[tasks.todo]\ndescription = "x"')
    assert "todo" not in lok("--help").stdout
    note = f"note: {file}: [tasks.todo] is left out, as no such task is installed and it has no prompts"
    assert note in lok("ask", "-b", "echo", "hi").stderr


def test_a_preferred_backend_that_is_not_there_is_replaced(lok):
    lok.user(f"{lok.fake()[1]}{READS}")
    done = lok("hunt", "-f", "json")
    assert "note: codex is not there for hunt; asked instead: fake" in done.stderr
    assert {outcome["backend"] for outcome in done.report["outcomes"]} == {"fake", "static"}


def test_backends_of_a_table_that_are_not_there_are_replaced(lok):
    lok.user('[tasks.hunt]\nbackends = ["gemini", "echo"]')
    done = lok("hunt", "-f", "json")
    assert "note: gemini is not there for hunt; asked instead: echo" in done.stderr
    assert {outcome["backend"] for outcome in done.report["outcomes"]} == {"echo"}


# Backends.


def test_a_command_is_a_backend_without_code(lok):
    fake, table = lok.fake(stdout="the answer")
    lok.user(table)
    done = lok("ask", "why?")
    assert (done.code, done.stdout) == (0, "=== FAKE ===\nthe answer\n\n")
    assert [call["stdin"] for call in fake.calls] == ["why?"]


def test_a_disabled_backend_is_not_asked(lok):
    file = lok.user(lok.fake()[1] + "enabled = false")
    assert lok("ask", "why?").code == 3
    assert errors(lok("ask", "-b", "fake", "why?")) == [
        "error: the backend 'fake' is disabled",
        f"hint: {file} says so",
    ]


def test_the_keys_of_a_disabled_backend_are_masked_and_withheld(lok):
    fake, table = lok.fake(stdout="it is of-the-disabled and of-its-table")
    other = lok.fake("other")[1] + 'secrets = ["OTHER_KEY"]\nenv = {OTHER_TOKEN = "of-its-table"}\n'
    lok.user(f"{table}{other}")
    lok.file.write_text("[backends.other]\nenabled = false\n[backends.claude]\nenabled = false\n")
    lok("trust")
    done = lok("ask", "-b", "fake", "hi", OTHER_KEY="of-the-disabled", ANTHROPIC_API_KEY="another-secret")
    assert "it is ***(15 characters) and ***(12 characters)" in done.stdout
    assert not {"OTHER_KEY", "ANTHROPIC_API_KEY"} & fake.calls[-1]["env"].keys()


def test_an_adapter_that_needs_a_table_is_no_backend_by_itself(lok):
    first, hint = errors(lok("ask", "-b", "command", "why?"))
    assert first == "error: the backend 'command' has no configuration"
    assert 'use = "command"' in hint


def test_the_timeout_of_a_table_is_that_of_its_backend(lok):
    lok.user(lok.fake(hangs=True)[1] + "timeout = 0.5")
    done = lok("ask", "why?")
    assert (done.code, "timeout: no answer within 0.5 s" in done.stdout) == (3, True)


def test_the_option_beats_the_timeout_of_a_table(lok):
    lok.user(lok.fake(hangs=True)[1] + "timeout = 100")
    assert "no answer within 0.5 s" in lok("ask", "--timeout", "0.5", "why?").stdout


def test_limits_follow_the_settings():
    made = settings_from(
        "[defaults]\nparallel = false\ntimeout = 7\n[backends.codex]\ntimeout = 0\nconcurrency = 2\n"
        "[backends.gemini]"
    )
    limits = make_limits(settings=made)
    assert (limits.jobs, limits.timeout_s) == (1, 7)
    assert (limits.timeouts_s, limits.places) == ({"codex": math.inf}, {"codex": 2})
    limits = make_limits(3, 5, made)
    assert (limits.jobs, limits.timeout_s, limits.timeouts_s) == (5, 3, {})
    assert make_limits(settings=Settings()) == make_limits()


@pytest.mark.parametrize("option", [["-m", "fake=big"], ["-m", "big", "-b", "fake"], ["-m", "big"]])
def test_a_model_is_chosen_by_option(lok, option):
    fake, table = lok.fake(stdout="the answer")
    lok.user(f'{table}model = "small"\nflags = [["--model", "{{model}}"]]')
    assert lok("ask", *option, "why?").code == 0
    assert fake.calls[0]["argv"] == ["--model", "big"]


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["-m", "big"], ["-m big: no backends are asked", "say whose model it is: -m NAME=MODEL"]),
        (["-m", "echo=big"], ["-m echo=big: the backend 'echo' takes no model"]),
        (["-m", "codex="], ["-m codex=: the model's name is missing", "write -m NAME=MODEL"]),
        (["-m", "cdoex=big"], ["no backend named 'cdoex'", "did you mean 'codex'?"]),
        (
            ["-m", "big", "-b", "codex,echo"],
            ["-m big: 2 backends are asked", "say whose model it is: -m NAME=MODEL"],
        ),
    ],
)
def test_a_model_that_cannot_be_chosen_is_told(lok, args, told):
    lines = errors(lok("ask", *args, "why?"))
    assert [line.split(": ", 1)[1] for line in lines] == told


def test_strengths_decide_who_is_recommended(lok):
    (_, one), (_, other) = lok.fake("one"), lok.fake("two")
    task = '[tasks.t]\nprompts = [{name = "auth", prompt = "?"}]'
    lok.user(f'{one}{READS}{other}{READS}strengths = ["auth"]\n{task}')
    assert lok("t", "-f", "json").report["outcomes"][0]["backend"] == "two"


def test_disabled_plugins_are_not_loaded(lok):
    lok.user('[plugins]\ndisable = ["lok-backend-echo"]')
    assert lok("ask", "-b", "echo", "hi").code == 2
    assert "backends.echo.use" not in lok.values()


def test_secrets_in_a_table_are_masked_in_what_is_shown(lok):
    _, table = lok.fake(stdout="it is hunter2-hunter2!")
    lok.user(f'{table}extra_args = ["--api-key", "abcdefgh12345678"]\nenv = {{MY_TOKEN = "hunter2-hunter2"}}')
    assert "hunter2-hunter2" not in lok("ask", "why?").stdout
    shown = lok("config").stdout + lok("config", "-f", "json").stdout
    assert "hunter2-hunter2" not in shown
    assert "abcdefgh12345678" not in shown
    assert "abcd***(16 characters)" in shown


@pytest.mark.parametrize(
    "argument", ["Authorization: Bearer abcdefabcdef", '{"token":"abcdefabcdef"}', "x-api-key=abcdefabcdef"]
)
def test_secrets_in_arguments_are_masked_in_what_is_shown(lok, argument):
    _, table = lok.fake()
    lok.user(f"{table}extra_args = ['{argument}']")
    shown = lok("config").stdout + lok("config", "-f", "json").stdout
    assert "extra_args" in shown
    assert "abcdefabcdef" not in shown


# Ask.


def test_the_first_answer_ends_the_others(lok):
    (_, one), (_, other) = lok.fake("quick", stdout="here"), lok.fake("slow", hangs=True)
    lok.user(one + other)
    done = lok("ask", "--first", "-f", "json", "why?")
    assert done.code == 0
    quick, slow = done.report["outcomes"]
    assert quick["reply"]["text"] == "here"
    assert (slow["kind"], slow["message"].split(" before")[0]) == (
        "cancelled",
        "ended by --first, as quick answered,",
    )
    assert not done.report["interrupted"]


def test_a_failure_is_no_first_answer(lok):
    (_, one), (_, other) = lok.fake("bad", code=1), lok.fake("good", stdout="here")
    lok.user(one + other)
    done = lok("ask", "--first", "why?")
    assert (done.code, "=== GOOD ===\nhere" in done.stdout) == (0, True)


def test_the_next_is_asked_when_one_fails(lok):
    tables = [
        lok.fake(name, **how)[1] for name, how in {"bad": {"code": 1}, "good": {"stdout": "here"}}.items()
    ]
    lok.user("".join(tables))
    assert lok("ask", "-b", "bad", "why?").code == 3
    done = lok("ask", "-b", "bad", "--fallback", "why?")
    assert (done.code, "=== GOOD INSTEAD OF BAD ===\nhere" in done.stdout, "=== BAD ===" in done.stdout) == (
        0,
        True,
        True,
    )
    assert "note: bad failed (crashed); good is asked instead" in done.stderr


def test_nobody_is_asked_twice_when_all_fail(lok):
    tables = [lok.fake(name, code=1) for name in ("one", "two", "three")]
    lok.user("".join(table for _, table in tables))
    assert lok("ask", "-b", "one", "--fallback", "why?").code == 3
    assert [len(fake.calls) for fake, _ in tables] == [1, 1, 1]


def test_a_closing_line_tells_what_each_cost(lok):
    answer = '{"text": "here", "in": 12, "out": 3, "usd": 0.5}'
    tables = [
        lok.fake("free", stdout="here")[1],
        lok.fake("bad", code=1)[1],
        lok.fake("paid", stdout=answer)[1],
    ]
    lok.user(
        "".join(tables) + 'format = "json"\nanswer = {path = "text"}\n'
        'usage = {input = {path = "in"}, output = {path = "out"}, cost = {path = "usd"}}'
    )
    told = lok("ask", "why?").stderr.splitlines()[-3:]
    told = [re.sub(r"\d+\.\d s", "N s", line) for line in told]
    assert told == [
        "bad: N s, no answer (crashed)",
        "free: N s, tokens unknown, cost unknown",
        "paid: N s, 12 tokens in and 3 tokens out, $0.5000",
    ]
    assert lok("ask", "-q", "why?").stderr == ""


# Trust.


def test_an_untrusted_file_starts_nothing_and_one_line_says_how_to_trust(lok):
    fake, table = lok.fake(stdout="here")
    lok.file.write_text(table + '[backends.echo]\npass_env = ["A"]')
    done = lok("ask", "-b", "echo", "hi")
    assert done.stderr.splitlines()[0] == (
        f"note: {lok.file} is not trusted, so backends.fake.use, backends.fake.command, "
        f"backends.echo.pass_env do not count; `lok trust {lok.project}` changes that"
    )
    assert done.stderr.count("lok trust") == 1
    assert lok("ask", "-b", "fake", "hi").code == 2
    assert lok("ask", "hi").code == 3
    assert fake.calls == []


@pytest.mark.parametrize(
    "planted",
    [
        '[backends.codex]\ncommand = "{}"',
        '[backends.codex]\nuse = "command"\ncommand = "{}"',
        '[backends.gemini]\ncommand = "{}"\nargs = ["@google/gemini-cli"]\nskip_lines = 1',
        '[backends.claude]\ncommand = "claude"\nargs = ["-c", "{}"]',
        '[backends.claude]\nenv = {{PATH = "{0}", NODE_OPTIONS = "--require={0}"}}',
        '[backends.static]\nuse = "command"\ncommand = "{}"',
        '[backends.echo]\nuse = "command"\ncommand = "{}"',
    ],
)
def test_what_an_untrusted_file_names_is_not_run(lok, planted):
    fake, _ = lok.fake("sh", stdout="here")
    lok.file.write_text(planted.format(fake.path))
    for args in (["ask", "-b", "echo,codex,gemini,claude", "hi"], ["hunt"], ["doctor"]):
        assert "is not trusted, so backends." in lok(*args).stderr
    assert fake.calls == []


def test_a_single_value_that_does_not_count_is_told(lok):
    lok.file.write_text('[backends.echo]\nuse = "codex"')
    done = lok("ask", "-b", "echo", "hi")
    assert done.stderr.splitlines()[0] == (
        f"note: {lok.file} is not trusted, so backends.echo.use does not count; "
        f"`lok trust {lok.project}` changes that"
    )


def test_a_trusted_file_counts_until_it_changes(lok):
    fake, table = lok.fake(stdout="here")
    lok.file.write_text(table)
    assert lok("trust").stdout == f"trusted: {lok.project}\ntrusted: {lok.file}\n"
    assert lok("ask", "hi").stdout == "=== FAKE ===\nhere\n\n"
    assert lok("trust", "--list").stdout == f"{lok.project}/\n{lok.file}\n"
    lok.file.write_text(table + "# changed")
    assert lok("ask", "hi").code == 3
    assert lok("trust", "--list").stdout == f"{lok.project}/\n{lok.file} (changed since, so no longer)\n"
    assert len(fake.calls) == 1


def test_trust_is_taken_back(lok):
    lok.file.write_text("[defaults]\ntimeout = 1000")
    lok("trust", lok.project)
    assert lok("trust", "--revoke", cwd=lok.home).code == 2
    assert lok("-d", lok.project, "trust", "--revoke", cwd=lok.home).code == 0
    assert lok("trust", "--list").stdout == "nothing is trusted\n"
    assert lok.values()["defaults.timeout"] == (300, "built-in")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["trust", "none"], ["{}/none is not a directory", "name the directory that holds the lok.toml"]),
        (["trust", "app.py"], ["{}/app.py is not a directory", "name the directory that holds the lok.toml"]),
        (["trust", "--list", "--revoke"], ["--list shows everything that is trusted", "leave out the rest"]),
        (["trust", "--revoke", "src"], ["{}/src is not trusted", "`lok trust --list` shows what is"]),
    ],
)
def test_what_cannot_be_trusted_is_told(lok, args, told):
    lines = errors(lok(*args))
    assert [line.split(": ", 1)[1] for line in lines] == [one.format(lok.project) for one in told]


def test_what_lies_in_a_trusted_directory_cannot_be_revoked_alone(lok):
    lok("trust")
    lines = errors(lok("trust", "--revoke", "src"))
    assert lines == [
        f"error: {lok.project}/src is trusted since {lok.project} is",
        f"hint: lok trust --revoke {lok.project}",
    ]


def test_the_environment_passes_in_a_trusted_directory_only(lok):
    fake, table = lok.fake(stdout="here")
    lok.user(table)

    def seen():
        lok("ask", "hi", EDITOR="vi", ANTHROPIC_API_KEY="a-secret-of-another")
        return fake.calls[-1]["env"]

    assert "EDITOR" not in seen()
    lok("trust")
    assert seen()["EDITOR"] == "vi"
    assert "ANTHROPIC_API_KEY" not in seen()


def test_a_table_may_name_variables_that_pass(lok):
    fake, table = lok.fake(stdout="it is the-value-itself")
    lok.user(f'{table}pass_env = ["MY_PLACE"]\nsecrets = ["MY_KEY"]')
    done = lok("ask", "hi", MY_PLACE="here", MY_KEY="the-value-itself", OTHER="x")
    assert fake.calls[0]["env"]["MY_PLACE"] == "here"
    assert fake.calls[0]["env"]["MY_KEY"] == "the-value-itself"
    assert "OTHER" not in fake.calls[0]["env"]
    assert "the-value-itself" not in done.stdout


def test_programs_are_told_where_loks_npm_folder_is(lok):
    fake, table = lok.fake(stdout="here")
    lok.user(table)
    lok("ask", "hi")
    assert fake.calls[0]["env"]["LOK_NPM_FOLDER"] == str(lok.home / ".local/state/lok/npm")


def test_prompts_of_an_untrusted_file_are_marked_in_the_report(lok):
    lok.file.write_text('[tasks.t]\ndescription = "x"\nprompts = [{name = "a", prompt = "b"}]')
    report = lok("t", "-b", "echo", "-f", "json").report
    assert report["notes"] == [f"description, prompts of t from {lok.file}, which is not trusted"]
    lok("trust")
    assert lok("t", "-b", "echo", "-f", "json").report["notes"] == []


# Init.


def test_init_writes_a_file_that_matches_what_is_there_and_trusts_it_alone(lok):
    FakeCli.make(lok.bin, "codex")
    env = {"PATH": f"{lok.bin}:{lok.env['PATH']}"}
    done = lok("init", **env)
    assert (done.code, done.stdout, done.stderr) == (0, f"wrote {lok.file}\n", "")
    text = lok.file.read_text()
    tables = tomllib.loads(text)
    assert tables["backends"]["codex"] == {"enabled": True}
    assert "claude" not in tables["backends"]
    assert "# claude was not found" in text
    assert lok("trust", "--list").stdout == f"{lok.file}\n"
    assert "is not trusted" not in lok("ask", "-b", "echo", "hi").stderr


def test_what_init_offers_is_valid_once_it_is_switched_on(lok):
    lok("init")
    text = re.sub(r"^# (?=.* = |\[)", "", lok.file.read_text(), flags=re.MULTILINE)
    assert {"fast", "mine", "codex"} <= set(tomllib.loads(text)["backends"])
    lok.user(text)
    lok.file.unlink()
    assert lok("config").code == 0


def test_init_does_not_overwrite(lok):
    lok.file.write_text("# mine")
    first, hint = errors(lok("init"))
    assert (first, hint) == (f"error: {lok.file} is there already", "hint: edit it, or remove it first")
    assert lok.file.read_text() == "# mine"


def test_init_does_not_follow_a_link(lok):
    lok.file.symlink_to(lok.home / "target")
    assert lok("init").code == 2
    assert not (lok.home / "target").exists()


def test_init_where_nothing_can_be_written_is_told(lok):
    (line,) = errors(lok("init", "none"))
    assert line == f"error: {lok.project}/none/lok.toml cannot be written: No such file or directory"


def test_a_damaged_trust_is_told(lok):
    lok.file.write_text("")
    state = lok.home / ".local/state/lok"
    state.mkdir(parents=True)
    (state / "trust.json").write_text("{")
    first, hint = errors(lok("ask", "-b", "echo", "hi"))
    assert (first, hint) == (
        f"error: {state}/trust.json is damaged",
        "hint: remove it, and trust again what you did",
    )
