"""The kit for those who write plugins: contracts, scripted backends, fake programs, sample reports.

The contracts are loaded on first use, as they need pytest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lok_core.testing.fake_cli import FakeCli
from lok_core.testing.loading import load_plugin
from lok_core.testing.runs import LokResult, run_lok
from lok_core.testing.sample_reports import HOSTILE_TEXTS, sample_reports
from lok_core.testing.scripted import ScriptedBackend, Step

if TYPE_CHECKING:
    from lok_core.testing.contracts import BackendContract as BackendContract
    from lok_core.testing.contracts import RendererContract as RendererContract
    from lok_core.testing.contracts import RuleContract as RuleContract
    from lok_core.testing.contracts import TaskContract as TaskContract

_CONTRACTS = ("BackendContract", "RendererContract", "RuleContract", "TaskContract")

__all__ = [
    "HOSTILE_TEXTS",
    "BackendContract",
    "FakeCli",
    "LokResult",
    "RendererContract",
    "RuleContract",
    "ScriptedBackend",
    "Step",
    "TaskContract",
    "load_plugin",
    "run_lok",
    "sample_reports",
]


def __getattr__(name: str) -> Any:
    if name not in _CONTRACTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lok_core.testing import contracts

    return getattr(contracts, name)
