"""What a run starts from: the configuration that counts, the backends it makes, its tasks and limits."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, fields_dict, frozen

from lok_core.environment import NPM_FOLDER, given_secrets, written_secrets
from lok_core.errors import PLUGIN_FAULTS, PluginError, UnknownNameError, UsageError
from lok_core.files import may_hold
from lok_core.interfaces import Backend, PromptTask, Task
from lok_core.models import Profile
from lok_core.registry import DISABLE, Registry
from lok_core.sanitize import clean_line
from lok_core.settings import NAME, BackendSettings, Settings

if TYPE_CHECKING:
    from lok_core.config_layers import Layer
    from lok_core.panel import Panel
    from lok_core.trust import Trust

T = TypeVar("T")

CONFIG = "lok.toml"
TRUST = "trust.json"

_OWN_TASK = "A task of lok.toml"
_SHOWN = 4  # places that a note names


@frozen
class Setup:
    """The configuration as it is written, before any plugin is loaded, and where lok stands.

    Attributes:
        given_env: the environment that lok was started in.
        state_dir: where lok keeps what it has to remember.
        layers: the files, the one that counts most last.
        trust: what the user trusts.
    """

    given_env: Mapping[str, str]
    state_dir: Path
    layers: tuple[Layer, ...]
    trust: Trust | None

    @classmethod
    def read(
        cls,
        env: Mapping[str, str],
        state_dir: Path,
        directory: Path,
        config_dir: Path | None = None,
        given: Path | None = None,
    ) -> Setup:
        """All files that there are.

        Args:
            directory: absolute; where to look for a lok.toml, and then in each folder above.
            config_dir: the folder that may hold the user's own file.
            given: a file that the user named; it counts most.

        Raises:
            ConfigError: one of them cannot be read.
        """
        own = None if config_dir is None else config_dir / CONFIG
        user = own if config_dir is not None and may_hold(config_dir, CONFIG) else None
        above = (folder / CONFIG for folder in (directory, *directory.parents))
        project = next((file for file in above if os.path.isfile(file)), None)
        layers: tuple[Layer, ...] = ()
        if (user, project, given) != (None, None, None):
            from lok_core.config_layers import read_layers

            layers = tuple(read_layers(user, project, given))
        trusts = layers or os.path.lexists(state_dir / TRUST)
        return cls(env, state_dir, layers, read_trust(state_dir) if trusts else None)

    @property
    def trusted(self) -> list[str]:
        """The directories whose content is trusted, as real paths."""
        return [] if self.trust is None else self.trust.directories

    @property
    def env(self) -> dict[str, str]:
        """The environment for plugins and backends."""
        env = {NPM_FOLDER: str(self.state_dir / "npm"), **self.given_env}
        disabled = [name for layer in self.layers if self._counts(layer) for name in _disabled(layer)]
        if disabled:
            env[DISABLE] = ",".join([*disabled, env.get(DISABLE, "")])
        return env

    def secrets(self) -> set[str]:
        """The values that the files declare to be secret, as far as they count, for errors of any kind."""
        tables = [layer.table.get("backends") for layer in self.layers if self._counts(layer)]
        every = [one for table in tables if isinstance(table, Mapping) for one in table.values()]
        return set().union(*(written_secrets(one, self.given_env) for one in every))

    def tasks(self, installed: Mapping[str, str]) -> dict[str, str]:
        """Name and description of every task there is; mistakes in their tables are told elsewhere.

        Args:
            installed: those of the plugins.
        """
        found = dict(installed)
        for layer in self.layers:
            tables = layer.table.get("tasks")
            for name, table in tables.items() if isinstance(tables, Mapping) else ():
                known = name in found or (
                    NAME.fullmatch(name) and isinstance(table, dict) and "prompts" in table
                )
                if known and isinstance(table, Mapping):
                    description = table.get("description", found.get(name, _OWN_TASK))
                    found[name] = clean_line(description) if isinstance(description, str) else _OWN_TASK
        return found

    def settings(self, registry: Registry, models: Sequence[str] = (), named: Sequence[str] = ()) -> Settings:
        """What the layers come to.

        Args:
            models: `NAME=MODEL`, or the model alone where one backend is asked.
            named: the backends that are asked by name.

        Raises:
            ConfigError: all that is wrong in the files.
            UsageError: a model for a backend that is not there, or takes none.
        """
        if not self.layers and not models:
            return Settings()
        from lok_core.config import settings_of, with_built_in
        from lok_core.trust import allowed

        kinds = registry.all(Backend)  # type: ignore[type-abstract]
        layers: list[Layer] = []
        notes: list[str] = []
        untrusted = set()
        for layer in self.layers:
            if not self._counts(layer):
                table, waiting = allowed(layer.table, with_built_in(layers), kinds)
                layer = evolve(layer, table=table)
                untrusted.add(layer.origin)
                if waiting:
                    notes.append(_waits(layer, waiting))
            layers.append(layer)
        settings = settings_of(layers, kinds, untrusted)
        if models:
            panel = make_panel(registry, self.env, named, settings)
            layers.append(_models_layer(models, panel))
            settings = settings_of(layers, kinds, untrusted)
        notes += [*settings.notes, *_tasks_without_prompts(settings, registry)]
        return evolve(settings, notes=tuple(notes))

    def _counts(self, layer: Layer) -> bool:
        return self.trust is None or self.trust.counts(layer)


def read_trust(state_dir: Path) -> Trust:
    """What the user trusts, as the state folder has it.

    Raises:
        UsageError: the file is damaged.
    """
    from lok_core.trust import Trust

    return Trust.read(state_dir / TRUST)


def _disabled(layer: Layer) -> list[str]:
    table = layer.table.get("plugins")
    names = table.get("disable") if isinstance(table, Mapping) else None
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _tasks_without_prompts(settings: Settings, registry: Registry) -> list[str]:
    installed = registry.names(Task)
    left = [name for name, one in settings.tasks.items() if one.prompts is None and name not in installed]
    why = "is left out, as no such task is installed and it has no prompts"
    return [f"{settings.origin('tasks', name)}: [tasks.{name}] {why}" for name in left]


def _waits(layer: Layer, waiting: Sequence[str]) -> str:
    shown = ", ".join(waiting[:_SHOWN])
    more = f" and {len(waiting) - _SHOWN} more" if len(waiting) > _SHOWN else ""
    import shlex

    folder = shlex.quote(os.path.dirname(layer.origin))
    count = "does not count" if len(waiting) == 1 else "do not count"
    return f"{layer.origin} is not trusted, so {shown}{more} {count}; `lok trust {folder}` changes that"


def _models_layer(models: Sequence[str], panel: Panel) -> Layer:
    tables: dict[str, dict[str, str]] = {}
    for given in models:
        name, equals, model = given.partition("=")
        if not equals:
            asked = [
                info.name
                for info in panel.infos()
                if info.profile.is_llm and (info.name in panel.named if panel.named else info.eligible)
            ]
            if len(asked) != 1:
                raise UsageError(
                    f"-m {given}: {len(asked) or 'no'} backends are asked",
                    "say whose model it is: -m NAME=MODEL",
                )
            name, model = asked[0], given
        if not model.strip():
            raise UsageError(f"-m {given}: the model's name is missing", "write -m NAME=MODEL")
        if not _takes_model(panel.get(name)):
            raise UsageError(f"-m {given}: the backend {name!r} takes no model")
        tables[name] = {"model": model}
    from lok_core.config_layers import Layer

    return Layer("-m", {"backends": tables})


def _takes_model(backend: Backend) -> bool:
    """Whether a model can be chosen, and then gets to what is asked."""
    from lok_core.command_spec import CommandSpec

    if "model" not in fields_dict(backend.Config):
        return False
    spec = getattr(backend, "spec", None)
    if not isinstance(spec, CommandSpec):
        return True
    config = backend.config
    words = [*chain(*spec.flags), *(spec.args if config.args is None else config.args), *config.extra_args]
    templates = [*spec.files.values(), *spec.env.values(), *config.env.values()]
    return any("{model}" in word for word in (*words, *templates))


def make_panel(
    registry: Registry,
    env: Mapping[str, str],
    named: Sequence[str] = (),
    settings: Settings | None = None,
    trusted: Collection[str] = (),
) -> Panel:
    """The backends at hand: one instance of each adapter, and what the settings make besides.

    Args:
        named: the backends to ask, and no others; empty for those asked by default, "all" for each of these
            that is available, where otherwise one would be chosen.
        trusted: the directories whose content is trusted, as real paths.

    Raises:
        UnknownNameError: a named backend is not there.
        UsageError: a named backend is disabled or broken.
        PluginError: a named backend is offered by two plugins.
    """
    from lok_core.panel import Panel

    settings = settings or Settings()
    if "all" in named:
        everyone = make_panel(registry, env, (), settings).infos()
        named = [info.name for info in everyone if info.available and info.profile.asked_by_default]
    backends: dict[str, Backend] = {}
    problems: dict[str, str] = {}
    disabled: set[str] = set()
    secrets: set[str] = set()
    kinds = registry.all(Backend).values()  # type: ignore[type-abstract]
    # Also of what is disabled, broken, or without the table that it needs: that is no reason to tell a key.
    others = [kind.profile for kind in kinds if isinstance(kind.profile, Profile)]
    for name, offered, one in _instances(registry, settings):
        enabled = one is None or one.table.enabled
        declared = () if one is None else one.table.secrets
        if not enabled:
            disabled.add(name)
        try:
            backend = _instance(name, offered, one)
        except PLUGIN_FAULTS as error:
            if enabled:
                problems[name] = f"{offered.__name__}() raised {type(error).__name__}: {error}"
        else:
            declared = backend.profile.secrets
            if enabled:
                backends[name] = backend
        others.append(Profile(secrets=tuple(declared)))
        if one is not None:
            secrets |= given_secrets(getattr(one.config, "env", None), declared)
    for name in named:
        if name in disabled:
            raise UsageError(
                f"the backend {name!r} is disabled", f"{settings.origin('backends', name, 'enabled')} says so"
            )
        if name in problems:
            raise UsageError(f"the backend {name!r} is broken: {problems[name]}")
        if name not in backends and name in registry.names(Backend):
            registry.get(Backend, name)  # type: ignore[type-abstract]
            raise UsageError(
                f"the backend {name!r} has no configuration",
                f'a table with use = "{name}" in lok.toml makes one under a name of its own',
            )
        if name not in backends:
            raise UnknownNameError("backend", name, backends)
    asked = tuple(dict.fromkeys(named))
    return Panel(backends, env, asked, problems, tuple(trusted), frozenset(secrets), tuple(others))


def _instance(name: str, offered: type[Backend], one: BackendSettings | None) -> Backend:
    backend = offered(name, offered.Config() if one is None else one.config)
    if one is not None:
        backend.profile = _profile(backend.profile, one)
    return backend


def _instances(
    registry: Registry, settings: Settings
) -> Iterator[tuple[str, type[Backend], BackendSettings | None]]:
    kinds = registry.all(Backend)  # type: ignore[type-abstract]
    for kind, offered in kinds.items():
        if kind not in settings.backends and not offered.needs_config:
            yield kind, offered, None
    for name, one in settings.backends.items():
        yield name, kinds[one.kind], one


def configs(registry: Registry, settings: Settings) -> Iterator[tuple[str, str, Any]]:
    """Name, adapter and configuration of every backend that there may be, disabled or not, by name."""
    for name, offered, one in sorted(_instances(registry, settings), key=lambda found: found[0]):
        with suppress(*PLUGIN_FAULTS):  # told where it is used
            yield name, offered.kind, offered.Config() if one is None else one.config


def _profile(profile: Profile, one: BackendSettings) -> Profile:
    """The instance's own profile with what the user says of it."""
    return evolve(
        profile,
        strengths=profile.strengths if one.table.strengths is None else one.table.strengths,
        secrets=(*profile.secrets, *one.table.secrets),
        env=(*profile.env, *one.table.pass_env),
    )


def make_task(registry: Registry, name: str, settings: Settings) -> Task:
    """The task of that name, with what its table in lok.toml changes.

    Raises:
        UnknownNameError: there is no such task.
        PluginError: it cannot be made.
        UsageError: its table gives it prompts, and it takes none.
    """
    table = settings.tasks.get(name)
    if table is None:
        return made(registry, Task, name)  # type: ignore[type-abstract]
    own = name not in registry.names(Task)
    task = _OwnTask(name) if own else made(registry, Task, name)  # type: ignore[type-abstract]
    if table.description is not None:
        task.description = table.description  # type: ignore[misc]
    if table.prompts is not None:
        if not isinstance(task, PromptTask):
            raise UsageError(
                f"the task {name!r} takes no prompts, but asks in its own way",
                f"{settings.origin('tasks', name, 'prompts')} gives it some",
            )
        from lok_core.pack import prompts_of  # few have such a table

        task.prompts = prompts_of(table.prompts)
    return task


def made(registry: Registry, interface: type[T], name: str) -> T:
    """The instance of a plugin's class that needs no configuration.

    Raises:
        UnknownNameError: nobody offers it.
        PluginError: two plugins do, or it cannot be made.
    """
    offered = registry.get(interface, name)
    try:
        return offered()
    except PLUGIN_FAULTS as error:
        owner = registry.owner(interface, name)
        raise PluginError(
            f"the {interface.__name__.lower()} {name!r} of {owner and owner.distribution} cannot be made: "
            f"{type(error).__name__}: {error}",
            "this is a fault of the plugin",
        ) from error


class _OwnTask(PromptTask):
    """A task that lok.toml makes."""

    def __init__(self, name: str) -> None:
        self.name = name  # type: ignore[misc]
        self.description = _OWN_TASK  # type: ignore[misc]
