"""What the installed plugins offer, and which of them are broken.

Each entry point of the group `lok` is loaded on its own: whatever one plugin does wrong disables that plugin
and is kept as data (`Registry.broken`), so that every other command still works.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import pluggy
from attrs import Factory, define, frozen

from lok_core import API_VERSION, __version__, hookspecs
from lok_core.errors import (
    PLUGIN_FAULTS,
    ConfigError,
    LokDeprecationWarning,
    PluginError,
    UnknownNameError,
)
from lok_core.interfaces import Backend, Renderer, Rule, Task
from lok_core.models import Profile, Prompt

GROUP = "lok"
OWN = "lok-core"
"""The distribution whose offers no other can take the place of."""

DISABLE = "LOK_DISABLE_PLUGINS"
"""Environment variable: distributions that are not loaded, separated by commas."""

T = TypeVar("T")

_HOOKS: dict[type, tuple[str, str]] = {
    # interface: (the hook that offers subclasses of it, the attribute that names them)
    Backend: ("lok_register_backends", "kind"),
    Task: ("lok_register_tasks", "name"),
    Rule: ("lok_register_rules", "name"),
    Renderer: ("lok_register_renderers", "name"),
}
_PACK = "tasks.toml"
RESERVED = {(Backend, "all")}  # `-b all` means everyone


@frozen
class Plugin:
    """An entry point of the group `lok`. `label` is "distribution:entry", unique in an environment."""

    distribution: str
    version: str
    entry: str
    load: Callable[[], object]

    @property
    def label(self) -> str:
        return f"{self.distribution}:{self.entry}"


@frozen
class Broken:
    """A plugin that disabled itself: a line that says why, and the traceback."""

    plugin: Plugin
    reason: str
    traceback: str = ""


@define
class Registry:
    """The classes that plugins offer, by interface and name.

    Attributes:
        plugins: those that work; `broken` and `disabled` the others.
        deprecated: what plugins used, as they were loaded, that goes away: a line each, by their labels.
    """

    plugins: list[Plugin] = Factory(list)
    broken: list[Broken] = Factory(list)
    disabled: list[Plugin] = Factory(list)
    deprecated: dict[str, list[str]] = Factory(dict)
    _offers: dict[type, dict[str, list[tuple[Plugin, type]]]] = Factory(lambda: {one: {} for one in _HOOKS})
    _modules: set[str] = Factory(set)

    @classmethod
    def installed(cls, disabled: Collection[str] = ()) -> Registry:
        """Everything found by entry points.

        Args:
            disabled: distributions that are not loaded, in any spelling of their names.
        """
        registry = cls()
        unwanted = {_canonical(name) for name in disabled}
        # importlib.metadata walks the distributions in path order, which differs between machines.
        for plugin in sorted(registry._entry_points(), key=lambda found: found.label):
            if _canonical(plugin.distribution) in unwanted:
                registry.disabled.append(plugin)
            else:
                registry.add(plugin)
        registry.broken = [
            one for one in registry.broken if _canonical(one.plugin.distribution) not in unwanted
        ]
        return registry

    def add(self, plugin: Plugin) -> None:
        """Loads one plugin and asks what it offers; on any failure it offers nothing and is in `broken`."""
        try:
            with self._told_of_deprecations(plugin):
                module = plugin.load()
                _check_api(module)
                offers = _offers_of(module, plugin.label)
        except PLUGIN_FAULTS as error:
            self.broken.append(_broken(plugin, error))
            return
        self.plugins.append(plugin)
        self._modules.add(getattr(module, "__name__", "").partition(".")[0])
        for interface, classes in offers.items():
            for offered in classes:
                name = getattr(offered, _HOOKS[interface][1])
                self._offers[interface].setdefault(name, []).append((plugin, offered))

    @contextmanager
    def _told_of_deprecations(self, plugin: Plugin) -> Iterator[None]:
        told: list[warnings.WarningMessage] = []
        try:
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always", LokDeprecationWarning)
                yield
        finally:
            for one in told:
                if not issubclass(one.category, LokDeprecationWarning):
                    warnings.showwarning(one.message, one.category, one.filename, one.lineno)
                # `from lok_core import name` looks a name up twice.
                elif (line := str(one.message)) not in self.deprecated.setdefault(plugin.label, []):
                    self.deprecated[plugin.label].append(line)

    def files(self) -> list[str]:
        """The source files that the plugins consist of, as far as they have been imported."""
        modules = [
            module for name, module in list(sys.modules.items()) if name.partition(".")[0] in self._modules
        ]
        files = {file for module in modules if (file := getattr(module, "__file__", None))}
        return sorted({*files, *(str(file) for module in modules if (file := _pack_file(module)))})

    def names(self, interface: type) -> list[str]:
        """The names offered for an interface, those claimed twice included, sorted."""
        return sorted(self._offers[interface])

    def offered_by(self, plugin: Plugin) -> list[tuple[type, str]]:
        """What a plugin offers: (interface, name), in the order of the hooks."""
        return [
            (interface, name)
            for interface in _HOOKS
            for name in self.names(interface)
            if any(owner is plugin for owner, _ in self._offers[interface][name])
        ]

    def owner(self, interface: type, name: str) -> Plugin | None:
        """The plugin that offers it; None if none does, or two do."""
        claims = self._claims(interface, name)
        return claims[0][0] if len(claims) == 1 else None

    def duplicates(self) -> list[str]:
        """One line for each name that two plugins claim, with the way out."""
        return [
            f"{_claimed_twice(interface, name, claims)}; {_way_out(claims)}"
            for interface, names in self._offers.items()
            for name, claims in sorted(names.items())
            if len(claims) > 1
        ]

    def get(self, interface: type[T], name: str) -> type[T]:
        """The class of that name.

        Raises:
            UnknownNameError: nobody offers it.
            PluginError: two plugins do.
        """
        claims = self._claims(interface, name)
        if not claims:
            kind = "format" if interface is Renderer else interface.__name__.lower()
            raise UnknownNameError(kind, name, self.names(interface))
        if len(claims) > 1:
            raise PluginError(_claimed_twice(interface, name, claims), _way_out(claims))
        return claims[0][1]

    def all(self, interface: type[T]) -> Mapping[str, type[T]]:
        """Every class whose name only one plugin claims, by name."""
        claims = {name: self._claims(interface, name) for name in self.names(interface)}
        return {name: found[0][1] for name, found in claims.items() if len(found) == 1}

    def _claims(self, interface: type, name: str) -> list[tuple[Plugin, type]]:
        claims = self._offers[interface].get(name, [])
        return [claim for claim in claims if claim[0].distribution == OWN] or claims

    def _entry_points(self) -> Iterator[Plugin]:
        """Every entry point of the group; a distribution with damaged files is broken, not the command."""
        seen = set()
        for distribution in metadata.distributions():
            name = "?"
            try:
                name = distribution.name
                # An older copy further down the path is hidden by the first, as for Python's imports.
                if _canonical(name) in seen:
                    continue
                seen.add(_canonical(name))
                for entry in distribution.entry_points.select(group=GROUP):
                    yield Plugin(name, distribution.version, entry.name, entry.load)
            except Exception as error:  # noqa: BLE001 - any of its files may hold anything
                damaged = Plugin(str(name), "?", "?", lambda: None)
                if name is not None and "lok" in _canonical(str(name)):  # others are not for us to judge
                    self.broken.append(_broken(damaged, error))


class _WrongError(Exception):
    """The plugin loaded but does not keep to the hooks; the message says how."""


def _check_api(module: object) -> None:
    wanted = getattr(module, "LOK_API", API_VERSION)
    if not (isinstance(wanted, tuple) and len(wanted) == 2 and all(isinstance(one, int) for one in wanted)):
        raise _WrongError(f"LOK_API is {wanted!r}, not two numbers such as {API_VERSION}")
    if wanted > API_VERSION:
        wanted_text, ours = (".".join(map(str, one)) for one in (wanted, API_VERSION))
        raise _WrongError(
            f"it needs version {wanted_text} of lok's interfaces, and this lok has {ours}; "
            "pip install --upgrade lok-core"
        )


def _offers_of(module: object, label: str) -> dict[type, list[type]]:
    """What the plugin offers, asked through a manager of its own: one raising plugin would end the call of a
    hook for all of them, and pluggy skips a second plugin of the same name without a word."""
    for name, member in inspect.getmembers(module, inspect.isfunction):
        if name.startswith("lok_") and not hasattr(member, "lok_impl"):
            raise _WrongError(f"{name} is not marked with @hookimpl")  # pluggy would not notice it
    manager = pluggy.PluginManager("lok")
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=label)
    unknown = sorted(caller.name for caller in manager.get_hookcallers(module) or () if not caller.has_spec())
    if unknown:
        known = ", ".join(hook for hook, _ in _HOOKS.values())
        raise _WrongError(f"no hook is named {unknown[0]}; there are {known}")
    offers: dict[type, list[type]] = {
        # Not by the hook call itself, which drops a None: a forgotten `return` would pass.
        interface: [
            offered
            for implementation in getattr(manager.hook, hook).get_hookimpls()
            for offered in _checked(hook, implementation.function(), interface, attribute)
        ]
        for interface, (hook, attribute) in _HOOKS.items()
    }
    file = _pack_file(module)
    if file is None and not manager.get_hookcallers(module):
        name = getattr(module, "__name__", type(module).__name__)
        raise _WrongError(f"it offers nothing: no hook and no {_PACK} in the package {name}")
    if file is not None:
        from lok_core.pack import tasks_of  # few plugins are data

        try:
            offers[Task] += _checked(_PACK, tasks_of(file), Task, "name")
        except ConfigError as error:
            raise _WrongError("; ".join(error.problems)) from error
    return offers


def _checked(hook: str, classes: Any, interface: type, attribute: str) -> list[type]:
    if not isinstance(classes, (list, tuple)):
        raise _WrongError(f"{hook} must return a list of classes, not {type(classes).__name__}")
    for offered in classes:
        if not (isinstance(offered, type) and issubclass(offered, interface)):
            raise _WrongError(f"{hook} offers {offered!r}, which is no subclass of {interface.__name__}")
        if inspect.isabstract(offered):
            missing = ", ".join(sorted(getattr(offered, "__abstractmethods__", ())))
            raise _WrongError(f"{offered.__name__} lacks {missing}")
        name = getattr(offered, attribute, None)
        if not (isinstance(name, str) and name and all(part.isalnum() for part in name.split("-"))):
            raise _WrongError(f"{offered.__name__}.{attribute} is {name!r}, not a name such as 'my-own'")
        if (interface, name) in RESERVED:
            raise _WrongError(f"{offered.__name__}.{attribute} is {name!r}, which is reserved")
        if issubclass(offered, Backend):
            _check_profile(offered)
        if issubclass(offered, Task) and not isinstance(getattr(offered, "description", None), str):
            raise _WrongError(f"{offered.__name__}.description is no text")
        if issubclass(offered, Task) and not _are_prompts(offered.prompts):
            raise _WrongError(f"{offered.__name__}.prompts is no tuple of Prompt")
    return list(classes)


def _pack_file(module: object) -> Path | None:
    """The tables of tasks in a plugin's package, be they readable or not; None if it has none."""
    folders = getattr(module, "__path__", ()) if inspect.ismodule(module) else ()
    return next((file for folder in folders if os.path.lexists(file := Path(folder, _PACK))), None)


def _check_profile(backend: type[Backend]) -> None:
    profile = backend.profile
    if not isinstance(profile, Profile):
        raise _WrongError(f"{backend.__name__}.profile is no Profile")
    for field in ("strengths", "secrets", "env", "access"):
        if not isinstance(getattr(profile, field), tuple):  # a text would count as the tuple of its letters
            raise _WrongError(f"{backend.__name__}.profile.{field} is no tuple")


def _are_prompts(prompts: Any) -> bool:
    # A property stands for what only an instance can tell.
    if isinstance(prompts, property):
        return True
    return isinstance(prompts, (list, tuple)) and all(isinstance(one, Prompt) for one in prompts)


def _broken(plugin: Plugin, error: BaseException) -> Broken:
    text = " ".join(str(error).split())
    reason = text if isinstance(error, _WrongError) else f"{type(error).__name__}: {text}"
    if isinstance(error, ImportError) and error.name == "lok_core":
        reason += f"; it needs {_wanted(plugin.distribution)}, and this is lok-core {__version__}"
    return Broken(plugin, reason, "".join(traceback.format_exception(error)))


def _wanted(distribution: str) -> str:
    """The releases of lok-core that a distribution says it works with."""
    with suppress(metadata.PackageNotFoundError):
        for line in metadata.requires(distribution) or ():
            if re.match(r"lok[-_.]core\b(?!.*extra ==)", line, re.IGNORECASE):
                return line
    return "another lok-core"


def _claimed_twice(interface: type, name: str, claims: list[tuple[Plugin, type]]) -> str:
    owners = " and ".join(plugin.distribution for plugin, _ in claims)
    return f"the {interface.__name__.lower()} {name!r} is offered by {owners}"


def _way_out(claims: list[tuple[Plugin, type]]) -> str:
    others = [plugin.distribution for plugin, _ in claims if plugin.distribution != OWN]
    if len(others) < len(claims):
        return f"lok's own is used; {DISABLE}={others[-1]} silences this"
    return f"set {DISABLE}={others[-1]} to leave one of them out"


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
