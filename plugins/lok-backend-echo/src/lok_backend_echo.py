"""The smallest backend: it gives the prompt back. Start your own from it."""

from __future__ import annotations

from lok_core import Backend, Profile, Reply, Request, Run, hookimpl

__version__ = "0.1.0"


class Echo(Backend):
    """Answers with the prompt; asked only by name."""

    kind = "echo"
    profile = Profile(style="gives the prompt back", asked_by_default=False)

    async def query(self, request: Request, run: Run) -> Reply:
        finished = await run.command(["cat"], stdin=request.prompt.encode())
        return Reply(finished.stdout.decode())


@hookimpl
def lok_register_backends() -> list[type[Backend]]:
    return [Echo]
