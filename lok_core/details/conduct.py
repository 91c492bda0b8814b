"""What a conductor did, and what it came to."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.outcome import Detail


@frozen
class Call:
    """A question of the conductor's.

    Attributes:
        backend, prompt: as the conductor gave them; empty if it did not.
        ok: whether it was answered.
        why: why it was not; empty if it was.
    """

    backend: str
    prompt: str
    ok: bool
    why: str = ""


@frozen
class Round:
    """A turn of the conductor's that asked something; `said` is what else it said."""

    said: str
    calls: tuple[Call, ...]


@frozen
class ConductDetail(Detail):
    """Report.detail of `lok conduct`.

    Attributes:
        how: whether the conductor calls tools by itself, or by JSON in plain text.
        rounds: the final answer's excepted.
        answer: the final one; empty if there is none.
        bounded_by: what kept it from asking more: its rounds, its tokens, or that it asked nothing new.
    """

    task: str
    conductor: str
    how: Literal["tools", "text"]
    rounds: tuple[Round, ...] = ()
    answer: str = ""
    bounded_by: Literal["", "rounds", "tokens", "repetition"] = ""
    mode: Literal["conduct"] = "conduct"
