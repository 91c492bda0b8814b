"""The three providers' wire formats: what a request asks, and how an answer is written.

Values in, values out; `provider.py` does the talking.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

# The prompt's tokens count the cached ones too; each format tells it in its provider's own way.
INPUT_TOKENS = 1234
CACHED_TOKENS = 100
OUTPUT_TOKENS = 56


@dataclass(frozen=True)
class Call:
    """A tool call that the model makes."""

    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the model says: its text in the pieces in which it is streamed, then its tool calls."""

    pieces: Sequence[str] = ()
    calls: Sequence[Call] = ()
    stop: Literal["end", "length", "refusal"] = "end"

    @property
    def text(self) -> str:
        return "".join(self.pieces)


@dataclass(frozen=True)
class Asked:
    """What a request says.

    Attributes:
        prompt: the user's newest message, without what the programs put around it.
        said: all text of all user messages.
        tools: names of the tools offered.
        called: names of the tools called so far.
        results: results of tool calls since the newest message.
        schema: the JSON schema the answer is to follow.
    """

    model: str
    prompt: str
    said: str
    stream: bool
    tools: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None


class Frames(NamedTuple):
    """A stream in three parts; the deltas hold the text, one piece each."""

    head: str
    deltas: list[str]
    tail: str


class Format(Protocol):
    api: str

    def read(self, path: str, body: Mapping[str, Any]) -> Asked: ...
    def file_call(self, tools: Sequence[str]) -> Call | None: ...
    def frames(self, answer: Answer, model: str) -> Frames: ...
    def whole(self, answer: Answer, model: str) -> dict[str, Any]: ...


# Messages that the programs themselves add to what the user wrote.
_AROUND = re.compile(r"\s*<(system-reminder|environment_context|session_context|user_instructions)>")


@dataclass
class Conversation:
    """Collects a conversation in its order."""

    prompt: str = ""
    said: list[str] = field(default_factory=list)
    called: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def user(self, texts: Sequence[str]) -> None:
        own = "".join(text for text in texts if not _AROUND.match(text))
        if own:
            self.prompt = own
            self.said.append(own)
            self.results.clear()

    def asked(self, **rest: Any) -> Asked:
        return Asked(
            prompt=self.prompt,
            said="\n".join(self.said),
            called=tuple(self.called),
            results=tuple(self.results),
            **rest,
        )


def encode(value: object) -> str:
    """JSON that keeps every character that JSON allows as it is; U+DCxx stands for a raw byte."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _events(*events: Mapping[str, Any]) -> str:
    return "".join(f"event: {event['type']}\ndata: {encode(event)}\n\n" for event in events)


def texts(content: Any) -> list[str]:
    """The texts of a content field, which may be one string or a list of parts."""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or () if isinstance(part.get("text"), str)]


class OpenAI:
    """POST /v1/responses"""

    api = "openai"

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        reading = Conversation()
        items = body.get("input") or []
        for item in [{"role": "user", "content": items}] if isinstance(items, str) else items:
            kind = item.get("type", "message")
            if kind == "message" and item["role"] == "user":
                reading.user(texts(item["content"]))
            elif kind.endswith("_call_output"):
                output = item["output"]
                reading.results.append("".join(texts(output)))
            elif kind.endswith("_call"):
                reading.called.append(item.get("name", kind))
        form = body.get("text", {}).get("format", {})
        return reading.asked(
            model=body["model"],
            stream=bool(body.get("stream")),
            tools=tuple(tool.get("name", tool["type"]) for tool in body.get("tools") or ()),
            schema=form.get("schema"),
        )

    def file_call(self, tools: Sequence[str]) -> Call | None:
        if "exec_command" in tools:
            return Call("exec_command", {"cmd": "cat hello.txt"})
        if "shell_command" in tools:
            return Call("shell_command", {"command": "cat hello.txt"})
        return Call("shell", {"command": ["cat", "hello.txt"]}) if "shell" in tools else None

    def frames(self, answer: Answer, model: str) -> Frames:
        place = {"item_id": "msg_fake", "output_index": 0, "content_index": 0}
        delta = {"type": "response.output_text.delta", **place}
        whole = self.whole(answer, model)
        start = {**whole, "status": "in_progress", "incomplete_details": None, "output": [], "usage": None}
        opened = [self._message("", "in_progress")] if answer.text else []
        return Frames(
            _events(
                {"type": "response.created", "response": start},
                *({"type": "response.output_item.added", "output_index": 0, "item": item} for item in opened),
            ),
            [_events({**delta, "delta": piece}) for piece in answer.pieces],
            _events(
                *(
                    {"type": "response.output_item.done", "output_index": index, "item": item}
                    for index, item in enumerate(whole["output"])
                ),
                {"type": f"response.{whole['status']}", "response": whole},
            ),
        )

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        status = "incomplete" if answer.stop == "length" else "completed"
        output = []
        if answer.stop == "refusal":
            refusal = {"type": "refusal", "refusal": "I cannot help with that."}
            output.append({**self._message("", "completed"), "content": [refusal]})
        elif answer.text or not answer.calls:
            output.append(self._message(answer.text, status))
        for index, call in enumerate(answer.calls):
            names = {"id": f"fc_fake_{index}", "call_id": f"call_fake_{index}", "name": call.name}
            arguments = encode(call.arguments)
            output.append({"type": "function_call", "status": "completed", **names, "arguments": arguments})
        return {
            "id": "resp_fake",
            "object": "response",
            "status": status,
            "incomplete_details": {"reason": "max_output_tokens"} if answer.stop == "length" else None,
            "model": model,
            "output": output,
            "usage": {
                "input_tokens": INPUT_TOKENS,
                "input_tokens_details": {"cached_tokens": CACHED_TOKENS},
                "output_tokens": OUTPUT_TOKENS,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            },
        }

    @staticmethod
    def _message(text: str, status: str) -> dict[str, Any]:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        return {
            "type": "message",
            "id": "msg_fake",
            "role": "assistant",
            "status": status,
            "content": content,
        }


class Anthropic:
    """POST /v1/messages"""

    api = "anthropic"

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        reading = Conversation()
        for message in body.get("messages") or ():
            content = message["content"]
            if message["role"] == "user":
                reading.user(texts(content))
            for block in content if isinstance(content, list) else ():
                if block["type"] == "tool_use":
                    reading.called.append(block["name"])
                elif block["type"] == "tool_result":
                    reading.results.append("".join(texts(block.get("content"))))
        tools = {tool["name"]: tool for tool in body.get("tools") or ()}
        form = body.get("output_config", {}).get("format") or body.get("output_format") or {}
        structured = tools.get("StructuredOutput", {}).get("input_schema")
        return reading.asked(
            model=body["model"],
            stream=bool(body.get("stream")),
            tools=tuple(tools),
            schema=structured or form.get("schema"),
        )

    def file_call(self, tools: Sequence[str]) -> Call | None:
        return Call("Read", {"file_path": "hello.txt"}) if "Read" in tools else None

    def frames(self, answer: Answer, model: str) -> Frames:
        whole = self.whole(answer, model)
        start = {**whole, "content": [], "stop_reason": None, "usage": {**whole["usage"], "output_tokens": 1}}
        head: list[Mapping[str, Any]] = [{"type": "message_start", "message": start}]
        tail: list[Mapping[str, Any]] = []
        deltas = []
        for index, block in enumerate(whole["content"]):
            begin = {"type": "content_block_start", "index": index}
            delta = {"type": "content_block_delta", "index": index}
            if block["type"] == "text":
                head.append({**begin, "content_block": {"type": "text", "text": ""}})
                texts = ({**delta, "delta": {"type": "text_delta", "text": piece}} for piece in answer.pieces)
                deltas = [_events(event) for event in texts]
            else:
                tail.append({**begin, "content_block": {**block, "input": {}}})
                partial = {"type": "input_json_delta", "partial_json": encode(block["input"])}
                tail.append({**delta, "delta": partial})
            tail.append({"type": "content_block_stop", "index": index})
        stop = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        tail += [{"type": "message_delta", "delta": stop, "usage": whole["usage"]}, {"type": "message_stop"}]
        return Frames(_events(*head), deltas, _events(*tail))

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}] if answer.text else []
        for index, call in enumerate(answer.calls):
            use = {"type": "tool_use", "id": f"toolu_fake_{index}", "name": call.name}
            content.append({**use, "input": dict(call.arguments)})
        end = "tool_use" if answer.calls else "end_turn"
        return {
            "id": "msg_fake",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": {"end": end, "length": "max_tokens", "refusal": "refusal"}[answer.stop],
            "stop_sequence": None,
            "usage": {
                "input_tokens": INPUT_TOKENS - CACHED_TOKENS,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": CACHED_TOKENS,
                "output_tokens": OUTPUT_TOKENS,
            },
        }


class Gemini:
    """POST /v1beta/models/MODEL:generateContent and :streamGenerateContent"""

    api = "gemini"

    def read(self, path: str, body: Mapping[str, Any]) -> Asked:
        reading = Conversation()
        for content in body.get("contents") or ():
            parts = content.get("parts") or ()
            if content.get("role", "user") == "user":
                reading.user(texts(parts))
            for part in parts:
                if "functionCall" in part:
                    reading.called.append(part["functionCall"]["name"])
                elif "functionResponse" in part:
                    response = part["functionResponse"]["response"]
                    reading.results.append(response.get("output") or encode(response))
        wanted = body.get("generationConfig", {})
        tools = body.get("tools") or ()
        declared = (declaration for tool in tools for declaration in tool.get("functionDeclarations", ()))
        return reading.asked(
            model=re.search(r"/models/([^/:]+):", path)[1],  # type: ignore[index]
            stream=":streamGenerateContent" in path,
            tools=tuple(declaration["name"] for declaration in declared),
            schema=wanted.get("responseJsonSchema") or wanted.get("responseSchema"),
        )

    def file_call(self, tools: Sequence[str]) -> Call | None:
        return Call("read_file", {"file_path": "hello.txt"}) if "read_file" in tools else None

    def frames(self, answer: Answer, model: str) -> Frames:
        def chunk(value: object) -> str:
            return f"data: {encode(value)}\n\n"

        whole = self.whole(answer, model)
        last = whole["candidates"][0]
        last["content"]["parts"] = [part for part in last["content"]["parts"] if "text" not in part]
        deltas = [chunk(self._candidate([{"text": piece}], model)) for piece in answer.pieces]
        return Frames("", deltas, chunk(whole))

    def whole(self, answer: Answer, model: str) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"text": answer.text}] if answer.text else []
        for call in answer.calls:
            parts.append({"functionCall": {"name": call.name, "args": dict(call.arguments)}})
        whole = self._candidate(parts, model)
        reasons = {"end": "STOP", "length": "MAX_TOKENS", "refusal": "SAFETY"}
        whole["candidates"][0]["finishReason"] = reasons[answer.stop]
        whole["usageMetadata"] = {
            "promptTokenCount": INPUT_TOKENS,
            "cachedContentTokenCount": CACHED_TOKENS,
            "candidatesTokenCount": OUTPUT_TOKENS,
            "totalTokenCount": INPUT_TOKENS + OUTPUT_TOKENS,
        }
        return whole

    @staticmethod
    def _candidate(parts: list[dict[str, Any]], model: str) -> dict[str, Any]:
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        return {"candidates": [candidate], "modelVersion": model, "responseId": "fake"}
