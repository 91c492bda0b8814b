"""What a run would ask, as it is told by `--plan`."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from lok_core.models import FailureKind, Request
from lok_core.outcome import Detail


@frozen
class PlannedRequest:
    """A request that would be sent.

    Attributes:
        backend: the configured name.
        model: that it names, or its backend's configuration does; None: the program's own choice.
        characters, bytes: of its prompt; an adapter may add a sentence of its own.
        argv: the command line. `{prompt}` stands for the prompt, `{folder}` for a private folder of the run.
            Empty where none is started, or where it is not known beforehand.
        problem: the kind of failure that would keep it from being sent; None if nothing would.
        message, hint: of that failure.
    """

    request: Request
    backend: str
    model: str | None
    characters: int
    bytes: int
    argv: tuple[str, ...] = ()
    problem: FailureKind | None = None
    message: str = ""
    hint: str = ""


@frozen
class PlanDetail(Detail):
    """Report.detail of any command with `--plan`.

    Attributes:
        prompt: what it is about, in the user's own words; empty for tasks, whose prompts are in the requests.
        requests: in the order in which they would be asked.
        later: what else would be asked, one line each: it depends on answers.
    """

    prompt: str
    requests: tuple[PlannedRequest, ...]
    later: tuple[str, ...] = ()
    mode: Literal["plan"] = "plan"

    @property
    def sendable(self) -> tuple[PlannedRequest, ...]:
        """Those that nothing would keep from being sent."""
        return tuple(one for one in self.requests if one.problem is None)
