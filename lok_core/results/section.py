"""The neutral form in which a mode's result reaches every renderer."""

from __future__ import annotations

from attrs import frozen


@frozen
class Section:
    """A piece of what a mode came to.

    Everything in it may hold words of models, not cleaned yet: each format makes them safe in its own way.

    Attributes:
        title: one line.
        lines: facts, one line each.
        text: prose, as a model wrote it.
        code: what is shown letter by letter: commands, a diffstat.
    """

    title: str
    lines: tuple[str, ...] = ()
    text: str = ""
    code: str = ""
