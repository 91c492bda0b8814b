"""Storage of customers, orders and order lines in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing

SCHEMA = """
CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, email TEXT UNIQUE, name TEXT);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, status TEXT NOT NULL, note TEXT, created TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS lines (order_id INTEGER NOT NULL, sku TEXT NOT NULL, quantity INTEGER, cents INTEGER);
"""


class Store:
    """One connection; the caller keeps it to one thread."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def customer_by_email(self, email: str) -> sqlite3.Row | None:
        return self._db.execute("SELECT * FROM customers WHERE email = ?", (email,)).fetchone()

    def add_order(self, customer_id: int, lines: Iterable[tuple[str, int, int]], created: str) -> int:
        with self._db:
            cursor = self._db.execute(
                "INSERT INTO orders (customer_id, status, created) VALUES (?, 'new', ?)", (customer_id, created)
            )
            order_id = cursor.lastrowid
            self._db.executemany(
                "INSERT INTO lines VALUES (?, ?, ?, ?)",
                [(order_id, sku, quantity, cents) for sku, quantity, cents in lines],
            )
        return int(order_id or 0)

    def order(self, order_id: int) -> sqlite3.Row | None:
        return self._db.execute("SELECT * FROM orders WHERE id = ?", (order_id,)).fetchone()

    def lines(self, order_id: int) -> list[sqlite3.Row]:
        return self._db.execute("SELECT * FROM lines WHERE order_id = ?", (order_id,)).fetchall()

    def set_status(self, order_id: int, status: str) -> None:
        with self._db:
            self._db.execute("UPDATE orders SET status = ? WHERE id = ?", (status, order_id))

    def page(self, customer_id: int, page: int, size: int) -> list[sqlite3.Row]:
        """Orders of a customer, newest first; pages count from 1."""
        return self._db.execute(
            "SELECT * FROM orders WHERE customer_id = ? ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
            (customer_id, size, page * size),
        ).fetchall()

    def search_notes(self, customer_id: int, words: str) -> list[sqlite3.Row]:
        query = f"SELECT * FROM orders WHERE customer_id = {customer_id} AND note LIKE '%{words}%'"
        with closing(self._db.cursor()) as cursor:
            return cursor.execute(query).fetchall()
