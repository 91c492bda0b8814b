"""Crawl a site and write one JSON line for each page."""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import logging
import re
from pathlib import Path
from typing import TextIO

import aiohttp

from .fetch import Fetcher, Page
from .frontier import Frontier, normalise

log = logging.getLogger(__name__)
LINK = re.compile(r"""<a\s[^>]*href=["']([^"'#]+)""", re.IGNORECASE)
TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def links(page: Page) -> list[str]:
    found = (normalise(page.address, match) for match in LINK.findall(page.body))
    return [address for address in found if address is not None]


def summary(page: Page) -> dict[str, object]:
    title = TITLE.search(page.body)
    return {
        "address": page.address,
        "status": page.status,
        "title": title.group(1).strip(),
        "digest": hashlib.sha256(page.body.encode()).hexdigest(),
    }


class Crawl:
    def __init__(self, frontier: Frontier, fetcher: Fetcher, out: TextIO, workers: int, max_pages: int) -> None:
        self._frontier = frontier
        self._fetcher = fetcher
        self._out = out
        self._workers = workers
        self._left = max_pages
        self._busy = 0

    async def _one(self, address: str, depth: int) -> None:
        try:
            page = await self._fetcher.fetch(address)
            if page is None:
                return
            self._out.write(json.dumps(summary(page)) + "\n")
            for link in links(page):
                self._frontier.add(link, depth)
        finally:
            self._busy -= 1

    async def run(self) -> None:
        while self._left > 0 and (self._frontier or self._busy):
            while len(self._frontier) and self._busy < self._workers and self._left > 0:
                address, depth = self._frontier.pop()
                self._busy += 1
                self._left -= 1
                asyncio.create_task(self._one(address, depth))
            await asyncio.sleep(0.05)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("start", nargs="+")
    parser.add_argument("--depth", type=int, default=3)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--max-pages", type=int, default=500)
    parser.add_argument("--host", action="append", required=True)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    frontier = Frontier(args.depth, set(args.host))
    for address in args.start:
        frontier.add(address, 0)
    async with aiohttp.ClientSession() as session:
        with args.output.open("w", encoding="utf-8") as out:
            await Crawl(frontier, Fetcher(session), out, args.workers, args.max_pages).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    asyncio.run(main())
