"""Fixtures for the tests of plugins; load it with `-p lok_core.testing.pytest_plugin`."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from lok_core.testing.fake_cli import FakeCli

LIMIT_S = 30.0
"""For one asynchronous test. A signal-based timeout would leave trio's loop broken for all tests after it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bounds every asynchronous test."""
    for item in items:
        test = getattr(item, "obj", None)
        if inspect.iscoroutinefunction(test):
            item.obj = _bounded(test)  # type: ignore[attr-defined]


def _bounded(test: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(test)
    async def bounded(*args: Any, **kwargs: Any) -> None:
        with _fail_after_real(LIMIT_S):
            await test(*args, **kwargs)

    return bounded


@contextmanager
def _fail_after_real(seconds: float) -> Iterator[None]:
    """Bounds what is inside by the real clock: one that jumps would jump to the end while a thread works."""
    token = trio.lowlevel.current_trio_token()
    with trio.CancelScope() as scope:
        timer = threading.Timer(seconds, lambda: token.run_sync_soon(scope.cancel))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
    if scope.cancelled_caught:
        raise trio.TooSlowError


@pytest.fixture
def fake_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeCli]:
    """Makes a fake program and puts it first on PATH: `fake_cli("codex", stdout="...")`."""
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return functools.partial(FakeCli.make, folder)


@pytest.fixture
def lok_env(tmp_path: Path) -> dict[str, str]:
    """An environment for `run_lok`: an empty HOME, no credentials, none of the user's own CLIs on PATH."""
    home = tmp_path / "home"
    home.mkdir()
    return {"HOME": str(home), "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "LANG": "C.UTF-8"}
