"""Tools for a backend that calls none by itself: a conversation in plain text, one JSON action a turn.

Models put JSON in fences, leave commas behind and break strings: such actions are mended, and what cannot be
read goes back once. They also quote JSON, and that must not be acted on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import trio
from attrs import evolve, frozen

from lok_core import loose_json
from lok_core.errors import BackendError
from lok_core.interfaces import Backend, Run
from lok_core.models import Message, Reply, Request, Tool, ToolCall, Turn, Usage
from lok_core.prompts.conduct import ANSWER, again, conversation
from lok_core.reply import checked, is_visible, spoken

_MAX_PREFACE = 400
"""Characters before the first action; longer prose is an answer with an example in it."""
_BRIEF = 10_000
"""Characters that are read in no time, whatever they are."""
_MAX_MENDED = 100
"""Actions; more are no slip of the pen."""
_LISTS = ("actions", "calls", "tool_calls")
_NAMES = ("action", "tool", "name", "function")
_ARGUMENTS = ("arguments", "input", "parameters", "args")
_TEXTS = ("text", "answer", "content")
_ACTION_ONLY = re.compile(r"\s*(?:```\w*\s*)?[\[{]")
_THOUGHT = re.compile(r"\A<(think|thinking)>.*?</\1>\s*", re.DOTALL)
_START = re.compile(r"^(?=(?:`{3,}\w*\s*)?(?:\[\s*)?\{)", re.MULTILINE)
_OPENED = re.compile(r"```|~~~|<!--|/\*|<think")
_BETWEEN = re.compile(r"(?:[\s,;]+|`{3,}\w*)*")
_BEGUN = re.compile(
    r"(?:\[\s{0,99})?\{[^{}\[\]]{0,99}?\baction[\"']?\s{0,9}:\s{0,9}[\"'](?P<name>\w{1,99})[\"']"
)
_ANSWER_BEGUN = re.compile(
    rf"(?:\[\s*)?\{{\s*[\"']?action[\"']?\s*:\s*[\"']{ANSWER}[\"']\s*,"
    rf"\s*[\"']?(?:{'|'.join(_TEXTS)})[\"']?\s*:\s*(?P<quote>[\"'])"
)
_DECODER = json.JSONDecoder(strict=False)

Action: TypeAlias = tuple[str, Mapping[str, Any]]
"""The name of a tool, or `ANSWER`, and its arguments."""


@frozen
class Said:
    """What a reply amounts to.

    Attributes:
        text: the final answer, or the words beside the calls.
        calls: tools to be called, in order; none in a final answer.
        problem: why it could not be read as either; `text` is then all of it.
    """

    text: str
    calls: tuple[Action, ...] = ()
    problem: str = ""


async def converse(
    backend: Backend,
    request: Request,
    messages: Sequence[Message],
    tools: Sequence[Tool],
    run: Run,
    note: Callable[[str], None],
    may_ask_again: Callable[[], bool] = lambda: True,
) -> Turn:
    """The next turn of a backend that answers questions.

    Args:
        request: what is asked, but for its prompt.
        note: told what the reader of the report should know.
        may_ask_again: whether the run's caps allow another call; then it counts.

    Raises:
        BackendError: it did not answer.
    """

    async def ask(prompt: str) -> Reply:
        return checked(await backend.query(evolve(request, prompt=prompt), run), backend.name, run.mask)

    async def understood(reply: Reply) -> Said:
        text = spoken(reply)
        if len(text) < _BRIEF:
            return read(text, tools)
        # It may take long; signals and deadlines are heeded meanwhile.
        return await trio.to_thread.run_sync(read, text, tools, abandon_on_cancel=True)

    prompt = conversation(messages, tools)
    reply = await ask(prompt)
    said = await understood(reply)
    usage = reply.usage
    if said.problem and may_ask_again():
        run.progress("asked again, as its reply could not be read")
        reply = await ask(again(prompt, spoken(reply), said.problem))
        said = await understood(reply)
        usage = _sum(usage, reply.usage)
    if said.problem and _ACTION_ONLY.match(spoken(reply)):
        run.text(spoken(reply))
        raise BackendError("protocol", f"its reply is neither a question nor an answer: {said.problem}")
    if said.problem:
        note(f"a reply of {backend.name} was taken for its answer as it stands, as {said.problem}")
    for words in reply.notes:
        note(f"{backend.name}: {words}")
    turn = 1 + sum(message.role == "assistant" for message in messages)
    calls = tuple(
        ToolCall(f"call-{turn}-{place}", name, arguments)
        for place, (name, arguments) in enumerate(said.calls, 1)
    )
    return Turn(said.text, calls, usage, reply.model, in_text=True)


def read(text: str, tools: Sequence[Tool]) -> Said:
    """What a reply asks for, or answers. Never raises.

    It is acted on only if all of it is JSON actions, bare or in fences, after a short preface at the most.
    JSON amid prose, or in a quotation, an example, a comment or thoughts, is part of an answer, which stays
    as it is.

    Args:
        tools: those that it may call.
    """
    whole = _THOUGHT.sub("", text.strip())
    start = _START.search(whole, 0, _MAX_PREFACE)
    if start is None or _OPENED.search(whole, 0, start.start()):
        return Said(text)
    preface, body = whole[: start.start()].strip(), whole[start.start() :]
    values, rest = _values(body)
    parts = [part for value in values for part in _parts(value)]
    actions = [_action(part, tools) for part in parts]
    ended = bool(actions) and actions[0] is not None and actions[0][0] == ANSWER
    if not ended and (begun := _BEGUN.match(rest)):
        actions, rest = _mended(body, tools), ""
        if not actions:
            return Said(text, problem=f"the JSON of its action {begun['name']!r} is broken")
    if not actions or (preface and rest):
        return Said(text)
    if actions[0] is not None and actions[0][0] == ANSWER:
        return _answer(text, actions[0], (preface, rest))
    if None in actions:
        names = ", ".join([*(tool.name for tool in tools), ANSWER])
        wanted = [_wanted(part) for part, action in zip(parts, actions, strict=True) if action is None]
        if rest or "" in wanted:
            return Said(text)
        return Said(text, problem=f"there is no action {wanted[0]}, only {names}")
    if rest:
        return Said(text, problem="it goes on after its actions, so that they may be no more than an example")
    # An answer beside calls is a guess at their results.
    calls = [action for action in actions if action is not None and action[0] != ANSWER]
    try:
        distinct = {json.dumps(call): call for call in calls}
    except RecursionError:
        return Said(text, problem="its actions are nested too deeply")
    return Said(preface, tuple(distinct.values()))


def _answer(text: str, action: Action, beside: tuple[str, str]) -> Said:
    answer = next((action[1][key] for key in _TEXTS if isinstance(action[1].get(key), str)), "")
    if not is_visible(answer):
        return Said(text, problem="its answer has no text")
    preface, rest = beside
    if len(preface) <= len(answer):  # else it may say "see above"
        preface = ""
    return Said("\n\n".join(filter(None, (preface, answer, rest))))


def _values(text: str) -> tuple[list[Any], str]:
    """The well-formed values at the beginning of a text, up to an answer, and what comes after them."""
    values: list[Any] = []
    at = _end(_BETWEEN, text, 0)
    while text[at : at + 1] in ("{", "["):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        values.append(value)
        at = _end(_BETWEEN, text, at)
        if isinstance(values[0], Mapping) and values[0].get("action") == ANSWER:
            break
    return values, text[at:].strip()


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _parts(value: Any) -> Sequence[Any]:
    """The actions that a value holds, if it holds any."""
    if isinstance(value, Mapping) and "action" not in value:
        value = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), value)
    return value if isinstance(value, list) else [value]


def _action(value: Any, tools: Sequence[Tool]) -> Action | None:
    """The action that a value is: in the form that was asked for, or as programs wrap calls of tools."""
    if isinstance(value, Mapping) and isinstance(value.get("function"), Mapping):
        value = value["function"]
    key = _name(value)
    if not key:
        return None
    name, arguments = value[key], {other: part for other, part in value.items() if other != key}
    for inner in _ARGUMENTS:
        if isinstance(nested := _decoded(arguments.get(inner)), Mapping):
            arguments = {**{other: part for other, part in arguments.items() if other != inner}, **nested}
            break
    if name == ANSWER:
        return (ANSWER, arguments) if key == "action" else None
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None or (key != "action" and not arguments.keys() >= {*tool.parameters.get("required", ())}):
        return None
    return name, arguments


def _name(value: Any) -> str:
    """The key under which a value names its tool."""
    keys = (key for key in _NAMES if isinstance(value, Mapping) and isinstance(value.get(key), str))
    return next(keys, "")


def _decoded(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return _DECODER.decode(value)
    except (ValueError, RecursionError):
        return None


def _wanted(value: Any) -> str:
    """What a value that is no action gives as its action; empty if it gives none."""
    keys = (key for key in value if key.lower() == "action") if isinstance(value, Mapping) else ()
    named = next((value[key] for key in keys), "")
    return f"{named!r:.80}" if isinstance(named, str) and named else "of that form" if named else ""


def _mended(body: str, tools: Sequence[Tool]) -> list[Action | None]:
    """The actions of a body with broken JSON; none if it is not clear what they are."""
    body = body[_end(_BETWEEN, body, 0) :]
    if (begun := _ANSWER_BEGUN.match(body)) is not None:
        return _mended_answer(body[begun.end() :], begun["quote"])
    actions: list[Action | None] = []
    at = 0
    while at < len(body):
        value, length = loose_json.mended(body[at:])
        actions += [_action(part, tools) for part in _parts(value)]
        if length == 0 or len(actions) > _MAX_MENDED or None in actions:
            return []
        at = _end(_BETWEEN, body, at + length)
    return actions if all(action and action[0] != ANSWER and _is_whole(action) for action in actions) else []


def _mended_answer(tail: str, quote: str) -> list[Action | None]:
    """The answer whose text begins with the tail, and may hold quotes that are not escaped."""
    told = tail.rstrip(" \t\n,;`]}")
    if not told.endswith(quote) or "}" not in tail[len(told) :]:
        return []
    told = told[:-1].replace("\\'", "'")
    decoded = _decoded(f'"{loose_json.escaped(told)}"')
    return [(ANSWER, {"text": decoded if isinstance(decoded, str) else told})]


def _is_whole(action: Action) -> bool:
    """Whether it was not cut off before its last argument had begun."""
    return all(value.strip() for value in action[1].values() if isinstance(value, str))


def _sum(one: Usage, other: Usage) -> Usage:
    """Of two usages; what one of them does not tell stays unknown."""

    def count(first: int | None, second: int | None) -> int | None:
        return None if first is None or second is None else first + second

    costs = (one.cost_usd, other.cost_usd)
    return Usage(
        count(one.input_tokens, other.input_tokens),
        count(one.output_tokens, other.output_tokens),
        count(one.cached_tokens, other.cached_tokens),
        None if costs[0] is None or costs[1] is None else costs[0] + costs[1],
    )
