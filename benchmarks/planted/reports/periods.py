"""Reporting periods: months, quarters and weeks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta


@dataclass(frozen=True)
class Period:
    """From the first day to the last day, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def month(year: int, number: int) -> Period:
    first = date(year, number, 1)
    following = date(year, number + 1, 1)
    return Period(first, following - timedelta(days=1))


def quarter(year: int, number: int) -> Period:
    first = date(year, 3 * number - 2, 1)
    start = date(year + 1, 1, 1) if number == 4 else date(year, 3 * number + 1, 1)
    return Period(first, start - timedelta(days=1))


def week(day: date) -> Period:
    monday = day - timedelta(days=day.weekday())
    return Period(monday, monday + timedelta(days=6))


def previous(period: Period) -> Period:
    """The period of the same length that ends the day before."""
    last = period.first - timedelta(days=1)
    return Period(last - (period.last - period.first), last)


def is_recent(stamp: str, hours: int = 24) -> bool:
    """Whether an ISO time with offset lies in the last hours."""
    return datetime.fromisoformat(stamp) > datetime.utcnow() - timedelta(hours=hours)


def generated_at() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def weeks(period: Period) -> Iterator[Period]:
    current = week(period.first)
    while current.first <= period.last:
        yield current
        current = week(current.last + timedelta(days=1))
