"""The kit for those who write plugins: scripted backends, fake programs, lok as a process, sample reports."""

from lok_core.testing.fake_cli import FakeCli
from lok_core.testing.runs import LokResult, run_lok
from lok_core.testing.sample_reports import HOSTILE_TEXTS, sample_reports
from lok_core.testing.scripted import ScriptedBackend, Step

__all__ = ["HOSTILE_TEXTS", "FakeCli", "LokResult", "ScriptedBackend", "Step", "run_lok", "sample_reports"]
