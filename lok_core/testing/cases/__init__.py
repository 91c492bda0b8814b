"""The cases of the contracts: plain functions that raise AssertionError with what has to be mended."""

from __future__ import annotations

from lok_core.testing.case import Case
from lok_core.testing.cases import (
    answers,
    failures,
    offers,
    processes,
    prompts,
    renderers,
    rules,
    tasks,
    traces,
)

BACKEND: tuple[Case, ...] = (
    *offers.CASES,
    *prompts.CASES,
    *answers.CASES,
    *failures.CASES,
    *processes.CASES,
    *traces.CASES,
)
TASK: tuple[Case, ...] = tuple(tasks.CASES)
RULE: tuple[Case, ...] = tuple(rules.CASES)
RENDERER: tuple[Case, ...] = tuple(renderers.CASES)
