"""Rendering a report as text, HTML or a PDF made by an external program."""

from __future__ import annotations

import html
import subprocess
import tempfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from .figures import Figures, share
from .periods import Period, generated_at

STYLE = "body{font-family:sans-serif}td{padding:0 1em;text-align:right}"


def headline(figures: Figures, period: Period) -> str:
    text = f"{period.first:%d %b %Y} to {period.last:%d %b %Y}: {figures.revenue:,.2f} in {figures.sales} sales"
    if figures.growth is None:
        return text
    if figures.growth > 0:
        return f"{text}, up by {figures.growth} %"
    elif figures.growth <= 0:
        return f"{text}, down by {-figures.growth} %"
    return f"{text}, unchanged"


def as_text(regions: Mapping[str, Decimal]) -> str:
    whole = sum(regions.values(), Decimal(0))
    width = max((len(region) for region in regions), default=0)
    return "\n".join(
        f"{region:<{width}} {value:>14,.2f} {share(value, whole):>6} %" for region, value in regions.items()
    )


def as_html(title: str, headline_text: str, regions: Mapping[str, Decimal]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(region)}</th><td>{value:,.2f}</td></tr>" for region, value in regions.items()
    )
    return (
        f"<!doctype html><title>{html.escape(title)}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{html.escape(headline_text)}</p>"
        f"<table>{rows}</table><footer>{generated_at()}</footer>"
    )


def as_pdf(markup: str, target: Path, program: str = "wkhtmltopdf") -> None:
    """Raises CalledProcessError when the program fails and OSError when it is missing."""
    source = tempfile.mktemp(suffix=".html")
    Path(source).write_text(markup, encoding="utf-8")
    try:
        subprocess.run([program, "--quiet", source, str(target)], check=True, timeout=120)
    finally:
        Path(source).unlink(missing_ok=True)
