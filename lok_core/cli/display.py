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
from lok_core.events import Event
from lok_core.outcome import Answer, Failure
from lok_core.sanitize import clean_line

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

_REFRESH_S = 0.2
_SILENT_S = 10.0
"""Seconds without a sign of life from which on they are told."""


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
            say(f"note: {clean_line(event.text)}")
        elif event.kind == "retry" or (self.verbose and event.kind in ("started", "progress")):
            say(f"{_title(event)}: {clean_line(event.text) or event.kind}")
        elif event.kind == "finished":
            say(f"{_title(event)}: {_result(event)}")


@define
class _Row:
    """A request under way.

    Attributes:
        alive: when it showed a sign of life, if its backend shows any before the answer is complete.
        waits_until: when it is asked again.
    """

    title: str
    started: float | None = None
    activity: str = "waiting"
    alive: float | None = None
    waits_until: float | None = None

    def take(self, event: Event, now: float) -> None:
        self.waits_until = None
        match event.kind:
            case "alive":
                self.alive = now
            case "started":
                self.activity = "asked" if self.started is None else "asked again"
                self.started = self.started or now
            case "text":
                self.activity = "answering"
            case "retry":
                self.activity, self.alive, self.waits_until = event.text, None, now + event.wait_s
            case _:
                self.activity = event.text

    def times(self, now: float) -> str:
        """How long it has taken so far, and what there is to say of the last seconds."""
        if self.started is None:
            return ""
        told = f"{now - self.started:.0f} s"
        if self.waits_until is not None:
            return f"{told}, again in {_clock(self.waits_until - now)}"
        silent = 0.0 if self.alive is None else now - self.alive
        return f"{told}, silent for {silent:.0f} s" if silent >= _SILENT_S else told


def _clock(seconds: float) -> str:
    minutes, left = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


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
        self._stop()

    def event(self, event: Event) -> None:
        if event.kind == "note":
            with self.aside():
                say(f"note: {clean_line(event.text)}")
        elif event.kind == "queued":
            self._rows[event.number] = _Row(_title(event))
        elif event.kind == "finished":
            self._rows.pop(event.number, None)
            if isinstance(event.outcome, Failure) or self.verbose:
                with self.aside():
                    say(f"{_title(event)}: {_result(event)}")
        elif event.number in self._rows:
            self._rows[event.number].take(event, time.monotonic())

    async def refresh(self) -> None:
        while True:
            if self._live is not None:
                self._live.update(self._table(self._live), refresh=True)
            await trio.sleep(_REFRESH_S)

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        if self._live is None:
            yield
            return
        self._stop()
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        """Shows a table from here on: one that was stopped would erase what was printed meanwhile."""
        from rich.console import Console
        from rich.live import Live

        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def _stop(self) -> None:
        from rich.text import Text

        if self._live is not None:
            self._live.update(Text())  # else it is drawn once more, whatever the terminal holds by now
            self._live.stop()
            self._live = None

    def _table(self, live: Live) -> Table:
        from rich.table import Table
        from rich.text import Text

        def cell(text: str, style: str = "") -> Text:
            return Text(text, style, no_wrap=True, overflow="ellipsis")

        table = Table.grid(padding=(0, 2))
        now = time.monotonic()
        # Lines that have left the terminal upwards cannot be erased, so all of it has to fit.
        room = max(1, live.console.size.height - 2)
        rows = sorted(self._rows.values(), key=lambda row: row.started is None)
        shown = rows if len(rows) <= room else rows[: room - 1]
        for row in shown:
            table.add_row(cell(row.title, "bold"), cell(row.times(now)), cell(clean_line(row.activity)))
        if len(shown) < len(rows):
            table.add_row(cell(f"and {len(rows) - len(shown)} more"))
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
