"""Whether asking several backends takes as long as the slowest of them, and not as long as all together.

    python benchmarks/fanout.py

Scripted backends that each take two seconds are asked through a whole lok: three of them once, and three of
them four times each. Prints the wall time as a ratio of these two seconds; exits with 1 above 1.3x.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import trio

from lok_core import Backend, Prompt, PromptTask, Reply, Request, Run, Task, hookimpl, open_lok
from lok_core.registry import Plugin, Registry

SECONDS = 2.0
BOUND = 1.3


class Slow(Backend):
    """Answers after two seconds, with a real process, as adapters do."""

    kind = "slow-a"

    async def query(self, request: Request, run: Run) -> Reply:
        await run.command(["sleep", str(SECONDS)])
        return Reply("done")


class SlowB(Slow):
    kind = "slow-b"


class SlowC(Slow):
    kind = "slow-c"


class FourPrompts(PromptTask):
    name = "four"
    description = "Asks four questions"
    prompts = tuple(Prompt(name, "why?") for name in ("one", "two", "three", "four"))


class SlowPlugin:
    """What a plugin's module would hold."""

    @staticmethod
    @hookimpl
    def lok_register_backends() -> list[type[Backend]]:
        return [Slow, SlowB, SlowC]

    @staticmethod
    @hookimpl
    def lok_register_tasks() -> list[type[Task]]:
        return [FourPrompts]


async def main() -> int:
    registry = Registry()
    registry.add(Plugin("benchmark", "0", "slow", lambda: SlowPlugin))
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for what, requests in (("3 backends, 1 prompt", 3), ("3 backends, 4 prompts", 12)):
            begin = time.monotonic()
            async with open_lok(
                Path(folder),
                env=os.environ,
                state_dir=Path(folder) / "state",
                plugins=lambda env: registry,
                backends=["all"],
            ) as lok:
                if requests == 3:
                    report = await lok.ask("why?", Path(folder))
                else:
                    report = await lok.run_task("four", Path(folder))
            ratio = (time.monotonic() - begin) / SECONDS
            answered = sum(type(outcome).__name__ == "Answer" for outcome in report.outcomes)
            print(
                f"{what}: {answered} of {requests} answered, {ratio:.2f}x of {SECONDS:g} s (bound {BOUND}x)"
            )
            failed |= ratio > BOUND or answered != requests
    return int(failed)


if __name__ == "__main__":
    sys.exit(trio.run(main))
