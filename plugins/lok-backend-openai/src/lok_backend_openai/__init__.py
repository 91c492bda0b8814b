"""Any endpoint that speaks OpenAI's chat completions, as a lok backend: Ollama, vLLM, LM Studio, OpenAI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, field, frozen

from lok_backend_openai.address import OPENAI, Address, family, is_variable, problem_of
from lok_core import (
    Backend,
    BackendError,
    Health,
    Message,
    Profile,
    Reply,
    Request,
    Run,
    Tool,
    Turn,
    hookimpl,
)

if TYPE_CHECKING:
    from lok_backend_openai.chat import Chat

__version__ = "0.1.0"

_OWN = {
    "messages": "lok sends the prompt as the only message",
    "model": "the table has a key `model`, the command line -m NAME=MODEL",
    "stream": "lok streams all answers",
}
"""Keys of a request's body that are lok's."""


@frozen
class OpenAIConfig:
    """A table with `use = "openai"` in lok.toml.

    Attributes:
        base_url: the address below which `chat/completions` lies; it ends in /v1 as a rule. Without it,
            OPENAI_BASE_URL, or OpenAI's own.
        model: as the server calls it; unneeded where it has exactly one.
        key_env: the variable that holds the key. Without it, OPENAI_API_KEY where there is no `base_url`, and
            no key where there is one.
        tools: whether the model may be offered tools; else a conversation goes in plain text.
        body: further keys of the request's body (temperature, max_tokens, ...), as the server knows them.
    """

    base_url: str | None = field(default=None)
    model: str | None = None
    key_env: str | None = field(default=None)
    tools: bool = True
    body: Mapping[str, Any] = field(factory=dict)

    @base_url.validator
    def _usable(self, attribute: object, value: str | None) -> None:
        if value is not None and (problem := problem_of(value)):
            raise ValueError(f"base_url: {problem}")

    @key_env.validator
    def _names_a_variable(self, attribute: object, value: str | None) -> None:
        if value is not None and not is_variable(value):  # which may be the key itself, and is not repeated
            raise ValueError(
                "key_env: the name of the variable that holds the key is expected, such as MY_API_KEY, "
                "not the key"
            )

    @body.validator
    def _can_be_sent(self, attribute: object, value: Mapping[str, Any]) -> None:
        import json  # few have it

        for key, part in value.items():
            if key in _OWN:
                raise ValueError(f"body: {key!r} does not belong here; {_OWN[key]}")
            try:
                json.dumps(part, allow_nan=False)
            except TypeError as error:
                raise ValueError(f"body: {key!r}: JSON has no dates; put it in quotes") from error
            except ValueError as error:
                raise ValueError(f"body: {key!r}: JSON has neither nan nor inf") from error


class OpenAI(Backend):
    """Asks one endpoint; it sees the prompt and nothing else."""

    kind = "openai"
    Config: ClassVar[type] = OpenAIConfig
    profile = Profile(
        strengths=("general",),
        style="any OpenAI-compatible server, local or not: answers from the prompt alone, needs no program",
        secrets=("OPENAI_API_KEY",),
        env=("OPENAI_BASE_URL",),
        asked_by_default=False,
        output_schema=True,
        streams_progress=True,
        converses=True,
    )

    def __init__(self, name: str, config: Any) -> None:
        super().__init__(name, config)
        # A table that names a server or a model is somebody's choice; a key in the environment may be there
        # for other programs.
        chosen = bool(config.base_url or config.model)
        self.address = Address(name, config.base_url, config.key_env)
        style = f"{config.model or 'the model'} at {config.base_url or OPENAI}: answers from the prompt alone"
        self.profile = evolve(
            type(self).profile,
            style=style if chosen else type(self).profile.style,
            aliases=family(config.model),
            secrets=self.address.key_names,
            asked_by_default=chosen,
            converses=config.tools and chosen,
        )
        self._lacks: set[str] = set()  # what the endpoint has turned out not to understand
        self._only_model: str | None = None

    def available(self, env: Mapping[str, str]) -> bool:
        return not self._missing(env)

    async def check(self, run: Run) -> Health:
        from lok_backend_openai.health import health  # listing the plugins imports this module

        if missing := self._missing(run.env):
            return Health(
                ready=False,
                logged_in=False if missing.kind == "auth" else None,
                message=missing.message,
                hint=missing.hint,
            )
        return await health(self.address, self.config.model, run)

    async def query(self, request: Request, run: Run) -> Reply:
        from lok_backend_openai.chat import opened, structured

        asked: dict[str, Any] = {"messages": [{"role": "user", "content": request.prompt}]}
        if request.output_schema is not None:
            asked["response_format"] = structured(request.output_schema)
        async with opened(self.address, run, self._lacks) as chat:
            model = await self._model(request.model, chat)
            said = await chat.ask({"model": model, **asked, **self.config.body})
        notes = () if request.access == "none" else ("the API does not see the directory, only the prompt",)
        data = None if request.output_schema is None else said.data
        return Reply(said.text, data, said.usage, session=said.id, model=said.model or model, notes=notes)

    async def converse(self, messages: Sequence[Message], tools: Sequence[Tool], run: Run) -> Turn:
        from lok_backend_openai.chat import conversation, offered, opened

        asked: dict[str, Any] = {"messages": conversation(messages)}
        if tools:
            asked["tools"] = offered(tools)
        async with opened(self.address, run, self._lacks) as chat:
            model = await self._model(None, chat)
            said = await chat.ask({"model": model, **asked, **self.config.body})
        return Turn(said.text, said.calls(len(messages)), said.usage, said.model or model)

    async def _model(self, asked: str | None, chat: Chat) -> str:
        """The model to ask: the one that is named, or the only one there is.

        Raises:
            BackendError: `invalid`, with the names to choose from.
        """
        if model := asked or self.config.model or self._only_model:
            return model
        self._only_model = await chat.only_model()
        return self._only_model

    def _missing(self, env: Mapping[str, str]) -> BackendError | None:
        """What keeps it from being asked."""
        try:
            here, key = self.address.url(env), self.address.key(env)
        except BackendError as error:
            return error
        if here == OPENAI and key and not self.config.model:
            way = f'-m {self.name}=MODEL, or model = "..." in [backends.{self.name}] of lok.toml'
            return BackendError("invalid", "no model is named", way)
        return None


@hookimpl
def lok_register_backends() -> Sequence[type[Backend]]:
    return [OpenAI]
