"""What has to be ordered again, and from whom."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

from .stock import Item, Stock


def load_suppliers(path: Path) -> dict[str, list[str]]:
    """Suppliers by item, the preferred one first."""
    suppliers: dict[str, list[str]] = {}
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            suppliers.setdefault(row["sku"], []).append(row["supplier"])
    return suppliers


def short_items(stock: Stock) -> list[tuple[Item, int]]:
    """Items whose stock has reached or fallen below the reorder level."""
    short = []
    for item in stock.items():
        held = stock.total(item.sku)
        if held < item.reorder_at:
            short.append((item, held))
    return short


def plan(stock: Stock, suppliers: dict[str, list[str]], lot: int = 12) -> dict[str, dict[str, int]]:
    """Pieces by supplier and item, rounded up to full lots."""
    orders: dict[str, dict[str, int]] = {}
    for item, held in short_items(stock):
        names = suppliers.get(item.sku)
        if not names:
            continue
        missing = 2 * item.reorder_at - held
        lots = -(-missing // lot)
        orders.setdefault(names[0], {})[item.sku] = lots * lot
    return orders


def export(orders: dict[str, dict[str, int]], folder: Path) -> list[Path]:
    """One CSV file for each supplier."""
    written = []
    for supplier, lines in sorted(orders.items()):
        path = folder / f"{supplier}.csv"
        with path.open("w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["sku", "quantity"])
            writer.writerows(sorted(lines.items()))
        written.append(path)
    return written


def discontinue(db: sqlite3.Connection, stock: Stock, items: list[Item]) -> list[Item]:
    """Drop items that are sold out; returns those that stay."""
    for item in items:
        if stock.total(item.sku) == 0:
            with db:
                db.execute("DELETE FROM items WHERE sku = ?", (item.sku,))
            items.remove(item)
    return items
