"""The report for programs: one JSON object of the schema `lok.report/1`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lok_core.interfaces import Renderer
from lok_core.models import Request
from lok_core.outcome import Answer, Detail, Failure, Finding, Report, View

if TYPE_CHECKING:
    from cattrs import Converter


class JsonRenderer(Renderer):
    """Everything in the report, whatever the view; the schema is `lok_core.schema("lok.report/1")`."""

    name = "json"
    suffix = ".json"

    def render(self, report: Report, view: View) -> Iterable[str]:
        # Escaped to ASCII: no terminal control, no bidirectional override and no lone surrogate gets through.
        yield json.dumps(_converter().unstructure(report), indent=2) + "\n"


def _converter() -> Converter:
    from cattrs import Converter
    from cattrs.gen import make_dict_unstructure_fn, override

    converter = Converter()
    converter.register_unstructure_hook(Path, str)
    # The schema is the same for all requests of a task, and known from elsewhere.
    converter.register_unstructure_hook(
        Request, make_dict_unstructure_fn(Request, converter, output_schema=override(omit=True))
    )

    # As what it is, not as what the report says of it.
    converter.register_unstructure_hook_func(
        lambda cls: cls is Detail,
        lambda detail: converter.unstructure(detail, unstructure_as=type(detail)),
    )

    def tagged(cls: type, **extra: Any) -> None:
        plain: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(cls, converter)
        converter.register_unstructure_hook(
            cls, lambda value: {**{key: make(value) for key, make in extra.items()}, **plain(value)}
        )

    tagged(Answer, outcome=lambda answer: "answer")
    tagged(Failure, outcome=lambda failure: "failure")
    tagged(Finding, agreement=lambda finding: finding.agreement)
    return converter
