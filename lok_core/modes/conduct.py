"""Conduct: one backend asks the others, over several rounds, and makes one answer of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from attrs import Factory, define, evolve

from lok_core.details.conduct import Call, ConductDetail, Round
from lok_core.errors import NoBackendError, UnknownNameError
from lok_core.interfaces import Job
from lok_core.models import BackendInfo, Message, Request, Tool, ToolCall, Turn
from lok_core.modes.reporting import report
from lok_core.outcome import Answer, Failure, Outcome, Report
from lok_core.prompts import conduct as prompts
from lok_core.reply import is_visible, spoken

MAX_CALLS = 16
"""Questions of one round; a model that asks more has lost its way."""
MAX_HEARD = 64
"""Questions of one round of which the conductor learns that they were not asked."""
MAX_ROUNDS = 50
"""Where the configuration sets no limit."""
_MAX_STALE = 2
"""Rounds in a row that ask nothing new."""
_ANYBODY = "Coordinate the work of others, and sum up what they say."
_BOUNDS = {
    "rounds": "you have spoken as often as you may",
    "tokens": "you have written as much as you may",
    "repetition": "you ask nothing new",
}


async def conduct(job: Job, task: str, conductor: str | None, max_rounds: int, max_tokens: int) -> Report:
    """What the conductor makes of the others' answers.

    Args:
        conductor: a configured name; None for one that calls tools by itself, else the best generalist.
        max_rounds: how often the conductor speaks at the most; 0 for as often as it has something to ask.
        max_tokens: how many tokens it writes at the most before it is asked for the final answer, where it
            tells how many it writes; 0 for no limit.

    Raises:
        UnknownNameError: there is no such conductor.
        NoBackendError: nobody can conduct, or there is nobody to be asked.
    """
    info = _conductor(job, conductor)
    others = _others(job, info)
    how: Literal["tools", "text"] = "tools" if info.profile.converses else "text"
    by = "calls tools" if how == "tools" else "asks by JSON in plain text"
    job.note(f"{info.name} conducts and {by}; it may ask {', '.join(other.name for other in others)}")
    detail = ConductDetail(task, info.name, how)
    return await _Conducting(job, others, detail, max_rounds, max_tokens).run()


@define(eq=False)
class _Conducting:
    """A conversation with a conductor.

    Attributes:
        asked: every question so far; `answered` holds the prompts that were answered, by backend.
        stale: how many rounds in a row asked nothing new.
        written: the tokens that the conductor has written; None once it did not tell.
    """

    job: Job
    others: Sequence[BackendInfo]
    detail: ConductDetail
    max_rounds: int
    max_tokens: int
    messages: list[Message] = Factory(list)
    rounds: list[Round] = Factory(list)
    asked: set[tuple[str | None, str]] = Factory(set)
    answered: dict[str | None, set[str]] = Factory(dict)
    stale: int = 0
    written: int | None = 0

    async def run(self) -> Report:
        self.messages.append(Message("user", prompts.opening(self.detail.task, self.max_rounds)))
        tool = prompts.query_tool(self.others)
        while not (bound := self._bound()):
            turn = await self._turn([tool])
            if isinstance(turn, Failure):
                return self._failed(turn)
            if not turn.calls:
                return self._report(answer=turn.text)
            await self._answer(turn)
            if self.job.interrupted:
                return self._report()
        self.detail = evolve(self.detail, bounded_by=bound)
        self.messages.append(Message("user", prompts.last(_BOUNDS[bound])))
        turn = await self._turn([])
        if isinstance(turn, Failure):
            return self._failed(turn)
        if not is_visible(turn.text):
            why = f"{self.detail.conductor} went on asking when it was to give the final answer"
            return evolve(self._report(), inconclusive=why)
        return self._report(answer=turn.text)

    def _bound(self) -> Literal["", "rounds", "tokens", "repetition"]:
        """What keeps the conductor from asking more."""
        if len(self.rounds) + 1 >= (self.max_rounds or MAX_ROUNDS):
            return "rounds"
        if self.max_tokens and (self.written or 0) >= self.max_tokens:
            return "tokens"
        return "repetition" if self.stale >= _MAX_STALE else ""

    async def _turn(self, tools: Sequence[Tool]) -> Turn | Failure:
        turn = await self.job.converse(self.detail.conductor, prompts.fitted(self.messages), tools)
        if isinstance(turn, Turn) and turn.in_text:  # its profile may have promised more
            self.detail = evolve(self.detail, how="text")
        if isinstance(turn, Turn) and self.written is not None:
            tokens = turn.usage.output_tokens
            self.written = None if tokens is None else self.written + tokens
            if tokens is None and self.max_tokens:
                self.job.note(
                    f"{self.detail.conductor} does not tell how many tokens it writes, "
                    "so that max_tokens does not bound it"
                )
        return turn

    async def _answer(self, turn: Turn) -> None:
        """Asks what the conductor wants to know, all at once, and hands it the results."""
        number = len(self.rounds) + 1
        if len(turn.calls) > MAX_HEARD:
            self.job.note(
                f"{self.detail.conductor} had {len(turn.calls):,} questions in round {number}; "
                f"all but the first {MAX_HEARD} are left out"
            )
            turn = evolve(turn, calls=turn.calls[:MAX_HEARD])
        self.messages.append(Message("assistant", turn.text, turn.calls))
        requests: dict[int, Request] = {}  # by the place of the call
        problems: dict[int, str] = {}
        for place, call in enumerate(turn.calls):
            wanted = self._request(call, number)
            if isinstance(wanted, str):
                problems[place] = wanted
            elif wanted in requests.values() or wanted.prompt in self.answered.get(wanted.backend, ()):
                problems[place] = "not asked again: you have asked it this before, word for word"
            elif len(requests) == MAX_CALLS:
                problems[place] = f"not asked: no more than {MAX_CALLS} questions at once"
            else:
                requests[place] = wanted
        outcomes = dict(zip(requests, await self.job.ask_all(list(requests.values())), strict=True))
        asked = {(request.backend, request.prompt) for request in requests.values()}
        self.stale = self.stale + 1 if asked <= self.asked else 0
        self.asked |= asked
        calls = []
        for place, call in enumerate(turn.calls):
            outcome = outcomes.get(place)
            if isinstance(outcome, Answer):
                self.answered.setdefault(outcome.backend, set()).add(outcome.request.prompt)
            why = problems.get(place, "") if outcome is None else _why_not(outcome)
            said = why if outcome is None else _said(outcome)
            self.messages.append(Message("tool", said, call_id=call.id, failed=bool(why)))
            calls.append(Call(_word(call, "backend"), _word(call, "prompt"), not why, why))
        self.rounds.append(Round(turn.text, tuple(calls)))

    def _request(self, call: ToolCall, number: int) -> Request | str:
        """What a call asks for, or what is wrong with it."""
        names = [other.name for other in self.others]
        if call.name != prompts.QUERY:
            return f"there is no tool {call.name!r:.80}, only {prompts.QUERY}"
        name, prompt = _word(call, "backend").strip(), _word(call, "prompt")
        if name not in names:
            return f"there is no backend {name!r:.80} to be asked, only {', '.join(names)}"
        if not prompt.strip():
            return "the prompt is missing"
        return Request(prompt, self.job.directory, name, access="read", label=f"round {number}")

    def _failed(self, failure: Failure) -> Report:
        if self.job.interrupted:
            return self._report()
        for other in self.others:
            if other.name != failure.backend and failure.kind != "cancelled":
                self.job.note(f"--conductor {other.name} lets {other.name} conduct instead")
                break
        number = len(self.rounds) + 1
        why = f"{failure.backend}, which conducts, failed in round {number}: {failure.message}"
        return evolve(self._report(), inconclusive=why)

    def _report(self, answer: str = "") -> Report:
        detail = evolve(self.detail, rounds=tuple(self.rounds), answer=answer)
        return report("conduct", self.job, detail)


def _word(call: ToolCall, name: str) -> str:
    value = call.arguments.get(name)
    return value if isinstance(value, str) else ""


def _said(outcome: Outcome) -> str:
    if isinstance(outcome, Answer):
        return spoken(outcome.reply)
    partial = f"\nWhat it had said until then:\n{outcome.partial}" if outcome.partial.strip() else ""
    return f"{outcome.backend} failed: {_why_not(outcome)}{partial}"


def _why_not(outcome: Outcome) -> str:
    return "" if isinstance(outcome, Answer) else f"{outcome.kind}: {outcome.message}"


def _conductor(job: Job, named: str | None) -> BackendInfo:
    infos = {info.name: info for info in job.backends()}
    able = {name: info for name, info in infos.items() if info.available and info.profile.answers_questions}
    if named is not None:
        if named not in infos:
            raise UnknownNameError("backend", named, infos)
        if named in able:
            return able[named]
        deaf = not infos[named].profile.answers_questions
        why = "answers no questions" if deaf else "is not available"
        raise NoBackendError(f"{named} cannot conduct, as it {why}", _ways_out(job, [infos[named]]))
    callers = [info for info in able.values() if info.profile.converses]
    if callers:
        return next((info for info in callers if info.name in job.chosen), callers[0])
    order = job.recommend(Request(_ANYBODY, job.directory, access="read")).order
    for name in order:
        if name in able:
            return able[name]
    raise NoBackendError("no backend is there that could conduct", _ways_out(job, job.backends()))


def _others(job: Job, conductor: BackendInfo) -> list[BackendInfo]:
    """Those that the conductor may ask; itself only if it was named for that, or if nobody else is there."""
    eligible = [info for info in job.backends() if info.eligible]
    missing = [name for name in job.chosen if name not in {info.name for info in eligible}]
    if missing and not eligible:
        raise NoBackendError(
            f"there is nobody for {conductor.name} to ask: {', '.join(missing)} cannot be asked",
            "`lok backends` shows who can",
        )
    if missing:
        job.note(f"{', '.join(missing)} cannot be asked; `lok backends` says why")
    others = [info for info in eligible if info.name != conductor.name or info.name in job.chosen]
    return others or [conductor]


def _ways_out(job: Job, wanted: Sequence[BackendInfo]) -> str:
    """How somebody gets to conduct."""
    keys = [
        info.profile.secrets[0]
        for info in wanted
        if info.profile.converses and info.profile.secrets and not info.available
    ]
    there = [info.name for info in job.backends() if info.eligible]
    missing = [
        info.name
        for info in job.backends()
        if info.profile.asked_by_default and info.profile.answers_questions and not info.available
    ]
    ways = [f"export {key}=..." for key in dict.fromkeys(keys)]
    if there:
        ways.append(f"--conductor {there[0]}")
    elif missing:
        ways.append(f"install and log in to {' or '.join(missing)} (`lok doctor` says how)")
    if not keys and not there:
        ways.insert(0, "pip install lok-backend-claude and export ANTHROPIC_API_KEY=...")
    return ", or ".join(ways)
