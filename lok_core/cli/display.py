"""Progress on standard error: a live table on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import trio
from attrs import Factory, define

from lok_core.cli.output import say
from lok_core.outcome import Answer, Event, Failure
from lok_core.sanitize import clean_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_REFRESH_S = 0.2


class Display:
    """Shows nothing; what the others build on."""

    def __enter__(self) -> Display:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def event(self, event: Event) -> None:
        """Takes note of an event."""

    async def refresh(self) -> None:
        """Keeps what is shown up to date until cancelled."""

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Leaves the terminal to others meanwhile."""
        yield


@define(eq=False)
class Lines(Display):
    """One line when a request is done; with `verbose` also when it starts and what it does."""

    verbose: bool = False

    def event(self, event: Event) -> None:
        if event.kind == "note":
            say(f"note: {event.text}")
        elif event.kind == "retry" or (self.verbose and event.kind in ("started", "progress")):
            say(f"{_title(event)}: {clean_line(event.text) or event.kind}")
        elif event.kind == "finished":
            say(f"{_title(event)}: {_result(event)}")


@define
class _Row:
    title: str
    started: float | None = None
    activity: str = "waiting"


@define(eq=False)
class LiveTable(Display):
    """One line for each request under way: who, what, seconds, last activity."""

    verbose: bool = False
    _rows: dict[int, _Row] = Factory(dict)
    _live: Live | None = None

    def __enter__(self) -> Display:
        self._start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def event(self, event: Event) -> None:
        if event.kind == "note":
            with self.aside():
                say(f"note: {event.text}")
        elif event.kind == "queued":
            self._rows[event.number] = _Row(_title(event))
        elif event.kind == "finished":
            self._rows.pop(event.number, None)
            if isinstance(event.outcome, Failure) or self.verbose:
                with self.aside():
                    say(f"{_title(event)}: {_result(event)}")
        elif event.number in self._rows:
            row = self._rows[event.number]
            if event.kind == "started":
                row.started, row.activity = time.monotonic(), "asked"
            elif event.kind == "text":
                row.activity = "answering"
            else:
                row.activity = event.text

    async def refresh(self) -> None:
        while True:
            if self._live is not None:
                self._live.update(self._table(), refresh=True)
            await trio.sleep(_REFRESH_S)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        if self._live is None:
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        """Shows the table from here on: one that was stopped would erase what was printed meanwhile."""
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def _table(self) -> Table:
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        for row in self._rows.values():
            seconds = "" if row.started is None else f"{now - row.started:.0f} s"
            table.add_row(Text(row.title, style="bold"), Text(seconds), Text(clean_line(row.activity)[:60]))
        return table


def make_display(quiet: bool, verbose: bool) -> Display:
    """What suits standard error."""
    if quiet or sys.stderr is None:
        return Display()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return LiveTable(verbose)
    return Lines(verbose)


def _title(event: Event) -> str:
    return clean_line(f"{event.backend} [{event.label}]" if event.label else event.backend)


def _result(event: Event) -> str:
    outcome = event.outcome
    if isinstance(outcome, Failure):
        hint = f" ({outcome.hint})" if outcome.hint else ""
        return clean_line(f"{outcome.kind}: {outcome.message}{hint}")
    assert isinstance(outcome, Answer)
    return f"answered in {outcome.duration_s:.1f} s"
