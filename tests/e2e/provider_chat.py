"""OpenAI's older wire format, chat completions, which most programs and servers speak."""

from collections.abc import Mapping, Sequence
from typing import Any

from .provider_formats import (
    CACHED_TOKENS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    Answer,
    Asked,
    Call,
    Conversation,
    Frames,
    encode,
    texts,
)

# Names under which programs offer the tool that reads a file, and what they call its path.
_FILE_TOOLS = {"read_file": "path", "read": "path", "view": "path", "Read": "path"}
_STOPS = {"end": "stop", "length": "length", "refusal": "content_filter"}


class Chat:
    """POST /v1/chat/completions"""

    api = "chat"

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        conversation = Conversation()
        for message in body.get("messages") or ():
            if message["role"] == "user":
                conversation.user(texts(message.get("content")))
            elif message["role"] in ("system", "developer"):
                # The one way to hand a large prompt to some programs.
                conversation.said += texts(message.get("content"))
            elif message["role"] == "tool":
                conversation.results.append("".join(texts(message.get("content"))))
            for call in message.get("tool_calls") or ():
                conversation.called.append(call["function"]["name"])
        form = body.get("response_format") or {}
        return conversation.asked(
            model=body["model"],
            stream=bool(body.get("stream")),
            tools=tuple(tool["function"]["name"] for tool in body.get("tools") or ()),
            schema=form.get("json_schema", {}).get("schema"),
        )

    def file_call(self, tools: Sequence[str]) -> Call | None:
        known = next((name for name in _FILE_TOOLS if name in tools), None)
        return Call(known, {_FILE_TOOLS[known]: "hello.txt"}) if known else None

    def frames(self, answer: Answer, model: str) -> Frames:
        calls = [
            {"index": index, **call} for index, call in enumerate(self._calls(answer))
        ]  # in one piece each
        last = {"tool_calls": calls} if calls else {}
        return Frames(
            self._chunk({"role": "assistant", "content": ""}, model),
            [self._chunk({"content": piece}, model) for piece in answer.pieces],
            self._chunk(last, model, self._stop(answer)) + self._chunk(None, model) + "data: [DONE]\n\n",
        )

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": answer.text or None}
        if answer.calls:
            message["tool_calls"] = self._calls(answer)  # type: ignore[assignment]
        choice = {"index": 0, "message": message, "finish_reason": self._stop(answer)}
        return {**self._head("chat.completion", model), "choices": [choice], "usage": self._usage()}

    def _chunk(self, delta: Mapping[str, Any] | None, model: str, stop: str | None = None) -> str:
        """A piece of the stream; the one without a delta tells the usage."""
        choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": stop}]
        usage = self._usage() if delta is None else None
        head = self._head("chat.completion.chunk", model)
        return f"data: {encode({**head, 'choices': choices, 'usage': usage})}\n\n"

    @staticmethod
    def _stop(answer: Answer) -> str:
        return "tool_calls" if answer.calls else _STOPS[answer.stop]

    @staticmethod
    def _calls(answer: Answer) -> list[dict[str, Any]]:
        return [
            {
                "id": f"call_fake_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": encode(call.arguments)},
            }
            for index, call in enumerate(answer.calls)
        ]

    @staticmethod
    def _head(kind: str, model: str) -> dict[str, Any]:
        return {"id": "chatcmpl-fake", "object": kind, "created": 1_700_000_000, "model": model}

    @staticmethod
    def _usage() -> dict[str, Any]:
        return {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": CACHED_TOKENS},
        }
