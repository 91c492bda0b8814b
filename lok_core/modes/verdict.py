"""Verdicts: what a participant of a debate says in the fixed form.

Only the form decides, never words of the prose around it, and a stance counts only where it is the whole of
its line or field. What is not understood, or contradicts itself, is unread: an agreement that nobody gave is
worse than one that is missed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from attrs import Factory, define, frozen

from lok_core.details.debate import Stance
from lok_core.modes.verdict_words import (
    confidence,
    evidence,
    is_blank_form,
    limits,
    sentence,
    stance_of,
    takes_back,
    yes_or_no,
)
from lok_core.modes.written_forms import introduces_another, lines_of

_MARK = r"[*_`\"]{0,4}"
_KEYS = {
    "verdict": r"(?:(?:my|final|overall) )?verdicts?",
    "confidence": r"(?:my )?confidence(?: (?:level|score))?",
    "changed": r"(?:position )?changed(?: (?:my )?(?:mind|position))?",
    "evidence": r"new evidence",
    "position": r"(?:(?:my|final|own|current|updated|revised) ){0,2}position(?: now)?",
}
_KEY = re.compile(
    rf"^{_MARK}(?:{'|'.join(f'(?P<{name}>{words})' for name, words in _KEYS.items())}){_MARK} ?"
    rf"(?:[:=\uff1a|\u2013\u2014]|-(?= )|$){_MARK} ?(?P<value>.*)$",
    re.IGNORECASE,
)
_EVERYBODY = r"all(?: (?:the )?others?)?|(?:the )?others|every(?:one|body)(?: else)?|both"

_MAX_READ = 100_000
"""Characters at the end of an answer that are read: the form is asked for there."""
_MAX_LINE = 4000
_MAX_HEADING = 60


@frozen
class Reading:
    """What was read from one answer.

    Attributes:
        stances: letter -> what is said of that position, for each that was asked about.
        confidence: 0 to 100; None if it is not told.
        changed: None if it is not told.
        evidence: the new evidence that is named; empty if there is none.
        position: one sentence; empty if it is not told.
    """

    stances: Mapping[str, Stance] = Factory(dict)
    confidence: int | None = None
    changed: bool | None = None
    evidence: str = ""
    position: str = ""


@define
class _Block:
    """What stands between one beginning of the form and the next.

    Attributes:
        stances: letter -> what is said of it; "" is everybody.
        mentioned: letters that occur in lines that say no stance.
        is_unclear: something else stands where the stances should.
        is_blank: whether the stances stand there as in the instructions.
    """

    is_verdict: bool = False
    is_quoted: bool = False
    stances: dict[str, Stance] = Factory(dict)
    mentioned: set[str] = Factory(set)
    fields: dict[str, str] = Factory(dict)
    is_unclear: bool = False
    is_blank: bool = False

    def note(self, letters: Sequence[str], stance: Stance) -> None:
        """A second word on somebody that differs from the first leaves it open what is meant.

        Below the fields nobody is judged for the first time.
        """
        for letter in letters or [""]:
            if self.fields:
                self.stances.setdefault(letter, "unread")
            is_same = self.stances.setdefault(letter, stance) == stance
            self.stances[letter] = stance if is_same else "unread"

    def of(self, letter: str) -> Stance:
        """What it says of that one."""
        if self.is_unclear:
            return "unread"
        unnamed = "unread" if letter in self.mentioned else self.stances.get("", "unread")
        return self.stances.get(letter, unnamed)

    def counts(self, own: str, others: Collection[str]) -> bool:
        """Whether it is meant: neither the empty form nor that of another, who judges us and not himself."""
        is_foreign = own in self.stances and not set(others) <= set(self.stances)
        is_empty = self.is_blank and not self.stances
        return not (self.is_quoted or is_foreign or is_empty)


def read(text: str, own: str, others: Sequence[str]) -> Reading:
    """What the text says in the fixed form. Of several verdicts the last counts; a quoted one does not.

    Args:
        own: the letter of who wrote it.
        others: the letters of those on whom a verdict is asked.
    """
    reader = _Reader([own, *others])
    if len(text) > _MAX_READ:
        text = text[-_MAX_READ:].partition("\n")[2]  # half a line may say what the whole does not
    for line in lines_of(text):
        reader.take(line)
    blocks = [block for block in reader.blocks if block.counts(own, others)]
    fields: dict[str, str] = {}
    for block in blocks:
        fields |= block.fields
    last = next((block for block in reversed(blocks) if block.is_verdict), _Block())
    if sum("" in block.stances for block in blocks) > 1:  # a section for each of the others, as a rule
        last.stances[""] = "unread"
    return Reading(
        {letter: last.of(letter) for letter in others},
        confidence(fields.get("confidence", "")),
        yes_or_no(fields.get("changed", "")),
        evidence(fields.get("evidence", ""), [own, *others]),
        sentence(fields.get("position", "")),
    )


class _Reader:
    """Takes lines one after the other, and sorts what they say into blocks."""

    def __init__(self, letters: Sequence[str]) -> None:
        self.blocks = [_Block()]
        self._open = ""  # the field whose value is still to come, or goes on
        self._last: list[str] | None = None  # whom the stance before is about, to which a remark belongs
        self._before = ""  # the line before
        one = "|".join(re.escape(letter) for letter in sorted(letters, key=len, reverse=True))
        who = rf"(?:(?P<who>(?:{one})(?: ?(?:,|/|&|\+|\band\b) ?(?:{one})\b)*)|{_EVERYBODY})\b"
        self._letter = re.compile(rf"\b(?:{one})\b")
        self._said = re.compile(
            rf"^(?:participant |position (?:of )?)?{who}(?:['\u2019]s position)?"
            r" ?(?:->|[:=\uff1a|→]|[-\u2013\u2014]+|$) ?(?P<what>.*)$",
            re.IGNORECASE,
        )
        self._within = re.compile(rf"\b(?P<who>{one}) ?[:=] ?(?P<what>.*)$")
        self._splits = re.compile(rf" ?[;,|] ?(?=(?:{one}) ?[:=])", re.IGNORECASE)

    @property
    def _block(self) -> _Block:
        return self.blocks[-1]

    def take(self, line: str) -> None:
        """One line, its whitespace collapsed; an empty one ends a sentence."""
        if not line:
            if self._block.fields.get(self._open):
                self._open = ""
            if self._last is not None:  # what follows is a remark on all of them
                self._last = [*self._block.stances]
            return
        found = _KEY.match(line[:_MAX_LINE])
        if found is not None:
            self._key(next(key for key in _KEYS if found[key]), found["value"])
        elif self._block.is_verdict and self._stances(line[:_MAX_LINE]):
            self._open = ""
        else:
            self._prose(line[:_MAX_LINE])
        self._before = line

    def _key(self, key: str, value: str) -> None:
        self._open, self._last = "", None
        if key == "verdict":
            self.blocks.append(_Block(is_verdict=True, is_quoted=introduces_another(self._before)))
            if value and not self._stances(value):
                is_of_one = len(self._before) < _MAX_HEADING and self._letter.search(self._before)
                self._note([], "?" if is_of_one else value)
        elif not is_blank_form(value):
            if value:
                self._block.fields[key] = value
            if not value or (key in ("position", "evidence") and value[-1] not in ".!?"):
                self._open = key

    def _stances(self, line: str) -> bool:
        """Whether the line is about positions by letter; then what it says of them is noted."""
        bare = re.sub(r"[*_`\"]", "", line).strip()
        whole = self._said.match(bare)
        is_one = whole is not None and len(self._letters(whole)) != 1  # "B, C: agree"
        parts = [bare] if is_one else self._splits.split(bare)
        if self._said.match(parts[0]) is None:
            return False
        for part in parts:
            said = self._said.match(part)
            if said is None:
                self._remark(part)
            else:
                self._note(self._letters(said), said["what"])
        return True

    def _letters(self, said: re.Match[str]) -> list[str]:
        """Whom it is about by letter; nobody: everybody."""
        return self._letter.findall((said["who"] or "").upper())

    def _note(self, letters: list[str], value: str) -> None:
        self._last = letters
        if is_blank_form(value):
            self._block.is_blank = True
            self._block.mentioned |= set(letters)
        else:
            self._block.note(letters, stance_of(value))

    def _remark(self, line: str) -> None:
        """What follows a stance belongs to it, and may take it back."""
        if self._last is None:
            return
        self._block.mentioned |= set(self._letter.findall(line))
        for letter in self._last or [""]:
            if self._block.stances.get(letter) == "agree" and (len(line) >= _MAX_LINE or limits(line)):
                self._block.stances[letter] = "unread"

    def _prose(self, line: str) -> None:
        block = self._block
        if block.is_verdict:
            if not (block.stances or block.is_blank or block.fields):
                block.is_unclear = True
            found = self._within.search(line)
            if found is not None:  # "Correction: C: disagree"; it can only take back
                block.stances.setdefault(found["who"], "unread")
                block.note([found["who"]], stance_of(found["what"]))
            self._remark(line)
            if takes_back(line):
                block.stances = {
                    letter: "unread" if stance == "agree" else stance
                    for letter, stance in block.stances.items()
                }
        if self._open:
            before = block.fields.get(self._open, "")
            if not is_blank_form(line):
                block.fields[self._open] = f"{before} {line}".strip()
            if len(before) > 2000 or line[-1] in ".!?":
                self._open = ""
