"""lok as a user starts it: a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen


@frozen
class LokResult:
    """How it ended and what it printed."""

    code: int
    stdout: str
    stderr: str

    @property
    def report(self) -> dict[str, Any]:
        """Standard output read as JSON."""
        loaded: dict[str, Any] = json.loads(self.stdout)
        return loaded


def run_lok(
    args: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: str = "",
    python: str | Path = sys.executable,
) -> LokResult:
    """Runs `python -m lok_core ARGS` to its end; one that takes a minute is a failure.

    Args:
        env: the whole environment; give it a HOME of its own.
        python: an interpreter with the plugins to be tried.
    """
    done = subprocess.run(
        [python, "-m", "lok_core", *args],
        input=stdin.encode(),
        capture_output=True,
        env=dict(env),
        cwd=cwd,
        timeout=60,
        check=False,
    )
    return LokResult(
        done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    )
