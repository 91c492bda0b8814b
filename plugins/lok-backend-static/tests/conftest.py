"""A way to run the backend without lok's engine."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import trio
from lok_backend_static.backend import Static

from lok_core import CATEGORIES, BackendError, Finished, NoConfig, Reply, Request, Run


class ProcessRun(Run):
    """Really starts programs; keeps what they were started with."""

    def __init__(self, folder: Path, env: Mapping[str, str] | None = None) -> None:
        folder.mkdir()
        self.folder = folder
        self.env = dict(os.environ if env is None else env)
        self.argvs: list[list[str]] = []
        self.activities: list[str] = []

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
        self.argvs.append([os.fspath(argument) for argument in argv])
        try:
            done = await trio.run_process(
                self.argvs[-1],
                stdin=stdin,
                cwd=cwd or self.folder,
                env={**self.env, **(env or {})},
                capture_stdout=True,
                capture_stderr=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise BackendError("unavailable", str(error)) from None
        if on_stdout is not None:
            on_stdout(done.stdout)
        return Finished(done.returncode, done.stdout, done.stderr)

    def progress(self, activity: str) -> None:
        self.activities.append(activity)

    def text(self, chunk: str) -> None:
        pass

    def mask(self, text: str) -> str:
        return text


@pytest.fixture
def make_run(tmp_path_factory):
    """Runs, each with a folder of its own: `make_run(env=None)`."""
    root = tmp_path_factory.mktemp("runs")
    numbers = itertools.count()
    return lambda env=None: ProcessRun(root / str(next(numbers)), env)


@pytest.fixture
def backend():
    return Static("static", NoConfig())


@pytest.fixture
def query(backend, make_run):
    """The reply to a request about a directory: `await query(directory, "injection")`."""

    async def query(directory: Path, category: str) -> Reply:
        return await backend.query(Request("look", directory, category=category), make_run())

    return query


@pytest.fixture
def leads(query):
    """All leads in a directory, category after category, as objects of `lok.findings/1`."""

    async def leads(directory: Path) -> list[dict]:
        found = []
        for category in CATEGORIES:
            reply = await query(directory, category)
            found += reply.data["findings"]
        return found

    return leads
