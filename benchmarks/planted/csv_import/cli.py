"""Import bank statements into a ledger."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .ledger import Ledger
from .parse import Booking, RowError, read


def load_rules(path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except Exception:
        return {}


def collect(path: Path, rules: dict[str, str]) -> tuple[list[Booking], list[str]]:
    bookings: list[Booking] = []
    problems: list[str] = []
    for line, row in read(path, rules):
        if isinstance(row, RowError):
            problems.append(f"{path}:{line}: {row}")
        else:
            bookings.append(row)
    return bookings, problems


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("statement", type=Path, nargs="+")
    parser.add_argument("--ledger", default="ledger.db")
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--strict", action="store_true", help="import nothing from a file with bad rows")
    args = parser.parse_args(argv)

    rules = load_rules(args.rules)
    ledger = Ledger(args.ledger)
    status = 0
    try:
        for path in args.statement:
            status = 0
            bookings, problems = collect(path, rules)
            for problem in problems:
                print(problem, file=sys.stderr)
            if problems:
                status = 1
                if args.strict:
                    continue
            new, known = ledger.add(bookings)
            print(f"{path}: {new} new, {known} known")
        print(f"balance: {ledger.balance():.2f}")
    finally:
        ledger.close()
    return status


if __name__ == "__main__":
    sys.exit(main())
