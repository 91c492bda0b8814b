"""lok doctor: what is ready, and what would mend the rest."""

import os
import signal
import subprocess
import sys

import pytest
import trio

from lok_core import open_lok
from lok_core.models import Health
from lok_core.testing import ScriptedBackend

pytestmark = pytest.mark.slow  # a lok process each

BACKENDS = """
from lok_core import BackendError, Health, hookimpl

HEEDS = ("hooks of its own",)

class Fine(Backend):
    kind = "fine"
    profile = Profile(heeds=HEEDS)

    async def check(self, run):
        print("noise")
        return Health(
            True, program="/bin/fine", version="1.2", known_good=True, logged_in=True, message=MESSAGE
        )

    async def query(self, request, run):
        raise BackendError("crashed", "doctor asked the model")

class Bare(Fine):
    kind = "bare"

    async def check(self, run):
        return Health(False, message="no key\\x1b[31m", logged_in=False, hint="export BARE_KEY=...")

class Raises(Fine):
    kind = "raises"

    async def check(self, run):
        raise ValueError("oh")

class Unmade(Fine):
    kind = "unmade"

    def __init__(self, name, config):
        raise ValueError("no")

class Named(Fine):
    kind = "named"
    profile = Profile(asked_by_default=False)

@hookimpl
def lok_register_backends():
    return [OFFERED]
"""


def backends(offered, message=""):
    return BACKENDS.replace("OFFERED", offered).replace("MESSAGE", repr(message))


@pytest.fixture(scope="module")
def ward(new_house):
    """A house with backends in all conditions."""
    house = new_house()
    house.install("lok-backend-ward", backends("Fine, Bare, Raises, Unmade, Named"))
    return house


def told(house, *args, **env):
    done = house.said("doctor", "-f", "json", *args, PATH=os.path.dirname(sys.executable), **env)
    return {one["name"]: one for one in done.report["backends"]}, done


def test_each_backend_has_its_line_and_what_would_mend_it(ward):
    done = ward.said("doctor", PATH=os.path.dirname(sys.executable))
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    fine = next(line for line in lines if line.startswith("fine "))
    assert fine.split(maxsplit=1)[1] == "ready      logged in, 1.2 (tested with lok), /bin/fine"
    place = next(place for place, line in enumerate(lines) if line.startswith("bare "))
    assert lines[place].split(maxsplit=1)[1] == "not ready  no key"
    assert lines[place + 1].strip() == "-> export BARE_KEY=..."
    assert next(line for line in lines if line.startswith("named ")).split()[1:3] == ["by", "name"]
    assert lines[-1] == "ready to be asked: fine"


def test_it_says_what_of_a_directory_that_is_not_trusted_nobody_keeps_out(ward):
    said = ward.said("doctor", PATH=os.path.dirname(sys.executable)).stdout
    assert "in a directory that is not trusted, these cannot be kept out:\nfine" in said
    assert said.count("hooks of its own") == 1  # of those alone that are asked


def test_the_json_form_holds_the_same(ward):
    found, done = told(ward)
    assert (done.code, done.report["schema"], done.report["ready"]) == (0, "lok.doctor/1", True)
    assert found["fine"] == {
        "name": "fine",
        "kind": "fine",
        "eligible": True,
        "heeds": ["hooks of its own"],
        "ready": True,
        "message": "",
        "program": "/bin/fine",
        "version": "1.2",
        "known_good": True,
        "logged_in": True,
        "hint": "",
    }
    assert (found["bare"]["ready"], found["bare"]["hint"]) == (False, "export BARE_KEY=...")
    assert (found["named"]["ready"], found["named"]["eligible"]) == (True, False)
    assert "\x1b" not in done.stdout


def test_a_plugin_that_breaks_is_not_ready_and_the_others_are_told(ward):
    found, _ = told(ward)
    assert (found["raises"]["ready"], found["unmade"]["ready"]) == (False, False)
    assert "ValueError: oh" in found["raises"]["message"]
    assert "ValueError: no" in found["unmade"]["message"]


def test_what_a_plugin_prints_is_no_part_of_it(ward):
    _, done = told(ward)
    assert "noise" in done.stderr


def test_with_nobody_ready_to_be_asked_it_exits_with_3(house):
    house.install("lok-backend-ward", backends("Bare, Named"))
    found, done = told(house)
    assert (done.code, done.report["ready"]) == (3, False)
    assert found["named"]["ready"]
    assert house.lok("doctor", PATH=os.path.dirname(sys.executable)).stdout.endswith(
        "ready to be asked: none\n"
    )


def test_a_secret_in_a_message_is_masked(house):
    source = backends("Fine", "the key is sk-very-secret-key").replace(
        "Profile(heeds=HEEDS)", 'Profile(secrets=("FINE_KEY",))'
    )
    house.install("lok-backend-ward", source)
    found, done = told(house, FINE_KEY="sk-very-secret-key")
    assert "the key is" in found["fine"]["message"]
    assert "sk-very-secret-key" not in done.stdout + done.stderr


def test_a_disabled_backend_is_not_examined(ward):
    (ward.folder / "off.toml").write_text("[backends.raises]\nenabled = false\n")
    found, _ = told(ward, "-c", str(ward.folder / "off.toml"))
    assert not found.get("raises", {}).get("eligible")


async def test_all_are_examined_at_once_and_none_holds_the_others_up(tmp_path, monkeypatch):
    met = trio.Event()
    waiting = []

    class Meets(ScriptedBackend):
        async def check(self, run):
            waiting.append(self.name)
            if len(waiting) == 3:
                met.set()
            await met.wait()
            return Health(ready=True)

    class Hangs(ScriptedBackend):
        async def check(self, run):
            await trio.sleep_forever()

    async with open_lok(tmp_path, env={}, state_dir=tmp_path, timeout_s=0.3) as lok:
        made = {name: Meets(name) for name in ("a", "b", "c")}
        lok.engine.panel.backends = {**made, "late": Hangs("late")}
        healths = await lok.check()
    assert list(healths) == ["a", "b", "c", "late"]
    assert [health.ready for health in healths.values()] == [True, True, True, False]
    assert healths["late"].message == "no answer within 0.3 s"


def test_ctrl_c_ends_it_and_what_it_has_started(house, tmp_path):
    program = tmp_path / "hangs"
    pid = tmp_path / "pid"
    program.write_text(f"#!/bin/sh\necho $$ >{pid}.new && mv {pid}.new {pid}\nexec sleep 100\n")
    program.chmod(0o755)
    source = backends("Fine").replace('print("noise")', f"await run.command([{str(program)!r}])")
    house.install("lok-backend-ward", source)
    env = {"HOME": str(house.home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(house.site)}
    lok = subprocess.Popen(
        [sys.executable, "-m", "lok_core", "doctor"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        while not pid.exists():
            assert lok.poll() is None
        lok.send_signal(signal.SIGINT)
        _, stderr = lok.communicate(timeout=30)
    finally:
        lok.kill()
        lok.wait()
    assert lok.returncode == 130
    assert b"Traceback" not in stderr
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_an_unknown_format_is_a_usage_error(house):
    done = house.lok("doctor", "-f", "xml")
    assert (done.code, done.stdout) == (2, "")
    assert "xml" in done.stderr
