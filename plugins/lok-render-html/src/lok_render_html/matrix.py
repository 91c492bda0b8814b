"""Who saw what at a glance: one row a finding, one column a backend."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lok_render_html.article import EVIDENCE, path_and_line, severity
from lok_render_html.entries import Entry
from lok_render_html.markup import Html, line, prose, tag
from lok_render_html.panel import SIGNS

LENGTH_SHOWN = 140
"""Characters of a title or a path in a row; all of them stand at the finding itself."""


def columns(backends: Sequence[str]) -> str:
    """The style that tells how many columns the table has; the policy of the page allows none in place."""
    return f":root {{ --backends: {max(1, len(backends))}; }}\n"


def matrix(entries: Sequence[Entry], backends: Sequence[str]) -> Html:
    """The table, and what its marks mean."""
    heads = [
        _cell(tag("span", "Number", class_="spoken"), role="columnheader", class_="count"),
        _cell("Severity", role="columnheader", class_="how-bad"),
        _cell("Finding", role="columnheader"),
        *(
            _cell(tag("bdi", line(name[:LENGTH_SHOWN])), role="columnheader", class_="who")
            for name in backends
        ),
        _cell("Agree", role="columnheader", class_="who"),
    ]
    used = {mark for entry in entries for mark in entry.marks}
    legend = [
        tag("li", tag("span", sign or "(blank)", class_=f"mark {mark}", aria_hidden="true"), f" {words}")
        for mark, (sign, words) in SIGNS.items()
        if mark in used
    ]
    # The rows are laid out as grids: a browser takes seconds for a real table of some thousand rows and a
    # tenth of that for these, of which it leaves out what is not in sight. The roles keep it a table to all
    # who do not look at it.
    table = tag(
        "table",
        tag("thead", tag("tr", *heads, role="row"), role="rowgroup"),
        tag("tbody", *map(_row, entries), role="rowgroup"),
        role="table",
        aria_labelledby="who",
    )
    return tag(
        "section",
        tag("h2", "Who saw what", id="who"),
        tag("ul", *legend, class_="legend"),
        tag("div", table, id="matrix", tabindex=0, role="region", aria_labelledby="who"),
    )


def _row(entry: Entry) -> Html:
    finding = entry.finding
    marks = [
        _cell(tag("span", sign, class_=f"mark {mark}", role="img", aria_label=words), class_="who")
        for mark in entry.marks
        for sign, words in [SIGNS[mark]]
    ]
    return tag(
        "tr",
        _cell(str(entry.number), class_="count"),
        _cell(severity(finding.severity), class_="how-bad"),
        _cell(
            tag("a", prose(_short(entry.title)), href=f"#f{entry.number}", dir="auto"),
            tag("div", *_remarks(entry)),
            role="rowheader",
        ),
        *marks,
        _cell(f"{len(entry.reporters)} of {entry.asked}", class_="who"),
        role="row",
    )


def _cell(*children: str, role: str = "cell", class_: str | None = None) -> Html:
    return tag("td" if role == "cell" else "th", *children, role=role, class_=class_)


def _remarks(entry: Entry) -> Iterator[Html]:
    """Where it is, and what else tells whether to look at it at all."""
    finding = entry.finding
    # Shown where the page is too narrow for the column.
    yield tag("span", severity(finding.severity), class_="narrow")
    yield tag("span", line(_short(path_and_line(finding.locations))), class_="path")
    found, words, _ = EVIDENCE[finding.grounding]
    if found == "no":
        yield tag("span", tag("span", "✗ ", aria_hidden="true"), words, class_="evidence no")
    for state in entry.states:
        if state not in ("open", "lead", "cut off"):  # the marks tell the other two
            yield tag("span", state)


def _short(text: str) -> str:
    return text if len(text) <= LENGTH_SHOWN else text[:LENGTH_SHOWN] + "…"
