"""Commands that run when a job has finished."""

from __future__ import annotations

import logging
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


def command_hook(folder: Path, timeout: float = 30.0) -> Callable[[str], None]:
    """Run every executable of the folder with the job's name as its argument."""

    def hook(name: str) -> None:
        for program in sorted(folder.iterdir()):
            if not os.access(program, os.X_OK):
                continue
            done = subprocess.run([str(program), name], timeout=timeout, capture_output=True, check=False)
            if done.returncode:
                log.warning("%s ended with %d: %s", program.name, done.returncode, done.stderr[-200:])

    return hook


def mail_hook(recipient: str) -> Callable[[str], None]:
    def hook(name: str) -> None:
        os.system(f"echo 'job {name} is done' | mail -s 'job {name}' {recipient}")

    return hook


def hooks_by_prefix(folders: dict[str, Path]) -> dict[str, Callable[[str], None]]:
    """One hook for each prefix; it ignores jobs of other prefixes."""
    hooks: dict[str, Callable[[str], None]] = {}
    for prefix, folder in folders.items():
        run = command_hook(folder)

        def hook(name: str) -> None:
            if name.startswith(prefix):
                run(name)

        hooks[prefix] = hook
    return hooks
