"""lok's categories as SARIF rules: all of them in every log, so that a rule keeps its index.

`security-severity`, `precision`, `problem.severity` and `tags` are what GitHub reads. A rule has one
`security-severity`, a finding has its own severity, which is its result's level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from lok_core import CATEGORIES, Category


@frozen
class About:
    """What a category is about: in a few words, in a sentence, and what helps.

    `weakness`: how severe it is from 0.1 to 10, as CVSS counts; None for what is not about security.
    """

    short: str
    full: str
    help: str
    weakness: float | None = None


_ABOUT: Mapping[Category, About] = {
    "errors": About(
        "Faulty error handling or logic",
        "The code fails, or gives a wrong result, in a case that can occur.",
        "Reproduce the case with a test, then handle it where it arises.",
    ),
    "performance": About(
        "Avoidable work",
        "The code does work that it could avoid, such as a query for each row of a result.",
        "Measure first. Fetch in batches, move work out of loops, or keep what was computed.",
    ),
    "dead-code": About(
        "Code without use",
        "The code is never reached, or nothing uses it.",
        "Remove it after a search for uses by name, such as in templates and configuration.",
    ),
    "injection": About(
        "Injection",
        "Input from outside becomes part of a command, a query, a path or markup.",
        "Pass values apart from the command (parameters, argument lists), or escape them for that language.",
        8.8,
    ),
    "auth": About(
        "Missing or wrong access control",
        "Somebody may see or do what should be forbidden to them, or can pass as somebody else.",
        "Check identity and permission on the server for each request, and refuse by default.",
        8.1,
    ),
    "secrets": About(
        "Exposed secret",
        "A password, key or token is in the code, in a log, or readable by others.",
        "Revoke it first: it must count as known. Then read it from the environment or a secret store.",
        7.5,
    ),
    "security": About(
        "Security weakness",
        "A weakness of another kind, such as weak cryptography, unchecked certificates or deserialisation.",
        "Use the safe variant that the platform offers, and reject input that does not fit.",
        7.0,
    ),
    "patterns": About(
        "Inconsistent code",
        "The same thing is done in different ways, repeated, or done against the conventions of the code.",
        "Choose one way, and put what is repeated into one place.",
    ),
    "architecture": About(
        "Structural problem",
        "Parts depend on each other in a way that makes changes hard or risky.",
        "Decide which part owns the knowledge, and let dependencies point one way.",
    ),
    "general": About(
        "Problem",
        "A problem that fits no other category.",
        "Read the reported code and judge for yourself.",
    ),
}

INDEX: Mapping[str, int] = {category: place for place, category in enumerate(CATEGORIES)}
"""The place of each rule in `rules()`."""


def rules() -> list[dict[str, Any]]:
    """The reporting descriptors, in the order of `CATEGORIES`."""
    return [_rule(category, _ABOUT[category]) for category in CATEGORIES]


def _rule(category: Category, about: About) -> dict[str, Any]:
    advice = f"{about.full} {about.help} Reported by language models and analysers: check the evidence first."
    properties: dict[str, Any] = {"precision": "medium"}
    if about.weakness is None:
        properties |= {"problem.severity": "warning", "tags": [category]}
    else:
        tags = ["security", *([category] if category != "security" else [])]
        properties |= {"security-severity": str(about.weakness), "tags": tags}
    return {
        "id": category,
        "name": "".join(word.capitalize() for word in category.split("-")) + "Finding",
        "shortDescription": {"text": f"{about.short}."},
        "fullDescription": {"text": about.full},
        "help": {"text": advice, "markdown": advice},
        "defaultConfiguration": {"level": "warning"},
        "properties": properties,
    }
