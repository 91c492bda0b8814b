"""lok as its users start it: a process with arguments, streams and an environment."""

import json
import os
import pty
import re
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import jsonschema
import pytest

import lok_core
from lok_core.testing import run_lok

HEAD = "Task: hunt\nFind bugs and code issues\n" + "=" * 50 + "\n"
WRONG = "def broken():\n    return nowhere\n"  # an undefined name: one lead
ESCAPE = "\x1b"
ECHO = ["ask", "-q", "-b", "echo", "q"]


class Lok:
    """Starts lok in a folder with a project, with one home for all: the first start in a home is slow."""

    def __init__(self, folder):
        self.work = folder / "work"
        self.env = {"HOME": str(folder / "home"), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        for name in ("home", "work", "work/empty", "work/project", "work/large"):
            (folder / name).mkdir()
        (self.work / "project" / "app.py").write_text(WRONG)
        # A report of all of these does not fit into a pipe.
        (self.work / "large" / "app.py").write_text("".join(f"nowhere{n}()\n" for n in range(1000)))

    def __call__(self, *args, env=None, stdin="", cwd=None):
        done = run_lok(args, env={**self.env, **(env or {})}, cwd=cwd or self.work, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done


@pytest.fixture(scope="module")
def lok(tmp_path_factory):
    return Lok(tmp_path_factory.mktemp("cli"))


@pytest.fixture(scope="module")
def hunted(lok):
    """The result of hunting in the project."""
    return lok("hunt", "project")


def shell(lok, script, *args):
    """Runs a shell script in which `"$@"` is lok with these arguments."""
    done = subprocess.run(
        ["bash", "-c", script, "bash", sys.executable, "-m", "lok_core", *args],
        env=lok.env,
        cwd=lok.work,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    return done


def assert_usage_error(done, error, hint=""):
    """It ends with 2, and says nothing but these two lines."""
    assert done.code == 2
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert re.fullmatch(f"error: {error}", lines[0]), lines[0]
    assert re.fullmatch(f"hint: {hint}", lines[1]), lines[1]
    assert len(lines) == 2


# Without a backend.


def test_version(lok):
    done = lok("--version")
    assert (done.code, done.stdout, done.stderr) == (0, f"lok {lok_core.__version__}\n", "")


def test_help_lists_commands_and_installed_tasks(lok):
    done = lok("--help")
    assert (done.code, done.stderr) == (0, "")
    for name in ("ask", "backends", "plugins", "hunt", "audit"):
        assert re.search(rf"^  {name}  +\w", done.stdout, re.MULTILINE)


def test_no_arguments_show_the_help(lok):
    done = lok()
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout == lok("--help").stdout


@pytest.mark.parametrize("command", ["ask", "backends", "plugins", "hunt"])
def test_each_command_has_a_help(lok, command):
    done = lok(command, "-h")
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: lok {command} ")


def test_unknown_command_is_told_with_the_nearest(lok):
    assert_usage_error(lok("hnut"), "no command named 'hnut'", r"did you mean 'hunt'\?")


def test_unknown_command_without_a_near_one_may_be_a_task_of_a_pack(lok):
    assert_usage_error(lok("zzz"), "no command named 'zzz'", r".*lok-task-zzz.*`lok --help` lists all")


def test_backends_tells_which_are_ready(lok):
    done = lok("backends")
    assert (done.code, done.stderr) == (0, "")
    states = dict(line.split()[:2] for line in done.stdout.splitlines())
    assert states["static"] == "ready"
    assert states["echo"] == "by"


def test_plugins_tells_what_each_offers(lok):
    done = lok("plugins")
    assert (done.code, done.stderr) == (0, "")
    assert re.search(r"^lok-backend-static +\S+ +backend static$", done.stdout, re.MULTILINE)
    assert re.search(r"^lok-task-hunt +\S+ +task hunt$", done.stdout, re.MULTILINE)


# Asking.


def test_ask_without_an_eligible_backend_says_what_to_install(lok):
    done = lok("ask", "what is this?")
    assert (done.code, done.stdout) == (3, "")
    assert "error: no backend is there to answer" in done.stderr
    assert "hint: `lok doctor` says how to get one of these: claude, codex, gemini" in done.stderr


def test_ask_of_an_analyser_says_what_it_is_for(lok):
    done = lok("ask", "-b", "static", "what is this?")
    assert (done.code, done.stdout) == (3, "")
    assert "answers no questions" in done.stderr
    assert "lok hunt" in done.stderr


def test_prompt_as_an_argument(lok):
    done = lok("ask", "-b", "echo", "what is this?")
    assert (done.code, done.stdout) == (0, "=== ECHO ===\nwhat is this?\n\n")


@pytest.mark.parametrize("dash", [["-"], []])
def test_prompt_from_a_pipe(lok, dash):
    done = lok("ask", "-b", "echo", *dash, stdin="what is\nthis?\n")
    assert (done.code, done.stdout) == (0, "=== ECHO ===\nwhat is\nthis?\n\n")


def test_prompt_that_is_no_utf8_is_asked_all_the_same(lok):
    done = lok("ask", "-b", "echo", os.fsdecode(b"caf\xe9"))
    assert (done.code, done.stdout) == (0, "=== ECHO ===\ncaf\ufffd\n\n")


def test_prompt_larger_than_an_argument_may_be(lok):
    prompt = "x" * 300_000
    done = lok("ask", "-b", "echo", "-", stdin=prompt)
    assert done.code == 0
    assert prompt in done.stdout


def test_prompt_that_starts_with_a_dash(lok):
    assert lok("ask", "-b", "echo", "--", "--why").stdout == "=== ECHO ===\n--why\n\n"


@pytest.mark.parametrize(("args", "stdin"), [([""], ""), ([" \n"], ""), (["-"], " \n"), ([], "")])
def test_empty_prompt(lok, args, stdin):
    assert_usage_error(lok("ask", "-b", "echo", *args, stdin=stdin), "the prompt is empty", "lok ask .*")


def test_no_prompt_at_a_terminal_is_not_waited_for(lok):
    master, slave = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "lok_core", "ask"],
        env=lok.env,
        stdin=slave,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(master)
    os.close(slave)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no prompt was given\nhint: lok ask ")


@pytest.mark.parametrize("dash", [[], ["-"]])
def test_no_prompt_with_standard_input_closed(lok, dash):
    done = shell(lok, '"$@" <&-', "ask", *dash)
    assert done.returncode == 2
    assert done.stderr.startswith("error: no prompt was given\n")


def test_terminal_escapes_in_an_answer_do_not_reach_the_terminal(lok):
    done = lok("ask", "-b", "echo", "-", stdin="\x1b]0;title\x07\x1b[31mred\u202e\x9b1m")
    assert done.stdout == "=== ECHO ===\nred\\u202e\\x9b1m\n\n"


def test_escapes_in_a_name_do_not_reach_the_terminal(lok):
    done = lok("hunt", "no\x1b[31m\nerror: such")
    assert_usage_error(done, r"there is no directory no\\nerror: such", ".*")


# Wrong arguments.


def test_unknown_backend_is_told_with_the_nearest(lok):
    assert_usage_error(lok("ask", "-b", "ehco", "q"), "no backend named 'ehco'", r"did you mean 'echo'\?")


def test_unknown_backend_without_a_near_one_is_told_with_all(lok):
    done = lok("hunt", "-b", "echo,zzz")
    assert_usage_error(
        done, "no backend named 'zzz'", r"installed backends: .*codex, echo, gemini, openai, static"
    )


def test_unknown_format_is_told_with_the_nearest(lok):
    assert_usage_error(lok("hunt", "-f", "jsno"), "no .* named 'jsno'", r"did you mean 'json'\?")


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (["--timeout", "soon"], "invalid value for '--timeout': 'soon' is not a valid float"),
        (["--timeout", "-1"], "invalid value for '--timeout': it is a number of seconds; 0 means no limit"),
        (["--timeout", "nan"], "invalid value for '--timeout': it is a number of seconds; 0 means no limit"),
        (["--jobs", "0"], "invalid value for '--jobs': 0 is not .*"),
        (["--jobs", "many"], "invalid value for '--jobs': 'many' is not a valid integer.*"),
        (["-b", ""], "invalid value for '-b' / '--backend': names are separated by single commas.*"),
        (["-b", "echo,,static"], "invalid value for '-b' / '--backend': names are separated by .*"),
        (["--bogus"], "no such option '?--bogus.*"),
        (["one", "two"], r"got unexpected extra argument \(two\)"),
    ],
)
def test_bad_option_values(lok, args, error):
    assert_usage_error(lok("hunt", *args), error, "`lok hunt --help` shows the usage")


def test_missing_directory(lok):
    assert_usage_error(lok("hunt", "nowhere"), "there is no directory nowhere", "check the spelling.*")


def test_file_as_directory(lok):
    done = lok("hunt", "project/app.py")
    assert_usage_error(done, ".*app.py is not a directory", "name the directory .*")


@pytest.mark.parametrize(
    "args", [["hunt", "a", "-d", "b"], ["-d", "a", "hunt", "b"], ["-d", "a", "hunt", "-d", "b"]]
)
def test_two_directories(lok, args):
    assert_usage_error(lok(*args), "two directories were given", "lok hunt .* is enough")


# Hunting.


def test_report_starts_with_the_three_lines_of_its_head(hunted):
    assert hunted.code == 0
    assert hunted.stdout.startswith(f"{HEAD}\nHIGH  app.py:2\n    Undefined name `nowhere`\n")
    assert "    > return nowhere\n" in hunted.stdout
    assert "    static (errors, F821) lead\n" in hunted.stdout


def test_directory_may_be_given_before_the_command(lok, hunted):
    assert lok("-d", "project", "hunt").stdout == hunted.stdout


@pytest.mark.slow
def test_directory_may_be_given_as_an_option(lok, hunted):
    assert lok("hunt", "-d", "project").stdout == hunted.stdout


def test_working_directory_is_the_default(lok, hunted):
    assert lok("hunt", cwd=lok.work / "project").stdout == hunted.stdout


def test_empty_directory_has_no_findings(lok):
    done = lok("hunt", "empty")
    assert done.code == 0
    assert done.stdout.startswith(f"{HEAD}\nNo findings.\n")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["with space\nand ünï-雪", "-dash"])
def test_directory_of_any_name(lok, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "app.py").write_text(WRONG)
    done = lok("hunt", "-q", "-f", "json", "--", name, cwd=tmp_path)
    assert done.code == 0
    assert [found["locations"][0]["path"] for found in done.report["findings"]] == ["app.py"]
    assert Path(done.report["directory"]) == folder


@pytest.mark.slow
def test_file_of_any_name_is_one_line_of_the_report(lok, tmp_path):
    (tmp_path / "a\n\x1b[31mb ü.py").write_text(WRONG)
    assert "\nHIGH  a\\nb ü.py:2\n" in lok("hunt", tmp_path).stdout


@pytest.mark.slow
def test_only_five_leads_of_a_prompt_are_shown_and_the_rest_is_counted(lok):
    done = lok("hunt", "large")
    assert done.stdout.count("\nHIGH ") == 5
    assert "995 more leads not shown (errors 995); --all shows all.\n" in done.stdout


@pytest.mark.slow
def test_all_shows_every_lead(lok):
    done = lok("hunt", "--all", "large")
    assert done.stdout.count("\nHIGH ") == 1000
    assert "not shown" not in done.stdout


def test_answers_are_added_under_prompt_and_backend(lok):
    done = lok("hunt", "-b", "echo,static", "--answers", "project")
    assert "[errors]\n=== ECHO ===\nSearch this code base" in done.stdout
    assert "=== STATIC ===" not in done.stdout  # an analyser has no words


def test_hunt_without_a_language_model_says_so_in_one_line(hunted):
    assert hunted.stderr.count("no language model was asked") == 1
    assert hunted.stderr.count("note: ") == 1


def test_progress_goes_to_standard_error_only(hunted):
    assert "static [errors]: answered in" in hunted.stderr
    assert "answered in" not in hunted.stdout


@pytest.mark.slow
def test_verbose_tells_more(lok):
    assert "static [errors]: started\n" in lok("hunt", "-v", "project").stderr


def test_quiet_silences_standard_error(lok, hunted):
    done = lok("hunt", "-q", "project")
    assert (done.code, done.stderr, done.stdout) == (0, "", hunted.stdout)


def test_plain_streams_hold_no_escapes(hunted):
    assert ESCAPE not in hunted.stdout + hunted.stderr


# Formats and files.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "findings"),
    [(["hunt", "large"], 1000), (["audit", "project"], 0), (["ask", "-b", "echo", "q"], 0)],
)
def test_json_is_valid_against_the_schema_and_holds_all_findings(lok, args, findings):
    done = lok(*args, "-f", "json")
    assert done.code == 0
    assert len(done.report["findings"]) == findings
    jsonschema.validate(done.report, lok_core.schema("lok.report/1"))
    assert done.report["command"] == args[0]
    assert done.report["lok_version"] == lok_core.__version__


def test_output_goes_to_the_file_and_nowhere_else(lok, hunted, tmp_path):
    done = lok("hunt", "-o", tmp_path / "report.txt", "project")
    assert (done.code, done.stdout) == (0, "")
    assert (tmp_path / "report.txt").read_text() == hunted.stdout


def test_output_file_is_replaced_as_a_whole_and_keeps_its_mode(lok, tmp_path):
    file = tmp_path / "report.txt"
    file.write_text("old")
    file.chmod(0o640)
    with file.open() as before:
        assert lok(*ECHO, "-o", file).code == 0
        assert before.read() == "old"  # who is reading goes on with the old one
    assert file.read_text() == "=== ECHO ===\nq\n\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["report.txt"]


def test_new_output_file_gets_the_mode_that_the_umask_says(lok, tmp_path):
    shell(lok, 'umask 027; "$@"', *ECHO, "-o", tmp_path / "report.txt")
    assert stat.S_IMODE((tmp_path / "report.txt").stat().st_mode) == 0o640


@pytest.mark.slow
def test_output_through_a_link_changes_what_it_points_to(lok, tmp_path):
    link, file = tmp_path / "link", tmp_path / "report.txt"
    file.write_text("old")
    link.symlink_to("report.txt")
    assert lok(*ECHO, "-o", link).code == 0
    assert link.is_symlink()
    assert file.read_text() == "=== ECHO ===\nq\n\n"


@pytest.mark.slow
def test_output_into_a_named_pipe(lok, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    done = shell(lok, f'cat {tmp_path}/pipe & "$@"; wait', *ECHO, "-o", tmp_path / "pipe")
    assert done.stdout == "=== ECHO ===\nq\n\n"


@pytest.mark.parametrize("file", ["missing/report.txt", ".", "project/app.py/report.txt", "/dev/full"])
def test_report_that_cannot_be_written_is_printed(lok, file):
    done = lok(*ECHO, "-o", file)
    assert (done.code, done.stdout) == (2, "=== ECHO ===\nq\n\n")
    error, hint = done.stderr.splitlines()
    assert error.startswith(f"error: {file} could not be written: ")
    assert hint == "hint: the report is on standard output"


# Streams that are closed or full.


@pytest.mark.slow
def test_reader_that_goes_away_ends_lok_quietly(lok):
    done = shell(lok, '"$@" | head -1; echo "${PIPESTATUS[0]}"', "hunt", "-q", "--all", "large")
    assert (done.stdout, done.stderr) == ("Task: hunt\n0\n", "")


@pytest.mark.parametrize("args", [["--version"], ["--help"], [], ECHO])
def test_reader_that_has_gone_before_ends_lok_quietly(lok, args):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "lok_core", *args],
        env=lok.env,
        stdout=writing,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("args", [["--version"], ["--help"], ECHO])
def test_closed_standard_output_is_no_error(lok, args):
    done = shell(lok, '"$@" >&-', *args)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("args", [["hunt", "-q", "empty"], ECHO])
def test_report_that_standard_output_does_not_take_is_an_error(lok, args):
    done = shell(lok, '"$@" >/dev/full', *args)
    assert done.returncode == 2
    assert done.stderr == "error: standard output cannot be written: No space left on device\n"


def test_closed_standard_error_leaves_standard_output_to_the_report(lok, hunted):
    done = shell(lok, '"$@" 2>&-', "hunt", "project")
    assert (done.returncode, done.stdout) == (0, hunted.stdout)


def test_error_with_standard_error_closed_does_not_go_to_standard_output(lok):
    done = shell(lok, '"$@" 2>&-', "hunt", "nowhere")
    assert (done.returncode, done.stdout) == (2, "")


def test_all_streams_closed(lok, hunted, tmp_path):
    done = shell(lok, '"$@" <&- >&- 2>&-', "hunt", "-o", tmp_path / "report.txt", "project")
    assert done.returncode == 0
    assert (tmp_path / "report.txt").read_text() == hunted.stdout


# The environment.


@pytest.mark.slow
@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_output_is_utf8_whatever_the_locale(lok, env):
    done = lok("ask", "-b", "echo", "-", env=env, stdin="snow: \u96ea \U0001f600")
    assert (done.code, done.stdout) == (0, "=== ECHO ===\nsnow: \u96ea \U0001f600\n\n")


def test_long_lines_are_wrapped_at_the_width_of_the_terminal(lok, hunted):
    def width(text):
        return max(len(line) for line in text.removeprefix(HEAD).splitlines())

    narrow = lok("hunt", "project", env={"COLUMNS": "40"}).stdout
    assert width(narrow) <= 40 < width(hunted.stdout) <= 80
    assert narrow.split() == hunted.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("columns", ["0", "x"])
def test_a_width_that_makes_no_sense_does_no_harm(lok, hunted, columns):
    assert lok("hunt", "project", env={"COLUMNS": columns}).stdout.split() == hunted.stdout.split()


def test_unusable_state_folder_is_told(lok):
    done = lok("hunt", env={"XDG_STATE_HOME": "/dev/null"})
    assert_usage_error(done, "the state folder /dev/null/lok cannot be used: .*", ".*XDG_STATE_HOME.*")


def test_help_needs_no_writable_home(lok):
    done = lok("--help", env={"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null"})
    assert (done.code, done.stderr) == (0, "")
    assert "  hunt " in done.stdout


def test_lok_started_by_a_backend_of_lok_asks_nobody(lok):
    done = lok(*ECHO, env={"LOK_DEPTH": "1"})
    assert done.code == 3
    assert "lok was started by a backend of another lok" in done.stdout


# On a terminal.


def on_terminal(lok, stream, *args, env=None):
    """What was written to a terminal, which that stream was, and to the pipe that the other one was."""
    master, slave = pty.openpty()
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: slave}
    with subprocess.Popen(
        [sys.executable, "-m", "lok_core", *args],
        env={**lok.env, "TERM": "xterm", **(env or {})},
        cwd=lok.work,
        stdin=subprocess.DEVNULL,
        **streams,
    ) as process:
        os.close(slave)
        written = bytearray()
        with suppress(OSError):  # so ends a terminal that nobody has open any more
            while chunk := os.read(master, 65536):
                written += chunk
        piped = (process.stdout or process.stderr).read()
    os.close(master)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n"), piped.decode()


def test_live_display_is_on_standard_error_and_leaves_the_cursor_shown(lok, hunted):
    written, piped = on_terminal(lok, "stderr", "hunt", "project")
    assert "static [errors]" in written
    assert -1 < written.rfind("\x1b[?25l") < written.rfind("\x1b[?25h")
    assert piped == hunted.stdout


@pytest.mark.slow
def test_dumb_terminal_gets_plain_lines(lok):
    written, _ = on_terminal(lok, "stderr", "hunt", "project", env={"TERM": "dumb"})
    assert "static [errors]: answered in" in written
    assert ESCAPE not in written


def test_quiet_shows_nothing_on_a_terminal(lok):
    written, _ = on_terminal(lok, "stderr", *ECHO)
    assert written == ""


def test_report_is_coloured_on_a_terminal_only(lok, hunted):
    written, piped = on_terminal(lok, "stdout", "hunt", "project")
    assert "\x1b[31mHIGH\x1b[0m" in written
    assert re.sub(r"\x1b\[[\d;]*m", "", written) == hunted.stdout
    assert ESCAPE not in piped


@pytest.mark.slow
@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_is_left_out_on_demand(lok, hunted, env):
    written, _ = on_terminal(lok, "stdout", "hunt", "project", env=env)
    assert written == hunted.stdout


@pytest.mark.slow
def test_machine_format_is_never_coloured(lok):
    written, _ = on_terminal(lok, "stdout", *ECHO, "-f", "json")
    assert ESCAPE not in written
    assert json.loads(written)["schema"] == "lok.report/1"
