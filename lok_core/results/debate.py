"""What a debate came to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lok_core.details.debate import DebateDetail, Debater, Statement
from lok_core.results.section import Section

_STANCES = {
    "agree": "agrees with {}",
    "partly": "partly agrees with {}",
    "disagree": "disagrees with {}",
    "unread": "its verdict on {} could not be read, and counts as not agreeing",
}


def sections(detail: DebateDetail) -> Sequence[Section]:
    """The result, the views that differ from it, who took part, and what was said in each round."""
    told = _Told(detail)
    parts = [
        told.result(),
        told.minority(),
        told.participants(),
        Section("What each round came to", tuple(told.rounds())),
    ]
    return [part for part in parts if part.lines]


class _Told:
    """A debate in words."""

    def __init__(self, detail: DebateDetail) -> None:
        self._detail = detail
        self._backends = {one.letter: one.backend for one in detail.participants}
        self._last = {said.letter: said for said in detail.statements}  # the latest of each

    def result(self) -> Section:
        detail = self._detail
        after = f"after round {detail.decided_in} of {detail.rounds}"
        stayed = [one.letter for one in detail.participants if one.dropped_in is None]
        if detail.majority:
            count = f"{len(detail.majority)} of {len(stayed)}"
            what = "Consensus" if detail.result == "consensus" else f"Majority of {count}, no consensus,"
            lines = [f"{self._all(detail.majority)} agree with each other", *self._views(detail.majority)]
            return Section(f"{what} {after}", (*lines, *self._giving_way(detail.majority)))
        if detail.result == "split":
            return Section(
                f"No agreement {after}",
                ("no group of more than half agrees with each other",),
            )
        if detail.result == "blind":
            why = "nobody has read what the others say, so nothing can be said of agreement"
            return Section("Blind opinions", (why, *self._views(stayed)))
        return Section("No result", (detail.why, *self._views(stayed)))

    def minority(self) -> Section:
        letters = self._detail.minority
        title = "The minority's view" if self._detail.result == "majority" else "The views"
        return Section(title, (*self._views(letters), *self._giving_way(letters, rests=False)))

    def participants(self) -> Section:
        lines = [self._participant(one) for one in self._detail.participants]
        return Section("Participants", (*lines, f"seed {self._detail.seed}"))

    def rounds(self) -> Iterator[str]:
        for said in self._detail.statements:
            told = list(self._stances(said))
            told += [] if said.confidence is None else [f"confidence {said.confidence}"]
            if said.changed or said.gave_way:
                told.append("changed its position" if said.changed else "came to agree")
                told.append(f"new evidence: {said.evidence}" if said.evidence else "named no new evidence")
            if said.gave_way:
                told.append("gave way")
            yield f"round {said.round}: {self._name(said.letter)}: {'; '.join(told) or 'nothing in the form'}"

    def _participant(self, one: Debater) -> str:
        if one.dropped_in is None:
            return self._name(one.letter)
        out = f"{self._name(one.letter)} dropped out in round {one.dropped_in} ({one.dropped_why})"
        last = self._last.get(one.letter)
        return f"{out}; its position until then: {last.position}" if last and last.position else out

    def _views(self, letters: Sequence[str]) -> Iterator[str]:
        for letter in letters:
            said = self._last.get(letter)
            if said is None:
                continue
            sure = "" if said.confidence is None else f", confidence {said.confidence}"
            position = said.position or "(no position in one sentence; its answer has it)"
            yield f"{self._name(letter)}{sure}: {position}"

    def _stances(self, said: Statement) -> Iterator[str]:
        for stance, words in _STANCES.items():
            named = [one.letter for one in said.verdicts if one.stance == stance]
            if named:
                yield words.format(_and(named))

    def _giving_way(self, letters: Sequence[str], *, rests: bool = True) -> Iterator[str]:
        """Who of them changed position without new evidence, and what that means for the result."""
        gave_way = [said for said in self._detail.statements if said.gave_way and said.letter in letters]
        if gave_way and rests:
            what = "consensus" if self._detail.result == "consensus" else "majority"
            yield f"this {what} rests on giving way, not on evidence alone:"
        for said in gave_way:
            yield f"{self._name(said.letter)} gave way in round {said.round}, without naming new evidence"

    def _all(self, letters: Sequence[str]) -> str:
        return _and([self._name(letter) for letter in letters])

    def _name(self, letter: str) -> str:
        return f"{letter} ({self._backends[letter]})"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))
