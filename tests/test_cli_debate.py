"""`lok debate` as a person runs it: a process with programs of a lok.toml, a topic and an exit code."""

import signal
import subprocess
import sys
import time

import jsonschema
import pytest

import lok_core
from lok_core.testing import run_lok

pytestmark = pytest.mark.slow  # each runs lok as a process

PROGRAM = """\
#!/bin/sh
# NAME STANCE: what a participant says whose verdict on all others is STANCE.
prompt=$(cat)
others=$(printf '%s\\n' "$prompt" | sed -n 's/^POSITION OF \\([A-Z]*\\)$/\\1/p')
if [ -z "$others" ]; then
    printf 'As %s, I am for tabs.\\n\\nPOSITION: Tabs.\\nCONFIDENCE: 70\\n' "$1"
    exit
fi
case "$2" in
fail) exit 3 ;;
hang) touch "$HOME/hanging"; exec sleep 100 ;;
esac
echo VERDICT
for other in $others; do echo "- $other: $2"; done
printf 'CONFIDENCE: 80\\nCHANGED: no\\nNEW EVIDENCE: none\\nPOSITION: %s stays with tabs.\\n' "$1"
"""
TABLE = """
[backends.{name}]
use = "command"
command = "{program}"
args = ["{name}", "{stance}"]
"""


@pytest.fixture
def work(tmp_path):
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def lok(work, lok_env):
    """Runs `lok debate` with participants: `lok(args, qwen="agree", llama="disagree")`."""

    def run(*args, stdin="", **stances):
        configure(work, **stances)
        done = run_lok(("debate", *args), env=lok_env, cwd=work, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done

    return run


def configure(work, **stances):
    program = work.parent / "says"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    tables = [TABLE.format(name=name, program=program, stance=said) for name, said in stances.items()]
    file = work.parent / "home" / ".config" / "lok" / "lok.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(tables))


def test_a_consensus_is_told_after_what_each_one_said(lok):
    done = lok("Tabs?", "--seed", "4", qwen="agree", llama="agree")
    assert done.code == 0
    assert done.stdout.count("=== QWEN [round 1, ") == done.stdout.count("=== LLAMA [round 2, ") == 1
    told = done.stdout.partition("--- Consensus after round 2 of 3 ---")[2]
    assert "qwen stays with tabs." in told
    assert "seed 4" in told
    assert "===" not in told


def test_the_minoritys_view_is_told(lok):
    done = lok("Tabs?", "--rounds", "2", qwen="agree", llama="agree", mistral="disagree")
    assert done.code == 0
    told = done.stdout.partition("--- The minority's view ---")[2]
    assert "(mistral), confidence 80: mistral stays with tabs." in told


def test_the_report_is_json_of_its_schema(lok):
    done = lok(
        "-", "-f", "json", "--seed", "1", stdin="Tabs?\n", qwen="agree", llama="partly", mistral="fail"
    )
    assert done.code == 0
    jsonschema.validate(done.report, lok_core.schema("lok.report/1"))
    detail = done.report["detail"]
    assert (detail["mode"], detail["result"], detail["seed"]) == ("debate", "split", 1)
    assert {one["backend"]: one["dropped_in"] for one in detail["participants"]} == {
        "qwen": None,
        "llama": None,
        "mistral": 2,
    }


def test_a_transcript_is_written_to_a_file(lok, work):
    done = lok("Tabs?", "-f", "markdown", "-o", "transcript.md", qwen="agree", llama="agree")
    assert (done.code, done.stdout) == (0, "")
    text = (work / "transcript.md").read_text()
    assert "### Consensus after round 2 of 3" in text
    assert text.count("stays with tabs.\n> ```") == 2
    assert text.count("I am for tabs.") == 2


def test_one_that_is_left_is_no_result(lok):
    done = lok("Tabs?", qwen="agree", llama="fail")
    assert done.code == 3
    assert "No result: only qwen is left, and one participant is no debate." in done.stdout
    assert "error: only qwen is left" in done.stderr


def test_a_debate_takes_two(lok):
    done = lok("Tabs?", qwen="agree")
    assert done.code == 3
    assert "error: a debate takes two backends that answer questions: only qwen is there\n" in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.parametrize("args", [["--rounds", "0", "q"], ["--seed", "x", "q"], []])
def test_what_is_wrong_with_the_command_line_is_a_usage_error(lok, args):
    done = lok(*args, qwen="agree", llama="agree")
    assert done.code == 2
    assert done.stderr.startswith("error: ")


def test_a_signal_in_the_second_round_keeps_what_was_said(work, lok_env):
    configure(work, qwen="agree", llama="hang")
    argv = [sys.executable, "-m", "lok_core", "debate", "Tabs?"]
    with subprocess.Popen(argv, env=lok_env, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as lok:
        deadline = time.monotonic() + 30
        while not (work.parent / "home" / "hanging").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        lok.send_signal(signal.SIGTERM)  # SIGINT may be ignored where the tests run in the background
        out, err = (said.decode() for said in lok.communicate(timeout=30))
    assert lok.returncode == 128 + signal.SIGTERM
    assert out.count("I am for tabs.") == 2
    assert "cancelled: ended by SIGTERM" in out
    assert "--- No result ---\n  ended by SIGTERM\n" in out
    assert "Traceback" not in err
