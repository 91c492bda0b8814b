"""What `lok suggest` and `lok smart` say of the backends."""

from __future__ import annotations

from collections.abc import Sequence

from lok_core.details.smart import SmartDetail, SuggestDetail, Suggestion, Topic
from lok_core.results.section import Section


def sections(detail: SuggestDetail | SmartDetail) -> Sequence[Section]:
    """What the text is about, who suits it, and why; after an answer no more than why it is of that one."""
    suggestion = detail.suggestion
    about = [told for topic in suggestion.topics if (told := _topic(topic))]
    if not about:
        about = ["no word of a category, so it goes to the best generalist"]
    if isinstance(detail, SmartDetail):
        reasons = [vote.reason for vote in suggestion.votes if vote.backend == suggestion.choice]
        return [Section(f"Why {suggestion.choice}", (*about, *reasons))]
    title = f"About {', '.join(topic.category for topic in suggestion.topics)}"
    return [Section(title, tuple(about)), Section("Who suits it", tuple(_order(suggestion)))]


def _topic(topic: Topic) -> str:
    return f"{topic.category}: {', '.join(topic.words)}" if topic.words else ""


def _order(suggestion: Suggestion) -> list[str]:
    lines = [_ranked(name, place, suggestion) for place, name in enumerate(suggestion.order, 1)]
    if not suggestion.order:
        return ["nobody: none of the backends answers questions"]
    would = f"`lok smart` would ask {suggestion.choice}"
    return [
        *lines,
        would if suggestion.choice else "`lok smart` could ask nobody; `lok doctor` says what is missing",
    ]


def _ranked(name: str, place: int, suggestion: Suggestion) -> str:
    votes = [vote for vote in suggestion.votes if vote.backend == name]
    missing = " [not available]" if name in suggestion.unavailable else ""
    if not votes:
        return f"{place}. {name}{missing}: no votes"
    weight = sum(vote.weight for vote in votes)
    return f"{place}. {name}{missing}: {weight:.3g} ({'; '.join(vote.reason for vote in votes)})"
