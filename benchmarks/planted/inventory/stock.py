"""Stock levels in several warehouses."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS items (sku TEXT PRIMARY KEY, name TEXT NOT NULL, reorder_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS stock (
    sku TEXT NOT NULL, warehouse TEXT NOT NULL, quantity INTEGER NOT NULL, PRIMARY KEY (sku, warehouse)
);
CREATE TABLE IF NOT EXISTS moves (
    id INTEGER PRIMARY KEY, sku TEXT, source TEXT, target TEXT, quantity INTEGER, at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""


class NotEnough(Exception):
    """The warehouse holds fewer pieces than were asked for."""


@dataclass(frozen=True)
class Item:
    sku: str
    name: str
    reorder_at: int


class Stock:
    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.executescript(SCHEMA)

    def add_item(self, item: Item) -> None:
        with self._db:
            self._db.execute("INSERT INTO items VALUES (?, ?, ?)", (item.sku, item.name, item.reorder_at))

    def quantity(self, sku: str, warehouse: str) -> int:
        row = self._db.execute(
            "SELECT quantity FROM stock WHERE sku = ? AND warehouse = ?", (sku, warehouse)
        ).fetchone()
        return row[0] if row else 0

    def receive(self, sku: str, warehouse: str, quantity: int) -> None:
        if quantity <= 0:
            raise ValueError("a delivery has at least one piece")
        with self._db:
            self._db.execute(
                "INSERT INTO stock VALUES (?, ?, ?) "
                "ON CONFLICT (sku, warehouse) DO UPDATE SET quantity = quantity + excluded.quantity",
                (sku, warehouse, quantity),
            )

    def take(self, sku: str, warehouse: str, quantity: int) -> None:
        """Take pieces out; several tills work on the same database."""
        if quantity <= 0:
            raise ValueError("at least one piece")
        held = self.quantity(sku, warehouse)
        if held < quantity:
            raise NotEnough(f"{sku}: {held} in {warehouse}")
        with self._db:
            self._db.execute(
                "UPDATE stock SET quantity = ? WHERE sku = ? AND warehouse = ?", (held - quantity, sku, warehouse)
            )

    def transfer(self, sku: str, source: str, target: str, quantity: int) -> None:
        """Move pieces from one warehouse to another, or raise and change nothing."""
        self.receive(sku, target, quantity)
        self.take(sku, source, quantity)
        with self._db:
            self._db.execute(
                "INSERT INTO moves (sku, source, target, quantity) VALUES (?, ?, ?, ?)",
                (sku, source, target, quantity),
            )

    def items(self) -> list[Item]:
        return [Item(*row) for row in self._db.execute("SELECT sku, name, reorder_at FROM items ORDER BY sku")]

    def total(self, sku: str) -> int:
        (total,) = self._db.execute("SELECT sum(quantity) FROM stock WHERE sku = ?", (sku,)).fetchone()
        return total or 0
