"""The page: one file that asks for nothing from outside and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.resources import files

from lok_core import Report, Section, TaskDetail, View, question, sections
from lok_render_html import run
from lok_render_html.article import article
from lok_render_html.entries import Entry, entries
from lok_render_html.filters import filters, tally, toolbar
from lok_render_html.markup import Html, line, prose, tag, together
from lok_render_html.matrix import columns, matrix
from lok_render_html.panel import Panel


def render(report: Report, view: View) -> Iterable[str]:
    """The page in pieces."""
    panel = Panel.of(report)
    listed = entries(report, panel, view)
    style, script = _resource("page.css") + columns(panel.names), _resource("page.js")
    yield "<!doctype html>\n"
    yield '<html lang="en">\n'
    yield _head(report, style, script) + "\n<body>\n"
    yield tag("a", "Skip to the result", href="#result", class_="skip") + "\n"
    yield _header(report) + "\n"
    yield '<main id="result" tabindex="-1">\n'
    yield _result(report, listed) + "\n"
    if listed:
        yield from _findings(report, listed, panel)
    # Where nothing was to be found, the answers are what the reader came for.
    is_task = isinstance(report.detail, TaskDetail)
    said = run.answers(report, opened=view.answers or not is_task, data=view.answers)
    yield from (f"{_section(section)}\n" for section in sections(report))
    about = [*run.about(report)]
    for section in [*about, *said] if is_task else [*said, *about]:
        yield section + "\n"
    yield "</main>\n"
    yield f"<script>{script}</script>\n"
    yield "</body>\n</html>\n"


def _section(section: Section) -> Html:
    parts = [tag("h2", line(section.title))]
    if section.lines:
        parts.append(tag("ul", *(tag("li", prose(told), class_="prose") for told in section.lines)))
    parts += [
        tag("pre", words.strip("\r\n"), dir="auto") for words in (section.text, section.code) if words.strip()
    ]
    return tag("section", *parts, class_="section")


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _head(report: Report, style: str, script: str) -> Html:
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src '{_hash(style)}'",
            f"script-src '{_hash(script)}'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    title = f"lok {report.command}: {run.verdict(report)} {report.directory.name}"
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", line(title)),
        Html(f"<style>{style}</style>"),
    )


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _header(report: Report) -> Html:
    about = []
    if isinstance(report.detail, TaskDetail) and report.detail.description.strip():
        about.append(tag("p", prose(report.detail.description), class_="prose"))
    if asked := question(report):
        about.append(tag("blockquote", prose(asked), class_="prose", dir="auto"))
    return tag(
        "header",
        tag("h1", "lok ", line(report.command)),
        tag("p", tag("code", line(str(report.directory)), class_="path")),
        *about,
        tag("p", *_circumstances(report), class_="remark"),
        tag("button", "Dark theme", type="button", id="theme", hidden=True),
    )


def _circumstances(report: Report) -> Iterator[str]:
    if report.started_at:
        try:
            shown = f"{datetime.fromisoformat(report.started_at):%-d %B %Y, %H:%M %Z}".strip()
        except ValueError:
            shown = report.started_at
        yield tag("time", line(shown), datetime=report.started_at)
        yield " · "
    yield f"{report.duration_s:,.0f} s · lok {report.lok_version}"


def _result(report: Report, listed: list[Entry]) -> Html:
    caveats = run.caveats(report)
    complete = not report.interrupted and not report.unanswered
    parts: list[Html] = []
    if isinstance(report.detail, TaskDetail) or listed:
        aside = f" of them {told}" if (told := run.set_aside(report)) else ""
        parts.append(tag("h2", run.verdict(report), tag("span", aside, class_="hint")))
    if listed:
        parts.append(tally(listed))
    if report.gate is not None:
        parts.append(run.gate(report.gate, listed, complete))
    if caveats:
        items = tag("ul", *(tag("li", caveat, class_="prose") for caveat in caveats))
        stand_ins = len(report.degraded) - len(report.gaps)
        title = "To know" if len(caveats) == stand_ins else "Not complete"
        parts.append(tag("div", tag("p", tag("b", title)), items, class_="caveats"))
    return tag("section", *parts, class_="result") if parts else together([])


def _findings(report: Report, listed: list[Entry], panel: Panel) -> Iterator[str]:
    yield filters(listed, panel.names) + "\n"
    yield toolbar(listed) + "\n"
    yield matrix(listed, panel.names) + "\n"
    yield '<section class="findings"><h2>Findings</h2>\n'
    for entry in listed:
        yield article(entry, report.baseline) + "\n"
    yield "</section>\n"
