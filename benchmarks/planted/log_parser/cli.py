"""Print a summary of access logs."""

from __future__ import annotations

import argparse
import sys
from datetime import timedelta
from pathlib import Path

from .parse import lines, requests
from .statistics import error_rate, methods, scanners, slowest, windows


def table(rows: list[tuple[str, str]]) -> str:
    width = max((len(name) for name, _value in rows), default=0)
    text = ""
    for name, value in rows:
        text += f"  {name:<{width}}  {value}\n"
    return text


def report(paths: list[Path], minutes: int, threshold: float) -> int:
    entries = list(requests(lines(paths)))
    if not entries:
        print("no requests", file=sys.stderr)
        return 1
    print(f"{len(entries)} requests from {entries[0].at} to {entries[-1].at}")
    print(table([(name, str(count)) for name, count in methods(entries).items()]))
    print(table([(path, f"{seconds:.3f} s") for path, seconds in slowest(entries)]))
    for window in windows(entries, timedelta(minutes=minutes)):
        rate = error_rate(window)
        if rate > threshold:
            print(f"{window.start:%H:%M}: {rate:.1f} % errors in {window.requests} requests")
    for host in scanners(entries):
        print(f"scanner: {host}")
    return 0


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("log", type=Path, nargs="+")
    parser.add_argument("--minutes", type=int, default=5)
    parser.add_argument("--threshold", type=float, default=0.05, help="share of errors, 0 to 1")
    args = parser.parse_args(argv)
    try:
        return report(args.log, args.minutes, args.threshold)
    except OSError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
