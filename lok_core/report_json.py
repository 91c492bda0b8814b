"""Reports and outcomes as JSON values of the schema `lok.report/1`, and back."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from cattrs import Converter
from cattrs.errors import BaseValidationError
from cattrs.gen import make_dict_unstructure_fn, override

from lok_core.models import Request
from lok_core.outcome import Answer, Detail, Failure, Finding

T = TypeVar("T")

_DETAILS = {
    # mode: (module below lok_core, class)
    "ask": ("outcome", "AskDetail"),
    "task": ("outcome", "TaskDetail"),
    "ground": ("outcome", "GroundDetail"),
    "suggest": ("details.smart", "SuggestDetail"),
    "smart": ("details.smart", "SmartDetail"),
    "team": ("details.team", "TeamDetail"),
    "debate": ("details.debate", "DebateDetail"),
    "spawn": ("details.spawn", "SpawnDetail"),
    "spawned": ("details.spawn", "SpawnedDetail"),
    "conduct": ("details.conduct", "ConductDetail"),
    "plan": ("details.plan", "PlanDetail"),
}


@cache
def converter() -> Converter:
    """Makes JSON values of lok's values and the other way round; what it makes of a report is what the schema
    says, and properties that it does not know are left out."""
    made = Converter()
    made.register_unstructure_hook(Path, str)
    made.register_structure_hook(Path, lambda value, _: Path(value))
    # The schema is the same for all requests of a task, and known from elsewhere.
    made.register_unstructure_hook(
        Request, make_dict_unstructure_fn(Request, made, output_schema=override(omit=True))
    )

    # As what it is, not as what the report says of it.
    made.register_unstructure_hook_func(
        lambda cls: cls is Detail,
        lambda detail: made.unstructure(detail, unstructure_as=type(detail)),
    )
    made.register_structure_hook_func(
        lambda cls: cls is Detail,
        lambda value, _: made.structure(value, _detail(value["mode"])),
    )
    made.register_structure_hook(
        Answer | Failure,
        lambda value, _: made.structure(value, Answer if value["outcome"] == "answer" else Failure),
    )

    def tagged(cls: type, **extra: Any) -> None:
        plain: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(cls, made)
        made.register_unstructure_hook(
            cls, lambda value: {**{key: make(value) for key, make in extra.items()}, **plain(value)}
        )

    tagged(Answer, outcome=lambda answer: "answer")
    tagged(Failure, outcome=lambda failure: "failure")
    tagged(Finding, agreement=lambda finding: finding.agreement)
    return made


def read(value: object, cls: type[T]) -> T:
    """The value of lok's that a JSON value stands for.

    Raises:
        ValueError: it stands for none.
    """
    try:
        return converter().structure(value, cls)
    except (BaseValidationError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"this is no {cls.__name__}: {error}") from error


def _detail(mode: str) -> type[Detail]:
    module, name = _DETAILS[mode]
    found: type[Detail] = getattr(import_module(f"lok_core.{module}"), name)
    return found
