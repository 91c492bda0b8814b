"""Claude Code, and Claude by its API, as lok backends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from attrs import evolve

from lok_backend_claude.api import ClaudeApi
from lok_backend_claude.cli import ClaudeCode, ClaudeConfig
from lok_core import Backend, Health, Message, Reply, Request, Run, Tool, Turn, hookimpl

__version__ = "0.1.0"


class Claude(Backend):
    """The program `claude`, or the API where the configuration names a key and no program."""

    kind = "claude"
    Config: ClassVar[type] = ClaudeConfig
    profile = ClaudeCode.profile
    known_defaults: ClassVar[Mapping[str, Any]] = {"command": "claude", "model": "sonnet", "timeout": 600}

    def __init__(self, name: str, config: ClaudeConfig) -> None:
        super().__init__(name, config)
        way = ClaudeApi if config.api_key_env and config.command is None else ClaudeCode
        self._way: Backend = way(name, config)
        if isinstance(self._way, ClaudeCode):
            self.spec = self._way.spec  # for the cases of the contract
        # Unlike `claude-api`, which is there for everybody with a key, this table is somebody's choice.
        self.profile = evolve(self._way.profile, asked_by_default=True)

    def available(self, env: Mapping[str, str]) -> bool:
        return self._way.available(env)

    async def check(self, run: Run) -> Health:
        return await self._way.check(run)

    async def query(self, request: Request, run: Run) -> Reply:
        return await self._way.query(request, run)

    def planned(self, request: Request, run: Run) -> Sequence[str]:
        return self._way.planned(request, run)

    async def converse(self, messages: Sequence[Message], tools: Sequence[Tool], run: Run) -> Turn:
        return await self._way.converse(messages, tools, run)


@hookimpl
def lok_register_backends() -> Sequence[type[Backend]]:
    return [Claude, ClaudeApi]
