"""lok: asks the LLM command-line tools you already have and makes one trustworthy answer out of theirs.

This is the whole public interface; plugins import `lok_core` and nothing below it. The names are loaded on
first use, because importing all of them would cost a multiple of the rest of lok's start-up.
"""

from __future__ import annotations

__version__ = "0.1.0"

API_VERSION = (0, 1)
"""The version of these names: a plugin may set `LOK_API` to the lowest one that it works with.

The second number grows with what is added; before 1.0 also where something is removed, after that the first.
"""

TYPE_CHECKING = False  # importing typing for it would double the time of `lok --version`
if TYPE_CHECKING:
    from typing import Any

    from lok_core.command import CommandBackend as CommandBackend
    from lok_core.command import CommandConfig as CommandConfig
    from lok_core.command import Reading as Reading
    from lok_core.command_spec import CommandSpec as CommandSpec
    from lok_core.command_spec import ErrorPattern as ErrorPattern
    from lok_core.command_spec import Pick as Pick
    from lok_core.details.conduct import ConductDetail as ConductDetail
    from lok_core.details.debate import DebateDetail as DebateDetail
    from lok_core.details.plan import PlanDetail as PlanDetail
    from lok_core.details.plan import PlannedRequest as PlannedRequest
    from lok_core.details.smart import SmartDetail as SmartDetail
    from lok_core.details.smart import SuggestDetail as SuggestDetail
    from lok_core.details.spawn import SpawnDetail as SpawnDetail
    from lok_core.details.spawn import SpawnedDetail as SpawnedDetail
    from lok_core.details.team import TeamDetail as TeamDetail
    from lok_core.errors import BackendError as BackendError
    from lok_core.errors import ConfigError as ConfigError
    from lok_core.errors import ExitCode as ExitCode
    from lok_core.errors import LokDeprecationWarning as LokDeprecationWarning
    from lok_core.errors import LokError as LokError
    from lok_core.errors import NoBackendError as NoBackendError
    from lok_core.errors import PluginError as PluginError
    from lok_core.errors import UnknownNameError as UnknownNameError
    from lok_core.errors import UsageError as UsageError
    from lok_core.events import Event as Event
    from lok_core.findings.rank import area_of_path as area_of_path
    from lok_core.hookspecs import hookimpl as hookimpl
    from lok_core.interfaces import Backend as Backend
    from lok_core.interfaces import Job as Job
    from lok_core.interfaces import NoConfig as NoConfig
    from lok_core.interfaces import PromptTask as PromptTask
    from lok_core.interfaces import Renderer as Renderer
    from lok_core.interfaces import Rule as Rule
    from lok_core.interfaces import Run as Run
    from lok_core.interfaces import Task as Task
    from lok_core.known_failures import KnownFailure as KnownFailure
    from lok_core.known_failures import recognised as recognised
    from lok_core.lok import Lok as Lok
    from lok_core.lok import open_lok as open_lok
    from lok_core.lok import run as run
    from lok_core.models import AREAS as AREAS
    from lok_core.models import CATEGORIES as CATEGORIES
    from lok_core.models import FAILURE_KINDS as FAILURE_KINDS
    from lok_core.models import SEVERITIES as SEVERITIES
    from lok_core.models import Access as Access
    from lok_core.models import Area as Area
    from lok_core.models import BackendInfo as BackendInfo
    from lok_core.models import Category as Category
    from lok_core.models import FailureKind as FailureKind
    from lok_core.models import Finished as Finished
    from lok_core.models import Grounding as Grounding
    from lok_core.models import Health as Health
    from lok_core.models import Message as Message
    from lok_core.models import Profile as Profile
    from lok_core.models import Prompt as Prompt
    from lok_core.models import Ranking as Ranking
    from lok_core.models import Reply as Reply
    from lok_core.models import Request as Request
    from lok_core.models import Severity as Severity
    from lok_core.models import Tool as Tool
    from lok_core.models import ToolCall as ToolCall
    from lok_core.models import Turn as Turn
    from lok_core.models import Usage as Usage
    from lok_core.models import Vote as Vote
    from lok_core.outcome import Answer as Answer
    from lok_core.outcome import AskDetail as AskDetail
    from lok_core.outcome import Change as Change
    from lok_core.outcome import Detail as Detail
    from lok_core.outcome import Failure as Failure
    from lok_core.outcome import Finding as Finding
    from lok_core.outcome import Gate as Gate
    from lok_core.outcome import GroundDetail as GroundDetail
    from lok_core.outcome import Leaked as Leaked
    from lok_core.outcome import Location as Location
    from lok_core.outcome import Outcome as Outcome
    from lok_core.outcome import Participant as Participant
    from lok_core.outcome import Report as Report
    from lok_core.outcome import Screening as Screening
    from lok_core.outcome import Source as Source
    from lok_core.outcome import TaskDetail as TaskDetail
    from lok_core.outcome import View as View
    from lok_core.results import is_told as is_told
    from lok_core.results import question as question
    from lok_core.results import sections as sections
    from lok_core.results.section import Section as Section
    from lok_core.sanitize import clean as clean
    from lok_core.sanitize import clean_line as clean_line
    from lok_core.sanitize import mask as mask
    from lok_core.sanitize import mask_value as mask_value
    from lok_core.schemas import schema as schema
    from lok_core.telling import changes as changes
    from lok_core.telling import shown as shown

_MODULES = {
    "command": "CommandBackend CommandConfig Reading",
    "command_spec": "CommandSpec ErrorPattern Pick",
    "known_failures": "KnownFailure recognised",
    "errors": (
        "BackendError ConfigError ExitCode LokDeprecationWarning LokError NoBackendError PluginError "
        "UnknownNameError UsageError"
    ),
    "events": "Event",
    "findings.rank": "area_of_path",
    "hookspecs": "hookimpl",
    "interfaces": "Backend Job NoConfig PromptTask Renderer Rule Run Task",
    "lok": "Lok open_lok run",
    "details.conduct": "ConductDetail",
    "details.debate": "DebateDetail",
    "details.plan": "PlanDetail PlannedRequest",
    "details.smart": "SmartDetail SuggestDetail",
    "details.spawn": "SpawnDetail SpawnedDetail",
    "details.team": "TeamDetail",
    "models": (
        "AREAS CATEGORIES FAILURE_KINDS SEVERITIES Access Area BackendInfo Category FailureKind Finished "
        "Grounding Health Message Profile Prompt Ranking Reply Request Severity Tool ToolCall Turn Usage Vote"
    ),
    "outcome": (
        "Answer AskDetail Change Detail Failure Finding Gate GroundDetail Leaked Location Outcome "
        "Participant Report Screening Source TaskDetail View"
    ),
    "results": "is_told question sections",
    "results.section": "Section",
    "sanitize": "clean clean_line mask mask_value",
    "schemas": "schema",
    "telling": "changes shown",
}
_DEPRECATED: dict[str, tuple[str, str]] = {
    # old name: (new name, the release of lok-core that removes the old one)
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = ["API_VERSION", "__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> Any:
    if name in _DEPRECATED:
        return _renamed(name, *_DEPRECATED[name])
    if name not in _HOMES:
        raise AttributeError(f"module 'lok_core' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"lok_core.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def _renamed(old: str, new: str, removed_in: str) -> Any:
    import sys
    import warnings

    from lok_core.errors import LokDeprecationWarning

    told = f"lok_core.{old} is now lok_core.{new}; lok-core {removed_in} removes the old name"
    warnings.warn(told, LokDeprecationWarning, stacklevel=3)
    return getattr(sys.modules[__name__], new)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
