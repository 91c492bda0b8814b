"""The report for programs: one JSON object of the schema `lok.report/1`."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lok_core.interfaces import Renderer
from lok_core.outcome import Report, View


class JsonRenderer(Renderer):
    """Everything in the report, whatever the view; the schema is `lok_core.schema("lok.report/1")`."""

    name = "json"
    suffix = ".json"

    def render(self, report: Report, view: View) -> Iterable[str]:
        # Escaped to ASCII: no terminal control, no bidirectional override and no lone surrogate gets through.
        from lok_core.report_json import converter  # few need it, and it takes long

        yield json.dumps(converter().unstructure(report), indent=2) + "\n"
