"""lok's own plugin, found like any other: `use = "command"`, the renderers `text` and `json`, the rule by
strengths."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lok_core.hookspecs import hookimpl
from lok_core.interfaces import Backend, Renderer, Rule
from lok_core.models import BackendInfo, Request, Vote


class StrengthsRule(Rule):
    """Votes for the backends that name the request's category among their strengths."""

    name = "strengths"

    def votes(self, request: Request, backends: Sequence[BackendInfo]) -> Iterable[Vote]:
        for info in backends:
            if request.category in info.profile.strengths:
                place = info.profile.strengths.index(request.category)
                yield Vote(info.name, 1.0 / (1 + place), f"{request.category} is strength {place + 1}")


@hookimpl
def lok_register_backends() -> Sequence[type[Backend]]:
    from lok_core.command_table import TableBackend

    return [TableBackend]


@hookimpl
def lok_register_renderers() -> Sequence[type[Renderer]]:
    from lok_core.render_json import JsonRenderer
    from lok_core.render_text import TextRenderer

    return [TextRenderer, JsonRenderer]


@hookimpl
def lok_register_rules() -> Sequence[type[Rule]]:
    return [StrengthsRule]
