"""What Ctrl-C and its like do while a command is under way."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import trio
from attrs import Factory, define

from lok_core.cli.display import Display

_SIGNALS = {
    signal.SIGINT: "ended by Ctrl-C",
    signal.SIGTERM: "ended by SIGTERM",
    signal.SIGHUP: "ended by SIGHUP",
}
_LAST_WORDS_S = 1.0


@define(eq=False)
class Signals:
    """What Ctrl-C and its like do, from before anything is asked until the report is out.

    The first one ends what is under way, and the report is written; the second one ends lok. Until there is
    somebody to `tell`, the first one ends lok. They have plain handlers: those run also while a write waits
    for somebody to read, when trio's loop does not turn.

    Attributes:
        received: those that came, in order.
        is_out: whether the report has been written.
    """

    display: Display
    last_words: Callable[[], object]
    received: list[signal.Signals] = Factory(list)
    is_out: bool = False
    _tell: Callable[[], None] | None = None
    _before: dict[signal.Signals, Any] = Factory(dict)

    def __enter__(self) -> Signals:
        for number in _SIGNALS:
            # What is ignored stays so: nohup ignores SIGHUP, a shell's background job SIGINT.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._heed)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def tell(self, interrupt: Callable[[str], object]) -> None:
        """From now on `interrupt` is told in the loop of who calls this."""
        token = trio.lowlevel.current_trio_token()

        def tell() -> None:
            with contextlib.suppress(trio.RunFinishedError):
                token.run_sync_soon(interrupt, _SIGNALS[self.received[0]])

        self._tell = tell

    def _heed(self, number: int, frame: FrameType | None) -> None:
        if self._tell is None:  # plugins are being imported: that may take for ever
            if number == signal.SIGINT:
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received.append(signal.Signals(number))
        if len(self.received) == 1:
            assert self._tell is not None
            self._tell()
            return
        # The user has no patience left; the guard ends the backends.
        if len(self.received) == 2:
            # Nobody may read standard error either, or it is in the middle of a line.
            signal.signal(signal.SIGALRM, lambda *_: os._exit(128 + number))
            signal.setitimer(signal.ITIMER_REAL, _LAST_WORDS_S)
            for last in (lambda: self.display.__exit__(None, None, None), self.last_words):
                with contextlib.suppress(Exception):
                    last()
        os._exit(128 + number)
