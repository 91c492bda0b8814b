"""Team: each kind of work in a task goes to the backend that suits it best, and one of them sums up."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from attrs import define, evolve

from lok_core.details.smart import Topic
from lok_core.details.team import Piece, Revision, TeamDetail
from lok_core.interfaces import Job
from lok_core.models import CATEGORIES, Category, Request
from lok_core.modes.generalist import only_failed, sum_up
from lok_core.modes.reporting import report
from lok_core.modes.smart import choice, suggested
from lok_core.modes.task import in_thread
from lok_core.outcome import Answer, Failure, Outcome, Report
from lok_core.prompts import team as prompts
from lok_core.reply import spoken
from lok_core.topics import topics

AT_LARGE: tuple[Category, ...] = ("errors", "performance", "security", "architecture")
"""The parts of a task that names none."""
DIFF_LINES, DIFF_LENGTH = 200, 20_000
"""Lines and characters of a diff that are kept."""
_COMPARED_LINES = 1_000
"""Far more than answers have; without a limit, comparing two of a malicious shape would take minutes."""
_VAGUE = {"bug", "bugs", "buggy", "defect", "defects", "mistake", "mistakes"}
"""Words that speak of errors and mean anything that is wrong."""


@define
class _Share:
    """A part of the task, and the last that its backend said of it."""

    piece: Piece
    outcome: Outcome

    @property
    def answer(self) -> Answer | None:
        return self.outcome if isinstance(self.outcome, Answer) else None


async def team(job: Job, task: str, *, debate: bool = False) -> Report:
    """The answers to the parts of the task, and their summary where there are several.

    Raises:
        NoBackendError: there is nobody to ask.
    """
    pieces = _pieces(job, task)
    outcomes = await job.ask_all([_request(job, task, piece, pieces) for piece in pieces])
    shares = [
        _Share(evolve(piece, answered=isinstance(outcome, Answer)), outcome)
        for piece, outcome in zip(pieces, outcomes, strict=True)
    ]
    if debate:
        await _debate(job, shares)
    detail = TeamDetail(task, tuple(share.piece for share in shares), debate)
    if not job.interrupted:
        detail = await _summed_up(job, detail, [share.answer for share in shares if share.answer])
    return report("team", job, detail)


def parts(task: str) -> tuple[Topic, ...]:
    """The kinds of work in a task; the usual four where it names none."""
    found = topics(task)
    if all(topic.category == "general" or _VAGUE.issuperset(topic.words) for topic in found):
        return tuple(Topic(category) for category in AT_LARGE)
    return tuple(sorted(found, key=lambda topic: CATEGORIES.index(topic.category)))


def _pieces(job: Job, task: str) -> list[Piece]:
    pieces = []
    for topic in parts(task):
        request = Request(task, job.directory, access="read", category=topic.category)
        pieces.append(Piece(topic, choice(job, suggested(job, request))))
    return pieces


def _request(job: Job, task: str, piece: Piece, pieces: Sequence[Piece]) -> Request:
    own = piece.topic.category
    others = [other.topic.category for other in pieces if other is not piece]
    return Request(
        prompts.part(task, own, others) if others else task,
        job.directory,
        backend=piece.backend,
        access="read",
        label=own,
        category=own,
    )


async def _debate(job: Job, shares: Sequence[_Share]) -> None:
    """Each answer is read by another backend and then revised by its author."""
    reading = [(share, request) for share in shares if (request := _critique_of(job, share))]
    critiques = await job.ask_all([request for _, request in reading])
    revising = [
        (share, request)
        for (share, _), critique in zip(reading, critiques, strict=True)
        if (request := _revision_of(job, share, critique))
    ]
    revisions = await job.ask_all([request for _, request in revising])
    for (share, _), second in zip(revising, revisions, strict=True):
        await _take(job, share, second)


def _critique_of(job: Job, share: _Share) -> Request | None:
    """What another backend is asked about the answer, if there is one and somebody to read it."""
    if share.answer is None or job.interrupted:
        return None
    critic = _critic(job, share.answer)
    if critic is None:
        job.note(f"nobody else is there to read what {share.piece.backend} answered")
        return None
    asked = share.answer.request
    prompt = prompts.critique(asked.prompt, spoken(share.answer.reply))
    return evolve(asked, prompt=prompt, backend=critic, label=f"{asked.label}: critique")


def _revision_of(job: Job, share: _Share, critique: Outcome) -> Request | None:
    """What the author is asked once his answer was read."""
    assert share.answer is not None
    if isinstance(critique, Answer):
        share.piece = evolve(share.piece, critic=critique.backend)
    if job.interrupted:
        return None
    if isinstance(critique, Failure):
        job.note(f"{critique.backend} could not read what {share.piece.backend} answered ({critique.kind})")
        return None
    asked = share.answer.request
    prompt = prompts.revision(asked.prompt, spoken(share.answer.reply), spoken(critique.reply))
    return evolve(asked, prompt=prompt, label=f"{asked.label}: revised")


async def _take(job: Job, share: _Share, second: Outcome) -> None:
    """The second answer takes the place of the first one."""
    assert share.answer is not None
    if isinstance(second, Answer):
        first, share.outcome = share.answer, second
        with job.interruptible():
            revision = await in_thread(compared, spoken(first.reply), spoken(second.reply))
            share.piece = evolve(share.piece, revision=revision)
    elif not job.interrupted:
        name = share.piece.backend
        job.note(f"{name} could not revise its answer ({second.kind}); the first one stands")


def _critic(job: Job, answer: Answer) -> str | None:
    """Who suits the subject best and is not the author; one that can read, and has not only failed so far,
    if there is one."""
    infos = {info.name: info for info in job.backends()}
    others = [name for name in job.recommend(answer.request).order if name != answer.backend]
    able = [name for name in others if "read" in infos[name].profile.access]
    failed = only_failed(job)
    return min(able or others, key=lambda name: name in failed, default=None)


def compared(first: str, second: str) -> Revision:
    """What became of a text, as counts of lines and as a unified diff."""
    diff = list(
        difflib.unified_diff(_lines(first), _lines(second), "first answer", "revised", n=1, lineterm="")
    )
    added = sum(line.startswith("+") for line in diff[2:])
    removed = sum(line.startswith("-") for line in diff[2:])
    shown = "\n".join(diff[:DIFF_LINES])
    if len(diff) > DIFF_LINES or len(shown) > DIFF_LENGTH:
        shown = f"{shown[:DIFF_LENGTH]}\n[the rest is left out]"
    return Revision(added, removed, shown)


def _lines(text: str) -> list[str]:
    """The lines of a text; what exceeds the limit is one of them."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    rest = lines[_COMPARED_LINES:]
    return [*lines[:_COMPARED_LINES], *(["\n".join(rest)] if rest else [])]


async def _summed_up(job: Job, detail: TeamDetail, answers: Sequence[Answer]) -> TeamDetail:
    if len(answers) < 2:
        return detail
    unanswered = [piece.topic.category for piece in detail.pieces if not piece.answered]
    told = [(answer.request.category, answer.backend, spoken(answer.reply)) for answer in answers]
    outcome = await sum_up(job, prompts.summary(detail.task, told, unanswered))
    if isinstance(outcome, Answer):
        return evolve(detail, summary=spoken(outcome.reply), summary_by=outcome.backend)
    if outcome is not None:
        job.note(f"{outcome.backend} could not sum up ({outcome.kind}); the answers stand alone")
    return detail
