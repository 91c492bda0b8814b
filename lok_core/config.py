"""From the tables of lok.toml to settings: strict, all mistakes at once, each with its place.

It is imported only where there is a file: cattrs is slow to import.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from attrs import asdict, field, fields_dict, frozen

from lok_core.config_layers import Layer, Merged, dotted, limit_of
from lok_core.config_strict import Amount, Place, Seconds, expected, near, structured
from lok_core.errors import PLUGIN_FAULTS, ConfigError, PluginError
from lok_core.interfaces import Backend, NoConfig
from lok_core.pack import check_prompts
from lok_core.recipe import PREFIX, recipe_names, recipe_table
from lok_core.settings import BUILT_IN, NAME, BackendSettings, BackendTable, Settings, TaskTable


@frozen
class Defaults:
    """`[defaults]`: whether requests are under way at once, and seconds for one of them."""

    parallel: bool = True
    timeout: Seconds = field(default=Seconds(Settings().timeout_s))


@frozen
class Conductor:
    """`[conductor]`: how often the conductor may speak, and tokens for it; 0 for no limit."""

    max_rounds: Amount = field(default=Amount(Settings().max_rounds))
    max_tokens: Amount = field(default=Amount(Settings().max_tokens))


@frozen
class Plugins:
    """`[plugins]`: distributions that are not loaded."""

    disable: tuple[str, ...] = ()


def with_built_in(layers: Sequence[Layer]) -> Merged:
    """The layers, laid over what holds without any: the defaults, and the recipes that they use."""
    merged = _laid(layers)
    tables = merged.get("backends")
    used = {
        name: found
        for name in (tables if isinstance(tables, Mapping) else ())
        if (found := _recipe(merged, name))
    }
    known = set(recipe_names()) if used else set()
    recipes = [
        Layer(PREFIX + recipe, {"backends": {name: recipe_table(recipe)}})
        for name, recipe in used.items()
        if recipe in known
    ]
    return _laid([*recipes, *layers]) if recipes else merged


def _laid(layers: Iterable[Layer]) -> Merged:
    merged = Merged()
    merged.add({"defaults": asdict(Defaults()), "conductor": asdict(Conductor())}, BUILT_IN)
    for layer in layers:
        merged.add(layer.table, layer.origin)
    return merged


def _recipe(merged: Merged, backend: str) -> str:
    """The recipe that a table of backends uses; empty if it uses none."""
    use = merged.get("backends", backend, "use")
    return use.removeprefix(PREFIX) if isinstance(use, str) and use.startswith(PREFIX) else ""


_SHARED = {"use", "enabled", "timeout", "stall_timeout", "strengths", "concurrency"}
"""Keys of a backend's table that no adapter can have for itself."""
_TABLES: Mapping[str, type] = {"defaults": Defaults, "conductor": Conductor, "plugins": Plugins}


def settings_of(
    layers: Sequence[Layer], kinds: Mapping[str, type[Backend]], untrusted: Collection[str] = ()
) -> Settings:
    """The settings that the layers come to, the last of them counting most.

    Args:
        kinds: the installed adapters.
        untrusted: the origins that nobody trusts.

    Raises:
        ConfigError: all that is wrong in them.
        PluginError: the `Config` of an adapter is of no use.
    """
    merged = with_built_in(layers)
    problems: list[tuple[Place, str]] = []
    notes: list[str] = []
    tables = [*_TABLES, "backends", "tasks"]
    problems += [((key,), f"no such table{near(key, tables)}") for key in merged.table if key not in tables]
    parts = {
        name: structured(cls, merged.table.get(name, {}), (name,), problems) for name, cls in _TABLES.items()
    }
    backends = {}
    for name, table in _tables(merged, "backends", problems):
        kind = table.get("use", name)
        if isinstance(kind, str) and kind.startswith(PREFIX):
            recipe, known = kind.removeprefix(PREFIX), recipe_names()
            if recipe not in known:
                close = difflib.get_close_matches(recipe, known, n=1)
                meant = f"did you mean {PREFIX + close[0]!r}? " if close else ""
                problems.append(
                    (("backends", name, "use"), f"no such recipe; {meant}there are {', '.join(known)}")
                )
                continue
            kind = "command"
        if isinstance(kind, str) and kind not in kinds:
            if table.get("enabled") is not False:
                notes.append(_not_installed(name, kind, kinds, merged.origin(("backends", name)), untrusted))
            continue
        backends[name] = _backend(name, kind, table, kinds, problems)
    tasks = {}
    for name, table in _tables(merged, "tasks", problems):
        tasks[name] = structured(TaskTable, table, ("tasks", name), problems)
        check_prompts(table.get("prompts"), ("tasks", name, "prompts"), problems)
    if problems:
        raise ConfigError([f"{merged.origin(place)}: {dotted(place)}: {text}" for place, text in problems])
    defaults, conductor = parts["defaults"], parts["conductor"]
    return Settings(
        parallel=defaults.parallel,
        timeout_s=limit_of(defaults.timeout),
        max_rounds=conductor.max_rounds,
        max_tokens=conductor.max_tokens,
        disable=parts["plugins"].disable,
        backends=backends,
        tasks=tasks,
        notes=tuple(notes),
        untrusted=frozenset(untrusted),
        merged=merged,
    )


def _tables(
    merged: Merged, name: str, problems: list[tuple[Place, str]]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The tables in `[backends]` or `[tasks]`."""
    tables = merged.table.get(name, {})
    if not isinstance(tables, Mapping):
        problems.append(((name,), expected(dict, tables)))
        return
    for key, table in tables.items():
        if not NAME.fullmatch(key) or key == "all":
            problems.append(
                ((name, key), "no name; one is made of letters, digits and . _ + -, such as my-own")
            )
        elif not isinstance(table, Mapping):
            problems.append(((name, key), expected(dict, table)))
        else:
            yield key, table


def _backend(
    name: str,
    kind: Any,
    table: Mapping[str, Any],
    kinds: Mapping[str, type[Backend]],
    problems: list[tuple[Place, str]],
) -> BackendSettings:
    place: Place = ("backends", name)
    offered = kinds.get(kind) if isinstance(kind, str) else None
    config = NoConfig if offered is None else offered.Config
    own = set(fields_dict(config)) - _SHARED
    shared = [key for key in fields_dict(BackendTable) if key not in own]
    if offered is None:  # of the wrong type; what else is in the table cannot be judged
        table = {key: value for key, value in table.items() if key in shared}
    common = {key: value for key, value in table.items() if key in shared}
    rest = {key: value for key, value in table.items() if key not in shared}
    problems += [((*place, key), "it is empty") for key in ("command", "model") if table.get(key) == ""]
    core = structured(BackendTable, common, place, problems)
    try:
        made = structured(config, rest, place, problems, also=shared)
    except PLUGIN_FAULTS as error:
        raise PluginError(
            f"the Config of the backend {kind!r} cannot be used: {type(error).__name__}: {error}",
            "this is a fault of the plugin",
        ) from error
    return BackendSettings(cast("str", kind), cast("BackendTable", core), made)


def _not_installed(
    name: str, kind: str, kinds: Collection[str], origin: str, untrusted: Collection[str]
) -> str:
    close = difflib.get_close_matches(kind, kinds, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    # What a stranger's file names is nothing to install.
    cure = f"; pip install lok-backend-{kind}" if origin not in untrusted and NAME.fullmatch(kind) else ""
    table = dotted(("backends", name))
    return f"{origin}: [{table}] is left out, as no adapter {kind!r} is installed{meant or cure}"
