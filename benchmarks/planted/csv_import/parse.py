"""Reading bank statements in CSV form."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path


class RowError(ValueError):
    """A row that cannot be read; the message names the column."""


@dataclass(frozen=True)
class Booking:
    day: date
    payee: str
    purpose: str
    amount: Decimal
    tags: list[str] = field(default_factory=list)


def amount(text: str) -> Decimal:
    """Read `1.234,56` (German) and `1,234.56` (English); a trailing minus is allowed."""
    text = text.strip().replace("\N{NO-BREAK SPACE}", "")
    negative = text.endswith("-")
    text = text.removesuffix("-")
    if text.rfind(",") > text.rfind("."):
        text = text.replace(".", "").replace(",", ".")
    else:
        text = text.replace(",", "")
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise RowError(f"amount: {text!r}") from error
    return -value if negative else value


def day(text: str) -> date:
    for form in ("%d.%m.%Y", "%Y-%m-%d", "%d.%m.%y"):
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    raise RowError(f"date: {text!r}")


def tag(purpose: str, rules: dict[str, str], tags: list[str] = []) -> list[str]:
    lowered = purpose.lower()
    for word, name in rules.items():
        if word in lowered and name not in tags:
            tags.append(name)
    return tags


def detect_delimiter(path: Path) -> str:
    handle = open(path, encoding="utf-8-sig", newline="")
    first = handle.readline()
    return max(";,\t", key=first.count)


def read(path: Path, rules: dict[str, str]) -> Iterator[tuple[int, Booking | RowError]]:
    """Each row with its line number; a row that cannot be read gives its error instead of a booking."""
    delimiter = detect_delimiter(path)
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle, delimiter=delimiter, restval="")
        missing = {"date", "payee", "purpose", "amount"} - set(reader.fieldnames or ())
        if missing:
            yield 1, RowError(f"no column {', '.join(sorted(missing))}")
            return
        for row in reader:
            try:
                booking = Booking(
                    day(row["date"]),
                    row["payee"].strip(),
                    row["purpose"].strip(),
                    amount(row["amount"]),
                    tag(row["purpose"], rules),
                )
            except RowError as error:
                yield reader.line_num, error
            else:
                yield reader.line_num, booking
