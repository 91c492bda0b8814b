"""lok's own plugin, found like any other: `use = "command"`, the renderers `text`, `json`, `markdown`
and `github`, the rule by strengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core.hookspecs import hookimpl
from lok_core.interfaces import Backend, Renderer, Rule
from lok_core.models import BackendInfo, Request, Vote
from lok_core.outcome import Report, View


class StrengthsRule(Rule):
    """Votes for the backends that name the request's category among their strengths."""

    name = "strengths"

    def votes(self, request: Request, backends: Sequence[BackendInfo]) -> Iterable[Vote]:
        for info in backends:
            if request.category in info.profile.strengths:
                place = info.profile.strengths.index(request.category)
                yield Vote(info.name, 1.0 / (1 + place), f"{request.category} is strength {place + 1}")


class MarkdownRenderer(Renderer):
    """For a comment on a pull request."""

    name = "markdown"
    suffix = ".md"

    def render(self, report: Report, view: View) -> Iterable[str]:
        from lok_core.render_markdown import render  # every command loads this plugin

        return render(report, view)


class GithubRenderer(Renderer):
    """Annotations in GitHub's workflow log."""

    name = "github"
    suffix = ".txt"

    def render(self, report: Report, view: View) -> Iterable[str]:
        from lok_core.render_github import render  # every command loads this plugin

        return render(report, view)


@hookimpl
def lok_register_backends() -> Sequence[type[Backend]]:
    from lok_core.command_table import TableBackend

    return [TableBackend]


@hookimpl
def lok_register_renderers() -> Sequence[type[Renderer]]:
    from lok_core.render_json import JsonRenderer
    from lok_core.render_text import TextRenderer

    return [TextRenderer, JsonRenderer, MarkdownRenderer, GithubRenderer]


@hookimpl
def lok_register_rules() -> Sequence[type[Rule]]:
    return [StrengthsRule]
