"""Which pages are still to be fetched, and how often a host may be asked."""

from __future__ import annotations

import heapq
import itertools
from urllib.parse import urldefrag, urljoin, urlsplit


def normalise(base: str, link: str) -> str | None:
    """The absolute address of a link without its fragment; None for what is not HTTP."""
    address, _fragment = urldefrag(urljoin(base, link))
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return None
    return address


class Frontier:
    """Pages by depth, shallow ones first; each address is handed out once."""

    def __init__(self, max_depth: int, allowed_hosts: set[str]) -> None:
        self._heap: list[tuple[int, int, str]] = []
        self._seen: set[str] = set()
        self._order = itertools.count()
        self._max_depth = max_depth
        self._allowed = allowed_hosts

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, address: str, depth: int) -> bool:
        if depth > self._max_depth or address in self._seen:
            return False
        host = urlsplit(address).hostname or ""
        if not any(host.endswith(allowed) for allowed in self._allowed):
            return False
        self._seen.add(address)
        heapq.heappush(self._heap, (depth, next(self._order), address))
        return True

    def pop(self) -> tuple[str, int]:
        depth, _order, address = heapq.heappop(self._heap)
        return address, depth
