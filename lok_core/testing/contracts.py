"""The contracts as classes for pytest: subclass one, override its fixture, done.

The names lack `Test` so that only subclasses are collected.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from attrs import evolve

from lok_core.interfaces import Backend, Renderer, Rule, Task
from lok_core.testing.bench import opened
from lok_core.testing.case import Case, Subject, subject_of

if "lok_core.testing.cases" not in sys.modules:  # so that a failing case shows the values it compared
    pytest.register_assert_rewrite("lok_core.testing.cases")

from lok_core.testing.cases import BACKEND, RENDERER, RULE, TASK

_MISSING = "override the fixture `{0}`: it returns an instance of your {0}"


class BackendContract:
    """What every backend keeps to, through real processes and lok's own engine.

    Attributes:
        program: the name of the program that it starts, where no `spec` of it says so.
        left_out: cases that do not hold for it, by name, each with the reason.
    """

    program: ClassVar[str] = ""
    left_out: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def backend(self) -> Backend:
        """The backend; override it."""
        raise NotImplementedError(_MISSING.format("backend"))

    def says(self, answer: str) -> str:
        """What the program prints when that is its answer; override it where no `spec` of it says so."""
        return answer

    @pytest.fixture
    def subject(self, case: Case, backend: Backend) -> Subject:
        """The backend with what is known of its program, if the case holds for it."""
        subject = subject_of(backend)
        if self.program:
            subject = evolve(subject, program=self.program, says=self.says)
        # Not in the test: what is raised below trio's run loop loses the reason.
        _skip(self.left_out, case, case.left_out(subject))
        return subject

    @pytest.mark.trio
    @pytest.mark.parametrize("case", BACKEND, ids=str)
    async def test_contract(self, case: Case, subject: Subject, tmp_path: Path) -> None:
        async with opened(tmp_path / "bench", subject) as bench:
            await case.check(bench)


class TaskContract:
    """What every task keeps to, with scripted backends.

    Attributes:
        left_out: cases that do not hold for it, by name, each with the reason.
    """

    left_out: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def task(self) -> Task:
        """The task; override it."""
        raise NotImplementedError(_MISSING.format("task"))

    @pytest.fixture
    def subject(self, case: Case, task: Task) -> Task:
        """The task, if the case holds for it."""
        _skip(self.left_out, case)
        return task

    @pytest.mark.trio
    @pytest.mark.parametrize("case", TASK, ids=str)
    async def test_contract(self, case: Case, subject: Task) -> None:
        await case.check(subject)


class RuleContract:
    """What every delegation rule keeps to.

    Attributes:
        left_out: cases that do not hold for it, by name, each with the reason.
    """

    left_out: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def rule(self) -> Rule:
        """The rule; override it."""
        raise NotImplementedError(_MISSING.format("rule"))

    @pytest.mark.parametrize("case", RULE, ids=str)
    def test_contract(self, case: Case, rule: Rule) -> None:
        _skip(self.left_out, case)
        case.check(rule)


class RendererContract:
    """What every renderer keeps to, with `sample_reports()`.

    Attributes:
        left_out: cases that do not hold for it, by name, each with the reason.
    """

    left_out: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def renderer(self) -> Renderer:
        """The renderer; override it."""
        raise NotImplementedError(_MISSING.format("renderer"))

    @pytest.mark.parametrize("case", RENDERER, ids=str)
    def test_contract(self, case: Case, renderer: Renderer) -> None:
        _skip(self.left_out, case)
        case.check(renderer)


def _skip(left_out: Mapping[str, str], case: Case, why: str = "") -> None:
    if why := left_out.get(case.name, why):
        pytest.skip(why)
