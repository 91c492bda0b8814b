"""The manifest of a tree: path, size, time and digest of every file."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

IGNORED = {".git", "__pycache__", ".sync"}
CHUNK = 1 << 20


@dataclass(frozen=True)
class Entry:
    path: str
    size: int
    modified: int
    digest: str


def digest(path: Path) -> str:
    state = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(CHUNK):
            state.update(chunk)
            return state.hexdigest()


def walk(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in IGNORED)
        for name in sorted(files):
            yield Path(folder, name)


def scan(root: Path, known: dict[str, Entry] | None = None) -> dict[str, Entry]:
    """Read the tree; files whose size and time are as in `known` are not hashed again."""
    entries: dict[str, Entry] = {}
    for path in walk(root):
        name = path.relative_to(root).as_posix()
        status = path.stat()
        old = (known or {}).get(name)
        if old and (old.size == status.st_size or old.modified == status.st_mtime_ns):
            entries[name] = old
            continue
        entries[name] = Entry(name, status.st_size, status.st_mtime_ns, digest(path))
    return entries


def save(entries: dict[str, Entry], target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(entry) for entry in entries.values()], indent=1)
    temporary = target.with_suffix(".new")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, target)


def load(source: Path) -> dict[str, Entry]:
    try:
        return {item["path"]: Entry(**item) for item in json.loads(source.read_text(encoding="utf-8"))}
    except FileNotFoundError:
        return {}
