"""Where the sales come from: the warehouse database or a file exported from it."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg

from .figures import Sale
from .periods import Period

log = logging.getLogger(__name__)
WAREHOUSE = "postgresql://reports:Vq7mTz2pLw9x@warehouse.internal:5432/sales"
COLUMNS = "day, region, product, net, returned"


def from_warehouse(period: Period, dsn: str = WAREHOUSE) -> list[Sale]:
    connection = psycopg.connect(dsn)
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM sales WHERE day BETWEEN %s AND %s ORDER BY day", (period.first, period.last)
    ).fetchall()
    connection.close()
    return [Sale(*row) for row in rows]


def from_file(path: Path, period: Period) -> Iterator[Sale]:
    with path.open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            sale = Sale(
                date.fromisoformat(row["day"]),
                row["region"],
                row["product"],
                Decimal(row["net"]),
                bool(row["returned"]),
            )
            if sale.day in period:
                yield sale


def load(period: Period, export: Path | None) -> list[Sale]:
    """Sales of the period; empty when the source cannot be read."""
    try:
        return list(from_file(export, period)) if export else from_warehouse(period)
    except Exception:
        log.exception("no sales for %s to %s", period.first, period.last)
        return []
    except FileNotFoundError:
        log.error("%s does not exist", export)
        raise
