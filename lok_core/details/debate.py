"""What a debate came to."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.outcome import Detail

Stance = Literal["agree", "partly", "disagree", "unread"]
"""What one participant says of another's position; `unread`: nothing that could be read, so no agreement."""

Result = Literal["consensus", "majority", "split", "blind", "none"]
"""`blind`: there was one round only, in which nobody reads another. `none`: it ended undecided."""


@frozen
class Debater:
    """A participant: its letter, under which the others read it, and its backend's configured name.

    Attributes:
        dropped_in: the round in which it failed and dropped out; None if it stayed to the end.
        dropped_why: the kind of failure; empty if it stayed.
    """

    letter: str
    backend: str
    dropped_in: int | None = None
    dropped_why: str = ""


@frozen
class Verdict:
    """What a participant says of the position of the one with that letter."""

    letter: str
    stance: Stance


@frozen
class Statement:
    """What was read from a participant's answer in one round.

    Attributes:
        round: counts from 1.
        position: in one sentence, in its own words; empty if it could not be read.
        confidence: 0 to 100; None if it was not told.
        verdicts: on everybody else who took part in the round before; none in the first round.
        changed: whether it says that it changed its position; None if it does not say.
        evidence: the new evidence that it names; empty if it names none.
        gave_way: whether it changed its position, or came to agree with somebody who had not come towards
            it, without naming new evidence.
    """

    round: int
    letter: str
    position: str = ""
    confidence: int | None = None
    verdicts: tuple[Verdict, ...] = ()
    changed: bool | None = None
    evidence: str = ""
    gave_way: bool = False


@frozen
class DebateDetail(Detail):
    """Report.detail of `lok debate`.

    Attributes:
        rounds: how many there could have been, the blind one included.
        seed: decides who has which letter, and in which order each reads the others.
        participants: by letter.
        statements: one for each answer, by round and letter.
        decided_in: the round whose verdicts decided; None for `blind` and `none`.
        majority: the letters of those who agree with each other, with `consensus` and `majority`.
        minority: the letters of the others who stayed; with `split` everybody.
        why: why there is no result; empty but for `none`.
    """

    topic: str
    rounds: int
    seed: int
    participants: tuple[Debater, ...]
    statements: tuple[Statement, ...]
    result: Result
    decided_in: int | None = None
    majority: tuple[str, ...] = ()
    minority: tuple[str, ...] = ()
    why: str = ""
    mode: Literal["debate"] = "debate"
