"""Who did which part of a task, and what a debate changed."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.details.smart import Topic
from lok_core.outcome import Detail


@frozen
class Revision:
    """What became of an answer after another backend had read it.

    Attributes:
        added, removed: lines.
        changes: the two answers as a unified diff, cut off where it is long; empty if they are the same.
    """

    added: int = 0
    removed: int = 0
    changes: str = ""


@frozen
class Piece:
    """A part of the task.

    Attributes:
        topic: what it is about.
        backend: who was asked.
        answered: whether an answer came.
        critic: who read the answer and said what is wrong with it; empty if nobody did.
        revision: what its author changed then; None if there is no second answer.
    """

    topic: Topic
    backend: str
    answered: bool = False
    critic: str = ""
    revision: Revision | None = None


@frozen
class TeamDetail(Detail):
    """Report.detail of `lok team`.

    Attributes:
        debate: whether the answers were to be read by others.
        summary: of all answers; empty without one.
        summary_by: who wrote it.
    """

    task: str
    pieces: tuple[Piece, ...]
    debate: bool = False
    summary: str = ""
    summary_by: str = ""
    mode: Literal["team"] = "team"
