"""What happens during a run, told as it happens."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.outcome import Outcome

EventKind = Literal["queued", "started", "alive", "progress", "text", "retry", "finished", "note"]


@frozen
class Event:
    """Something that happened during a run, told as it happens.

    `alive` is told of backends whose stream shows signs of life: when one is asked, and then at most once a
    second, when its program writes anything at all.

    Attributes:
        number: counts the requests of a run from 1; 0 for what concerns the whole run.
        text: the activity, the chunk that was said, why a retry, or the note.
        outcome: with `finished`.
        wait_s: with `retry`: seconds until then.
    """

    kind: EventKind
    number: int = 0
    backend: str = ""
    label: str = ""
    text: str = ""
    outcome: Outcome | None = None
    wait_s: float = 0.0
