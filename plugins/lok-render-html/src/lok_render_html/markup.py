"""Elements whose text cannot become markup.

A `str` is text from anywhere; only what `tag` and its companions made is `Html`. So nothing has to be
remembered to be escaped: what is forgotten shows as text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

from lok_core import clean, clean_line

_VOID = ("meta", "input")
_BLANK = re.compile(r"\n[^\S\n]*\n\s*")
_CODE = re.compile(r"`([^`\n]+)`")


class Html(str):
    """Markup that is known to be harmless."""

    __slots__ = ()


def tag(name: str, /, *children: str, **attributes: str | int | bool | None) -> Html:
    """An element.

    Args:
        children: text, which is made harmless and visible, or `Html`.
        attributes: `class_` for `class`, `data_x` for `data-x`; True for one without a value; None and False
            leave it out.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{together(children)}</{name}>")


def together(parts: Iterable[str]) -> Html:
    """The parts one after the other: text made harmless, `Html` as it is."""
    return Html("".join(part if isinstance(part, Html) else text(part) for part in parts))


def text(value: str) -> Html:
    """Text in any number of lines; control characters and bidirectional overrides become visible."""
    return Html(html.escape(clean(value)))


def line(value: str) -> Html:
    """Text on one line, as names and paths have to be."""
    return Html(html.escape(clean_line(value)))


def prose(value: str) -> Html:
    """Text in which `backticks` mark code, the one sign of Markdown that nearly all models use everywhere."""
    return Html(_CODE.sub(r"<code>\1</code>", text(value).strip()))


def paragraphs(value: str) -> Html:
    """Prose, in a `p` for what stands between two blank lines."""
    return together(tag("p", prose(part)) for part in _BLANK.split(clean(value).strip()))


def number(count: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _attribute(key: str, value: str | int | bool | None) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{line(str(value))}"'
