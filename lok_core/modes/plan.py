"""The parts of a task, as its user names them or as a model plans them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import evolve

from lok_core import loose_json
from lok_core.details.spawn import Agent
from lok_core.errors import UsageError
from lok_core.interfaces import Job
from lok_core.models import Reply, Request
from lok_core.outcome import Failure
from lok_core.prompts import spawn as prompts
from lok_core.reply import spoken
from lok_core.results import SUMMARY

PLAN, REPAIR = "plan", "plan again"
"""The labels of the requests for a plan."""
WAY_OUT = '--agent "name:description", once for each part, does without a plan'

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MAX_NAME = 40
_RESERVED = (PLAN, SUMMARY)

_LISTS = ("subtasks", "tasks", "parts", "agents", "plan", "steps", "result")
_NAMES = ("name", "title", "agent", "id")
# How a plan begins, as far as one can tell: the surest sign first.
_OPENINGS = (
    re.compile(rf"\{{\s*[\"']?(?:{'|'.join(_LISTS)})[\"']?\s*:"),
    re.compile(r"\[\s*\{"),
    re.compile(r"\{\s*[\"'{\w]"),
)
_DESCRIPTIONS = ("description", "task", "prompt", "instructions", "details", "goal")


def read_agents(agents: Sequence[str]) -> tuple[Agent, ...]:
    """The agents that a user names: `name:description`, or `name@backend:description`.

    Raises:
        UsageError: one is malformed, two have the same name, or a name is none for a branch.
    """
    read: list[Agent] = []
    for given in agents:
        head, colon, description = given.partition(":")
        name, at, backend = (part.strip() for part in head.partition("@"))
        if not colon or not name or not description.strip() or (at and not backend):
            raise UsageError(
                f"--agent {given!r} is not of the form name:description",
                '--agent "parser:find bugs in the parser", or "parser@codex:..." for a certain backend',
            )
        if not is_branch_part(name):
            raise UsageError(
                f"--agent: {name!r} is no name for an agent, as its branch is called so",
                f"letters, digits, '.', '_' and '-', at most {_MAX_NAME}, beginning with a letter or digit",
            )
        if name.lower() in _RESERVED:
            raise UsageError(f"--agent: {name!r} is what lok calls something else", "take another name")
        if name.lower() in (agent.name.lower() for agent in read):
            raise UsageError(f"--agent: two agents are called {name!r}", "each needs a name of its own")
        read.append(Agent(name, description.strip(), backend))
    return tuple(read)


def is_branch_part(name: str) -> bool:
    """Whether a branch and a folder can be called so everywhere (`git help check-ref-format`)."""
    return (
        len(name) <= _MAX_NAME
        and _NAME.fullmatch(name) is not None
        and ".." not in name
        and not name.endswith(".")
        and not name.lower().endswith(".lock")
    )


async def plan(job: Job, task: str, planner: str, *, write: bool) -> tuple[tuple[Agent, ...], str]:
    """The agents that a backend plans for the task; without any, why there is no plan.

    One answer that cannot be read is sent back once.
    """
    request = Request(
        prompts.plan(task, write=write),
        job.directory,
        backend=planner,
        access="read",
        label=PLAN,
        output_schema=prompts.PLAN_SCHEMA,
    )
    outcome = await job.ask(request)
    if not isinstance(outcome, Failure) and not (agents := read_plan(outcome.reply)):
        again = prompts.repair(task, spoken(outcome.reply))
        outcome = await job.ask(evolve(request, prompt=again, label=REPAIR))
        agents = () if isinstance(outcome, Failure) else read_plan(outcome.reply)
    if isinstance(outcome, Failure):
        return (), f"{planner} gave no plan ({outcome.kind}: {outcome.message}); {WAY_OUT}"
    if not agents:
        return (), f"no plan could be read from what {planner} said; {WAY_OUT}"
    return _fitted(job, agents), ""


def read_plan(reply: Reply) -> tuple[Agent, ...]:
    """The agents of the likeliest plan in a reply: in its data, else in JSON in its text, bare, in a fence,
    amid prose or slightly broken; none if there is no plan in it."""
    values: Iterable[Any] = _values(reply.text) if reply.data is None else [reply.data]
    for value in values:
        if agents := _agents(value):
            return agents
    return ()


def _fitted(job: Job, agents: tuple[Agent, ...]) -> tuple[Agent, ...]:
    """No more than there should be; nothing of the plan is lost."""
    if len(agents) < prompts.MIN_PARTS:
        job.note("the plan has one part only, so that one agent works on it")
    if len(agents) <= prompts.MAX_PARTS:
        return agents
    job.note(f"the plan had {len(agents)} parts; {prompts.MAX_PARTS} agents share them")
    shared = []
    for place in range(prompts.MAX_PARTS):
        own = agents[place :: prompts.MAX_PARTS]
        shared.append(evolve(own[0], description="\n\n".join(agent.description for agent in own)))
    return tuple(shared)


def _agents(value: Any) -> tuple[Agent, ...]:
    if isinstance(value, Mapping):
        lists = (value[key] for key in _LISTS if key in value)
        return next((agents for one in lists if (agents := _agents(one))), ())
    if not isinstance(value, list):
        return ()
    found: list[Agent] = []
    for entry in value:
        name, description = _part(entry)
        if description.strip(" ."):  # dots: our own example, repeated
            name = _unused(name or prompts.first_line(description, 24), [agent.name for agent in found])
            found.append(Agent(name, description))
    return tuple(found)


def _part(entry: Any) -> tuple[str, str]:
    if isinstance(entry, str):
        return "", entry.strip()
    if not isinstance(entry, Mapping):
        return "", ""
    name, description = (_text(entry, keys) for keys in (_NAMES, _DESCRIPTIONS))
    return name, description or name


def _text(entry: Mapping[Any, Any], keys: Sequence[str]) -> str:
    texts = (value.strip() for key in keys if isinstance(value := entry.get(key), str))
    return next((text for text in texts if text), "")


def _unused(wanted: str, taken: Sequence[str]) -> str:
    """What an agent can be called, as near as possible to what the plan calls it."""
    slug = re.sub(r"[^a-z0-9]+", "-", wanted.lower()).strip("-")[: _MAX_NAME - 4].strip("-") or "part"
    names = (slug if number == 1 else f"{slug}-{number}" for number in range(1, len(taken) + 3))
    return next(name for name in names if name not in (*taken, *_RESERVED))


def _values(text: str) -> Iterator[Any]:
    """What JSON a text holds, the likeliest plan first; what is right comes before what can be mended."""
    found, _ = loose_json.values(text, r"[{\[]")
    # Prose has lists too: of files that were looked at, say.
    parts = [value for value in found if isinstance(value, list) and any(map(_is_object, value))]
    yield from filter(_is_object, found)
    yield from parts
    openings = (match.start() for pattern in _OPENINGS if (match := pattern.search(text)))
    for start in dict.fromkeys(openings):
        yield loose_json.repaired(text[start:].partition("\n```")[0])
    yield from (value for value in found if isinstance(value, list) and value not in parts)


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)
