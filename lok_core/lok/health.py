"""Whether the backends are ready."""

from __future__ import annotations

import os
from pathlib import Path

import trio
from attrs import evolve

from lok_core.attempt import Attempt
from lok_core.engine import Engine
from lok_core.models import Health, Request
from lok_core.outcome import Failure


async def check(engine: Engine) -> dict[str, Health]:
    """What each backend says of itself, by name, sorted; what goes wrong with one becomes its health."""
    healths: dict[str, Health] = {}

    async def examine(name: str, number: int) -> None:
        backend = engine.panel.get(name)
        nothing = Request("check", Path(os.path.sep), backend=name)
        found = await engine.perform(Attempt(engine, nothing, backend, number, backend.check))
        if isinstance(found, Failure):
            message, hint = found.message, "" if found.kind == "timeout" else found.hint
            found = Health(ready=False, message=message, hint=hint)
        healths[name] = evolve(found, message=engine.panel.mask(found.message))

    names = sorted(engine.panel.backends)
    async with trio.open_nursery() as nursery:
        for number, name in enumerate(names, 1):
            nursery.start_soon(examine, name, number)
    return {name: healths[name] for name in names}
