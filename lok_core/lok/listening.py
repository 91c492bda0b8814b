"""Telling a program of events, whatever its listener does."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from lok_core.events import Event


@define(eq=False)
class Listening:
    """Whom events are told; one that raises is told no more of them, and does the run no harm.

    Attributes:
        fault: what it raised, for the reader of the report; empty as a rule.
    """

    listener: Callable[[Event], None]
    fault: str = ""

    def tell(self, event: Event) -> None:
        """Tells of the event."""
        if self.fault:
            return
        try:
            self.listener(event)
        except Exception as error:  # noqa: BLE001 - whatever a program's own code raises
            what = f"the listener raised {type(error).__name__}: {error}"
            self.fault = f"{what}; it was told nothing more"
