"""The processes of all three real programs while their provider is silent: what they see, how they end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import KEYS
from .provider_answers import Scripted

NAMES = ("codex", "gemini", "claude")
OWN = {  # what of a program's variables reaches which
    "codex": "CODEX_ OPENAI_",
    "gemini": "GEMINI_ GOOGLE_",
    "claude": "CLAUDE_ ANTHROPIC_ AWS_ GOOGLE_",
}
PLAIN = (
    *("PATH", "HOME", "USER", "SHELL", "LANG", "LC_", "TZ", "TERM", "TMPDIR", "XDG_"),
    *("SSL_CERT_", "NODE_EXTRA_CA_CERTS", "LOK_"),
)
SET_BY_LOK = {"GIT_DIR", "PWD"}  # the second by the shell that opens their output
USERS = {
    "LC_ALL": "C.UTF-8",
    "UNRELATED_TOKEN": "unrelated-secret",
    "OPENAI_API_KEY": "sk-fake-openai-key",
    "GOOGLE_API_KEY": "fake-google-key-of-gemini",
    "AWS_SECRET_ACCESS_KEY": "fake-aws-secret-of-claude",
}


class Hanging:
    """lok, waiting for three programs, of which each waits for its provider."""

    def __init__(self, clis, provider):
        self.clis = clis
        provider.script(lambda record: Scripted(mode="hang"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lok_core", "ask", "-b", ",".join(NAMES), "Say hi"],
            env=clis.env | USERS,
            cwd=clis.code,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
        )
        for api in ("openai", "gemini", "anthropic"):
            provider.wait_for(lambda record, api=api: (record.api, record.mode) == (api, "hang"))

    def environments(self):
        """By program, the environments of its processes."""
        found = {name: [] for name in NAMES}
        for process in Path("/proc").glob("[0-9]*"):
            try:
                raw = (process / "environ").read_bytes()
                words = (process / "cmdline").read_text().split("\0")
            except OSError:
                continue
            env = dict(pair.split("=", 1) for pair in raw.decode().split("\0") if "=" in pair)
            if env.get("HOME") != str(self.clis.home) or "LOK_RUN_ID" not in env:
                continue
            for name in NAMES:
                if any(os.path.basename(word).startswith(name) for word in words[:2]):
                    found[name].append(env)
        return found

    def end(self, how):
        """Sends the signal and waits for lok's end."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=20)


@pytest.fixture
def hanging(real, provider):
    started = []

    def start(clis=None):
        started.append(Hanging(clis or real(*NAMES), provider))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end(signal.SIGKILL)


def gone_within(clis, seconds):
    """Whether no process is left after at most that time."""
    deadline = time.monotonic() + seconds
    while clis.processes() and time.monotonic() < deadline:
        time.sleep(0.05)
    return clis.processes() == []


def test_a_killed_lok_leaves_none_of_them_running(hanging):
    run = hanging()
    assert len(run.clis.processes()) > 3
    run.end(signal.SIGKILL)
    assert gone_within(run.clis, 2)


def test_ctrl_c_ends_all_three_and_says_so(hanging, provider):
    run = hanging()
    _, stderr = run.end(signal.SIGINT)
    assert run.process.returncode == 130
    assert run.clis.processes() == []
    assert all(name in stderr for name in NAMES)
    assert provider.wait_for(lambda record: record.hung_up, count=3)


@pytest.mark.parametrize("trusted", [False, True])
def test_each_sees_its_own_keys_and_no_others(real, hanging, trusted):
    clis = real(*NAMES)
    if trusted:
        assert clis.lok("trust", str(clis.code)).code == 0
    keys = {
        "codex": {*KEYS["codex"], "OPENAI_API_KEY"},
        "gemini": {*KEYS["gemini"], "GOOGLE_API_KEY"},
        "claude": {*KEYS["claude"], "AWS_SECRET_ACCESS_KEY"},
    }
    values = {**USERS, **{name: value for own in KEYS.values() for name, value in own.items()}}
    for name, environments in hanging(clis).environments().items():
        assert environments, name
        for env in environments:
            for owner, names in keys.items():
                there = {key for key in names if values[key] in env.values()}
                assert there == (names if owner == name else set())
            assert ("UNRELATED_TOKEN" in env) == trusted
            assert env["LC_ALL"] == "C.UTF-8"
            if not trusted:
                passed = (*PLAIN, *OWN[name].split())
                odd = {one for one in env if not one.startswith(passed) and not one.endswith("_PROXY")}
                assert odd <= SET_BY_LOK
