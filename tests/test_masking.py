"""No key is in anything that lok writes, whatever a program does with the one it was given."""

import json
import os
import sys

import pytest

from lok_core.testing import run_lok

CORE = "CoReOfTheKey7"
KEY = f"""sk-1"q'u\\o:t+e é&=%<{CORE}>\tend"""
"""What every way of quoting changes; whatever becomes of the rest, its core is not to be seen."""

MASK = f"{len(KEY)} characters"
FORMATS = ["text", "json", "markdown", "github", "sarif", "html"]

PROGRAM = """#!{python} -IS
import json, os, sys
prompt = sys.stdin.read()
key = os.environ["MINE_KEY"]
how = os.environ["MINE_HOW"]


def tell(**event):
    print(json.dumps(event), flush=True)


open(os.path.join(os.environ["MINE_TARGET"], "file of " + key), "w").write(key)
tell(type="reads " + key)
tell(type="about", session="session " + key, model="model " + key)
print("warning:", key, file=sys.stderr, flush=True)
if how == "prose":
    tell(type="answer", text="My key is " + key + ", or " + repr(key) + ", or " + json.dumps(key))
elif how == "findings":
    finding = {{"title": "Uses " + key, "file": "a.py", "line": 1, "severity": "high", "explanation": key,
                "quote": key, "category": "secrets", "rule": key, key: key}}
    other = dict(finding, file="src/" + key + ".py", title="Elsewhere " + key)
    tell(type="answer", text=key + "\\n```json\\n" + json.dumps({{"findings": [finding, other]}}) + "\\n```")
elif how == "error":
    tell(type="error", message="401 for " + key)
    sys.exit(1)
elif how == "part":
    tell(type="answer", text="The key " + key)
    print("Traceback: " + key, file=sys.stderr)
    sys.exit(3)
elif how == "exit":
    sys.exit("died of " + key)
"""
CONFIG = """
[backends.mine]
use = "command"
command = "mine"
format = "jsonl"
secrets = ["MINE_KEY"]
pass_env = ["MINE_HOW", "MINE_TARGET"]
answer = {path = "text", where = {type = "answer"}}
session = {path = "session"}
model_pick = {path = "model"}
fail_when = [{type = "error"}]
access = {read = []}
"""


class Place:
    """A folder with code, a program that tells its key, and a lok that asks it."""

    def __init__(self, folder):
        self.folder = folder
        self.code = folder / "code"
        for made in (self.code, folder / "bin", folder / "home"):
            made.mkdir()
        (self.code / "a.py").write_text("key = load()\n")
        program = folder / "bin" / "mine"
        program.write_text(PROGRAM.format(python=sys.executable))
        program.chmod(0o755)
        self.config = folder / "mine.toml"
        self.config.write_text(CONFIG)

    def lok(self, *args, how="prose", key=KEY):
        env = {
            "HOME": str(self.folder / "home"),
            "XDG_STATE_HOME": str(self.folder / "state"),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "LANG": "C.UTF-8",
            "MINE_KEY": key,
            "MINE_HOW": how,
            "MINE_TARGET": str(self.code),
        }
        return run_lok(["-c", self.config, *args], env=env, cwd=self.folder)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("masking"))


def assert_hidden(done):
    assert CORE not in done.stdout
    assert CORE not in done.stderr
    assert "Traceback (most recent" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("how", ["prose", "findings", "error", "part", "exit"])
def test_no_answer_and_no_failure_tells_it(place, how, form):
    for file in place.code.glob("file of*"):
        file.unlink()
    done = place.lok(
        "hunt", "code", "-b", "mine", "-f", form, "-v", "--answers", "--all", "--no-repair", how=how
    )
    assert_hidden(done)
    assert MASK in done.stdout
    assert MASK in done.stderr


def test_an_answer_that_is_shown_as_it_comes_does_not_tell_it(place):
    done = place.lok("ask", "-b", "mine", "-d", "code", "what is it?", "-v")
    assert_hidden(done)
    assert "My key is sk-1***" in done.stdout


def test_the_session_and_the_model_do_not_tell_it(place):
    done = place.lok("ask", "-b", "mine", "-d", "code", "-f", "json", "what is it?")
    [outcome] = done.report["outcomes"]
    assert outcome["reply"]["session"].startswith("session sk-1***")
    assert outcome["reply"]["model"].startswith("model sk-1***")
    assert_hidden(done)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_a_question_that_holds_it_is_not_repeated(place, form):
    done = place.lok("ask", "-b", "mine", "-d", "code", "-f", form, f"Is {KEY} a key?", how="exit")
    assert_hidden(done)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["json", "html"])
def test_a_report_in_a_file_does_not_tell_it(place, form):
    file = place.folder / f"report.{form}"
    done = place.lok("hunt", "code", "-b", "mine", "-f", form, "-o", file, how="findings")
    assert_hidden(done)
    assert CORE not in file.read_text()
    assert MASK in file.read_text()


@pytest.mark.slow
def test_a_baseline_does_not_tell_it(place):
    file = place.folder / "baseline.json"
    done = place.lok("hunt", "code", "-b", "mine", "--baseline", file, "--update-baseline", how="findings")
    assert_hidden(done)
    assert len(json.loads(file.read_text())["entries"]) > 0
    assert CORE not in file.read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    "args",
    [
        ["config"],
        ["config", "-f", "json"],
        ["doctor"],
        ["backends"],
        ["ask", "-b", KEY, "q"],
        ["ask", "-b", "mine", "-m", f"other={KEY}", "q"],
        ["ask", "-b", "mine", "-d", f"none/{KEY}", "q"],
        ["hunt", "-b", "mine", "-f", KEY],
        ["hunt", "-b", "mine", "-o", f"none/{KEY}", "code"],
    ],
    ids=lambda args: " ".join(args[:4]).replace(KEY, "KEY")[:30].replace("/", "|"),
)
def test_no_other_command_and_no_error_tells_it(place, args):
    place.config.write_text(CONFIG + f"extra_args = [{json.dumps(KEY)}]\n")
    try:
        assert_hidden(place.lok(*args))
    finally:
        place.config.write_text(CONFIG)


@pytest.mark.slow
@pytest.mark.parametrize("args", [["plugins"], ["plugins", "-v"]], ids=" ".join)
def test_a_broken_plugin_does_not_tell_it(house, args):
    house.install("lok-task-broken", "import os\nraise ValueError(os.environ['ANTHROPIC_API_KEY'])")
    done = house.lok(*args, ANTHROPIC_API_KEY=KEY)
    assert CORE not in done.stdout + done.stderr
    assert MASK in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("form", ["text", "json"])
def test_the_path_of_a_program_does_not_tell_it(tmp_path, form):
    place = Place(tmp_path)
    key = f"sk-{CORE}"
    program = (tmp_path / "bin").rename(tmp_path / key) / "mine"
    place.config.write_text(CONFIG.replace('"mine"', json.dumps(str(program)), 1))
    done = place.lok("doctor", "-f", form, key=key)
    assert_hidden(done)
    assert "sk-C***(16 characters)/mine" in done.stdout


@pytest.mark.slow
def test_a_key_that_is_a_word_of_every_answer_leaves_it_whole_and_is_told_once(place):
    done = place.lok("hunt", "code", "-b", "mine", "-f", "json", "--all", how="findings", key="explanation")
    assert {one["severity"] for one in done.report["findings"]} == {"high"}
    assert "***" not in done.stdout
    told = "warning: MINE_KEY holds the ordinary word 'explanation', which is not masked"
    assert done.stderr.splitlines().count(told) == 1


def test_nothing_that_is_kept_of_a_run_tells_it(tmp_path):
    place = Place(tmp_path)
    place.lok("hunt", "code", "-b", "mine", how="findings")
    place.lok("ask", "-b", "mine", "-d", "code", "what is it?", how="error")
    for file in (place.folder / "state").rglob("*"):
        assert CORE not in file.name
        assert not file.is_file() or CORE not in file.read_text(), file.name


@pytest.mark.slow
@pytest.mark.parametrize(
    "args", [["show", "RUN"], ["show", "RUN", "-f", "json"], ["runs"], ["resume", "RUN"]]
)
def test_an_old_run_that_is_looked_at_does_not_tell_it(tmp_path, args):
    place = Place(tmp_path)
    place.lok("ask", "-b", "mine", "-d", "code", f"Is {KEY} a key?", how="part")
    [journal] = (tmp_path / "state").rglob("*.jsonl")
    done = place.lok(*(word.replace("RUN", journal.stem) for word in args))
    assert_hidden(done)
    assert done.stdout or done.stderr
