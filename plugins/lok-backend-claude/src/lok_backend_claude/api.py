"""Claude by its API, without the program.

The SDK takes a second to import, so that only a request imports it, in a thread, while the other backends'
programs are already at work.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve, frozen

from lok_backend_claude.outcomes import HINTS, kind_of_status, mapping, unknown_model
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
    ToolCall,
    Turn,
)
from lok_core import Usage as LokUsage

if TYPE_CHECKING:
    import anthropic
    from anthropic.types import Message as Said
    from anthropic.types import Usage

URL = "https://api.anthropic.com"

# The program's names for models, which the API does not know; as in version 2.1.197 of the program.
_ALIASES = {
    "sonnet": "claude-sonnet-5",
    "opus": "claude-opus-4-8",
    "fable": "claude-fable-5",
    "haiku": "claude-haiku-4-5",
}
_STATUSES = {
    # An error in the middle of a stream comes with status 200 and tells by its type what it would have had.
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


@frozen
class ApiConfig:
    """The table of claude-api in lok.toml.

    Attributes:
        api_key_env: the variable that holds the key.
        base_url: the API's address, instead of ANTHROPIC_BASE_URL or Anthropic's own.
        model: a full name, or sonnet, opus, fable, haiku.
        max_tokens: how long an answer may become.
    """

    api_key_env: str = "ANTHROPIC_API_KEY"
    base_url: str | None = None
    model: str = "sonnet"
    max_tokens: int = 16_384


class ClaudeApi(Backend):
    """Asks the Messages API; it sees the prompt and nothing else."""

    kind = "claude-api"
    Config: ClassVar[type] = ApiConfig
    profile = Profile(
        strengths=("general", "errors", "architecture"),
        style="Claude by its API: answers from the prompt alone, needs no program",
        aliases=("Claude", "Claude Code", "Claude Sonnet", "Claude Opus", "Claude Haiku", "Anthropic"),
        secrets=("ANTHROPIC_API_KEY",),
        env=("ANTHROPIC_",),
        asked_by_default=False,
        output_schema=True,
        streams_progress=True,
        converses=True,
    )

    def __init__(self, name: str, config: Any) -> None:
        super().__init__(name, config)
        self._key_name: str = config.api_key_env
        self.profile = evolve(type(self).profile, secrets=(self._key_name,))

    def available(self, env: Mapping[str, str]) -> bool:
        return bool(env.get(self._key_name))

    async def check(self, run: Run) -> Health:
        if self.available(run.env):
            return Health(ready=True, program=self._url(run), message=f"{self._key_name} is set")
        return Health(
            ready=False,
            program=self._url(run),
            logged_in=False,
            message=f"{self._key_name} is not set",
            hint=f"export {self._key_name}=...",
        )

    async def query(self, request: Request, run: Run) -> Reply:
        asked: dict[str, Any] = {"messages": [{"role": "user", "content": request.prompt}]}
        if request.output_schema is not None:
            schema = {name: value for name, value in request.output_schema.items() if name != "$schema"}
            asked["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        said = await self._ask(request.model, asked, run)
        text = _text(said)
        if not text.strip():
            raise BackendError("empty", "it ended well but said nothing", HINTS["empty"])
        data = None
        if request.output_schema is not None:
            with suppress(ValueError):  # a gateway may ignore the schema
                data = mapping(json.loads(text)) or None
        notes = () if request.access == "none" else ("the API does not see the directory, only the prompt",)
        return Reply(text, data, _usage(said.usage), session=said.id, model=said.model, notes=notes)

    async def converse(self, messages: Sequence[Message], tools: Sequence[Tool], run: Run) -> Turn:
        asked: dict[str, Any] = {"messages": _conversation(messages)}
        if tools:
            asked["tools"] = [
                {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}
                for tool in tools
            ]
        elif names := dict.fromkeys(call.name for message in messages for call in message.calls):
            # The API wants to know every tool that was called, also where none is to be called any more.
            asked["tools"] = [{"name": name, "input_schema": {"type": "object"}} for name in names]
            asked["tool_choice"] = {"type": "none"}
        said = await self._ask(None, asked, run)
        calls = tuple(
            ToolCall(block.id, block.name, mapping(block.input))
            for block in said.content
            if block.type == "tool_use"
        )
        text = _text(said)
        if not text.strip() and not calls:
            raise BackendError("empty", "it ended well but said nothing", HINTS["empty"])
        return Turn(text, calls, _usage(said.usage), said.model)

    async def _ask(self, model: str | None, asked: Mapping[str, Any], run: Run) -> Said:
        """The complete message, its text told as it comes."""
        import trio  # not at the top: listing the plugins imports this module

        key = run.env.get(self._key_name)
        if not key:
            raise BackendError("auth", f"{self._key_name} is not set", f"export {self._key_name}=...")
        sdk = await trio.to_thread.run_sync(importlib.import_module, "anthropic", abandon_on_cancel=True)
        http = importlib.import_module("httpx2")  # which the SDK stands on; its errors come through
        model = model or self.config.model
        model = _ALIASES.get(model, model)
        said: Said | None = None
        try:
            # Always closed: what is left to the garbage collector would look for an asyncio loop.
            async with (
                sdk.AsyncAnthropic(api_key=key, base_url=self._url(run), max_retries=0) as client,
                client.messages.stream(model=model, max_tokens=self.config.max_tokens, **asked) as stream,
            ):
                async for event in stream:
                    if event.type == "text":
                        run.text(event.text)
                    elif event.type == "message_stop":
                        said = event.message
        except sdk.APIStatusError as error:
            raise self._refusal(error, model) from error
        except (sdk.APITimeoutError, http.TimeoutException) as error:
            raise BackendError("stalled", "the API has stopped sending", HINTS["timeout"]) from error
        except (sdk.APIConnectionError, http.TransportError) as error:
            reason = error.__cause__ or error
            raise BackendError(
                "network", f"no connection to {self._url(run)}: {reason}", HINTS["network"]
            ) from error
        except (sdk.APIError, ValueError) as error:
            raise BackendError(
                "protocol", f"the API's answer cannot be read: {error}", HINTS["protocol"]
            ) from error
        if said is None:  # a page of HTML counts as a stream without events
            raise BackendError("protocol", f"{self._url(run)} sent no answer", HINTS["protocol"])
        if said.stop_reason == "refusal":
            raise BackendError("refused", f"{said.model} refused to answer", HINTS["refused"])
        if said.stop_reason in ("max_tokens", "model_context_window_exceeded"):
            raise BackendError(
                "truncated",
                f"the answer was cut off after {said.usage.output_tokens} tokens",
                f"ask for less, or raise `max_tokens` of [backends.{self.name}] in lok.toml",
            )
        return said

    def _refusal(self, error: anthropic.APIStatusError, model: str) -> BackendError:
        told = mapping(mapping(error.body).get("error"))
        text = str(told.get("message") or f"HTTP status {error.status_code}")
        status = error.status_code if error.status_code >= 400 else _STATUSES.get(str(told.get("type")), 500)
        kind = kind_of_status(status, text)
        if kind == "auth":
            return BackendError(kind, f"the key was not accepted: {text}", f"check {self._key_name}")
        if status == 404 and text.startswith("model"):
            return BackendError(*unknown_model(model, self.name))
        retry_after_s = None
        with suppress(ValueError):  # it may be a date
            retry_after_s = float(error.response.headers.get("retry-after", ""))
        return BackendError(kind, f"the API says: {text}", HINTS.get(kind, ""), retry_after_s)

    def _url(self, run: Run) -> str:
        return self.config.base_url or run.env.get("ANTHROPIC_BASE_URL") or URL


def _text(said: Said) -> str:
    return "".join(block.text for block in said.content if block.type == "text")


def _usage(usage: Usage) -> LokUsage:
    cached = usage.cache_read_input_tokens
    return LokUsage(
        input_tokens=usage.input_tokens + (cached or 0) + (usage.cache_creation_input_tokens or 0),
        output_tokens=usage.output_tokens,
        cached_tokens=cached,
    )


def _conversation(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages as the API wants them: the results of one turn's calls in one message of the user's."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        blocks: list[Any] = []
        if message.role == "tool":
            result = {"type": "tool_result", "tool_use_id": message.call_id, "content": message.text}
            blocks.append({**result, "is_error": message.failed})
        elif message.text:
            blocks.append({"type": "text", "text": message.text})
        for call in message.calls:
            arguments = dict(call.arguments)
            blocks.append({"type": "tool_use", "id": call.id, "name": call.name, "input": arguments})
        role = "assistant" if message.role == "assistant" else "user"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns
