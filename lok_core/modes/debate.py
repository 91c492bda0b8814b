"""Debate: rounds in which backends answer each other without knowing who the others are.

Consensus is decided from the verdicts alone that each one gives on every other, in a form that is asked for.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence

from attrs import define, evolve, field

from lok_core.details.debate import DebateDetail, Debater, Result, Stance, Statement, Verdict
from lok_core.errors import NoBackendError, UsageError
from lok_core.interfaces import Job
from lok_core.models import BackendInfo, Request
from lok_core.modes.anonymous import Pseudonym, names_of
from lok_core.modes.reporting import report
from lok_core.modes.task import in_thread
from lok_core.modes.verdict import read
from lok_core.outcome import Answer, Failure, Outcome, Report
from lok_core.prompts import debate as prompts
from lok_core.prompts.quoting import capped
from lok_core.reply import spoken

_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # "I agree" must not be about anybody


async def debate(job: Job, topic: str, *, rounds: int, seed: int) -> Report:
    """What the backends come to who discuss the topic, and the views of those who do not agree.

    Args:
        rounds: how many there are at the most, the blind one included.
        seed: decides who has which letter, and in which order each reads the others.

    Raises:
        UsageError: there is no round.
        NoBackendError: fewer than two can take part.
    """
    if rounds < 1:
        raise UsageError("a debate has one round at least", "--rounds 1 asks for blind opinions only")
    chance = random.Random(seed)
    talks = [_Participant(info) for info in _able(job)]
    chance.shuffle(talks)
    for place, one in enumerate(talks):
        one.letter = _letter(place)
    held = _Debate(job, topic, rounds, talks)
    await held.told(await job.ask_all(held.opening()), 1)
    number = 1
    while number < rounds and not held.why and not held.agreed(number):
        number += 1
        await held.told(await job.ask_all(await held.replies(number, chance)), number)
    made = report("debate", job, held.detail(seed, number))
    answered = any(isinstance(outcome, Answer) for outcome in job.outcomes)
    return evolve(made, inconclusive=held.why if answered and not job.interrupted else "")


@define(eq=False)
class _Participant:
    """A backend in the debate.

    Attributes:
        text: its latest position, word for word.
        models: those that answered for it.
        last: what was read from its latest answer.
        stances: letter -> what it said of that one when it could last be read.
    """

    info: BackendInfo
    letter: str = ""
    text: str = ""
    models: set[str] = field(factory=set)
    last: Statement | None = None
    stances: dict[str, Stance] = field(factory=dict)
    dropped_in: int | None = None
    dropped_why: str = ""


@define(eq=False)
class _Debate:
    """What was said so far, and what it comes to.

    Attributes:
        is_cut_off: whether the run was interrupted before everybody had answered.
    """

    job: Job
    topic: str
    rounds: int
    everybody: list[_Participant]
    statements: list[Statement] = field(factory=list)
    is_cut_off: bool = False

    @property
    def present(self) -> list[_Participant]:
        """Those who have not dropped out."""
        return [one for one in self.everybody if one.dropped_in is None]

    @property
    def why(self) -> str:
        """Why no result can be come to; empty while one can."""
        if self.is_cut_off:
            return self.job.interrupted
        left = [one.info.name for one in self.present]
        if len(left) > 1:
            return ""
        return f"only {left[0]} is left, and one participant is no debate" if left else "nobody is left"

    def opening(self) -> list[Request]:
        """The requests of the first round."""
        count = len(self.everybody)
        return [
            self._request(one, 1, prompts.opening(self.topic, one.letter, count)) for one in self.everybody
        ]

    async def replies(self, number: int, chance: random.Random) -> list[Request]:
        """The requests of a later round; each reads the others in an order of its own."""
        present = self.present
        copies = {one.letter: await in_thread(self._copy, one) for one in present}
        token = _token(chance, [*copies.values(), *(one.text for one in present), self.topic])
        requests = []
        for one in present:
            others = [(other.letter, copies[other.letter]) for other in present if other is not one]
            chance.shuffle(others)
            prompt = prompts.reply(self.topic, (one.letter, one.text), others, number, self.rounds, token)
            requests.append(self._request(one, number, prompt))
        return requests

    async def told(self, outcomes: Sequence[Outcome], number: int) -> None:
        """Takes in what was answered in a round; who failed drops out."""
        asked = self.present
        letters = [one.letter for one in asked] if number > 1 else []
        before = {one.letter: (one.last, dict(one.stances)) for one in asked}
        now = []
        for one, outcome in zip(asked, outcomes, strict=True):
            if isinstance(outcome, Failure):
                if self.job.interrupted and outcome.kind == "cancelled":
                    self.is_cut_off = True
                else:
                    one.dropped_in, one.dropped_why = number, outcome.kind
                continue
            one.text = spoken(outcome.reply)
            one.models |= {outcome.reply.model} if outcome.reply.model else set()
            others = [letter for letter in letters if letter != one.letter]
            reading = await in_thread(read, one.text, one.letter, others)
            now.append(
                Statement(
                    number,
                    one.letter,
                    reading.position,
                    reading.confidence,
                    tuple(Verdict(letter, reading.stances[letter]) for letter in others),
                    reading.changed if number > 1 else None,
                    reading.evidence if number > 1 else "",
                )
            )
        this = {said.letter: said for said in now}
        for one in asked:
            if one.letter in this:
                said = this[one.letter]
                gave_way = number > 1 and _gave_way(said, before, this)
                one.last = evolve(said, gave_way=gave_way)
                one.stances |= {on.letter: on.stance for on in said.verdicts if on.stance != "unread"}
                self.statements.append(one.last)

    def agreed(self, number: int) -> bool:
        """Whether everybody who is left agrees with everybody in that round."""
        present = self.present
        return number > 1 and len(present) > 1 and _all_agree(present)

    def detail(self, seed: int, number: int) -> DebateDetail:
        """What it all came to, after that many rounds."""
        present = [one.letter for one in self.present]
        result, majority = self._result(number)
        decided = result not in ("blind", "none")
        minority = tuple(letter for letter in present if letter not in majority) if decided else ()
        return DebateDetail(
            self.topic,
            self.rounds,
            seed,
            tuple(
                Debater(one.letter, one.info.name, one.dropped_in, one.dropped_why) for one in self.everybody
            ),
            tuple(self.statements),
            result,
            number if decided else None,
            tuple(majority),
            minority,
            self.why if result == "none" else "",
        )

    def _result(self, number: int) -> tuple[Result, list[str]]:
        present = self.present
        if self.why:
            return "none", []
        if self.rounds == 1:
            return "blind", []
        if self.agreed(number):
            return "consensus", [one.letter for one in present]
        groups = [group for group in _cliques(present) if 2 * len(group) > len(present)]
        largest = max(map(len, groups), default=0)
        groups = [group for group in groups if len(group) == largest]
        # Two groups of one size share somebody: neither is the majority.
        return ("majority", [one.letter for one in groups[0]]) if len(groups) == 1 else ("split", [])

    def _copy(self, one: _Participant) -> str:
        """Its latest position as the others read it."""
        return Pseudonym(one.letter, names_of(one.info, one.models), self.topic).hide(capped(one.text))

    def _request(self, one: _Participant, number: int, prompt: str) -> Request:
        label = f"round {number}, {one.letter}"
        return Request(prompt, self.job.directory, backend=one.info.name, access="read", label=label)


def _able(job: Job) -> list[BackendInfo]:
    """Those who take part; those named by the user who cannot are told."""
    infos = {info.name: info for info in job.backends()}
    able = [info for info in infos.values() if info.eligible and info.profile.answers_questions]
    missing = [name for name in job.chosen if name in infos and infos[name] not in able]
    if len(able) < 2:
        there = f"only {able[0].name} is there" if able else "none is there"
        if missing:
            there += f", and {', '.join(missing)} cannot take part"
        hint = "`lok doctor` says what is missing; -b NAME,NAME names others"
        if job.chosen and not missing:
            hint = "-b NAME,NAME names two or more"
        raise NoBackendError(f"a debate takes two backends that answer questions: {there}", hint)
    if missing:
        job.note(f"{', '.join(missing)} cannot take part; `lok doctor` says what is missing")
    return able


def _letter(place: int) -> str:
    more, place = divmod(place, len(_LETTERS))
    return (_letter(more - 1) if more else "") + _LETTERS[place]


def _token(chance: random.Random, texts: Sequence[str]) -> str:
    """Eight hexadecimal digits that stand in none of the texts."""
    while True:
        token = f"{chance.getrandbits(32):08x}"
        if not any(token in text for text in texts):
            return token


def _stance(said: Statement | None, letter: str) -> Stance | None:
    return next((one.stance for one in said.verdicts if one.letter == letter), None) if said else None


def _came_closer(before: Mapping[str, Stance], now: Statement | None, letter: str) -> bool:
    """Whether one's verdict on that participant went from disagreeing, or from partly, to agreeing."""
    return before.get(letter) in ("disagree", "partly") and _stance(now, letter) == "agree"


def _gave_way(
    said: Statement,
    before: Mapping[str, tuple[Statement | None, Mapping[str, Stance]]],
    now: Mapping[str, Statement],
) -> bool:
    """Whether it changed its position without new evidence, or agrees with who has not moved.

    Args:
        before: letter -> what that one had said last, and of each other when it could last be read.
    """
    if said.evidence:
        return False
    if said.changed:
        return True
    _, own = before[said.letter]
    for verdict in said.verdicts:
        if not _came_closer(own, said, verdict.letter):
            continue
        (last, theirs), current = before.get(verdict.letter, (None, {})), now.get(verdict.letter)
        moved = [one for one in (last, current) if one is not None and one.changed]
        if not moved and not _came_closer(theirs, current, said.letter):
            return True
    return False


def _agree(one: _Participant, other: _Participant) -> bool:
    return _stance(one.last, other.letter) == _stance(other.last, one.letter) == "agree"


def _all_agree(group: Sequence[_Participant]) -> bool:
    return all(_agree(one, other) for one in group for other in group if one is not other)


def _cliques(everybody: Sequence[_Participant]) -> Iterator[list[_Participant]]:
    """Every group of mutual agreement that nobody could be added to (Bron and Kerbosch, 1973)."""
    near = {
        id(one): {id(other) for other in everybody if other is not one and _agree(one, other)}
        for one in everybody
    }

    def extend(chosen: Collection[int], open_: set[int], closed: set[int]) -> Iterator[set[int]]:
        if not open_ and not closed:
            yield set(chosen)
        for one in sorted(open_):
            yield from extend([*chosen, one], open_ & near[one], closed & near[one])
            open_ = open_ - {one}
            closed = closed | {one}

    for group in extend([], set(near), set()):
        yield [one for one in everybody if id(one) in group]
