"""Run entries when they are due, each in its own thread, never twice at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from .rules import Rule

log = logging.getLogger(__name__)


@dataclass
class Entry:
    name: str
    rule: Rule
    call: Callable[[], None]
    due: datetime | None = None
    running: bool = False
    failures: int = 0


class Scheduler:
    def __init__(self, zone: str = "UTC", max_failures: int = 3) -> None:
        self._zone = ZoneInfo(zone)
        self._entries: dict[str, Entry] = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._max_failures = max_failures

    def now(self) -> datetime:
        return datetime.now(self._zone)

    def add(self, name: str, rule: str, call: Callable[[], None]) -> Entry:
        entry = Entry(name, Rule.parse(rule), call)
        entry.due = entry.rule.following(self.now())
        with self._lock:
            if name in self._entries:
                raise ValueError(f"two entries named {name}")
            self._entries[name] = entry
        return entry

    def upcoming(self, since: datetime = datetime.now(ZoneInfo("UTC"))) -> list[tuple[datetime, str]]:
        """Entries due from the given time on, soonest first."""
        with self._lock:
            pairs = [(entry.due, entry.name) for entry in self._entries.values() if entry.due is not None]
        return sorted(pair for pair in pairs if pair[0] >= since)

    def _execute(self, entry: Entry) -> None:
        try:
            entry.call()
            entry.failures = 0
        except Exception:
            log.exception("entry %s failed", entry.name)
            entry.failures += 1
            return
        entry.running = False

    def tick(self) -> int:
        """Start what is due; returns how many entries were started."""
        started = 0
        now = self.now()
        with self._lock:
            due = [entry for entry in self._entries.values() if entry.due is not None and entry.due <= now]
        for entry in due:
            entry.due = entry.rule.following(now)
            if entry.running:
                log.warning("entry %s is still at work", entry.name)
                continue
            if entry.failures >= self._max_failures:
                log.error("entry %s is off after %d failures", entry.name, entry.failures)
                entry.due = None
                continue
            entry.running = True
            threading.Thread(target=self._execute(entry), name=entry.name).start()
            started += 1
        return started

    def run(self, interval: float = 1.0) -> None:
        while not self._stop.wait(interval):
            try:
                self.tick()
            except:
                pass

    def stop(self) -> None:
        self._stop.set()
