"""Which backends suit a text, and why."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.models import Category, Vote
from lok_core.outcome import Detail


@frozen
class Topic:
    """A category that a text speaks of.

    Attributes:
        words: those of the text that say so, in lower case, each once; none where the category was given, or
            is `general` because no word says anything.
        weight: how much they say, 1 for a plain word; adds up over the words.
    """

    category: Category
    words: tuple[str, ...] = ()
    weight: float = 1.0


@frozen
class Suggestion:
    """What the delegation rules say of a text.

    Attributes:
        topics: what it is about, what most words speak of first; `general` alone where no word says it.
        order: every backend that could be asked, available or not, best first.
        votes: what led to the order.
        unavailable: those of the order whose program or key is not there.
        choice: the one to ask: the best that is there, of those that can read the directory if there are
            any; empty if nobody is there.
    """

    topics: tuple[Topic, ...]
    order: tuple[str, ...]
    votes: tuple[Vote, ...]
    unavailable: tuple[str, ...] = ()
    choice: str = ""


@frozen
class SuggestDetail(Detail):
    """Report.detail of `lok suggest`."""

    task: str
    suggestion: Suggestion
    mode: Literal["suggest"] = "suggest"


@frozen
class SmartDetail(Detail):
    """Report.detail of `lok smart`."""

    prompt: str
    suggestion: Suggestion
    mode: Literal["smart"] = "smart"
