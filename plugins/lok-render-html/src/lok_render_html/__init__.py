"""Reports of lok as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core import Renderer, Report, View, hookimpl

__version__ = "0.1.0"


class HtmlRenderer(Renderer):
    """Every finding is on the page. Leads beyond the first of each prompt, and what is known or suppressed,
    are folded behind a button; not with `--all`, and not without JavaScript."""

    name = "html"
    suffix = ".html"

    def render(self, report: Report, view: View) -> Iterable[str]:
        from lok_render_html.page import render  # every command loads every plugin

        return render(report, view)


@hookimpl
def lok_register_renderers() -> Sequence[type[Renderer]]:
    return [HtmlRenderer]
