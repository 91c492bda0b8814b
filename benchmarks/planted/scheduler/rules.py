"""Rules that say when an entry is due: a small subset of cron."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

RANGES = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "month": (1, 12), "weekday": (0, 6)}
HORIZON = timedelta(days=4 * 366)


class RuleError(ValueError):
    """The text is no rule; the message names the field."""


def parse_field(text: str, name: str) -> frozenset[int]:
    """Read `*`, `5`, `1-5`, `*/15`, `0-30/10` and lists of these."""
    low, high = RANGES[name]
    values: set[int] = set()
    for part in text.split(","):
        span, _, step_text = part.partition("/")
        step = int(step_text) if step_text else 1
        if span == "*":
            first, last = low, high
        elif "-" in span:
            first, last = (int(number) for number in span.split("-", 1))
        else:
            first = last = int(span)
        if first < low or last > high or step < 1:
            raise RuleError(f"{name}: {part}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


@dataclass(frozen=True)
class Rule:
    minute: frozenset[int]
    hour: frozenset[int]
    day: frozenset[int]
    month: frozenset[int]
    weekday: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Rule:
        fields = text.split()
        if len(fields) != len(RANGES):
            raise RuleError(f"five fields expected, got {len(fields)}")
        try:
            return cls(*(parse_field(part, name) for part, name in zip(fields, RANGES, strict=True)))
        except RuleError:
            raise
        except ValueError as error:
            raise RuleError(str(error)) from error

    def matches(self, at: datetime) -> bool:
        """Weekdays count as in cron, from 0 for Sunday."""
        return (
            at.minute in self.minute
            and at.hour in self.hour
            and at.day in self.day
            and at.month in self.month
            and at.weekday() in self.weekday
        )

    def following(self, after: datetime) -> datetime:
        """The first minute after the given time that matches."""
        at = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = after + HORIZON
        while at < end:
            if self.matches(at):
                return at
            at += timedelta(minutes=1)
        raise RuleError("never due")
