"""What the shells offer: asked of lok as they ask, and typed into real ones."""

import os
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from lok_core.cli.app import lok as program
from lok_core.testing import run_lok
from tests.documents import ROOT, blocks_of

PAGE = ROOT / "docs/how-to/completion.md"
WAIT_S = 60


@pytest.fixture
def offered(monkeypatch, tmp_path, lok_env):
    """What is offered behind these words; the last one may be unfinished."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "PATH"):
        monkeypatch.setenv(name, lok_env[name])

    def ask(line):
        *words, last = line.split(" ")
        found = ShellComplete(program, {}, "lok", "_LOK_COMPLETE").get_completions(words[1:], last)
        return [item.value if item.type == "plain" else item.type for item in found]

    return ask


@pytest.mark.parametrize(
    ("line", "some"),
    [
        ("lok ", {"ask", "hunt", "audit", "trust"}),
        ("lok au", {"audit"}),
        ("lok audit --min", {"--min-severity"}),
        ("lok ask -b ", {"codex", "static", "echo"}),
        ("lok ask -b static,ec", {"static,echo"}),
        ("lok hunt -f ma", {"markdown"}),
        ("lok hunt --fail-on ", {"critical", "info"}),
        ("lok hunt ", {"dir"}),
        ("lok hunt -o ", {"file"}),
        ("lok conduct --conductor cla", {"claude", "claude-api"}),
        ("lok backends ", {"recipes", "test"}),
        ("lok backends recipes q", {"qwen"}),
        ("lok doctor -f ", {"text", "json"}),
    ],
)
def test_what_fits_is_offered(line, some, offered):
    assert some <= set(offered(line))


def test_a_backend_that_is_named_already_is_not_offered_again(offered):
    assert "static,static" not in offered("lok ask -b static,")


def test_tasks_and_backends_of_a_lok_toml_are_offered(offered):
    Path("own.toml").write_text(
        "[tasks.review]\nprompts = [{ name = 'x', prompt = 'y' }]\n[backends.fast]\nuse = 'codex'\n"
    )
    assert "review" in offered("lok -c own.toml re")
    assert offered("lok ask -c own.toml -b fa") == ["fast"]


def started(cwd, **env):
    return subprocess.run(
        [sys.executable, "-m", "lok_core"], env=env, cwd=cwd, capture_output=True, text=True, timeout=60
    )


def completed(words, env, cwd):
    number = str(words.count(" "))
    return started(cwd, **env, COMP_WORDS=words, COMP_CWORD=number, _LOK_COMPLETE="bash_complete")


@pytest.mark.slow
def test_runs_are_offered(offered, tmp_path, lok_env):
    assert offered("lok show ") == []
    assert run_lok(["ask", "-b", "echo", "hello"], env=lok_env, cwd=tmp_path).code == 0
    last, run = offered("lok show ")
    assert (last, offered(f"lok resume {run[:3]}")) == ("last", [run])


@pytest.mark.parametrize("words", ["lok ask -c broken.toml -b ", "lok nosuch "])
def test_what_is_wrong_stays_out_of_the_line(words, tmp_path, lok_env):
    (tmp_path / "broken.toml").write_text("[defaults\n")
    done = completed(words, lok_env, tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_another_shell_is_refused_with_the_ones_there_are(tmp_path, lok_env):
    done = started(tmp_path, **lok_env, _LOK_COMPLETE="tcsh_source")
    assert done.returncode == 2
    assert "hint: _LOK_COMPLETE=bash_source lok" in done.stderr


class Terminal:
    """An interactive shell in a terminal of its own."""

    def __init__(self, argv, env):
        self._own, inner = os.openpty()
        self.said = ""
        self.shell = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=env,
            start_new_session=True,
        )
        os.close(inner)

    def type(self, keys):
        os.write(self._own, keys.encode())

    def wait_for(self, pattern):
        end = time.monotonic() + WAIT_S
        while not re.search(pattern, self.said):
            left = end - time.monotonic()
            assert select.select([self._own], [], [], max(left, 0))[0], self.said
            self.said += os.read(self._own, 65536).decode(errors="replace")

    def close(self):
        self.type("\nexit\n")
        end = time.monotonic() + WAIT_S
        while self.shell.poll() is None and time.monotonic() < end:
            if select.select([self._own], [], [], 0.1)[0]:
                try:
                    os.read(self._own, 65536)
                except OSError:  # the other end is closed
                    break
        self.shell.kill()
        self.shell.wait()
        os.close(self._own)


SHOWN = {
    # prints its arguments in place of running lok; completion asks the program itself
    "bash": "lok() { printf 'got %s\\n' \"$*\"; }\n",
    "zsh": "lok() { printf 'got %s\\n' \"$*\"; }\n",
    "fish": "function lok; printf 'got %s\\n' \"$argv\"; end\n",
}


@pytest.mark.slow
@pytest.mark.parametrize("shell", SHOWN)
def test_tab_completes_in_the_shell_set_up_as_the_page_says(shell, tmp_path, lok_env):
    if shutil.which(shell) is None or shutil.which("setsid") is None:
        pytest.skip(f"there is no {shell}")
    env = {**lok_env, "TERM": "xterm"}
    (setup,) = [block.text for block in blocks_of(PAGE) if f"{shell}_source" in block.text]
    subprocess.run(["sh", "-ec", setup], env=env, check=True, timeout=60)
    terminal = Terminal([shell, "-i"], env)
    try:
        terminal.type(SHOWN[shell] + "printf 'ready %s\\n' now\n")
        terminal.wait_for(r"ready now")
        terminal.type("lok au\t --fail-on cri\t -f sari\t -b static,ech\t\n")
        terminal.wait_for(r"got audit +--fail-on critical +-f sarif +-b static,echo")
    finally:
        terminal.close()
