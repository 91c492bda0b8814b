"""The live table on a terminal."""

import io
import re
import sys

import pytest
import trio

from lok_core.cli.display import LiveTable, _Row
from lok_core.events import Event


class Terminal(io.StringIO):
    """A terminal that knows what rich writes: line ends, cursor up, erase the line."""

    def isatty(self):
        return True

    @property
    def lines(self):
        shown, row = [""], 0
        for part in re.findall(r"\x1b\[[\d;?]*[A-Za-z]|\r|\n|[^\x1b\r\n]+", self.getvalue()):
            if part == "\n":
                row += 1
                shown += [""] * (row + 1 - len(shown))
            elif part.endswith("A") and part[0] == "\x1b":
                row = max(0, row - int(part[2:-1] or 1))
            elif part == "\x1b[2K":
                shown[row] = ""
            elif part[0] not in "\x1b\r":
                shown[row] += part
        return [line.rstrip() for line in shown]


async def test_the_table_erases_nothing_that_was_printed_while_it_stood_aside(monkeypatch, autojump_clock):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)  # not in a fixture: pytest sets it anew for each phase
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    printed = [f"line {number} of the answer" for number in range(5)]
    async with trio.open_nursery() as nursery:
        with LiveTable() as table:
            for number, name in enumerate(("codex", "gemini", "claude"), 1):
                table.event(Event("queued", number, name))
            nursery.start_soon(table.refresh)
            await trio.sleep(1)
            assert [line.split() for line in terminal.lines][-1][0] == "claude"
            with table.aside():
                terminal.write("".join(f"{line}\n" for line in printed))
            await trio.sleep(1)
            assert [line for line in terminal.lines if line in printed] == printed
            assert [line.split()[0] for line in terminal.lines[-3:]] == ["codex", "gemini", "claude"]
            nursery.cancel_scope.cancel()
    assert [line for line in terminal.lines if line] == printed


def row(*events):
    """A line of the table after events, each at its second."""
    made = _Row("codex")
    for second, kind, more in events:
        made.take(Event(kind, 1, "codex", **more), second)
    return made


def test_silence_is_told_after_ten_seconds():
    silent = row((100, "started", {}), (100, "alive", {}), (105, "alive", {}))
    assert silent.times(114) == "14 s"
    assert silent.times(142) == "42 s, silent for 37 s"


def test_nothing_is_said_of_the_silence_of_a_backend_that_shows_no_progress():
    assert row((100, "started", {})).times(160) == "60 s"


def test_what_is_not_started_has_no_time():
    assert row().times(100) == ""


@pytest.mark.parametrize(("wait_s", "left"), [(41, "0:41"), (2465, "41:05"), (11_100, "3:05:00")])
def test_the_time_until_it_is_asked_again_is_counted_down(wait_s, left):
    waits = row((100, "started", {}), (100, "alive", {}), (103, "retry", {"wait_s": wait_s}))
    assert waits.times(103) == f"3 s, again in {left}"
    assert waits.times(103 + wait_s) == f"{3 + wait_s} s, again in 0:00"


def test_who_is_asked_again_goes_on_as_before():
    again = row((100, "started", {}), (103, "retry", {"wait_s": 60}), (163, "started", {}))
    assert (again.activity, again.times(170)) == ("asked again", "70 s")


@pytest.mark.parametrize("fails", [False, True])
async def test_nothing_of_a_table_that_does_not_fit_is_left_behind(monkeypatch, autojump_clock, fails):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    for name, value in (("TERM", "xterm"), ("COLUMNS", "60"), ("LINES", "10")):
        monkeypatch.setenv(name, value)
    async with trio.open_nursery() as nursery:
        with LiveTable() as table:
            for number in range(1, 31):
                table.event(Event("queued", number, f"backend-{number}", "a long label " * 9))
            table.event(Event("started", 30, "backend-30"))
            nursery.start_soon(table.refresh)
            await trio.sleep(1)
            shown = [line for line in terminal.lines if line]
            assert len(shown) == 8
            assert shown[0].startswith("backend-30 ")
            assert shown[-1] == "and 23 more"
            if fails:
                table.event(Event("note", text="one has failed"))
                await trio.sleep(1)
            drawn = terminal.getvalue().count("\n")
            nursery.cancel_scope.cancel()
        assert terminal.getvalue().count("\n") <= drawn + 1
    assert [line for line in terminal.lines if line] == ["note: one has failed"] * fails
