"""What a task would ask, without asking it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import Factory, frozen

from lok_core.errors import UsageError
from lok_core.folders import existing
from lok_core.interfaces import PromptTask, Task
from lok_core.models import Prompt
from lok_core.registry import Registry
from lok_core.settings import BUILT_IN, Settings
from lok_core.setup import make_task


@frozen
class Questions:
    """A task, and what it would ask about a directory.

    Attributes:
        origin: the distribution and its version, or the lok.toml, that the task is from.
        changed: by part of the task ("prompts"), the lok.toml that says it instead.
        untrusted: those of the files above that nobody trusts.
        preferred: who is asked, the first that is there.
        backends: those that a lok.toml names instead, each of which is asked.
        facts: what prompts tell of the code base, in one line; empty if nothing.
        prompts: those that are asked, with the facts in them.
        left_out: why the others are not, by name.
    """

    name: str
    description: str
    origin: str
    directory: Path
    changed: Mapping[str, str] = Factory(dict)
    untrusted: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    facts: str = ""
    prompts: tuple[Prompt, ...] = ()
    left_out: Mapping[str, str] = Factory(dict)


def questions(registry: Registry, settings: Settings, name: str, directory: Path) -> Questions:
    """The task of that name. Asks nobody, but looks at the files in the directory.

    Raises:
        UnknownNameError: there is no such task.
        PluginError: it cannot be made, or is offered twice.
        UsageError: there is no such directory, or the task names facts that there are none of.
    """
    from lok_core.facts import informed

    directory = existing(directory)
    task = make_task(registry, name, settings)
    plugin = registry.owner(Task, name)
    table = settings.tasks.get(name)
    if table is not None and table.prompts is None:
        # [tasks.NAME] only changes what is installed.
        registry.get(Task, name)  # type: ignore[type-abstract]
    origins = {part: settings.origin("tasks", name, part) for part in ("description", "prompts", "backends")}
    changed = {part: origin for part, origin in origins.items() if origin != BUILT_IN}
    own = settings.origin("tasks", name)
    found = informed(task.prompts, directory)
    if found.unknown:
        raise UsageError(
            f"the task {name!r} names what lok knows nothing of: {', '.join(found.unknown)}",
            "this is a fault of the plugin",
        )
    return Questions(
        name,
        task.description,
        own if plugin is None else f"{plugin.distribution} {plugin.version}",
        directory,
        {} if plugin is None else changed,
        tuple(sorted(settings.untrusted & set(changed.values()))),
        tuple(task.preferred) if isinstance(task, PromptTask) else (),
        (table and table.backends) or (),
        found.told,
        found.prompts,
        found.left_out,
    )
