"""What the modes came to, in pieces that every renderer can show: one module a mode, loaded when needed.

They are made from `Report.detail` alone, as the outcomes may have been shown before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from lok_core.outcome import Answer, Outcome, Report

if TYPE_CHECKING:
    from lok_core.results.section import Section

SUMMARY = "summary"
"""The label of a request whose answer is a result: it is shown in a section, not as an answer."""

_ROOMS = {
    "suggest": "smart",
    "smart": "smart",
    "team": "team",
    "debate": "debate",
    "spawn": "spawn",
    "spawned": "spawn",
    "conduct": "conduct",
    "plan": "plan",
}


def sections(report: Report) -> Sequence[Section]:
    """The pieces in the order in which one reads them; none for `ask`, tasks and `ground`."""
    mode: str = getattr(report.detail, "mode", "")
    if mode not in _ROOMS:
        return ()
    tell: Callable[[object], Sequence[Section]] = import_module(f"lok_core.results.{_ROOMS[mode]}").sections
    return tell(report.detail)


def question(report: Report) -> str:
    """What was asked for, in the user's own words; empty for tasks, `ground` and where nothing was asked."""
    texts = (getattr(report.detail, name, "") for name in ("task", "topic", "prompt"))
    return next(filter(None, texts), "")


def is_told(outcome: Outcome) -> bool:
    """Whether a section shows what was answered; not for tasks, whose prompts may have any label."""
    return outcome.request.label == SUMMARY and isinstance(outcome, Answer)
