"""Which backend suits a request: the rules' votes, added up."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress

from attrs import evolve

from lok_core.errors import PLUGIN_FAULTS
from lok_core.interfaces import Rule
from lok_core.models import BackendInfo, Ranking, Request, Vote


def recommend(request: Request, backends: Sequence[BackendInfo], rules: Iterable[Rule]) -> Ranking:
    """The eligible backends, those with the most votes first, then by name.

    Votes add up, so neither the order of the rules nor that of the backends matters.
    """
    eligible = [info for info in backends if info.eligible]
    names = {info.name for info in eligible}
    votes: list[Vote] = []
    for rule in rules:
        # A rule that raises has no opinion: whom to ask is no reason to ask nobody.
        with suppress(*PLUGIN_FAULTS):
            cast = [
                evolve(vote, weight=float(vote.weight), reason=str(vote.reason))
                for vote in rule.votes(request, eligible)
            ]
            votes += [vote for vote in cast if vote.backend in names and math.isfinite(vote.weight)]
    weights = {name: sum(vote.weight for vote in votes if vote.backend == name) for name in names}
    order = sorted(names, key=lambda name: (-weights[name], name))
    return Ranking(tuple(order), tuple(sorted(votes, key=lambda vote: (vote.backend, vote.reason))))
