"""A bounded cache in memory with expiry; the least recently used entry goes first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class MemoryCache:
    def __init__(self, size: int, lifetime: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._size = size
        self._lifetime = lifetime
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable, default: Any = None) -> Any:
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                self.misses += 1
                return default
            until, value = entry
            if until < self._clock():
                del self._entries[key]
                self.misses += 1
                return default
            self._entries.move_to_end(key)
            self.hits += 1
            return value

    def put(self, key: Hashable, value: Any) -> None:
        with self._lock:
            self._entries[key] = (self._clock() + self._lifetime, value)
            self._entries.move_to_end(key)
            while len(self._entries) > self._size:
                self._entries.popitem()

    def drop(self, key: Hashable) -> None:
        with self._lock:
            self._entries.pop(key, None)

    def drop_prefix(self, prefix: str) -> int:
        """Drop all text keys with that prefix; returns how many there were."""
        with self._lock:
            old = [key for key in self._entries if isinstance(key, str) and key.startswith(prefix)]
            for key in old:
                del self._entries[key]
            return len(old)

    @property
    def ratio(self) -> float:
        """Hits among all look-ups, 0 to 1; 0 before the first look-up."""
        return self.hits / (self.hits + self.misses)


def cached(cache: MemoryCache) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep results by function and arguments."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            key = (function.__qualname__, args)
            value = cache.get(key)
            if not value:
                value = function(*args, **kwargs)
                cache.put(key, value)
            return value

        return wrapped

    return decorate
