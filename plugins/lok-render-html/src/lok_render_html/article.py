"""One finding: its place, whether its evidence exists, what it is, and everybody's own words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

from lok_core import Finding, Grounding, Location, Severity, Source, clean
from lok_render_html.entries import Entry
from lok_render_html.markup import Html, line, number, paragraphs, prose, tag, together

Found: TypeAlias = Literal["yes", "no", "unsure"]

EVIDENCE: dict[Grounding, tuple[Found, str, str]] = {
    "exact": ("yes", "as reported", "evidence found at this line"),
    "moved": ("yes", "moved", "evidence found, at another line than reported"),
    "elsewhere": ("yes", "in another file", "evidence found, in another file than reported"),
    "ambiguous": ("unsure", "at several lines", "evidence found at several lines"),
    "quote-missing": ("no", "quote not found", "evidence not found: no line of the file reads like this"),
    "line-out-of-range": ("no", "no such line", "evidence not found: the file has no such line"),
    "file-missing": ("no", "no such file", "evidence not found: there is no such file"),
    "unlocated": ("unsure", "no place given", "no place was given"),
    "unchecked": ("unsure", "not checked", "evidence not checked"),
}
"""Whether the evidence is there, in a word for the filter, and in words for the reader."""

_SIGNS: dict[Found, str] = {"yes": "✓", "no": "✗", "unsure": "?"}


def article(entry: Entry, baseline: str) -> Html:
    """The finding in full; the attributes named `data-` are what the filters go by."""
    finding = entry.finding
    facts = tag(
        "ul",
        tag("li", severity(finding.severity)),
        tag("li", finding.category),
        tag("li", f"{len(entry.reporters)} of {number(entry.asked, 'backend')}"),
        *([tag("li", finding.area)] if finding.area != "source" else []),
        *(tag("li", state, class_="state") for state in entry.states if state != "open"),
        class_="facts",
    )
    heading = tag(
        "h3",
        tag("a", str(entry.number), href=f"#f{entry.number}", class_="count"),
        " ",
        tag("span", prose(entry.title), dir="auto"),
        id=f"t{entry.number}",
    )
    return tag(
        "article",
        facts,
        tag("div", heading, *_body(entry, baseline), class_="body"),
        id=f"f{entry.number}",
        tabindex=-1,
        aria_labelledby=f"t{entry.number}",
        data_severity=finding.severity,
        data_category=finding.category,
        data_evidence=finding.grounding,
        data_backend=" ".join(map(str, entry.reporters)),
        data_state=" ".join(state.replace(" ", "-") for state in entry.states),
        data_folded=entry.folded or None,
    )


def severity(level: Severity) -> Html:
    """The word, in its colour."""
    return tag("span", level, class_=f"severity {level}")


def path_and_line(locations: Sequence[Location]) -> str:
    """`path:line-end` of the first, as far as it is known."""
    if not locations:
        return "no place given"
    place = locations[0]
    path = place.path or "(no path)"
    if place.line is None or place.line < 1:
        return path
    ends = place.end_line is not None and place.end_line > place.line
    return f"{path}:{place.line}" + (f"-{place.end_line}" if ends else "")


def _body(entry: Entry, baseline: str) -> Iterator[Html]:
    finding = entry.finding
    yield _place(finding)
    if finding.quote.strip():
        yield _code(finding)
    if finding.explanation.strip():
        yield tag("div", paragraphs(finding.explanation), class_="prose", dir="auto")
    if len(finding.locations) > 1:
        spots = [tag("li", tag("code", line(path_and_line([one])))) for one in finding.locations[1:]]
        yield tag("div", tag("p", "See also"), tag("ul", *spots), class_="spots")
    if finding.suppressed is not None:
        reason = finding.suppressed.strip() or "no reason given"
        yield tag("p", "Suppressed in the code: ", reason, class_="remark")
    if finding.known:
        where = [" ", tag("code", line(baseline))] if baseline else []
        yield tag("p", "Known: it is in the baseline", *where, ".", class_="remark")
    if finding.incomplete:
        yield tag("p", "Reported only in an answer that was cut off.", class_="remark")
    yield _sources(entry)


def _place(finding: Finding) -> Html:
    found, _, words = EVIDENCE[finding.grounding]
    if finding.grounding in ("moved", "elsewhere") and (told := _told_places(finding)):
        words = f"evidence found, moved from {told}"
    place = [tag("code", line(path_and_line(finding.locations)), class_="path"), " "]
    return tag(
        "p",
        *(place if finding.locations else []),
        tag("span", tag("span", _SIGNS[found], aria_hidden="true"), f" {words}", class_=f"evidence {found}"),
        class_="place",
    )


def _told_places(finding: Finding) -> str:
    """Where its sources had put it, but for those that were right: "line 40 (codex)"."""
    place = finding.locations[0] if finding.locations else None
    told: dict[str, list[str]] = {}
    for source in finding.sources:
        if source.place is None or source.place == place:
            continue
        near = place is not None and source.place.path == place.path and source.place.line is not None
        where = f"line {source.place.line}" if near else path_and_line([source.place])
        told.setdefault(where, []).append(source.backend)
    if len(told) == 1:
        return next(iter(told))
    return ", ".join(f"{where} ({', '.join(dict.fromkeys(names))})" for where, names in told.items())


def _code(finding: Finding) -> Html:
    found, _, _ = EVIDENCE[finding.grounding]
    line_number = finding.locations[0].line if finding.locations else None
    first = line_number if found == "yes" and line_number and line_number > 0 else None
    caption = {
        "yes": "",
        "unsure": "Quoted as evidence",
        "no": "Quoted as evidence; the code does not read like this",
    }[found]
    return tag(
        "figure",
        *([tag("figcaption", caption)] if caption else []),
        _excerpt(finding.quote, first),
        class_=f"code {found}",
    )


def _excerpt(quote: str, first: int | None) -> Html:
    """The lines of a quote, numbered from `first` on if it is known where they stand."""
    rows = clean(textwrap.dedent(quote.expandtabs(4)).strip("\n")).split("\n")
    return tag(
        "pre",
        *(
            tag(
                "code",
                *([tag("span", str(first + offset), class_="line")] if first is not None else []),
                tag("span", row or " "),
                "\n",
            )
            for offset, row in enumerate(rows)
        ),
        dir="ltr",
    )


def _sources(entry: Entry) -> Html:
    finding = entry.finding
    names = together(
        together([", " if place else "", tag("b", line(name))])
        for place, name in enumerate(dict.fromkeys(source.backend for source in finding.sources))
    )
    identity = [tag("span", "fingerprint ", tag("code", line(finding.fingerprint)), class_="fingerprint")]
    told = tag(
        "div",
        *map(_source, finding.sources),
        *(identity if finding.fingerprint else []),
        class_="sources",
    )
    whose = "its" if finding.agreement == 1 else "their"
    summary = tag("summary", "Reported by ", names, tag("span", f", in {whose} own words", class_="hint"))
    return tag("details", summary, told, class_="words")


def _source(source: Source) -> Html:
    about = [
        source.model,
        f"prompt {source.label}" if source.label else None,
        f"rule {source.rule}" if source.rule else None,
        source.severity,
        source.category,
        "lead" if source.lead else None,
        "cut off" if source.incomplete else None,
    ]
    told = [tag("h4", tag("b", line(source.backend)), " ", line(" · ".join(filter(None, about))))]
    if source.title.strip():
        told.append(tag("p", prose(source.title), class_="title", dir="auto"))
    if source.place is not None:
        told.append(tag("p", "at ", tag("code", line(path_and_line([source.place])), class_="path")))
    if source.quote.strip():
        told.append(_excerpt(source.quote, None))
    if source.explanation.strip():
        told.append(tag("div", paragraphs(source.explanation), class_="prose", dir="auto"))
    return tag("section", *told)
