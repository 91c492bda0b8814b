"""Details of the modes in which several backends work together, with the text that is given in every place
that a model, a branch or a user of lok may fill."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from lok_core.details.conduct import Call, ConductDetail, Round
from lok_core.details.debate import DebateDetail, Debater, Statement, Verdict
from lok_core.details.plan import PlanDetail, PlannedRequest
from lok_core.details.smart import SmartDetail, SuggestDetail, Suggestion, Topic
from lok_core.details.spawn import Agent, Branch, Conflict, Leftover, SpawnDetail, SpawnedDetail
from lok_core.details.team import Piece, Revision, TeamDetail
from lok_core.models import Request, Vote
from lok_core.outcome import Detail

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def mode_details(said: str) -> dict[str, Detail]:
    """One detail for each mode, by its name."""
    topic = Topic("performance", ("slow", said))
    suggestion = Suggestion(
        (topic,), ("codex", "gemini"), (Vote("codex", 1.5, said),), unavailable=("gemini",), choice="codex"
    )
    branch = Branch("one", f"lok/7.1.abc/{said[:50]}", COMMIT, 1, 2, 3, said, said, said)
    request = Request(said, Path("/src/app"), "codex", access="read", label=said)
    return {
        "plan": PlanDetail(
            said,
            (
                PlannedRequest(request, "codex", said, 2, 3, ("codex", said, "{prompt}")),
                PlannedRequest(request, "gone", None, 2, 3, (), "unavailable", said, said),
            ),
            later=(said,),
        ),
        "suggest": SuggestDetail(said, suggestion),
        "smart": SmartDetail(said, suggestion),
        "team": TeamDetail(
            said,
            (Piece(topic, "codex", True, "gemini", Revision(1, 2, said)), Piece(topic, "gemini")),
            debate=True,
            summary=said,
            summary_by="claude",
        ),
        "debate": DebateDetail(
            said,
            rounds=3,
            seed=7,
            participants=(
                Debater("A", "codex"),
                Debater("B", "gemini"),
                Debater("C", "claude", 2, "timeout"),
            ),
            statements=(
                Statement(1, "A", said, 80),
                Statement(2, "A", said, 60, (Verdict("B", "partly"),), changed=True, gave_way=True),
                Statement(2, "B", said, None, (Verdict("A", "unread"),), changed=True, evidence=said),
            ),
            result="split",
            decided_in=3,
            minority=("A", "B"),
        ),
        "spawn": SpawnDetail(
            said,
            agents=(Agent("one", said, "codex", ok=True), Agent("two", said, "gemini", problem=said)),
            planner="claude",
            write=True,
            summary=said,
            summary_by="claude",
            root=said,
            base="b" * 40,
            dirty=True,
            branches=(branch, evolve(branch, directory="", problem="")),
            conflicts=(Conflict(branch.name, "", (said,)),),
        ),
        "spawned": SpawnedDetail(
            (
                Leftover(
                    *("7.1.abc", said, branch.name, COMMIT),
                    ahead=1,
                    uncommitted=2,
                    directory=said,
                    known=True,
                    repository=said,
                ),
            )
        ),
        "conduct": ConductDetail(
            said,
            conductor="claude",
            how="text",
            rounds=(Round(said, (Call("codex", said, True), Call(said, said, False, said))),),
            answer=said,
            bounded_by="rounds",
        ),
    }
