"""Reports of lok as SARIF 2.1.0, for code scanning services and editors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core import Renderer, Report, View, hookimpl

__version__ = "0.1.0"


class SarifRenderer(Renderer):
    """Every finding, whatever the view: as a result, or as a notification if it has no place."""

    name = "sarif"
    suffix = ".sarif"

    def render(self, report: Report, view: View) -> Iterable[str]:
        from lok_render_sarif.renderer import render  # every command loads every plugin

        return render(report, view)


@hookimpl
def lok_register_renderers() -> Sequence[type[Renderer]]:
    return [SarifRenderer]
