"""Fetching one page, with retries and a limit for each host."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

log = logging.getLogger(__name__)

RETRY_STATUS = {429, 502, 503, 504}
MAX_BODY = 2_000_000


@dataclass(frozen=True)
class Page:
    address: str
    status: int
    body: str


class Fetcher:
    def __init__(self, session: aiohttp.ClientSession, attempts: int = 3, gap: float = 0.5) -> None:
        self._session = session
        self._attempts = attempts
        self._gap = gap
        self._last: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def _take_turn(self, host: str) -> None:
        lock = self._locks.setdefault(host, asyncio.Lock())
        async with lock:
            wait = self._last.get(host, 0.0) + self._gap - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            self._last[host] = time.monotonic()

    async def fetch(self, address: str) -> Page | None:
        """The page, or None when the host keeps refusing; the last network error is raised."""
        host = urlsplit(address).hostname or ""
        for attempt in range(self._attempts):
            await self._take_turn(host)
            try:
                timeout = aiohttp.ClientTimeout(total=20)
                async with self._session.get(address, timeout=timeout) as response:
                    if response.status in RETRY_STATUS:
                        asyncio.sleep(2**attempt)
                        continue
                    raw = await response.content.read(MAX_BODY)
                    return Page(str(response.url), response.status, raw.decode(response.charset or "utf-8", "replace"))
            except (aiohttp.ClientError, TimeoutError) as error:
                log.info("attempt %d of %s failed: %s", attempt + 1, address, error)
                if attempt == self._attempts:
                    raise
        return None
