"""What the reader can choose from: only what occurs in the report, each with its number of findings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from lok_core import CATEGORIES, SEVERITIES
from lok_render_html.article import EVIDENCE
from lok_render_html.entries import Entry
from lok_render_html.markup import Html, line, tag

STATES = ("open", "fails the gate", "lead", "known", "suppressed", "cut off")


def tally(entries: Sequence[Entry]) -> Html:
    """How many findings of each severity; with JavaScript also the filter by severity."""
    counts = Counter(entry.finding.severity for entry in entries)
    return tag(
        "div",
        *(
            _button(
                "severity",
                level,
                tag("span", f"{counts[level]:,}", class_="number"),
                " ",
                tag("span", level, class_=f"severity {level}"),
            )
            for level in SEVERITIES
        ),
        role="group",
        aria_label="Findings by severity",
        class_="tally",
    )


def filters(entries: Sequence[Entry], backends: Sequence[str]) -> Html:
    """The filters by backend, category, evidence and state; shown once the script runs."""
    reporters = Counter(column for entry in entries for column in entry.reporters)
    categories = Counter(entry.finding.category for entry in entries)
    groundings = Counter(entry.finding.grounding for entry in entries)
    states = Counter(state for entry in entries for state in entry.states)
    return tag(
        "details",
        tag("summary", "Filters"),
        _group(
            "Backend",
            "backend",
            ((str(column), name, reporters[column]) for column, name in enumerate(backends)),
        ),
        _group("Category", "category", ((name, name, categories[name]) for name in CATEGORIES)),
        _group(
            "Evidence",
            "evidence",
            ((grounding, words, groundings[grounding]) for grounding, (_, words, _) in EVIDENCE.items()),
        ),
        _group("State", "state", ((name.replace(" ", "-"), name, states[name]) for name in STATES)),
        id="filters",
        class_="filters",
        open=True,
        hidden=True,
    )


def toolbar(entries: Sequence[Entry]) -> Html:
    """The search, and how many findings are shown; stays in sight."""
    return tag(
        "div",
        tag("label", tag("span", "Search findings", class_="spoken"), _search()),
        tag("p", f"{len(entries):,} of {len(entries):,} shown", role="status", id="status"),
        tag("button", "Show more", type="button", id="more", aria_pressed="false", hidden=True),
        tag("button", "Clear filters", type="button", id="clear", hidden=True),
        id="toolbar",
        class_="toolbar",
        hidden=True,
    )


def _search() -> Html:
    return tag("input", type="search", id="search", placeholder="Search findings", autocomplete="off")


def _group(title: str, facet: str, values: Iterable[tuple[str, str, int]]) -> Html:
    buttons = [
        _button(facet, value, line(label), " ", tag("span", f"{count:,}", class_="number"))
        for value, label, count in values
        if count
    ]
    return tag(
        "div",
        tag("span", title, class_="facet"),
        tag("div", *buttons, class_="chips"),
        role="group",
        aria_label=title,
    )


def _button(facet: str, value: str, *label: str) -> Html:
    return tag(
        "button",
        *label,
        type="button",
        data_facet=facet,
        data_value=value,
        aria_pressed="false",
        disabled=True,
    )
