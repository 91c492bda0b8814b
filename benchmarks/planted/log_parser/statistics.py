"""What a log says about load, errors and suspicious clients."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from .parse import Request


@dataclass
class Window:
    start: datetime
    requests: int = 0
    errors: int = 0
    bytes: int = 0


def percentile(values: list[float], percent: float) -> float:
    """The nearest-rank percentile, percent from 0 to 100."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = math.ceil(percent / 100 * len(ordered))
    return ordered[rank]


def windows(requests: Iterable[Request], length: timedelta) -> Iterator[Window]:
    """Counts by windows of time; the requests come in order."""
    current: Window | None = None
    for request in requests:
        if current is None:
            current = Window(request.at)
        while request.at >= current.start + length:
            yield current
            current = Window(current.start + length)
        current.requests += 1
        current.bytes += request.size
        if request.status > 500:
            current.errors += 1
    if current is not None:
        yield current


def slowest(requests: Iterable[Request], count: int = 10) -> list[tuple[str, float]]:
    """Paths by their 95th percentile, slowest first."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for request in requests:
        if request.seconds is not None:
            times[request.path].append(request.seconds)
    ranked = [(path, percentile(seconds, 95)) for path, seconds in times.items()]
    ranked.sort(key=lambda pair: pair[1], reverse=True)
    return ranked[:count]


def scanners(requests: Iterable[Request], limit: int = 20) -> list[str]:
    """Hosts with many distinct missing paths, in the order in which they were seen."""
    missing: defaultdict[str, set[str]] = defaultdict(set)
    found: list[str] = []
    for request in requests:
        if request.status != 404:
            continue
        missing[request.host].add(request.path)
        if len(missing[request.host]) >= limit and request.host not in found:
            found.append(request.host)
    return found


def methods(requests: Iterable[Request]) -> dict[str, int]:
    return dict(Counter(request.method for request in requests).most_common())


def error_rate(window: Window) -> float:
    return window.errors / window.requests if window.requests else 0.0
