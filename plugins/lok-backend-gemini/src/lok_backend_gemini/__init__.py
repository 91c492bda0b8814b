"""Google Gemini CLI as a lok backend: run headless, with settings of lok's own for each run.

docs/backends/gemini.md tells what the flags and settings are for and what the outcomes look like.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from lok_backend_gemini.login import BY_KEY, LOGIN, USERS, VERTEX, logged_in
from lok_core import (
    Backend,
    BackendError,
    CommandBackend,
    CommandSpec,
    ErrorPattern,
    Health,
    KnownFailure,
    Profile,
    Reading,
    Reply,
    Request,
    Run,
    Usage,
    hookimpl,
    recognised,
)

if TYPE_CHECKING:
    from lok_core import Access, Finished

__version__ = "0.1.0"

MAX_PROMPT_BYTES = 8 * 2**20
"""gemini cuts longer input off and then answers nothing, with success."""

_SETTINGS = "lok-gemini.json"
# Without `glob`: with an absolute pattern it names files all over the disk.
_READING = ("read_file", "list_directory", "grep_search")
_WRITING = (*_READING, "replace", "write_file")
_TOOLS: Mapping[Access, tuple[str, ...]] = {"none": (), "read": _READING, "write": _WRITING}

_EXAMPLE = """\
{"type":"init","session_id":"s-1","model":"gemini-x"}
{"type":"message","role":"user","content":"why?"}
{"type":"message","role":"assistant","content":"{answer}","delta":true}
{"type":"result","status":"success","stats":{"input_tokens":900,"output_tokens":7,"cached":80}}
"""

# What the messages of a failed run mean, first match first. Quota before rate limit: both have status 429,
# and for both Google speaks of a quota; only what passes by itself comes with a time to wait.
_FAILURES = (
    KnownFailure(
        r"suggested retry after", "rate_limit", "Google limits the rate of requests", "ask again later"
    ),
    KnownFailure(
        r"exhausted your|exceeded your current quota|quota exceeded|billing",
        "quota",
        "the Google account or key has used up its quota",
        "wait until it is renewed, or use another key or model (`-m gemini=MODEL`)",
    ),
    KnownFailure(
        r"\"code\":\s*40[13]\b|api_key_invalid|api key not valid|api key expired|unauthenticated|"
        r"permission_denied|invalid authentication|failed to log ?in",
        "auth",
        "Google does not accept {credentials}",
        LOGIN,
    ),
    KnownFailure(
        r"\"code\":\s*429\b|rate ?limit|resource_exhausted",
        "rate_limit",
        "Google limits the rate of requests",
        "ask again later",
    ),
    KnownFailure(
        r"overloaded|\"code\":\s*5(00|03|29)\b|unavailable|no capacity",
        "overloaded",
        "Google's model is overloaded, or Google has a fault of its own",
        "ask again later",
    ),
    KnownFailure(
        r"models?/\S+ is not found|model not found|requested entity was not found|\"code\":\s*404\b",
        "invalid",
        "Google has no model {model}",
        "name another one: `-m gemini=MODEL`, or `model` in lok.toml",
    ),
    KnownFailure(
        r"token count.{0,40}exceeds|exceeds the maximum number of tokens|context window",
        "too_large",
        "the prompt and what was read do not fit into the model's context",
        "ask a shorter question, or about a smaller directory",
    ),
    KnownFailure(
        r"blocked|safety|prohibited|recitation",
        "refused",
        "Google's safety settings stopped the answer",
    ),
    KnownFailure(r"empty response|no text or thoughts", "empty", "the model said nothing", "ask again"),
    KnownFailure(
        r"fetch failed|terminated|econn|enotfound|etimedout|socket|network|incomplete json segment|"
        r"\"code\":\s*50[1-4]\b|premature close|aborted",
        "network",
        "the connection to Google failed",
        "check the network, and the proxy if there is one; ask again",
    ),
    KnownFailure(r"\"code\":\s*400\b|invalid_argument", "invalid", "Google refused the request as invalid"),
)

# How long to wait, in gemini's words and in Google's.
_RETRY = re.compile(r'suggested retry after ([\d.]+)s|"retryDelay":\s*"([\d.]+)s"', re.IGNORECASE)

# A path after an @ as gemini finds it: up to a blank or one of these signs, but for escaped and quoted ones.
_AT_PATH = re.compile(r'(?<!\\)@((?:"[^"]*"|\\.|[^ \t\n\r,;!?()\[\]{}.\\"]|\.(?![ \t\n\r]|$))+)')


class GeminiReading(Reading):
    """Reads the events of `gemini -o stream-json`.

    The last event, `result`, tells whether it went well; the exit code does not. An `error` event before it
    holds the reason where `result` has none.
    """

    _reason = ""

    def event(self, event: Mapping[str, Any]) -> None:
        match event.get("type"):
            case "init":
                self.session = event.get("session_id")
                self.model = event.get("model")
            case "message" if event.get("role") == "assistant":
                self.say(str(event.get("content", "")))
            case "tool_use":
                # What was said so far led to this call; the answer is what comes after the last one.
                self.parts.clear()
                self.doing(_activity(str(event.get("tool_name", "")), _table(event, "parameters")))
            case "error":
                self._reason = str(event.get("message", ""))
            case "result":
                self._take_stats(_table(event, "stats"))
                if event.get("status") == "success":
                    self.done = True
                else:
                    self._explain(str(_table(event, "error").get("message") or self._reason))

    def reply(self, finished: Finished) -> Reply:
        # Ended by a signal, too, gemini exits with 0.
        if finished.returncode == 0 and not self.done and self.failure is None:
            raise BackendError(
                "protocol",
                "it ended without telling a result",
                "see whether `gemini -o stream-json` works by itself, and `lok doctor`",
            )
        return super().reply(finished)

    def _take_stats(self, stats: Mapping[str, Any]) -> None:
        """The tokens of all models; `input_tokens` holds the cached ones too. gemini knows no cost."""
        self.usage = Usage(stats.get("input_tokens"), stats.get("output_tokens"), stats.get("cached"))
        models = stats.get("models")
        if self.model == "auto" and isinstance(models, Mapping) and models:
            # A small model is asked first which one is to answer; that one comes last.
            self.model = str(list(models)[-1])

    def _explain(self, message: str) -> None:
        if wait := _RETRY.search(message):
            self.retry_after_s = float(wait[1] or wait[2])
        keys = [key for key in Gemini.profile.secrets if self.run.env.get(key)]
        credentials = f"the key in {keys[0]}" if keys else "the login"
        words = {"credentials": credentials, "model": self.model}
        self.failure = recognised(_FAILURES, message, _plain(message), **words)


class Gemini(CommandBackend):
    """Google's models, through the Gemini CLI of the user."""

    kind = "gemini"
    reading = GeminiReading
    known_defaults: ClassVar[Mapping[str, Any]] = {
        "command": "npx",
        "args": ["@google/gemini-cli"],
        "skip_lines": 1,
    }
    profile = Profile(
        strengths=("security", "architecture", "injection", "auth", "secrets"),
        style="Gemini CLI: looks around in the directory with read-only tools of its own",
        aliases=("Gemini", "Gemini Pro", "Gemini Flash", "Google", "Google DeepMind", "DeepMind"),
        secrets=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        env=("GEMINI_", "GOOGLE_"),
        access=("none", "read", "write"),
        streams_progress=True,
        heeds=("the model is told the names of the files",),
    )
    spec = CommandSpec(
        command="gemini",
        flags=(("-o", "stream-json"), ("-m", "{model}")),
        access={
            "none": (("--approval-mode", "default"),),
            "write": (("--approval-mode", "auto_edit"),),
        },
        forbidden=("--yolo", "-y", "--allowed-tools...", "--skip-trust"),
        env={
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": f"{{folder}}/{_SETTINGS}",
        },
        stdout="file",
        format="jsonl",
        errors=(
            ErrorPattern(
                "Invalid auth method", "auth", stream="stderr", exit=41, hint=f"put {BY_KEY} into {USERS}"
            ),
            ErrorPattern("When using Vertex AI", "auth", stream="stderr", exit=41, hint=VERTEX),
            ErrorPattern("(?i)auth|GEMINI_API_KEY", "auth", stream="stderr", exit=41, hint=LOGIN),
            ErrorPattern(
                r"Unknown argument|Invalid values|Not enough arguments",
                "invalid",
                stream="stderr",
                hint="see `args` and `extra_args` in lok.toml, and `gemini --help`",
            ),
            ErrorPattern(
                r"(?i)setting|config", "invalid", stream="stderr", exit=52, hint="see ~/.gemini/settings.json"
            ),
        ),
        example=_EXAMPLE,
        install="npm install -g @google/gemini-cli",
        known_good=("0.61",),
    )

    def spec_for(self, request: Request, run: Run) -> CommandSpec:
        spec = super().spec_for(request, run)
        if run.trusted:
            return evolve(spec, flags=(*spec.flags, ("--skip-trust",)))
        # Else a GEMINI.md would be part of the prompt, and one beside a file that is read, of what was read.
        return evolve(spec, env={**spec.env, "GEMINI_CLI_TRUST_WORKSPACE": "false"})

    async def query(self, request: Request, run: Run) -> Reply:
        return await super().query(self._held(request, run), run)

    def planned(self, request: Request, run: Run) -> Sequence[str]:
        return super().planned(self._held(request, run), run)

    def _held(self, request: Request, run: Run) -> Request:
        """The request as gemini gets it, held by settings that are in the folder then."""
        (run.folder / _SETTINGS).write_text(json.dumps(_settings(request)))
        held = evolve(request, prompt=_guarded(request))
        if request.access == "read":
            # Without access the working directory is lok's own folder; the settings show the other one. In
            # its working directory gemini follows .env, .gemini/.env and .gemini/settings.json, which could
            # send the key elsewhere or start programs.
            held = evolve(held, access="none")
        return held

    async def check(self, run: Run) -> Health:
        health = await super().check(run)
        if not health.ready:
            return health
        found, message, hint = logged_in({**run.env, **self.config.env})
        if found is False:
            return evolve(health, ready=False, logged_in=False, message=message, hint=hint)
        return evolve(health, logged_in=found)


def _guarded(request: Request) -> str:
    """The prompt, and nothing in it that gemini would take for its own."""
    prompt = request.prompt
    size = len(prompt.encode(errors="replace"))
    if size > MAX_PROMPT_BYTES:
        raise BackendError(
            "too_large",
            f"the prompt has {size} bytes; {MAX_PROMPT_BYTES} are the most",
            "shorten it, or name files instead of pasting them",
        )
    if prompt.startswith("/"):
        prompt = f"\n{prompt}"  # else it could be one of the user's own commands
    if request.access == "read":
        # It works in another folder, see `query`; without this it would look for relative paths there.
        prompt = f"{prompt}\n\nThe current directory is {request.directory}; use absolute paths below it."
    return prompt if request.access == "none" else disarmed(prompt, request.directory)


def disarmed(prompt: str, directory: Path) -> str:
    """The prompt with a backslash before each @ that gemini would replace by the content of a file."""

    def escaped(found: re.Match[str]) -> str:
        path = found[1]
        names = {path, path.strip('"'), re.sub(r"\\(.)", r"\1", path)}
        there = any(os.path.exists(os.path.join(directory, name)) for name in names)
        return f"\\{found[0]}" if there else found[0]

    return _AT_PATH.sub(escaped, prompt)


def _settings(request: Request) -> dict[str, Any]:
    """gemini's settings for one run. As system settings they come before the user's, which stay in force
    for everything else, the way to log in included."""
    shown = [str(request.directory)] if request.access == "read" else []
    return {
        "tools": {"core": list(_TOOLS[request.access])},
        "context": {
            "includeDirectories": shown,
            # Only the path itself: else an @ before any word would fetch a file whose name holds it.
            "fileFiltering": {"enableRecursiveFileSearch": False},
        },
        # One attempt: lok itself tries again, within the deadline.
        "general": {"maxAttempts": 1, "retryFetchErrors": False, "enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        # With it gemini would not start at all where a folder is not trusted; see `spec_for`.
        "security": {"folderTrust": {"enabled": False}},
    }


def _activity(tool: str, parameters: Mapping[str, Any]) -> str:
    path = parameters.get("file_path") or parameters.get("absolute_path")
    match tool:
        case "read_file":
            return f"reading {path}"
        case "list_directory":
            return f"listing {parameters.get('dir_path') or parameters.get('path') or 'the directory'}"
        case "grep_search" | "search_file_content":
            return f"searching for {parameters.get('pattern')}"
        case "replace" | "write_file":
            return f"writing {path}"
    return f"using {tool}"


def _plain(message: str) -> str:
    """What Google says, without the wrapping: `[API Error: {"error": {"message": ...}}]`."""
    try:
        error, _ = json.JSONDecoder().raw_decode(message, message.index("{"))
        return str(error["error"]["message"])
    except (ValueError, TypeError, KeyError):
        return message.partition("\n")[0].removeprefix("[API Error: ").removesuffix("]")


def _table(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}


@hookimpl
def lok_register_backends() -> list[type[Backend]]:
    """Gemini."""
    return [Gemini]
