"""lok from Python: `open_lok` finds what the command line would, and `run` needs no loop."""

import asyncio
import gc
import inspect
import math
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import get_args

import pytest
import trio

from lok_core import (
    Answer,
    BackendError,
    ConfigError,
    LokError,
    Screening,
    UnknownNameError,
    UsageError,
    open_lok,
    run,
)
from lok_core.events import EventKind
from lok_core.lok import installed, make_limits, past_runs
from lok_core.testing import Step
from lok_core.trust import Trust
from tests.test_cli_signals import until
from tests.test_modes import offering, opened

TIMES = ("timeout_s", "deadline_s", "quota_wait_s")
COUNTS = ("jobs", "max_calls", "max_tokens")
MINE = '[backends.mine]\nuse = "command"\ncommand = "cat"\n'


@pytest.fixture(scope="module")
def registry():
    return installed({})


@pytest.fixture
def place(tmp_path, registry):
    """A directory, and what `open_lok` needs to stand in it."""
    folder = tmp_path / "project"
    folder.mkdir()
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    return folder, {"env": env, "state_dir": tmp_path / "state", "plugins": lambda env: registry}


def trust(state_dir, folder):
    Trust.read(state_dir / "trust.json").add_directory(folder)


async def answers(folder, about=None, **given):
    """What `mine`, which gives the prompt back, says."""
    async with open_lok(folder, backends=["mine"], **given) as lok:
        report = await lok.ask("why?", about or folder)
    return [outcome.reply.text for outcome in report.outcomes]


# Where the configuration comes from.


async def test_the_nearest_trusted_file_above_counts(place):
    folder, given = place
    (folder / "lok.toml").write_text(MINE)
    (folder / "below").mkdir()
    trust(given["state_dir"], folder)
    assert await answers(folder / "below", **given) == ["why?"]


async def test_of_a_file_that_nobody_trusts_only_harmless_values_count(place):
    folder, given = place
    (folder / "lok.toml").write_text(MINE)
    told = []
    async with open_lok(folder, listener=told.append, **given) as lok:
        assert "mine" not in {info.name for info in lok.engine.panel.infos()}
    assert [event.kind for event in told] == ["note"]
    assert "is not trusted, so backends.mine.use" in told[0].text


async def test_a_file_of_what_the_command_is_about_does_not_count(place, tmp_path):
    folder, given = place
    (folder / "lok.toml").write_text(MINE)
    trust(given["state_dir"], folder)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    with pytest.raises(UnknownNameError):
        await answers(elsewhere, about=folder, **given)
    assert await answers(folder, about=elsewhere, **given) == ["why?"]


async def test_the_users_own_file_counts_where_it_is_named(place, tmp_path):
    folder, given = place
    (own := tmp_path / ".config/lok").mkdir(parents=True)
    (own / "lok.toml").write_text(MINE)
    with pytest.raises(UnknownNameError):
        await answers(folder, **given)
    assert await answers(folder, config_dir=own, **given) == ["why?"]


async def test_a_file_that_is_named_counts_most(place, tmp_path):
    folder, given = place
    (tmp_path / "lok.toml").write_text(MINE.replace("cat", "false"))
    (tmp_path / "given.toml").write_text(MINE)
    named = {"config_dir": tmp_path, "config": tmp_path / "given.toml"}
    assert await answers(folder, **named, **given) == ["why?"]


async def test_models_are_named_as_on_the_command_line(place, tmp_path):
    folder, given = place
    (tmp_path / "given.toml").write_text(MINE + 'args = ["-", "{model}"]\n')
    named = {"config": tmp_path / "given.toml", "models": ["mine=small"], "plan": True}
    async with open_lok(folder, backends=["mine"], **named, **given) as lok:
        (planned,) = (await lok.ask("why?", folder)).detail.requests
    assert (planned.model, planned.argv[1:]) == ("small", ("-", "small"))


async def test_what_is_wrong_with_a_file_is_raised_without_secrets(place, tmp_path):
    folder, given = place
    given["env"]["MY_KEY"] = "sk-0123456789abcdef"
    (tmp_path / "given.toml").write_text(
        MINE + 'secrets = ["MY_KEY"]\nretries = 1\n[backends.other]\nuse = "sk-0123456789abcdef"\n'
    )
    with pytest.raises(ConfigError) as caught:
        await answers(folder, config=tmp_path / "given.toml", **given)
    assert len(caught.value.problems) >= 1
    assert "sk-0123456789abcdef" not in str((caught.value, caught.value.hint, caught.value.problems))


async def test_no_such_directory_is_an_error_of_its_own(place):
    folder, given = place
    with pytest.raises(UsageError, match="there is no directory"):
        await answers(folder / "gone", **given)


# What is wrong with an argument.


async def test_a_directory_whose_name_is_too_long_is_an_error_of_its_own(place):
    folder, given = place
    with pytest.raises(UsageError, match="cannot be used: File name too long"):
        await answers(folder / ("a" * 5000), **given)
    async with open_lok(folder, backends=["echo"], **given) as lok:
        with pytest.raises(UsageError, match="cannot be used: File name too long"):
            await lok.ask("why?", folder / ("a" * 5000))


@pytest.mark.parametrize("value", [-1, 0, math.nan, "5"])
@pytest.mark.parametrize("name", [*TIMES, *COUNTS])
async def test_what_is_no_limit_is_refused_by_its_name(name, value, tmp_path):
    with pytest.raises(UsageError, match=f"^{name} is {value!r}$"):
        async with opened(tmp_path, offering("codex"), **{name: value}):
            pass


@pytest.mark.parametrize("name", COUNTS)
def test_half_a_request_is_no_limit(name):
    with pytest.raises(UsageError, match=f"^{name} is 1.5$"):
        make_limits(**{name: 1.5})


@pytest.mark.parametrize("name", TIMES)
def test_a_time_may_be_endless(name):
    assert getattr(make_limits(**{name: math.inf}), name) == math.inf


@pytest.mark.parametrize("name", ["directory", "state_dir", "config_dir", "config"])
async def test_what_no_path_can_be_is_refused_by_its_name(name, place):
    folder, given = place
    given = {"directory": folder, **given, name: Path("a\0b")}
    with pytest.raises(UsageError, match=f"{name} is 'a.x00b', which no path can be"):
        async with open_lok(**given):
            pass


@pytest.mark.parametrize("name", ["directory", "state_dir", "config_dir", "config"])
async def test_what_is_relative_to_nothing_is_refused_by_its_name(name, place, tmp_path, monkeypatch):
    folder, given = place
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    given = {"directory": folder, **given, name: Path("here")}
    with pytest.raises(UsageError, match=f"{name} is 'here', and the working directory is gone"):
        async with open_lok(**given):
            pass


async def test_a_folder_that_hides_the_users_own_file_is_told(place, tmp_path, monkeypatch):
    folder, given = place
    (own := tmp_path / "own").mkdir()
    access = os.access  # root may look into every folder
    monkeypatch.setattr(os, "access", lambda path, mode: path != own and access(path, mode))
    with pytest.raises(ConfigError) as caught:
        await answers(folder, config_dir=own, **given)
    assert str(own / "lok.toml") in str(caught.value.problems)


async def test_a_baseline_that_is_no_path_is_refused_by_its_name(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        with pytest.raises(UsageError, match=r"^baseline is 'known'$"):
            await lok.run_task("review", tmp_path, Screening(baseline="known"))
        with pytest.raises(UsageError, match=r"^baseline is 'a.x00b', which no path can be$"):
            await lok.run_task("review", tmp_path, Screening(baseline=Path("a\0b")))


def test_an_opening_is_used_once(place):
    folder, given = place
    opening = open_lok(folder, backends=["echo"], **given)
    run(opening, lambda lok: lok.check())
    with pytest.raises(UsageError, match="this opening has been used already"):
        run(opening, lambda lok: lok.check())


@pytest.mark.filterwarnings("error")
async def test_what_is_cancelled_before_it_starts_warns_of_nothing(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        with trio.CancelScope() as scope:
            scope.cancel()
            await lok.ask("a", tmp_path)
        gc.collect()
        assert scope.cancelled_caught


# Several commands.


async def test_each_command_is_a_run_of_its_own(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:
        reports = [
            await lok.ask("a", tmp_path),
            await lok.suggest("b", tmp_path),
            await lok.ask("c", tmp_path),
        ]
    assert reports[2].run == f"{reports[0].run}-2"
    assert {past.run for past in past_runs(tmp_path / "state")} == {reports[0].run, reports[2].run}


async def test_caps_are_those_of_one_command(tmp_path):
    async with opened(tmp_path, offering("codex"), max_calls=1) as lok:
        for _ in range(2):
            report = await lok.ask("a", tmp_path)
            assert [type(outcome) for outcome in report.outcomes] == [Answer]
            assert report.degraded == ()


async def test_a_second_command_at_the_same_time_is_refused(tmp_path):
    async with opened(tmp_path, offering("codex")) as lok:

        async def second():
            with pytest.raises(UsageError, match="another command is under way"):
                await lok.ask("b", tmp_path)

        lok.listening.listener = lambda event: nursery.start_soon(second) if event.kind == "queued" else None
        async with trio.open_nursery() as nursery:
            report = await lok.ask("a", tmp_path)
        assert [type(outcome) for outcome in report.outcomes] == [Answer]


# Events.


async def test_a_listener_that_raises_is_told_no_more_and_ends_nothing(tmp_path):
    told = []

    def listen(event):
        told.append(event)
        raise RuntimeError("no room")

    async with opened(tmp_path, offering("codex"), listener=listen) as lok:
        report = await lok.ask("a", tmp_path)
    assert [type(outcome) for outcome in report.outcomes] == [Answer]
    assert len(told) == 1
    assert report.notes == ("the listener raised RuntimeError: no room; it was told nothing more",)


async def test_errors_of_commands_come_as_they_are(tmp_path):
    with pytest.raises(LokError, match="the prompt is empty"):
        async with opened(tmp_path, offering("codex")) as lok:
            await lok.ask(" ", tmp_path)


# Without a loop.


def test_run_needs_no_loop(place):
    folder, given = place
    report = run(open_lok(folder, backends=["echo"], **given), lambda lok: lok.ask("why?", folder))
    assert [outcome.reply.text for outcome in report.outcomes] == ["why?"]


def test_run_works_in_a_thread(place):
    folder, given = place
    found = []
    thread = threading.Thread(
        target=lambda: found.append(
            run(open_lok(folder, backends=["echo"], **given), lambda lok: lok.ask("why?", folder))
        )
    )
    thread.start()
    thread.join()
    assert [outcome.reply.text for outcome in found[0].outcomes] == ["why?"]


def test_run_works_beside_asyncio(place):
    folder, given = place

    async def main():
        opening = open_lok(folder, backends=["echo"], **given)
        return await asyncio.to_thread(run, opening, lambda lok: lok.ask("why?", folder))

    assert [outcome.reply.text for outcome in asyncio.run(main()).outcomes] == ["why?"]


async def test_run_says_so_where_a_loop_turns(place):
    folder, given = place
    with pytest.raises(UsageError, match="starts a trio loop, and one turns already"):
        run(open_lok(folder, **given), lambda lok: lok.ask("why?", folder))


def test_run_raises_what_the_command_raises(place):
    folder, given = place
    with pytest.raises(UnknownNameError, match="no task named 'hnut'"):
        run(open_lok(folder, **given), lambda lok: lok.run_task("hnut", folder))


# What a program has to itself.


def test_no_handler_of_a_signal_changes(place):
    folder, given = place
    numbers = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    own = {number: lambda *_: None for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}
    before = {number: signal.signal(number, handler) for number, handler in own.items()}
    try:
        handlers = {number: signal.getsignal(number) for number in numbers}
        seen = []

        def listen(event):
            seen.append({number: signal.getsignal(number) for number in numbers})

        run(open_lok(folder, backends=["echo"], listener=listen, **given), lambda lok: lok.ask("a", folder))
        assert seen
        assert all(one == handlers for one in seen)
        assert {number: signal.getsignal(number) for number in numbers} == handlers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


ALONE = """
import collections.abc, os, sys
from pathlib import Path

def touched(*given):
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] in ("__main__", "collections.abc") and frame.f_back:
        frame = frame.f_back
    if frame.f_globals["__name__"].startswith("lok_"):  # not what libraries do on import
        raise AssertionError("read without being given")
    if given != ("",):
        raise KeyError

class Untouchable(collections.abc.MutableMapping):
    __getitem__ = __setitem__ = __delitem__ = __iter__ = __len__ = touched
    def items(self):  # what lok's helper process inherits, as any child does
        return ()

import lok_core
os.makedirs(gone := sys.argv[2]); os.chdir(gone); os.rmdir(gone)
os.environ = Untouchable()
expanduser = os.path.expanduser
os.path.expanduser = lambda path: touched("") or expanduser(path)
folder = Path(sys.argv[1])
opening = lok_core.open_lok(
    folder, env={"PATH": "/usr/bin:/bin"}, state_dir=folder / "state", backends=["echo", "static"]
)
report = lok_core.run(opening, lambda lok: lok.run_task(sys.argv[3], folder))
print([type(outcome).__name__ for outcome in report.outcomes])
"""


@pytest.mark.slow
def test_nothing_is_read_but_what_is_given(tmp_path):
    """Neither a variable, nor a home folder, nor the working directory, which is gone."""
    command = [sys.executable, "-c", ALONE, str(tmp_path), str(tmp_path / "gone"), "hunt"]
    ended = subprocess.run(command, env={}, capture_output=True, text=True)
    assert ended.stderr == ""
    assert set(eval(ended.stdout)) == {"Answer"}


HANGING = """
import os, sys
from pathlib import Path

import lok_core

folder = Path(sys.argv[1])
given = {"env": os.environ, "state_dir": folder / "state", "config": folder / "given.toml"}
try:
    lok_core.run(lok_core.open_lok(folder, backends=["mine"], **given), lambda lok: lok.ask("why?", folder))
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.slow
def test_ctrl_c_ends_the_backends_and_comes_out_of_run(tmp_path, lok_env):
    slow = MINE.replace("cat", "sh") + 'args = ["-c", "touch started; sleep 1000"]\n'
    (tmp_path / "given.toml").write_text(slow)
    command = [sys.executable, "-c", HANGING, str(tmp_path)]
    with subprocess.Popen(command, env=lok_env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as program:
        until((tmp_path / "started").exists)
        program.send_signal(signal.SIGINT)
        assert program.communicate(timeout=30)[0] == "interrupted\n"


async def test_what_is_left_of_a_run_is_asked_in_another(tmp_path):
    failing = offering("pi", step=Step(BackendError("quota", "used up")))
    async with opened(tmp_path, offering("codex"), failing) as lok:
        first = await lok.ask("a", tmp_path)
        again = await lok.resume(first.run)
        third = await lok.ask("a", tmp_path)
    assert [note for note in again.notes if "taken over" in note]
    assert not [note for note in third.notes if "taken over" in note]


# The page.

PAGE = (Path(__file__).parent.parent / "docs/python.md").read_text()
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("kind", get_args(EventKind))
def test_each_kind_of_event_is_documented(kind):
    assert f"| `{kind}` |" in PAGE


@pytest.mark.parametrize("name", list(inspect.signature(open_lok).parameters))
def test_each_argument_is_documented(name):
    assert re.search(rf"^\|.*`{name}`.*\|", PAGE, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_runs(example, lok_env, tmp_path):
    (tmp_path / "app.py").write_text("def f(x=[]):\n    return eval(x)\n")
    command = [sys.executable, "-c", example]
    ended = subprocess.run(command, env=lok_env, cwd=tmp_path, capture_output=True, text=True)
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert ended.stdout


@pytest.mark.slow
def test_the_examples_are_typed(tmp_path):
    for number, example in enumerate(EXAMPLES):
        (tmp_path / f"example_{number}.py").write_text(example)
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", tmp_path]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout
