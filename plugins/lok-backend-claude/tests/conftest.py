"""A way to run the backend without lok's engine."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import trio

from lok_core import Finished, Run


class ProcessRun(Run):
    """Really starts programs; keeps what the backend tells."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.env = dict(os.environ)
        self.activities: list[str] = []
        self.said = ""

    async def command(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: bytes = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        on_stdout: Callable[[bytes], None] | None = None,
        cap_bytes: int | None = None,
    ) -> Finished:
        done = await trio.run_process(
            [os.fspath(word) for word in argv],
            stdin=stdin,
            cwd=cwd or self.folder,
            env={**self.env, **(env or {})},
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        if on_stdout is not None:
            on_stdout(done.stdout)
        return Finished(done.returncode, done.stdout, done.stderr)

    def progress(self, activity: str) -> None:
        self.activities.append(activity)

    def text(self, chunk: str) -> None:
        self.said += chunk

    def mask(self, text: str) -> str:
        return text


@pytest.fixture
def run(tmp_path):
    return ProcessRun(tmp_path / "run")
