"""OpenAI Codex CLI as a lok backend: `codex exec`, held to the directory and to what was asked.

docs/backends/codex.md tells what the flags are for and what the outcomes look like.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

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
    from lok_core import Finished

__version__ = "0.1.0"

_LOGIN = "run `codex login`, or export CODEX_API_KEY=..."

_INSTALL = "npm install -g @openai/codex"

_EXAMPLE = """\
{"type":"thread.started","thread_id":"t-1"}
{"type":"turn.started"}
{"type":"item.completed","item":{"id":"item_0","type":"agent_message","text":"{answer}"}}
{"type":"turn.completed","usage":{"input_tokens":900,"cached_input_tokens":80,"output_tokens":7}}
"""

_ROOTS: Mapping[str, Any] = {":workspace_roots": {".": "read"}}

_NO_TOOLS = ("shell_tool", "unified_exec", "goals", "view_image", "multi_agent")


def _held(shown: Mapping[str, Any]) -> tuple[tuple[str], ...]:
    """The flags that hold commands to what is shown, and to the system's programs, without a network.

    `-s read-only` would let them read the whole disk. On the command line a profile comes before the
    `sandbox_mode` of any config.toml.
    """
    return (
        ('--config=default_permissions="lok"',),
        (f"--config=permissions.lok.filesystem={_toml({':minimal': 'read', **shown})}",),
        ("--config=permissions.lok.network.enabled=false",),
    )


def _toml(value: Any) -> str:
    if not isinstance(value, Mapping):
        return json.dumps(value)
    pairs = (f"{json.dumps(key, ensure_ascii=False)}={_toml(inner)}" for key, inner in value.items())
    return f"{{{','.join(pairs)}}}"


# What the messages of a failed turn mean, first match first; codex gives no status of its own beside them.
# Quota before rate limit: providers send both with status 429, and only one of them passes by itself.
_FAILURES = (
    KnownFailure(
        r"quota exceeded|insufficient_quota|exceeded your current quota|usage limit|out of credits",
        "quota",
        "the OpenAI account has used up its quota",
        "see the plan and the billing details of the account, or `codex login` with another one",
    ),
    KnownFailure(
        r"status:? 401|status:? 403|incorrect api key|missing environment variable|"
        r"not logged in|log ?in again|(refresh|access) token",
        "auth",
        "OpenAI does not accept {credentials}",
        _LOGIN,
    ),
    KnownFailure(
        r"status:? 429|rate limit", "rate_limit", "OpenAI limits the rate of requests", "ask again later"
    ),
    KnownFailure(
        r"status:? 5(00|03|29)|high demand|overloaded|at capacity",
        "overloaded",
        "OpenAI is overloaded or has a fault of its own",
        "ask again later",
    ),
    KnownFailure(
        r"ran out of room in the model's context|context_length_exceeded",
        "too_large",
        "the prompt and what was read do not fit into the model's context",
        "ask a shorter question, or about a smaller directory",
    ),
    KnownFailure(r"max_output_tokens", "truncated", "the answer was cut off at the limit of output tokens"),
    KnownFailure(r"content_filter", "refused", "the answer was stopped by OpenAI's content filter"),
    KnownFailure(
        r"model.{0,120}(does not exist|not found|not supported|no access)",
        "invalid",
        "OpenAI has no such model for this account",
        "name another one: `-m codex=MODEL`, or `model` in lok.toml",
    ),
    KnownFailure(
        r"utf-?8 error",
        "protocol",
        "OpenAI's answer could not be read",
        "look for a proxy that alters the connection",
    ),
    KnownFailure(
        r"stream disconnected|stream closed|connection failed|error sending request|transport error|"
        r"timed? ?out|idle timeout|status:? 50[1-4]",
        "network",
        "the connection to OpenAI failed",
        "check the network, and the proxy if there is one",
    ),
    KnownFailure(
        r"status:? 40[0-9]|invalid_request_error", "invalid", "OpenAI refused the request as invalid"
    ),
)


class CodexReading(Reading):
    """Reads the events of `codex exec --json`.

    Of several messages the last one is the answer; those before it tell what codex is about to do. An
    `error` event may be followed by another attempt: only `turn.completed` and `turn.failed` are final.
    """

    def event(self, event: Mapping[str, Any]) -> None:
        item = _table(event, "item")
        match event.get("type"):
            case "thread.started":
                self.session = event.get("thread_id")
            case "item.started":
                if activity := _activity(item):
                    self.doing(activity)
            case "item.completed" if item.get("exit_code") and _output(item).startswith("bwrap: "):
                self._unheld(_output(item))
            case "item.completed" if item.get("type") == "agent_message":
                self.parts.clear()
                self.say(str(item.get("text", "")))
            case "error":
                self.doing(str(event.get("message", "")))
            case "turn.completed":
                self.done = True
                self.usage = _usage(_table(event, "usage"))
                if not self.parts:
                    self.fail("the model refused to answer, and gave no reason", "refused")
            case "turn.failed":
                self._explain(str(_table(event, "error").get("message", "")))

    def reply(self, finished: Finished) -> Reply:
        if finished.returncode == 0 and not self.done and self.failure is None:
            raise BackendError(
                "protocol",
                "it ended without saying that its turn was complete",
                "see whether `codex exec --json` works by itself, and `lok doctor`",
            )
        return super().reply(finished)

    def _unheld(self, said: str) -> None:
        """No command starts: whatever the model answers, it has read nothing."""
        hint = "see whether `codex sandbox -- true` works"
        if missing := re.search(r"execvp (/\S+): No such file", said):
            # A script or shim stands in for it, so that lok did not know which file to show to the sandbox.
            hint = f'name the program itself in lok.toml: command = "{missing[1]}" in [backends.codex]'
        self.fail(f"its sandbox does not start: {said}", "unavailable", hint)

    def _explain(self, message: str) -> None:
        key = self.run.env.get("CODEX_API_KEY")
        credentials = "the key in CODEX_API_KEY" if key else "the login"
        self.failure = recognised(_FAILURES, message, _plain(message), credentials=credentials)


class Codex(CommandBackend):
    """OpenAI's models, through the Codex CLI of the user."""

    kind = "codex"
    reading = CodexReading
    known_defaults: ClassVar[Mapping[str, Any]] = {
        "command": "codex",
        "args": ["exec", "--json", "-s", "read-only"],
    }
    profile = Profile(
        strengths=("performance", "dead-code", "patterns", "errors", "general"),
        style="Codex CLI: reads the code with shell commands in a read-only sandbox",
        aliases=("Codex", "GPT", "ChatGPT", "OpenAI"),
        secrets=("CODEX_API_KEY", "OPENAI_API_KEY"),
        env=("CODEX_", "OPENAI_"),
        access=("none", "read", "write"),
        output_schema=True,
        streams_progress=True,
        retries=True,  # up to half a minute, without a knob for OpenAI's own provider
        heeds=("git, where the model calls it, starts what .git/config names; the sandbox holds it",),
    )
    spec = CommandSpec(
        command="codex",
        args=("exec",),
        flags=(
            ("--json",),
            ("--color", "never"),
            ("--skip-git-repo-check",),
            ("--ephemeral",),
            ("--ignore-rules",),
            # Only PATH, HOME and their like reach the commands that the model runs, and no key.
            ("-c", "shell_environment_policy.inherit=core"),
            ("-c", "web_search=disabled"),
            # Without this feature codex refuses to start, which is right: it may not know the profile below.
            ("--disable", "unbounded_connection_retries"),
            # The processes that take it outlive codex. Set so, a codex without this feature only warns.
            ("-c", "features.shell_snapshot=false"),
            # A login shell would set PATH anew, and lose the `rg` that codex brings along.
            ("-c", "allow_login_shell=false"),
            ("-m", "{model}"),
        ),
        # It runs git in the directory, and git runs the filters that the directory's configuration names. The
        # commands of the model do not see this variable.
        env={"GIT_DIR": "/dev/null"},
        access={
            "none": (*_held({}), *((f"--disable={name}",) for name in _NO_TOOLS)),
            "read": _held(_ROOTS),
            "write": (("-s", "workspace-write"),),
        },
        forbidden=(
            # Each of these would take the place of the profile.
            *(
                f"{flag} {key}"
                for flag in ("-c", "--config")
                for key in ("default_perm", "permissions", "sandbox")
            ),
            "-s=",
            "--sandbox=",
            "--add-dir=",
            "--cd=",
            "-C=",
            "--full-auto",
            "--yolo",
            "--dangerously-bypass-approvals-and-sandbox",
            "--dangerously-bypass-hook-trust",
            "--approve-for-me",
            "--trust",
        ),
        format="jsonl",
        errors=(
            ErrorPattern(
                "Unknown feature flag",
                "invalid",
                stream="stderr",
                hint=f"bring codex up to date: `{_INSTALL}`",
            ),
            ErrorPattern(
                r"unexpected argument|unrecognized|invalid value",
                "invalid",
                stream="stderr",
                exit=2,
                hint="see `args` and `extra_args` in lok.toml, and `codex exec --help`",
            ),
            ErrorPattern(
                r"not valid UTF-8|Error loading config|CODEX_HOME",
                "invalid",
                stream="stderr",
                hint="see ~/.codex/config.toml and CODEX_HOME",
            ),
        ),
        example=_EXAMPLE,
        install=_INSTALL,
        known_good=("0.169",),
    )

    def spec_for(self, request: Request, run: Run) -> CommandSpec:
        spec = super().spec_for(request, run)
        if request.access == "read":
            own = dict.fromkeys(_own_files(self.program(run.env)), "read")
            spec = evolve(spec, access={**spec.access, "read": _held({**_ROOTS, **own})})
        if not run.trusted:
            spec = evolve(spec, flags=(*spec.flags, *_unheeding(request.directory)))
        if request.output_schema is None:
            return spec
        schema = run.folder / "schema.json"
        schema.write_text(json.dumps(dict(request.output_schema)))
        return evolve(spec, flags=(*spec.flags, ("--output-schema", str(schema))))

    async def check(self, run: Run) -> Health:
        health = await super().check(run)
        if not health.ready or health.program is None:
            return health
        env = {**run.env, **self.config.env}
        if env.get("CODEX_API_KEY"):
            return evolve(health, logged_in=True)
        status = await run.command([health.program, "login", "status"], env=self.config.env)
        if status.returncode == 0:
            return evolve(health, logged_in=True)
        if _own_provider(env):
            return health
        return evolve(health, ready=False, logged_in=False, message="not logged in", hint=_LOGIN)


def _unheeding(directory: Path) -> tuple[tuple[str, ...], ...]:
    """The flags with which codex follows nothing that lies in the directory.

    It would tell the model what an AGENTS.md says, and which skills there are; and where its user has told
    it to trust the directory, start what the config.toml there names.
    """
    # Not as `projects."PATH".trust_level`: the path may hold dots, at which codex would part it.
    projects = {
        str(path): {"trust_level": "untrusted"} for path in dict.fromkeys((directory, directory.resolve()))
    }
    return (
        ("-c", "project_doc_max_bytes=0"),
        ("-c", "skills.include_instructions=false"),
        ("-c", f"projects={_toml(projects)}"),
    )


def _own_files(program: str) -> list[str]:
    """What the sandbox must show of codex itself: it starts in there once more, and brings its `rg` along."""
    real = Path(program).resolve()
    package = real.parent.parent
    if package.parent.name == "@openai":  # npm's: the binary is in a package beside this one, or within it
        return sorted(str(beside.resolve()) for beside in package.parent.glob("codex*"))
    return [str(package if (package / "codex-package.json").exists() else real)]


def _own_provider(env: Mapping[str, str]) -> bool:
    """Whether the user's configuration names a provider of its own, of whose keys codex says nothing."""
    folder = env.get("CODEX_HOME") or os.path.join(env.get("HOME", ""), ".codex")
    try:
        return "model_provider" in Path(folder, "config.toml").read_text(errors="replace")
    except OSError:
        return False


def _activity(item: Mapping[str, Any]) -> str:
    match item.get("type"):
        case "command_execution":
            return f"running {_bare(str(item.get('command', '')))}"
        case "mcp_tool_call":
            return f"calling {item.get('server')}/{item.get('tool')}"
        case "web_search":
            return f"searching the web: {item.get('query', '')}"
        case "file_change":
            return "changing files"
    return ""


def _output(item: Mapping[str, Any]) -> str:
    return str(item.get("aggregated_output", ""))


def _bare(command: str) -> str:
    """The command without the shell that codex wraps it into."""
    try:
        words = shlex.split(command)
    except ValueError:
        return command
    return words[2] if len(words) == 3 and words[1] in ("-c", "-lc") else command


def _plain(message: str) -> str:
    """The provider's own words: its errors with status 400 come as the JSON they were sent in."""
    try:
        said = json.loads(message)["error"]["message"]
    except (ValueError, TypeError, KeyError):
        return message
    return str(said)


def _usage(usage: Mapping[str, Any]) -> Usage:
    """The tokens; `input_tokens` holds the cached ones too. Codex knows no cost."""
    return Usage(usage.get("input_tokens"), usage.get("output_tokens"), usage.get("cached_input_tokens"))


def _table(event: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = event.get(key)
    return value if isinstance(value, Mapping) else {}


@hookimpl
def lok_register_backends() -> list[type[Backend]]:
    """Codex."""
    return [Codex]
