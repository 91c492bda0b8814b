"""What `--plan` tells."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence

from lok_core.details.plan import PlanDetail, PlannedRequest
from lok_core.results.section import Section


def sections(detail: PlanDetail) -> Sequence[Section]:
    """How much would be asked of whom, every request, and what nobody can tell yet."""
    told = [Section("Plan", tuple(_summary(detail)))]
    told += [_request(number, one) for number, one in enumerate(detail.requests, 1)]
    return [*told, Section("Not known before there are answers", detail.later)] if detail.later else told


def _summary(detail: PlanDetail) -> list[str]:
    counts = Counter(one.backend for one in detail.sendable)
    whom = ", ".join(f"{count} to {name}" for name, count in sorted(counts.items()))
    lines = [f"{_number(len(detail.sendable), 'request')} would be sent{f': {whom}' if whom else ''}"]
    if stopped := len(detail.requests) - len(detail.sendable):
        lines.append(f"{_number(stopped, 'request')} would fail before that")
    return [*lines, "nothing was sent"]


def _request(number: int, one: PlannedRequest) -> Section:
    request = one.request
    facts = [
        f"model: {one.model}" if one.model else "",
        f"access: {request.access}",
        f"prompt: {_number(one.characters, 'character')}, {_number(one.bytes, 'byte')}",
    ]
    lines = [", ".join(filter(None, facts)), f"directory: {request.directory}"]
    if one.problem is not None:
        hint = f" ({one.hint})" if one.hint else ""
        lines.append(f"would fail: {one.problem}: {one.message}{hint}")
    elif not one.argv:
        lines.append("no command line: it starts no program, or does not say beforehand how")
    label = f" [{request.label}]" if request.label else ""
    return Section(f"{number}. {one.backend}{label}", tuple(lines), code=shlex.join(one.argv))


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
