"""Three backends and one piece of code: what of their words reaches the report, and what makes it fail."""

import itertools
from contextlib import asynccontextmanager

import pytest

from lok_core import BackendError, Prompt, PromptTask, Reply, hookimpl, open_lok
from lok_core.findings.judge import gating, undecided
from lok_core.outcome import Answer, Gate, Location, Screening
from lok_core.registry import Plugin, Registry
from lok_core.testing import ScriptedBackend, Step

LINE = 'cursor.execute(f"SELECT * FROM users WHERE id = {user_id}")'
CODE = "\n".join([*(f"step_{number}()" for number in range(1, 12)), f"    {LINE}", "done()", ""])
RIGHT = {
    "findings": [
        {
            "title": "SQL injection through user_id",
            "explanation": "The id is put into the statement.",
            "severity": "high",
            "category": "injection",
            "file": "app/db.py",
            "line": 12,
            "end_line": None,
            "quote": LINE,
            "rule": None,
            "area": None,
        }
    ]
}
DRIFTED = f"""I found one problem.

1. **[Critical] SQL injection** in `app/db.py:40`: the user id goes into the SQL text unescaped.

   ```python
   {LINE}
   ```
"""
INVENTED = "- **High** `app/ghost.py:7`: the session token is written to the log in clear text\n"
UNREADABLE = "Here is how it works: app/db.py:12 calls app/db.py:13, which calls it back."


class Review(PromptTask):
    name = "review"
    description = "Reviews"
    prompts = (Prompt("sql", "Find SQL injection", category="injection"),)


def offering(kind, *steps):
    class Offered(ScriptedBackend):
        def __init__(self, name, config):
            super().__init__(name, steps)

    Offered.kind = kind
    return Offered


def saying(answer):
    if isinstance(answer, BackendError):
        return Step(error=answer)
    return Step(Reply(data=answer) if isinstance(answer, dict) else answer)


@pytest.fixture
def code(tmp_path):
    (tmp_path / "code" / "app").mkdir(parents=True)
    (tmp_path / "code" / "app" / "db.py").write_text(CODE)
    return tmp_path / "code"


@asynccontextmanager
async def panel(tmp_path, **answers):
    """A lok with backends by name, each with an answer, or several for one request after the other."""

    class Module:
        @hookimpl
        def lok_register_backends(self):
            return [
                offering(name, *map(saying, answer if isinstance(answer, list) else [answer]))
                for name, answer in answers.items()
            ]

        @hookimpl
        def lok_register_tasks(self):
            return [Review]

    registry = Registry()
    registry.add(Plugin("lok-test", "1", "test", Module))
    assert not registry.broken
    places = {"env": {}, "state_dir": tmp_path / "state", "plugins": lambda env: registry}
    async with open_lok(tmp_path, **places, backends=list(answers)) as lok:
        yield lok


async def reviewed(tmp_path, code, screening=None, **answers):
    async with panel(tmp_path, **answers) as lok:
        return await lok.run_task("review", code, screening)


async def test_the_agreed_finding_is_told_once_at_the_right_line_and_the_invention_is_flagged(tmp_path, code):
    report = await reviewed(tmp_path, code, codex=RIGHT, gemini=DRIFTED, claude=INVENTED)
    agreed, invented = report.findings
    assert (agreed.agreement, agreed.grounding, agreed.locations) == (
        2,
        "exact",
        (Location("app/db.py", 12),),
    )
    assert (agreed.severity, agreed.quote) == ("critical", LINE)
    told = {source.backend: (source.severity, source.place.line) for source in agreed.sources}
    assert told == {"codex": ("high", 12), "gemini": ("critical", 40)}
    assert (invented.grounding, invented.agreement) == ("file-missing", 1)
    assert [participant.name for participant in report.backends] == ["claude", "codex", "gemini"]


async def test_drifted_lines_alone_are_moved(tmp_path, code):
    report = await reviewed(tmp_path, code, gemini=DRIFTED)
    (moved,) = report.findings
    assert (moved.grounding, moved.locations) == ("moved", (Location("app/db.py", 12),))


@pytest.mark.parametrize(
    ("fail_on", "quorum", "only_grounded", "broken"),
    [
        *itertools.product(
            ["critical", "high", "medium"],
            [1, 2, 3],
            [False, True],
            [None, "codex", "gemini", "claude"],
        )
    ],
)
async def test_the_gate_counts_what_it_should(tmp_path, code, fail_on, quorum, only_grounded, broken):
    answers = {"codex": RIGHT, "gemini": DRIFTED, "claude": INVENTED}
    if broken:
        answers[broken] = BackendError("quota", "used up")
    gate = Gate(fail_on, quorum, only_grounded)
    report = await reviewed(tmp_path, code, Screening(gate=gate, only_grounded=only_grounded), **answers)
    agreement = 2 - (broken in ("codex", "gemini"))
    # Without gemini nobody calls it critical.
    bad_enough = fail_on != "critical" or broken != "gemini"
    agreed = bad_enough and agreement >= quorum
    invented = broken != "claude" and not only_grounded and quorum == 1 and fail_on != "critical"
    assert len(gating(report)) == agreed + invented
    assert bool(undecided(report)) == (broken is not None)


async def test_a_quorum_that_cannot_be_reached_leaves_the_gate_undecided(tmp_path, code):
    report = await reviewed(tmp_path, code, Screening(gate=Gate("low", 2)), codex=RIGHT)
    assert gating(report) == []
    assert undecided(report) == "2 backends have to agree, and 1 answered"


async def test_what_is_left_out_is_counted(tmp_path, code):
    screening = Screening(only_grounded=True, min_severity="high")
    report = await reviewed(tmp_path, code, screening, codex=RIGHT, claude=INVENTED)
    assert [finding.title for finding in report.findings] == ["SQL injection through user_id"]
    assert "1 finding was left out, as --min-severity or --only-grounded asks" in report.notes


class TestRepair:
    """An answer in which no finding could be recognised is asked for once more as JSON."""

    async def test_its_findings_count(self, tmp_path, code):
        report = await reviewed(tmp_path, code, codex=[UNREADABLE, RIGHT])
        assert [finding.locations for finding in report.findings] == [(Location("app/db.py", 12),)]
        first, second = report.outcomes
        assert (first.unparsed_locations, second.unparsed_locations) == (0, 0)
        assert UNREADABLE in second.request.prompt
        assert second.request.access == "none"
        assert (
            "no finding could be read from the answer of codex to sql; it is asked for once more as JSON"
            in (report.notes)
        )

    async def test_it_goes_to_the_same_backend_only(self, tmp_path, code):
        report = await reviewed(tmp_path, code, codex=[UNREADABLE, RIGHT], gemini=DRIFTED)
        assert [outcome.backend for outcome in report.outcomes] == ["codex", "gemini", "codex"]

    async def test_it_is_asked_once(self, tmp_path, code):
        report = await reviewed(tmp_path, code, codex=UNREADABLE)
        assert [outcome.unparsed_locations for outcome in report.outcomes] == [2, 2]
        assert report.findings == ()

    async def test_it_can_be_switched_off(self, tmp_path, code):
        report = await reviewed(tmp_path, code, Screening(repair=False), codex=[UNREADABLE, RIGHT])
        assert (len(report.outcomes), report.findings) == (1, ())

    async def test_a_failure_of_it_loses_nothing(self, tmp_path, code):
        broken = BackendError("quota", "used up")
        report = await reviewed(tmp_path, code, codex=[UNREADABLE, broken])
        first, second = report.outcomes
        assert isinstance(first, Answer)
        assert second.kind == "quota"


async def test_known_findings_are_marked_and_do_not_gate(tmp_path, code):
    baseline = tmp_path / "baseline.json"
    screening = Screening(gate=Gate("low"), baseline=baseline, update_baseline=True)
    async with panel(tmp_path, codex=RIGHT) as lok:
        report = await lok.run_task("review", code, screening)
        baseline.write_text(await lok.updated_baseline(report, screening))
    assert [finding.known for finding in report.findings] == [False]
    again = await reviewed(
        tmp_path, code, Screening(gate=Gate("low"), baseline=baseline), codex=RIGHT, claude=INVENTED
    )
    assert {finding.title: finding.known for finding in again.findings} == {
        "SQL injection through user_id": True,
        again.findings[1].title: False,
    }
    assert len(gating(again)) == 1


async def test_a_known_finding_is_known_in_a_file_that_was_renamed(tmp_path, code):
    baseline = tmp_path / "baseline.json"
    screening = Screening(baseline=baseline, update_baseline=True)
    async with panel(tmp_path, gemini=DRIFTED) as lok:
        baseline.write_text(
            await lok.updated_baseline(await lok.run_task("review", code, screening), screening)
        )
    (code / "app" / "db.py").rename(code / "app" / "store.py")
    renamed = DRIFTED.replace("db.py", "store.py")
    report = await reviewed(tmp_path, code, Screening(baseline=baseline), gemini=renamed)
    assert [finding.known for finding in report.findings] == [True]


async def test_a_comment_in_the_code_suppresses_with_its_reason(tmp_path, code):
    suppressed = CODE.replace(LINE, f"{LINE}  # lok: ignore[injection] ids are integers")
    (code / "app" / "db.py").write_text(suppressed)
    report = await reviewed(tmp_path, code, Screening(gate=Gate("low")), codex=RIGHT)
    assert [finding.suppressed for finding in report.findings] == ["ids are integers"]
    assert gating(report) == []
