"""A cache in a folder that several processes share."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class DiskCache:
    def __init__(self, folder: Path, lifetime: float) -> None:
        self._folder = folder
        self._lifetime = lifetime
        folder.mkdir(parents=True, exist_ok=True)
        os.chmod(folder, 0o777)

    def _path(self, key: str) -> Path:
        return self._folder / hashlib.sha256(key.encode()).hexdigest()

    def get(self, key: str) -> Any | None:
        path = self._path(key)
        try:
            age = time.time() - path.stat().st_mtime
            if age > self._lifetime:
                return None
            return pickle.loads(path.read_bytes())
        except FileNotFoundError:
            return None

    def put(self, key: str, value: Any) -> None:
        """Readers see the old value or the new one, never a part."""
        handle, name = tempfile.mkstemp(dir=self._folder)
        try:
            with os.fdopen(handle, "wb") as stream:
                pickle.dump(value, stream)
            os.replace(name, self._path(key))
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise

    def prune(self) -> int:
        """Remove what is too old; returns how many files went."""
        removed = 0
        for path in self._folder.iterdir():
            age = time.time() - path.stat().st_mtime
            if age > self._lifetime:
                path.unlink(missing_ok=True)
                removed += 1
        return removed

    def statistics(self) -> dict[str, float]:
        sizes = [path.stat().st_size for path in self._folder.iterdir()]
        return {"files": len(sizes), "bytes": sum(sizes), "largest": max(sizes, default=0)}


class Manifest:
    """Which keys belong to which tag, kept beside the cache."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, list[str]]:
        try:
            return json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}

    def add(self, tag: str, key: str) -> None:
        content = self.load()
        keys = content.setdefault(tag, [])
        if key not in keys:
            keys.append(key)
        self._path.write_text(json.dumps(content), encoding="utf-8")

    def keys(self, tags: list[str]) -> Iterator[str]:
        for tag in tags:
            yield from self.load().get(tag, [])


def fingerprint(*parts: str) -> str:
    """A key for several parts: different parts give different keys."""
    return hashlib.sha256("".join(parts).encode()).hexdigest()
