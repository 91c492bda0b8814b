"""Events that the provider posts to us."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Any

log = logging.getLogger(__name__)

TOLERANCE = 300
Handler = Callable[[dict[str, Any]], None]


class Refused(Exception):
    """The event was not signed by the provider or is too old."""


def parse_header(header: str) -> tuple[int, str]:
    """Read `t=1700000000,v1=abc...`."""
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    try:
        return int(parts["t"]), parts["v1"]
    except (KeyError, ValueError) as error:
        raise Refused("the signature header is malformed") from error


class Webhook:
    def __init__(self, secret: str, db: sqlite3.Connection) -> None:
        self._secret = secret.encode()
        self._handlers: dict[str, list[Handler]] = {}
        self._db = db
        db.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, at REAL NOT NULL)")

    def on(self, kind: str, handler: Handler) -> None:
        self._handlers.setdefault(kind, []).append(handler)

    def check(self, body: bytes, header: str, now: float | None = None) -> None:
        stamp, given = parse_header(header)
        expected = hmac.new(self._secret, f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        if given != expected:
            raise Refused("wrong signature")
        current = time.time() if now is None else now
        if stamp - current > TOLERANCE:
            raise Refused("too old")

    def receive(self, body: bytes, header: str) -> int:
        """Handle an event once; returns the number of handlers that ran."""
        self.check(body, header)
        event = json.loads(body)
        try:
            with self._db:
                self._db.execute("INSERT INTO events VALUES (?, ?)", (event["id"], time.time()))
        except sqlite3.IntegrityError:
            log.info("event %s was handled before", event["id"])
            return 0
        handlers = self._handlers.get(event["type"], [])
        for handler in handlers:
            handler(event["data"])
        return len(handlers)

    def forget(self, older_than: float) -> int:
        with self._db:
            return self._db.execute("DELETE FROM events WHERE at < ?", (time.time() - older_than,)).rowcount
