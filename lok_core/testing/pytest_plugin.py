"""Fixtures for the tests of plugins; load it with `-p lok_core.testing.pytest_plugin`."""

from __future__ import annotations

import functools
import inspect
import os
import sys
from collections.abc import Callable
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
        with trio.fail_after(LIMIT_S):
            await test(*args, **kwargs)

    return bounded


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
