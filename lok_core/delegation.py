"""Which backend suits a request: the rules' votes, added up; and what a prompt is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from attrs import evolve

from lok_core.errors import PLUGIN_FAULTS
from lok_core.interfaces import Rule
from lok_core.models import BackendInfo, Category, Ranking, Request, Vote

_WORD = re.compile(r"n\+1|[a-z]+")
_STEMS: Mapping[Category, tuple[str, ...]] = {
    # How the words begin that speak of it; a space ends one. Of equals the first counts.
    "injection": ("inject", "sql", "xss", "shell", "traversal", "ssti", "unescaped"),
    "auth": (
        "auth ",
        "authent",
        "authori",
        "authz",
        "login",
        "permission",
        "session",
        "csrf",
        "jwt",
        "privilege",
    ),
    "secrets": ("secret", "credential", "password", "token", "apikey"),
    "dead-code": ("dead", "unused", "unreachable", "obsolete"),
    "performance": ("n+1", "perf", "slow", "quadratic", "latency", "loop", "cache", "memory"),
    "architecture": ("architect", "layer", "coupl", "modul", "dependenc", "structure"),
    "patterns": ("pattern", "idiom", "convention", "consisten", "naming", "style", "duplicat"),
    "security": ("secur", "vulnerab", "crypt", "tls", "ssrf", "deserial", "exploit", "attack"),
    "errors": ("error", "bug", "exception", "crash", "fail", "wrong", "race", "leak"),
}


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
            cast = [evolve(vote, weight=float(vote.weight)) for vote in rule.votes(request, eligible)]
            votes += [vote for vote in cast if vote.backend in names]
    weights = {name: sum(vote.weight for vote in votes if vote.backend == name) for name in names}
    order = sorted(names, key=lambda name: (-weights[name], name))
    return Ranking(tuple(order), tuple(sorted(votes, key=lambda vote: (vote.backend, vote.reason))))


def category_of(name: str, text: str) -> Category:
    """What a prompt is about that does not say so: by its name, else by the words of its text."""
    for words in (name, text):
        found = _WORD.findall(words.lower())
        hits = {
            category: sum(f"{word} ".startswith(stems) for word in found)
            for category, stems in _STEMS.items()
        }
        best = max(hits, key=lambda category: hits[category])  # of equals the first
        if hits[best]:
            return best
    return "general"
