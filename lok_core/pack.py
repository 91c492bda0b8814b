"""Tasks that are data: tables of prompts, in a pack's `tasks.toml` and in lok.toml.

A pack of prompts is a package with nothing in it but a `tasks.toml`; its entry point names the package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from attrs import NOTHING, fields_dict, frozen

from lok_core.config_layers import content_of, dotted, parsed
from lok_core.config_strict import Place, expected, near, shown, structured
from lok_core.errors import ConfigError
from lok_core.interfaces import PromptTask
from lok_core.models import CATEGORIES, Prompt
from lok_core.settings import PromptTable


@frozen
class PackTask:
    """`[tasks.NAME]` of a pack.

    Attributes:
        preferred: who is asked, the first that is there; others where none is.
    """

    description: str
    prompts: tuple[PromptTable, ...]
    preferred: tuple[str, ...] = ()


class _OfTables(PromptTask):
    """A task of a pack."""

    tables: ClassVar[tuple[PromptTable, ...]]

    def __init__(self) -> None:
        self.prompts = prompts_of(self.tables)


def prompts_of(tables: Iterable[PromptTable]) -> tuple[Prompt, ...]:
    """The prompts, each with a category: its own, or else the one that its name or its words suggest."""

    def category(one: PromptTable) -> Any:
        from lok_core.topics import category_of  # few need it, and it takes long

        return one.category or category_of(one.name, one.prompt)

    return tuple(Prompt(one.name, one.prompt, category(one), one.when, one.unless) for one in tables)


def tasks_of(file: Path) -> list[type[PromptTask]]:
    """The tasks of a pack.

    Args:
        file: its `tasks.toml`.

    Raises:
        ConfigError: all that is wrong in it.
    """
    name = f"{file.parent.name}/{file.name}"
    return tasks_in(parsed(content_of(file, found=True), name), name)


def tasks_in(tables: Mapping[str, Any], name: str) -> list[type[PromptTask]]:
    """The tasks in the tables of a file of that name.

    Raises:
        ConfigError: all that is wrong in it.
    """
    problems: list[tuple[Place, str]] = []
    problems += [((key,), f"no such table{near(key, ['tasks'])}") for key in tables if key != "tasks"]
    tasks = tables.get("tasks", {})
    if not isinstance(tasks, Mapping):
        problems.append((("tasks",), expected(dict, tasks)))
        tasks = {}
    elif not tasks:
        problems.append((("tasks",), "a pack has at least one task, [tasks.NAME]"))
    found = [_task(name, table, ("tasks", name), problems) for name, table in tasks.items()]
    if problems:
        raise ConfigError([f"{name}: {dotted(place)}: {text}" for place, text in problems])
    return [task for task in found if task is not None]


def _task(name: str, table: Any, place: Place, problems: list[tuple[Place, str]]) -> type[PromptTask] | None:
    before = len(problems)
    if not all(part.isalnum() for part in name.split("-")):
        problems.append((place, "no name; one is made of letters, digits and -, such as my-own"))
    made: PackTask | None = _plain(table)
    if made is None:
        made = structured(PackTask, table, place, problems)
    if isinstance(table, Mapping):
        check_prompts(table.get("prompts"), (*place, "prompts"), problems)
        text = table.get("description")
        if isinstance(text, str) and not (text.strip() and text.isprintable()):
            problems.append(((*place, "description"), "a description is one line of text"))
    if made is None or len(problems) > before:
        return None
    body = {
        "name": name,
        "description": made.description,
        "preferred": made.preferred,
        "tables": made.prompts,
    }
    return type(name, (_OfTables,), {"__doc__": made.description, **body})


def _plain(table: Any) -> PackTask | None:
    """The table as a value, where nothing is wrong with it; else None, and `structured` says what is.

    Every command loads the installed packs, and what tells their mistakes takes long to import.
    """
    if not _fits(table, PackTask, {"description": str, "prompts": list, "preferred": list}):
        return None
    texts = {"name": str, "prompt": str, "category": str, "when": list, "unless": list}
    entries = []
    for one in table["prompts"]:
        if not _fits(one, PromptTable, texts) or one.get("category") not in (None, *CATEGORIES):
            return None
        lists = {key: tuple(one.get(key, ())) for key in ("when", "unless")}
        entries.append(PromptTable(one["name"], one["prompt"], one.get("category"), **lists))
    return PackTask(table["description"], tuple(entries), tuple(table.get("preferred", ())))


def _fits(table: Any, cls: type, kinds: Mapping[str, Any]) -> bool:
    if not isinstance(table, dict) or not table.keys() <= kinds.keys():
        return False
    if not {name for name, one in fields_dict(cls).items() if one.default is NOTHING} <= table.keys():
        return False
    return all(
        type(value) is kinds[key]
        and (kinds[key] is str or all(isinstance(one, dict if key == "prompts" else str) for one in value))
        for key, value in table.items()
    )


def check_prompts(prompts: Any, place: Place, problems: list[tuple[Place, str]]) -> None:
    """What the types cannot say; whatever is of a wrong type is told elsewhere."""
    if not isinstance(prompts, list):
        return
    if not prompts:
        problems.append((place, "a task asks at least one prompt"))
    names: set[str] = set()
    for number, prompt in enumerate(prompts):
        if not isinstance(prompt, Mapping):
            continue
        name, text = prompt.get("name"), prompt.get("prompt")
        if isinstance(name, str):
            if not name.strip() or not name.isprintable():
                problems.append(((*place, number, "name"), "a name is one line of text"))
            if name in names:
                problems.append(((*place, number, "name"), f"{shown(name)} is the name of an earlier prompt"))
            names.add(name)
        if isinstance(text, str) and not text.strip():
            problems.append(((*place, number, "prompt"), "it is empty"))
        for key in ("when", "unless"):
            _check_facts(prompt.get(key), (*place, number, key), problems)


def _check_facts(named: Any, place: Place, problems: list[tuple[Place, str]]) -> None:
    texts = [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    if not texts:
        return
    from lok_core.facts import known  # few need it

    for one in texts:
        if one not in known().names:
            import difflib

            close = difflib.get_close_matches(one, known().names, n=1)
            meant = f"did you mean {close[0]!r}?" if close else "docs/task-packs.md lists them"
            problems.append((place, f"lok knows no fact {shown(one)}; {meant}"))
