"""The live table on a terminal."""

import io
import re
import sys

import trio

from lok_core.cli.display import LiveTable
from lok_core.outcome import Event


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
