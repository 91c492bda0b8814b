"""Claude Code: the program `claude`, run without its user interface."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from attrs import evolve, frozen

from lok_backend_claude.outcomes import HINTS, Trouble, count, kind_of_status, mapping, unknown_model
from lok_core import (
    BackendError,
    CommandBackend,
    CommandConfig,
    CommandSpec,
    ErrorPattern,
    FailureKind,
    Finished,
    Health,
    Profile,
    Reading,
    Reply,
    Request,
    Run,
    Usage,
)

LOGIN = "run `claude` and type /login, or export ANTHROPIC_API_KEY"

_INSTALL = "npm install -g @anthropic-ai/claude-code"
# These win over the user's own of the same name: lok reads this stream and no other.
_STREAM = ("--output-format", "stream-json")

_EXAMPLE = """\
{"type":"system","subtype":"init","session_id":"s-1","tools":["Grep","Read"],"model":"claude-sonnet-5"}
{"type":"stream_event","event":{"type":"message_start","message":{}}}
{"type":"stream_event","event":{"type":"content_block_delta","delta":{"type":"text_delta","text":"{answer}"}}}
{"type":"assistant","message":{"model":"claude-sonnet-5","content":[{"type":"text","text":"{answer}"}]}}
{"type":"result","subtype":"success","is_error":false,"num_turns":1,"result":"{answer}","session_id":"s-1"}
"""

SPEC = CommandSpec(
    command="claude",
    flags=(
        ("-p",),
        ("--verbose",),  # without it there is no stream
        ("--include-partial-messages",),  # so that a deadline does not lose what was said
        ("--no-session-persistence",),
        ("--strict-mcp-config",),  # no servers of the directory's .mcp.json
        ("--setting-sources", ""),  # no hooks, no CLAUDE.md, no variables of the directory's settings
        ("--model", "{model}"),
    ),
    access={
        "none": (_STREAM, ("--tools", "")),
        # Without Glob: with an absolute pattern it names files all over the disk, whatever a rule denies it.
        # Grep lists files, too.
        "read": (_STREAM, ("--tools", "Read,Grep"), ("--permission-mode", "dontAsk")),
        "write": (_STREAM, ("--tools", "Read,Grep,Edit,Write"), ("--permission-mode", "acceptEdits")),
    },
    forbidden=(
        "--dangerously-skip-permissions",
        "--allow-dangerously-skip-permissions",
        "--allowedTools...",
        "--allowed-tools...",
        "--add-dir...",
    ),
    env={
        "CLAUDE_CODE_MAX_RETRIES": "0",  # lok retries; by itself it would for three minutes
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        # It runs `git status` in the directory, and git runs what the directory's configuration names. The
        # first stops it; the second holds for versions that no longer know the first.
        "CLAUDE_CODE_DISABLE_GIT_INSTRUCTIONS": "1",
        "GIT_DIR": "/dev/null",
        # It sends the content of every file that the prompt mentions as @path, from anywhere, tools or not.
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
    },
    stdout="file",
    format="jsonl",
    errors=(
        ErrorPattern(
            "unknown option|invalid choice|is invalid. Allowed choices",
            "invalid",
            stream="stderr",
            hint=f"correct `args` and `extra_args` in lok.toml, or bring claude up to date: {_INSTALL}",
        ),
    ),
    example=_EXAMPLE,
    install=_INSTALL,
    known_good=("2.1.197",),  # what lok's own tests run
)

_CODES: dict[str, FailureKind] = {
    # `error` of the assistant event that stands in for an answer
    "authentication_failed": "auth",
    "billing_error": "quota",
    "model_not_found": "invalid",
    "max_output_tokens": "truncated",
}
_SUBTYPES: dict[str, FailureKind] = {"error_max_turns": "truncated", "error_max_budget_usd": "quota"}
_WORDS: tuple[tuple[str, FailureKind], ...] = (
    # for failures without a status
    ("not logged in", "auth"),
    ("invalid api key", "auth"),
    ("timed out", "timeout"),
    ("connect", "network"),
    ("malformed response", "protocol"),
)
_DOING = {
    # tool: (what it means, the argument that says with what)
    "Read": ("reading {}", "file_path"),
    "Grep": ("searching for {}", "pattern"),
    "Edit": ("editing {}", "file_path"),
    "Write": ("writing {}", "file_path"),
    "StructuredOutput": ("giving its answer", ""),
}


@frozen
class ClaudeConfig(CommandConfig):
    """The table of claude in lok.toml.

    Attributes:
        api_key_env: the variable that holds the key. With it and without a `command`, the API is asked
            instead of the program; `base_url` and `max_tokens` are for that.
        base_url: the API's address, instead of ANTHROPIC_BASE_URL or Anthropic's own.
        max_tokens: how long an answer may become.
    """

    model: str | None = "sonnet"
    api_key_env: str | None = None
    base_url: str | None = None
    max_tokens: int = 16_384


class ClaudeReading(Reading):
    """What the stream of events says."""

    def __init__(self, spec: CommandSpec, request: Request, run: Run) -> None:
        super().__init__(spec, request, run)
        self._code = ""
        self._key = ""
        self._asked_model = ""
        self._begun = False
        self._ended = False
        self._denied: list[str] = []

    def event(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        if kind == "system":
            self._started(event)
        elif kind == "rate_limit_event":
            self._limited(mapping(event.get("rate_limit_info")))
        elif kind == "stream_event":
            self._streamed(mapping(event.get("event")))
        elif kind == "assistant":
            self._spoke(event)
        elif kind == "result":
            self._finished(event)

    def reply(self, finished: Finished) -> Reply:
        try:
            reply = super().reply(finished)
        except BackendError as error:
            if error.kind == "empty" and not self._ended:
                # As after SIGINT: it exits with 0 and has said nothing.
                raise BackendError("crashed", "it ended without an answer", error.hint) from None
            raise
        if not self._denied:
            return reply
        return evolve(reply, notes=(*reply.notes, f"claude was denied {', '.join(self._denied)}"))

    def _started(self, event: Mapping[str, Any]) -> None:
        if event.get("subtype") == "init":
            self._key = str(event.get("apiKeySource") or "")
            self._asked_model = str(event.get("model") or "")
            self.session = event.get("session_id") or None
        elif event.get("subtype") == "api_retry":
            delay_ms = event.get("retry_delay_ms")
            wait = f" {delay_ms / 1000:.0f} s" if isinstance(delay_ms, (int, float)) else ""
            self.doing(f"waiting{wait} to try again: {event.get('error')}")

    def _limited(self, info: Mapping[str, Any]) -> None:
        """The limits of a subscription, told with every answer; `resetsAt` counts seconds since 1970."""
        reset = info.get("resetsAt")
        if info.get("status") == "rejected" and isinstance(reset, (int, float)):
            self.retry_after_s = max(0.0, reset - time.time())

    def _streamed(self, event: Mapping[str, Any]) -> None:
        if event.get("type") == "message_start" and self._begun:
            self.run.text("\n\n")
        delta = mapping(event.get("delta"))
        if event.get("type") == "content_block_delta" and delta.get("type") == "text_delta":
            self._begun = True
            self.run.text(str(delta.get("text") or ""))

    def _spoke(self, event: Mapping[str, Any]) -> None:
        self._code = str(event.get("error") or "")
        message = mapping(event.get("message"))
        if message.get("model") not in (None, "<synthetic>"):
            self.model = message["model"]
        content = message.get("content")
        for block in content if isinstance(content, list) else ():
            if mapping(block).get("type") == "tool_use":
                self.doing(self._activity_of(str(block.get("name")), mapping(block.get("input"))))

    def _activity_of(self, tool: str, arguments: Mapping[str, Any]) -> str:
        words, argument = _DOING.get(tool, (f"using {tool}", ""))
        return words.format(_shown(str(arguments.get(argument, "")), self.request.directory))

    def _finished(self, event: Mapping[str, Any]) -> None:
        self._ended = True
        self.session = event.get("session_id") or self.session
        self.usage = _usage(event)
        result = event.get("result")
        if event.get("is_error"):  # the subtype says "success" all the same
            self.failure = self._trouble(event)
        elif event.get("num_turns") == 0:
            self.failure = Trouble("invalid", f"it took the prompt for a command of its own: {result}", "")
        else:
            self.done = True
            self.parts = [result] if isinstance(result, str) else []
            self.data = event.get("structured_output")
        denials = event.get("permission_denials")
        for denial in denials if isinstance(denials, list) else ():
            name = str(mapping(denial).get("tool_name"))
            if name not in self._denied:
                self._denied.append(name)

    def _trouble(self, event: Mapping[str, Any]) -> Trouble:
        errors = event.get("errors")
        said = event.get("result") or "; ".join(map(str, errors if isinstance(errors, list) else ()))
        text = str(said or event.get("subtype")).removeprefix("API Error: ")
        kind = self._kind(event, text)
        if kind == "invalid" and (self._code == "model_not_found" or event.get("api_error_status") == 404):
            return unknown_model(self._asked_model, self.request.backend or "claude")
        if kind == "auth":
            owner = "" if self._key in ("", "none") else self._key
            hint = f"check {owner}; without it, `claude` and /login use your subscription" if owner else LOGIN
            return Trouble(kind, f"not logged in, or the key is not accepted: {text}", hint)
        if kind == "truncated":
            hint = "ask for less, or export CLAUDE_CODE_MAX_OUTPUT_TOKENS"
            return Trouble(kind, f"the answer was cut off: {text}", hint)
        return Trouble(kind, text, HINTS.get(kind, ""))

    def _kind(self, event: Mapping[str, Any], text: str) -> FailureKind:
        if event.get("stop_reason") == "refusal":
            return "refused"
        if event.get("terminal_reason") == "prompt_too_long":
            return "too_large"
        if self._code in _CODES:
            return _CODES[self._code]
        status = count(event.get("api_error_status"))
        if status is None and self._code == "rate_limit":
            status = 429
        if status is not None:
            return kind_of_status(status, text)
        if event.get("subtype") in _SUBTYPES:
            return _SUBTYPES[str(event.get("subtype"))]
        return next((kind for words, kind in _WORDS if words in text.lower()), "crashed")


class ClaudeCode(CommandBackend):
    """Asks the program `claude`."""

    kind = "claude"
    Config: ClassVar[type] = ClaudeConfig
    reading: ClassVar[type[Reading]] = ClaudeReading
    spec = SPEC
    profile = Profile(
        strengths=("general", "errors", "architecture"),
        style="Claude Code: weighs designs and trade-offs, reads around before it answers",
        aliases=("Claude", "Claude Code", "Claude Sonnet", "Claude Opus", "Claude Haiku", "Anthropic"),
        secrets=(
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "AWS_BEARER_TOKEN_BEDROCK",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
        ),
        # Of Google's only what Vertex needs: GOOGLE_API_KEY is gemini's.
        env=("CLAUDE_", "ANTHROPIC_", "AWS_", "GOOGLE_CLOUD_", "GOOGLE_APPLICATION_CREDENTIALS"),
        access=("none", "read", "write"),
        output_schema=True,
        streams_progress=True,
    )

    def spec_for(self, request: Request, run: Run) -> CommandSpec:
        spec = super().spec_for(request, run)
        if request.output_schema is None:
            return spec
        # It quietly ignores a schema that names its dialect.
        schema = {name: value for name, value in request.output_schema.items() if name != "$schema"}
        return evolve(spec, flags=(*spec.flags, ("--json-schema", json.dumps(schema))))

    def prompt(self, request: Request) -> str:
        # A leading slash would make it a command of its own, which never reaches the model.
        prompt = super().prompt(request)
        return f"\n{prompt}" if prompt.startswith("/") else prompt

    async def check(self, run: Run) -> Health:
        health = await super().check(run)
        if not health.ready or health.program is None:
            return health
        done = await run.command([health.program, "auth", "status", "--json"], env=self.spec.env)
        try:
            status = mapping(json.loads(done.stdout))
        except ValueError:
            return health  # an older one, which cannot tell
        if status.get("loggedIn"):
            return evolve(health, logged_in=True, message=f"logged in ({status.get('authMethod')})")
        return evolve(health, ready=False, logged_in=False, message="not logged in", hint=LOGIN)


def _shown(value: str, directory: Path) -> str:
    """A path below the directory as seen from there; anything else as it is."""
    return os.path.relpath(value, directory) if value.startswith(f"{directory}/") else value


def _usage(event: Mapping[str, Any]) -> Usage:
    usage = mapping(event.get("usage"))
    cached = count(usage.get("cache_read_input_tokens"))
    fresh = count(usage.get("input_tokens"))
    cost = event.get("total_cost_usd")
    written = count(usage.get("cache_creation_input_tokens"))
    return Usage(
        input_tokens=None if fresh is None else fresh + (written or 0) + (cached or 0),
        output_tokens=count(usage.get("output_tokens")),
        cached_tokens=cached,
        cost_usd=float(cost) if isinstance(cost, (int, float)) else None,
    )
