"""Reading access logs and system logs."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

ACCESS = re.compile(
    r'(?P<host>\S+) \S+ (?P<user>\S+) \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+)[^"]*" '
    r"(?P<status>\d{3}) (?P<size>\d+|-)(?: (?P<seconds>\d+\.\d+))?"
)
SYSTEM = re.compile(
    r"(?P<time>\w{3} +\d+ \d\d:\d\d:\d\d) (?P<machine>\S+) (?P<program>[^:\[]+)(?:\[\d+\])?: (?P<text>.*)"
)


@dataclass(frozen=True)
class Request:
    at: datetime
    host: str
    method: str
    path: str
    status: int
    size: int
    seconds: float | None


@dataclass(frozen=True)
class Message:
    at: datetime
    program: str
    text: str


def access_line(line: str) -> Request | None:
    match = ACCESS.match(line)
    if match is None:
        return None
    return Request(
        datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z"),
        match["host"],
        match["method"],
        match["path"].split("?")[0],
        int(match["status"]),
        int(match["size"]),
        float(match["seconds"]) if match["seconds"] else None,
    )


def system_line(line: str, now: datetime) -> Message | None:
    """System logs name no year: a line is at most one year old."""
    match = SYSTEM.match(line)
    if match is None:
        return None
    at = datetime.strptime(f"{now.year} {match['time']}", "%Y %b %d %H:%M:%S")
    if at < now - timedelta(days=1):
        at = at.replace(year=now.year - 1)
    return Message(at, match["program"], match["text"])


def lines(paths: Iterable[Path]) -> Iterator[str]:
    """The lines of plain and compressed logs, in the order of the paths."""
    for path in paths:
        stream = gzip.open(path, "rt", errors="replace") if path.suffix == ".gz" else path.open(errors="replace")
        for line in stream:
            yield line.rstrip("\n")


def requests(source: Iterable[str]) -> Iterator[Request]:
    for line in source:
        request = access_line(line)
        if request is not None:
            yield request
