"""What the real programs make of a hostile folder: all planted at once, visited with each kind of trust."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from . import hostile
from .clis import private_folder
from .conftest import ready
from .hostile import PLANTED, PROGRAMS, Checkout, mark
from .provider import FakeProvider
from .provider_answers import Scripted
from .provider_formats import Call

APIS = {"codex": "openai", "gemini": "gemini", "claude": "anthropic"}
OWN = {".codex/AGENTS.md": "codex", ".gemini/GEMINI.md": "gemini"}
BELOW = "hello from below"
TRUSTED = '\n[projects."{}"]\ntrust_level = "trusted"\n'


def calls(code):
    """What each model calls, one a turn; it looks at everything, also beside further instructions."""
    shell = (
        "git status; git diff; git log -p -3; rg -n hello .; cat sub/inner.txt; ls -R; touch planted-by-model"
    )
    return {
        "openai": [Call("exec_command", {"cmd": shell})],
        "gemini": [
            Call("read_file", {"file_path": f"{code}/sub/inner.txt"}),
            Call("list_directory", {"dir_path": f"{code}/sub"}),
            Call("run_shell_command", {"command": "touch planted-by-model"}),
        ],
        "anthropic": [
            Call("Read", {"file_path": f"{code}/sub/inner.txt"}),
            Call("Grep", {"pattern": "from below", "path": str(code)}),
            Call("Bash", {"command": "touch planted-by-model"}),
        ],
    }


def test_by_hand_it_is_obeyed(real):
    """Else that lok starts nothing and asks nobody would prove nothing."""
    clis = real(*PROGRAMS)
    path = clis.home / ".codex" / "config.toml"
    path.write_text(path.read_text() + TRUSTED.format(clis.code))
    running = []

    def start(command):
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        argv = command.split()
        running.append(subprocess.Popen(argv, env=clis.env, cwd=clis.code, start_new_session=True, **streams))

    try:
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            checkout = Checkout(
                clis.code, clis.home / "traces", f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
            )
            for planted in PLANTED:
                planted.plant(checkout)
            start("gemini --skip-trust -p Hi")
            elsewhere.settimeout(30)
            elsewhere.accept()[0].close()
        start("codex exec --skip-git-repo-check --dangerously-bypass-hook-trust Hi")
        start("claude -p Hi")
        left = {".claude-settings", "codex-config"}
        deadline = time.monotonic() + 30
        while left and time.monotonic() < deadline:
            left -= {trace.name for trace in checkout.traces.iterdir()}
            time.sleep(0.05)
        assert left == set()
    finally:
        for one in running:
            os.killpg(one.pid, signal.SIGKILL)
            one.wait()


class Visit:
    """`lok ask` about the folder, and what came of it.

    Attributes:
        trust: "none", "lok" (of the folder), or "codex" (codex trusts it, and lok does not).
        outcomes: of the three, by name.
        told: by program, everything that its model was sent, as JSON.
        started: the traces of planted programs.
        asked_elsewhere: whether anybody called at the planted address.
    """

    def __init__(self, clis, provider, trust):
        self.trust = trust
        self.clis = clis
        with socket.create_server(("127.0.0.1", 0)) as elsewhere:
            address = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
            checkout = Checkout(clis.code, clis.home / "traces", address)
            for planted in PLANTED:
                if planted.name != "lok.toml" or trust != "lok":  # a trusted one counts, and is to
                    planted.plant(checkout)
            self.before = self.files()
            self._trusted()
            for name in OWN:
                (clis.home / name).write_text(mark(name))
            left = calls(clis.code)
            provider.script(lambda record: self._next(record, left))
            self.done = clis.lok("ask", "-b", ",".join(PROGRAMS), "-f", "json", "Say hi")
            elsewhere.setblocking(False)
            self.asked_elsewhere = True
            try:
                elsewhere.accept()[0].close()
            except BlockingIOError:
                self.asked_elsewhere = False
        self.outcomes = {one["backend"]: one for one in self.done.report["outcomes"]}
        self.requests = provider.requests
        self.told = {
            name: "".join(json.dumps(one.body) for one in self.requests if one.api == APIS[name])
            for name in PROGRAMS
        }
        self.started = sorted(trace.name for trace in checkout.traces.iterdir())

    def files(self):
        return sorted(str(path) for path in self.clis.code.rglob("*") if ".git/" not in str(path))

    def _trusted(self):
        if self.trust == "lok":
            assert self.clis.lok("trust", str(self.clis.code)).code == 0
        if self.trust == "codex":
            path = self.clis.home / ".codex" / "config.toml"
            path.write_text(path.read_text() + TRUSTED.format(self.clis.code))

    @staticmethod
    def _next(record, left):
        return Scripted(calls=(left[record.api].pop(0),)) if left[record.api] else "done"


@pytest.fixture(scope="module", params=["none", "codex", "lok"])
def visit(request):
    with FakeProvider(lifetime=120) as provider, private_folder() as home:
        yield Visit(ready(provider, home, *PROGRAMS), provider, request.param)


@pytest.mark.e2e
def test_all_three_have_read_and_answered(visit):
    for name in PROGRAMS:
        assert visit.outcomes[name].get("reply", {}).get("text") == "done", visit.outcomes[name]
        assert BELOW in visit.told[name]


@pytest.mark.e2e
def test_nothing_planted_is_started_and_nothing_written(visit):
    assert visit.started == []
    assert visit.files() == visit.before
    assert visit.clis.processes() == []


@pytest.mark.e2e
def test_nobody_is_asked_at_a_planted_address_or_for_a_planted_model(visit):
    assert not visit.asked_elsewhere
    assert "planted" not in {record.model for record in visit.requests}


@pytest.mark.e2e
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.name)
def test_a_model_is_told_of_planted_texts_in_trusted_folders_alone(visit, planted, name):
    told = mark(planted.name) in visit.told[name]
    asked_for = planted.name == "git" and name == "codex"  # its model reads the log
    assert told == (asked_for or (visit.trust == "lok" and name in planted.told))


@pytest.mark.e2e
@pytest.mark.parametrize(("file", "name"), OWN.items())
def test_instructions_of_the_users_own_always_count(visit, file, name):
    assert mark(file) in visit.told[name]


@pytest.mark.e2e
def test_a_model_that_only_reads_has_no_shell(visit):
    offered = {name: set() for name in PROGRAMS}
    for record in visit.requests:
        for name in PROGRAMS:
            if record.api == APIS[name]:
                offered[name] |= set(record.tools)
    assert offered["gemini"] == {"read_file", "list_directory", "grep_search"}
    assert offered["claude"] == {"Read", "Grep"}


def test_the_page_is_made_from_the_table():
    written = Path(__file__).parents[2] / "docs" / "hostile-folders.md"
    assert written.read_text() == hostile.page()
