"""Durations and times for people."""

from __future__ import annotations

import math

LONGEST_S = 8 * 86400.0
"""Until one may ask again; what takes longer counts as unknown. Limits that renew do so within a week."""


def lasting(seconds: float) -> str:
    """A duration for people: "27 s", "41 min", "3 h 5 min", "2 d 4 h"."""
    if not math.isfinite(seconds):
        return "for ever"
    if seconds < 120:
        return f"{max(seconds, 0):.3g} s"
    minutes = math.ceil(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def at_clock(seconds: float, now: float) -> str:
    """When that many seconds from now is, and how long it takes: "at 15:04, in 41 min"."""
    from datetime import datetime  # few need it

    if seconds < 60:
        return f"in {lasting(math.ceil(seconds))}"
    there, here = (datetime.fromtimestamp(moment).astimezone() for moment in (now + seconds, now))
    day = f"{there:%a} " if (there - here).days < 6 else f"{there:%b} {there.day}, "
    return f"at {'' if there.date() == here.date() else day}{there:%H:%M}, in {lasting(seconds)}"
