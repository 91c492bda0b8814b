"""What `lok conduct` came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lok_core.details.conduct import Call, ConductDetail
from lok_core.results.section import Section

_MAX_NAME = 80
"""Characters; a conductor may give anything as a name."""
_HOW = {"tools": "by calling tools", "text": "by JSON in plain text"}
_BOUNDS = {
    "rounds": "it had no more rounds",
    "tokens": "it had no more tokens",
    "repetition": "it asked nothing new",
}


def sections(detail: ConductDetail) -> Sequence[Section]:
    """The answer, and who conducted and what was asked."""
    lines = [f"{detail.conductor} conducted {_HOW[detail.how]}"]
    for number, one in enumerate(detail.rounds, 1):
        lines.append(f"round {number}: {_calls(one.calls)}")
    if detail.bounded_by:
        lines.append(f"the final answer was asked for, as {_BOUNDS[detail.bounded_by]}")
    if not detail.rounds:
        lines.append("it asked nobody")
    answer = [Section("Answer", text=detail.answer)] if detail.answer else []
    return [*answer, Section("Conducted", tuple(lines))]


def _calls(calls: Sequence[Call]) -> str:
    told = Counter(map(_call, calls))
    return ", ".join(one if count == 1 else f"{one} ({count} times)" for one, count in told.items())


def _call(call: Call) -> str:
    name = " ".join(call.backend.split())[:_MAX_NAME] or "nobody"
    return f"{name} answered" if call.ok else f"{name} did not ({' '.join(call.why.split())})"
