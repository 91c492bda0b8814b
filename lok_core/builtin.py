"""lok's own plugin, found like any other: `use = "command"`, the renderers `text`, `json`, `markdown`
and `github`, the rule by strengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core.hookspecs import hookimpl
from lok_core.interfaces import Backend, Renderer, Rule
from lok_core.models import BackendInfo, Request, Vote
from lok_core.outcome import Report, View

_KINDS_OF_SECURITY = ("injection", "auth", "secrets")


class StrengthsRule(Rule):
    """Votes for the backends that have what the request is about among their strengths.

    Each category votes as much as the request's words say of it; a backend's later strengths count a little
    less than its first ones.
    """

    name = "strengths"

    def votes(self, request: Request, backends: Sequence[BackendInfo]) -> Iterable[Vote]:
        from lok_core.topics import topics_of  # every command loads this plugin

        for topic in topics_of(request):
            for info in backends:
                strengths = info.profile.strengths
                if topic.category in strengths:
                    place = strengths.index(topic.category)
                    weight = round(topic.weight * (1 - 0.05 * place), 3)
                    yield Vote(info.name, weight, f"{topic.category} is strength {place + 1}")
                elif topic.category in _KINDS_OF_SECURITY and "security" in strengths:
                    place = strengths.index("security")
                    weight = round(topic.weight * (0.75 - 0.05 * place), 3)
                    yield Vote(
                        info.name, weight, f"{topic.category} is a kind of security, strength {place + 1}"
                    )


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
