"""What each recipe's program is tried with, through lok and against the fake provider."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import trio
from attrs import fields_dict

from lok_core.command_table import CommandTable, TableBackend
from lok_core.config_strict import structured
from lok_core.engine import Engine
from lok_core.job import EngineJob
from lok_core.models import Request
from lok_core.outcome import Answer
from lok_core.panel import Limits, Panel
from lok_core.process import open_children
from lok_core.recipe import recipe_table
from lok_core.testing import LokResult, run_lok

from . import clis
from .provider import FakeProvider, Record
from .provider_answers import Scripted
from .provider_formats import INPUT_TOKENS, OUTPUT_TOKENS, Call
from .recipe_programs import KEY, PROGRAMS, search_path

DEADLINE = 50  # seconds for one request; what a case has to say is said long before
HANG = 12  # the same for a provider that says nothing


class Recipe:
    """A recipe's program behind lok, in a home of its own.

    Attributes:
        code: the directory that it is asked about; it holds hello.txt. It is trusted, where it has to be.
    """

    def __init__(self, name: str, home: Path, provider: FakeProvider, *, trusted: bool = True) -> None:
        self.name, self.home, self.provider = name, home, provider
        self.program, self.table = PROGRAMS[name], recipe_table(name)
        self.code = home / "code"
        self.code.mkdir()
        (self.code / "hello.txt").write_text("hello from the file\n")
        keys = {"use": f"recipe:{name}", **self.program.point(home, provider.url)}
        if self.program.model:
            keys["model"] = self.program.model
        config = home / ".config/lok/lok.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in keys.items()]
        config.write_text("".join([f"[backends.{name}]\n", *lines]))
        own = {key: value.format(url=provider.url) for key, value in self.program.env.items()}
        (home / "tmp").mkdir()
        base = {"HOME": str(home), "TMPDIR": str(home / "tmp"), "LANG": "C.UTF-8", "TERM": "dumb"}
        self.env = {"PATH": search_path(name), **base, **own}
        if trusted and self.table.get("needs_trust"):
            assert run_lok(["trust", self.code], env=self.env).code == 0

    @property
    def access(self) -> list[str]:
        return list(self.table["access"])

    def ask(self, prompt: str, *args: str, timeout: float = DEADLINE) -> tuple[dict[str, Any], LokResult]:
        """The outcome, as it stands in the JSON report, and how lok ended."""
        argv = ["ask", "-b", self.name, "-f", "json", "--timeout", str(timeout), *args, "-"]
        done = run_lok(argv, env=self.env, cwd=self.code, stdin=prompt)
        assert done.stdout, done.stderr
        # One that stands in the program's own file only is nothing that lok could know.
        assert KEY not in self.env.values() or KEY not in done.stdout + done.stderr
        (outcome,) = done.report["outcomes"]
        return outcome, done

    def reply(self, prompt: str) -> dict[str, Any]:
        outcome, done = self.ask(prompt)
        assert "reply" in outcome, outcome
        assert done.code == 0
        return outcome["reply"]

    def failure(self, prompt: str, *kinds: str, timeout: float = DEADLINE) -> str:
        """The kind of the failure, which is one of those."""
        outcome, done = self.ask(prompt, timeout=timeout)
        assert "reply" not in outcome, f"answered {outcome['reply']['text'][:80]!r}"
        assert done.code == 3
        kind: str = outcome["kind"]
        assert kind in kinds, outcome
        return kind

    def sent(self) -> Record:
        """The first request that reached the provider."""
        return self.provider.requests[0]

    def processes(self) -> list[str]:
        """Command lines of the processes that have this HOME."""
        return clis.processes_in(self.home)


@contextmanager
def ready(name: str) -> Iterator[Recipe]:
    """The recipe's program, with a provider and a home for one case."""
    with FakeProvider(lifetime=120) as provider, clis.private_folder() as home:
        yield Recipe(name, home, provider)


def _answer(recipe: Recipe) -> str:
    begin = time.monotonic()
    reply = recipe.reply("Say hi")
    took_s = time.monotonic() - begin
    assert reply["text"] == "FAKE-ANSWER from chat model fm"
    left = recipe.processes()
    assert left == [], f"left behind: {left}"
    return f"{took_s:.1f} s, {len(recipe.provider.requests)} request(s)"


def _prompt(recipe: Recipe, prompt: str) -> str:
    """Whether the prompt reaches the provider as it is."""
    recipe.reply(prompt)
    told = recipe.sent().prompt
    if told.strip() == prompt.strip():
        return "word for word"
    if prompt.strip() in told:
        return "whole, with text around it"
    assert json.dumps(prompt.strip())[1:-1] in json.dumps(recipe.sent().body), f"arrived as {told[:200]!r}"
    return "whole, in the system prompt"


def _at(recipe: Recipe) -> str:
    recipe.reply("what is @hello.txt and a@b.com?")
    body = json.dumps(recipe.sent().body)
    assert "@hello.txt" in body
    return "EXPANDED into the file" if "hello from the file" in body else "not expanded"


def _large(recipe: Recipe) -> str:
    prompt = "0123456789abcdef" * 19_200 + "[[say=all of it]]"
    assert recipe.reply(prompt)["text"] == "all of it"
    body = json.dumps(recipe.sent().body)
    assert prompt in body
    return "307 kB"


def _usage(recipe: Recipe) -> str:
    usage = recipe.reply("Say hi")["usage"]
    if usage["input_tokens"] is None and usage["output_tokens"] is None:
        assert not any(name in recipe.table for name in ("usage", "usage_regex")), usage
        return "not told"
    if "usage_regex" in recipe.table:
        assert usage["output_tokens"] == OUTPUT_TOKENS, usage
        return "rounded"
    assert usage["output_tokens"] == OUTPUT_TOKENS, usage
    assert usage["input_tokens"] in (INPUT_TOKENS, INPUT_TOKENS - 100), usage
    return "to the number" if usage["input_tokens"] == INPUT_TOKENS else "to the number, cached ones apart"


def _model(recipe: Recipe) -> str:
    model = recipe.reply("Say hi")["model"]
    assert recipe.sent().model == "fm"
    if model is None:
        assert "model_pick" not in recipe.table
        return "not told"
    assert model == "fm" or model.endswith("/fm") or model == recipe.program.model
    return f"told as {model}"


def _failure(mode: str, *kinds: str, timeout: float = DEADLINE) -> Callable[[Recipe], str]:
    def case(recipe: Recipe) -> str:
        begin = time.monotonic()
        kind = recipe.failure(f"Say hi [[mode={mode}]]", *kinds, timeout=timeout)
        return f"{kind}, {time.monotonic() - begin:.0f} s, {len(recipe.provider.requests)} request(s)"

    return case


def _hang(recipe: Recipe) -> str:
    recipe.failure("[[mode=hang]]", "timeout", timeout=HANG)
    left = recipe.processes()
    assert left == [], f"left behind: {left}"
    return "ended, nothing left"


def _forced(recipe: Recipe, call: tuple[str, dict[str, Any]] | None) -> str:
    """A model that orders the tool to be called, whatever it is offered."""
    if call is None:
        return "has no such tool"
    planted = recipe.code / "planted.txt"
    name, arguments = call
    filled = json.loads(json.dumps(arguments).replace("{path}", str(planted)))
    asked = iter([Scripted(calls=(Call(name, filled),))])
    recipe.provider.script(lambda record: next(asked, None) or "done")
    outcome, _ = recipe.ask("do it")
    assert not planted.exists(), "IT WROTE THE FILE"
    assert sorted(path.name for path in recipe.code.iterdir()) == ["hello.txt"]
    offered = "offered" if name in recipe.sent().tools else "not offered"
    told = " ".join(recipe.provider.requests[-1].results)[:60] if len(recipe.provider.requests) > 1 else ""
    said = f"{offered}; {told!r}" if told else offered
    return f"{said}; {'answered' if 'reply' in outcome else outcome['failure']['kind']}"


def _shell(recipe: Recipe) -> str:
    return _forced(recipe, recipe.program.shell)


def _writing(recipe: Recipe) -> str:
    return _forced(recipe, recipe.program.write)


def _tools(recipe: Recipe) -> str:
    recipe.reply("Say hi")
    return _named(recipe.sent().tools)


def _alone(recipe: Recipe) -> str:
    """What is offered where the backend is to have the prompt alone, which no command line asks for."""
    model = {"model": recipe.program.model} if recipe.program.model else {}
    own = {key: value for key, value in {**recipe.table, **model}.items() if key in fields_dict(CommandTable)}
    config: CommandTable = structured(CommandTable, own, (), [])

    async def ask() -> object:
        backend = TableBackend(recipe.name, config)
        async with open_children() as children:
            panel = Panel({recipe.name: backend}, recipe.env, trusted=("/",))
            engine = Engine(panel, [], children, recipe.home, Limits(attempts=1, timeout_s=DEADLINE), _heard)
            request = Request("Say hi", recipe.code, backend=recipe.name, access="none")
            return await EngineJob(engine, recipe.code).ask(request)

    outcome = trio.run(ask)
    assert isinstance(outcome, Answer), getattr(outcome, "message", outcome)
    return _named(recipe.sent().tools)


def _heard(event: object) -> None:
    pass


def _named(tools: tuple[str, ...]) -> str:
    more = f" and {len(tools) - 6} more" if len(tools) > 6 else ""
    return ", ".join(tools[:6]) + more or "none"


def _length(recipe: Recipe) -> str:
    begin = time.monotonic()
    outcome, _ = recipe.ask("[[mode=cutoff]]", timeout=HANG)
    kind = "told as an answer" if "reply" in outcome else outcome["kind"]
    assert kind in ("told as an answer", "truncated", "timeout", "invalid", "empty", "crashed"), outcome
    left = recipe.processes()
    assert left == [], f"left behind: {left}"
    return f"{kind}, {time.monotonic() - begin:.0f} s, {len(recipe.provider.requests)} request(s)"


CASES: dict[str, Callable[[Recipe], str]] = {
    "answer": _answer,
    "Unicode": lambda recipe: _prompt(recipe, "naïve 🚀 日本 \u202e\tß"),
    "300 KB": _large,
    "leading dash": lambda recipe: _prompt(recipe, "-x is this a flag?"),
    "leading slash": lambda recipe: _prompt(recipe, "/help me"),
    "leading !": lambda recipe: _prompt(recipe, "!touch planted.txt"),
    "@file": _at,
    "usage": _usage,
    "model": _model,
    "tools offered": _tools,
    "with the prompt alone": _alone,
    "401": _failure("401", "auth"),
    "429 quota": _failure("quota", "quota", "timeout"),
    "empty answer": _failure("empty", "empty", "timeout"),
    "cut off": _length,
    "hang": _hang,
    "forced shell": _shell,
    "forced write": _writing,
}
