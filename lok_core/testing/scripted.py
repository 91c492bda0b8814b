"""A backend that does what a test says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import trio
from attrs import define, field, frozen

from lok_core.interfaces import Backend, NoConfig, Run
from lok_core.models import Profile, Reply, Request


@frozen
class Step:
    """What happens on one query.

    Attributes:
        reply: what is given back; a text stands for a reply of it.
        after_s: seconds until then.
        says: chunks said before that.
        error: raised instead.
    """

    reply: Reply | str = "ok"
    after_s: float = 0.0
    says: tuple[str, ...] = ()
    error: Exception | None = None


@define(eq=False, slots=False)
class ScriptedBackend(Backend):
    """Takes one step of its script for each query, the last one again and again.

    Attributes:
        script: the steps, or a function from the request to its step.
        requests: what was asked so far, in order.
    """

    name: str = "scripted"
    script: Sequence[Step] | Callable[[Request], Step] = (Step(),)
    profile: Profile = field(factory=lambda: Profile(access=("none", "read")))
    requests: list[Request] = field(factory=list)
    config: NoConfig = field(factory=NoConfig)
    kind = "scripted"

    async def query(self, request: Request, run: Run) -> Reply:
        self.requests.append(request)
        if callable(self.script):
            step = self.script(request)
        else:
            step = self.script[min(len(self.requests), len(self.script)) - 1]
        for chunk in step.says:
            run.text(chunk)
        await trio.sleep(step.after_s)
        if step.error is not None:
            raise step.error
        return Reply(step.reply) if isinstance(step.reply, str) else step.reply
