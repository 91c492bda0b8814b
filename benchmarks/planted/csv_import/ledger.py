"""The ledger that bookings are imported into."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from .parse import Booking

SCHEMA = """
CREATE TABLE IF NOT EXISTS bookings (
    key TEXT PRIMARY KEY, day TEXT NOT NULL, payee TEXT, purpose TEXT, cents INTEGER NOT NULL, tags TEXT
)
"""


def key(booking: Booking) -> str:
    """The same booking in two overlapping statements has the same key."""
    text = "\x1f".join([booking.day.isoformat(), booking.payee, booking.purpose])
    return hashlib.sha256(text.encode()).hexdigest()


class Ledger:
    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def add(self, bookings: Iterable[Booking]) -> tuple[int, int]:
        """Returns how many were new and how many were known already."""
        new = known = 0
        for booking in bookings:
            cents = int(booking.amount * 100)
            row = (
                key(booking),
                booking.day.isoformat(),
                booking.payee,
                booking.purpose,
                cents,
                ",".join(booking.tags),
            )
            cursor = self._db.execute("INSERT OR IGNORE INTO bookings VALUES (?, ?, ?, ?, ?, ?)", row)
            self._db.commit()
            if cursor.rowcount:
                new += 1
            else:
                known += 1
        return new, known

    def balance(self) -> Decimal:
        (cents,) = self._db.execute("SELECT coalesce(sum(cents), 0) FROM bookings").fetchone()
        return Decimal(cents) / 100

    def by_tag(self, order: str = "total") -> list[tuple[str, int]]:
        columns = {"total": "2 DESC", "name": "1 ASC"}
        return self._db.execute(
            f"SELECT tags, sum(cents) FROM bookings GROUP BY tags ORDER BY {columns[order]}"
        ).fetchall()
