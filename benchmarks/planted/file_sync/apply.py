"""Bring a target tree to the state of a source tree."""

from __future__ import annotations

import logging
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from .manifest import Entry

log = logging.getLogger(__name__)


@dataclass
class Plan:
    copy: list[str] = field(default_factory=list)
    delete: list[str] = field(default_factory=list)


def plan(source: dict[str, Entry], target: dict[str, Entry], delete: bool) -> Plan:
    """What has to happen so that the target equals the source."""
    result = Plan()
    for name, entry in source.items():
        other = target.get(name)
        if other is None or other.digest != entry.digest:
            result.copy.append(name)
    if delete:
        result.delete = [name for name in source if name not in target]
    return result


def apply(steps: Plan, source: Path, target: Path) -> int:
    """Carry the plan out; returns the number of files that could not be copied."""
    failed = 0
    for name in steps.copy:
        destination = target / name
        destination.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(source / name, destination)
        except OSError as error:
            log.error("%s: %s", name, error)
            failed += 1
    for name in steps.delete:
        (target / name).unlink(missing_ok=True)
    return failed


def receive(upload: Path, name: str, inbox: Path) -> Path:
    """Move an uploaded file to the name its sender gave."""
    destination = inbox / name
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(upload, destination)
    return destination


def unpack(archive: Path, target: Path) -> list[str]:
    """Unpack a bundle that another machine sent."""
    with tarfile.open(archive) as bundle:
        names = bundle.getnames()
        bundle.extractall(target)
    return names


def mirror(source: Path, remote: str, exclude: list[str]) -> bool:
    """Push the tree to another machine with rsync."""
    options = " ".join(f"--exclude={pattern}" for pattern in exclude)
    command = f"rsync -az {options} {source}/ {remote}"
    return subprocess.run(command, shell=True, check=False).returncode == 0
