"""The backend: which leads a request gets, from one analysis per directory."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lok_core import Backend, BackendError, Health, Profile, Reply, Request, Run

if TYPE_CHECKING:
    import trio

    from lok_backend_static.analysis import Analysis

_NOTES = {
    "auth": "patterns know some mistakes only; whether access is checked everywhere needs a language model",
    "dead-code": "dead code is looked for within each file only; what no other file uses is not found",
}


class Static(Backend):
    """Reports what the rules of ruff, ast-grep and the secrets scan find, as leads for a person to judge."""

    kind = "static"
    profile = Profile(
        strengths=("secrets", "injection", "security", "errors", "performance", "dead-code"),
        style="ruff, ast-grep and secret patterns: fast leads, no understanding",
        is_llm=False,
        answers_questions=False,
        access=("read",),
    )

    def __init__(self, name: str, config: Any) -> None:
        super().__init__(name, config)
        self._turns: dict[Path, _Turn] = {}

    def available(self, env: Mapping[str, str]) -> bool:
        from lok_backend_static.programs import missing

        return not missing(env)

    async def check(self, run: Run) -> Health:
        from lok_backend_static.programs import INSTALL, find, missing

        absent = missing(run.env)
        if absent:
            return Health(ready=False, message=f"{' and '.join(absent)} not found", hint=INSTALL)
        return Health(ready=True, program=find("ruff", run.env))

    async def query(self, request: Request, run: Run) -> Reply:
        analysis = await self._analysis(request.directory, run)
        note = _NOTES.get(request.category)
        return Reply(
            data={"findings": analysis.findings(request.category)},
            notes=(*((note,) if note else ()), *analysis.notes),
        )

    async def _analysis(self, directory: Path, run: Run) -> Analysis:
        """The analysis of the directory, made by whoever comes first; the others wait for it.

        One that is cancelled leaves nothing behind, and the next in line starts afresh. A failure that the
        analysers gave is kept: they would give it again.
        """
        import trio

        from lok_backend_static.analysis import analyse

        turn = self._turns.get(directory)
        if turn is None:
            turn = self._turns[directory] = _Turn(trio.Lock())
        async with turn.lock:
            if turn.failure is not None:
                raise BackendError(turn.failure.kind, turn.failure.message, turn.failure.hint)
            if turn.analysis is None:
                try:
                    turn.analysis = await analyse(directory, run)
                except BackendError as error:
                    turn.failure = error
                    raise
            return turn.analysis


class _Turn:
    """What is known about a directory, and the lock of who finds out."""

    def __init__(self, lock: trio.Lock) -> None:
        self.lock = lock
        self.analysis: Analysis | None = None
        self.failure: BackendError | None = None
