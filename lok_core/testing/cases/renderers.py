"""The cases for renderers, over `sample_reports()`."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from functools import cache

from lok_core.interfaces import Renderer
from lok_core.outcome import Report, View
from lok_core.testing.case import Case, case_of
from lok_core.testing.sample_reports import sample_reports

CASES: list[Case] = []

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_SUFFIX = re.compile(r"(\.[a-z0-9]+)+")
_PLAIN = View()
_FLAGS = tuple(itertools.product((False, True), repeat=3))
_VIEWS = (
    *(View(everything, answers, 80, color) for everything, answers, color in _FLAGS),
    View(width=20),
    View(width=400),
)
_UNSAFE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


_SURROGATE = re.compile("[\ud800-\udfff]")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")
_ENDS = (_PLAIN, View(all=True, answers=True), View(all=True, answers=True, color=True))
"""What brings most of a report to light."""


def _unsafe(text: str, view: View) -> str:
    """The first character that does not belong there."""
    found = _UNSAFE.search(_COLOUR.sub("", text) if view.color else text)
    return found[0] if found else ""


def _ways() -> Iterator[tuple[str, View]]:
    return itertools.product(_samples(), _ENDS)


@cache
def _samples() -> dict[str, Report]:
    return sample_reports()


def _rendered(renderer: Renderer, name: str, view: View = _PLAIN) -> list[str]:
    try:
        pieces = list(renderer.render(_samples()[name], view))
    except Exception as error:
        raise AssertionError(
            f"render() raises {type(error).__name__}: {error} for sample_reports()[{name!r}] with {view}"
        ) from error
    for piece in pieces:
        assert isinstance(piece, str), f"for {name!r} it yields {piece!r:.80}, which is no text"
    return pieces


@case_of(CASES, "Its name is a slug: `-f <name>` chooses it.")
def name_is_a_slug(renderer: Renderer) -> None:
    assert isinstance(renderer.name, str), f"name is {renderer.name!r}; it must be a text"
    assert _SLUG.fullmatch(renderer.name), f"name is {renderer.name!r}; it must be a name such as 'my-form'"


@case_of(CASES, "Its suffix is that of a file name, with the dot.")
def suffix_has_a_dot(renderer: Renderer) -> None:
    suffix = renderer.suffix
    assert isinstance(suffix, str), f"suffix is {suffix!r}; it must be a text"
    assert _SUFFIX.fullmatch(suffix), f"suffix is {suffix!r}; it must be one such as '.md'"


@case_of(CASES, "Every sample report is rendered, in pieces of text.")
def every_report_is_rendered(renderer: Renderer) -> None:
    for name in _samples():
        _rendered(renderer, name)


@case_of(CASES, "It is rendered whatever is to be seen: all, the answers, colours, any width.")
def every_view_is_rendered(renderer: Renderer) -> None:
    for name, view in itertools.product(("panel", "leads", "ask", "interrupted", "spawn"), _VIEWS):
        _rendered(renderer, name, view)


@case_of(CASES, "A report ends with a newline.")
def output_ends_with_a_newline(renderer: Renderer) -> None:
    for name, view in _ways():
        text = "".join(_rendered(renderer, name, view))
        assert text.endswith("\n"), (
            f"for {name!r} with {view} the text ends with {text[-20:]!r}, without a newline"
        )


@case_of(CASES, "No control character and no change of direction of a model's gets through.")
def nothing_unsafe_gets_through(renderer: Renderer) -> None:
    for name, view in _ways():
        found = _unsafe("".join(_rendered(renderer, name, view)), view)
        assert not found, (
            f"for {name!r} with {view} the text holds {found!r}; lok_core.clean makes a model's text safe"
        )


@case_of(CASES, "The text can be written as UTF-8.")
def output_is_utf_8(renderer: Renderer) -> None:
    for name, view in _ways():
        try:
            "".join(_rendered(renderer, name, view)).encode()
        except UnicodeEncodeError as error:
            raise AssertionError(
                f"for {name!r} the text holds a lone surrogate, which no file can hold: {error}"
            ) from error


@case_of(CASES, "The same report gives the same text.")
def same_report_same_text(renderer: Renderer) -> None:
    for name in _samples():
        same = _rendered(renderer, name) == _rendered(renderer, name)
        assert same, f"{name!r} rendered twice gives two texts; leave the time and chance out"


@case_of(CASES, "It prints nothing.")
def nothing_is_printed(renderer: Renderer) -> None:
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        for name in _samples():
            _rendered(renderer, name)
    assert not printed.getvalue(), f"it prints {printed.getvalue()[:80]!r}; yield the text instead"


@case_of(CASES, "An outcome as it arrives is a text, empty for a format that is printed once complete.")
def blocks_are_texts(renderer: Renderer) -> None:
    for name, view in _ways():
        for outcome in _samples()[name].outcomes:
            try:
                block = renderer.block(outcome, view)
            except Exception as error:
                raise AssertionError(
                    f"block() raises {type(error).__name__}: {error} for an outcome of {name!r} with {view}"
                ) from error
            assert isinstance(block, str), f"block() gives {block!r:.80}, which is no text"
            assert not _unsafe(block, view), f"block() lets a control character through for {name!r}"
            assert not _SURROGATE.search(block), f"block() lets a lone surrogate through for {name!r}"
